"""Image files -> one array of pixels, decoded once: what has been decoded before is mapped from where it is kept."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench import DataError
from workbench.data.columns import MOST_SKIPPED
from workbench_image.decoding import VERSION, Unreadable, careful, decoded, size_of
from workbench_image.finding import Found

if TYPE_CHECKING:
    from numpy.typing import NDArray

LARGEST, FOR_PRETRAINED = 128, 224
"""Pixels a side of the working size, unless the user says otherwise; and where a pretrained network sees the images."""

MOST_BYTES = 2**30
"""Of all pixels together; more images are made smaller."""

MOST_KEPT = 4 * 2**30
"""Bytes of decoded images that are kept for later runs; the longest unused go first."""

LISTED = 3

_THREADS = 4


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
    with careful(), ThreadPoolExecutor(_THREADS) as pool:
        sizes = np.array([size for size in pool.map(_size, images) if size is not None]).reshape(-1, 2)
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
    pixels, faults = _kept(images, size)
    if not faults:
        return pixels, np.arange(len(images)), ()
    listing = "; ".join(f"{images[row].name}: {why}" for row, why in list(faults.items())[:LISTED])
    more = f" and {len(faults) - LISTED:,} more" if len(faults) > LISTED else ""
    if len(faults) == len(images):
        raise DataError(f"{name}: none of {len(images):,} images can be read ({listing}{more})")
    if on_bad_rows != "skip-any" and len(faults) > MOST_SKIPPED * len(images):
        raise DataError(
            f"{name}: {len(faults):,} of {len(images):,} images would be skipped, more than {100 * MOST_SKIPPED:.0f} % "
            f"({listing}{more}); mend them or pass --on-bad-rows skip-any"
        )
    good = np.setdiff1d(np.arange(len(images)), list(faults))
    return pixels[good], good, (f"skipped: {len(faults):,} images ({listing}{more})",)


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


def _size(image: Found) -> tuple[int, int] | None:
    try:
        return size_of(image.read(), image.suffix)
    except (Unreadable, OSError):
        return None  # said when it is decoded


def _kept(images: Sequence[Found], size: tuple[int, int]) -> tuple[NDArray[np.uint8], dict[int, str]]:
    """(pixels of all images, row -> why it could not be read), from what is kept or newly decoded."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "automl-workbench" / "images"
    with ThreadPoolExecutor(_THREADS) as pool:
        total = hashlib.sha256(json.dumps([VERSION, *size]).encode())
        for digest in pool.map(_digest, images):
            total.update(digest)
    target = folder / total.hexdigest()
    faults, pixels = target.with_suffix(".json"), target.with_suffix(".npy")
    if not (faults.exists() and pixels.exists()):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            draft = folder / f"{target.name}.{os.getpid()}.draft"
            array: Any = np.lib.format.open_memmap(draft, "w+", np.uint8, (len(images), *size, 3))
        except OSError:  # nothing can be kept there
            memory = np.empty((len(images), *size, 3), np.uint8)
            return memory, _decode(images, size, memory)
        try:
            found = _decode(images, size, array)
            array.flush()
            faults.write_text(json.dumps(found), encoding="utf-8")
            draft.replace(pixels)
        finally:
            draft.unlink(missing_ok=True)
        _sweep(folder, pixels)
    else:
        pixels.touch()
    mapped = np.load(pixels, mmap_mode="r", allow_pickle=False)
    return mapped, {int(row): why for row, why in json.loads(faults.read_text(encoding="utf-8")).items()}


def _digest(image: Found) -> bytes:
    try:
        return hashlib.sha256(image.read() + image.suffix.encode()).digest()
    except OSError as error:
        return hashlib.sha256(f"unreadable: {error}".encode()).digest()


def _decode(images: Sequence[Found], size: tuple[int, int], into: NDArray[np.uint8]) -> dict[int, str]:
    """Row -> why it could not be read; the others are put into their rows."""

    def one(row: int) -> str:
        try:
            into[row] = decoded(images[row].read(), images[row].suffix, size)
        except Unreadable as error:
            return str(error)
        except OSError as error:
            return error.strerror or str(error)
        return ""

    with careful(), ThreadPoolExecutor(_THREADS) as pool:
        return {row: why for row, why in enumerate(pool.map(one, range(len(images)))) if why}


def _sweep(folder: Path, newest: Path) -> None:
    """Delete what was unused for longest until the rest is within `MOST_KEPT`; what is mapped stays readable."""
    there = sorted(folder.glob("*.npy"), key=lambda path: path.stat().st_mtime, reverse=True)
    total = 0
    for path in there:
        total += path.stat().st_size
        if total > MOST_KEPT and path != newest:
            path.unlink(missing_ok=True)
            path.with_suffix(".json").unlink(missing_ok=True)
