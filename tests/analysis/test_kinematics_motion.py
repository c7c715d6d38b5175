"""Speed, acceleration and turning: exact on circle and parabola, nothing across gaps, errors as large as they are."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from markerless.analysis.kinematics_angles import heading
from markerless.analysis.kinematics_motion import acceleration, parabola, path_length, speed, turning, velocity
from markerless.analysis.kinematics_quantity import Pace
from markerless.core.instance import FloatArray
from markerless.core.skeleton import Skeleton
from markerless.core.tracks import Tracks
from markerless.errors import SettingsError

FPS = 50.0


def tracks_of(points: FloatArray, fps: float = FPS, error: float | None = None) -> Tracks:
    """Of points `(T, D)` or `(T, N, K, D)`."""
    points = points[:, None, None] if points.ndim == 2 else points
    names = tuple(f"k{k}" for k in range(points.shape[2]))
    individuals = tuple(f"m{n}" for n in range(points.shape[1]))
    errors = None if error is None else np.full(points.shape[:3], error)
    return Tracks(Skeleton(names), points, np.ones(points.shape[:3]), errors, individuals, fps)


def circle(n_frames: int, radius: float, turns_per_s: float, fps: float = FPS) -> FloatArray:
    angle = 2 * np.pi * turns_per_s * np.arange(n_frames) / fps
    return np.stack([300 + radius * np.cos(angle), 200 + radius * np.sin(angle)], axis=-1)


def test_a_point_on_a_circle() -> None:
    """In steps of h: speed R sin(w h) / h, acceleration 2 R (1 - cos(w h)) / h², which are R w and R w² for small h."""
    radius, turns = 80.0, 0.5
    w, h = 2 * np.pi * turns, 1 / FPS
    tracks = tracks_of(circle(200, radius, turns))
    found, pace = speed(tracks, Pace.of(tracks)), Pace.of(tracks)
    np.testing.assert_allclose(found.values[1:-1], radius * math.sin(w * h) / h, rtol=1e-9)
    np.testing.assert_allclose(found.values[1:-1], radius * w, rtol=1e-3)
    bent = acceleration(tracks, pace)
    np.testing.assert_allclose(bent.values[1:-1], 2 * radius * (1 - math.cos(w * h)) / h**2, rtol=1e-8)
    np.testing.assert_allclose(bent.values[1:-1], radius * w**2, rtol=1e-3)
    assert (found.name, found.of, found.unit, bent.unit) == ("speed", ("k0",), "px/s", "px/s²")
    assert np.isnan(found.values[[0, -1]]).all() and np.isnan(bent.values[[0, -1]]).all()
    np.testing.assert_allclose(path_length(found, pace), 198 / FPS * radius * w, rtol=1e-3)


def test_the_velocity_points_where_the_point_goes() -> None:
    tracks = tracks_of(np.stack([np.arange(10) * 3.0, -np.arange(10) * 4.0], axis=-1))
    np.testing.assert_allclose(velocity(tracks, Pace.of(tracks))[1:-1, 0, 0], np.tile([150.0, -200.0], (8, 1)))
    np.testing.assert_allclose(speed(tracks, Pace.per_frame()).values[1:-1], 5.0)
    assert speed(tracks, Pace.per_frame()).unit == "px/frame"


@pytest.mark.parametrize("window", [3, 5, 9])
def test_a_constant_acceleration_is_found_whatever_the_window(window: int) -> None:
    """x = 3 t² / 2 + 2 t in seconds: slope 3 t + 2, acceleration 3."""
    t = np.arange(40) / FPS
    tracks = tracks_of(np.stack([1.5 * t**2 + 2 * t, np.zeros(40)], axis=-1))
    half = window // 2
    inner = slice(half, 40 - half)
    found = speed(tracks, Pace.of(tracks), window).values[:, 0, 0]
    np.testing.assert_allclose(found[inner], 3 * t[inner] + 2, rtol=1e-9)
    np.testing.assert_allclose(acceleration(tracks, Pace.of(tracks), window).values[inner], 3.0, rtol=1e-8)
    assert np.isnan(found[:half]).all() and np.isnan(found[40 - half :]).all()


def test_the_smallest_window_is_the_central_difference() -> None:
    slope, bend = parabola(3)
    np.testing.assert_allclose(slope, [-0.5, 0, 0.5])
    np.testing.assert_allclose(bend, [1, -2, 1])


def test_nothing_is_derived_across_a_gap_or_beside_it() -> None:
    points = circle(30, 50, 1)
    points[10] = np.nan
    points[20, 1] = np.inf
    tracks = tracks_of(points)
    for found in (speed(tracks, Pace.of(tracks)), acceleration(tracks, Pace.of(tracks))):
        assert set(np.flatnonzero(np.isnan(found.values[:, 0, 0]))) == {0, 9, 10, 11, 19, 20, 21, 29}
    wide = speed(tracks, Pace.of(tracks), 5).values[:, 0, 0]
    assert set(np.flatnonzero(np.isnan(wide))) == {0, 1, *range(8, 13), *range(18, 23), 28, 29}


def test_fewer_frames_than_the_window_give_nothing() -> None:
    tracks = tracks_of(circle(2, 50, 1))
    assert np.isnan(speed(tracks, Pace.of(tracks)).values).all()
    assert speed(tracks_of(np.zeros((0, 2))), Pace.per_frame()).values.shape == (0, 1, 1)


@pytest.mark.parametrize("window", [1, 2, 4, 0, -3])
def test_impossible_windows(window: int) -> None:
    with pytest.raises(SettingsError, match="odd window of at least 3"):
        parabola(window)


def test_an_unknown_frame_rate_is_an_error_that_says_what_to_do() -> None:
    tracks = replace(tracks_of(circle(5, 1, 1)), fps=float("nan"), video="m.mp4")
    with pytest.raises(SettingsError, match=r"of m\.mp4, got nan: give them \(--fps 30\), or .*--fps frame"):
        Pace.of(tracks)
    assert Pace.of(tracks, 25.0) == Pace(25.0)
    with pytest.raises(SettingsError, match="got 0"):
        Pace.of(tracks, 0.0)


@pytest.mark.parametrize(("dimensions", "window"), [(2, 3), (2, 7), (3, 5)])
def test_the_expected_error_is_the_mean_error(dimensions: int, window: int) -> None:
    """Noise of a known size on a straight way: how far speeds are off in the mean is what was expected."""
    rng = np.random.default_rng(0)
    deviation = 0.5
    mean_distance = deviation * {2: math.sqrt(math.pi / 2), 3: math.sqrt(8 / math.pi)}[dimensions]
    way = np.zeros((40_000, dimensions))
    way[:, 0] = 10.0 * np.arange(len(way))
    tracks = tracks_of(way + rng.normal(0, deviation, way.shape), error=mean_distance)
    found = speed(tracks, Pace.of(tracks), window)
    assert found.error is not None
    off = np.abs(found.values - 10 * FPS)
    np.testing.assert_allclose(np.nanmean(found.error), np.nanmean(off), rtol=0.03)
    still = replace(tracks, points=tracks.points - way[:, None, None])
    bent = acceleration(still, Pace.of(tracks), window)
    assert bent.error is not None
    _, weights = parabola(window)
    by_hand = deviation * np.sqrt((weights**2).sum()) * FPS**2 * math.sqrt(2 / math.pi)
    np.testing.assert_allclose(bent.error[window:-window], by_hand, rtol=1e-9)


def test_where_the_error_of_one_frame_is_unknown_so_is_that_of_the_speeds_beside_it() -> None:
    tracks = tracks_of(circle(10, 50, 1), error=1.0)
    assert tracks.error is not None
    tracks.error[5] = np.nan
    found = speed(tracks, Pace.of(tracks))
    assert found.error is not None
    assert set(np.flatnonzero(np.isnan(found.error[:, 0, 0]))) == {0, 4, 5, 6, 9}
    assert np.isfinite(found.values[4:7]).all()


def test_many_animals_and_keypoints_are_apart() -> None:
    points = np.zeros((20, 2, 3, 2))
    rates = np.arange(6.0).reshape(2, 3)
    points[..., 0] = np.arange(20.0)[:, None, None] * rates
    found = speed(tracks_of(points), Pace.per_frame())
    np.testing.assert_allclose(found.values[1:-1], np.broadcast_to(rates, (18, 2, 3)))


@given(st.floats(0, 360), st.floats(-500, 500), st.integers(0, 2**31))
def test_turning_the_camera_changes_no_speed(degrees: float, shift: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    points = rng.normal(0, 50, (12, 2))
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    turned = points @ np.array([[c, s], [-s, c]]) + shift
    for measure in (speed, acceleration):
        one, other = measure(tracks_of(points), Pace(FPS)), measure(tracks_of(turned), Pace(FPS))
        np.testing.assert_allclose(one.values, other.values, rtol=1e-7, atol=1e-5)


@pytest.mark.parametrize("turns", [0.7, -0.7])
def test_how_fast_an_animal_turns_is_signed_and_goes_through_180_degrees(turns: float) -> None:
    """Clockwise as one sees it is positive, as y is down."""
    points = np.full((200, 1, 2, 2), (300.0, 200.0))
    points[:, 0, 1] = circle(200, 40, turns)
    found = heading(tracks_of(points, error=1.0), "k0", "k1")
    assert np.ptp(found.values) > 350
    rate = turning(found, Pace(FPS))
    np.testing.assert_allclose(rate.values[1:-1], 360 * turns, rtol=1e-6)
    assert (rate.unit, rate.of) == ("deg/s", ("k0-k1",))
    assert rate.error is not None and found.error is not None
    np.testing.assert_allclose(rate.error[1:-1], found.error[1:-1] * FPS * math.sqrt(0.5), rtol=1e-6)


def test_turning_is_not_known_beside_a_gap() -> None:
    points = np.zeros((20, 1, 2, 2))
    points[:, 0, 1] = circle(20, 40, 1) - (300, 200)
    points[8, 0, 0] = np.nan
    rate = turning(heading(tracks_of(points), "k0", "k1"), Pace(FPS)).values[:, 0, 0]
    assert set(np.flatnonzero(np.isnan(rate))) == {0, 7, 8, 9, 19}
    np.testing.assert_allclose(rate[10:19], 360.0, rtol=1e-6)


def test_who_is_never_seen_has_gone_no_known_way() -> None:
    tracks = tracks_of(np.full((5, 2), np.nan))
    found = speed(tracks, Pace(FPS))
    assert np.isnan(path_length(found, Pace(FPS))).all()
