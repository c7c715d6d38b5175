"""When each frame of each camera was taken, and which frame of each camera belongs to a common moment.

Times count in moments: one moment is one frame of the reference camera, the first of the cameras, and its frame 0 is
moment 0. A camera that starts earlier has negative times; frames that it lost are a gap between two times.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from markerless.core.instance import FloatArray
from markerless.errors import LabelsError

GAP = 1.5  # of a camera's usual distance between frames: with more between two of them, frames are missing
WHOLE = 0.02  # of a frame: nearer to a whole frame than that, no frame is made of two
NEXT = 0.1  # of a frame: at the ends and beside gaps, a frame is taken for a moment so near to it
FEWEST_MOMENTS = 2
_MOST_STRETCHED = 50  # times the frames of the longest recording: a wrong time would make moments without end


@dataclass(frozen=True)
class Lost:
    """Frames that a camera did not record.

    Attributes:
        before: The first frame after the gap.
        count: How many frames are missing.
        between: First and last frame before which the gap may as well be; equal where the motion tells it exactly.
    """

    before: int
    count: int
    between: tuple[int, int]


def frames_at(times: FloatArray, moments: FloatArray) -> FloatArray:
    """`(M,)` frame of a camera at each moment, with fractions; NaN before its first, after its last, and in gaps.

    Args:
        times: `(T,)` rising, in moments.
        moments: `(M,)`.
    """
    usual, last = period(times), len(times) - 1
    after = np.clip(np.searchsorted(times, moments), min(1, last), last)
    before = np.maximum(after - 1, 0)
    nearest = np.where(moments - times[before] <= times[after] - moments, before, after)
    away = np.abs(times[nearest] - moments) / usual
    span = np.maximum(times[after] - times[before], 1e-12)
    frame = before + np.clip((moments - times[before]) / span, 0.0, 1.0)
    beside = (moments < times[0]) | (moments > times[-1]) | (span > GAP * usual)
    frame = np.where(beside & (away > NEXT), np.nan, frame)
    return np.where(away <= np.where(beside, NEXT, WHOLE), nearest.astype(np.float64), frame)


def period(times: FloatArray) -> float:
    """The usual distance between two frames, in the unit of the times; 1 for a single frame."""
    return float(np.median(np.diff(times))) if len(times) > 1 else 1.0


def gaps(times: FloatArray) -> tuple[Lost, ...]:
    """Where frames are missing, by the times."""
    steps = np.diff(times) / period(times)
    return tuple(
        Lost(int(at) + 1, round(float(steps[at])) - 1, (int(at) + 1, int(at) + 1)) for at in np.flatnonzero(steps > GAP)
    )


def common_moments(times: Sequence[FloatArray], names: Sequence[str]) -> FloatArray:
    """`(M,)` whole moments from the first to the last that two cameras saw.

    Raises:
        LabelsError: no two cameras overlap, or nearly all of the time is a gap.
    """
    starts, ends = np.sort([one[0] for one in times]), np.sort([one[-1] for one in times])
    first, last = int(np.ceil(starts[1] - WHOLE)), int(np.floor(ends[-2] + WHOLE))
    if last - first + 1 < FEWEST_MOMENTS:
        told = ", ".join(f"{name} {one[0]:g} to {one[-1]:g}" for name, one in zip(names, times, strict=True))
        raise LabelsError(
            f"expected cameras that record at the same time, but no two overlap by {FEWEST_MOMENTS} frames (in frames "
            f"of {names[0]}: {told}); give times of one clock"
        )
    longest = max(len(one) for one in times)
    if last - first + 1 > _MOST_STRETCHED * longest:
        raise LabelsError(
            f"expected cameras that record most of the time, got {last - first + 1} moments from the first to the last "
            f"of at most {longest} frames: look for a wrong time, or cut the results where the recording pauses"
        )
    return np.arange(first, last + 1, dtype=np.float64)
