"""How good a rig is that was found from an animal's points: refused where the points do not decide it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from markerless.core.camera import Camera
from markerless.core.instance import FloatArray
from markerless.errors import CalibrationError
from markerless.multiview.calibrate_points import PointsRig
from markerless.multiview.pose_spread import PoseSpread
from markerless.multiview.projection import project_with_slope
from markerless.multiview.small_matrices import inverse
from markerless.multiview.triangulate import DISTANCE_PER_SD

GOOD, WEAK = "good", "weak"
_GOOD_PLACE, _WORST_PLACE = 0.01, 0.03  # standard deviation of a place, as a share of the rig's size
_GOOD_TURN, _WORST_TURN = 1.0, 3.0  # of a direction, degrees
_LEAST_AGREEING = 0.6  # of the pixels
_WORST_PX = 0.02  # of the picture's diagonal
_THIN = 2.0  # expected errors: a cloud of points that is no thicker is a line or a plane


@dataclass(frozen=True)
class PointsVerdict:
    """What is to be said of one camera.

    Attributes:
        name: The camera's.
        word: `GOOD` or `WEAK`.
        spread: How well it is known among the other cameras.
        beside: How well its place is known beside the animal, as a share of the rig's size.
        focal_px: Its focal length.
        noise_px: Expected error of its pixels.
        reach: Share of its picture that the animal was seen in.
    """

    name: str
    word: str
    spread: PoseSpread
    beside: float
    focal_px: float
    noise_px: float
    reach: float

    def __str__(self) -> str:
        line = (
            f"{self.name}: {self.word}: place known to {100 * self.spread.place:.2g} % of the rig's size among the "
            f"cameras and {100 * self.beside:.2g} % beside the animal, direction to {self.spread.turn_deg:.2g} "
            f"degrees; points in {100 * self.reach:.0f} % of the picture, off by {self.noise_px:.1f} px"
        )
        if self.spread.focal is None:
            return line
        return f"{line}; focal length {self.focal_px:.0f} px, known to {100 * self.spread.focal:.2g} %"


def judge_points(rig: PointsRig) -> list[PointsVerdict]:
    """A verdict of each camera.

    Raises:
        CalibrationError: the rig cannot be used; the message says why, and what to do.
    """
    cameras = rig.calibration.cameras
    diagonal = max(float(np.hypot(*camera.size)) for camera in cameras)
    if rig.agree < _LEAST_AGREEING or rig.calibration.error_px > _WORST_PX * diagonal:
        raise CalibrationError(
            f"refused: {100 * rig.agree:.0f} % of the pixels agree with the other cameras, to "
            f"{rig.calibration.error_px:.1f} px; check that the files are of the same moments, that keypoints of the "
            "same name are the same body part, and the lenses"
        )
    _not_flat(rig)
    for camera, spread, reach in zip(cameras, rig.spreads, rig.reach, strict=True):
        if spread.place > _WORST_PLACE or spread.turn_deg > _WORST_TURN or not np.isfinite(spread.place):
            raise CalibrationError(_too_weak(rig, camera, spread, float(reach)))
    return [
        PointsVerdict(
            camera.name,
            GOOD if max(spread.place, beside) <= _GOOD_PLACE and spread.turn_deg <= _GOOD_TURN else WEAK,
            spread,
            float(beside),
            float(camera.matrix[0, 0]),
            float(noise),
            float(reach),
        )
        for camera, spread, beside, noise, reach in zip(
            cameras, rig.spreads, rig.beside, rig.noise_px, rig.reach, strict=True
        )
    ]


def _too_weak(rig: PointsRig, camera: Camera, spread: PoseSpread, reach: float) -> str:
    told = (
        f"refused: where camera '{camera.name}' stands is known to {100 * spread.place:.2g} % of the rig's size, and "
        f"where it looks to {spread.turn_deg:.2g} degrees; at most {100 * _WORST_PLACE:g} % and {_WORST_TURN:g} "
        "degrees would do"
    )
    if rig.held:
        names = ", ".join(f"'{name}'" for name in rig.held)
        return f"{told}. The points do not decide the focal length of {names}: give the lenses with --lenses FILE"
    return (
        f"{told}. Its points are in {100 * reach:.0f} % of the picture: give longer files in which the animal goes "
        "everywhere and rears, more exact labels, or calibrate with a board"
    )


def _not_flat(rig: PointsRig) -> None:
    """Raises CalibrationError where all points lie in a line, or in a plane that two arrangements would explain."""
    cameras = rig.calibration.cameras
    points = rig.points[np.isfinite(rig.points).all(axis=1)]
    apart = points - np.median(points, axis=0)
    near = np.linalg.norm(apart, axis=1)
    points = points[near <= 3 * np.median(near)]
    squares, axes = np.linalg.eigh(np.cov(points.T))
    thick, wide, _ = np.sqrt(np.maximum(squares, 0.0))
    off_thick, off_wide = _errors(cameras, points, rig.noise_px, axes[:, :2])
    unsure = len(cameras) == 2 or rig.held or any(freedom.focal for freedom in rig.freedoms)
    what = "on a line" if wide < _THIN * off_wide else "in a plane" if thick < _THIN * off_thick and unsure else ""
    if what:
        raise CalibrationError(
            f"refused: all points lie {what}, within their errors, so that several arrangements of the cameras explain "
            "them; give moments in which the animal is elsewhere and rears, and keypoints at different heights"
        )


def _errors(cameras: tuple[Camera, ...], points: FloatArray, noise_px: FloatArray, along: FloatArray) -> FloatArray:
    """Median standard deviations of points `(P, 3)` along directions `(3, n)`, were all cameras to see them."""
    information = np.zeros((len(points), 3, 3))
    for camera, noise in zip(cameras, noise_px, strict=True):
        slope = np.nan_to_num(project_with_slope(camera, points)[1]) / (noise / DISTANCE_PER_SD)
        information += slope.transpose(0, 2, 1) @ slope
    variance = np.einsum("in,pij,jn->pn", along, inverse(information), along)
    return np.asarray(np.sqrt(np.nanmedian(variance, axis=0)))
