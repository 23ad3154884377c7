"""What classical models see, told by small images."""

from __future__ import annotations

import numpy as np
import pytest

from workbench_image import features


def stripes(angle: float, side: int = 24) -> np.ndarray:
    """uint8[1, side, side, 1]: a sine that rises at an angle."""
    y, x = np.mgrid[:side, :side]
    wave = np.sin(0.8 * (x * np.cos(angle) + y * np.sin(angle)))
    return (127 + 100 * wave).astype(np.uint8)[None, ..., None]


@pytest.mark.parametrize("number", range(features.BINS))
def test_a_gradient_votes_for_its_orientation(number: int) -> None:
    votes = features._oriented(stripes(np.pi * number / features.BINS) / np.float32(255))[0, 2:-2, 2:-2]
    assert votes.sum(axis=(0, 1)).argmax() == number


def test_votes_add_up_to_the_strength_of_the_gradient() -> None:
    image = np.random.default_rng(0).random((2, 5, 6, 3), np.float32)
    votes = features._oriented(image).sum(axis=-1)
    padded = np.pad(image, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge")
    across, down = (padded[:, 1:-1, 2:] - padded[:, 1:-1, :-2]), (padded[:, 2:, 1:-1] - padded[:, :-2, 1:-1])
    assert np.allclose(votes, np.hypot(across, down).max(axis=-1), atol=1e-5)


def test_gradients_ignore_brightness_and_contrast() -> None:
    image = stripes(0.7)
    paler = (image // 2 + 60).astype(np.uint8)
    first, second = (features.gradients(each, False, 4) for each in (image, paler))
    assert first.shape == (1, 3 * 3 * 4 * features.BINS)
    assert np.abs(first - second).max() < 0.02 < first.max() <= 0.5


def test_colours_are_seen_beside_gradients() -> None:
    flat = np.zeros((2, 8, 8, 3), np.uint8)
    flat[0, ..., 0] = flat[1, ..., 2] = 255
    red, blue = features.gradients(flat, False, 4)
    assert np.abs(red - blue).max() > 1


def test_large_images_are_made_smaller_by_their_means() -> None:
    image = np.repeat(np.repeat(np.arange(32 * 32).reshape(32, 32) % 251, 4, 0), 4, 1)[None, ..., None].astype(np.uint8)
    small = features._prepared(image, False, 32)
    assert small.shape == (1, 32, 32, 1)
    assert abs(float(small.mean()) - image.mean() / 255) < 0.01


def test_what_is_slanted_is_straightened() -> None:
    upright = np.zeros((1, 21, 21, 1), np.uint8)
    upright[0, 3:18, 9:12] = 255
    slanted = np.zeros_like(upright)
    for row in range(3, 18):
        slanted[0, row, 9 + (row - 10) // 3 + 4 : 12 + (row - 10) // 3 + 4] = 255
    found = features.straightened(slanted)
    assert np.abs(found - upright).mean() < 0.3 * np.abs(slanted.astype(float) - upright).mean()
    assert np.allclose(features.straightened(upright), upright, atol=1)


def test_a_single_point_can_be_described() -> None:
    for channels in (1, 3):
        point = np.full((2, 1, 1, channels), 7, np.uint8)
        for deskew in (False, True):
            assert np.isfinite(features.pixels(point, deskew)).all()
            assert np.isfinite(features.gradients(point, deskew, 7)).all()
