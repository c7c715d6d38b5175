"""From pixels to lengths of the world: so many pixels are a millimeter.

One number holds for what moves in one plane that the camera looks at straight on. It does not for a slanted view or
a lens that bends straight lines; there several cameras and a calibration are the way.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from markerless.analysis.kinematics_distances import distances
from markerless.core.tracks import Tracks
from markerless.errors import SettingsError


@dataclass(frozen=True)
class Scale:
    """How large things are.

    Attributes:
        px_per_unit: Pixels that make up one unit.
        unit: "mm", "cm", ...
    """

    px_per_unit: float
    unit: str = "mm"

    def __post_init__(self) -> None:
        if not (math.isfinite(self.px_per_unit) and self.px_per_unit > 0):
            raise SettingsError(f"expected a scale above 0 px/{self.unit}, got {self.px_per_unit:g}")

    @classmethod
    def of_points(cls, a: Sequence[float], b: Sequence[float], length: float, unit: str = "mm") -> Scale:
        """Of two points of the picture, in pixels, whose distance is known.

        Raises:
            SettingsError: the points are one, or the length is not above 0.
        """
        return cls(_ratio(math.dist(a, b), length, unit), unit)

    @classmethod
    def of_keypoints(cls, tracks: Tracks, pair: tuple[str, str], length: float, unit: str = "mm") -> Scale:
        """Of two keypoints whose distance is known: by its median over all frames and animals.

        Raises:
            LabelsError: no keypoint has such a name.
            SettingsError: no frame has both, or the length is not above 0.
        """
        found = distances(tracks, [pair]).values
        if not np.isfinite(found).any():
            raise SettingsError(f"expected frames with both {pair[0]} and {pair[1]} to take the scale from, got none")
        return cls(_ratio(float(np.nanmedian(found)), length, unit), unit)

    def applied(self, tracks: Tracks) -> Tracks:
        """The tracks in the unit of the scale, their expected errors too.

        Raises:
            SettingsError: the tracks are three-dimensional and have a unit already.
        """
        if tracks.points.shape[-1] != 2:
            raise SettingsError("expected tracks in pixels for a scale, got 3D points, which have a unit; leave it out")
        error = None if tracks.error is None else tracks.error / self.px_per_unit
        provenance = {**tracks.provenance, "length_unit": self.unit, "px_per_unit": self.px_per_unit}
        return replace(tracks, points=tracks.points / self.px_per_unit, error=error, provenance=provenance)


def _ratio(pixels: float, length: float, unit: str) -> float:
    if not (math.isfinite(length) and length > 0):
        raise SettingsError(f"expected a length above 0 {unit}, got {length:g}")
    if not pixels > 0:
        raise SettingsError(f"expected two points with a distance for a length of {length:g} {unit}, got {pixels:g} px")
    return pixels / length
