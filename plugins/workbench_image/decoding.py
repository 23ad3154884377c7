"""An image file -> pixels. Every kind of image has one conversion, and none of them is a matter of luck.

| what comes                             | what it becomes                                                          |
|----------------------------------------|--------------------------------------------------------------------------|
| an EXIF orientation                    | the image as it is meant to be looked at                                 |
| grey, black and white                  | three equal channels                                                     |
| CMYK                                   | RGB by Pillow's plain formula, colour profiles left aside                |
| transparency, of a palette too         | on white                                                                 |
| 16 bits a channel                      | its upper 8 bits                                                         |
| several frames                         | the first                                                                |
| another size                           | scaled to cover the working size, what sticks out is cut off evenly      |

Allowed are JPEG, PNG, WEBP, GIF and BMP, each under a name that says so or none, and no more pixels than Pillow takes
without a warning (89 million).
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import Image

FORMATS = {
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".png": "PNG",
    ".webp": "WEBP",
    ".gif": "GIF",
    ".bmp": "BMP",
}
"""How a file's name ends -> the format that it must hold."""

VERSION = 1
"""Of these conversions: what is kept of another is not used."""


class Unreadable(Exception):
    """Why an image cannot be read."""


@contextmanager
def careful() -> Iterator[None]:
    """Images that Pillow would warn of for their size are refused."""
    from PIL import Image

    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


def size_of(content: bytes, suffix: str) -> tuple[int, int]:
    """(height, width) as it is meant to be looked at; nothing is decoded.

    Raises:
        Unreadable: it is no image of the format that the suffix says.
    """
    with _opened(content, suffix) as image:
        width, height = image.size
        # Asked for what is not in its header, a PNG would be decoded.
        turned = "exif" in image.info and image.getexif().get(_ORIENTATION, 1) in range(5, 9)
    return (width, height) if turned else (height, width)


def decoded(content: bytes, suffix: str, size: tuple[int, int]) -> NDArray[np.uint8]:
    """uint8[height, width, 3].

    Args:
        content: of the file.
        suffix: how its name ends, such as `.png`; empty where it has no name.
        size: (height, width) of the pixels.

    Raises:
        Unreadable: it is no image of the format that the suffix says, or a broken one.
    """
    from PIL import ImageOps

    with _opened(content, suffix) as image:
        try:
            enough = 2 * max(size)
            image.draft(None, (enough, enough))  # JPEG alone knows what to do with it
            upright = as_rgb(ImageOps.exif_transpose(image))
            return np.asarray(ImageOps.fit(upright, size[::-1]))
        except Exception as error:
            raise Unreadable(_reason(error)) from error


def as_rgb(image: Image.Image) -> Image.Image:
    """The first frame in mode RGB, by the table above."""
    from PIL import Image as images

    if image.mode.startswith("I"):
        return images.fromarray((np.asarray(image).astype(np.int64) >> 8).astype(np.uint8)).convert("RGB")
    if not image.has_transparency_data:
        return image.convert("RGB")
    clear = image.convert("RGBA")
    return images.alpha_composite(images.new("RGBA", clear.size, "white"), clear).convert("RGB")


_ORIENTATION = 0x0112


@contextmanager
def _opened(content: bytes, suffix: str) -> Iterator[Any]:
    from PIL import Image

    if not content:
        raise Unreadable("empty")
    allowed = sorted(set(FORMATS.values()))
    wanted = FORMATS.get(suffix.lower()) if suffix else None
    if suffix and wanted is None:
        raise Unreadable(f"not named as one of {', '.join(allowed)}")
    try:
        image = Image.open(io.BytesIO(content), formats=allowed)
    except Exception as error:
        raise Unreadable(_reason(error)) from error
    with image:
        if wanted not in (None, image.format):
            raise Unreadable(f"holds {image.format} under a name for {wanted}")
        yield image


def _reason(error: Exception) -> str:
    """In a few words; decoders raise whatever they like."""
    from PIL import Image, UnidentifiedImageError

    if isinstance(error, Image.DecompressionBombWarning | Image.DecompressionBombError):
        return "more pixels than are safe to unpack"
    if isinstance(error, UnidentifiedImageError):
        return "not an image"
    return (str(error) or type(error).__name__).splitlines()[0]
