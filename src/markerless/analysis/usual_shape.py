"""The usual shape of an animal, made of labels, and how to lay an animal on it.

Every animal is laid on the mean shape by turning, scaling and shifting it (never by mirroring), robustly, so that one
misplaced point does not drag the others along. Points are complex numbers x + iy.

Robust weights: Geman and McClure, Statistical methods for tomographic image reconstruction, 1987. Laying one shape on
another: Procrustes analysis, in two dimensions a single complex factor.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Complex = npt.NDArray[np.complex128]
Real = npt.NDArray[np.float64]

MIN_ANIMALS = 10  # fewer have no usual shape
MIN_POINTS = 3  # two points always fit
FLAT = 3.0  # residuals beyond this many spreads hardly count any more
FLOOR = 0.03  # of the animal's radius: smaller spreads are chance
N_STARTS, N_ROUNDS, N_ALIGN = 5, 12, 6
MOST_FOR_SHAPE = 1000  # animals the usual shape is made of
CHUNK = 1000  # animals laid on it at a time
RAYLEIGH_MEDIAN, RAYLEIGH_90 = 1.1774, 2.1460


@dataclass(frozen=True)
class Shape:
    """The usual animal: mean place (K,) of radius 1 and spread (K,) of every keypoint; usual size and its spread."""

    mean: Complex
    spread: Real
    two_sided: bool


@dataclass(frozen=True)
class Fit:
    """Animals laid on the mean shape: residuals in spreads (M, K), misfit (M,), the factor and shift used (M, 1)."""

    residual: Real
    misfit: Real
    factor: Complex
    shift: Complex
    mirrored: npt.NDArray[np.bool_]

    def place(self, points: Complex) -> Complex:
        """Pixels of every animal, `(M, K)`, as places on the mean shape."""
        return np.asarray(self.factor * np.where(self.mirrored[:, None], points.conj(), points) + self.shift)

    def pixel(self, m: int, place: complex) -> complex:
        """A place on the mean shape in the pixels of animal `m`: the inverse of `place`."""
        point = complex((place - self.shift[m, 0]) / self.factor[m, 0])
        return point.conjugate() if self.mirrored[m] else point


def usual_shape(points: Complex) -> Shape:
    """The mean shape and spreads that fit best, from several starts; both-sided when animals come in mirror images."""
    complete = np.argsort(-np.isfinite(points).sum(axis=1), kind="stable")
    starts = complete[:: max(1, len(complete) // N_STARTS)][:N_STARTS]
    candidates = [_refine(points, points[start], two_sided=False) for start in starts]
    costs = [float(np.sum(lay(points, shape, thorough=False).misfit)) for shape in candidates]
    best = candidates[int(np.argmin(costs))]
    plain = lay(points, best, thorough=False).misfit
    mirrored = lay(points.conj(), best, thorough=False).misfit
    share = float(np.mean(mirrored < 0.5 * plain))
    return _refine(points, best.mean, two_sided=True) if 0.15 < share < 0.85 else best


def _refine(points: Complex, start: Complex, two_sided: bool) -> Shape:
    mean = _normed(start)
    spread = np.full(len(mean), 0.2)
    for _ in range(N_ROUNDS):
        fit = lay(points, Shape(mean, spread, two_sided), thorough=False)
        laid = fit.place(points)
        known = np.isfinite(laid).any(axis=0)
        middle = np.full(len(mean), complex(np.nan, np.nan))
        middle[known] = np.nanmedian(laid.real[:, known], axis=0) + 1j * np.nanmedian(laid.imag[:, known], axis=0)
        spread = np.array([usual_spread(np.abs(laid[:, k] - middle[k])) for k in range(len(mean))])
        spread = np.maximum(np.nan_to_num(spread, nan=1.0), FLOOR)
        mean = _normed(middle)
    return Shape(mean, spread, two_sided)


def lay(points: Complex, shape: Shape, thorough: bool) -> Fit:
    """Lay every animal on the mean shape.

    Args:
        points: `(M, K)` x + iy in pixels, NaN where missing.
        shape: The usual animal.
        thorough: Start also from fits that leave out one keypoint each, so that no single point can spoil the fit.
    """
    usable = np.isfinite(points) & np.isfinite(shape.mean)
    weights = [usable.astype(np.float64)]
    if thorough and points.shape[1] > MIN_POINTS:
        weights += [usable * (np.arange(points.shape[1]) != k) for k in range(points.shape[1])]
    fits = [_fit(points, usable, shape, weight, mirrored=False) for weight in weights]
    if shape.two_sided:
        fits += [_fit(points.conj(), usable, shape, weight, mirrored=True) for weight in weights]
    choice = np.argmin([fit.misfit for fit in fits], axis=0)
    rows = np.arange(len(points))

    def chosen(values: Sequence[npt.NDArray[np.generic]]) -> npt.NDArray[np.generic]:
        return np.stack(values)[choice, rows]

    return Fit(
        np.asarray(chosen([fit.residual for fit in fits]), dtype=np.float64),
        np.asarray(chosen([fit.misfit for fit in fits]), dtype=np.float64),
        np.asarray(chosen([fit.factor for fit in fits]), dtype=np.complex128),
        np.asarray(chosen([fit.shift for fit in fits]), dtype=np.complex128),
        np.asarray(chosen([fit.mirrored for fit in fits]), dtype=np.bool_),
    )


def joined(fits: Sequence[Fit]) -> Fit:
    """Animals that were laid on a shape some at a time, as one."""
    return Fit(
        np.concatenate([fit.residual for fit in fits]),
        np.concatenate([fit.misfit for fit in fits]),
        np.concatenate([fit.factor for fit in fits]),
        np.concatenate([fit.shift for fit in fits]),
        np.concatenate([fit.mirrored for fit in fits]),
    )


def lay_thoroughly(points: Complex) -> tuple[Shape, Fit]:
    """The usual shape of `points (M, K)` and every animal laid on it, some at a time."""
    shape = usual_shape(points[:: -(-len(points) // MOST_FOR_SHAPE)])
    fits = [lay(points[m : m + CHUNK], shape, thorough=True) for m in range(0, len(points), CHUNK)]
    return shape, joined(fits)


def _fit(points: Complex, usable: npt.NDArray[np.bool_], shape: Shape, start: Real, mirrored: bool) -> Fit:
    """Iteratively reweighted fit from the weights `start` (M, K)."""
    known = np.where(usable, points, 0)
    mean = np.where(np.isfinite(shape.mean), shape.mean, 0)
    weight = start / shape.spread**2
    for _ in range(N_ALIGN):
        total = np.maximum(weight.sum(axis=1, keepdims=True), 1e-12)
        center = (weight * known).sum(axis=1, keepdims=True) / total
        middle = (weight * mean).sum(axis=1, keepdims=True) / total
        moved, target = known - center, mean - middle
        turn = (weight * moved.conj() * target).sum(axis=1, keepdims=True)
        # the ratio of the sizes, not the least-squares factor: a bad fit must not shrink the animal to hide itself
        large = np.sqrt((weight * np.abs(moved) ** 2).sum(axis=1, keepdims=True))
        small = np.sqrt((weight * np.abs(target) ** 2).sum(axis=1, keepdims=True))
        factor = turn / np.maximum(np.abs(turn), 1e-12) * small / np.maximum(large, 1e-12)
        shift = middle - factor * center
        residual = np.abs(factor * known + shift - mean) / shape.spread
        weight = usable / shape.spread**2 / (1 + (residual / FLAT) ** 2) ** 2
    cost = residual**2 / (1 + (residual / FLAT) ** 2)
    misfit = np.where(usable, cost, 0).sum(axis=1) / np.maximum(usable.sum(axis=1), 1)
    flags = np.full(len(points), mirrored)
    return Fit(np.where(usable, residual, np.nan), misfit, factor, shift, flags)


def _normed(shape: Complex) -> Complex:
    """The shape around 0, with a mean squared radius of 1."""
    centered = shape - np.nanmean(shape)
    return np.asarray(centered / max(float(np.sqrt(np.nanmean(np.abs(centered) ** 2))), 1e-12))


def usual_spread(distances: Real) -> float:
    """Standard deviation along one axis of points at these distances from their center, by median and 90 % quantile."""
    finite = distances[np.isfinite(distances)]
    if finite.size == 0:
        return float("nan")
    return float(max(np.median(finite) / RAYLEIGH_MEDIAN, np.quantile(finite, 0.9) / RAYLEIGH_90))
