"""The task: what is read, what is kept, what is skipped, what is answered."""

from __future__ import annotations

import csv
import dataclasses
import errno
import os
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from tests.conftest import Called
from tests.plugins.workbench_image.conftest import two_classes, write
from workbench import Context, DataError, Dataset, Source, UserError
from workbench.blocks.estimators import Majority
from workbench_image import decoding, keeping, reading
from workbench_image.decoding import READ
from workbench_image.files import Found, PlainFile
from workbench_image.task import ImageClassification, Images, Pictures

TASK = ImageClassification()


def read(data: object, on_bad_rows: str = "error", test_data: object = None, **options: str) -> Dataset[Images]:
    return TASK.read(Source(data, test_data, on_bad_rows=on_bad_rows), options)


def test_grey_images_have_one_channel_and_colours_three(tmp_path: Path) -> None:
    grey = read(two_classes(tmp_path)).data
    assert grey.pixels.shape == (12, 8, 8, 1) and grey.provides == {"classes", "grey"}
    assert grey.shape == {"examples": 12, "classes": 2, "height": 8, "width": 8, "channels": 1}
    write(tmp_path / "light/red.png", (250, 10, 10))
    colour = read(tmp_path).data
    assert colour.pixels.shape == (13, 8, 8, 3) and colour.provides == {"classes", "colour"}


def test_colours_are_shown_to_a_model_of_grey_images_by_their_luma(tmp_path: Path) -> None:
    two_classes(tmp_path / "train")
    encoding = read(tmp_path / "train").encoding
    write(tmp_path / "new/dark/1.png", (255, 0, 0))
    write(tmp_path / "new/light/1.png", (77, 77, 77))
    part, _ = TASK.held_out(Source(tmp_path / "new"), {}, encoding)
    assert part.pixels[:, 0, 0, 0].tolist() == [76, 77]


def test_the_fingerprint_depends_on_images_and_labels_alone(tmp_path: Path) -> None:
    root = two_classes(tmp_path / "data")
    first = read(root)
    with zipfile.ZipFile(tmp_path / "again.zip", "w") as archive:
        for number, path in enumerate(sorted(root.rglob("*.png"), reverse=True)):
            archive.write(path, f"{path.parent.name}/other-{number}.png")
    paths = [str(path) for path in root.rglob("*.png")]
    table = pa.table({"path": paths[::-1], "label": [Path(path).parent.name for path in paths[::-1]]})
    for same in (tmp_path / "again.zip", table):
        again = read(same)
        assert np.array_equal(again.data.pixels, first.data.pixels)
        assert (again.fingerprint == first.fingerprint) == (same is not table or again.encoding == first.encoding)
    write(root / "dark/0.png", 41)
    assert read(root).fingerprint != first.fingerprint


def test_an_image_is_shown_by_its_path_which_changes_no_fingerprint(tmp_path: Path) -> None:
    first = read(two_classes(tmp_path / "a"))
    shown = first.data.shown(np.arange(len(first.data)))
    assert sorted(shown) == sorted(f"{folder}/{number}.png" for folder in ("dark", "light") for number in range(6))
    assert all(name.startswith(first.data.labels[row]) for name, row in zip(shown, first.data.target, strict=True))
    (other,) = {path.rename(path.with_name("renamed.png")) for path in two_classes(tmp_path / "b").glob("dark/0.png")}
    again = read(other.parents[1])
    assert again.fingerprint == first.fingerprint
    assert "dark/renamed.png" in again.data.shown(np.arange(len(again.data)))


def test_the_user_s_files_stay_as_they_are(tmp_path: Path) -> None:
    root = two_classes(tmp_path)
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in root.rglob("*.png")}
    read(root)
    assert before == {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in root.rglob("*") if path.is_file()}


def test_equal_images_belong_together(tmp_path: Path) -> None:
    root = two_classes(tmp_path)
    (root / "light/again.png").write_bytes((root / "dark/0.png").read_bytes())
    data = read(root).data
    together = [np.flatnonzero(data.groups == group) for group in np.unique(data.groups)]
    (pair,) = (rows for rows in together if len(rows) > 1)
    assert len(together) == 12 and np.array_equal(data.pixels[pair[0]], data.pixels[pair[1]])


