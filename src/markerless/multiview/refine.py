"""Trajectories in space drawn towards what the animal can do: smooth movement, limbs of constant length.

Both terms are learned from the trajectories themselves: how far accelerations and limb lengths really vary is what
they vary, less what the expected errors of the points explain. The result is the most probable trajectory under these
terms and the covariances of the points (Gauss-Newton's method; its equations are banded in time). A point without a
measurement stays without one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import solveh_banded

from markerless.core.instance import FloatArray
from markerless.multiview.small_matrices import inverse

BLOCK = 1000  # frames at a time
OVERLAP = 50  # frames before and after it that are solved with it
_STEPS = 8
_FEWEST = 10  # values to learn a spread from
_NORMAL = 1.4826
_LEAST_SHARE = 0.01  # of what is seen and of what the errors explain, the larger: what is left may be nothing


@dataclass(frozen=True)
class Terms:
    """What the trajectories are drawn to.

    Attributes:
        smooth: Whether movements are smooth.
        limbs: Pairs of keypoints whose distance is constant; empty for none.
    """

    smooth: bool = False
    limbs: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class Refined:
    """Trajectories after it.

    Attributes:
        points: `(T, K, 3)`; NaN where there was no point.
        moved: `(T, K)` by how far each point was moved.
        lengths: Of the limbs, as learned.
    """

    points: FloatArray
    moved: FloatArray
    lengths: FloatArray


def refine(points: FloatArray, covariance: FloatArray, terms: Terms) -> Refined:
    """Draw the trajectories of one animal towards the terms.

    Args:
        points: `(T, K, 3)`; NaN where there is none.
        covariance: `(T, K, 3, 3)` of the points.
        terms: Which.
    """
    acceleration = _accelerations(points, covariance) if terms.smooth else np.full(points.shape[1], np.inf)
    lengths, spreads = _limbs(points, covariance, terms.limbs)
    result = points.copy()
    for start in range(0, len(points), BLOCK):
        low, high = max(start - OVERLAP, 0), min(start + BLOCK + OVERLAP, len(points))
        problem = _Problem(points[low:high], covariance[low:high], acceleration, terms.limbs, lengths, spreads)
        result[start : start + BLOCK] = problem.solve()[start - low : start - low + BLOCK]
    result[~np.isfinite(points).all(axis=-1)] = np.nan
    return Refined(result, np.linalg.norm(result - points, axis=-1), lengths)


def _accelerations(points: FloatArray, covariance: FloatArray) -> FloatArray:
    """`(K,)` standard deviation of the true second differences, per axis; infinite where too little is known."""
    second = points[2:] - 2 * points[1:-1] + points[:-2]
    variance = np.trace(covariance, axis1=-2, axis2=-1) / 3
    explained = variance[2:] + 4 * variance[1:-1] + variance[:-2]
    spread = np.full(points.shape[1], np.inf)
    for k in range(points.shape[1]):
        there = np.isfinite(second[:, k]).all(axis=-1)
        if there.sum() >= _FEWEST:
            seen = (_NORMAL * np.median(np.abs(second[there, k]))) ** 2
            noise = float(np.median(explained[there, k]))
            known = max(seen - noise, _LEAST_SHARE * max(seen, noise))  # what rests on whole pixels is seen not to move
            spread[k] = np.sqrt(known) if known > 0 else np.inf
    return spread


def _limbs(
    points: FloatArray, covariance: FloatArray, limbs: Sequence[tuple[int, int]]
) -> tuple[FloatArray, FloatArray]:
    """Length and true spread of every limb; NaN and infinite where too little is known."""
    lengths, spreads = np.full(len(limbs), np.nan), np.full(len(limbs), np.inf)
    for index, (a, b) in enumerate(limbs):
        way = points[:, a] - points[:, b]
        length = np.linalg.norm(way, axis=-1)
        there = np.isfinite(length) & (length > 0)
        if there.sum() < _FEWEST:
            continue
        along = way[there] / length[there, None]
        both = covariance[there, a] + covariance[there, b]
        noise = float(np.median(np.einsum("ti,tij,tj->t", along, both, along)))
        lengths[index] = np.median(length[there])
        seen = (_NORMAL * np.median(np.abs(length[there] - lengths[index]))) ** 2
        spreads[index] = np.sqrt(max(seen - noise, _LEAST_SHARE * max(seen, noise)))
    return lengths, spreads


@dataclass(frozen=True)
class _Problem:
    points: FloatArray  # (T, K, 3)
    covariance: FloatArray  # (T, K, 3, 3)
    acceleration: FloatArray  # (K,)
    limbs: tuple[tuple[int, int], ...]
    lengths: FloatArray  # (limbs,)
    spreads: FloatArray  # (limbs,)

    def solve(self) -> FloatArray:
        """`(T, K, 3)`."""
        there = np.asarray(np.isfinite(self.points).all(axis=-1))
        information = np.where(there[..., None, None], inverse(self.covariance), 0.0)
        information = np.where(np.isfinite(information), information, 0.0)
        at = _filled(self.points)
        for _ in range(_STEPS):
            bands, right = self._equations(at, information)
            step = solveh_banded(bands, right, lower=True).reshape(at.shape)
            at = at + step
            if np.abs(step[there]).max(initial=0.0) < 1e-6 * max(float(np.ptp(at)), 1e-12):
                break
        return at

    def _equations(self, at: FloatArray, information: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Lower bands of the normal matrix and the right side, unknowns in the order time, keypoint, axis."""
        n_frames, n_keypoints = at.shape[:2]
        width = 3 * n_keypoints
        bands = np.zeros((2 * width + 3, n_frames * width))
        right = np.zeros(at.shape)
        off = np.where(np.isfinite(self.points), self.points - at, 0.0)
        right += np.einsum("tkij,tkj->tki", information, off)
        # a little of everything, so that what nothing decides stays where it is
        least = 1e-9 * max(float(np.abs(information).max(initial=0.0)), 1e-12)
        frames = np.arange(n_frames)
        for k in range(n_keypoints):
            _add(bands, frames * width + 3 * k, frames * width + 3 * k, information[:, k] + least * np.eye(3))
        weights = 1 / self.acceleration**2
        for keypoint in np.flatnonzero(weights > 0).tolist():
            _smooth(bands, right, at, keypoint, float(weights[keypoint]))
        for (a, b), length, spread in zip(self.limbs, self.lengths, self.spreads, strict=True):
            if np.isfinite(spread):
                self._limb(bands, right, at, (a, b, float(length), float(spread)))
        return bands, right.ravel()

    def _limb(self, bands: FloatArray, right: FloatArray, at: FloatArray, limb: tuple[int, int, float, float]) -> None:
        a, b, length, spread = limb
        way = at[:, a] - at[:, b]
        distance = np.linalg.norm(way, axis=-1)
        along = way / np.maximum(distance, 1e-12)[:, None]
        there = np.asarray(np.isfinite(self.points[:, [a, b]]).all(axis=(1, 2)))
        weight = there / spread**2
        pull = (weight * (length - distance))[:, None] * along
        right[:, a] += pull
        right[:, b] -= pull
        block = weight[:, None, None] * along[:, :, None] * along[:, None, :]
        start = np.arange(len(at)) * 3 * at.shape[1]
        _add(bands, start + 3 * a, start + 3 * a, block)
        _add(bands, start + 3 * b, start + 3 * b, block)
        _add(bands, start + 3 * max(a, b), start + 3 * min(a, b), -block)


