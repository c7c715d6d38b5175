"""Drawing: dots where the points are, to the sub-pixel; confidence as transparency; nothing where nothing is."""

from __future__ import annotations

import numpy as np
import pytest

from markerless.core.skeleton import Skeleton
from markerless.core.tracks import Tracks
from markerless.drawing import Painter, RenderSettings, draw_dot, palette, zoomed
from markerless.errors import FormatError


def tracks_of(points: np.ndarray, score: float = 1.0, edges: tuple[tuple[int, int], ...] = ()) -> Tracks:
    """Tracks with the given `(T, N, K, 2)` points and one score for all."""
    skeleton = Skeleton(tuple(f"k{i}" for i in range(points.shape[2])), edges)
    individuals = tuple(f"a{i}" for i in range(points.shape[1]))
    return Tracks(skeleton, points, np.full(points.shape[:3], score), individuals=individuals)


def gray_frame() -> np.ndarray:
    return np.full((80, 100, 3), 100, np.uint8)


def center_of_change(before: np.ndarray, after: np.ndarray) -> tuple[float, float]:
    weight = np.abs(after.astype(float) - before.astype(float)).sum(axis=-1)
    y, x = np.mgrid[0 : weight.shape[0], 0 : weight.shape[1]]
    return float(np.average(x, weights=weight)), float(np.average(y, weights=weight))


@pytest.mark.parametrize("place", [(50.0, 40.0), (50.25, 40.75), (31.5, 20.4)])
def test_dot_is_centered_to_the_sub_pixel(place: tuple[float, float]) -> None:
    frame = gray_frame()
    draw_dot(frame, np.array(place), 4.0, np.array([255, 255, 255], np.uint8), 1.0)
    assert center_of_change(gray_frame(), frame) == pytest.approx(place, abs=0.05)


def test_opacity_is_the_confidence() -> None:
    """A point of score 0 keeps a quarter of its color, one of score 1 all of it: 100 + opacity * (230 - 100)."""
    center = np.array([[[[50.0, 40.0]]]])
    for score, opacity in ((0.0, 0.25), (0.5, 0.625), (1.0, 1.0), (float("nan"), 1.0)):
        drawn = Painter(tracks_of(center, score), RenderSettings(cutoff=0.0)).draw(gray_frame(), 0)
        assert drawn[40, 50, 0] == round(100 + opacity * (palette(1)[0, 0] - 100))


@pytest.mark.parametrize(
    ("points", "score"),
    [([[[[np.nan, np.nan]]]], 1.0), ([[[[50.0, 40.0]]]], 0.1), ([[[[-50.0, 1e9]]]], 1.0), ([[[[300.0, 40.0]]]], 1.0)],
    ids=["missing", "below the cut-off", "far outside", "outside"],
)
def test_nothing_is_drawn_for(points: list[float], score: float) -> None:
    painter = Painter(tracks_of(np.array(points), score), RenderSettings(cutoff=0.2))
    np.testing.assert_array_equal(painter.draw(gray_frame(), 0), gray_frame())


def test_edges_join_shown_points_only() -> None:
    points = np.array([[[[20.0, 40.0], [80.0, 40.0], [np.nan, np.nan]]]])
    tracks = tracks_of(points, edges=((0, 1), (1, 2)))
    middle = Painter(tracks, RenderSettings()).draw(gray_frame(), 0)[30:51, 50].astype(int)
    assert (np.abs(middle - 100).max(axis=-1) > 50).sum() in (1, 2, 3), "one line crosses the middle column"
    assert center_of_change(gray_frame(), Painter(tracks).draw(gray_frame(), 0))[1] == pytest.approx(40, abs=0.05)
    without = Painter(tracks, RenderSettings(skeleton=False)).draw(gray_frame(), 0)
    np.testing.assert_array_equal(without[30:51, 50], gray_frame()[30:51, 50])


def test_trail_follows_the_path_and_breaks_at_gaps() -> None:
    points = np.full((21, 1, 1, 2), 40.0)
    points[:, 0, 0, 0] = np.linspace(10, 90, 21)
    points[10] = np.nan
    drawn = Painter(tracks_of(points), RenderSettings(trail=20)).draw(gray_frame(), 20)
    changed = np.abs(drawn[40].astype(int) - 100).max(axis=-1) > 5
    assert changed[14:45].all() and changed[56:85].all()
    assert not changed[49:52].any(), "between frames 9 and 11 nothing is known"
    opacity = np.abs(drawn[40].astype(int) - 100).max(axis=-1)
    assert opacity[75] > opacity[20], "the past fades"


def test_frame_beyond_the_tracks_is_unchanged() -> None:
    np.testing.assert_array_equal(Painter(tracks_of(np.full((2, 1, 1, 2), 40.0))).draw(gray_frame(), 2), gray_frame())


def test_animals_are_told_apart_by_the_color_of_their_lines() -> None:
    points = np.array([[[[20.0, 20.0], [80.0, 20.0]], [[20.0, 60.0], [80.0, 60.0]]]])
    drawn = Painter(tracks_of(points, edges=((0, 1),))).draw(gray_frame(), 0)
    assert np.abs(drawn[20, 50].astype(int) - drawn[60, 50].astype(int)).max() > 60


def test_three_dimensional_tracks_are_refused() -> None:
    tracks = Tracks(Skeleton(("a",)), np.zeros((1, 1, 1, 3)), np.ones((1, 1, 1)))
    with pytest.raises(FormatError, match="3D"):
        Painter(tracks)


@pytest.mark.parametrize("n_colors", [1, 7, 8, 23])
def test_palette_has_distinct_colors(n_colors: int) -> None:
    assert len({tuple(color) for color in palette(n_colors)}) == n_colors


@pytest.mark.parametrize("width", [40, 160, 8])
def test_a_part_is_zoomed_to_where_its_map_says(width: int) -> None:
    frame = np.zeros((80, 100, 3), np.uint8)
    frame[38:42, 58:62] = 255  # a square around (59.5, 39.5)
    part, to_part = zoomed(frame, (40, 20, 80, 60), width)
    assert part.shape == (width, width, 3)
    place = center_of_change(np.zeros_like(part), part)
    assert place == pytest.approx(to_part.apply([59.5, 39.5]).tolist(), abs=0.05)
    assert place == pytest.approx([(width - 1) / 2] * 2, abs=0.05)  # the middle of the box is the middle of the part