def test_broken_images_are_skipped_and_listed_up_to_a_twentieth(tmp_path: Path) -> None:
    root = two_classes(tmp_path, n=19)
    (root / "dark/empty.png").touch()
    (root / "light/text.jpg").write_text("no image")
    dataset = read(root)
    assert len(dataset.data) == 38 and dataset.report.facts["skipped"] == 2
    assert dataset.report.notes == (f"skipped: 2 images (dark/empty.png: empty; light/text.jpg: none of {READ})",)
    (root / "dark/cut.png").write_bytes((root / "dark/0.png").read_bytes()[:60])
    with pytest.raises(DataError, match="3 of 41 images would be skipped, more than 5 %"):
        read(root)
    assert len(read(root, "skip-any").data) == 38
    for path in root.rglob("[0-9]*.png"):
        path.write_bytes(b"")
    with pytest.raises(DataError, match="none of 41 images can be read"):
        read(root, "skip-any")


def test_a_missing_file_of_a_table_is_a_broken_image(tmp_path: Path) -> None:
    paths = [str(path) for path in sorted(two_classes(tmp_path).rglob("*.png"))]
    table = pa.table({"path": [*paths, "nowhere.png"], "label": ["a"] * 6 + ["b"] * 7})
    notes = read(table, "skip-any").report.notes
    assert notes == ("skipped: 1 image (nowhere.png: No such file or directory)",)


def test_images_are_read_by_what_they_hold(tmp_path: Path) -> None:
    root = two_classes(tmp_path / "data")
    first = read(root)
    for name in ("dark/0", "light/1"):
        (root / f"{name}.png").rename(root / f"{name}.jpg")
    (root / "dark/1.png").rename(root / "dark/1")
    again = read(root)
    assert again.fingerprint == first.fingerprint
    wanted = "read by what they hold, which their names do not say: 2 images, the first dark/0.jpg (PNG)"
    assert first.report.notes == () and again.report.notes == (wanted,)


def test_one_class_is_no_problem_to_learn(tmp_path: Path) -> None:
    write(tmp_path / "only/1.png", 3)
    with pytest.raises(DataError, match="all images are of one class, 'only'; two or more"):
        read(tmp_path)
    write(tmp_path / "other/1.png", 3)
    with pytest.raises(DataError, match="class 'only' has a single image; give it more, or none"):
        read(tmp_path)


def test_a_class_without_an_image_that_can_be_read_is_none(tmp_path: Path) -> None:
    two_classes(tmp_path)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken/1.png").touch()
    dataset = read(tmp_path, "skip-any")
    assert dataset.encoding.classes == dataset.data.labels == ["dark", "light"] and dataset.data.n_classes == 2
    assert dataset.report.notes == (
        "skipped: 1 image (broken/1.png: empty)",
        "no classes, as none of their images can be read: broken",
    )