def _smooth(bands: FloatArray, right: FloatArray, at: FloatArray, keypoint: int, weight: float) -> None:
    """Enter the second differences of one keypoint."""
    width, n_frames = 3 * at.shape[1], len(at)
    stencil = np.array([1.0, -2.0, 1.0])
    second = at[2:, keypoint] - 2 * at[1:-1, keypoint] + at[:-2, keypoint]
    start = np.arange(n_frames - 2) * width + 3 * keypoint
    for i in range(3):
        right[i : n_frames - 2 + i, keypoint] -= weight * stencil[i] * second
        for j in range(i + 1):
            block = np.broadcast_to(weight * stencil[i] * stencil[j] * np.eye(3), (n_frames - 2, 3, 3))
            _add(bands, start + i * width, start + j * width, block)


def _add(bands: FloatArray, rows: np.ndarray, columns: np.ndarray, blocks: FloatArray) -> None:
    """Add 3 x 3 blocks at rows and columns, of which only what is on or below the diagonal is kept."""
    for i in range(3):
        for j in range(3):
            below = rows + i - columns - j
            keep = below >= 0
            np.add.at(bands, (below[keep], (columns + j)[keep]), blocks[:, i, j][keep])


def _filled(points: FloatArray) -> FloatArray:
    """Trajectories with gaps bridged by straight lines, from which the search begins."""
    filled = points.copy()
    frames = np.arange(len(points))
    for k in range(points.shape[1]):
        there = np.isfinite(points[:, k]).all(axis=-1)
        for axis in range(3):
            known = points[there, k, axis]
            filled[:, k, axis] = np.interp(frames, frames[there], known) if len(known) else 0.0
    return filled
