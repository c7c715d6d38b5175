"""Angles of an animal: at a joint, and where it heads.

Directions are signed as the picture's axes are: 0 degrees is to the right, 90 down, -90 up, so that they grow clockwise
as one sees it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from markerless.analysis.kinematics_quantity import Quantity, axis_deviation, expected, seen_points
from markerless.core.instance import FloatArray
from markerless.core.tracks import Tracks
from markerless.errors import SettingsError

Joint = tuple[str, str, str]
KNOWS_NOTHING = 90.0  # degrees: the mean error of an angle that was thrown with dice


def joint_angles(tracks: Tracks, joints: Sequence[Joint]) -> Quantity:
    """Angle at the middle keypoint of each three, 0 to 180 degrees, in two or three dimensions.

    NaN where one of them is missing, or lies on the middle one.

    Args:
        tracks: Two- or three-dimensional.
        joints: Names of keypoints, the middle one being the joint.

    Raises:
        LabelsError: no keypoint has such a name.
        SettingsError: a joint has a keypoint twice.
    """
    for joint in joints:
        if len(set(joint)) < 3:
            raise SettingsError(f"expected an angle between three different keypoints, got {', '.join(joint)}")
    a, b, c = ([tracks.skeleton.index(joint[place]) for joint in joints] for place in range(3))
    points, deviation = seen_points(tracks), axis_deviation(tracks)
    u, w = points[:, :, a] - points[:, :, b], points[:, :, c] - points[:, :, b]
    long_u, long_w = _length(u), _length(w)
    # Half the angle by sum and difference of the unit vectors: exact near 0 and 180 degrees, where a cosine is not.
    u, w = u / long_u[..., None], w / long_w[..., None]
    values = np.degrees(2 * np.arctan2(np.linalg.norm(u - w, axis=-1), np.linalg.norm(u + w, axis=-1)))
    error = None
    if deviation is not None:
        across = _length(points[:, :, a] - points[:, :, c]) / (long_u * long_w)
        parts = (deviation[..., a] / long_u, deviation[..., c] / long_w, deviation[..., b] * across)
        error = _in_degrees(np.sqrt(sum((part**2 for part in parts), np.zeros_like(values))))
    return Quantity("angle", tuple("-".join(joint) for joint in joints), values, "deg", error)


def heading(tracks: Tracks, back: str, front: str) -> Quantity:
    """Direction from one keypoint of the animal to another, from -180 to 180 degrees, 0 to the right and 90 down.

    NaN where one of them is missing, or both are in one place.

    Args:
        tracks: Two-dimensional.
        back: Name of the keypoint behind, such as the base of the tail.
        front: Name of the keypoint in front, such as the snout.

    Raises:
        LabelsError: no keypoint has such a name.
        SettingsError: the tracks are three-dimensional, or both names are one.
    """
    if tracks.points.shape[-1] != 2:
        raise SettingsError("expected tracks in a picture (x, y) for a heading, got 3D points; leave the heading out")
    if back == front:
        raise SettingsError(f"expected a heading from one keypoint to another, got {back} twice")
    i, j = tracks.skeleton.index(back), tracks.skeleton.index(front)
    points, deviation = seen_points(tracks), axis_deviation(tracks)
    ahead = points[:, :, j] - points[:, :, i]
    length = _length(ahead)
    values = np.where(np.isfinite(length), np.degrees(np.arctan2(ahead[..., 1], ahead[..., 0])), np.nan)
    error = None
    if deviation is not None:
        error = _in_degrees(np.hypot(deviation[..., i], deviation[..., j]) / length)[..., None]
    return Quantity("heading", (f"{back}-{front}",), values[..., None], "deg", error)


def _length(vectors: FloatArray) -> FloatArray:
    """Lengths of vectors; NaN in place of 0, as such a vector has no direction."""
    length = np.linalg.norm(vectors, axis=-1)
    return np.where(length > 0, length, np.nan)


def _in_degrees(deviation: FloatArray) -> FloatArray:
    """The expected error of angles with a standard deviation in radians."""
    error = expected(np.degrees(deviation))
    assert error is not None
    return np.minimum(error, KNOWS_NOTHING)
