"""The part of a step that its neighbors in time do not share."""

from __future__ import annotations

import numpy as np

from markerless.analysis.animal_track import AnimalTrack
from markerless.analysis.jumps import jumps, unshared
from markerless.core.skeleton import Skeleton


def line(x: list[float]) -> np.ndarray:
    """Steps of one keypoint that is at `x`, y 0."""
    points = np.stack([np.array(x, dtype=float), np.zeros(len(x))], axis=-1)[:, np.newaxis]
    return np.asarray(np.diff(points, axis=0))


def test_setting_off_is_shared_with_the_steps_after() -> None:
    np.testing.assert_allclose(unshared(line([0, 0, 0, 10, 21, 32]))[:, 0], [0, 0, 1, 0, 0])


def test_a_jump_is_shared_with_nothing() -> None:
    np.testing.assert_allclose(unshared(line([0, 1, 2, 53, 54, 55]))[:, 0], [0, 0, 50, 0, 0])
    np.testing.assert_allclose(unshared(line([0, 0, 50, 0, 0]))[:, 0], [0, 50, 50, 0])


def test_a_gap_says_nothing_and_what_follows_it_is_judged_by_what_is_there() -> None:
    alone = unshared(line([0, 1, np.nan, 90, 91, 92]))[:, 0]
    assert np.isnan(alone[1:3]).all()
    np.testing.assert_allclose(alone[[0, 3, 4]], [1, 0, 0])


def test_running_is_no_jump() -> None:
    """Rest, and runs of 15 px a frame: the steps of a run are 100 times as long as those at rest."""
    rng = np.random.default_rng(0)
    step = np.where((np.arange(2000) // 100) % 10 == 0, 15.0, 0.1)
    x = np.cumsum(step * (-1) ** (np.arange(2000) // 1000)) + rng.normal(0, 0.2, 2000)
    points = np.stack([np.stack([x, np.zeros(2000)], -1), np.stack([x, np.full(2000, 60.0)], -1)], axis=1)
    animal = AnimalTrack(Skeleton(("a", "b")), points, np.ones((2000, 2)), None, np.empty((0, 2, 2)))
    assert not jumps(animal).severity.any()
    points[1500, 0, 1] += 30
    again = AnimalTrack(Skeleton(("a", "b")), points, np.ones((2000, 2)), None, np.empty((0, 2, 2)))
    assert np.flatnonzero(jumps(again).severity[:, 0]).tolist() == [1500, 1501]
