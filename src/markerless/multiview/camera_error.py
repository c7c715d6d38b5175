"""What points in space owe to cameras that are not known exactly: the second part of their expected error.

To first order, a point that fits its pixels moves with the numbers of its cameras by the equations that placed it (the
theorem of implicit functions), so that their covariance becomes one of the point. These errors are common to all
points of a place: they do not average out over time, and limbs hardly feel them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from markerless.core.camera import Camera, CameraSpread
from markerless.core.instance import FloatArray
from markerless.multiview.lens_fit import Freedom, projection
from markerless.multiview.point_fit import BoolArray
from markerless.multiview.pose_spread import moves_of
from markerless.multiview.projection import project_with_slope
from markerless.multiview.rotation import cross_matrix
from markerless.multiview.small_matrices import expected_length, inverse
from markerless.multiview.triangulate import DISTANCE_PER_SD, Triangulated

_FAR = 3.0  # times the usual distance from the middle: such points are left out where a similarity is fitted
_BLOCK = 4096  # points at a time: what a processor's cache holds
_SAMPLE = 1000  # of the points say where the axes are


def with_camera_error(found: Triangulated, cameras: Sequence[Camera], error: npt.ArrayLike) -> Triangulated:
    """The points with expected errors that their cameras add to; as they are where no camera says how well it is known.

    Args:
        found: Points of these cameras; their covariance stays that of the pixels, whose errors are of each point alone.
        cameras: V of them.
        error: `(V, ...)` px, or what broadcasts to it, as the points were made with.
    """
    if all(camera.spread is None for camera in cameras):
        return found
    n = len(cameras)
    sd = np.broadcast_to(np.asarray(error, dtype=np.float64), found.used.shape).reshape(n, -1) / DISTANCE_PER_SD
    used, points = found.used.reshape(n, -1), found.points.reshape(-1, 3)
    own = found.covariance.reshape(-1, 3, 3)
    total = found.error.reshape(-1).copy()
    good = np.flatnonzero(used.any(axis=0))
    if not len(good):
        return found
    some = good[np.unique(np.linspace(0, len(good) - 1, min(_SAMPLE, len(good))).round().astype(int))]
    moved = own[some] @ _moves(cameras, points[some], used[:, some], sd[:, some])
    middle = points[some].mean(axis=0)
    axes = np.linalg.lstsq(_rigid(points[some] - middle).reshape(-1, 6), moved.reshape(3 * len(some), -1), rcond=None)[
        0
    ]
    for start in range(0, len(good), _BLOCK):
        at = good[start : start + _BLOCK]
        moved = own[at] @ _moves(cameras, points[at], used[:, at], sd[:, at])
        moved -= _rigid(points[at] - middle) @ axes
        total[at] = expected_length(own[at] + moved @ moved.transpose(0, 2, 1))
    return replace(found, error=total.reshape(found.error.shape))


def places_beside_points(cameras: Sequence[Camera], points: FloatArray, used: BoolArray, sd: FloatArray) -> FloatArray:
    """`(V,)` standard deviation of where cameras stand beside the points that they see, whatever axes and scale are.

    A rig that hardly changes in itself may turn about the scene, or come nearer to it: above all one of two cameras.

    Args:
        cameras: V of them, all with a spread.
        points: `(P, 3)` in space.
        used: `(V, P)` which of them a camera sees.
        sd: `(V, P)` px.
    """
    good = np.flatnonzero(np.isfinite(points).all(axis=1) & (used.sum(axis=0) >= 2))
    points, used, sd = points[good], used[:, good], sd[:, good]
    moved = -_covariance(cameras, points, used, sd) @ _moves(cameras, points, used, sd)
    arms = points - np.median(points, axis=0)
    near = np.linalg.norm(arms, axis=1)
    near_enough = (near <= _FAR * np.median(near)) & np.isfinite(moved).all(axis=(1, 2))
    along, moved = _similar(arms[near_enough]), moved[near_enough]
    common = np.linalg.lstsq(along.reshape(-1, 7), moved.reshape(-1, moved.shape[2]), rcond=None)[0]
    centers = np.stack([camera.center for camera in cameras]) - np.median(points, axis=0)
    left: FloatArray = np.linalg.norm(_centers_moved(cameras) - _similar(centers) @ common, axis=(1, 2))
    return left


def _covariance(cameras: Sequence[Camera], points: FloatArray, used: BoolArray, sd: FloatArray) -> FloatArray:
    """`(P, 3, 3)` of points, by their pixels alone."""
    information = np.zeros((len(points), 3, 3))
    for camera, mask, spread_px in zip(cameras, used, sd, strict=True):
        slope = np.nan_to_num(project_with_slope(camera, points)[1]) * (mask / spread_px)[:, None, None]
        information += slope.transpose(0, 2, 1) @ slope
    return inverse(information)


def _similar(arms: FloatArray) -> FloatArray:
    """`(P, 3, 7)`: how points at `arms` `(P, 3)` move with a small turn, a shift and a growth of the world."""
    return np.concatenate([_rigid(arms), arms[..., None]], axis=-1)


def _rigid(arms: FloatArray) -> FloatArray:
    """`(P, 3, 6)`: how points at `arms` `(P, 3)` move with a small turn and a shift of the world."""
    return np.concatenate([-cross_matrix(arms), np.broadcast_to(np.eye(3), (len(arms), 3, 3))], axis=-1)


def _moves(cameras: Sequence[Camera], points: FloatArray, used: BoolArray, sd: FloatArray) -> FloatArray:
    """`(P, 3, r)`: how the right side of the equations of points sways with cameras, per standard deviation."""
    widest = max(camera.spread.factor.shape[1] for camera in cameras if camera.spread is not None)
    moved = np.zeros((len(points), 3, widest))
    for camera, mask, spread_px in zip(cameras, used, sd, strict=True):
        if camera.spread is None or not camera.spread.factor.size:
            continue
        seeing = np.flatnonzero(mask)
        freedom = _freedom(camera.spread)
        _, by_point, by_step = projection(camera, freedom, np.zeros(freedom.size), points[seeing])
        weighed = by_point.transpose(0, 2, 1) / (spread_px[seeing] ** 2)[:, None, None]
        factor = camera.spread.factor
        by_number = (weighed @ by_step).reshape(-1, freedom.size)
        moved[seeing, :, : factor.shape[1]] += (by_number @ factor).reshape(len(seeing), 3, factor.shape[1])
    return moved


def _centers_moved(cameras: Sequence[Camera]) -> FloatArray:
    """`(V, 3, r)`: how the places of cameras sway, per standard deviation."""
    spreads = [camera.spread for camera in cameras]
    factor = np.vstack([spread.factor for spread in spreads if spread is not None])
    freedoms = [_freedom(spread) for spread in spreads if spread is not None]
    return moves_of(cameras, freedoms, factor)[:, 3:]


def _freedom(spread: CameraSpread) -> Freedom:
    pose, focal, center, distortion = spread.free
    return Freedom(bool(pose), focal, bool(center), distortion)
