"""How far keypoints of an animal are from each other; the edges of the skeleton are such pairs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from markerless.analysis.kinematics_quantity import Quantity, axis_deviation, expected, length_unit, seen_points
from markerless.core.tracks import Tracks
from markerless.errors import SettingsError

Pair = tuple[str, str]


def distances(tracks: Tracks, pairs: Sequence[Pair]) -> Quantity:
    """Distance between the two keypoints of each pair, in every animal; NaN where one of them is missing.

    Args:
        tracks: Two- or three-dimensional.
        pairs: Names of keypoints.

    Raises:
        LabelsError: no keypoint has such a name.
        SettingsError: a pair is one keypoint twice.
    """
    a, b = [tracks.skeleton.index(pair[0]) for pair in pairs], [tracks.skeleton.index(pair[1]) for pair in pairs]
    for pair in pairs:
        if pair[0] == pair[1]:
            raise SettingsError(f"expected a distance between two keypoints, got {pair[0]} twice")
    points, deviation = seen_points(tracks), axis_deviation(tracks)
    values = np.linalg.norm(points[:, :, a] - points[:, :, b], axis=-1)
    error = None
    if deviation is not None:
        error = expected(np.where(np.isfinite(values), np.hypot(deviation[..., a], deviation[..., b]), np.nan))
    return Quantity("distance", tuple(f"{one}-{other}" for one, other in pairs), values, length_unit(tracks), error)


def skeleton_lengths(tracks: Tracks) -> Quantity:
    """Length of every edge of the skeleton; none where the skeleton has no edges."""
    names = tracks.skeleton.keypoints
    lengths = distances(tracks, [(names[a], names[b]) for a, b in tracks.skeleton.edges])
    return Quantity("length", lengths.of, lengths.values, lengths.unit, lengths.error)
