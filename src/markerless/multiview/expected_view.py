"""Where a view should see a point, from what the other views see of it alone.

Two or more other views that agree say a place. One other view says a line (its epipolar line), bent by the lens. What
the view itself sees does not enter, so that its distance from there is a check of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from markerless.core.camera import Camera
from markerless.core.instance import FloatArray
from markerless.core.views import CONTRADICTORY, GOOD
from markerless.multiview.point_fit import BoolArray
from markerless.multiview.projection import project_with_slope
from markerless.multiview.small_matrices import expected_length
from markerless.multiview.triangulate import DISTANCE_PER_SD, triangulate

DISTANCE_PER_SD_OF_LINE = float(np.sqrt(2 / np.pi))
"""Mean distance over standard deviation of errors across a line."""

_COARSE, _FINE, _KEPT = 257, 129, 40  # places along a line that are tried, tried again, and kept
_BENT_BACK = 1e-6  # a lens model that does not give a ray back shows what no lens shows
_EDGE_PX = 0.5  # a picture reaches half a pixel beyond the centers of its outermost pixels


@dataclass(frozen=True)
class ExpectedPlaces:
    """Where a view should see P points.

    Attributes:
        xy: `(P, 2)` px of the view's frame, also outside of its picture; NaN where fewer than two other views agree.
        error: `(P,)` px, expected distance of `xy` from where the point really is.
        spread: `(P,)` px, expected distance of what the view itself sees from `xy`: its own error comes on top.
        used: `(V, P)` views that said so.
        torn: `(P,)` two or more other views see the point, and contradict each other.
    """

    xy: FloatArray
    error: FloatArray
    spread: FloatArray
    used: BoolArray
    torn: BoolArray


@dataclass(frozen=True)
class ExpectedLine:
    """Where a view should see a point that one other view sees.

    Attributes:
        xy: `(n, 2)` px along the line, inside of the view's picture; empty where the line does not cross it.
        spread: `(n,)` px, expected distance of what the view sees from the line, there.
    """

    xy: FloatArray
    spread: FloatArray


def expected_places(cameras: Sequence[Camera], xy: FloatArray, error: FloatArray, view: int) -> ExpectedPlaces:
    """Where camera number `view` should see points.

    Args:
        cameras: V of them, placed.
        xy: `(V, P, 2)` px, NaN where a camera does not see a point; those of `view` are not looked at.
        error: `(V, P)` px, expected error of each.
        view: Index of the camera.
    """
    others = [index for index in range(len(cameras)) if index != view]
    used = np.zeros(xy.shape[:2], dtype=bool)
    n_points = xy.shape[1]
    if len(others) < 2:
        nothing = np.full(n_points, np.nan)
        return ExpectedPlaces(np.full((n_points, 2), np.nan), nothing, nothing, used, np.zeros(n_points, dtype=bool))
    fit = triangulate([cameras[index] for index in others], xy[others], error[others])
    pixels, slope = project_with_slope(cameras[view], fit.points)
    shown = (fit.state == GOOD) & _shows(cameras[view], fit.points, pixels)
    used[others] = fit.used & shown
    spread = slope @ fit.covariance @ slope.transpose(0, 2, 1)
    own = (error[view] / DISTANCE_PER_SD) ** 2
    return ExpectedPlaces(
        np.where(shown[:, None], pixels, np.nan),
        np.where(shown, _mean_length(spread), np.nan),
        np.where(shown, _mean_length(spread + own[:, None, None] * np.eye(2)), np.nan),
        used,
        np.asarray(fit.state == CONTRADICTORY),
    )


def expected_line(camera: Camera, other: Camera, xy: FloatArray, error: tuple[float, float]) -> ExpectedLine:
    """Where `camera` should see a point that `other` sees at the pixel `xy` `(2,)`.

    Args:
        camera: The view that the line is in.
        other: The view that sees the point.
        xy: Where, in px of the frame.
        error: Expected errors in px, of `camera` and of `other`.
    """
    ray = other.rays(xy)
    base = float(np.linalg.norm(camera.center - other.center))
    nothing = ExpectedLine(np.empty((0, 2)), np.empty(0))
    if not np.isfinite(ray).all() or base <= 0:
        return nothing
    share = (np.arange(_COARSE) + 0.5) / _COARSE
    first, last = _longest(_inside(camera, *_along(camera, other, ray, base * _depth(share))))
    if first < 0:
        return nothing
    step = 1 / _COARSE
    share = np.linspace(max(share[first] - step, 1e-9), min(share[last] + step, 1 - 1e-9), _FINE)
    depth = base * _depth(share)
    first, last = _longest(_inside(camera, *_along(camera, other, ray, depth)))
    depth = _evenly(camera, other, ray, depth[first : last + 1])
    points, pixels = _along(camera, other, ray, depth)
    return ExpectedLine(pixels, _across(camera, other, xy, (points, pixels, depth), error))


def is_in_picture(camera: Camera, xy: FloatArray) -> BoolArray:
    """`(...)` whether pixels `(..., 2)` of the frame lie in the picture of a camera."""
    place = camera.to_picture.apply(xy)
    size = np.asarray(camera.size, dtype=np.float64)
    with np.errstate(invalid="ignore"):
        return np.asarray(((place >= -_EDGE_PX) & (place <= size - 1 + _EDGE_PX)).all(axis=-1))


def _depth(share: FloatArray) -> FloatArray:
    """From nothing to infinity, so that steps in the picture are alike."""
    return np.asarray(share / (1 - share))


def _along(camera: Camera, other: Camera, ray: FloatArray, depth: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Points `(n, 3)` at depths on a ray of `other`, and their pixels `(n, 2)` in `camera`."""
    points = other.center + (depth[:, None] * np.append(ray, 1.0)) @ other.rotation
    return points, camera.project(points)


