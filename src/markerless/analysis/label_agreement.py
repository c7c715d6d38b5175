"""How far apart people place the same points: the error of labels, seen from labels alone.

Two people who have labeled the same frames are compared point by point. That a point is missing counts as an answer,
but only for keypoints that a person has placed somewhere: the others were not asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from markerless.core.instance import FloatArray, Visibility
from markerless.core.labels import LabeledFrame, Labels

LEAST_POINTS = 8  # an offset over fewer may be chance
CHANCE = 13.8  # chi-square of two degrees of freedom that chance exceeds once in a thousand
COPIED_PX = 1e-3  # nobody places a point twice this exactly
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class PointAgreement:
    """How two people agree on one keypoint, or on all; lengths in px, NaN without a point that both have placed.

    Attributes:
        keypoint: Its name; "all" for all together.
        n_points: Points that both have placed.
        median_px: Distance between them.
        mean_px: Likewise.
        p95_px: Distance that 95 of 100 do not exceed.
        max_px: The largest.
        offset_px: Mean x and y of the second person's point as seen from the first one's.
        is_systematic: True when chance alone would hardly make such an offset.
        n_only: Points that only the first, or only the second has placed in a frame that both have labeled.
    """

    keypoint: str
    n_points: int
    median_px: float
    mean_px: float
    p95_px: float
    max_px: float
    offset_px: tuple[float, float]
    is_systematic: bool
    n_only: tuple[int, int]

    @property
    def share_only_one(self) -> float:
        """Share of the points of either that the other one has not placed; NaN without any."""
        total = self.n_points + sum(self.n_only)
        return sum(self.n_only) / total if total else float("nan")


@dataclass(frozen=True)
class Agreement:
    """Two people and the frames that both have labeled.

    Attributes:
        people: Their names.
        images: Image of each of the R animals that are compared.
        individuals: Name of each.
        keypoints: Names of the K keypoints.
        xy: `(2, R, K, 2)` px: where the first and the second have placed the points, NaN where they have not.
        only: `(2, R, K)` whether only the first, only the second has placed it.
    """

    people: tuple[str, str]
    images: tuple[str, ...]
    individuals: tuple[str, ...]
    keypoints: tuple[str, ...]
    xy: FloatArray
    only: BoolArray

    @property
    def n_frames(self) -> int:
        """Frames that both have labeled."""
        return len(set(self.images))

    @property
    def distance_px(self) -> FloatArray:
        """`(R, K)`, NaN where one of them has no point."""
        return np.asarray(np.hypot(*np.moveaxis(self.xy[1] - self.xy[0], -1, 0)))

    @property
    def n_copied(self) -> int:
        """Points at the very same place: labels that were copied rather than placed again."""
        return int((self.distance_px < COPIED_PX).sum())

    @property
    def all(self) -> PointAgreement:
        """All keypoints together."""
        return self._summary("all", slice(None))

    def by_keypoint(self) -> tuple[PointAgreement, ...]:
        """Each keypoint that somebody has placed."""
        found = (self._summary(name, k) for k, name in enumerate(self.keypoints))
        return tuple(one for one in found if one.n_points or any(one.n_only))

    def worst(self) -> list[int]:
        """The rows that have a distance, those with the largest one first."""
        largest = np.nanmax(np.where(np.isfinite(self.distance_px), self.distance_px, -1.0), axis=1, initial=-1.0)
        return [int(row) for row in np.argsort(-largest, kind="stable") if largest[row] >= 0]

    def _summary(self, name: str, k: int | slice) -> PointAgreement:
        apart = self.distance_px[:, k]
        apart = apart[np.isfinite(apart)]
        moved = (self.xy[1] - self.xy[0])[:, k].reshape(-1, 2)
        moved = moved[np.isfinite(moved).all(axis=-1)]
        only = (int(self.only[0][:, k].sum()), int(self.only[1][:, k].sum()))
        if not len(apart):
            nan = float("nan")
            return PointAgreement(name, 0, nan, nan, nan, nan, (nan, nan), False, only)
        offset = moved.mean(axis=0)
        return PointAgreement(
            name,
            len(apart),
            float(np.median(apart)),
            float(apart.mean()),
            float(np.percentile(apart, 95)),
            float(apart.max()),
            (float(offset[0]), float(offset[1])),
            _is_systematic(moved),
            only,
        )


def _is_systematic(moved: FloatArray) -> bool:
    """Whether the mean of `(n, 2)` offsets is farther from zero than chance takes it once in a thousand times."""
    n = len(moved)
    if n < LEAST_POINTS:
        return False
    error = moved.std(axis=0, ddof=1) / np.sqrt(n)
    return bool(((moved.mean(axis=0) / np.maximum(error, 1e-9)) ** 2).sum() > CHANCE)


def agreements(by_labeler: Mapping[str, Labels]) -> list[Agreement]:
    """Every pair of people who have labeled a frame both, the pair with the most frames first.

    Args:
        by_labeler: Name of a person -> all that this person has labeled; all of one skeleton.
    """
    pairs = [_compared((a, b), (by_labeler[a], by_labeler[b])) for a, b in combinations(by_labeler, 2)]
    return sorted((pair for pair in pairs if pair.images), key=lambda pair: -pair.n_frames)


def _compared(people: tuple[str, str], labels: tuple[Labels, Labels]) -> Agreement:
    keypoints = labels[0].skeleton.keypoints
    frames = [{frame.image: frame for frame in one.frames} for one in labels]
    rows = [
        (image, individual)
        for image in frames[0]
        if image in frames[1]
        for individual in _animals(frames[0][image], frames[1][image])
    ]
    xy = np.full((2, len(rows), len(keypoints), 2), np.nan)
    asked = np.zeros((2, len(rows), len(keypoints)), dtype=np.bool_)
    for who, one in enumerate(labels):
        placed_ever = _placed_ever(one)
        for row, (image, individual) in enumerate(rows):
            instance = next((i for i in frames[who][image].instances if i.individual == individual), None)
            asked[who, row] = placed_ever
            if instance is not None:
                xy[who, row] = instance.xy
                asked[who, row] &= instance.visibility != Visibility.NOT_LABELED
    placed = np.isfinite(xy).all(axis=-1)
    only = np.stack([placed[0] & ~placed[1] & asked[1], placed[1] & ~placed[0] & asked[0]])
    images, individuals = [image for image, _ in rows], [individual for _, individual in rows]
    return Agreement(people, tuple(images), tuple(individuals), keypoints, xy, only)


def _animals(one: LabeledFrame, other: LabeledFrame) -> Sequence[str]:
    return list(dict.fromkeys(instance.individual for frame in (one, other) for instance in frame.instances))


def _placed_ever(labels: Labels) -> BoolArray:
    """`(K,)`: whether a person has placed the keypoint in any frame."""
    placed = np.zeros(labels.skeleton.n_keypoints, dtype=np.bool_)
    for frame in labels.frames:
        for instance in frame.instances:
            placed |= np.isfinite(instance.xy).all(axis=-1)
    return placed
