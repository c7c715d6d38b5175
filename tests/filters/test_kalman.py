"""The Kalman smoother against known truth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.made import Spoiled, gliding, restless, tracks_of
from markerless.core.instance import FloatArray
from markerless.core.tracks import Tracks
from markerless.filters import interpolate, kalman, median
from markerless.filters._series import expected_distance

BAND_90 = 1.6449


def rmse(points: FloatArray, truth: FloatArray) -> float:
    return float(np.sqrt(np.nanmean((points - truth) ** 2)))


def coverage(found: Tracks, truth: FloatArray) -> float:
    """Share of coordinates within the 90 % band."""
    assert found.error is not None
    deviation = found.error / expected_distance(truth.shape[-1])
    known = np.isfinite(found.points)
    return float((np.abs(found.points - truth) <= BAND_90 * deviation[..., None])[known].mean())


@pytest.mark.parametrize("seed", [3, 4])
@pytest.mark.parametrize("n_axes", [2, 3])
def test_it_is_nearer_than_any_median_and_knows_how_near(seed: int, n_axes: int) -> None:
    made = restless(seed, (800, 2, 3, n_axes), noise=3.0)
    found = kalman.apply(made.tracks, kalman.Config())
    fill = interpolate.Config()
    medians = [
        interpolate.apply(median.apply(made.tracks, median.Config(window=window)), fill).points
        for window in (3, 5, 7, 9, 11)
    ]
    best = min(rmse(np.where(np.isfinite(found.points), points, np.nan), made.truth) for points in medians)
    assert rmse(found.points, made.truth) < 0.85 * best
    assert 0.84 <= coverage(found, made.truth) <= 0.95
    assert found.error is not None
    actual = np.nanmean(np.linalg.norm(found.points - made.truth, axis=-1))
    assert np.nanmean(found.error) == pytest.approx(actual, rel=0.2)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_an_animal_that_rests_in_one_very_place_may_still_move(seed: int) -> None:
    """On a grid of a quarter of a pixel, as SLEAP has it, a rest has no noise: what moves is not wild beside it."""
    rng = np.random.default_rng(seed)
    shape = (1500, 2, 6, 2)
    size = np.where(rng.random(shape[:3]) < 0.3, rng.exponential(3, shape[:3]), 0)[..., None]
    tracks = tracks_of(300 + np.round((size * rng.normal(size=shape)).cumsum(axis=0) * 4) / 4)
    found = kalman.apply(tracks, kalman.Config()).points
    assert np.isfinite(found).all()
    least_harm = median.apply(tracks, median.Config(window=3)).points
    assert rmse(found, tracks.points) < 0.7 * rmse(least_harm, tracks.points)


def test_a_smooth_path_is_taken_as_one_and_noise_is_halved() -> None:
    made = gliding(0)
    found = kalman.apply(made.tracks, kalman.Config())
    said = found.provenance["filters"][-1]
    assert said["motions"] == {"point0": "steady"}
    assert said["noise_sd"]["point0"] == pytest.approx(1.0, rel=0.1)
    assert rmse(found.points, made.truth) < 0.5
    assert rmse(kalman.apply(made.tracks, kalman.Config(motion="rest")).points, made.truth) > 0.5
    assert 0.86 <= coverage(found, made.truth) <= 0.94


def test_sudden_moves_are_kept_and_wild_points_are_not() -> None:
    rng = np.random.default_rng(0)
    truth = np.zeros((300, 1, 1, 2))
    truth[100:, ..., 0] += 40
    truth[200:, ..., 1] -= 25
    points = truth + rng.normal(0, 0.5, truth.shape)
    points[[50, 150, 151, 250]] += 30
    found = kalman.apply(tracks_of(points), kalman.Config())
    assert np.abs(found.points - truth).max() < 3
    assert found.provenance["filters"][-1]["n_wild"] == 4


def test_a_point_that_states_a_large_error_counts_less() -> None:
    rng = np.random.default_rng(1)
    truth = restless(5, (800, 1, 1, 2)).truth
    deviation = np.where(rng.random((800, 1, 1)) < 0.3, 5.0, 0.5)
    points = truth + deviation[..., None] * rng.normal(size=truth.shape)
    stated = kalman.apply(tracks_of(points, expected_distance(2) * deviation), kalman.Config())
    unstated = kalman.apply(tracks_of(points), kalman.Config())
    assert rmse(stated.points, truth) < 0.85 * rmse(unstated.points, truth)
    assert 0.85 <= coverage(stated, truth) <= 0.96


def test_an_error_that_is_no_noise_stays_in_the_result() -> None:
    """All points are off by the same 3 px, as a network that learned a label at the wrong place is."""
    made = restless(7, noise=0.5)
    off = replace(made.tracks, points=made.tracks.points + 3 / np.sqrt(2))
    silent = kalman.apply(off, kalman.Config())
    honest = kalman.apply(replace(off, error=np.full(off.score.shape, 3.1)), kalman.Config())
    assert silent.error is not None
    assert honest.error is not None
    assert np.nanmedian(silent.error) < 1
    assert 2 < np.nanmedian(honest.error) < 3.5


def test_what_is_filled_and_what_is_not() -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(0, 0.5, (200, 1, 2, 2))
    points[:5] = points[-7:] = np.nan  # the ends
    points[50:60, :, 0] = np.nan  # as long as allowed
    points[100:111, :, 0] = np.nan  # one longer
    points[150:156, :, 0] = points[157:163, :, 0] = np.nan
    points[156, :, 0] = 500  # wild, in the middle of a gap that is too long with it
    error = np.full(points.shape[:3], 0.6)
    found = kalman.apply(tracks_of(points, error), kalman.Config(max_gap=10))
    present = found.present()[:, 0]
    expected = np.ones((200, 2), bool)
    expected[:5] = expected[-7:] = False
    expected[100:111, 0] = expected[150:163, 0] = False
    np.testing.assert_array_equal(present, expected)
    assert found.error is not None
    np.testing.assert_array_equal(np.isfinite(found.error[:, 0]), expected)
    assert found.error[55, 0, 0] > found.error[30, 0, 0]  # less is known inside a gap
    np.testing.assert_array_equal(found.score, tracks_of(points).score)


def test_few_points_stay_as_they_are() -> None:
    points = np.full((50, 1, 2, 2), np.nan)
    points[[3, 9, 20], 0, 0] = [[1, 2], [50, 60], [7, 8]]
    for config in (kalman.Config(), kalman.Config(motion="steady")):
        np.testing.assert_array_equal(kalman.apply(tracks_of(points), config).points, points)
    points[:, 0, 1] = np.arange(50)[:, None]
    found = kalman.apply(tracks_of(points), kalman.Config()).points
    np.testing.assert_array_equal(found[:, 0, 0], points[:, 0, 0])
    np.testing.assert_allclose(found[:, 0, 1], points[:, 0, 1], atol=0.01)


@settings(max_examples=8, deadline=None)
@given(st.integers(-5000, 5000), st.integers(-5000, 5000), st.integers(0, 100))
def test_it_does_not_matter_where_the_origin_is(x: int, y: int, seed: int) -> None:
    tracks = restless(seed, (150, 1, 2, 2)).tracks
    moved = replace(tracks, points=tracks.points + np.array([x, y]))
    one, two = (kalman.apply(each, kalman.Config()).points for each in (tracks, moved))
    np.testing.assert_allclose(two - np.array([x, y]), one, atol=1e-3)


@settings(max_examples=8, deadline=None)
@given(st.sampled_from([0.01, 0.5, 40.0]), st.integers(0, 100))
def test_it_does_not_matter_what_the_unit_is(factor: float, seed: int) -> None:
    tracks = restless(seed, (150, 1, 2, 2)).tracks
    one = kalman.apply(tracks, kalman.Config())
    two = kalman.apply(replace(tracks, points=factor * tracks.points), kalman.Config())
    np.testing.assert_allclose(two.points / factor, one.points, atol=0.02)


def test_backwards_is_the_same_backwards() -> None:
    tracks = restless(4, (300, 1, 2, 2)).tracks
    back = replace(tracks, points=tracks.points[::-1], score=tracks.score[::-1])
    one, two = (kalman.apply(each, kalman.Config(motion="rest")) for each in (tracks, back))
    np.testing.assert_allclose(two.points[::-1], one.points, atol=0.02)


def test_animals_are_not_mixed() -> None:
    made: Spoiled = restless(6, (200, 2, 2, 2))
    tracks = made.tracks
    turned = replace(tracks, points=tracks.points[:, ::-1], score=tracks.score[:, ::-1])
    one, two = (kalman.apply(each, kalman.Config()).points for each in (tracks, turned))
    np.testing.assert_allclose(two[:, ::-1], one, atol=1e-3)


def test_many_series_and_long_ones_are_learned_from_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    made = restless(8, (3000, 3, 2, 2))
    whole = kalman.apply(made.tracks, kalman.Config())
    monkeypatch.setattr(kalman, "LEARN_FROM", 2000)
    monkeypatch.setattr(kalman, "WINDOW", 250)
    part = kalman.apply(made.tracks, kalman.Config())
    assert part.provenance != whole.provenance
    assert rmse(part.points, made.truth) < 1.05 * rmse(whole.points, made.truth)


@pytest.mark.parametrize("seed", range(6))
def test_errors_stated_far_too_small_lose_no_track(seed: int) -> None:
    """Every point is wild by them; a series of which nothing would be left is kept."""
    rng = np.random.default_rng(seed)
    points = 50 * rng.normal(size=(60, 3, 7, 3)).cumsum(axis=0)
    points[rng.random(points.shape[:3]) < 0.3] = np.nan
    error = np.abs(rng.normal(1, 0.5, points.shape[:3]))
    found = kalman.apply(tracks_of(points, error), kalman.Config())
    assert (found.present().sum(axis=0) >= 4).all()
    assert np.nanmax(np.abs(found.points)) < 2 * np.nanmax(np.abs(points))


@pytest.mark.parametrize("error", [1e-5, 1e-9, 1e-15])
def test_errors_of_next_to_nothing_are_not_believed(error: float) -> None:
    made = restless(1, (200, 2, 3, 2))
    alone = kalman.apply(made.tracks, kalman.Config())
    stated = replace(made.tracks, error=np.full(made.tracks.score.shape, error))
    found = kalman.apply(stated, kalman.Config())
    assert found.present().mean() > 0.9 * alone.present().mean()
    assert rmse(found.points, made.truth) < 1.5 * rmse(alone.points, made.truth)


def test_one_error_of_next_to_nothing_holds_no_track() -> None:
    made = restless(1, (200, 1, 3, 2))
    error = np.full(made.tracks.score.shape, 1.25)
    usual = kalman.apply(replace(made.tracks, error=error), kalman.Config())
    error[60:120:20] = 1e-15
    found = kalman.apply(replace(made.tracks, error=error), kalman.Config())
    assert rmse(found.points, made.truth) < 1.2 * rmse(usual.points, made.truth)


def test_a_single_point_at_the_end_of_the_world_is_taken_out() -> None:
    made = restless(1, (200, 1, 3, 2), noise=0.3)
    made.tracks.points[50, 0, 0] = 1e12
    stated = replace(made.tracks, error=np.full(made.tracks.score.shape, 0.4))
    found = kalman.apply(stated, kalman.Config())
    assert np.nanmax(np.abs(found.points)) < 1e4
