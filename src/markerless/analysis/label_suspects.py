"""Labels that are probably mistakes, ranked: each animal is compared with all the others.

A shape model is made of the labels themselves (`usual_shape`). What is left over when an animal is laid on it, in units
of the usual spread of that keypoint, is the score of a label. Two keypoints look exchanged when the animal fits much
better after exchanging them. In a fixed view, a point that always sits in one place is compared with that place as
well.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np

from markerless.analysis.usual_shape import (
    MIN_ANIMALS,
    MIN_POINTS,
    Complex,
    Real,
    Shape,
    lay,
    lay_thoroughly,
    usual_spread,
)
from markerless.core.labels import Labels
from markerless.core.skeleton import Skeleton

Owner = tuple[str, str]  # image, individual

SUSPICIOUS = 6.0  # times the usual spread
AT_ONE_PLACE_PX = 1e-6  # more than rounding, and less than any label is placed to
FLOOR_FIXED = 0.01  # of the frame's diagonal, for points that never move
BETTER = 0.35  # an exchange must bring the misfit below this share

Kind = Literal["place", "exchanged", "axes", "mirrored", "size", "moved", "stacked", "missing", "absent"]
WHOLE: tuple[Kind, ...] = ("exchanged", "axes", "mirrored")  # these explain every odd point of the animal


@dataclass(frozen=True)
class Suspect:
    """A label that is probably a mistake.

    Attributes:
        image: The frame.
        individual: The animal.
        keypoints: The labels in question; empty when it is the whole animal.
        kind: "place" (far from where the others put it), "exchanged" (two keypoints), "axes" (x and y), "mirrored"
            (left and right, or x and y, of a whole animal), "size", "moved" (a point that else sits in one place);
            with predictions also "stacked" (on another keypoint), "missing" (not labeled, but to be seen), "absent"
            (labeled, but not to be seen).
        score: How many times the usual spread, or, with predictions, the probability of a mistake; larger is more
            suspicious.
        message: One line for the user.
        suggested: Where each of `keypoints` is predicted, (x, y) px; empty without predictions.
    """

    image: str
    individual: str
    keypoints: tuple[str, ...]
    kind: Kind
    score: float
    message: str
    suggested: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class Proposal:
    """One label to look at.

    Attributes:
        rank: From 1 on.
        image, individual, keypoint: Which label.
        suspect: Index of the suspect it belongs to; an exchange makes two proposals.
    """

    rank: int
    image: str
    individual: str
    keypoint: str
    suspect: int


def proposals(ranked: Sequence[Suspect], labels: Labels, most: int) -> list[Proposal]:
    """The first `most` labels that ranked suspects are about, each once; a whole animal stands for all its labels."""
    frames = {frame.image: frame for frame in labels.frames}
    found: dict[tuple[str, str, str], int] = {}
    for index, s in enumerate(ranked):
        names: Sequence[str] = s.keypoints or [
            labels.skeleton.keypoints[k]
            for instance in frames[s.image].instances
            if instance.individual == s.individual
            for k in np.flatnonzero(np.isfinite(instance.xy).all(axis=-1)).tolist()
        ]
        for name in names:
            found.setdefault((s.image, s.individual, name), index)
        if len(found) >= most:
            break
    return [Proposal(rank, *key, found[key]) for rank, key in enumerate(list(found)[:most], start=1)]


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
    # points that all lie at one place have no shape; `_by_size` finds them
    extended = np.array([_extent_px(own) > AT_ONE_PLACE_PX for own in points], dtype=np.bool_)
    rows = np.flatnonzero((np.isfinite(points).sum(axis=1) >= MIN_POINTS) & extended)
    if len(rows) < MIN_ANIMALS:
        return []
    points = points[rows]
    shape, fit = lay_thoroughly(points)
    found = []
    for m, k in np.argwhere(np.nan_to_num(fit.residual) > SUSPICIOUS).tolist():
        expected = fit.pixel(m, complex(shape.mean[k]))
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


def _extent_px(own: Complex) -> float:
    """How far the points of one animal, `(K,)`, lie from their middle at most; 0 without points."""
    placed = own[np.isfinite(own)]
    return float(np.abs(placed - placed.mean()).max()) if len(placed) else 0.0


def _exchanges(points: Complex, shape: Shape, owners: Sequence[Owner], skeleton: Skeleton) -> list[Suspect]:
    """Animals that fit much better with two keypoints, left and right throughout, or x and y exchanged."""
    before = lay(points, shape, thorough=False)
    worst = np.nanmax(before.residual, axis=1)
    axes = lay(points.imag + 1j * points.real, shape, thorough=False).misfit
    sides = lay(points[:, skeleton.mirror_permutation()], shape, thorough=False).misfit
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


def _misfit_exchanged(points: Complex, shape: Shape, pair: tuple[int, int]) -> Real:
    """`(M,)` misfit after exchanging two keypoints; infinite where one of them is missing."""
    i, j = pair
    order = np.arange(points.shape[1])
    order[[i, j]] = j, i
    misfit = lay(points[:, order], shape, thorough=False).misfit
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
    spread = max(usual_spread(np.abs(size - np.nanmedian(size))), 0.1)
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
        spread[k] = max(usual_spread(away[:, k]), FLOOR_FIXED * diagonal)
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
