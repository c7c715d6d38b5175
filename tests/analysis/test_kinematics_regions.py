"""Regions: edges, corners, hollows; entries and visits with gaps, at the ends, and of a point that trembles."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from markerless.analysis.kinematics_regions import Circle, Polygon, Visit, check_names, visits
from markerless.errors import SettingsError

SQUARE = Polygon("box", ((10, 10), (30, 10), (30, 30), (10, 30)))
HOLLOW = Polygon("u", ((0, 0), (30, 0), (30, 30), (20, 30), (20, 10), (10, 10), (10, 30), (0, 30)))
BOW = Polygon("bow", ((0, 0), (20, 20), (20, 0), (0, 20)))
STAR = Polygon("star", ((50, 0), (79, 90), (2, 35), (98, 35), (21, 90)))


def inside(region: Polygon | Circle, x: float, y: float) -> bool:
    return bool(region.contains(np.array([x, y], dtype=np.float64)))


@pytest.mark.parametrize(
    ("region", "xy", "is_inside"),
    [
        (SQUARE, (20, 20), True),
        (SQUARE, (10, 20), True),  # edges
        (SQUARE, (30, 20), True),
        (SQUARE, (20, 10), True),
        (SQUARE, (20, 30), True),
        (SQUARE, (10, 10), True),  # corners
        (SQUARE, (30, 30), True),
        (SQUARE, (30.001, 20), False),
        (SQUARE, (9.999, 10), False),
        (SQUARE, (5, 10), False),  # level with an edge, beside it
        (SQUARE, (35, 30), False),
        (SQUARE, (5, 20), False),
        (HOLLOW, (15, 20), False),
        (HOLLOW, (15, 5), True),
        (HOLLOW, (15, 10), True),
        (HOLLOW, (5, 30), True),
        (HOLLOW, (15, 30), False),
        (HOLLOW, (-5, 10), False),
        (BOW, (18, 10), True),
        (BOW, (10, 2), False),
        (BOW, (10, 10), True),
        (STAR, (50, 50), False),  # enclosed twice
        (STAR, (50, 10), True),
        (Polygon("again", ((0, 0), (0, 0), (10, 0), (10, 10), (10, 10))), (9, 5), True),
    ],
)
def test_polygons(region: Polygon, xy: tuple[float, float], is_inside: bool) -> None:
    assert inside(region, *xy) is is_inside
    reverse = Polygon("reverse", region.corners[::-1])
    assert inside(reverse, *xy) is is_inside


def test_circles() -> None:
    food = Circle("food", (100.0, 50.0), 20.0)
    assert inside(food, 120, 50) and inside(food, 100, 30) and inside(food, 112, 66)
    assert not inside(food, 120.001, 50) and not inside(food, 115, 66)


def test_a_missing_point_is_nowhere() -> None:
    points = np.array([[np.nan, np.nan], [20, np.nan], [20, 20]])
    assert SQUARE.contains(points).tolist() == [False, False, True]
    assert Circle("c", (20, 20), 50).contains(points).tolist() == [False, False, True]


@given(st.floats(-50, 90), st.floats(-50, 90), st.floats(0, 360))
def test_turning_region_and_point_together_changes_nothing(x: float, y: float, degrees: float) -> None:
    edge = min(abs(x - 10), abs(x - 30), abs(y - 10), abs(y - 30))
    if edge < 1e-6:
        return
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    turn = np.array([[c, s], [-s, c]])
    turned = Polygon("t", tuple((float(a), float(b)) for a, b in np.array(SQUARE.corners) @ turn))
    assert inside(turned, *(np.array([x, y]) @ turn)) is (10 < x < 30 and 10 < y < 30)


@given(st.lists(st.tuples(st.floats(-9, 9), st.floats(-9, 9)), min_size=3, max_size=3), st.integers(0, 99))
def test_who_is_in_a_triangle_is_on_the_same_side_of_all_edges(corners: list[tuple[float, float]], seed: int) -> None:
    a, b, c = (np.array(corner) for corner in corners)
    area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
    if abs(area) < 1e-3:
        return
    triangle = Polygon("t", tuple(corners))
    points = np.random.default_rng(seed).uniform(-9, 9, (200, 2))
    sides = [
        (q[0] - p[0]) * (points[:, 1] - p[1]) - (q[1] - p[1]) * (points[:, 0] - p[0])
        for p, q in ((a, b), (b, c), (c, a))
    ]
    clear = np.min(np.abs(sides), axis=0) > 1e-6
    by_sides = np.all(np.array(sides) * np.sign(area) > 0, axis=0)
    np.testing.assert_array_equal(triangle.contains(points)[clear], by_sides[clear])


@pytest.mark.parametrize(
    "corners", [((0, 0), (1, 1)), ((0, 0), (1, 1), (2, 2)), ((0, 0), (math.nan, 1), (2, 0)), ((5, 5),) * 4]
)
def test_polygons_without_an_area_are_refused(corners: tuple[tuple[float, float], ...]) -> None:
    with pytest.raises(SettingsError, match="region 'flat'"):
        Polygon("flat", corners)


@pytest.mark.parametrize("radius", [0.0, -3.0, math.nan, math.inf])
def test_impossible_circles_are_refused(radius: float) -> None:
    with pytest.raises(SettingsError, match="region 'o'"):
        Circle("o", (0, 0), radius)


def stays(text: str, least_frames: int = 1) -> list[Visit]:
    """Of frames written as i (inside), o (outside) and . (missing)."""
    letters = np.array(list(text))
    return visits(letters == "i", letters != ".", least_frames)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", []),
        ("oooo", []),
        ("....", []),
        ("ooii", [Visit(2, 4, 2, 0, True)]),
        ("iioo", [Visit(0, 2, 2, 0, False)]),
        ("..ii", [Visit(2, 4, 2, 0, False)]),  # seen inside at first: nobody saw it enter
        ("oiioio", [Visit(1, 3, 2, 0, True), Visit(4, 5, 1, 0, True)]),
        ("oi..io", [Visit(1, 5, 2, 2, True)]),  # one visit, two frames of which are not known
        ("o..i..o", [Visit(3, 4, 1, 0, True)]),
        ("i..o..i", [Visit(0, 1, 1, 0, False), Visit(6, 7, 1, 0, True)]),
    ],
)
def test_visits(text: str, found: list[Visit]) -> None:
    assert stays(text) == found


def test_a_point_that_trembles_on_the_edge_has_not_left() -> None:
    assert stays("ooiiioiiioooioo") == [Visit(2, 5, 3, 0, True), Visit(6, 9, 3, 0, True), Visit(12, 13, 1, 0, True)]
    assert stays("ooiiioiiioooioo", 2) == [Visit(2, 9, 6, 0, True)]
    assert stays("iiooii", 2) == [Visit(0, 2, 2, 0, False), Visit(4, 6, 2, 0, True)]


def test_an_absence_lasts_from_inside_to_inside() -> None:
    """Seen outside for two frames only, and away for seven."""
    apart = [Visit(0, 2, 2, 0, False), Visit(9, 11, 2, 0, True)]
    assert stays("iio.....oii", 2) == apart
    assert stays("iio.....oii", 7) == []  # neither stay is that long by itself
    assert stays("iio.....oii", 8) == [Visit(0, 11, 4, 5, False)]
    assert stays("iio.....oii", 12) == []
    assert stays("iiiiio...oiiiii", 5) == [Visit(0, 5, 5, 0, False), Visit(10, 15, 5, 0, True)]
    assert stays("iiiiio...oiiiii", 6) == [Visit(0, 15, 10, 3, False)]


def test_a_stay_lasts_from_its_first_frame_inside_to_its_last() -> None:
    """In a nest that is partly hidden: seen in 8 of 29 frames, and in one of them."""
    hidden = "o" + "i..." * 7 + "io"
    stay = [Visit(1, 30, 8, 21, True)]
    assert stays(hidden, 1) == stays(hidden, 10) == stays(hidden, 29) == stay
    assert stays(hidden, 30) == []
    assert stays("oo...i...oo", 2) == []  # nobody saw it inside any longer


@given(st.text("io.", max_size=60), st.integers(1, 5))
def test_what_always_holds(text: str, least: int) -> None:
    found = stays(text)
    assert sum(visit.n_inside for visit in found) == text.count("i")
    assert sum(visit.is_entry for visit in found) == text.replace(".", "").count("oi")
    for visit in found:
        assert text[visit.start] == text[visit.stop - 1] == "i"
        assert visit.n_inside + visit.n_missing == visit.stop - visit.start
    for visit in stays(text, least):
        assert visit.stop - visit.start >= least
    for before, after in pairwise(stays(text, least)):
        assert after.start - before.stop >= least


def test_the_number_that_is_wrong_is_named() -> None:
    with pytest.raises(SettingsError, match="in pixels, got inf, 2"):
        Polygon("far", ((1, 1), (np.inf, 2), (3, 3)))
    with pytest.raises(SettingsError, match="got nan, 0, 10"):
        Circle("o", (np.nan, 0), 10)


def test_every_region_has_a_name_of_its_own() -> None:
    check_names([SQUARE, HOLLOW])
    with pytest.raises(SettingsError, match="'box' 2 times"):
        check_names([SQUARE, SQUARE])
    with pytest.raises(SettingsError, match="'' 1 times"):
        check_names([Circle("", (0, 0), 1)])
