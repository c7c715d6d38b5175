"""Trajectories of a made animal: nearer to the truth with smoothness and limb lengths, and honest about how far moved."""

from __future__ import annotations

import numpy as np
import pytest

from markerless.core.instance import FloatArray
from markerless.multiview.refine import BLOCK, Terms, refine


def walk(n_frames: int = 400) -> FloatArray:
    """`(T, 2, 3)`: a limb of length 50 that turns while it moves along a smooth path."""
    t = np.arange(n_frames) / 40
    hip = np.stack([30 * np.sin(t), 20 * np.cos(0.7 * t), 5 * t], axis=-1)
    way = np.stack([np.cos(t), np.sin(t) * np.cos(0.3 * t), np.sin(t) * np.sin(0.3 * t)], axis=-1)
    return np.stack([hip, hip + 50 * way], axis=1)


def off(points: FloatArray, truth: FloatArray) -> float:
    return float(np.sqrt(np.nanmean(((points - truth) ** 2).sum(axis=-1))))


def noisy(truth: FloatArray, spread: FloatArray) -> tuple[FloatArray, FloatArray]:
    rng = np.random.default_rng(0)
    points = truth + rng.normal(size=truth.shape) * spread
    return points, np.broadcast_to(np.diag(spread**2), (*truth.shape[:2], 3, 3))


def test_smoothness_takes_noise_away() -> None:
    truth = walk()
    points, covariance = noisy(truth, np.array([1.0, 1.0, 3.0]))
    found = refine(points, covariance, Terms(smooth=True))
    assert off(found.points, truth) < 0.5 * off(points, truth)
    np.testing.assert_allclose(found.moved, np.linalg.norm(found.points - points, axis=-1))


def test_limb_lengths_are_learned_and_kept() -> None:
    truth = walk()
    points, covariance = noisy(truth, np.array([1.0, 1.0, 3.0]))
    found = refine(points, covariance, Terms(limbs=((0, 1),)))
    before, after = (np.linalg.norm(one[:, 0] - one[:, 1], axis=-1) for one in (points, found.points))
    assert found.lengths[0] == pytest.approx(50, rel=0.02)
    assert after.std() < 0.3 * before.std()
    assert off(found.points, truth) < off(points, truth)


def test_without_terms_nothing_moves() -> None:
    points, covariance = noisy(walk(60), np.ones(3))
    assert refine(points, covariance, Terms()).moved.max() < 1e-6


def test_what_was_missing_stays_missing() -> None:
    points, covariance = noisy(walk(), np.ones(3))
    points[50:60, 1] = np.nan
    found = refine(points, covariance, Terms(smooth=True, limbs=((0, 1),)))
    np.testing.assert_array_equal(np.isnan(found.points), np.isnan(points))


def test_blocks_do_not_show() -> None:
    truth = walk(BLOCK + 200)
    points, covariance = noisy(truth, np.ones(3))
    found = refine(points, covariance, Terms(smooth=True)).points
    jump = np.linalg.norm(np.diff(found - truth, axis=0), axis=-1)
    assert jump[BLOCK - 1].max() < 5 * np.median(jump)


def test_a_limb_that_really_changes_its_length_is_left_alone() -> None:
    truth = walk()
    truth[:, 1] = truth[:, 0] + (truth[:, 1] - truth[:, 0]) * (1 + 0.4 * np.sin(np.arange(400) / 15))[:, None]
    points, covariance = noisy(truth, np.full(3, 0.3))
    found = refine(points, covariance, Terms(limbs=((0, 1),)))
    assert np.median(found.moved) < 0.1
