"""Figures of points in space: lengths and their spread are those of arithmetic, wrong points do not rule the axes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from markerless.core.skeleton import Skeleton
from markerless.core.tracks import Tracks
from markerless.core.views import Views
from markerless.report.space_figures import bones_of, build_space_page, draw_space_figures

N_FRAMES = 200


def made(edges: tuple[tuple[int, int], ...] = ((0, 1), (1, 2))) -> Tracks:
    """Three points on a walk: 30 and 40 apart, the second distance alternating by 10 % to both sides."""
    walk = np.stack([np.arange(N_FRAMES), 5 * np.sin(np.arange(N_FRAMES) / 9), np.full(N_FRAMES, 10.0)], axis=-1)
    neck = np.array([0, 30, 0])
    second = 40.0 * (1 + 0.1 * np.where(np.arange(N_FRAMES) % 2, 1, -1))
    points = np.stack([walk, walk + neck, walk + neck + second[:, None] * [0.6, 0, 0.8]], axis=1)
    score = np.ones((N_FRAMES, 1, 3))
    skeleton = Skeleton(("nose", "neck", "tail"), edges)
    return Tracks(skeleton, points[:, None], score, error=np.full(score.shape, 2.0), fps=50.0)


def views(tracks: Tracks) -> Views:
    """Two cameras, 1 and 3 px off, the second of which was not used in every other moment."""
    shape = (2, *tracks.score.shape)
    off = np.ones(shape) * np.array([1.0, 3.0])[:, None, None, None]
    used = np.ones(shape, dtype=bool)
    used[1, ::2] = False
    return Views(("left", "right"), off, used, np.zeros(tracks.score.shape, dtype=np.int8))


def test_lengths_and_spreads_of_bones() -> None:
    tracks = made()
    first, second = bones_of(tracks, tracks.present())
    assert (first.name, second.name) == ("nose - neck", "neck - tail")
    np.testing.assert_allclose(first.length, 30.0)
    assert (first.median, first.spread) == pytest.approx((30.0, 0.0))
    assert (second.median, second.spread) == pytest.approx((40.0, 0.1))
    assert second.robust_spread == pytest.approx(0.1 * 1.4826)


def test_one_wrong_point_does_not_count_in_the_middle() -> None:
    tracks = made()
    tracks.points[50, 0, 0] = 1e5
    bone = bones_of(tracks, tracks.present())[0]
    assert bone.spread > 1 and bone.robust_spread == pytest.approx(0.0, abs=1e-9)


def test_without_a_skeleton_the_steadiest_pairs_are_taken() -> None:
    tracks = made(edges=())
    assert [bone.ends for bone in bones_of(tracks, tracks.present())] == [(0, 1), (0, 2)]
    # nose - tail is 50 px, of which the part that varies is 40
    far = made(edges=((1, 2),))
    assert [bone.ends for bone in bones_of(far, far.present())] == [(1, 2)]


def test_a_figure_of_many_bones_says_how_many_there_are() -> None:
    keypoints = tuple("abcdefghijklmno")
    points = np.arange(15.0)[None, None, :, None] * np.ones((30, 1, 1, 3))
    pairs = tuple((k, k + 1) for k in range(14))
    tracks = Tracks(Skeleton(keypoints, pairs), points, np.ones((30, 1, 15)))
    assert "The first 12 of 14 bones." in draw_space_figures(tracks, None, "mm").captions["bones"]
    assert "The first" not in draw_space_figures(made(), None, "mm").captions["bones"]


def test_missing_points_are_no_lengths() -> None:
    tracks = made()
    tracks.points[10:20, 0, 0] = np.nan
    score = tracks.score.copy()
    score[30:40, 0, 1] = 0.1
    tracks = replace(tracks, score=score)
    bone = bones_of(tracks, tracks.present(0.2))[0]
    assert np.flatnonzero(np.isnan(bone.length)).tolist() == [*range(10, 20), *range(30, 40)]


def test_figures_and_page() -> None:
    tracks = made()
    tracks.points[100, 0, 0, 0] = 1e6  # one wrong point
    drawn = draw_space_figures(tracks, views(tracks), "mm")
    assert list(drawn.figures) == ["bones", "reprojection", "reprojection-histogram", "position"]
    assert set(drawn.captions) == set(drawn.figures)
    low, high = drawn.figures["position"].axes[0].get_ylim()
    assert low < 0 and 199 < high < 300
    assert drawn.figures["position"].axes[0].get_ylabel() == "x (mm)"
    titles = [axes.get_title(loc="left") for axes in drawn.figures["bones"].axes]
    assert titles[1] == "neck - tail: 40 mm, varies by 14.8 %"
    medians = [axes.get_title(loc="left") for axes in drawn.figures["reprojection"].axes]
    assert medians == ["left: median 1.00 px", "right: median 3.00 px"]
    html = build_space_page(tracks, views(tracks), drawn, "S.nc", ("mm", ("a note",), 0.0)).html()
    assert "a note" in html and "10.0 %" in html
    # of two ends with an expected error of 2 each: 0.627 * hypot(2, 2) / 40
    assert "4.4 %" in html


def test_the_histogram_holds_the_points_that_were_used() -> None:
    tracks = made()
    figure = draw_space_figures(tracks, views(tracks), "mm").figures["reprojection-histogram"]
    left, right = figure.axes[0].patches
    heights = [float(np.asarray(patch.get_path().vertices)[:, 1].max()) for patch in (left, right)]
    assert heights == [3 * N_FRAMES, 3 * N_FRAMES / 2]


def test_two_animals_and_no_views() -> None:
    one = made()
    both = Tracks(
        one.skeleton, np.repeat(one.points, 2, axis=1), np.repeat(one.score, 2, axis=1), individuals=("anna", "bert")
    )
    drawn = draw_space_figures(both, None, "")
    assert list(drawn.figures) == ["bones", "position-anna", "position-bert"]
    assert [bone.name for bone in bones_of(both, both.present())][::2] == ["anna nose - neck", "bert nose - neck"]
    assert "bert tail" in build_space_page(both, None, drawn, "S.nc", ("", (), 0.0)).html()


def test_two_animals_of_like_names_have_figures_of_their_own() -> None:
    points = np.random.default_rng(0).normal(size=(20, 2, 2, 3))
    tracks = Tracks(Skeleton(("a", "b")), points, np.ones(points.shape[:3]), individuals=("m 1", "m_1"))
    assert {"position-m_1", "position-m_1_2"} <= set(draw_space_figures(tracks, None, "mm").figures)


def test_nothing_in_space() -> None:
    empty = replace(made(), points=np.full((N_FRAMES, 1, 3, 3), np.nan))
    drawn = draw_space_figures(empty, None, "mm")
    assert "position" in drawn.figures
    assert "0.0 %" in build_space_page(empty, None, drawn, "S.nc", ("mm", (), 0.0)).html()


def test_long_results_are_thinned() -> None:
    tracks = made()
    times = 150  # 30,000 moments
    long = replace(
        tracks,
        points=np.tile(tracks.points, (times, 1, 1, 1)),
        score=np.tile(tracks.score, (times, 1, 1)),
        error=np.full((times * N_FRAMES, 1, 3), 2.0),
    )
    figures = draw_space_figures(long, views(long), "mm").figures
    for name in ("bones", "reprojection", "position"):
        assert all(len(line.get_xdata()) == 15_000 for axes in figures[name].axes for line in axes.lines), name
    running = figures["bones"].axes[1].lines[1].get_ydata()
    np.testing.assert_allclose(np.asarray(running), 36.0, atol=8.1)
