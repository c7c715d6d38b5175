"""Cameras that moved since they were calibrated, put back in place by the animal's own keypoints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from markerless.core.camera import Calibration, Camera
from markerless.core.instance import FloatArray
from markerless.errors import CalibrationError
from markerless.multiview.bundle import Adjusted, Sightings, adjust
from markerless.multiview.lens_fit import Freedom
from markerless.multiview.point_fit import Observed, fit_points
from markerless.multiview.rotation import vector_of
from markerless.multiview.scene import FreePoints
from markerless.multiview.triangulate import DISTANCE_PER_SD, triangulate

MOST_POINTS = 4000
FEWEST = 30  # points a camera shares with others
_ROUNDS = 3
_STEPS = 15  # a round; the next one begins with better points
_TELLING = 0.7  # of a camera's pixels have to agree with others before those that do not are left out
_MOST_DEG = 5.0  # a camera that is turned by more has not drifted


@dataclass(frozen=True)
class Move:
    """How far a camera was put elsewhere.

    Attributes:
        name: Of the camera.
        angle_deg: By which it was turned.
        distance: In the unit of the calibration.
    """

    name: str
    angle_deg: float
    distance: float


def repair(calibration: Calibration, xy: FloatArray, error: FloatArray) -> tuple[Calibration, tuple[Move, ...]]:
    """Move the cameras, but the first, to where the points agree best; lenses stay.

    The scale is kept: the distances between the cameras stay the same in the mean.

    Args:
        calibration: V cameras, each roughly in place.
        xy: `(V, P, 2)` px; NaN where not seen.
        error: `(V, P)` px, expected error.

    Raises:
        CalibrationError: a camera shares too few points with the others, or would have to be somewhere else entirely.
    """
    cameras, seen = calibration.cameras, np.isfinite(xy).all(axis=-1)
    shared = seen & (seen.sum(axis=0) >= 2)
    for camera, points in zip(cameras, shared, strict=True):
        if points.sum() < FEWEST:
            raise CalibrationError(
                f"expected at least {FEWEST} points that camera '{camera.name}' shares with another, "
                f"got {points.sum()}; give longer videos"
            )
    use = np.flatnonzero(shared.any(axis=0))
    use = use[np.unique(np.linspace(0, len(use) - 1, min(MOST_POINTS, len(use))).round().astype(int))]
    xy, sd = xy[:, use], error[:, use] / DISTANCE_PER_SD
    moved: Sequence[Camera] = cameras
    for _ in range(_ROUNDS):  # points far from their place, because a camera was, are found again
        moved = settle(moved, held_first(len(moved)), xy, sd).cameras
    factor = _spread(cameras) / _spread(moved)
    anchor = cameras[0].center
    placed = tuple(
        camera.moved(camera.rotation, -camera.rotation @ (anchor + factor * (camera.center - anchor)))
        for camera in moved
    )
    moves = tuple(_move(before, after) for before, after in zip(cameras, placed, strict=True))
    farthest = max(moves, key=lambda move: move.angle_deg)
    if farthest.angle_deg > _MOST_DEG:
        raise CalibrationError(
            f"camera '{farthest.name}' would have to be turned by {farthest.angle_deg:.1f} degrees, more than the "
            f"{_MOST_DEG:g} that a camera drifts: the points fill too little of the space or are too inexact, or the "
            "calibration is wrong; calibrate anew, or repair with a longer video"
        )
    return replace(calibration, cameras=placed), moves


def agreeing(cameras: Sequence[Camera], xy: FloatArray, sd: FloatArray) -> FloatArray:
    """The pixels without those that contradict the others; all of them while the cameras are too far off to tell."""
    used = triangulate(cameras, xy, sd * DISTANCE_PER_SD).used
    seen = np.isfinite(xy).all(axis=-1)
    enough = used.sum(axis=1) >= np.maximum(_TELLING * seen.sum(axis=1), FEWEST)
    return np.where(used[..., None], xy, np.nan) if enough.all() else xy


def settle(
    cameras: Sequence[Camera], freedoms: Sequence[Freedom], xy: FloatArray, sd: FloatArray, steps: int = _STEPS
) -> Adjusted[FreePoints]:
    """Fit cameras and the points `xy` `(V, P, 2)` that they see together, without pixels that contradict the others.

    Args:
        cameras: V of them, roughly in place.
        freedoms: Of each, what may change.
        xy: px; NaN where not seen.
        sd: `(V, P)` px, standard deviation of x and of y; a pixel without one is not used.
        steps: At most so many.
    """
    return fit_together(cameras, freedoms, agreeing(cameras, xy, sd), sd, steps)


def fit_together(
    cameras: Sequence[Camera], freedoms: Sequence[Freedom], xy: FloatArray, sd: FloatArray, steps: int = _STEPS
) -> Adjusted[FreePoints]:
    """As `settle`, with all of the pixels."""
    pixels = np.where(np.isfinite(sd)[..., None], xy, np.nan)
    observed = Observed.of(cameras, pixels, np.where(np.isfinite(sd), sd, 1.0))
    points = fit_points(observed, observed.seen).points
    front = np.stack([np.isfinite(camera.project(points)).all(axis=-1) for camera in cameras])
    view, point = np.nonzero(observed.seen & front)
    often = np.bincount(point, minlength=len(points))[point] >= 2
    view, point = view[often], point[often]
    frame = np.zeros(len(point), dtype=np.intp)
    sightings = Sightings(view, frame, point, pixels[view, point], observed.sd[view, point])
    return adjust(cameras, freedoms, FreePoints(points[None]), sightings, steps)


def held_first(n: int) -> list[Freedom]:
    """Poses free of all `n` cameras but the first, whose axes are the world's."""
    return [Freedom(pose=index > 0) for index in range(n)]


def _spread(cameras: Sequence[Camera]) -> float:
    """Mean distance between the cameras."""
    centers = np.stack([camera.center for camera in cameras])
    return float(np.linalg.norm(centers[:, None] - centers, axis=-1).sum() / (len(centers) * (len(centers) - 1)))


def _move(before: Camera, after: Camera) -> Move:
    turn = vector_of(after.rotation @ before.rotation.T)
    shift = after.center - before.center
    return Move(before.name, float(np.rad2deg(np.linalg.norm(turn))), float(np.linalg.norm(shift)))
