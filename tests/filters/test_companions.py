"""Keypoints of one animal smoothed together: where that helps, and that it keeps quiet where it does not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from filters.made import Spoiled, restless, tracks_of, walking
from markerless.core.instance import FloatArray
from markerless.core.tracks import Tracks
from markerless.filters import kalman
from markerless.filters._activity import N_CLASSES, classes
from markerless.filters._companions import follow, learn
from markerless.filters._scales import Series
from markerless.filters._series import expected_distance

BAND_90 = 1.6449


def one_by_one(tracks: Tracks) -> FloatArray:
    """Every keypoint smoothed as if it were alone."""
    alone = [
        kalman.apply(tracks_of(tracks.points[:, :, [k]]), kalman.Config()).points
        for k in range(tracks.skeleton.n_keypoints)
    ]
    return np.concatenate(alone, axis=2)


def filled(made: Spoiled, found: Tracks) -> np.ndarray:
    return found.present() & ~made.tracks.present()


def rmse(points: FloatArray, truth: FloatArray, where: np.ndarray) -> float:
    return float(np.sqrt(((points - truth)[where] ** 2).mean()))


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("n_frames", [150, 600])
def test_what_a_body_does_is_seen_of_its_other_points(seed: int, n_frames: int) -> None:
    made = walking(seed, n_frames)
    found = kalman.apply(made.tracks, kalman.Config())
    gap = filled(made, found)
    assert found.error is not None
    deviation = found.error[..., None] / expected_distance(2)
    inside = np.abs(found.points - made.truth) <= BAND_90 * deviation
    body = gap.copy()
    body[..., -1] = False
    assert rmse(found.points, made.truth, body) < 0.8 * rmse(one_by_one(made.tracks), made.truth, body)
    assert n_frames < 600 or 0.82 <= inside[body].mean() <= 0.97
    explained = list(found.provenance["filters"][-1]["companions"].values())
    assert min(explained[:-1]) > 0.3


@pytest.mark.parametrize("seed", [1, 2])
def test_a_keypoint_that_goes_its_own_way_is_left_to_itself(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    made = walking(seed)
    found = kalman.apply(made.tracks, kalman.Config())
    monkeypatch.setattr(kalman, "follow", lambda path, _companions, _gaps: (path.observed, path.noise))
    without = kalman.apply(made.tracks, kalman.Config())
    own, body = filled(made, found), filled(made, found)
    own[..., :-1] = False
    body[..., -1] = False
    assert found.provenance["filters"][-1]["companions"]["point7"] < 0.05
    assert rmse(found.points, made.truth, own) < 1.03 * rmse(without.points, made.truth, own)
    assert rmse(found.points, made.truth, body) < 0.9 * rmse(without.points, made.truth, body)  # it could have acted


@pytest.mark.parametrize("shape", [(800, 1, 8, 2), (200, 2, 12, 2), (400, 1, 6, 3)])
def test_keypoints_that_have_nothing_in_common_stay_as_alone(shape: tuple[int, int, int, int]) -> None:
    made = restless(11, shape)
    found = kalman.apply(made.tracks, kalman.Config())
    gap = filled(made, found)
    both = gap & np.isfinite(one_by_one(made.tracks)[..., 0])
    assert both.sum() > 0.9 * gap.sum()
    assert rmse(found.points, made.truth, both) < 1.03 * rmse(one_by_one(made.tracks), made.truth, both)
    assert max(found.provenance["filters"][-1]["companions"].values()) < 0.1


def test_a_paw_that_reaches_is_not_drawn_back_to_its_body() -> None:
    """Measured, while all others rest: what is seen counts, not what the others do."""
    rng = np.random.default_rng(0)
    made = walking(3, 400)
    truth = made.truth.copy()
    truth[200:300] = truth[199]
    truth[230:260, 0, 2] += 35  # out in one frame, thirty frames there, back in one frame
    points = truth + rng.normal(0, 1, truth.shape)
    found = kalman.apply(tracks_of(points), kalman.Config())
    reach = np.linalg.norm(found.points - truth, axis=-1)[225:265, 0, 2]
    assert np.isfinite(reach).all()
    assert reach.max() < 4


def paths(truth: FloatArray, seen: np.ndarray) -> Series:
    """`(K, T, D)` of one animal, with a little noise."""
    n_keypoints, n_frames = truth.shape[:2]
    rng = np.random.default_rng(0)
    observed = truth + rng.normal(0, 0.1, truth.shape)
    keypoint = np.arange(n_keypoints)
    return Series(observed, seen, np.full((n_keypoints, n_frames), 0.01), keypoint, np.zeros(n_keypoints, np.intp))


def distances(truth: FloatArray) -> FloatArray:
    return np.asarray(np.linalg.norm(truth[:, None] - truth[None], axis=-1).mean(axis=-1))


@pytest.mark.parametrize("turned", [0.0, 2.0])
def test_what_was_learned_holds_whichever_way_the_animal_is_turned(turned: float) -> None:
    """In the plane: learned of one heading, asked of another."""
    place = walking(5, 400).truth[:, 0, :-1].transpose(1, 0, 2)
    seen = np.ones(place.shape[:2], bool)
    companions = learn(paths(place, seen), distances(place))
    turn = np.array([[np.cos(turned), np.sin(turned)], [-np.sin(turned), np.cos(turned)]])
    there = place @ turn
    gap = np.zeros_like(seen)
    gap[0, 100:110] = gap[0, 200:212] = gap[0, 300:310] = True
    path = paths(there, seen & ~gap)
    frames = np.arange(place.shape[1])
    for d in range(2):
        path.observed[0, :, d] = np.interp(frames, frames[~gap[0]], path.observed[0, ~gap[0], d])
    line = np.sqrt(((path.observed - there)[gap] ** 2).mean())
    mean, var = follow(path, companions, gap)
    assert line > 2
    assert np.sqrt(((mean - there)[gap] ** 2).mean()) < 0.5 * line
    np.testing.assert_array_equal(mean[~gap], path.observed[~gap])
    assert (var[gap] > 0).all()


def test_where_the_whole_animal_is_not_seen_nobody_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    made = walking(4, 400)
    points = made.truth + np.random.default_rng(0).normal(0, 1, made.truth.shape)
    points[100:112] = points[300:310] = np.nan
    points[200:210, :, 0] = np.nan
    found = kalman.apply(tracks_of(points), kalman.Config())
    monkeypatch.setattr(kalman, "follow", lambda path, _companions, _gaps: (path.observed, path.noise))
    without = kalman.apply(tracks_of(points), kalman.Config())
    assert found.error is not None
    assert without.error is not None
    assert not np.allclose(found.points[200:210, 0, 0], without.points[200:210, 0, 0], atol=0.1)
    for gap in (slice(100, 112), slice(300, 310)):
        np.testing.assert_allclose(found.points[gap], without.points[gap], atol=1e-9)
        assert (found.error[gap] >= 0.99 * np.minimum(without.error[gap], found.error[gap.start - 1])).all()
        moving = without.error[gap] > 1.5 * without.error[gap.start - 1]
        np.testing.assert_allclose(found.error[gap][moving], without.error[gap][moving], rtol=1e-6)


def test_keypoints_that_were_never_seen_and_short_tracks_are_no_trouble() -> None:
    made = walking(1, 300)
    points = made.tracks.points.copy()
    points[:, :, [0, 4]] = np.nan
    points[2:, :, 1] = np.nan
    found = kalman.apply(tracks_of(points), kalman.Config())
    assert np.isfinite(found.points[:, :, [2, 3, 5, 6, 7]]).mean() > 0.98
    np.testing.assert_array_equal(found.points[:, :, [0, 1, 4]], points[:, :, [0, 1, 4]])
    for n_frames in (4, 5, 9, 21):
        short = tracks_of(made.truth[:n_frames] + np.random.default_rng(0).normal(0, 1, (n_frames, 1, 8, 2)))
        assert np.isfinite(kalman.apply(short, kalman.Config()).points).all()


def test_it_is_the_same_every_time() -> None:
    tracks = walking(2, 200).tracks
    one, two = (kalman.apply(replace(tracks, points=tracks.points.copy()), kalman.Config()) for _ in range(2))
    np.testing.assert_array_equal(one.points, two.points)
    np.testing.assert_array_equal(one.error, two.error)


def test_activity_is_that_of_the_others() -> None:
    mean = np.zeros((4, 60, 2))
    mean[1, 30:] = 50  # the second of the first animal jumps, once
    animal = np.array([0, 0, 0, 1])
    found = classes(mean, np.ones(4), animal, np.ones(4, np.intp))
    assert (found[1] == 0).all()  # its own move is not its activity
    assert (found[3] == 0).all()  # an animal of one keypoint has no others
    assert (found[[0, 2]][:, 29:32] > 0).all()
    assert (found[[0, 2]][:, [5, 50]] == 0).all()
    assert found.max() < N_CLASSES
    backwards = classes(mean[:, ::-1], np.ones(4), animal, np.ones(4, np.intp))
    np.testing.assert_array_equal(backwards[:, :0:-1], found[:, 1:])  # the innovation lies between two frames


@pytest.mark.parametrize("seed", [0, 1])
def test_a_moving_animal_is_not_followed_through_its_noise(seed: int) -> None:
    """Steps that go on for a few frames: a chain at rest would take the noise for steps and state no error at all."""
    rng = np.random.default_rng(seed)
    step = np.stack([np.convolve(rng.normal(0, 5, 1000), np.ones(5) / 5, "same") for _ in range(2)], -1)
    truth = 300 + step.cumsum(axis=0)[:, None, None]
    found = kalman.apply(tracks_of(truth + rng.normal(0, 1, truth.shape)), kalman.Config())
    said = found.provenance["filters"][-1]
    assert said["noise_sd"]["point0"] == pytest.approx(1, rel=0.2)
    assert rmse(found.points, truth, found.present()) < 0.8
    assert found.error is not None
    inside = np.abs(found.points - truth) <= BAND_90 * found.error[..., None] / expected_distance(2)
    assert 0.77 <= inside.mean() <= 0.95
