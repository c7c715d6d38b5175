"""Labels that are probably mistakes, ranked: each animal is compared with all the others.

A shape model is made of the labels themselves: every animal is laid on the mean shape by turning, scaling and
shifting it (never by mirroring), robustly, so that one misplaced point does not drag the others along. What is left
over, in units of the usual spread of that keypoint, is the score of a label. Two keypoints look exchanged when the
animal fits much better after exchanging them. In a fixed view, a point that always sits in one place is compared with
that place as well.

Robust weights: Geman and McClure, Statistical methods for tomographic image reconstruction, 1987. Laying one shape on
another: Procrustes analysis, in two dimensions a single complex factor.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
import numpy.typing as npt

from markerless.core.labels import Labels
from markerless.core.skeleton import Skeleton

Complex = npt.NDArray[np.complex128]
Real = npt.NDArray[np.float64]
Owner = tuple[str, str]  # image, individual

MIN_ANIMALS = 10  # fewer have no usual shape
MIN_POINTS = 3  # two points always fit
SUSPICIOUS = 6.0  # times the usual spread
FLAT = 3.0  # residuals beyond this many spreads hardly count any more
FLOOR = 0.03  # of the animal's radius: smaller spreads are chance
FLOOR_FIXED = 0.01  # of the frame's diagonal, for points that never move
BETTER = 0.35  # an exchange must bring the misfit below this share
N_STARTS, N_ROUNDS, N_ALIGN = 5, 12, 6
MOST_FOR_SHAPE = 1000  # animals the usual shape is made of
CHUNK = 1000  # animals laid on it at a time
RAYLEIGH_MEDIAN, RAYLEIGH_90 = 1.1774, 2.1460

Kind = Literal["place", "exchanged", "axes", "mirrored", "size", "moved"]
WHOLE: tuple[Kind, ...] = ("exchanged", "axes", "mirrored")  # these explain every odd point of the animal


@dataclass(frozen=True)
class Suspect:
    """A label that is probably a mistake.

    Attributes:
        image: The frame.
        individual: The animal.
        keypoints: The labels in question; empty when it is the whole animal.
        kind: "place" (far from where the others put it), "exchanged" (two keypoints), "axes" (x and y), "mirrored"
            (left and right, or x and y, of a whole animal), "size", "moved" (a point that else sits in one place).
        score: How many times the usual spread; larger is more suspicious.
        message: One line for the user.
    """

    image: str
    individual: str
    keypoints: tuple[str, ...]
    kind: Kind
    score: float
    message: str


@dataclass(frozen=True)
class _Shape:
    """The usual animal: mean place (K,) of radius 1 and spread (K,) of every keypoint; usual size and its spread."""

    mean: Complex
    spread: Real
    two_sided: bool


@dataclass(frozen=True)
class _Fit:
    """Animals laid on the mean shape: residuals in spreads (M, K), misfit (M,), the factor and shift used (M, 1)."""

    residual: Real
    misfit: Real
    factor: Complex
    shift: Complex
    mirrored: npt.NDArray[np.bool_]


def suspects(labels: Labels, diagonals: Mapping[str, float] | None = None) -> list[Suspect]:
    """Labels that are probably mistakes, the most suspicious first.

    Args:
        labels: Labels of a study; fewer than ten animals give nothing.
        diagonals: Image -> diagonal of the picture in pixels, for points that stay in one place.
    """
    animals = [(frame, instance) for frame in labels.frames for instance in frame.instances if instance.n_points]
    if not animals:
        return []
    points = np.stack([instance.xy[:, 0] + 1j * instance.xy[:, 1] for _, instance in animals])
    owners = [(frame.image, instance.individual) for frame, instance in animals]
    found = [*_by_shape(points, owners, labels.skeleton), *_by_size(points, owners)]
    groups: dict[tuple[str, float], list[int]] = defaultdict(list)
    for m, (frame, instance) in enumerate(animals):
        if diagonals and frame.image in diagonals:
            groups[(f"{frame.video}/{instance.individual}", diagonals[frame.image])].append(m)
    for (_, diagonal), members in groups.items():
        own = [owners[m] for m in members]
        found += _by_place(points[members], own, labels.skeleton.keypoints, diagonal)
    return _ranked(found)


def _ranked(found: Sequence[Suspect]) -> list[Suspect]:
    """Most suspicious first; what an exchange explains is not listed a second time."""
    explained = {(s.image, s.individual) for s in found if s.kind in WHOLE}
    best: dict[tuple[str, str, tuple[str, ...]], Suspect] = {}
    for s in sorted(found, key=lambda suspect: -suspect.score):
        if s.kind in WHOLE or (s.image, s.individual) not in explained:
            best.setdefault((s.image, s.individual, s.keypoints), s)
    return list(best.values())


def _by_shape(points: Complex, owners: Sequence[Owner], skeleton: Skeleton) -> list[Suspect]:
    names = skeleton.keypoints
    rows = np.flatnonzero(np.isfinite(points).sum(axis=1) >= MIN_POINTS)
    if len(rows) < MIN_ANIMALS:
        return []
    points = points[rows]
    shape = _usual_shape(points[:: -(-len(points) // MOST_FOR_SHAPE)])
    fit = _joined([_lay(points[m : m + CHUNK], shape, thorough=True) for m in range(0, len(points), CHUNK)])
    found = []
    for m, k in np.argwhere(np.nan_to_num(fit.residual) > SUSPICIOUS).tolist():
        expected = _back(complex(shape.mean[k]), fit, m)
        away = abs(points[m, k] - expected)
        message = (
            f"{names[k]} is {away:.0f} px from where the other points put it, near ({expected.real:.0f}, "
            f"{expected.imag:.0f}): {fit.residual[m, k]:.0f} times the usual"
        )
        image, individual = owners[rows[m]]
        found.append(Suspect(image, individual, (names[k],), "place", float(fit.residual[m, k]), message))
    enough = np.isfinite(points).sum(axis=1) > MIN_POINTS  # three points fit too easily after some exchange
    odd = np.flatnonzero(enough & (fit.misfit > 2 * np.median(fit.misfit)))
    if len(odd):
        found += _exchanges(points[odd], shape, [owners[rows[m]] for m in odd.tolist()], skeleton)
    return found


def _exchanges(points: Complex, shape: _Shape, owners: Sequence[Owner], skeleton: Skeleton) -> list[Suspect]:
    """Animals that fit much better with two keypoints, left and right throughout, or x and y exchanged."""
    before = _lay(points, shape, thorough=False)
    worst = np.nanmax(before.residual, axis=1)
    axes = _lay(points.imag + 1j * points.real, shape, thorough=False).misfit
    sides = _lay(points[:, skeleton.mirror_permutation()], shape, thorough=False).misfit
    pairs = list(combinations(range(points.shape[1]), 2))
    misfits = np.stack([_misfit_exchanged(points, shape, pair) for pair in pairs])
    found = []
    for m in np.flatnonzero(worst > SUSPICIOUS / 2).tolist():
        best = int(np.argmin(misfits[:, m]))
        least = min(float(misfits[best, m]), axes[m], sides[m])
        if least > BETTER * before.misfit[m]:
            continue
        close = 2 * least  # the simplest explanation that does nearly as well as the best one is told
        keypoints: tuple[str, ...] = ()
        kind: Kind = "mirrored"
        if misfits[best, m] <= close:
            kind, keypoints = "exchanged", tuple(skeleton.keypoints[k] for k in pairs[best])
            what = " and ".join(keypoints) + (" (or x and y of the whole animal)" if axes[m] <= close else "")
        elif sides[m] <= close or not skeleton.mirror_pairs:
            what = "left and right (or x and y) of the whole animal"
        else:
            kind, what = "axes", "x and y of the whole animal"
        message = f"{what} look exchanged: the animal fits the others only after exchanging them"
        image, individual = owners[m]
        found.append(Suspect(image, individual, keypoints, kind, float(worst[m]), message))
    return found


def _misfit_exchanged(points: Complex, shape: _Shape, pair: tuple[int, int]) -> Real:
    """`(M,)` misfit after exchanging two keypoints; infinite where one of them is missing."""
    i, j = pair
    order = np.arange(points.shape[1])
    order[[i, j]] = j, i
    misfit = _lay(points[:, order], shape, thorough=False).misfit
    return np.where(np.isnan(points[:, [i, j]]).any(axis=1), np.inf, misfit)


def _by_size(points: Complex, owners: Sequence[Owner]) -> list[Suspect]:
    """Animals much larger or smaller than the others, by the distances between their points."""
    rows = np.flatnonzero(np.isfinite(points).sum(axis=1) >= 2)
    if len(rows) < MIN_ANIMALS:
        return []
    own = points[rows]
    ratios = []
    for i, j in combinations(range(own.shape[1]), 2):
        distance = np.abs(own[:, i] - own[:, j])
        if np.isfinite(distance).sum() >= MIN_ANIMALS and np.nanmedian(distance) > 0:
            ratios.append(np.log(np.maximum(distance, 1e-3) / np.nanmedian(distance)))
    if not ratios:
        return []
    stacked = np.stack(ratios)
    known = np.isfinite(stacked).any(axis=0)
    size = np.full(len(rows), np.nan)
    size[known] = np.nanmedian(stacked[:, known], axis=0)
    spread = max(_spread(np.abs(size - np.nanmedian(size))), 0.1)
    found = []
    for m in np.flatnonzero(np.nan_to_num(np.abs(size)) > SUSPICIOUS * spread).tolist():
        message = f"the animal is {np.exp(size[m]):.2f} times as large as usual: are its points all on one animal?"
        image, individual = owners[rows[m]]
        found.append(Suspect(image, individual, (), "size", float(abs(size[m]) / spread), message))
    return found


def _by_place(points: Complex, owners: Sequence[Owner], names: Sequence[str], diagonal: float) -> list[Suspect]:
    """Points far from where the same keypoint sits in all other frames of a fixed view."""
    known = np.isfinite(points).sum(axis=0) >= MIN_ANIMALS
    if not known.any():
        return []
    usual = np.full(points.shape[1], complex(np.nan, np.nan))
    usual[known] = np.nanmedian(points.real[:, known], axis=0) + 1j * np.nanmedian(points.imag[:, known], axis=0)
    away = np.abs(points - usual)
    spread = np.full(points.shape[1], np.nan)
    for k in np.flatnonzero(known).tolist():
        spread[k] = max(_spread(away[:, k]), FLOOR_FIXED * diagonal)
    score = np.nan_to_num(away / spread)
    score_exchanged = np.abs(points.imag + 1j * points.real - usual) / spread
    found = []
    for m in np.flatnonzero((score > SUSPICIOUS).any(axis=1)).tolist():
        image, individual = owners[m]
        far = np.flatnonzero(score[m] > SUSPICIOUS).tolist()
        if len(far) > 1 and (score_exchanged[m, far] < SUSPICIOUS / 2).all():
            message = "x and y look exchanged: the points are at their usual places only after exchanging them"
            found.append(Suspect(image, individual, (), "axes", float(score[m].max()), message))
            continue
        for k in far:
            message = (
                f"{names[k]} is {away[m, k]:.0f} px from its usual place ({usual[k].real:.0f}, {usual[k].imag:.0f}): "
                f"{score[m, k]:.0f} times the usual"
            )
            found.append(Suspect(image, individual, (names[k],), "moved", float(score[m, k]), message))
    return found


def _usual_shape(points: Complex) -> _Shape:
    """The mean shape and spreads that fit best, from several starts; both-sided when animals come in mirror images."""
    complete = np.argsort(-np.isfinite(points).sum(axis=1), kind="stable")
    starts = complete[:: max(1, len(complete) // N_STARTS)][:N_STARTS]
    candidates = [_refine(points, points[start], two_sided=False) for start in starts]
    costs = [float(np.sum(_lay(points, shape, thorough=False).misfit)) for shape in candidates]
    best = candidates[int(np.argmin(costs))]
    plain = _lay(points, best, thorough=False).misfit
    mirrored = _lay(points.conj(), best, thorough=False).misfit
    share = float(np.mean(mirrored < 0.5 * plain))
    return _refine(points, best.mean, two_sided=True) if 0.15 < share < 0.85 else best


def _refine(points: Complex, start: Complex, two_sided: bool) -> _Shape:
    mean = _normed(start)
    spread = np.full(len(mean), 0.2)
    for _ in range(N_ROUNDS):
        fit = _lay(points, _Shape(mean, spread, two_sided), thorough=False)
        laid = fit.factor * np.where(fit.mirrored[:, None], points.conj(), points) + fit.shift
        known = np.isfinite(laid).any(axis=0)
        middle = np.full(len(mean), complex(np.nan, np.nan))
        middle[known] = np.nanmedian(laid.real[:, known], axis=0) + 1j * np.nanmedian(laid.imag[:, known], axis=0)
        spread = np.array([_spread(np.abs(laid[:, k] - middle[k])) for k in range(len(mean))])
        spread = np.maximum(np.nan_to_num(spread, nan=1.0), FLOOR)
        mean = _normed(middle)
    return _Shape(mean, spread, two_sided)


def _lay(points: Complex, shape: _Shape, thorough: bool) -> _Fit:
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

    return _Fit(
        np.asarray(chosen([fit.residual for fit in fits]), dtype=np.float64),
        np.asarray(chosen([fit.misfit for fit in fits]), dtype=np.float64),
        np.asarray(chosen([fit.factor for fit in fits]), dtype=np.complex128),
        np.asarray(chosen([fit.shift for fit in fits]), dtype=np.complex128),
        np.asarray(chosen([fit.mirrored for fit in fits]), dtype=np.bool_),
    )


def _joined(fits: Sequence[_Fit]) -> _Fit:
    return _Fit(
        np.concatenate([fit.residual for fit in fits]),
        np.concatenate([fit.misfit for fit in fits]),
        np.concatenate([fit.factor for fit in fits]),
        np.concatenate([fit.shift for fit in fits]),
        np.concatenate([fit.mirrored for fit in fits]),
    )


def _fit(points: Complex, usable: npt.NDArray[np.bool_], shape: _Shape, start: Real, mirrored: bool) -> _Fit:
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
    return _Fit(np.where(usable, residual, np.nan), misfit, factor, shift, flags)


def _back(place: complex, fit: _Fit, m: int) -> complex:
    """A place of the mean shape in the pixels of animal `m`."""
    pixel = complex((place - fit.shift[m, 0]) / fit.factor[m, 0])
    return pixel.conjugate() if fit.mirrored[m] else pixel


def _normed(shape: Complex) -> Complex:
    """The shape around 0, with a mean squared radius of 1."""
    centered = shape - np.nanmean(shape)
    return np.asarray(centered / max(float(np.sqrt(np.nanmean(np.abs(centered) ** 2))), 1e-12))


def _spread(distances: Real) -> float:
    """Standard deviation along one axis of points at these distances from their center, by median and 90 % quantile."""
    finite = distances[np.isfinite(distances)]
    if finite.size == 0:
        return float("nan")
    return float(max(np.median(finite) / RAYLEIGH_MEDIAN, np.quantile(finite, 0.9) / RAYLEIGH_90))
