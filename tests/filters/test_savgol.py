"""Savitzky and Golay: scipy's where nothing is missing, least squares where something is."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import savgol_filter

from filters.made import tracks_of
from markerless.config import load
from markerless.errors import SettingsError
from markerless.filters import savgol


@pytest.mark.parametrize(("window", "degree"), [(5, 2), (9, 3), (7, 0), (3, 1)])
def test_inside_it_equals_scipy(window: int, degree: int) -> None:
    points = 500 + np.random.default_rng(0).normal(size=(60, 2, 1, 3))
    found = savgol.apply(tracks_of(points), savgol.Config(window=window, degree=degree)).points
    half = window // 2
    np.testing.assert_allclose(
        found[half:-half], savgol_filter(points, window, degree, axis=0)[half:-half], rtol=0, atol=1e-9
    )


def test_beside_gaps_it_is_the_least_squares_polynomial_of_what_is_there() -> None:
    rng = np.random.default_rng(1)
    points = rng.normal(size=(50, 1, 1, 2))
    points[[10, 11, 14, 30]] = np.nan
    found = savgol.apply(tracks_of(points), savgol.Config(window=9, degree=2)).points
    for t in (0, 9, 12, 13, 27, 49):
        frames = np.array([f for f in range(t - 4, t + 5) if 0 <= f < 50 and np.isfinite(points[f, 0, 0, 0])])
        expected = [np.polyval(np.polyfit(frames - t, points[frames, 0, 0, d], 2), 0) for d in range(2)]
        np.testing.assert_allclose(found[t, 0, 0], expected, atol=1e-9)
    assert np.isnan(found[[10, 11, 14, 30]]).all()


def test_a_polynomial_of_its_degree_passes_unchanged_and_lonely_points_stay() -> None:
    time = np.arange(40.0)
    points = np.stack([100 + 3 * time - 0.1 * time**2, 5 - time], -1)[:, None, None]
    points[20:37] = np.nan
    points[28] = [1e3, 7]
    found = savgol.apply(tracks_of(points), savgol.Config(window=7, degree=2)).points
    np.testing.assert_allclose(found, points, atol=1e-8)


def test_a_degree_that_the_window_cannot_hold_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"^settings of filter: expected a degree below the window of 3 .*, got 3$"):
        load("filter", savgol.Config, {"window": 3, "degree": 3})
