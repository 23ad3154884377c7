"""Every kind of image has one conversion, told by its pixels."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image

from workbench_image.decoding import Unreadable, careful, decoded, size_of


def file_of(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def corners() -> Image.Image:
    """2 wide, 3 high: red, green / blue, white / black, grey."""
    pixels = [[(255, 0, 0), (0, 255, 0)], [(0, 0, 255), (255, 255, 255)], [(0, 0, 0), (128, 128, 128)]]
    return Image.fromarray(np.array(pixels, np.uint8))


@pytest.mark.parametrize(("kind", "suffix"), [("PNG", ".png"), ("BMP", ".bmp"), ("WEBP", ".webp")])
def test_lossless_formats_come_as_they_are(kind: str, suffix: str) -> None:
    content = file_of(corners(), kind, **({"lossless": True} if kind == "WEBP" else {}))
    assert np.array_equal(decoded(content, suffix, (3, 2)), np.asarray(corners()))


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
    assert size_of(content, ".png") == wanted.shape[:2]
    assert np.array_equal(decoded(content, ".png", wanted.shape[:2]), wanted)


def test_cmyk_is_rgb() -> None:
    pixels = decoded(file_of(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "JPEG", quality=100), ".jpg", (1, 1))
    assert np.abs(pixels[0, 0].astype(int) - (255, 0, 0)).max() <= 2


def test_what_is_clear_is_white_and_half_clear_half_white() -> None:
    image = Image.new("RGBA", (3, 1))
    image.putdata([(255, 0, 0, 0), (255, 0, 0, 255), (0, 0, 0, 128)])
    assert decoded(file_of(image, "PNG"), ".png", (1, 3)).tolist() == [[[255] * 3, [255, 0, 0], [127] * 3]]


def test_a_clear_colour_of_a_palette_is_white() -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.putdata([0, 1])
    for kind, suffix in (("PNG", ".png"), ("GIF", ".gif")):
        content = file_of(image, kind, transparency=0)
        assert decoded(content, suffix, (1, 2)).tolist() == [[[255] * 3, [200, 100, 50]]]
        opaque = file_of(image, kind)
        assert decoded(opaque, suffix, (1, 2)).tolist() == [[[10, 20, 30], [200, 100, 50]]]


def test_of_16_bits_the_upper_8_are_taken() -> None:
    image = Image.fromarray(np.array([[0, 255, 256, 0x80FF, 0xFFFF]], np.uint16))
    assert decoded(file_of(image, "PNG"), ".png", (1, 5))[0, :, 0].tolist() == [0, 0, 1, 128, 255]


def test_black_and_white_is_0_and_255() -> None:
    image = Image.new("1", (2, 1))
    image.putdata([0, 1])
    assert decoded(file_of(image, "PNG"), ".png", (1, 2))[0].tolist() == [[0] * 3, [255] * 3]


def test_of_an_animation_the_first_frame_is_taken() -> None:
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    content = file_of(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=50)
    assert (decoded(content, ".gif", (4, 4)) == (255, 0, 0)).all()


def test_another_size_covers_and_what_sticks_out_is_cut_off() -> None:
    pixels = np.zeros((4, 8, 3), np.uint8)
    pixels[:, 2:6] = 200  # the middle is all that a square sees
    content = file_of(Image.fromarray(pixels), "PNG")
    assert (decoded(content, ".png", (4, 4)) == 200).all()


def test_a_single_point_fills_the_image() -> None:
    assert (decoded(file_of(Image.new("RGB", (1, 1), (9, 8, 7)), "PNG"), ".png", (5, 3)) == (9, 8, 7)).all()


def test_a_large_jpeg_is_shrunk_as_it_is_read() -> None:
    ramp = np.tile(np.linspace(0, 255, 1600).astype(np.uint8), (1600, 1))
    found = decoded(file_of(Image.fromarray(ramp), "JPEG", quality=95), ".jpg", (16, 16))
    assert np.abs(found[:, :, 0].astype(int) - np.linspace(8, 247, 16)).max() <= 3


def test_broken_files_say_why() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    jpeg = file_of(Image.fromarray(noise), "JPEG")
    png = file_of(corners(), "PNG")
    for content, suffix, why in (
        (b"", ".png", "empty"),
        (jpeg[: len(jpeg) // 2], ".jpg", "truncated"),
        (png[: len(png) // 2], ".png", "truncated"),
        (jpeg, ".png", "holds JPEG under a name for PNG"),
        (b"hello", ".gif", "not an image"),
        (file_of(corners(), "TIFF"), ".png", "not an image"),
        (png, ".tiff", "not named as one of BMP, GIF, JPEG, PNG, WEBP"),
    ):
        with pytest.raises(Unreadable, match=why):
            decoded(content, suffix, (3, 2))


def test_a_file_without_a_name_may_be_of_any_allowed_format() -> None:
    assert decoded(file_of(corners(), "BMP"), "", (3, 2)).shape == (3, 2, 3)


@pytest.mark.parametrize("side", [10_000, 60_000])
def test_a_decompression_bomb_is_refused_before_it_is_unpacked(side: int) -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    bomb = (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(99))) + chunk(b"IEND", b"")
    )
    with careful(), pytest.raises(Unreadable, match="more pixels than are safe to unpack"):
        decoded(bomb, ".png", (8, 8))
