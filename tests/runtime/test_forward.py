"""The forward filter against closed forms, a regression line, and the filter as textbooks write it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from markerless.runtime.forward import LONGEST_GAP_S, ForwardFilter, Motion

MOTION = Motion(acceleration=900.0, noise_px=1.5, speed=400.0)
SURE = np.ones(1)


def fed(motion: Motion, times: np.ndarray, xy: np.ndarray) -> ForwardFilter:
    """A filter that has seen one keypoint at `xy (T, 2)`."""
    forward = ForwardFilter(1, motion)
    for time_s, point in zip(times, xy, strict=True):
        forward.update(point[None], SURE, time_s)
    return forward


def textbook(motion: Motion, times: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Position and velocity `(2,)` after all measurements of one coordinate, by matrices."""
    state = np.array([x[0], 0.0])
    covariance = np.diag([motion.noise_px**2, motion.speed**2])
    measure = np.array([[1.0, 0.0]])
    for dt, value in zip(np.diff(times), x[1:], strict=True):
        move = np.array([[1.0, dt], [0.0, 1.0]])
        push = np.array([[dt**2 / 2], [dt]])
        state = move @ state
        covariance = move @ covariance @ move.T + motion.acceleration**2 * push @ push.T
        gain = covariance @ measure.T / (measure @ covariance @ measure.T + motion.noise_px**2)
        state = state + gain[:, 0] * (value - state[0])
        covariance = (np.eye(2) - gain @ measure) @ covariance
    return state


@pytest.mark.parametrize(("acceleration", "noise_px", "rate"), [(900.0, 1.5, 30.0), (50.0, 3.0, 100.0), (2e4, 0.5, 60)])
def test_settles_to_the_gains_of_kalata(acceleration: float, noise_px: float, rate: float) -> None:
    """Alpha and beta of the tracking index (Kalata, IEEE Transactions on Aerospace 20, 1984)."""
    interval = 1 / rate
    index = acceleration * interval**2 / noise_px
    root = (4 + index - math.sqrt(8 * index + index**2)) / 4
    alpha = 1 - root**2
    beta = 2 * (2 - alpha) - 4 * math.sqrt(1 - alpha)
    times = interval * np.arange(3001)
    xy = np.zeros((3001, 2))
    xy[-1, 0] = 1.0
    forward = fed(Motion(acceleration, noise_px, 100.0), times, xy)
    np.testing.assert_allclose(forward.ahead(0.0), [[alpha, 0]], rtol=1e-6)
    np.testing.assert_allclose(forward.velocity, [[beta / interval, 0]], rtol=1e-6)
    np.testing.assert_allclose(forward.ahead(2 * interval), [[alpha + 2 * beta, 0]], rtol=1e-6)


def test_goes_on_along_the_line_of_what_moves_evenly() -> None:
    times = np.array([0, 0.03, 0.07, 0.1, 0.14, 0.2])
    line = np.array([20.0, 30.0]) + times[:, None] * np.array([250.0, -90.0])
    forward = fed(Motion(900.0, 1e-5, 1e4), times, line)
    np.testing.assert_allclose(forward.velocity, [[250, -90]], rtol=1e-6)
    np.testing.assert_allclose(forward.ahead(0.05), [[20 + 0.25 * 250, 30 - 0.25 * 90]], rtol=1e-6)


def test_is_the_line_of_least_squares_where_nothing_accelerates() -> None:
    random = np.random.default_rng(1)
    times = np.cumsum(random.uniform(0.01, 0.05, 12))
    xy = random.normal(0, 2, (12, 2)) + times[:, None] * [100, -20]
    forward = fed(Motion(acceleration=0.0, noise_px=2.0, speed=1e5), times, xy)
    expected = [np.polyval(np.polyfit(times, x, 1), times[-1] + 0.1) for x in xy.T]
    np.testing.assert_allclose(forward.ahead(0.1), [expected], rtol=1e-4)


def test_is_the_filter_of_the_textbook_at_uneven_times() -> None:
    random = np.random.default_rng(2)
    times = 1e4 + np.cumsum(random.uniform(0.005, 0.08, 40))
    xy = np.cumsum(random.normal(0, 4, (40, 2)), axis=0)
    forward = fed(MOTION, times, xy)
    x, y = (textbook(MOTION, times, column) for column in xy.T)
    np.testing.assert_allclose(forward.ahead(0.0), [[x[0], y[0]]], rtol=1e-9)
    np.testing.assert_allclose(forward.velocity, [[x[1], y[1]]], rtol=1e-9)


def test_nothing_is_known_before_the_first_sight() -> None:
    forward = ForwardFilter(2, MOTION)
    assert np.isnan(forward.ahead(0.02)).all()
    forward.update(np.array([[3.0, 4.0], [np.nan, np.nan]]), np.ones(2), 5.0)
    np.testing.assert_array_equal(forward.ahead(0.02), [[3, 4], [np.nan, np.nan]])
    np.testing.assert_array_equal(forward.velocity, [[0, 0], [np.nan, np.nan]])


@pytest.mark.parametrize(("place", "score"), [(np.nan, 1.0), (999.0, 0.49)])
def test_what_is_not_seen_goes_on_as_it_went(place: float, score: float) -> None:
    times = np.arange(10) / 30
    forward = fed(Motion(900.0, 1e-5, 1e4), times, times[:, None] * [300.0, 60.0])
    forward.update(np.full((1, 2), place), np.array([score]), 0.4)
    np.testing.assert_allclose(forward.ahead(0.1), [[150, 30]], rtol=1e-6)


def test_what_is_not_seen_for_long_is_forgotten_and_begins_anew() -> None:
    times = np.arange(10) / 30
    forward = fed(MOTION, times, times[:, None] * [300.0, 60.0])
    missing = np.full((1, 2), np.nan)
    forward.update(missing, SURE, times[-1] + LONGEST_GAP_S - 0.01)
    assert np.isfinite(forward.ahead(0.0)).all()
    forward.update(missing, SURE, times[-1] + LONGEST_GAP_S + 0.01)
    assert np.isnan(forward.ahead(0.0)).all()
    forward.update(np.array([[7.0, 8.0]]), SURE, 1.0)
    np.testing.assert_array_equal(forward.ahead(0.5), [[7, 8]])


def test_keypoints_do_not_know_of_each_other() -> None:
    random = np.random.default_rng(3)
    times = np.arange(30) / 30
    xy = np.cumsum(random.normal(0, 3, (30, 4, 2)), axis=0)
    score = random.uniform(0.3, 1.0, (30, 4))
    together = ForwardFilter(4, MOTION)
    alone = [ForwardFilter(1, MOTION) for _ in range(4)]
    for time_s, points, scores in zip(times, xy, score, strict=True):
        together.update(points, scores, time_s)
        for k, own in enumerate(alone):
            own.update(points[k : k + 1], scores[k : k + 1], time_s)
    np.testing.assert_array_equal(together.ahead(0.03), np.concatenate([own.ahead(0.03) for own in alone]))


def test_two_frames_of_one_time_are_two_looks_at_one_place() -> None:
    forward = fed(MOTION, np.array([1.0, 1.0, 1.0]), np.array([[1.0, 0], [3.0, 0], [5.0, 0]]))
    np.testing.assert_allclose(forward.ahead(0.0), [[3, 0]], atol=1e-12)