def test_decoded_images_are_kept_by_what_the_files_hold(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = two_classes(tmp_path)
    (root / "dark/empty.png").touch()
    first = read(root, "skip-any")
    (kept,) = cache.glob("*.npy")
    with monkeypatch.context() as patch:
        patch.setattr(keeping, "decoded", None)  # would fail if it were called
        again = read(root, "skip-any")
    assert np.array_equal(first.data.pixels, again.data.pixels) and first.report == again.report
    write(root / "dark/0.png", 41)
    os.utime(kept, (0, 0))
    monkeypatch.setattr(keeping, "MOST_KEPT", 1)
    abandoned, fresh = cache / "a.1.draft", cache / "b.2.draft"
    abandoned.touch()
    fresh.touch()
    os.utime(abandoned, (0, 0))
    changed = read(root, "skip-any")
    fresh.unlink()
    assert not kept.exists() and len(list(cache.iterdir())) == 2
    assert not np.array_equal(first.data.pixels, changed.data.pixels)


def test_where_nothing_can_be_kept_images_are_read_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert len(read(two_classes(tmp_path / "data")).data) == 12


def test_a_full_disk_and_an_account_without_a_home_keep_nothing(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = two_classes(tmp_path / "data")
    wanted = read(root).data.pixels
    write(root / "dark/again.png", 3)

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", full)  # the last that is written
        assert len(read(root).data) == 13
        assert len(list(cache.iterdir())) == 2  # of the first
    (root / "dark/again.png").unlink()
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.delenv("HOME")
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)  # as where the account has no name
    with pytest.raises(RuntimeError, match="home"):
        Path.home()
    assert np.array_equal(read(root).data.pixels, wanted)


@pytest.mark.skipif(not sys.platform.startswith("linux") or os.geteuid() != 0, reason="root may mount")
def test_a_disk_that_is_too_small_kills_nobody(tmp_path: Path, cache: Path) -> None:
    cache.mkdir(parents=True)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8k", "tmpfs", cache], check=False)
    if mounted.returncode:
        pytest.skip("nothing can be mounted here")
    try:
        assert len(read(two_classes(tmp_path, n=40)).data) == 80
        assert list(cache.iterdir()) == []
    finally:
        subprocess.run(["umount", cache], check=True)


def test_what_is_kept_and_damaged_is_decoded_again(tmp_path: Path, cache: Path) -> None:
    root = two_classes(tmp_path)
    wanted = read(root).data.pixels
    (kept,) = cache.glob("*.npy")
    whole = kept.read_bytes()
    for damaged in (b"", b"no array", whole[:-1], whole.replace(b"12, 8, 8, 3", b"6, 16, 8, 3")):
        kept.write_bytes(damaged)
        assert np.array_equal(read(root).data.pixels, wanted)
        assert kept.read_bytes() == whole


def test_large_images_are_decoded_one_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now, most, guard = 0, 0, threading.Lock()

    def scaled(image: Image.Image, size: tuple[int, int]) -> object:
        nonlocal now, most
        with guard:
            now, most = now + 1, max(most, now + 1)
        time.sleep(0.002)
        found = original(image, size)
        with guard:
            now -= 1
        return found

    original = decoding._scaled
    monkeypatch.setattr(decoding, "_scaled", scaled)
    monkeypatch.setattr(decoding, "LARGE", 63)
    read(two_classes(tmp_path))
    assert most == 1


@pytest.mark.parametrize(
    ("sizes", "asked", "wanted"),
    [
        ([(30, 20), (60, 40)], None, (30, 45)),  # one shape: their median
        ([(30, 20), (20, 30), (40, 50)], None, (20, 20)),  # several: the median of the shorter sides
        ([(300, 200), (300, 200)], None, (85, 128)),
        ([(30, 20)], "16", (16, 16)),
        ([(30, 20)], "16x24", (16, 24)),
    ],
)
def test_the_working_size_is_that_of_the_images(
    tmp_path: Path, sizes: list[tuple[int, int]], asked: str | None, wanted: tuple[int, int]
) -> None:
    found = []
    for number, size in enumerate(sizes):
        path = write(tmp_path / f"{number}.png", number, size)
        found.append(Found(path.name, PlainFile(path)))
    assert reading.working_size(found, asked) == wanted


def test_many_images_are_made_smaller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "1.png", 3, (40, 40))
    monkeypatch.setattr(reading, "MOST_BYTES", 3 * 100 * 20 * 20)
    assert reading.working_size([Found(path.name, PlainFile(path))] * 100, None) == (20, 20)


@pytest.mark.parametrize("asked", ["", "0", "x", "2000", "8x8x8", "-3", "big"])
def test_a_size_that_is_none_is_refused(asked: str) -> None:
    with pytest.raises(DataError, match="--image-size"):
        reading.working_size([], asked)


def test_a_fixed_test_part(tmp_path: Path) -> None:
    two_classes(tmp_path / "both/train")
    write(two_classes(tmp_path / "both/test", n=2) / "pale/1.png", 99)
    dataset = read(tmp_path / "both")
    assert dataset.test is not None and len(dataset.data) == 12 and len(dataset.test) == 4
    assert dataset.test.ids.tolist() == [12, 13, 14, 15]
    assert "left out: 1 image of classes that the run has not met: pale" in dataset.report.notes
    assert len(read(tmp_path / "both/train", test_data=tmp_path / "both/test").test or ()) == 4
    with pytest.raises(DataError, match="has a test folder of its own"):
        read(tmp_path / "both", test_data=tmp_path / "both/test")


