"""What is measured of tracks: values in every frame of every animal, with a unit and an expected error.

An expected error is the mean distance from the truth, as that of a point is (docs/errors.md). What is computed of
points inherits it to first order: errors are taken as normal, the same in all directions, and independent between
points and frames. A network errs much the same way in neighboring frames, so that errors of speeds are rather given too
large.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from markerless.core.instance import FloatArray
from markerless.core.tracks import Tracks
from markerless.errors import SettingsError

# mean length of a normal vector of one, two and three dimensions with a standard deviation of 1 along each axis
MEAN_LENGTH = {1: math.sqrt(2 / math.pi), 2: math.sqrt(math.pi / 2), 3: math.sqrt(8 / math.pi)}
PER_FRAME = "frame"


@dataclass(frozen=True)
class Quantity:
    """Something measured in every frame.

    Attributes:
        name: What it is: "speed", "distance", "angle", ...
        of: What it is of: keypoints, or keypoints joined by "-". Length M.
        values: `(T, N, M)`, NaN where it is not known.
        unit: Of the values: "px/s", "mm", "deg", ...
        error: `(T, N, M)` expected error in the same unit; None where that of the points is not known.
    """

    name: str
    of: tuple[str, ...]
    values: FloatArray
    unit: str
    error: FloatArray | None = None


@dataclass(frozen=True)
class Pace:
    """How many frames a unit of time has.

    Attributes:
        frames: So many.
        unit: "s", or "frame" where times are counted in frames.
    """

    frames: float
    unit: str = "s"

    @classmethod
    def of(cls, tracks: Tracks, fps: float | None = None) -> Pace:
        """Seconds by `fps`, else by the frame rate that the tracks know.

        Raises:
            SettingsError: neither is a rate.
        """
        rate = tracks.fps if fps is None else fps
        if not (math.isfinite(rate) and rate > 0):
            raise SettingsError(
                f"expected the frames per second of the tracks{_named(tracks)}, got {rate:g}: "
                f"give them (--fps 30), or ask for units per frame (--fps {PER_FRAME})"
            )
        return cls(float(rate))

    @classmethod
    def per_frame(cls) -> Pace:
        """Times in frames."""
        return cls(1.0, PER_FRAME)


def length_unit(tracks: Tracks) -> str:
    """Unit of the coordinates: px, or in three dimensions what the provenance says."""
    if tracks.points.shape[-1] == 2:
        return str(tracks.provenance.get("length_unit", "px"))
    return str(tracks.provenance.get("length_unit") or tracks.provenance.get("unit") or "unit")


def seen_points(tracks: Tracks, cutoff: float = 0.0) -> FloatArray:
    """`(T, N, K, D)` points, NaN where one is missing, infinite, or has a score below `cutoff`."""
    return np.where(tracks.present(cutoff)[..., None], tracks.points, np.nan)


def axis_deviation(tracks: Tracks) -> FloatArray | None:
    """`(T, N, K)` standard deviation along each axis that the expected error of the points stands for."""
    return None if tracks.error is None else np.asarray(tracks.error / MEAN_LENGTH[tracks.points.shape[-1]])


def expected(deviation: FloatArray | None) -> FloatArray | None:
    """The expected error of a number with a standard deviation."""
    return None if deviation is None else np.asarray(deviation * MEAN_LENGTH[1])


def _named(tracks: Tracks) -> str:
    return f" of {tracks.video}" if tracks.video else ""
