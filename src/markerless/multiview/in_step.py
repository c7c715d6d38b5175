"""How far a camera is from where the others say that it should see the points, at any lag.

A point seen by one camera lies on a line in the picture of another (the epipolar line). When both pictures are of the
same moment, the other camera sees it on that line; when they are not, it is off by as much as the animal moved across
the line. So the distance from the lines, as a function of the lag, says when the pictures are of the same moment.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from markerless.core.camera import Camera
from markerless.core.instance import FloatArray
from markerless.multiview.rotation import cross_matrix

Single = npt.NDArray[np.float32]
IndexArray = npt.NDArray[np.intp]

_MOST_VALUES = 3_000_000  # moments times columns: the rest tells nothing new
_LEAST_COLUMNS = 4
_NEIGHBORS = 2
_JUMPS = 4.5  # of the usual distance from what is expected
_STEADY = 0.1  # px: made points without noise do not jump
_FEWEST = 20  # values of a column that tell how far it is off
_LEAST_SCALE = 1e-3  # px
_STILL = 0.02  # of the moments have to have a point for it to count


@dataclass(frozen=True)
class Lines:
    """Where the others say that a camera should see points; Q columns, one for each other camera and point.

    Attributes:
        x: `(M, Q)`; with `y` and `z` the line `x * u + y * v + z`, in px, for undistorted coordinates u, v.
        y: `(M, Q)`.
        z: `(M, Q)`; NaN in all three where the other camera does not see the point.
        u: `(T, Q)` what the camera sees, undistorted.
        v: `(T, Q)`.
    """

    x: Single
    y: Single
    z: Single
    u: Single
    v: Single

    @property
    def n_moments(self) -> int:
        return len(self.x)

    @property
    def n_frames(self) -> int:
        return len(self.u)

    def take(self, moments: IndexArray) -> Lines:
        """The lines of some moments."""
        return Lines(self.x[moments], self.y[moments], self.z[moments], self.u, self.v)

    def less(self, bias: FloatArray) -> Lines:
        """Lines moved so that distances are less by `bias` `(M, Q)` px."""
        return replace(self, z=(self.z - bias).astype(np.float32))

    def off(self, moments: IndexArray, frames: IndexArray) -> Single:
        """`(n, Q)` px from the lines of `moments` in `frames`; NaN where something is missing."""
        inside = (frames >= 0) & (frames < self.n_frames)
        at = np.where(inside, frames, 0)
        off = self.x[moments] * self.u[at] + self.y[moments] * self.v[at] + self.z[moments]
        off[~inside] = np.nan
        return off


def lines_for(
    camera: int, others: Sequence[int], cameras: Sequence[Camera], rays: Sequence[FloatArray], at: Sequence[FloatArray]
) -> Lines:
    """The lines of `others` in the picture of `camera`.

    Args:
        camera: Index of the camera.
        others: Indices of cameras whose frames are known for every moment.
        cameras: V of them.
        rays: Of each camera `(T, P, 2)` undistorted image coordinates; NaN where not seen.
        at: Of each of `others` in turn `(M,)` its frame at each moment; NaN where it has none.
    """
    columns = [
        _lines(cameras[camera], cameras[other], between(rays[other], frames))
        for other, frames in zip(others, at, strict=True)
    ]
    line = np.concatenate(columns, axis=1)
    n_points = rays[camera].shape[1]
    of = np.tile(np.arange(n_points), len(others))
    kept = _telling(line, rays[camera], of)
    line, seen = line[:, kept], rays[camera][:, of[kept]]
    x, y, z = (np.ascontiguousarray(line[..., axis], dtype=np.float32) for axis in range(3))
    u, v = (np.ascontiguousarray(seen[..., axis], dtype=np.float32) for axis in range(2))
    return Lines(x, y, z, u, v)


def without_jumps(xy: FloatArray) -> FloatArray:
    """Points `(T, P, 2)` without those that jump away from their neighbors in time and back: these are errors.

    What is expected of a point are three guesses from two neighbors on either side; their median cannot be led astray
    by one that is wrong itself.
    """
    if len(xy) < 2 * _NEIGHBORS + 1:
        return xy
    first, second, _, fourth, fifth = (xy[step : len(xy) - 2 * _NEIGHBORS + step] for step in range(5))
    near, far = (second + fourth) / 2, (first + fifth) / 2
    guesses = np.stack([near, far, (4 * near - far) / 3])
    guesses[:, ~np.isfinite(guesses).all(axis=0)] = np.nan
    off = np.linalg.norm(xy[_NEIGHBORS:-_NEIGHBORS] - np.median(guesses, axis=0), axis=-1)
    usual = np.array([np.median(one[np.isfinite(one)]) if np.isfinite(one).any() else np.inf for one in off.T])
    out = xy.copy()
    out[_NEIGHBORS:-_NEIGHBORS][off > _JUMPS * usual + _STEADY] = np.nan
    return out


def between(values: FloatArray, frames: FloatArray) -> FloatArray:
    """`(M, ...)` values at frames with fractions, of `(T, ...)`, linear; NaN where the frame or a value is."""
    known = np.isfinite(frames)
    place = np.where(known, frames, 0.0)
    first = np.clip(np.floor(place).astype(np.intp), 0, len(values) - 1)
    second = np.minimum(first + 1, len(values) - 1)
    share = (place - first).reshape(-1, *([1] * (values.ndim - 1)))
    low, high = values[first], values[second]
    out = np.where(share > 0, (1 - share) * low + share * high, low)  # a missing second one does not matter then
    out[~known] = np.nan
    return np.asarray(out)


def _lines(camera: Camera, other: Camera, rays: FloatArray) -> FloatArray:
    """`(M, P, 3)` lines in the picture of `camera`, in px of it."""
    turn = camera.rotation @ other.rotation.T
    essential = cross_matrix((camera.translation - turn @ other.translation)[None])[0] @ turn
    line = rays @ essential[:, :2].T + essential[:, 2]
    focal = np.sqrt(abs(np.linalg.det(camera.matrix[:2, :2])))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(focal * line / np.linalg.norm(line[..., :2], axis=-1, keepdims=True))


def _telling(line: FloatArray, seen: FloatArray, of: IndexArray) -> IndexArray:
    """Columns to keep: those that move most across their lines, if all are too many."""
    n_moments, n_columns = line.shape[:2]
    some = np.unique(np.linspace(0, min(n_moments, len(seen)) - 2, 2000).round().astype(np.intp).clip(0))
    following = np.minimum(some + 1, len(seen) - 1)
    there = np.isfinite(line[..., 0]).mean(axis=0) * np.isfinite(seen[some][..., 0]).mean(axis=0)[of]
    step = (seen[following] - seen[some])[:, of]
    across = np.abs((line[some][..., :2] * step).sum(axis=-1))
    across[~np.isfinite(across)] = 0.0
    usual = np.minimum(across, 3 * np.quantile(across, 0.9, axis=0) + 1e-9)  # a jump is an error
    worth = there * (usual**2).mean(axis=0)
    most = max(_LEAST_COLUMNS, _MOST_VALUES // max(n_moments, 1))
    kept = np.flatnonzero(there > _STILL)
    if len(kept) > most:
        kept = np.sort(kept[np.argsort(-worth[kept], kind="stable")[:most]])
    assert n_columns == len(of)
    return kept


def column_scale(off: FloatArray | Single) -> Single:
    """`(Q,)` standard deviation in px of the distances `(n, Q)` of each column, outliers aside."""
    known = np.isfinite(off)
    size = np.sort(np.abs(off), axis=0)  # what is missing comes last
    count = known.sum(axis=0)
    scale = 1.4826 * size[np.maximum(count - 1, 0) // 2, np.arange(off.shape[1])]
    every = 1.4826 * float(np.median(size[np.isfinite(size)])) if known.any() else 1.0
    return np.maximum(np.where(count >= _FEWEST, scale, every), _LEAST_SCALE).astype(np.float32)
