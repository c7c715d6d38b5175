from __future__ import annotations

import numpy as np
import pytest

from markerless.core.affine import Affine
from markerless.nn.augment import FILL, Geometry, draw_affine, draw_rotation_deg, jitter_light, warp

SIZE = (128, 96)
FRAME = (160, 120)
EVERY_WAY = Geometry(rotation_deg=180, scale=1.5, flip=True)


def spot(center: np.ndarray, sigma: float = 3.0) -> np.ndarray:
    """A gray frame with a smooth bright spot at `center`, `(H, W, 3)` uint8."""
    yy, xx = np.mgrid[: FRAME[1], : FRAME[0]]
    bump = np.exp(-((xx - center[0]) ** 2 + (yy - center[1]) ** 2) / (2 * sigma**2))
    return np.repeat(np.round(FILL + 120 * bump)[..., None], 3, axis=2).astype(np.uint8)


def middle_of_mass(weights: np.ndarray) -> np.ndarray:
    yy, xx = np.mgrid[: weights.shape[0], : weights.shape[1]]
    return np.array([(weights * xx).sum(), (weights * yy).sum()]) / weights.sum()


@pytest.mark.parametrize("seed", range(12))
def test_a_spot_is_found_where_the_affine_says(seed: int) -> None:
    """The place in the view is measured on the picture, by its center of mass, under any turn, scale and flip."""
    rng = np.random.default_rng(seed)
    place = rng.uniform([60, 40], [100, 80])
    affine, _ = draw_affine(place + rng.uniform(-20, 20, 2), SIZE, EVERY_WAY, rng)
    view = warp(spot(place), affine, SIZE)
    assert view.shape == (SIZE[1], SIZE[0], 3)
    found = middle_of_mass(view[..., 0].astype(float) - FILL)
    np.testing.assert_allclose(found, affine.apply(place[None])[0], atol=0.1)


def test_the_drawn_maps_keep_their_promises() -> None:
    center = np.array([70.3, 41.8])
    maps = [draw_affine(center, SIZE, EVERY_WAY, np.random.default_rng(seed)) for seed in range(300)]
    for affine, mirrored in maps:
        # the mirror W - 1 - x, the turn and the scale all leave the middle of the view where it is
        np.testing.assert_allclose(affine.apply(center[None])[0], [63.5, 47.5], atol=1e-9)
        assert (np.linalg.det(affine.matrix[:2, :2]) < 0) == mirrored
        there_and_back = affine.then(affine.inverse())
        np.testing.assert_allclose(there_and_back.matrix, np.eye(3), atol=1e-9)
    scales = np.sqrt([abs(np.linalg.det(affine.matrix[:2, :2])) for affine, _ in maps])
    assert 1 / 1.5 <= scales.min() < 0.72
    assert 1.4 < scales.max() <= 1.5
    assert 0.4 < np.mean([mirrored for _, mirrored in maps]) < 0.6
    upright = [draw_affine(center, SIZE, Geometry(0, 1, False), np.random.default_rng(seed))[0] for seed in range(5)]
    assert all(np.allclose(affine.matrix[:2, :2], np.eye(2)) for affine in upright)


def test_what_lies_outside_of_the_frame_is_gray() -> None:
    view = warp(np.full((20, 30, 3), 250, np.uint8), Affine.crop(-10, -5), (64, 32))
    assert (view[5:25, 10:40] == 250).all()
    outside = np.ones(view.shape[:2], bool)
    outside[5:25, 10:40] = False
    assert (view[outside] == FILL).all()


def test_light_and_blur_do_not_move_the_picture() -> None:
    """A blur with a kernel off its middle would shift the content half a pixel away from its labels."""
    picture = spot(np.array([80.0, 60.0]))
    blurred = 0
    for seed in range(400):
        view = jitter_light(picture, np.random.default_rng(seed))
        assert view.shape == picture.shape
        assert view.dtype == np.uint8
        bright = view.astype(float).mean(-1)
        bright -= bright[0, 0]
        if np.ptp(bright[:20]) > 0:
            continue  # with noise the center of mass is not sharp
        np.testing.assert_allclose(middle_of_mass(bright), [80, 60], atol=0.12)
        blurred += int(spread(bright) > 1.06 * spread(picture[..., 0] - float(FILL)))
    assert blurred > 10


def spread(weights: np.ndarray) -> float:
    """Width of a spot: its area where it is higher than half of its height."""
    return float((weights > weights.max() / 2).sum())


def test_the_light_does_change() -> None:
    picture = np.full((8, 8, 3), 100, np.uint8)
    means = [jitter_light(picture, np.random.default_rng(seed)).mean() for seed in range(50)]
    assert np.std(means) > 5


def test_half_of_the_rotations_stay_near_upright() -> None:
    rng = np.random.default_rng(0)
    wide = np.array([draw_rotation_deg(180, rng) for _ in range(4000)])
    assert 0.46 < (np.abs(wide) <= 20).mean() < 0.54
    assert np.abs(wide).max() > 175
    narrow = np.array([draw_rotation_deg(20, rng) for _ in range(4000)])
    assert 0.46 < (np.abs(narrow) <= 10).mean() < 0.54  # even
    assert np.abs(narrow).max() <= 20