def _inside(camera: Camera, points: FloatArray, pixels: FloatArray) -> BoolArray:
    mask = is_in_picture(camera, pixels)
    mask[mask] = _shows(camera, points[mask], pixels[mask])
    return mask


def _shows(camera: Camera, points: FloatArray, pixels: FloatArray) -> BoolArray:
    """`(P,)`: whether points are in front, and not bent back into the picture by a lens model beyond its range."""
    x, y, z = np.moveaxis(camera.to_camera(points), -1, 0)
    with np.errstate(all="ignore"):
        off = camera.rays(pixels) - np.stack([x / z, y / z], axis=-1)
        return np.asarray((z > 0) & (np.abs(off).max(axis=-1) <= _BENT_BACK * (1 + np.abs(x / z) + np.abs(y / z))))


def _longest(mask: BoolArray) -> tuple[int, int]:
    """First and last index of the longest run of true ones; -1, -1 without any."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(np.int8), [0]])))
    if not len(edges):
        return -1, -1
    starts, ends = edges[::2], edges[1::2]
    best = int((ends - starts).argmax())
    return int(starts[best]), int(ends[best]) - 1


def _evenly(camera: Camera, other: Camera, ray: FloatArray, depth: FloatArray) -> FloatArray:
    """Depths that lie evenly along the line in the picture."""
    pixels = _along(camera, other, ray, depth)[1]
    way = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(pixels, axis=0), axis=-1))])
    return np.interp(np.linspace(0, way[-1], _KEPT), way, depth)


def _across(
    camera: Camera,
    other: Camera,
    xy: FloatArray,
    line: tuple[FloatArray, FloatArray, FloatArray],
    error: tuple[float, float],
) -> FloatArray:
    """Expected distance from the line: the own error, and how far the line moves with the pixel that it comes from."""
    points, pixels, depth = line
    bend = np.stack([other.rays(xy + step) - other.rays(xy - step) for step in 0.5 * np.eye(2)], axis=-1)
    moved = depth[:, None, None] * (other.rotation[:2].T @ bend)  # (n, 3, 2): points by the other view's pixel
    slope = project_with_slope(camera, points)[1] @ moved
    way = np.gradient(pixels, axis=0) if len(pixels) > 1 else np.ones_like(pixels)
    with np.errstate(all="ignore"):
        normal = np.stack([-way[:, 1], way[:, 0]], axis=-1) / np.linalg.norm(way, axis=-1, keepdims=True)
    across = np.einsum("ni,nij->nj", normal, slope)
    own, theirs = (value / DISTANCE_PER_SD for value in error)
    return DISTANCE_PER_SD_OF_LINE * np.sqrt(own**2 + theirs**2 * (across**2).sum(axis=-1))


def _mean_length(covariance: FloatArray) -> FloatArray:
    """Mean length of errors in a picture with covariances `(P, 2, 2)`."""
    flat = np.zeros((len(covariance), 3, 3))
    flat[:, :2, :2] = covariance
    return expected_length(flat)
