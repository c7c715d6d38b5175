"""World axes that mean something: from three points, a floor or a board, for points and cameras alike.

A calibration's axes are as a rule those of its first camera. New axes are a rotation and a shift of everything:
distances, expected errors and what the cameras see stay as they are.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from markerless.core.camera import Calibration, Camera, CameraSpread
from markerless.core.instance import FloatArray
from markerless.errors import CalibrationError
from markerless.multiview.rotation import cross_matrix

MOST_DOUBT_DEG = 10.0  # axes that are known less well than this are refused
_LEAST_SINE = 0.05  # of the angle at the origin: three points are on a line where it is smaller
_FLAT_SHARE = 0.3  # of a camera's axis that has to lie in the floor to give it a direction


@dataclass(frozen=True)
class WorldAxes:
    """New axes: `x_new = rotation @ x_old + translation`.

    Attributes:
        rotation: `(3, 3)`, its rows are the new axes in the old ones; right-handed.
        translation: `(3,)` in the unit of the calibration.
        how: What they were taken from and how well they are known, one line for the user.
    """

    rotation: FloatArray
    translation: FloatArray
    how: str

    @property
    def turned_deg(self) -> float:
        """Degrees between the old z axis and the new one."""
        return float(np.degrees(np.arccos(np.clip(self.rotation[2, 2], -1.0, 1.0))))

    def points(self, points: FloatArray) -> FloatArray:
        """Points `(..., 3)` in the new axes; NaN stays NaN."""
        return np.asarray(points @ self.rotation.T + self.translation, dtype=np.float64)

    def calibration(self, calibration: Calibration) -> Calibration:
        """The same cameras in the new axes: they see the moved points where they saw the old ones."""
        cameras = tuple(self._camera(camera) for camera in calibration.cameras)
        told = [(key, text) for key, text in calibration.provenance if key != "axes"]
        return replace(calibration, cameras=cameras, provenance=(*told, ("axes", self.how)))

    def _camera(self, camera: Camera) -> Camera:
        rotation = camera.rotation @ self.rotation.T
        shift = rotation @ self.translation
        moved = camera.moved(rotation, camera.translation - shift)
        return moved if camera.spread is None else replace(moved, spread=_spread(camera.spread, shift))


def _spread(spread: CameraSpread, shift: FloatArray) -> CameraSpread:
    """How well a camera is known in the new axes, whose origin is at `shift` in its own.

    A turn `w` after its rotation moves that place by `w x shift`, so that the new translation has that as well.
    """
    if not spread.free[0]:
        return spread
    factor = spread.factor.copy()
    factor[3:6] += cross_matrix(shift) @ factor[:3]
    return replace(spread, factor=factor)


def axes_of_points(places: FloatArray, doubt: FloatArray, names: tuple[str, str, str], unit: str = "mm") -> WorldAxes:
    """Axes with their origin at the first point, x towards the second, and y on the side of the third.

    z is at right angles to the plane of the three: up, where they are named counterclockwise as seen from above.

    Args:
        places: `(3, 3)` the three points.
        doubt: `(3,)` expected error of each.
        names: What they are called, for messages.
        unit: Of the lengths, for messages.

    Raises:
        CalibrationError: a point is missing, or the three are on a line as far as their errors allow to tell.
    """
    for name, place in zip(names, places, strict=True):
        if not np.isfinite(place).all():
            raise CalibrationError(f"expected point '{name}' of the axes in space, got none: it was not triangulated")
    ahead, aside = places[1] - places[0], places[2] - places[0]
    length, reach = float(np.linalg.norm(ahead)), float(np.linalg.norm(aside))
    area = np.cross(ahead, aside)
    off_line = float(np.linalg.norm(area)) / length if length > 0 else 0.0
    error = float(np.max(np.where(np.isfinite(doubt), doubt, 0.0)))
    doubt_deg = float(np.degrees(np.arctan2(error, min(length, off_line)))) if min(length, off_line) > 0 else 90.0
    if off_line <= _LEAST_SINE * reach or length <= _LEAST_SINE * reach or doubt_deg > MOST_DOUBT_DEG:
        raise CalibrationError(
            f"the points {', '.join(names)} do not determine axes: '{names[2]}' is {off_line:.3g} {unit} from the line "
            f"through '{names[0]}' and '{names[1]}', which are {length:.3g} {unit} apart, and the expected error is "
            f"{error:.2g} {unit}; choose points farther apart and not on a line"
        )
    x = ahead / length
    z = area / np.linalg.norm(area)
    rotation = np.stack([x, np.cross(z, x), z])
    how = (
        f"axes: origin at {names[0]}, x towards {names[1]}, {names[2]} at y > 0; {length:.4g} and {reach:.4g} {unit} "
        f"from the origin, directions known to about {doubt_deg:.1g} degrees"
    )
    return WorldAxes(rotation, -rotation @ places[0], how)


def axes_of_plane(normal: FloatArray, camera: Camera) -> WorldAxes:
    """Axes with z along the normal of a plane and x to the right as `camera` sees it; the origin stays.

    So recordings of the same rig have the same x, wherever the animal went.

    Args:
        normal: `(3,)` of length 1, up.
        camera: Whose right side gives the direction of x; where it stands on its side, what is up in its picture.
    """
    right, up = camera.rotation[0], -camera.rotation[1]
    flat = right - (right @ normal) * normal
    if np.linalg.norm(flat) < _FLAT_SHARE:
        flat = up - (up @ normal) * normal
    x = flat / np.linalg.norm(flat)
    return WorldAxes(
        np.stack([x, np.cross(normal, x), normal]), np.zeros(3), f"axes: x as camera {camera.name} sees it"
    )


def axes_of_board(rotation: FloatArray, translation: FloatArray, how: str) -> WorldAxes:
    """Axes of a board that lies on the floor with its print up: origin at its first corner, x along its rows, z up.

    A board's own axes are x right, y down and so z into the paper; here y points the other way, and z out of it.

    Args:
        rotation: `(3, 3)` from the board's to the old axes.
        translation: `(3,)`: `x_old = rotation @ x_board + translation`.
        how: One line for the user.
    """
    turned = np.diag([1.0, -1.0, -1.0]) @ rotation.T
    return WorldAxes(turned, -turned @ translation, how)
