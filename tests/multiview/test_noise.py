"""The error of pixels, learned from how well the views agree."""

from __future__ import annotations

import numpy as np
import pytest

from made_points import made_points
from made_rig import ring
from markerless.errors import CalibrationError
from markerless.multiview.noise import check_noise, learn_noise
from markerless.multiview.triangulate import DISTANCE_PER_SD


def in_frames(xy: np.ndarray, n_keypoints: int = 4) -> np.ndarray:
    """`(V, F, K, 2)` of `(V, P, 2)`."""
    return xy.reshape(len(xy), -1, n_keypoints, 2)


@pytest.mark.parametrize("gross", [0.0, 0.1])
def test_each_view_gets_its_own_error(gross: float) -> None:
    sd = np.array([0.8, 1.0, 1.5, 2.5])  # none less than half of the median, which no view is taken to be
    made = made_points(4, 4000, sd, gross)
    learned = learn_noise(made.cameras, in_frames(made.xy))
    assert learned.error.shape == (4, 4)
    np.testing.assert_allclose(learned.error.mean(axis=1) / (sd * DISTANCE_PER_SD), 1, atol=0.2)
    assert learned.n_points > 3000


def test_each_keypoint_gets_its_own_error() -> None:
    rng = np.random.default_rng(1)
    made = made_points(3, 6000, 0.0)
    xy = in_frames(made.xy)
    sd = np.array([0.5, 1.0, 2.0, 4.0])
    learned = learn_noise(made.cameras, xy + rng.normal(size=xy.shape) * sd[:, None]).error
    np.testing.assert_allclose(learned.mean(axis=0) / (sd * DISTANCE_PER_SD), 1, atol=0.25)


def test_two_views_are_taken_to_be_equally_good() -> None:
    made = made_points(2, 4000, 1.5)
    learned = learn_noise(made.cameras, in_frames(made.xy)).error
    np.testing.assert_allclose(learned / (1.5 * DISTANCE_PER_SD), 1, atol=0.2)


def test_errors_that_are_too_small_are_made_larger_and_none_smaller() -> None:
    made = made_points(4, 4000, np.array([1.0, 1.0, 1.0, 3.0]))
    xy = in_frames(made.xy)
    given = np.broadcast_to(DISTANCE_PER_SD, xy.shape[:-1])
    factor = check_noise(made.cameras, xy, given).error.mean(axis=1)
    np.testing.assert_allclose(factor, [1, 1, 1, 3], rtol=0.2)
    assert (check_noise(made.cameras, xy, 10 * given).error == 1).all()


def test_pixels_without_noise_are_not_taken_to_be_perfect() -> None:
    made = made_points(3, 400, 0.0)
    learned = learn_noise(made.cameras, in_frames(made.xy)).error
    assert (learned > 0).all()
    assert learned.max() < 0.1


def test_what_no_two_cameras_agree_on_is_refused() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(CalibrationError, match="at least 8 points that two cameras see"):
        learn_noise(ring(3), np.full((3, 10, 2, 2), np.nan))
    far = rng.uniform(0, 1000, (3, 50, 2, 2))
    with pytest.raises(CalibrationError, match="at least two cameras agree on, found none"):
        check_noise(ring(3), far, np.full(far.shape[:-1], 1e-6))
