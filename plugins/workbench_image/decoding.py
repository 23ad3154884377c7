"""An image file -> pixels, by one conversion for each kind of image.

| what comes                             | what it becomes                                                          |
|----------------------------------------|--------------------------------------------------------------------------|
| an EXIF orientation                    | the image as it is meant to be looked at                                 |
| grey, black and white                  | three equal channels                                                     |
| CMYK                                   | RGB by Pillow's plain formula, colour profiles left aside                |
| transparency, of a palette too         | on white                                                                 |
| 16 bits a channel                      | its upper 8 bits                                                         |
| several frames                         | the first                                                                |
| another size                           | scaled to cover the working size, what sticks out is cut off evenly      |

Allowed are JPEG, PNG, WEBP, GIF and BMP. Which of them a file holds, its first bytes say; its name does not matter.
"""

from __future__ import annotations

import io
import re
import struct
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import Image

FORMATS = {
    "JPEG": ("jpg", "jpeg", "jpe", "jfif", "pjpeg", "pjp", "mpo"),
    "PNG": ("png", "apng"),
    "WEBP": ("webp",),
    "GIF": ("gif",),
    "BMP": ("bmp", "dib"),
}
"""What can be read -> the endings of names that say so."""

READ = f"{', '.join([*FORMATS][:-1])} and {[*FORMATS][-1]}"
"""As messages list them."""

HEAD = 32
"""How many bytes from the start of a file `format_of` needs."""

MOST_PIXELS = {"JPEG": 89_000_000, "PNG": 89_000_000, "WEBP": 50_000_000, "GIF": 89_000_000, "BMP": 89_000_000}
"""Of one image: Pillow takes at most 8 bytes for each while it is decoded, and 20 in WEBP, so that 1 GiB is enough."""

MOST_SCANS = 100
"""Of one JPEG: each of a progressive one goes over all pixels, and ten or so are usual."""

LARGE = 4_000_000
"""Pixels; of larger images one is decoded at a time."""

_BLOCK = 2**26
"""Bytes of memory that Pillow takes at a time: such large blocks go back to the system, where smaller ones are kept for
the thread that had them, and the large images of several threads add up."""

VERSION = 2
"""Of these conversions: what is kept of another is not used."""


class Unreadable(Exception):
    """Why an image cannot be read."""


def format_of(head: bytes) -> str:
    """The one of `FORMATS` that a file holds, by its first `HEAD` bytes; empty where it is none."""
    for kind, signatures in _SIGNATURES.items():
        if head.startswith(signatures):
            return kind
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    # Two letters are not enough, as texts may begin so; the size of the second header cannot be text.
    if head[:2] == b"BM" and len(head) >= 18 and struct.unpack_from("<I", head, 14)[0] in _BMP_HEADERS:
        return "BMP"
    return ""


_SIGNATURES: dict[str, tuple[bytes, ...]] = {
    "JPEG": (b"\xff\xd8\xff",),
    "PNG": (b"\x89PNG\r\n\x1a\n",),
    "GIF": (b"GIF87a", b"GIF89a"),
}
_BMP_HEADERS = (12, 40, 52, 56, 64, 108, 124)


