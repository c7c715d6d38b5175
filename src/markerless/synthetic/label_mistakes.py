"""Mistakes as people make them, put into good labels: what a check of labels finds can then be counted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from markerless.core.instance import FloatArray, Instance
from markerless.core.labels import Labels
from markerless.errors import LabelsError

SLIP_SHARE = (0.15, 0.4)  # of the animal's size
CLICK_SHARE = 0.01  # of the animal's size: how exactly a point is put on another keypoint
TRIES = 1000

Kind = Literal["swap", "slip", "deleted", "stacked"]


@dataclass(frozen=True)
class Mistake:
    """One that was planted.

    Attributes:
        kind: "swap" of two keypoints, "slip" to the side, "deleted", "stacked" on another keypoint.
        image: The frame.
        keypoints: The labels that are wrong now; two of a swap.
    """

    kind: Kind
    image: str
    keypoints: tuple[str, ...]


def plant(
    labels: Labels, sizes: Mapping[str, tuple[int, int]], seed: int, n_each: int = 10
) -> tuple[Labels, list[Mistake]]:
    """Put `n_each` swaps, `n_each` slips and `n_each` points deleted or put on another keypoint into labels.

    No frame gets two mistakes. Slipped points stay inside of their picture.

    Args:
        labels: Good labels of one animal.
        sizes: Image -> (width, height) of the picture in px.
        seed: Equal seeds plant equal mistakes.
        n_each: Number of mistakes of each of the three kinds.

    Returns:
        The spoiled labels and what was done to them.

    Raises:
        LabelsError: there are not enough frames with two labels.
    """
    rng = np.random.default_rng(seed)
    xy, size = labels.xy()[:, 0], labels.animal_size_px()
    usable = np.flatnonzero(np.isfinite(xy).all(-1).sum(axis=1) >= 2)
    if len(usable) < 3 * n_each:
        raise LabelsError(f"expected at least {3 * n_each} frames with two labels to plant into, got {len(usable)}")
    kinds: list[Kind] = []
    for i in range(n_each):
        kinds += ["swap", "slip", "deleted" if i % 2 else "stacked"]
    mistakes = []
    for kind, f in zip(kinds, rng.permutation(usable)[: len(kinds)].tolist(), strict=True):
        a, b = rng.choice(np.flatnonzero(np.isfinite(xy[f]).all(-1)), 2, replace=False).tolist()
        if kind == "swap":
            xy[f, [a, b]] = xy[f, [b, a]]
        elif kind == "slip":
            xy[f, a] = _slipped(xy[f, a], size, sizes[labels.images[f]], rng)
        else:
            xy[f, a] = np.nan if kind == "deleted" else xy[f, b] + rng.normal(0, CLICK_SHARE * size, 2)
        names = [labels.skeleton.keypoints[k] for k in ((a, b) if kind == "swap" else (a,))]
        mistakes.append(Mistake(kind, labels.images[f], tuple(names)))
    return with_points(labels, xy), mistakes


def with_points(labels: Labels, xy: FloatArray) -> Labels:
    """The same frames of one animal with other points, `(F, K, 2)` px."""
    individual = labels.individuals[0]
    frames = [
        replace(frame, instances=(Instance.from_xy(own, individual),))
        for frame, own in zip(labels.frames, xy, strict=True)
    ]
    return replace(labels, frames=tuple(frames))


def found(mistakes: Sequence[Mistake], proposed: Iterable[tuple[str, str]]) -> list[bool]:
    """For each mistake whether one of its labels is among the proposed (image, keypoint)s."""
    known = set(proposed)
    return [any((mistake.image, name) in known for name in mistake.keypoints) for mistake in mistakes]


def _slipped(xy: FloatArray, animal_size_px: float, size: tuple[int, int], rng: np.random.Generator) -> FloatArray:
    for _ in range(TRIES):
        angle, away = rng.uniform(0, 2 * np.pi), rng.uniform(*SLIP_SHARE) * animal_size_px
        moved: FloatArray = xy + away * np.array([np.cos(angle), np.sin(angle)])
        if (moved >= 0).all() and (moved <= np.array(size) - 1).all():
            return moved
    raise LabelsError(f"expected room for a slip of {away:.0f} px inside of {size[0]} x {size[1]} px, found none")
