"""Smooth movement and limbs of constant length, as terms that are learned."""

from __future__ import annotations

import numpy as np
import pytest

from markerless.multiview.refine import BLOCK, Terms, refine

LENGTH = 30.0


def walk(n: int, noise: float, seed: int = 0, limb_sd: float = 0.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Truth `(T, 2, 3)` of two keypoints `LENGTH` apart on a slow path, the same with noise, and its covariances."""
    rng = np.random.default_rng(seed)
    t = np.arange(n) / 40
    first = np.stack([80 * np.sin(t), 60 * np.cos(0.7 * t), 10 * np.sin(2 * t)], axis=-1)
    way = np.stack([np.cos(t), np.sin(t), 0.2 * np.sin(3 * t)], axis=-1)
    way *= (LENGTH + limb_sd * rng.normal(size=n))[:, None] / np.linalg.norm(way, axis=-1, keepdims=True)
    truth = np.stack([first, first + way], axis=1)
    covariance = np.broadcast_to(noise**2 * np.eye(3), (n, 2, 3, 3))
    return truth, truth + rng.normal(0, noise, truth.shape), covariance


def rms(off: np.ndarray) -> float:
    return float(np.sqrt(np.nanmean((off**2).sum(axis=-1))))


def test_without_terms_nothing_moves() -> None:
    _, points, covariance = walk(200, 2.0)
    found = refine(points, covariance, Terms())
    np.testing.assert_allclose(found.points, points, atol=1e-6)
    assert found.moved.max() < 1e-6


def test_smooth_movement_takes_noise_away_and_says_how_far_points_moved() -> None:
    truth, points, covariance = walk(600, 2.0)
    found = refine(points, covariance, Terms(smooth=True))
    assert rms(found.points - truth) < 0.6 * rms(points - truth)
    np.testing.assert_allclose(found.moved, np.linalg.norm(found.points - points, axis=-1))
    assert 1 < np.median(found.moved) < 5  # the noise was about 3.2


def test_limbs_get_their_length_back() -> None:
    truth, points, covariance = walk(600, 2.0)
    found = refine(points, covariance, Terms(limbs=((0, 1),)))
    lengths = [np.linalg.norm(one[:, 0] - one[:, 1], axis=-1) for one in (points, found.points)]
    assert abs(found.lengths[0] - LENGTH) < 0.5
    assert np.std(lengths[1]) < 0.3 * np.std(lengths[0])
    assert rms(found.points - truth) < rms(points - truth)


def test_a_limb_that_really_changes_is_left_its_changes() -> None:
    truth, points, covariance = walk(600, 0.5, limb_sd=5.0)
    found = refine(points, covariance, Terms(limbs=((0, 1),)))
    lengths = np.linalg.norm(found.points[:, 0] - found.points[:, 1], axis=-1)
    real = np.linalg.norm(truth[:, 0] - truth[:, 1], axis=-1)
    assert np.std(lengths) > 0.9 * np.std(real)
    assert rms(found.points - truth) < 1.05 * rms(points - truth)


def test_a_missing_point_stays_missing() -> None:
    truth, points, covariance = walk(300, 2.0)
    points[50:60, 1], points[100:105] = np.nan, np.nan
    covariance = covariance.copy()
    covariance[50:60, 1] = np.nan
    covariance[100:105] = np.nan
    found = refine(points, covariance, Terms(smooth=True, limbs=((0, 1),)))
    np.testing.assert_array_equal(np.isnan(found.points), np.isnan(points))
    assert rms(found.points - truth) < 0.7 * rms(points - truth)


def test_blocks_join_without_a_seam() -> None:
    n = BLOCK + 300
    truth, points, covariance = walk(n, 2.0)
    found = refine(points, covariance, Terms(smooth=True)).points
    later = refine(points[600:], covariance[600:], Terms(smooth=True)).points
    assert np.abs(found[BLOCK - 50 : BLOCK + 50] - later[BLOCK - 650 : BLOCK - 550]).max() < 0.5
    steps = np.linalg.norm(np.diff(found - truth, axis=0), axis=-1)
    assert steps[BLOCK - 2 : BLOCK + 1].max() < 3 * steps[100:-100].mean() + 1


def test_too_little_to_learn_from_changes_nothing() -> None:
    _, points, covariance = walk(8, 2.0)
    found = refine(points, covariance, Terms(smooth=True, limbs=((0, 1),)))
    np.testing.assert_allclose(found.points, points, atol=1e-6)
    assert np.isnan(found.lengths).all()


@pytest.mark.parametrize("jitter", [0.0, 1e-12, 1e-9])
@pytest.mark.parametrize("gap", [0, 100])
def test_a_keypoint_that_rests_exactly_stays_and_is_no_obstacle(jitter: float, gap: int) -> None:
    """A corner of the arena that was labeled once, beside an animal."""
    truth, points, covariance = walk(600, 2.0)
    corner = np.array([10.0, -20.0, 5.0])
    points[:, 1] = corner + jitter * np.random.default_rng(1).normal(size=(600, 3))
    points[200 : 200 + gap, 1] = np.nan
    found = refine(points, covariance, Terms(smooth=True))
    assert np.isfinite(found.points[:, 1]).all(axis=-1).sum() == 600 - gap
    assert np.nanmax(np.abs(found.points[:, 1] - corner)) < 1e-6
    assert rms(found.points[:, 0] - truth[:, 0]) < 0.7 * rms(points[:, 0] - truth[:, 0])
