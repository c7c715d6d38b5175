"""The place of each of many points in space that fits its pixels best, from given views of it.

First a linear solution, then Levenberg and Marquardt's method on the distances in pixels, through the lens, each view
weighted by its expected error; all points at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from markerless.core.camera import Camera
from markerless.core.instance import FloatArray
from markerless.multiview.projection import project_with_slope
from markerless.multiview.small_matrices import inverse

BoolArray = npt.NDArray[np.bool_]

_STEPS = 12
_SMALL = 1e-3  # a step of fewer standard deviations of the point ends the search
_DAMPING = 1e-3
_HOPELESS = 500.0  # a misfit above that, of which the next step takes less than half, is one of contradictory views


@dataclass(frozen=True)
class Observed:
    """Points as the views see them.

    Attributes:
        cameras: V of them.
        xy: `(V, P, 2)` px of the frame; NaN where a view does not see a point.
        rays: `(V, P, 2)` the same as undistorted image coordinates; NaN also where the lens cannot see that pixel.
        sd: `(V, P)` px, standard deviation of x and of y; finite and positive.
    """

    cameras: tuple[Camera, ...]
    xy: FloatArray
    rays: FloatArray
    sd: FloatArray

    @classmethod
    def of(cls, cameras: Sequence[Camera], xy: FloatArray, sd: FloatArray) -> Observed:
        """Observed with their rays."""
        rays = np.stack([camera.rays(seen) for camera, seen in zip(cameras, xy, strict=True)])
        return cls(tuple(cameras), xy, rays, sd)

    @property
    def seen(self) -> BoolArray:
        """`(V, P)`."""
        return np.asarray(np.isfinite(self.rays).all(axis=-1))

    def take(self, points: npt.NDArray[np.intp]) -> Observed:
        """Some of the points."""
        return Observed(self.cameras, self.xy[:, points], self.rays[:, points], self.sd[:, points])


@dataclass(frozen=True)
class PointFit:
    """Fitted points.

    Attributes:
        points: `(P, 3)`; NaN where there is no solution in front of all its cameras.
        misfit: `(P,)` sum of squared distances in standard deviations over the views used (chi squared).
        covariance: `(P, 3, 3)`; not finite where a point is not determined.
    """

    points: FloatArray
    misfit: FloatArray
    covariance: FloatArray


def fit_points(observed: Observed, used: BoolArray) -> PointFit:
    """Fit every point to the views that `used` `(V, P)` says; views that do not see a point do not count."""
    used = used & observed.seen
    points = linear_points(observed, used)
    misfit, normal, gradient = _equations(observed, used, points)
    damping = np.full(len(points), _DAMPING)
    open_ = np.flatnonzero(np.isfinite(misfit))
    for _ in range(_STEPS):
        if not len(open_):
            break
        damped = normal[open_] * (1 + damping[open_, None, None] * np.eye(3))
        step = -np.einsum("pij,pj->pi", inverse(damped), gradient[open_])
        tried = points[open_] + step
        fit = _equations(observed.take(open_), used[:, open_], tried)
        better = fit[0] <= misfit[open_]  # false for NaN: behind a camera
        size = np.einsum("pi,pij,pj->p", step, normal[open_], step)
        points[open_[better]] = tried[better]
        for kept, new in zip((misfit, normal, gradient), fit, strict=True):
            kept[open_[better]] = new[better]
        damping[open_] *= np.where(better, 0.1, 10)
        done = (size < _SMALL**2) | ((misfit[open_] > _HOPELESS) & (size < 0.5 * misfit[open_]))
        open_ = open_[~done & np.isfinite(size)]
    points[~np.isfinite(misfit)] = np.nan
    return PointFit(points, misfit, inverse(normal))


def linear_points(observed: Observed, used: BoolArray) -> FloatArray:
    """`(P, 3)`: where the rays come nearest to meeting, by the linear equations of the projection.

    Their errors grow with the distance from the camera, so the equations are solved again with that known.
    """
    points = _linear(observed, used, None)
    return _linear(observed, used, points)


def _linear(observed: Observed, used: BoolArray, near: FloatArray | None) -> FloatArray:
    normal, right = np.zeros((used.shape[1], 3, 3)), np.zeros((used.shape[1], 3))
    for camera, rays, mask in zip(observed.cameras, observed.rays, used, strict=True):
        if not mask.any():
            continue
        rays = np.where(mask[:, None], rays, 0.0)
        rows = camera.rotation[:2] - rays[..., None] * camera.rotation[2]  # (P, 2, 3)
        shift = rays * camera.translation[2] - camera.translation[:2]
        weight = mask * camera.matrix[0, 0]
        if near is not None:
            depth = np.abs(near @ camera.rotation[2] + camera.translation[2])
            weight = weight / np.where(depth > 0, depth, 1.0)
        rows, shift = rows * weight[:, None, None], shift * weight[:, None]
        normal += rows.transpose(0, 2, 1) @ rows
        right += (rows * shift[..., None]).sum(axis=1)
    enough = used.sum(axis=0) >= 2
    points: FloatArray = np.einsum("pij,pj->pi", inverse(normal), right)
    return np.where(enough[:, None], points, np.nan)


def _equations(observed: Observed, used: BoolArray, points: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Misfit `(P,)`, and its normal matrix `(P, 3, 3)` and half its gradient `(P, 3)`."""
    misfit = np.zeros(len(points))
    normal, gradient = np.zeros((len(points), 3, 3)), np.zeros((len(points), 3))
    for camera, xy, sd, mask in zip(observed.cameras, observed.xy, observed.sd, used, strict=True):
        if not mask.any():
            continue
        pixels, slope = project_with_slope(camera, points)
        off = np.where(mask[:, None], (pixels - xy) / sd[:, None], 0.0)
        slope = np.where(mask[:, None, None], slope / sd[:, None, None], 0.0)
        misfit += (off * off).sum(axis=-1)
        normal += slope.transpose(0, 2, 1) @ slope
        gradient += (slope * off[..., None]).sum(axis=1)
    return misfit, normal, gradient
