"""What no rig of cameras can be: two cameras in one place, a focal length that is none."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from markerless.core.camera import Calibration, Camera
from markerless.errors import CalibrationError

_SAME = 1e-6  # relative to the size of the rig
_SHORTEST, _LONGEST = 0.05, 1000.0  # of the picture's diagonal


@dataclass(frozen=True)
class Doubt:
    """What is wrong with a camera.

    Attributes:
        cameras: The ones concerned.
        message: In words.
        impossible: Whether nothing right can come of it.
    """

    cameras: tuple[str, ...]
    message: str
    impossible: bool = True


def doubts(calibration: Calibration) -> tuple[Doubt, ...]:
    """What is odd about the cameras alone, without anything seen by them."""
    found = [doubt for camera in calibration.cameras if (doubt := _of_one(camera)) is not None]
    centers = np.stack([camera.center for camera in calibration.cameras])
    size = max(float(np.ptp(centers, axis=0).max(initial=0.0)), 1e-12)
    for a, b in combinations(calibration.cameras, 2):
        if np.linalg.norm(a.center - b.center) > _SAME * size:
            continue
        same = a.matrix.tolist() == b.matrix.tolist() and np.allclose(a.rotation, b.rotation)
        what = "have the very same numbers: one is a copy of the other" if same else "stand in the same place"
        found.append(Doubt((a.name, b.name), f"cameras '{a.name}' and '{b.name}' {what}"))
    return tuple(found)


def refuse_implausible(calibration: Calibration) -> None:
    """Make sure that points can be triangulated with these cameras.

    Raises:
        CalibrationError: some cannot be right; the message names them.
    """
    for doubt in doubts(calibration):
        if doubt.impossible:
            raise CalibrationError(
                f"{doubt.message}; calibrate anew, or leave out the one that is wrong "
                "('markerless check CALIBRATION --labels CAMERA=FILE ...' says which)"
            )


def _of_one(camera: Camera) -> Doubt | None:
    diagonal, focal = float(np.hypot(*camera.size)), camera.matrix[[0, 1], [0, 1]]
    if not (focal > 0).all():
        told = f"focal lengths of {focal[0]:g} and {focal[1]:g} px"
        return Doubt((camera.name,), f"camera '{camera.name}' has {told}, expected positive ones")
    if not (_SHORTEST * diagonal < focal.min() and focal.max() < _LONGEST * diagonal):
        told = f"a focal length of {focal[0]:.0f} px in a picture of {camera.size[0]} x {camera.size[1]}"
        return Doubt((camera.name,), f"camera '{camera.name}' has {told}: no lens is like that")
    return None
