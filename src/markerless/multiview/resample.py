"""Points of a camera at moments that lie between its frames: made of two frames where the animal's speed asks for it.

Nothing is bridged: a moment in a gap of the recording, or next to a frame in which the point is missing, has no point.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from markerless.core.instance import FloatArray
from markerless.multiview.in_step import IndexArray, without_jumps

BoolArray = npt.NDArray[np.bool_]

_MATTERS = 0.5  # of the noise: where a whole frame is off by less than that, it is taken as it is
_SHARE = 0.9  # of the points
_NEXT = 0.1  # of a frame: so near to a frame with a point, one that is missing in the other does not matter
DISTANCE_PER_SD = float(np.sqrt(np.pi / 2))


@dataclass(frozen=True)
class Seen:
    """What a camera saw.

    Attributes:
        xy: `(T, P, 2)` px; NaN where not seen.
        score: `(T, P)`.
        error: `(T, P)` expected error in px, or None.
    """

    xy: FloatArray
    score: FloatArray
    error: FloatArray | None


def resampled(seen: Seen, frames: FloatArray, timing_sd: float = 0.0) -> tuple[Seen, FloatArray]:
    """What a camera saw at `frames` `(M,)`, with fractions, NaN where it has no frame; and the frames really used.

    Between two frames points lie on the straight line. Their expected error is the mean of both, and grows by how far
    the line is from a curve through the neighbors, and by the speed times `timing_sd`, in frames, of the camera's
    offset. It is known wherever those of the frames used are. The score is the lower one.
    """
    whole = np.rint(frames)
    if (np.abs(frames - whole)[np.isfinite(frames)] < 1e-9).all() or not _matters(seen, frames):
        frames = np.where(whole < len(seen.xy), whole, np.nan)
    known = np.isfinite(frames)
    place = np.where(known, frames, 0.0)
    first = np.clip(np.floor(place).astype(np.intp), 0, len(seen.xy) - 1)
    second = np.minimum(first + 1, len(seen.xy) - 1)
    share = np.asarray(place - first, dtype=np.float64)[:, None]
    low, high = seen.xy[first], seen.xy[second]
    near_low, near_high = share <= _NEXT, share >= 1 - _NEXT
    lost_low, lost_high = np.isnan(low).any(axis=-1), np.isnan(high).any(axis=-1)
    low_only, high_only = near_low & (lost_high | (share == 0)), near_high & lost_low
    xy = (1 - share[..., None]) * low + share[..., None] * high
    xy = np.where(low_only[..., None], low, np.where(high_only[..., None], high, xy))
    score = np.where(
        low_only,
        seen.score[first],
        np.where(high_only, seen.score[second], np.minimum(seen.score[first], seen.score[second])),
    )
    xy[~known], score[~known] = np.nan, np.nan
    error = None
    if seen.error is not None:
        error = _error(seen.error, (low_only, high_only), (first, second), share)
        error = np.hypot(error, _bend(seen, first, share) * ~(low_only | high_only))
        if timing_sd > 0:
            error = np.hypot(error, timing_sd * _speed(seen.xy, first))
        error[~known] = np.nan
    return Seen(xy, score, error), frames


def _error(
    error: FloatArray, only: tuple[BoolArray, BoolArray], pair: tuple[IndexArray, IndexArray], share: FloatArray
) -> FloatArray:
    """Mean of the expected errors of two frames: errors of neighbors are too much alike to cancel each other."""
    low, high = error[pair[0]], error[pair[1]]
    return np.where(only[0], low, np.where(only[1], high, (1 - share) * low + share * high))


def _speed(xy: FloatArray, first: IndexArray) -> FloatArray:
    """`(M, P)` px a frame, from a frame to the next; where one of the two has no point, by the other's other neighbor.

    Without such a neighbor it is 0: nothing is known, and the point is as good as its pixels.
    """
    steps = np.full((len(xy) + 2, xy.shape[1]), np.nan)  # row i leads to frame i; none to the first, none from the last
    steps[1 : len(xy)] = np.linalg.norm(np.diff(xy, axis=0), axis=-1)
    beside = np.fmax(steps[first], steps[first + 2])
    return np.nan_to_num(np.where(np.isfinite(steps[first + 1]), steps[first + 1], beside))


def _bend(seen: Seen, first: IndexArray, share: FloatArray) -> FloatArray:
    """`(M, P)` px between the line and a parabola through the neighbors, less what noise makes of it."""
    assert seen.error is not None
    last = len(seen.xy) - 1
    around = [seen.xy[np.clip(first + step, 0, last)] for step in (-1, 0, 1, 2)]
    second = (around[0] - around[1] - around[2] + around[3]) / 2
    sd = seen.error[first] / DISTANCE_PER_SD
    bend2 = np.maximum((second**2).sum(axis=-1) - 2 * sd**2, 0.0)  # of four frames, a quarter each, in x and in y
    bend2 = np.where(np.isfinite(bend2), bend2, 0.0)
    return np.asarray(share * (1 - share) / 2 * np.sqrt(bend2))


def _matters(seen: Seen, frames: FloatArray) -> bool:
    """Whether the animal moves by more than a part of the noise in the fraction of a frame that is left."""
    calm = without_jumps(seen.xy)
    step = np.linalg.norm(calm[2:] - calm[:-2], axis=-1) / 2
    jerk = calm[3:] - 3 * calm[2:-1] + 3 * calm[1:-2] - calm[:-3]
    known = np.isfinite(jerk)
    if not known.any() or not np.isfinite(step).any():
        return False
    noise = 1.4826 * float(np.median(np.abs(jerk[known]))) / np.sqrt(20)
    left = np.abs(frames - np.rint(frames))
    usual = float(np.quantile(left[np.isfinite(left)], _SHARE))
    return usual * float(np.nanquantile(step, _SHARE)) > _MATTERS * noise