@contextmanager
def careful() -> Iterator[None]:
    """Without the warnings of Pillow: what they are about is looked at here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def size_of(content: bytes) -> tuple[int, int]:
    """(height, width) as it is meant to be looked at; nothing is decoded.

    Raises:
        Unreadable: the content is not an image of a format that is read.
    """
    with _opened(content) as image:
        width, height = image.size
        # Asked for what is not in its header, a PNG would be decoded.
        turned = "exif" in image.info and _orientation(image) in range(5, 9)
    return (width, height) if turned else (height, width)


def decoded(
    content: bytes, size: tuple[int, int], turn: Callable[[bool], AbstractContextManager[Any]] = nullcontext
) -> NDArray[np.uint8]:
    """uint8[height, width, 3].

    Args:
        content: of the file.
        size: (height, width) of the pixels.
        turn: called with whether the image is large, and entered while it is decoded.

    Raises:
        Unreadable: the content is not an image of a format that is read, or it is damaged.
    """
    with _opened(content) as image, turn(_weight(image, size) > LARGE):
        try:
            return _scaled(image, size)
        except Exception as error:
            raise Unreadable(_reason(error)) from error


def _weight(image: Any, size: tuple[int, int]) -> int:
    """How many pixels will be in memory; where the format can (JPEG), fewer than the image has."""
    whole, enough = image.width * image.height, 2 * max(size)
    try:
        image.draft(None, (enough, enough))
    except Exception as error:
        raise Unreadable(_reason(error)) from error
    return int(max(image.width * image.height, whole // 8))  # JPEG may hold the coefficients of all


def _scaled(image: Image.Image, size: tuple[int, int]) -> NDArray[np.uint8]:
    from PIL import ImageOps

    turn = _TURNS.get(_orientation(image))
    pixels = as_rgb(image)
    if pixels is not image:
        image.close()  # or a large one would be there three times while it is turned
    if turn is not None:
        pixels = pixels.transpose(turn)
    return np.asarray(ImageOps.fit(pixels, size[::-1]))


def as_rgb(image: Image.Image) -> Image.Image:
    """The first frame in mode RGB, by the table above; the image itself where it is that already.

    It is converted strip by strip, as some modes take several copies on their way.
    """
    from PIL import Image as images

    image.load()
    if image.mode == "RGB" and not image.has_transparency_data:
        return image
    width, height = image.size
    high = max(1, _STRIP // width)
    if high >= height:
        return _strip_as_rgb(image)
    whole = images.new("RGB", image.size)
    for top in range(0, height, high):
        whole.paste(_strip_as_rgb(image.crop((0, top, width, min(top + high, height)))), (0, top))
    return whole


_STRIP = 1_000_000
"""Pixels that are converted at a time."""


def _strip_as_rgb(image: Image.Image) -> Image.Image:
    from PIL import Image as images

    if image.mode.startswith("I"):
        return images.fromarray((np.asarray(image).astype(np.int64) >> 8).astype(np.uint8)).convert("RGB")
    if not image.has_transparency_data:
        return image.convert("RGB")
    clear = image.convert("RGBA")
    return images.alpha_composite(images.new("RGBA", clear.size, "white"), clear).convert("RGB")


_ORIENTATION = 0x0112

# Of EXIF -> `Image.Transpose`, which undoes it.
_TURNS: dict[int, Any] = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}


def _orientation(image: Image.Image) -> int:
    """As EXIF says; 1, upright, where it says nothing or is broken, which the picture need not be."""
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # noqa: BLE001 - a parser of broken data raises whatever it likes
        return 1


@contextmanager
def _opened(content: bytes) -> Iterator[Any]:
    if not content:
        raise Unreadable("empty")
    kind = format_of(content[:HEAD])
    if not kind:
        raise Unreadable(f"none of {READ}")
    try:
        image = _reader(kind)(io.BytesIO(content))
    except Exception as error:
        raise Unreadable(_reason(error)) from error
    with image:
        if image.width * image.height > MOST_PIXELS[kind]:
            raise Unreadable("more pixels than are safe to unpack")
        if kind == "JPEG" and _scans(content) > MOST_SCANS:
            raise Unreadable("more scans than are safe to decode")
        yield image


def _scans(content: bytes) -> int:
    """How many scans the first picture of a JPEG has."""
    count, at = 0, 2
    while (found := _MARKER.search(content, at)) and content[found.end() - 1] != _END:
        count += content[found.end() - 1] == _SCAN
        at = found.end() + max(2, int.from_bytes(content[found.end() : found.end() + 2]))
    return count


# What begins a segment: neither a byte of pixels (00), nor where to go on after an error (D0 to D7), nor filling.
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_SCAN, _END = 0xDA, 0xD9


def _reader(kind: str) -> Callable[[io.BytesIO], Any]:
    """What opens images of one of `FORMATS`, and sees no other.

    `Image.open` would take a JPEG with several pictures for an MPO, and fail where the index of them is broken; any
    viewer shows the first.
    """
    from PIL import BmpImagePlugin, GifImagePlugin, Image, JpegImagePlugin, PngImagePlugin, WebPImagePlugin

    Image.core.set_block_size(_BLOCK)  # type: ignore[attr-defined]
    readers: dict[str, Any] = {
        "JPEG": JpegImagePlugin.JpegImageFile,
        "PNG": PngImagePlugin.PngImageFile,
        "WEBP": WebPImagePlugin.WebPImageFile,
        "GIF": GifImagePlugin.GifImageFile,
        "BMP": BmpImagePlugin.BmpImageFile,
    }
    found: Callable[[io.BytesIO], Any] = readers[kind]
    return found


def _reason(error: Exception) -> str:
    """In a few words; decoders raise whatever they like."""
    return (str(error) or type(error).__name__).splitlines()[0]
