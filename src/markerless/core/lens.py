"""Lens distortion, both ways, in undistorted image coordinates (x / z, y / z): OpenCV's two models.

`distort` and `undistort` are inverse; `slope` and `sway` are the derivatives of `distort` by the point and by the
numbers, which the inverse (Newton's method) and the fitting of cameras use.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from markerless.core.instance import FloatArray

_STEPS = 30  # Newton doubles the digits at every step; strong lenses need a few steps to come near
_ENOUGH = 1e-12


@dataclass(frozen=True)
class Lens:
    """A model of distortion.

    Attributes:
        distort: Points `(..., 2)` and numbers `(n,)` to bent points `(..., 2)`.
        slope: The derivative of `distort` by the point, `(..., 2, 2)`; rows are x and y of the bent point.
        sway: The derivative of `distort` by the numbers, `(..., 2, n)`; rows are x and y of the bent point.
    """

    distort: Callable[[FloatArray, FloatArray], FloatArray]
    slope: Callable[[FloatArray, FloatArray], FloatArray]
    sway: Callable[[FloatArray, FloatArray], FloatArray]

    def undistort(self, bent: FloatArray, numbers: FloatArray) -> FloatArray:
        """The inverse of `distort`: `(..., 2)`; NaN where there is none (beyond the fold of the lens), and for NaN."""
        target = np.asarray(bent, dtype=np.float64).reshape(-1, 2)
        found, straight = np.full_like(target, np.nan), target.copy()
        open_ = np.flatnonzero(np.isfinite(target).all(axis=-1))
        with np.errstate(all="ignore"):
            for _ in range(_STEPS):
                guess = straight[open_]
                off = self.distort(guess, numbers) - target[open_]
                slope = self.slope(guess, numbers)
                determinant = slope[:, 0, 0] * slope[:, 1, 1] - slope[:, 0, 1] * slope[:, 1, 0]
                near = np.abs(off).max(axis=-1) < _ENOUGH * (1 + np.abs(target[open_]).max(axis=-1))
                # beyond the fold of a lens there are roots, turned inside out, that no light takes
                done = near & (determinant > 0) & (slope[:, 0, 0] + slope[:, 1, 1] > 0)
                found[open_[done]] = guess[done]
                step = np.stack(
                    [
                        slope[:, 1, 1] * off[:, 0] - slope[:, 0, 1] * off[:, 1],
                        slope[:, 0, 0] * off[:, 1] - slope[:, 1, 0] * off[:, 0],
                    ],
                    axis=-1,
                )
                straight[open_] = guess - step / determinant[:, None]
                open_ = open_[~done & np.isfinite(straight[open_]).all(axis=-1)]
                if not len(open_):
                    break
        return found.reshape(np.shape(bent))


def _bend_polynomial(points: FloatArray, numbers: FloatArray) -> FloatArray:
    k1, k2, p1, p2, k3, k4, k5, k6 = numbers
    x, y = points[..., 0], points[..., 1]
    r2 = x * x + y * y
    radial = (1 + r2 * (k1 + r2 * (k2 + r2 * k3))) / (1 + r2 * (k4 + r2 * (k5 + r2 * k6)))
    return np.stack(
        [
            x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x),
            y * radial + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y,
        ],
        axis=-1,
    )


def _slope_polynomial(points: FloatArray, numbers: FloatArray) -> FloatArray:
    k1, k2, p1, p2, k3, k4, k5, k6 = numbers
    x, y = points[..., 0], points[..., 1]
    r2 = x * x + y * y
    above, below = 1 + r2 * (k1 + r2 * (k2 + r2 * k3)), 1 + r2 * (k4 + r2 * (k5 + r2 * k6))
    radial = above / below
    # by r squared; its own derivative by x is 2 x
    change = (k1 + r2 * (2 * k2 + 3 * r2 * k3) - radial * (k4 + r2 * (2 * k5 + 3 * r2 * k6))) / below
    slope = np.empty((*x.shape, 2, 2))
    slope[..., 0, 0] = radial + 2 * x * x * change + 2 * p1 * y + 6 * p2 * x
    slope[..., 0, 1] = slope[..., 1, 0] = 2 * x * y * change + 2 * p1 * x + 2 * p2 * y
    slope[..., 1, 1] = radial + 2 * y * y * change + 6 * p1 * y + 2 * p2 * x
    return slope


def _sway_polynomial(points: FloatArray, numbers: FloatArray) -> FloatArray:
    k1, k2, _p1, _p2, k3, k4, k5, k6 = numbers
    x, y = points[..., 0], points[..., 1]
    r2 = x * x + y * y
    above, below = 1 + r2 * (k1 + r2 * (k2 + r2 * k3)), 1 + r2 * (k4 + r2 * (k5 + r2 * k6))
    rising = np.stack([r2, r2**2, r2**3], axis=-1)
    radial = np.concatenate([rising / below[..., None], -rising * (above / below**2)[..., None]], axis=-1)
    sway = np.empty((*x.shape, 2, 8))
    sway[..., [0, 1, 4, 5, 6, 7]] = points[..., :, None] * radial[..., None, :]
    sway[..., 0, 2], sway[..., 1, 2] = 2 * x * y, r2 + 2 * y * y
    sway[..., 0, 3], sway[..., 1, 3] = r2 + 2 * x * x, 2 * x * y
    return sway


def _bend_fisheye(points: FloatArray, numbers: FloatArray) -> FloatArray:
    ratio, _ = _fisheye_ratio(points, numbers)
    bent: FloatArray = points * ratio[..., None]
    return bent


def _slope_fisheye(points: FloatArray, numbers: FloatArray) -> FloatArray:
    ratio, change = _fisheye_ratio(points, numbers)
    x, y = points[..., 0], points[..., 1]
    slope = np.empty((*x.shape, 2, 2))
    slope[..., 0, 0] = ratio + x * x * change
    slope[..., 0, 1] = slope[..., 1, 0] = x * y * change
    slope[..., 1, 1] = ratio + y * y * change
    return slope


def _sway_fisheye(points: FloatArray, numbers: FloatArray) -> FloatArray:
    r = np.hypot(points[..., 0], points[..., 1])
    angle = np.arctan(r)
    ratio = np.where(r < 1e-4, 1.0, angle / np.where(r < 1e-4, 1.0, r))  # the angle over the radius, at its limit
    rising = ratio[..., None] * (angle[..., None] ** np.array([2, 4, 6, 8]))
    sway: FloatArray = points[..., :, None] * rising[..., None, :]
    return sway


def _fisheye_ratio(points: FloatArray, numbers: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Bent radius over radius, and the ratio's derivative by the radius, over the radius."""
    k1, k2, k3, k4 = numbers
    r = np.hypot(points[..., 0], points[..., 1])
    angle = np.arctan(r)
    a2 = angle * angle
    bent = angle * (1 + a2 * (k1 + a2 * (k2 + a2 * (k3 + a2 * k4))))
    bending = 1 + a2 * (3 * k1 + a2 * (5 * k2 + a2 * (7 * k3 + a2 * 9 * k4)))
    small = r < 1e-4  # where the quotients lose their digits: their limits
    safe = np.where(small, 1.0, r)
    ratio = np.where(small, 1 + (k1 - 1 / 3) * r * r, bent / safe)
    change = np.where(small, 2 * (k1 - 1 / 3), (bending / (1 + r * r) - bent / safe) / (safe * safe))
    return ratio, change


LENSES = {
    False: Lens(_bend_polynomial, _slope_polynomial, _sway_polynomial),
    True: Lens(_bend_fisheye, _slope_fisheye, _sway_fisheye),
}
"""The two models; the key says whether it is the fisheye's."""
