"""Several runs as one."""

from __future__ import annotations

import numpy as np
import pytest

from filters.made import restless, tracks_of
from markerless.errors import LabelsError
from markerless.filters import kalman
from markerless.filters._ensemble import is_relative, together
from markerless.filters._series import expected_distance


def test_the_middle_and_the_disagreement() -> None:
    base = np.zeros((400, 1, 1, 2))
    runs = [tracks_of(base + offset) for offset in (0.0, 1.0, 5.0)]
    found = together(runs)
    np.testing.assert_array_equal(found.points, base + 1)
    assert found.error is not None  # variance of 0, 1, 5 is 7, and so is the keypoint's usual one
    np.testing.assert_allclose(found.error, expected_distance(2) * np.sqrt(7), rtol=1e-12)
    assert is_relative(found)
    stated = together([tracks_of(run.points, np.full((400, 1, 1), 2.0)) for run in runs])
    assert stated.error is not None
    np.testing.assert_allclose(stated.error, np.sqrt(4 + expected_distance(2) ** 2 * 7), rtol=1e-12)
    assert not is_relative(stated)


def test_a_point_that_most_runs_miss_is_missing() -> None:
    runs = [tracks_of(np.ones((3, 1, 1, 2))) for _ in range(3)]
    runs[0].points[0] = runs[1].points[0] = runs[0].points[1] = np.nan
    np.testing.assert_array_equal(np.isnan(together(runs).points[:, 0, 0, 0]), [True, False, False])


def test_where_runs_disagree_the_smoother_follows_them_less() -> None:
    """Two runs agree but for some frames, in which each is far off by itself."""
    made = restless(1, (600, 1, 1, 2), noise=0.5)
    rng = np.random.default_rng(2)
    doubtful = rng.random(600) < 0.15
    runs = []
    for _ in range(3):
        noise = rng.normal(size=(600, 1, 1, 2)) * np.where(doubtful, 6.0, 0.5)[:, None, None, None]
        runs.append(tracks_of(made.truth + noise))
    whole = together(runs)
    with_it = kalman.apply(whole, kalman.Config())
    without = kalman.apply(tracks_of(whole.points), kalman.Config())
    miss = [np.sqrt(np.nanmean((one.points - made.truth)[doubtful] ** 2)) for one in (with_it, without, whole)]
    assert miss[0] < 0.9 * miss[1]
    assert miss[0] < 0.6 * miss[2]


@pytest.mark.parametrize("change", ["keypoints", "animals", "frames"])
def test_runs_that_do_not_fit_are_refused(change: str) -> None:
    shape = {"keypoints": (5, 1, 2, 2), "animals": (5, 2, 1, 2), "frames": (6, 1, 1, 2)}[change]
    with pytest.raises(LabelsError, match=f"same {change}"):
        together([tracks_of(np.zeros((5, 1, 1, 2))), tracks_of(np.zeros(shape))])
    with pytest.raises(LabelsError, match="at least two"):
        together([tracks_of(np.zeros((5, 1, 1, 2)))])
