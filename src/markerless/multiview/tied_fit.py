"""Cameras that depend on each other, fitted together with points: one lens that looks into mirrors.

`bundle` adjusts cameras each of which has numbers of its own, some of them held. Here a few numbers make all cameras at
once (a mirror's camera is the direct one, reflected), something is known of them before, and a function of the caller's
says what they mean: so there are no blocks of a camera, and how pixels change with a number is found by trying each of
them. That is cheap because they are few, and would not be for the poses of a rig.

Levenberg and Marquardt's method on soft-L1 distances. The points, which are many, are eliminated one by one (Schur's
complement; Triggs et al., Bundle Adjustment, 1999), so that what is solved is as small as the numbers are few.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from markerless.core.camera import Camera
from markerless.core.instance import FloatArray
from markerless.multiview.point_fit import BoolArray
from markerless.multiview.projection import project_with_slope
from markerless.multiview.small_matrices import inverse

Rig = Callable[[FloatArray], Sequence[Camera]]
"""Cameras of parameters `(n,)`."""

_STEPS = 100
_ENOUGH = 1e-7  # relative decrease that ends the search
_MOST_DAMPING = 1e10
_SOFT = 2.0  # standard deviations from which a distance counts by its length, no more by its square


@dataclass(frozen=True)
class Prior:
    """What is known of the parameters before.

    Attributes:
        mean: `(n,)`.
        sd: `(n,)`; infinite where nothing is known.
        step: `(n,)` by how much each is changed to find its effect.
    """

    mean: FloatArray
    sd: FloatArray
    step: FloatArray


@dataclass(frozen=True)
class TiedFit:
    """A joint fit.

    Attributes:
        parameters: `(n,)`.
        cameras: Made of them.
        points: `(P, 3)`.
        cost: Sum of the soft distances and the priors' misfit; smaller is better.
    """

    parameters: FloatArray
    cameras: tuple[Camera, ...]
    points: FloatArray
    cost: float


@dataclass(frozen=True)
class _Pixels:
    xy: FloatArray  # (V, P, 2)
    sd: FloatArray  # (V, P)
    used: BoolArray  # (V, P)


@dataclass(frozen=True)
class _Normal:
    """Normal equations; `n` parameters and P points."""

    of_rig: FloatArray  # (n, n)
    of_points: FloatArray  # (P, 3, 3)
    mixed: FloatArray  # (P, n, 3)
    right_rig: FloatArray  # (n,)
    right_points: FloatArray  # (P, 3)


def fit_tied(rig: Rig, prior: Prior, xy: FloatArray, sd: FloatArray, points: FloatArray) -> TiedFit:
    """Fit parameters, starting at the prior's mean, and points, starting at `points` `(P, 3)`, together.

    Args:
        rig: Makes V cameras of parameters.
        prior: Of the parameters.
        xy: `(V, P, 2)` px; NaN where not seen. Every point needs two views.
        sd: `(V, P)` px, standard deviation of x and of y.
        points: Where to begin; a point that is not in front of the cameras that see it is left as it is.
    """
    parameters, points = prior.mean.astype(np.float64), points.copy()
    seen = np.asarray(np.isfinite(xy).all(axis=-1))
    start = np.stack([np.isfinite(camera.project(points)).all(axis=-1) for camera in rig(parameters)])
    usable = (seen <= start).all(axis=0) & (seen.sum(axis=0) >= 2)
    pixels = _Pixels(xy[:, usable], sd[:, usable], seen[:, usable])
    free = points[usable]
    cost, damping = _cost(rig(parameters), prior, pixels, free, parameters), 1e-3
    for _ in range(_STEPS):
        normal = _equations(rig, prior, pixels, free, parameters)
        before = cost
        while damping < _MOST_DAMPING:
            step, move = _solve(normal, damping)
            new = _cost_or_inf(rig, prior, pixels, free + move, parameters + step)
            if new < cost:
                parameters, free, cost, damping = parameters + step, free + move, new, max(damping * 0.2, 1e-12)
                break
            damping *= 5
        if not before - cost > _ENOUGH * before:
            break
    points[usable] = free
    return TiedFit(parameters, tuple(rig(parameters)), points, cost)


def _cost_or_inf(rig: Rig, prior: Prior, pixels: _Pixels, points: FloatArray, parameters: FloatArray) -> float:
    if not (np.isfinite(parameters).all() and np.isfinite(points).all()):
        return np.inf
    cost = _cost(rig(parameters), prior, pixels, points, parameters)
    return cost if np.isfinite(cost) else np.inf


def _cost(
    cameras: Sequence[Camera], prior: Prior, pixels: _Pixels, points: FloatArray, parameters: FloatArray
) -> float:
    """NaN when a point lies behind a camera that sees it."""
    total = float((((parameters - prior.mean) / prior.sd) ** 2).sum())
    for camera, xy, sd, used in zip(cameras, pixels.xy, pixels.sd, pixels.used, strict=True):
        off = (camera.project(points[used]) - xy[used]) / sd[used, None]
        squared = (off * off).sum(axis=-1)
        total += float((2 * _SOFT**2 * (np.sqrt(1 + squared / _SOFT**2) - 1)).sum())
    return total


def _equations(rig: Rig, prior: Prior, pixels: _Pixels, points: FloatArray, parameters: FloatArray) -> _Normal:
    n, n_points = len(parameters), len(points)
    normal = _Normal(
        np.diag(1 / prior.sd**2),
        np.zeros((n_points, 3, 3)),
        np.zeros((n_points, n, 3)),
        (prior.mean - parameters) / prior.sd**2,
        np.zeros((n_points, 3)),
    )
    shifted = [(rig(parameters + step), rig(parameters - step)) for step in np.eye(n) * prior.step[:, None]]
    for view, camera in enumerate(rig(parameters)):
        used, sd = pixels.used[view], pixels.sd[view]
        seen = points[used]
        place, by_point = project_with_slope(camera, seen)
        by_rig = np.stack(
            [
                (after[view].project(seen) - before[view].project(seen)) / (2 * prior.step[index])
                for index, (after, before) in enumerate(shifted)
            ],
            axis=-1,
        )  # (p, 2, n)
        off = (pixels.xy[view][used] - place) / sd[used, None]
        weight = 1 / np.sqrt(1 + (off * off).sum(axis=-1) / _SOFT**2)
        root = (np.sqrt(weight) / sd[used])[:, None]
        off = off * np.sqrt(weight)[:, None]
        by_rig, by_point = by_rig * root[..., None], by_point * root[..., None]
        flat = by_rig.reshape(-1, n)
        normal.of_rig[...] += flat.T @ flat
        normal.right_rig[...] += flat.T @ off.ravel()
        turned = by_point.transpose(0, 2, 1)
        normal.of_points[used] += turned @ by_point
        normal.mixed[used] += by_rig.transpose(0, 2, 1) @ by_point
        normal.right_points[used] += (turned @ off[..., None])[..., 0]
    return normal


def _solve(normal: _Normal, damping: float) -> tuple[FloatArray, FloatArray]:
    """Steps `(n,)` of the parameters and `(P, 3)` of the points."""
    diagonal = np.einsum("pii->pi", normal.of_points)
    blocks = inverse(normal.of_points + damping * diagonal[..., None] * np.eye(3))
    carried = normal.mixed @ blocks  # (P, n, 3)
    reduced = normal.of_rig + damping * np.diag(np.diag(normal.of_rig) + 1e-12)
    reduced = reduced - np.tensordot(carried, normal.mixed, axes=((0, 2), (0, 2)))
    right = normal.right_rig - np.einsum("pnj,pj->n", carried, normal.right_points)
    scale = np.sqrt(np.maximum(np.diag(reduced), 1e-30))  # the parameters have different units
    step = np.linalg.lstsq(reduced / np.outer(scale, scale), right / scale, rcond=1e-12)[0] / scale
    rest = normal.right_points - np.einsum("pnj,n->pj", normal.mixed, step)
    return step, np.einsum("pij,pj->pi", blocks, rest)
