"""Figures of tracks: gaps stay gaps, animals apart, long videos thinned, nothing present is no error."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from matplotlib.collections import LineCollection

from markerless.core.skeleton import Skeleton
from markerless.core.tracks import Tracks
from markerless.report.trajectories import View, build_page, draw_figures, steps_px

KINDS = ["trajectory", "position", "heatmap", "speed", "confidence", "jumps"]


def tracks_of(n_frames: int, individuals: tuple[str, ...] = ("individual_0",)) -> Tracks:
    skeleton = Skeleton(("nose", "tail"))
    points = np.zeros((n_frames, len(individuals), 2, 2))
    points[..., 0] = np.arange(n_frames)[:, None, None]
    return Tracks(skeleton, points, np.full(points.shape[:3], 0.9), individuals=individuals, fps=10.0, scorer="S")


def test_steps_are_distances_between_frames() -> None:
    points = np.array([[0.0, 0.0], [3.0, 4.0], [np.nan, np.nan], [3.0, 4.0]])
    np.testing.assert_allclose(steps_px(points), [5.0, np.nan, np.nan])


def test_gaps_and_cut_off_points_are_not_bridged() -> None:
    tracks = tracks_of(30)
    tracks.points[10, 0, 0] = np.nan
    tracks.score[20, 0, 0] = 0.1
    figures = draw_figures(tracks, View((100, 80), cutoff=0.5)).figures
    assert list(figures) == KINDS
    drawn = np.array(figures["position"].axes[0].lines[0].get_xydata(), dtype=np.float64)
    np.testing.assert_allclose(drawn[:, 0], np.arange(30) / 10)
    assert set(np.flatnonzero(np.isnan(drawn[:, 1]))) == {10, 20}
    collection = figures["trajectory"].axes[0].collections[0]
    assert isinstance(collection, LineCollection)
    assert len(collection.get_segments()) == 29 - 4, "two segments are missing at each gap"


def test_the_expected_error_is_a_band_around_the_lines() -> None:
    """Of 2 px for the nose and 5 px for the tail; where there is no point there is none."""
    tracks = tracks_of(30)
    tracks.points[10, 0, 0] = np.nan
    error = np.broadcast_to([2.0, 5.0], tracks.score.shape).copy()
    error[20, 0, 0] = 1e4
    drawn = draw_figures(replace(tracks, error=error), View((100, 80)))
    upper, lower = drawn.figures["position"].axes
    plain = draw_figures(tracks, View((100, 80)))
    for axes, before in zip((upper, lower), plain.figures["position"].axes, strict=True):
        assert len(axes.collections) == 2 and not before.collections
        assert axes.get_ylim() == before.get_ylim()  # the frame with 10 000 px does not make the others small
    nose, tail = (collection.get_paths() for collection in upper.collections)
    (whole,) = tail
    time_s, x = np.asarray(whole.vertices, dtype=np.float64).T
    for frame in (0, 29):
        here = x[np.isclose(time_s, frame / 10)]
        assert (here.min(), here.max()) == (frame - 5, frame + 5)
    assert len(nose) == 2
    assert "expected error" in drawn.captions["position"] and "expected error" not in plain.captions["position"]
    html = build_page(replace(tracks, error=error), drawn, "Errors").html()
    assert "median expected error" in html and "5.00 px" in html
    assert "median expected error" not in build_page(tracks, plain, "None").html()


def test_axes_have_names_and_units_and_the_picture_is_upright() -> None:
    figures = draw_figures(tracks_of(5), View((100, 80))).figures
    path = figures["trajectory"].axes[0]
    assert (path.get_xlabel(), path.get_ylabel()) == ("x (px)", "y (px)")
    assert path.get_ylim() == (79.5, -0.5)
    upper, lower = figures["position"].axes
    assert (upper.get_ylabel(), lower.get_ylabel(), lower.get_xlabel()) == ("x (px)", "y (px)", "time (s)")
    assert "px" in figures["jumps"].axes[0].get_xlabel()


def test_each_animal_has_its_figures() -> None:
    drawn = draw_figures(tracks_of(5, ("mouse a", "b")), View())
    assert list(drawn.figures) == [f"{kind}-{name}" for name in ("mouse_a", "b") for kind in KINDS]
    html = build_page(tracks_of(5, ("mouse a", "b")), drawn, "Two").html()
    assert html.count("<img") == 12 and "mouse a nose" in html


def test_animals_with_like_names_have_figures_of_their_own() -> None:
    tracks = tracks_of(5, ("mouse ♀", "mouse ♂"))
    drawn = draw_figures(tracks, View())
    assert list(drawn.figures) == [f"{kind}-{name}" for name in ("mouse__", "mouse___2") for kind in KINDS]
    html = build_page(tracks, drawn, "Two").html()
    assert html.count("<img") == 12 and "Path of mouse ♀" in html and "Path of mouse ♂" in html


def test_the_share_of_points_is_of_those_that_could_be_there() -> None:
    """Two mice of two keypoints, and the cage with a keypoint of its own, which no mouse has."""
    tracks = Tracks(
        Skeleton(("nose", "tail", "corner")),
        np.full((10, 3, 3, 2), np.nan),
        np.full((10, 3, 3), np.nan),
        individuals=("m1", "m2", "single"),
    )
    tracks.points[:, :2, :2], tracks.points[:, 2, 2] = 1.0, 1.0
    assert tracks.share_present == 1.0
    assert "100.0 %" in build_page(tracks, draw_figures(tracks, View()), "Cage").html()
    tracks.points[:5, 0] = np.nan
    assert tracks.share_present == 40 / 50
    tracks.points[:, 0, 1], tracks.score[:, 0, 1] = np.nan, 0.01  # looked for and never found
    assert tracks.share_present == 35 / 50


def test_an_animal_or_a_keypoint_that_was_never_found_is_a_loss() -> None:
    tracks = tracks_of(10, ("a", "b"))
    tracks.points[:, 1], tracks.score[:, 1] = np.nan, np.nan
    assert tracks.share_present == 0.5
    alone = tracks_of(10)
    alone.points[:, 0, 1], alone.score[:, 0, 1] = np.nan, np.nan
    assert alone.share_present == 0.5
    assert np.isnan(tracks_of(0).share_present)


def test_tracks_without_a_single_point_are_drawn() -> None:
    tracks = Tracks(Skeleton(("nose",)), np.full((4, 1, 1, 2), np.nan), np.full((4, 1, 1), np.nan))
    html = build_page(tracks, draw_figures(tracks, View()), "Nothing").html()
    assert "0.0 %" in html


def test_long_videos_are_thinned() -> None:
    axes = draw_figures(tracks_of(50_000), View()).figures["position"].axes[0]
    assert len(np.array(axes.lines[0].get_xydata())) <= 20_000
