"""Every kind of image has one conversion, told by its pixels."""

from __future__ import annotations

import contextlib
import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from workbench_image import decoding
from workbench_image.decoding import HEAD, Unreadable, careful, decoded, format_of, size_of


def file_of(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def corners() -> Image.Image:
    """2 wide, 3 high: red, green / blue, white / black, grey."""
    pixels = [[(255, 0, 0), (0, 255, 0)], [(0, 0, 255), (255, 255, 255)], [(0, 0, 0), (128, 128, 128)]]
    return Image.fromarray(np.array(pixels, np.uint8))


@pytest.mark.parametrize("kind", ["PNG", "BMP", "WEBP"])
def test_lossless_formats_come_as_they_are(kind: str) -> None:
    content = file_of(corners(), kind, **({"lossless": True} if kind == "WEBP" else {}))
    assert np.array_equal(decoded(content, (3, 2)), np.asarray(corners()))


@pytest.mark.parametrize(
    ("orientation", "undone"),
    [
        (1, lambda pixels: pixels),
        (2, lambda pixels: pixels[:, ::-1]),
        (3, lambda pixels: pixels[::-1, ::-1]),
        (4, lambda pixels: pixels[::-1]),
        (5, lambda pixels: pixels.transpose(1, 0, 2)),
        (6, lambda pixels: np.rot90(pixels, -1)),
        (7, lambda pixels: pixels[::-1, ::-1].transpose(1, 0, 2)),
        (8, lambda pixels: np.rot90(pixels)),
    ],
)
def test_an_exif_orientation_is_followed(orientation: int, undone: Callable[[Any], Any]) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = file_of(corners(), "PNG", exif=exif)
    wanted = undone(np.asarray(corners()))
    assert size_of(content) == wanted.shape[:2]
    assert np.array_equal(decoded(content, wanted.shape[:2]), wanted)


def test_cmyk_is_rgb() -> None:
    pixels = decoded(file_of(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "JPEG", quality=100), (1, 1))
    assert np.abs(pixels[0, 0].astype(int) - (255, 0, 0)).max() <= 2


def test_what_is_clear_is_white_and_half_clear_half_white() -> None:
    image = Image.new("RGBA", (3, 1))
    image.putdata([(255, 0, 0, 0), (255, 0, 0, 255), (0, 0, 0, 128)])
    assert decoded(file_of(image, "PNG"), (1, 3)).tolist() == [[[255] * 3, [255, 0, 0], [127] * 3]]


def test_a_clear_colour_of_a_palette_is_white() -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.putdata([0, 1])
    for kind in ("PNG", "GIF"):
        content = file_of(image, kind, transparency=0)
        assert decoded(content, (1, 2)).tolist() == [[[255] * 3, [200, 100, 50]]]
        opaque = file_of(image, kind)
        assert decoded(opaque, (1, 2)).tolist() == [[[10, 20, 30], [200, 100, 50]]]


def test_of_16_bits_the_upper_8_are_taken() -> None:
    image = Image.fromarray(np.array([[0, 255, 256, 0x80FF, 0xFFFF]], np.uint16))
    assert decoded(file_of(image, "PNG"), (1, 5))[0, :, 0].tolist() == [0, 0, 1, 128, 255]


def test_black_and_white_is_0_and_255() -> None:
    image = Image.new("1", (2, 1))
    image.putdata([0, 1])
    assert decoded(file_of(image, "PNG"), (1, 2))[0].tolist() == [[0] * 3, [255] * 3]


def test_of_an_animation_the_first_frame_is_taken() -> None:
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    content = file_of(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=50)
    assert (decoded(content, (4, 4)) == (255, 0, 0)).all()


def test_another_size_covers_and_what_sticks_out_is_cut_off() -> None:
    pixels = np.zeros((4, 8, 3), np.uint8)
    pixels[:, 2:6] = 200  # the middle is all that a square sees
    content = file_of(Image.fromarray(pixels), "PNG")
    assert (decoded(content, (4, 4)) == 200).all()


def test_a_single_point_fills_the_image() -> None:
    assert (decoded(file_of(Image.new("RGB", (1, 1), (9, 8, 7)), "PNG"), (5, 3)) == (9, 8, 7)).all()


def test_a_large_jpeg_is_shrunk_as_it_is_read() -> None:
    ramp = np.tile(np.linspace(0, 255, 1600).astype(np.uint8), (1600, 1))
    found = decoded(file_of(Image.fromarray(ramp), "JPEG", quality=95), (16, 16))
    assert np.abs(found[:, :, 0].astype(int) - np.linspace(8, 247, 16)).max() <= 3


def test_broken_files_say_why() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    jpeg = file_of(Image.fromarray(noise), "JPEG")
    png = file_of(corners(), "PNG")
    for content, why in (
        (b"", "empty"),
        (jpeg[: len(jpeg) // 2], "truncated"),
        (png[: len(png) // 2], "truncated"),
        (b"hello", "none of JPEG, PNG, WEBP, GIF and BMP"),
        (b"BMW and other cars, in English", "none of JPEG"),
        (file_of(corners(), "TIFF"), "none of JPEG"),
    ):
        with pytest.raises(Unreadable, match=why):
            decoded(content, (3, 2))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP"])
def test_the_format_is_told_by_the_first_bytes(kind: str) -> None:
    content = file_of(corners(), kind)
    assert format_of(content[:HEAD]) == kind
    assert decoded(content, (3, 2)).shape == (3, 2, 3)


def test_of_a_jpeg_with_several_pictures_the_first_is_taken_even_if_their_index_is_broken() -> None:
    pictures = [Image.new("RGB", (16, 16), colour) for colour in ("red", "blue")]
    content = file_of(pictures[0], "MPO", save_all=True, append_images=pictures[1:])
    assert Image.open(io.BytesIO(content)).format == "MPO"
    at = content.index(b"MPF\0")
    for each in (content, content[: at + 8] + b"\xff" * 40 + content[at + 48 :]):
        assert np.abs(decoded(each, (8, 8)).astype(int) - (255, 0, 0)).max() <= 2


def test_a_jpeg_of_very_many_scans_is_refused() -> None:
    content = file_of(Image.effect_noise((32, 32), 90), "JPEG", progressive=True, exif=b"Exif\0\0\xff\xda" * 500)
    scan = content[content.rindex(b"\xff\xda") : -2]
    assert decoding._scans(content) == content.count(b"\xff\xda") - 500 > 3
    assert decoded(content + 200 * scan, (4, 4)).shape == (4, 4, 3)  # what lies behind the end does not count
    with pytest.raises(Unreadable, match="more scans than are safe"):
        decoded(content[:-2] + 200 * scan + content[-2:], (4, 4))


def test_an_image_with_broken_exif_is_upright() -> None:
    content = file_of(Image.new("RGB", (8, 4), "red"), "JPEG", exif=b"Exif\0\0no such thing")
    assert size_of(content) == (4, 8) and decoded(content, (4, 8)).shape == (4, 8, 3)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "I;16"])
def test_an_image_that_is_converted_in_strips_is_the_same_as_in_one(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    noise = np.random.default_rng(0).integers(0, 2**16, (21, 10, 4)).astype(np.uint16)
    clear, opaque = Image.fromarray(noise.astype(np.uint8)), Image.fromarray(noise[..., :3].astype(np.uint8))
    image = Image.fromarray(noise[..., 0]) if mode == "I;16" else (clear if "A" in mode else opaque).convert(mode)
    if mode == "P":
        image.info["transparency"] = 3
    whole = np.asarray(decoding.as_rgb(image))
    monkeypatch.setattr(decoding, "_STRIP", 40)
    assert np.array_equal(np.asarray(decoding.as_rgb(image)), whole) and whole.shape == (21, 10, 3)


IMAGES = [
    file_of(Image.fromarray(np.random.default_rng(0).integers(0, 256, (9, 7, 3)).astype(np.uint8)), kind)
    for kind in decoding.FORMATS
]


@given(st.sampled_from(IMAGES), st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=8), st.data())
def test_a_damaged_file_is_an_image_or_unreadable(
    content: bytes, damage: list[tuple[int, int]], data: st.DataObject
) -> None:
    damaged = bytearray(content)
    for at, value in damage:
        damaged[at % len(damaged)] = value
    cut = bytes(damaged[: data.draw(st.sampled_from([len(damaged), len(damaged) // 2, 20]))])
    with careful(), contextlib.suppress(Unreadable):
        assert len(size_of(cut)) == 2
        assert decoded(cut, (4, 4)).shape == (4, 4, 3)


@pytest.mark.parametrize("side", [10_000, 60_000])
def test_a_decompression_bomb_is_refused_before_it_is_unpacked(side: int) -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    bomb = (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(99))) + chunk(b"IEND", b"")
    )
    with pytest.raises(Unreadable, match="more pixels than are safe to unpack"):
        decoded(bomb, (8, 8))


def test_memory_of_large_images_goes_back_to_the_system() -> None:
    """As the pieces of memory beyond the largest that glibc keeps for a thread do."""
    Image.core.set_block_size(2**20)
    decoded(file_of(corners(), "PNG"), (2, 2))
    assert Image.core.get_block_size() > 2**25
