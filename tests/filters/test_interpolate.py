"""Lines across short gaps, and nothing across long ones."""

from __future__ import annotations

import numpy as np

from filters.made import tracks_of
from markerless.filters import interpolate


def test_a_short_gap_is_a_straight_line_and_a_long_one_stays() -> None:
    points = np.full((12, 1, 1, 2), np.nan)
    points[[1, 4, 9, 10], 0, 0] = [[10, 0], [16, 30], [3, 3], [4, 4]]
    error = np.where(np.isnan(points[..., 0]), np.nan, 0.5)
    found = interpolate.apply(tracks_of(points, error), interpolate.Config(max_gap=2))
    np.testing.assert_allclose(found.points[1:5, 0, 0], [[10, 0], [12, 10], [14, 20], [16, 30]])
    assert np.isnan(found.points[[0, 5, 6, 7, 8, 11]]).all()
    assert found.error is not None
    np.testing.assert_array_equal(found.error[1:5, 0, 0], [0.5, np.nan, np.nan, 0.5])
    assert np.isnan(found.score[2, 0, 0])


def test_a_filled_point_has_no_error_even_where_the_source_states_one() -> None:
    points = np.zeros((5, 1, 1, 2))
    points[2] = np.nan
    found = interpolate.apply(tracks_of(points, np.ones((5, 1, 1))), interpolate.Config())
    assert found.error is not None
    np.testing.assert_array_equal(np.isnan(found.error[:, 0, 0]), [False, False, True, False, False])
