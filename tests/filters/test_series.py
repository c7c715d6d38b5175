"""Gaps, lines across them, and what an expected error is."""

from __future__ import annotations

import numpy as np
import pytest

from markerless.filters._series import expected_distance, points_of, series_of, short_gaps


def test_series_and_back() -> None:
    points = np.random.default_rng(0).normal(size=(7, 2, 3, 2))
    points[2, 1, 0, 1] = np.nan
    series = series_of(points)
    assert series.shape == (6, 7, 2)
    assert np.isnan(series[3, 2]).all()  # a point without y has no x either
    points[2, 1, 0] = np.nan
    np.testing.assert_array_equal(points_of(series, points.shape), points)


@pytest.mark.parametrize(
    ("present", "max_gap", "expected"),
    [
        ("1.1..1...1", 2, ".x.xx....."),
        ("1.1..1...1", 3, ".x.xx.xxx."),
        ("1.1..1...1", 0, ".........."),
        ("..1.1..", 9, "...x..."),  # nothing before the first point and after the last
        (".......", 9, "......."),
    ],
)
def test_short_gaps(present: str, max_gap: int, expected: str) -> None:
    found = short_gaps(np.array([[letter == "1" for letter in present]]), max_gap)
    assert "".join("x" if gap else "." for gap in found[0]) == expected


@pytest.mark.parametrize("n_axes", [2, 3])
def test_expected_distance_is_the_mean_length_of_a_normal_error(n_axes: int) -> None:
    drawn = np.linalg.norm(np.random.default_rng(0).normal(size=(200_000, n_axes)), axis=-1)
    assert expected_distance(n_axes) == pytest.approx(drawn.mean(), rel=0.005)
