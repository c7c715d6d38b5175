"""Heat maps count time, histograms share frames, courses keep their gaps and show their errors."""

from __future__ import annotations

import numpy as np
import pytest

from markerless.analysis.kinematics_quantity import Pace, Quantity
from markerless.report.motion_figures import MOST_COLUMNS, Place, heat_map, over_time, speed_histogram
from markerless.report.style import figure_style

SECONDS = Pace(10.0)


def course(values: np.ndarray, name: str = "speed", error: float | None = None) -> Quantity:
    """One animal, one keypoint."""
    values = np.asarray(values, dtype=np.float64)[:, None, None]
    errors = None if error is None else np.full(values.shape, error)
    return Quantity(name, ("nose",), values, "px/s", errors)


def test_a_heat_map_holds_the_time_of_all_points() -> None:
    points = np.full((200, 1, 2), (3.0, 4.0))
    points[150:] = (90.0, 70.0)
    points[190:] = np.nan
    place = Place.of(points, (100, 80), {"corner": np.array([[0.0, 0], [9, 0], [9, 9], [0, 0]])})
    with figure_style():
        figure = heat_map(points, ["nose"], place, SECONDS)
    axes = figure.axes[0]
    (mesh,) = axes.collections
    time: np.ndarray = np.ma.filled(np.ma.asarray(mesh.get_array()), 0)
    assert time.sum() == pytest.approx(19.0)
    assert sorted(time[time > 0]) == pytest.approx([4.0, 15.0])
    assert time[2, 1] == time.max()  # row, column of (3, 4) in cells of 100 / 48 px
    assert axes.get_ylim() == (79.5, -0.5)
    assert [text.get_text() for text in axes.texts] == ["corner"]


def test_a_heat_map_of_nothing() -> None:
    points = np.full((4, 5, 2), np.nan)
    with figure_style():
        figure = heat_map(points, list("abcde"), Place.of(points, None), SECONDS)
    assert len(figure.axes) == 6 + 1  # two rows of three, one of them empty, and the bar


def test_speeds_are_shares_of_the_frames_with_a_speed() -> None:
    values = np.concatenate([np.full(30, 2.0), np.full(10, 50.0), np.full(60, np.nan)])
    with figure_style():
        figure = speed_histogram(course(values, error=0.5), 0)
    (axes,) = figure.axes
    (steps,) = axes.patches
    heights = np.asarray(steps.get_path().vertices)[:, 1]
    assert set(np.round(heights, 6)) == {0.0, 25.0, 75.0}
    (mark,) = axes.lines
    assert np.asarray(mark.get_xdata()) == pytest.approx([0.5])
    assert axes.get_xlabel() == "speed (px/s)"


@pytest.mark.parametrize("values", [np.full(9, np.nan), np.zeros(9)])
def test_no_speed_at_all(values: np.ndarray) -> None:
    with figure_style():
        (axes,) = speed_histogram(course(values), 0).axes
    assert not axes.patches


def test_a_course_keeps_gaps_and_has_a_band() -> None:
    values = np.arange(30.0)
    values[10] = np.nan
    with figure_style():
        (axes,) = over_time(course(values, error=2.0), 0, SECONDS).axes
    (line,) = axes.lines
    drawn = np.asarray(line.get_xydata())
    np.testing.assert_allclose(drawn[:, 0], np.arange(30) / 10)
    assert set(np.flatnonzero(np.isnan(drawn[:, 1]))) == {10}
    (band,) = axes.collections
    places = np.concatenate([np.asarray(path.vertices) for path in band.get_paths()])
    here = places[np.isclose(places[:, 0], 2.0), 1]
    assert (here.min(), here.max()) == (18.0, 22.0)
    assert places[:, 1].min() == 0.0  # a speed is not below 0, whatever its error


def test_a_long_course_is_shown_by_medians() -> None:
    values = np.tile([1.0, 1.0, 100.0], MOST_COLUMNS)
    with figure_style():
        (axes,) = over_time(course(values), 0, SECONDS).axes
    faint, line = axes.lines
    assert len(faint.get_xdata()) == 3 * MOST_COLUMNS
    assert set(np.asarray(line.get_ydata())) == {1.0}


def test_a_heading_does_not_cross_the_panel() -> None:
    values = np.array([170.0, 178, -178, -170, np.nan, -90])
    with figure_style():
        (axes,) = over_time(course(values, "heading"), 0, SECONDS).axes
    drawn = np.asarray(axes.lines[0].get_ydata())
    np.testing.assert_array_equal(np.isnan(drawn), [False, False, True, False, True, False])
