"""Decoded images are kept by what the files hold, and mapped by every later run that reads the same ones."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench_image.crew import Crew
from workbench_image.decoding import VERSION, Unreadable, decoded
from workbench_image.files import Found

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_KEPT = 4 * 2**30
"""Bytes of decoded images that are kept for later runs; the longest unused go first."""

_ABANDONED = 86_400
"""Seconds after its last change from which on a draft is deleted: its process was killed."""


def kept(
    images: Sequence[Found], digests: Sequence[bytes], size: tuple[int, int]
) -> tuple[NDArray[np.uint8], dict[int, str]]:
    """(uint8[n, height, width, 3], row -> why it could not be read), from what is kept, or newly decoded.

    Where nothing can be kept (no home directory, a full disk), the pixels are in memory.

    Args:
        images: n of them.
        digests: of what each holds.
        size: (height, width).
    """
    total = hashlib.sha256(json.dumps([VERSION, *size]).encode())
    for digest in digests:
        total.update(digest)
    shape = len(images), *size, 3
    try:
        pixels = _folder() / f"{total.hexdigest()}.npy"
        found = _there(pixels, shape)
        if found is None:
            _keep(images, size, pixels)
            found = _there(pixels, shape)
        if found is not None:
            return found
    except OSError:  # nothing can be kept there
        pass
    memory, faults = np.zeros(shape, np.uint8), {}
    for row, each in enumerate(_decoded(images, size)):
        if isinstance(each, str):
            faults[row] = each
        else:
            memory[row] = each
    return memory, faults


def _folder() -> Path:
    """The folder in which decoded images are kept.

    Raises:
        OSError: this account has no home directory.
    """
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "automl-workbench" / "images"
    except RuntimeError as error:
        raise OSError(str(error)) from error


def _there(pixels: Path, shape: tuple[int, ...]) -> tuple[NDArray[np.uint8], dict[int, str]] | None:
    """The pixels that are kept, and row -> why it could not be read; None where they are missing or damaged."""
    try:
        array = np.load(pixels, mmap_mode="r", allow_pickle=False)
        faults = {int(row): why for row, why in json.loads(_faults_of(pixels).read_text(encoding="utf-8")).items()}
    except (FileNotFoundError, EOFError, ValueError):
        return None
    if array.shape != shape or array.dtype != np.uint8:
        return None
    pixels.touch()
    return array, faults


def _faults_of(pixels: Path) -> Path:
    return pixels.with_suffix(".json")


def _keep(images: Sequence[Found], size: tuple[int, int], pixels: Path) -> None:
    """Decode the images into a file.

    It is written and not mapped: a full disk is an error then, where it would kill a process that writes to a map.

    Raises:
        OSError: the folder cannot be written, or has no room.
    """
    folder, shape = pixels.parent, (len(images), *size, 3)
    folder.mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(folder).free < np.prod(shape, dtype=np.int64):
        raise OSError(f"{folder} has no room")
    draft, faults = folder / f"{pixels.stem}.{os.getpid()}.draft", {}
    try:
        with draft.open("wb") as file:
            header: dict[str, Any] = {"descr": "|u1", "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(file, header)
            for row, each in enumerate(_decoded(images, size)):
                if isinstance(each, str):
                    faults[row] = each
                file.write(bytes(3 * size[0] * size[1]) if isinstance(each, str) else each.tobytes())
        _faults_of(pixels).write_text(json.dumps(faults), encoding="utf-8")
        draft.replace(pixels)
    finally:
        draft.unlink(missing_ok=True)
        if not pixels.exists():
            _faults_of(pixels).unlink(missing_ok=True)
    _sweep(folder, pixels)


def _decoded(images: Sequence[Found], size: tuple[int, int]) -> Iterator[NDArray[np.uint8] | str]:
    """The pixels of each, or why it could not be read."""
    crew = Crew()

    def one(image: Found) -> NDArray[np.uint8] | str:
        try:
            with crew.reading(image) as content:
                return decoded(content, size, crew.turn)
        except Unreadable as error:
            return str(error)
        except OSError as error:
            return error.strerror or str(error)

    return crew.each(one, images)


def _sweep(folder: Path, newest: Path) -> None:
    """Delete what was unused for longest until the rest is within `MOST_KEPT`; what is mapped stays readable.

    Drafts that no process has written to for `_ABANDONED` are deleted, too: a process that was killed leaves its own.
    """
    for draft in folder.glob("*.draft"):
        with suppress(FileNotFoundError):  # its process has just finished it
            if time.time() - draft.stat().st_mtime > _ABANDONED:
                draft.unlink()
    there = sorted(folder.glob("*.npy"), key=lambda path: path.stat().st_mtime, reverse=True)
    total = 0
    for path in there:
        total += path.stat().st_size
        if total > MOST_KEPT and path != newest:
            path.unlink(missing_ok=True)
            _faults_of(path).unlink(missing_ok=True)
