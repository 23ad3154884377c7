"""Image files -> one array of pixels of one working size, and what the user should know of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from workbench import DataError
from workbench.data.columns import MOST_SKIPPED
from workbench.wording import counted
from workbench_image.crew import Crew
from workbench_image.decoding import HEAD, Unreadable, format_of, size_of
from workbench_image.files import Found
from workbench_image.finding import listing
from workbench_image.keeping import kept

if TYPE_CHECKING:
    from numpy.typing import NDArray

LARGEST, FOR_PRETRAINED = 128, 224
"""Pixels a side of the working size, unless the user says otherwise; and where a pretrained network sees the images."""

MOST_BYTES = 2**30
"""Of all pixels together; more images are made smaller."""


def working_size(images: Sequence[Found], asked: str | None, largest: int = LARGEST) -> tuple[int, int]:
    """(height, width) for all images, from the sizes of the readable ones.

    Images of one shape keep it; else it is a square as high as the median of their shorter sides. Sides are at most
    `largest`, and shorter where else all pixels together would not fit into `MOST_BYTES`.

    Args:
        images: of the data, those of a fixed test part left out.
        asked: `"64"` or `"48x64"`, height first, as the user said; None to choose.
        largest: pixels a side, where it is to be chosen.

    Raises:
        DataError: it is neither.
    """
    if asked is not None:
        sides = asked.lower().split("x")
        if len(sides) > 2 or not all(side.isascii() and side.isdigit() and 1 <= int(side) <= 1024 for side in sides):
            raise DataError(f"--image-size {asked}: write it as 64 or 48x64 (height first), from 1 to 1024")
        return int(sides[0]), int(sides[-1])
    crew = Crew()

    def look(image: Found) -> tuple[int, int] | None:
        try:
            with crew.reading(image) as content:
                return size_of(content)
        except (Unreadable, OSError):
            return None  # said when it is decoded

    sizes = np.array([size for size in crew.each(look, images) if size is not None]).reshape(-1, 2)
    if not len(sizes):
        return 1, 1  # none can be read, which reading them says better
    shapes = sizes[:, 0] / sizes[:, 1]
    height, width = np.median(sizes, axis=0)
    if shapes.max() > 1.02 * shapes.min():
        height = width = np.median(sizes.min(axis=1))
    least = min(1.0, largest / max(height, width), (MOST_BYTES / (3 * len(images) * height * width)) ** 0.5)
    return max(1, round(height * least)), max(1, round(width * least))


def read_images(
    images: Sequence[Found], size: tuple[int, int], on_bad_rows: str, name: str
) -> tuple[NDArray[np.uint8], NDArray[np.int64], tuple[str, ...]]:
    """(pixels uint8[m, height, width, 3], which of the images these are, what the user should know).

    Args:
        images: n of them.
        size: (height, width).
        on_bad_rows: `skip-any` skips any number of unreadable ones, else it is at most `MOST_SKIPPED`.
        name: of the data, for messages.

    Raises:
        DataError: too many cannot be read.
    """
    digests, formats = zip(*_identities(images), strict=True) if images else ((), ())
    notes = _misnamed(images, formats)
    pixels, faults = kept(images, digests, size)
    if not faults:
        return pixels, np.arange(len(images)), notes
    listed = listing([f"{images[row].name}: {why}" for row, why in faults.items()], "; ")
    if len(faults) == len(images):
        raise DataError(f"{name}: none of {counted(len(images), 'image')} can be read ({listed})")
    if on_bad_rows != "skip-any" and len(faults) > MOST_SKIPPED * len(images):
        raise DataError(
            f"{name}: {len(faults):,} of {len(images):,} images would be skipped, more than {100 * MOST_SKIPPED:.0f} % "
            f"({listed}); mend them or pass --on-bad-rows skip-any"
        )
    good = np.setdiff1d(np.arange(len(images)), list(faults))
    return pixels[good], good, (*notes, f"skipped: {counted(len(faults), 'image')} ({listed})")


def _identities(images: Sequence[Found]) -> Iterator[tuple[bytes, str]]:
    """(a digest of what the file holds, or of why it cannot be read; its format, if it is an image) of each."""
    crew = Crew()

    def look(image: Found) -> tuple[bytes, str]:
        try:
            with crew.reading(image) as content:
                return hashlib.sha256(content).digest(), format_of(content[:HEAD])
        except OSError as error:
            return hashlib.sha256(f"unreadable: {error}".encode()).digest(), ""

    return crew.each(look, images)


def _misnamed(images: Sequence[Found], formats: Sequence[str]) -> tuple[str, ...]:
    other = [
        f"{image.name} ({kind})"
        for image, kind in zip(images, formats, strict=True)
        if kind and image.named_other(kind)
    ]
    if not other:
        return ()
    return (
        f"read by what they hold, which their names do not say: {counted(len(other), 'image')}, the first {other[0]}",
    )


def as_grey(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """uint8[n, height, width, 1]: luma of ITU-R 601, by which equal channels stay as they are."""
    found = np.empty((*pixels.shape[:3], 1), np.uint8)
    for rows in blocks(len(pixels)):
        luma = pixels[rows].astype(np.uint32) @ np.array([19595, 38470, 7471], np.uint32)
        found[rows, ..., 0] = (luma + 0x8000) >> 16
    return found


def is_grey(pixels: NDArray[np.uint8]) -> bool:
    """Whether the channels of every image are equal."""
    return all(bool((pixels[rows] == pixels[rows][..., :1]).all()) for rows in blocks(len(pixels)))


def blocks(n: int, of: int = 512) -> list[slice]:
    """Consecutive rows, so many at a time."""
    return [slice(start, start + of) for start in range(0, n, of)]
