"""Made tracks with known truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from markerless.core.instance import FloatArray
from markerless.core.skeleton import Skeleton
from markerless.core.tracks import Tracks


def tracks_of(points: FloatArray, error: FloatArray | None = None, scorer: str = "made") -> Tracks:
    """`(T, N, K, D)` as tracks; the score is 1 where there is a point."""
    n_animals, n_keypoints = points.shape[1:3]
    skeleton = Skeleton(tuple(f"point{k}" for k in range(n_keypoints)))
    names = tuple(f"animal{n}" for n in range(n_animals))
    score = np.where(np.isfinite(points).all(-1), 1.0, np.nan)
    return Tracks(skeleton, points, score, error, names, scorer=scorer, provenance={"source": "made"})


@dataclass(frozen=True)
class Spoiled:
    """Tracks and what they were."""

    truth: FloatArray
    tracks: Tracks


def restless(seed: int, shape: tuple[int, int, int, int] = (800, 2, 3, 2), noise: float = 1.0) -> Spoiled:
    """Animals that rest and move at once, with noise, 2 % wild points and 8 % missing ones."""
    rng = np.random.default_rng(seed)
    size = np.where(rng.random(shape[:3]) < 0.15, 4.0, 0.2)[..., None]
    truth = 300 + (size * rng.normal(size=shape)).cumsum(axis=0)
    points = truth + rng.normal(0, noise, shape)
    wild = rng.random(shape[:3]) < 0.02
    points[wild] += rng.normal(0, 40, shape)[wild]
    for n in range(shape[1]):
        for k in range(shape[2]):
            for start in rng.integers(0, shape[0] - 12, max(1, shape[0] // 100)):
                points[start : start + rng.integers(1, 13), n, k] = np.nan
    return Spoiled(truth, tracks_of(points))


def gliding(seed: int, noise: float = 1.0) -> Spoiled:
    """One animal on a smooth path: it goes on as it went."""
    rng = np.random.default_rng(seed)
    time = np.arange(1200)
    truth = np.stack([200 + 90 * np.sin(time / 25), 200 + 70 * np.cos(time / 31)], -1)[:, None, None]
    return Spoiled(truth, tracks_of(truth + rng.normal(0, noise, truth.shape)))


def walking(seed: int, n_frames: int = 600, noise: float = 1.0, n_keypoints: int = 8) -> Spoiled:
    """A stiff body that now rests, now walks and turns, whose last keypoint goes its own way; a tenth is missing."""
    rng = np.random.default_rng(seed)
    body = 40 * rng.normal(size=n_keypoints) + 40j * rng.normal(size=n_keypoints)
    walks = np.repeat(rng.random(n_frames // 30 + 1) < 0.5, 30)[:n_frames]
    turn = np.cumsum(walks * np.convolve(rng.normal(0, 0.08, n_frames), np.ones(5) / 5, "same"))
    way = np.cumsum(walks * (_slow(rng, n_frames) + 1j * _slow(rng, n_frames)))
    place = 300 + 300j + way[:, None] + body * np.exp(1j * turn)[:, None]
    place[:, -1] = 500 + 500j + np.cumsum(_slow(rng, n_frames) + 1j * _slow(rng, n_frames))
    truth = np.stack([place.real, place.imag], -1)[:, None]
    points = truth + rng.normal(0, noise, truth.shape)
    for k in range(n_keypoints):
        for start in rng.integers(20, n_frames - 20, n_frames // 80):
            points[start : start + rng.integers(4, 13), 0, k] = np.nan
    return Spoiled(truth, tracks_of(points))


def _slow(rng: np.random.Generator, n_frames: int) -> FloatArray:
    """Steps that change direction within a few frames."""
    return np.convolve(rng.normal(0, 5, n_frames), np.ones(5) / 5, "same")
