"""Axes for what was triangulated: which keypoints give them is a text, as on the command line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from markerless.core.camera import Calibration
from markerless.core.instance import FloatArray
from markerless.core.tracks import Tracks
from markerless.errors import CalibrationError, LabelsError, SettingsError
from markerless.multiview.floor import fit_floor
from markerless.multiview.world_axes import WorldAxes, axes_of_plane, axes_of_points

FLOOR = "floor"
_MOST_MOVED = 0.25  # of the shortest distance between the three points


@dataclass(frozen=True)
class AxesRequest:
    """What gives the axes.

    Attributes:
        keypoints: Origin, a point in the direction of x, a point on the side of y; or what stands on the floor.
        floor: Whether they stand on the floor.
    """

    keypoints: tuple[str, ...]
    floor: bool = False


def parse_axes(text: str) -> AxesRequest:
    """`ORIGIN,X,Y` or `floor:KEYPOINT,...`; `floor` alone takes all keypoints.

    Raises:
        SettingsError: neither.
    """
    kind, colon, rest = text.partition(":")
    floor = kind.strip().lower() == FLOOR and (bool(colon) or "," not in text)
    names = tuple(name.strip() for name in (rest if floor else text).split(",") if name.strip())
    if not floor and len(set(names)) != 3:
        raise SettingsError(
            "expected three keypoints ORIGIN,X,Y, or floor:KEYPOINT,... that stand on the floor, for example "
            f"corner1,corner2,corner4 or floor:paw1,paw2; got '{text}'"
        )
    return AxesRequest(names, floor)


def told_of_axes(axes: WorldAxes) -> dict[str, Any]:
    """Plain values: `x_new = rotation @ x_old + translation`, and how they were found."""
    return {"how": axes.how, "rotation": axes.rotation.tolist(), "translation": axes.translation.tolist()}


def find_axes(request: AxesRequest, tracks: Tracks, calibration: Calibration) -> WorldAxes:
    """The axes that the points in space give.

    Args:
        request: Which points.
        tracks: `(T, N, K, 3)`.
        calibration: The cameras, in the same axes as the points.

    Raises:
        LabelsError: no such keypoint.
        CalibrationError: the points do not determine axes.
    """
    for name in request.keypoints:
        if name not in tracks.skeleton.keypoints:
            raise LabelsError(
                f"unknown keypoint '{name}' for the axes; keypoints: {', '.join(tracks.skeleton.keypoints)}"
            )
    unit = calibration.unit or "units"
    if request.floor:
        return _of_floor(request, tracks, calibration, unit)
    found = [_resting(tracks, name) for name in request.keypoints]
    places, moved, doubt = (np.array([each[part] for each in found]) for part in range(3))
    sides = np.linalg.norm(places - np.roll(places, 1, axis=0), axis=-1)
    if np.nanmax(moved, initial=0.0) > _MOST_MOVED * np.nanmin(sides, initial=np.inf):
        worst = int(np.nanargmax(moved))
        raise CalibrationError(
            f"expected points of the axes that stay where they are, such as corners of the arena; "
            f"'{request.keypoints[worst]}' moves by {moved[worst]:.3g} {unit} (median), and the points are "
            f"{np.nanmin(sides):.3g} {unit} apart; name points that rest, or floor:KEYPOINT,..."
        )
    first, second, third = request.keypoints
    return axes_of_points(places, doubt, (first, second, third), unit)


def _resting(tracks: Tracks, name: str) -> tuple[FloatArray, float, float]:
    """Median place `(3,)` of a keypoint, the median distance from it, and its expected error; NaN if never there."""
    k = tracks.skeleton.index(name)
    points = tracks.points[:, :, k].reshape(-1, 3)
    there = np.isfinite(points).all(axis=-1)
    if not there.any():
        return np.full(3, np.nan), float("nan"), float("nan")
    place = np.median(points[there], axis=0)
    error = np.full(len(points), np.nan) if tracks.error is None else tracks.error[:, :, k].reshape(-1)
    known = error[there & np.isfinite(error)]
    moved = float(np.median(np.linalg.norm(points[there] - place, axis=-1)))
    return place, moved, float(np.median(known)) if known.size else moved


def _of_floor(request: AxesRequest, tracks: Tracks, calibration: Calibration, unit: str) -> WorldAxes:
    names = request.keypoints or tracks.skeleton.keypoints
    said = ", ".join(request.keypoints) or "all keypoints"
    chosen = [tracks.skeleton.index(name) for name in names]
    points = tracks.points[:, :, chosen].reshape(-1, 3)
    error = np.full(len(points), np.nan) if tracks.error is None else tracks.error[:, :, chosen].reshape(-1)
    there = np.isfinite(points).all(axis=-1)
    everything = tracks.points[np.isfinite(tracks.points).all(axis=-1)]
    eyes = np.array([camera.center for camera in calibration.cameras])
    try:
        floor = fit_floor(points[there], error[there], everything, eyes, unit)
    except CalibrationError as refused:
        raise CalibrationError(f"{refused} (floor of {said})") from refused
    first = calibration.cameras[0]
    axes = axes_of_plane(floor.normal, first)
    middle = np.median(axes.points(everything), axis=0)  # in the new axes: a median is not turned with the axes
    how = (
        f"axes: z up from the floor through {int(floor.standing.sum())} of {int(there.sum())} points of "
        f"{said}, {floor.rms:.2g} {unit} rms about it, direction known to {floor.doubt_deg:.1g} degrees, "
        f"tilted by {axes.turned_deg:.1f} degrees against the z axis before; origin below the animal's median place, "
        f"x to the right as camera {first.name} sees it"
    )
    return WorldAxes(axes.rotation, -np.array([*middle[:2], floor.offset]), how)