def test_images_that_models_were_fitted_on_are_not_scored_again(tmp_path: Path) -> None:
    dataset = read(two_classes(tmp_path / "data"))
    split = TASK.split(dataset, None, 0)
    encoding = TASK.kept_encoding(dataset, split)
    assert isinstance(encoding, Pictures)
    part, notes = TASK.held_out(Source(tmp_path / "data"), {}, encoding)
    assert isinstance(part.origin, pa.Array) and isinstance(split.test.origin, pa.Array)
    assert sorted(part.origin.to_pylist()) == sorted(split.test.origin.to_pylist())
    assert notes[-1].endswith("of 12 examples that the run's models were fitted on")


def test_labels_of_another_format_are_known(tmp_path: Path) -> None:
    dataset = read(two_classes(tmp_path / "data"))
    assert isinstance(dataset.encoding, Pictures)
    encoding = dataclasses.replace(dataset.encoding, classes=["false", "true"])
    paths = pa.array([f"data/dark/{number}.png" for number in range(2)])
    for labels in ([True, False], ["True", "False"]):
        table = pa.table({"path": paths, "label": labels})
        part, _ = TASK.held_out(Source(table), {"images": str(tmp_path)}, encoding)
        assert part.target.tolist() == [1, 0]
    with pytest.raises(DataError, match="none of its classes is known: dark, light; the run's are false, true"):
        TASK.held_out(Source(tmp_path / "data"), {}, encoding)


def test_answers_name_the_images_and_leave_out_broken_ones(tmp_path: Path) -> None:
    dataset = read(two_classes(tmp_path / "data"))
    model = Majority()
    model.fit(dataset.data, Context())
    write(tmp_path / "new/deep/1.png", 3, (30, 30))
    (tmp_path / "new/2.png").touch()
    answer = TASK.answer(model, dataset.encoding, {"input": str(tmp_path / "new")})
    assert answer.table.to_pylist() == [{"path": "deep/1.png", "prediction": "dark", "p(dark)": 0.5, "p(light)": 0.5}]
    assert answer.notices == ("skipped: 1 image (2.png: empty)",)
    with pytest.raises(UserError, match="say which images to answer"):
        TASK.answer(model, dataset.encoding, {})


def test_from_a_folder_to_predictions(workbench: Callable[..., Called], tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    for label, shade in (("day", 200), ("night", 50)):
        (tmp_path / "sky" / label).mkdir(parents=True)
        for number in range(20):
            pixels = (shade + rng.integers(-40, 40, (6, 8, 3))).astype(np.uint8)
            pixels[:, : 4 + number % 3] //= 2
            Image.fromarray(pixels).save(tmp_path / "sky" / label / f"{number}.png")
    asked = (
        "--task",
        "image-classification",
        "--data",
        "sky",
        "--models",
        "knn,hog",
        "--trials",
        "2",
        "--workers",
        "1",
        "--json",
    )
    done = workbench("run", *asked)
    assert done.code == 0, done.err
    assert {row["model"] for row in done.json["leaderboard"]} >= {"majority", "knn", "hog"}
    trial = done.json["best"]["trial"]
    written = workbench("predict", trial, "--input", "sky", "--output", "out.csv")
    assert written.code == 0, written.err
    with (tmp_path / "out.csv").open(newline="") as file:
        header, *lines = csv.reader(file)
    assert header == ["path", "prediction", "p(day)", "p(night)"] and len(lines) == 40
    right = float(np.mean([line[0].startswith(line[1]) for line in lines]))
    scored = workbench("evaluate", trial, "--data", "sky", "--json")
    assert scored.json["metrics"]["accuracy"]["value"] == pytest.approx(right)
    refused = workbench("run", "--task", "image-classification", "--data", "nowhere.zip")
    assert refused.code == 2 and refused.err.strip() == "error: nowhere.zip: no such file; check --data"
