"""Folders, zips and tables of images; what leads elsewhere is refused."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pyarrow as pa
import pytest

from tests.plugins.workbench_image.conftest import two_classes, write
from workbench import DataError, Source
from workbench_image import files
from workbench_image.files import Found, PlainFile
from workbench_image.finding import labelled, unlabelled


def found(data: object, **options: str) -> dict[str, str]:
    """Name -> label."""
    return {image.name: image.label for image in labelled(data, Source(data), options).images}


def zipped(path: Path, names: list[str], content: bytes = b"x") -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, content)
    return path


def test_a_folder_for_each_class(tmp_path: Path) -> None:
    for name in ("cats/1.png", "cats/2.JPG", "dogs/1.jpeg", ".git/x.png", "cats/.hidden.png"):
        write(tmp_path / name, 3)
    (tmp_path / "dogs/notes.txt").write_text("no image")
    assert found(tmp_path) == {"cats/1.png": "cats", "cats/2.JPG": "cats", "dogs/1.jpeg": "dogs"}
    notes = labelled(tmp_path, Source(tmp_path), {}).notes
    assert notes == ("skipped, as none of JPEG, PNG, WEBP, GIF and BMP: 1 file, the first dogs/notes.txt",)


def test_files_with_other_endings_are_looked_at(tmp_path: Path) -> None:
    content = (two_classes(tmp_path) / "dark/0.png").read_bytes()
    for name in ("dark/a", "dark/b.jfif", "light/c.001"):
        (tmp_path / name).write_bytes(content)
    for name in ("light/empty.001", "light/BMW.txt"):
        (tmp_path / name).write_text("BMW" * name.count("B"))
    assert len(found(tmp_path)) == 15
    assert len(unlabelled(tmp_path, Source(tmp_path), {}).images) == 15
    assert len(unlabelled(tmp_path / "dark/a", Source(None), {}).images) == 1


def test_folders_without_an_image_are_no_classes(tmp_path: Path) -> None:
    two_classes(tmp_path)
    for name in ("none", "light/also/none", ".hidden"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "tiffs/deep").mkdir(parents=True)
    (tmp_path / "tiffs/1.tif").write_bytes(b"II*\0")
    collection = labelled(tmp_path, Source(tmp_path), {})
    assert {image.label for image in collection.images} == {"dark", "light"}
    assert collection.notes[-1] == "no classes, as there is no image in these folders: light/also, none, tiffs"


def test_what_is_no_plain_file_is_never_opened(tmp_path: Path) -> None:
    two_classes(tmp_path)
    os.mkfifo(tmp_path / "dark/pipe.png")
    os.mkfifo(tmp_path / "dark/pipe")
    (tmp_path / "dark/link.png").symlink_to(tmp_path / "dark/pipe.png")
    images = labelled(tmp_path, Source(tmp_path), {}).images
    table = pa.table({"path": ["dark/pipe.png", "/dev/zero", "dark", "dark/\0.png"], "label": ["a"] * 4})
    images = [*images, *labelled(table, Source(table), {"images": str(tmp_path)}).images]
    why = {}
    for image in images:
        try:
            image.read()
        except OSError as error:
            why[image.name] = str(error)
    odd = "a pipe or device, no plain file"
    assert why == {
        "dark/link.png": odd,
        "dark/pipe.png": odd,
        "/dev/zero": odd,
        "dark": "a folder",
        "dark/\0.png": "its path holds a NUL",
    }


def test_no_more_is_read_of_a_file_than_one_may_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "1.png", 3)
    monkeypatch.setattr(files, "MOST_OF_ONE", path.stat().st_size - 1)
    with pytest.raises(OSError, match="larger than"):
        Found("1.png", PlainFile(path)).read()
    with pytest.raises(OSError, match="larger than it is said to be"):  # as those that never end are of no size
        Found("status", PlainFile(Path("/proc/self/status"))).read()


def test_names_that_are_not_utf_8_are_shown_with_their_bytes(tmp_path: Path) -> None:
    two_classes(tmp_path)
    (tmp_path / "light").rename(tmp_path / os.fsdecode(b"caf\xe9"))
    collection = labelled(tmp_path, Source(tmp_path), {})
    assert {image.label for image in collection.images} == {"dark", "caf\\xe9"}
    assert all(image.read() for image in collection.images)
    assert collection.notes == ("names that are not UTF-8 are shown with their bytes: 7, the first caf\\xe9",)


def test_a_zip_with_one_folder_around_it(tmp_path: Path) -> None:
    names = ["pets/cats/1.png", "pets/dogs/1.png", "__MACOSX/pets/cats/._1.png"]
    assert found(zipped(tmp_path / "pets.zip", names)) == {"cats/1.png": "cats", "dogs/1.png": "dogs"}


def test_a_zip_with_several_folders_around_it(tmp_path: Path) -> None:
    names = ["pets/pets/v1/cats/1.png", "pets/pets/v1/dogs/1.png"]
    assert found(zipped(tmp_path / "pets.zip", names)) == {"cats/1.png": "cats", "dogs/1.png": "dogs"}
    parts = [f"pets/v1/{part}/{label}/1.png" for part in ("train", "test") for label in ("cats", "dogs")]
    collection = labelled(zipped(tmp_path / "parts.zip", parts), Source(None), {})
    assert [len(collection.images), len(collection.test)] == [2, 2]


@pytest.mark.parametrize(
    ("folders", "held"),
    [(("train", "test"), "test"), (("Train", "val"), "val"), (("train", "val", "test"), "test")],
)
def test_train_and_test_folders_are_recognised(tmp_path: Path, folders: tuple[str, ...], held: str) -> None:
    names = [f"{folder}/{label}/{folder}.png" for folder in folders for label in "ab"]
    collection = labelled(zipped(tmp_path / "x.zip", names), Source(None), {})
    assert {image.name for image in collection.test} == {f"{held}/a/{held}.png", f"{held}/b/{held}.png"}
    assert len(collection.images) == len(names) - 2 and {image.label for image in collection.images} == {"a", "b"}
    assert f"{held} is the fixed test part" in collection.notes[0]


def test_classes_may_be_called_train_and_bus(tmp_path: Path) -> None:
    assert set(found(zipped(tmp_path / "x.zip", ["train/1.png", "bus/1.png"])).values()) == {"train", "bus"}


def test_nested_folders_and_images_without_one_are_explained(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="lies 2 folders deep, so its class could be animals or cats"):
        found(zipped(tmp_path / "x.zip", ["animals/cats/1.png", "cars/1.png"]))
    with pytest.raises(DataError, match="lies in no class's folder"):
        found(zipped(tmp_path / "y.zip", ["1.png", "cars/1.png"]))
    with pytest.raises(DataError, match="holds no images; JPEG, PNG"):
        found(zipped(tmp_path / "z.zip", ["a/notes.txt"]))


def test_links_out_of_the_folder_and_in_circles_are_refused(tmp_path: Path) -> None:
    root = two_classes(tmp_path / "data")
    outside = write(tmp_path / "elsewhere/1.png", 3)
    cases = {"dark/out.png": (outside, "out of data"), "dark/round": (root, "another folder")}
    cases["dark/self"] = (root / "dark/self", "nowhere or in a circle")
    for name, (target, why) in cases.items():
        (root / name).symlink_to(target)
        with pytest.raises(DataError, match=why):
            found(root)
        (root / name).unlink()
    (root / "dark/inside.png").symlink_to(root / "dark/0.png")
    assert len(found(root)) == 13


def test_a_table_of_paths(tmp_path: Path) -> None:
    two_classes(tmp_path)
    (tmp_path / "images.csv").write_text("file,label\ndark/0.png,night\nlight/1.png,day\n")
    assert found(tmp_path / "images.csv") == {"dark/0.png": "night", "light/1.png": "day"}
    table = pa.table({"where": ["0.png"], "what": ["night"]})
    collection = labelled(table, Source(table), {"path": "where", "target": "what", "images": str(tmp_path / "dark")})
    assert collection.images[0].read() == (tmp_path / "dark/0.png").read_bytes()
    with pytest.raises(DataError, match="no path column among where, what; say which with --path NAME"):
        found(table, target="what")


def test_a_table_of_files(tmp_path: Path) -> None:
    content = (two_classes(tmp_path) / "dark/0.png").read_bytes()
    for kind in (pa.binary(), pa.large_binary(), pa.binary_view()):
        table = pa.table({"image": pa.array([content, None], kind), "label": ["a", "b"]})
        assert [image.read() for image in labelled(table, Source(table), {}).images] == [content, b""]


def test_rows_without_a_label_are_bad_rows(tmp_path: Path) -> None:
    table = pa.table({"path": ["1.png", "2.png"], "label": ["a", None]})
    with pytest.raises(DataError, match="row 2, column label: 'None' is not a label"):
        found(table)
    assert len(labelled(table, Source(table, on_bad_rows="skip-any"), {}).images) == 1


def test_images_to_be_answered_need_no_class(tmp_path: Path) -> None:
    write(tmp_path / "a.png", 3)
    write(tmp_path / "deep/er/b.png", 3)
    assert [image.name for image in unlabelled(tmp_path, Source(tmp_path), {}).images] == ["a.png", "deep/er/b.png"]
    assert [image.name for image in unlabelled(tmp_path / "a.png", Source(None), {}).images] == ["a.png"]
    table = pa.table({"path": ["a.png"]})
    assert [image.name for image in unlabelled(table, Source(table), {}).images] == ["a.png"]
