"""A few frames out of many that are worth labeling: severe ones, in different poses and places, apart in time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from markerless.core.instance import FloatArray


def choose(
    frames: Sequence[int], worth: Sequence[float], poses: FloatArray, n: int, apart: tuple[int, float]
) -> list[int]:
    """Places in `frames` of at most `n` of them, the first chosen first.

    Each time the frame is taken whose worth, times how new its pose is, is largest.

    Args:
        frames: Frame numbers.
        worth: Of each frame, above 0.
        poses: `(len(frames), N * K, 2)` px, NaN where there is no point.
        n: How many are wanted.
        apart: Frames and pixels that chosen ones are apart at least; a frame without a point is apart in pose.
    """
    number, value = np.asarray(frames, dtype=np.int64), np.asarray(worth, dtype=np.float64)
    gap, far_px = apart
    newness = np.ones(len(number))
    allowed = np.ones(len(number), dtype=bool)
    taken: list[int] = []
    while len(taken) < n and allowed.any():
        best = int(np.argmax(np.where(allowed, value * newness, -1)))
        taken.append(best)
        distance = pose_distance(poses, poses[best])
        newness = np.minimum(newness, np.clip(np.nan_to_num(distance / (4 * far_px), nan=1.0), 0, 1))
        allowed &= (np.abs(number - number[best]) >= gap) & ~(distance < far_px)
        allowed[best] = False
    return taken


def pose_distance(poses: FloatArray, other: FloatArray) -> FloatArray:
    """`(n,)` px from each pose `(n, P, 2)` to one other `(P, 2)`: the median over the points that both have.

    The median, because in a suspicious frame a point or two are wrong. NaN where they share no point.
    """
    lengths = np.hypot(poses[..., 0] - other[:, 0], poses[..., 1] - other[:, 1])
    known = np.isfinite(lengths).any(axis=1)
    distance = np.full(len(lengths), np.nan)
    distance[known] = np.nanmedian(lengths[known], axis=1)
    return distance
