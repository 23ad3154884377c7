"""What classical models see of images: pixels made few, histograms of gradients, histograms of colours."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from workbench_image.reading import as_grey, blocks

if TYPE_CHECKING:
    from numpy.typing import NDArray

BINS = 9
COLOURS = 4
"""Orientations of gradients, over half a turn, and levels of each channel."""

MOST_A_SIDE, MOST_FOR_GRADIENTS = 32, 64
"""Images are at most so many pixels a side when pixels, or gradients, are taken of them."""


def pixels(images: NDArray[np.uint8], deskew: bool) -> NDArray[np.float32]:
    """float32[n, height * width * channels], each image's mean taken off; large images are made smaller."""

    def some(block: NDArray[np.uint8]) -> NDArray[np.float32]:
        values = _prepared(block, deskew, MOST_A_SIDE)
        flat = values.reshape(len(block), -1)
        return np.asarray(flat - flat.mean(axis=1, keepdims=True), np.float32)

    return _by_blocks(images, some)


def gradients(images: NDArray[np.uint8], deskew: bool, cells: int) -> NDArray[np.float32]:
    """Histograms of oriented gradients (Dalal and Triggs 2005), and for colour images of colours beside them.

    As there: gradients by [-1, 0, 1] of the channel where they are strongest, 9 orientations over half a turn, votes
    shared out between neighbouring cells and orientations, blocks of 2 x 2 cells normalised by L2-Hys (0.2). Cells are
    as large as it takes for `cells` of them along the shorter side.

    Returns:
        float32[n, d].
    """
    height, width = (min(side, MOST_FOR_GRADIENTS) for side in images.shape[1:3])
    high, wide = (max(2, round(side * cells / min(height, width))) for side in (height, width))
    down, across = _triangles(height, high), _triangles(width, wide)

    def some(block: NDArray[np.uint8]) -> NDArray[np.float32]:
        votes = _oriented(_prepared(block, deskew, MOST_FOR_GRADIENTS))
        found = np.einsum("yh,nhwb,xw->nyxb", down, votes, across, optimize=True)
        squares = [found[:, y : high - 1 + y, x : wide - 1 + x] for y in (0, 1) for x in (0, 1)]
        normal = _unit(np.concatenate(squares, axis=-1))
        parts = [_unit(np.minimum(normal, 0.2)).reshape(len(block), -1)]
        if images.shape[3] == 3:  # weighs as much as all the gradients
            parts.append(_colours(block) * ((high - 1) * (wide - 1)) ** 0.5)
        return np.hstack(parts).astype(np.float32)

    return _by_blocks(images, some)


def _prepared(images: NDArray[np.uint8], deskew: bool, most: int) -> NDArray[np.float32]:
    """float32[n, height, width, channels] from 0 to 1, of at most so many pixels a side."""
    values = straightened(images) if deskew else images.astype(np.float32)
    for axis in (1, 2):
        side = values.shape[axis]
        if side > most:
            values = np.moveaxis(np.tensordot(values, _triangles(side, most), axes=(axis, 1)), -1, axis)
    return np.asarray(values / 255, np.float32)


def straightened(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """float32[n, height, width, channels]: what stands slanted made upright and put in the middle.

    Rows are shifted so that the second moments of the brightness against its background, the median of the border,
    have no slant.
    """
    values = images.astype(np.float32)
    height, width = values.shape[1:3]
    grey = as_grey(images)[..., 0].astype(np.float32) if images.shape[3] == 3 else values[..., 0]
    border = np.concatenate([grey[:, 0], grey[:, -1], grey[:, :, 0], grey[:, :, -1]], axis=1)
    ink = np.abs(grey - np.median(border, axis=1)[:, None, None]) + 1e-6
    total = ink.sum(axis=(1, 2))
    y, x = np.arange(height, dtype=np.float32), np.arange(width, dtype=np.float32)
    rows, columns = ink.sum(axis=2), ink.sum(axis=1)
    middle_y, middle_x = rows @ y / total, columns @ x / total
    off_y, off_x = y - middle_y[:, None], x - middle_x[:, None]
    spread = (rows * off_y**2).sum(axis=1) / total
    both = np.einsum("nhw,nh,nw->n", ink, off_y, off_x, optimize=True) / total
    slant = both / np.maximum(spread, 1e-3)
    shift = slant[:, None] * off_y + (middle_x - (width - 1) / 2)[:, None]
    return _shifted(values, shift)


def _shifted(values: NDArray[np.float32], shift: NDArray[np.float32]) -> NDArray[np.float32]:
    """Each row moved left by so many pixels, between pixels linearly, its ends repeated."""
    width = values.shape[2]
    at = np.clip(np.arange(width) + shift[..., None], 0, width - 1)
    left = np.minimum(at.astype(np.int64), max(0, width - 2))
    share = (at - left)[..., None].astype(np.float32)
    low = np.take_along_axis(values, left[..., None], axis=2)
    high = np.take_along_axis(values, np.minimum(left + 1, width - 1)[..., None], axis=2)
    return np.asarray(low * (1 - share) + high * share, np.float32)


def _oriented(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """float32[n, height, width, BINS]: the strength of each pixel's gradient, shared out between two orientations."""
    padded = np.pad(values, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge")
    across = padded[:, 1:-1, 2:] - padded[:, 1:-1, :-2]
    down = padded[:, 2:, 1:-1] - padded[:, :-2, 1:-1]
    strength = np.hypot(across, down)
    strongest = strength.argmax(axis=-1)[..., None]
    across, down, strength = (np.take_along_axis(each, strongest, -1)[..., 0] for each in (across, down, strength))
    angle = np.arctan2(down, across)
    place = np.where(angle < 0, angle + np.pi, angle) * (BINS / np.pi)  # from 0 to BINS, both the same orientation
    votes = np.empty((*place.shape, BINS), np.float32)
    for number in range(BINS):
        away = np.abs(place - number)
        votes[..., number] = np.maximum(0, 1 - np.minimum(away, BINS - away)) * strength
    return votes


def _colours(images: NDArray[np.uint8]) -> NDArray[np.float64]:
    """float64[n, COLOURS ** 3]: square roots of how often each colour occurs, so that the whole is of length 1."""
    levels = images.reshape(len(images), -1, 3).astype(np.int64) * COLOURS // 256
    codes = levels @ np.array([COLOURS**2, COLOURS, 1])
    rows = np.arange(len(images))[:, None] * COLOURS**3
    counts = np.bincount((codes + rows).ravel(), minlength=len(images) * COLOURS**3)
    return np.asarray(np.sqrt(counts.reshape(len(images), -1) / codes.shape[1]))


def _triangles(size: int, parts: int) -> NDArray[np.float32]:
    """float32[parts, size]: how much each part takes of each pixel, between the middles of two parts linearly."""
    place = np.clip((np.arange(size) + 0.5) * parts / size - 0.5, 0, parts - 1)
    weights = np.maximum(0, 1 - np.abs(place - np.arange(parts)[:, None]))
    return np.asarray(weights / np.maximum(weights.sum(axis=1, keepdims=True), 1e-9), np.float32)


def _unit(values: NDArray[np.floating]) -> NDArray[np.floating]:
    return np.asarray(values / np.sqrt((values**2).sum(axis=-1, keepdims=True) + 1e-4))


def _by_blocks(
    images: NDArray[np.uint8], some: Callable[[NDArray[np.uint8]], NDArray[np.float32]]
) -> NDArray[np.float32]:
    found = [some(images[rows]) for rows in blocks(len(images), max(1, 2**18 // max(1, images[0].size)))]
    return np.concatenate(found)
