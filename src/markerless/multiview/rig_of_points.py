"""A first rig from points that cameras saw together: a pair, then one camera after the other, each by what is known.

A camera that sees points which the others have placed is put where it sees them (resection). One that shares points
with a single placed camera only, at other moments, is joined by that pair alone; how far away it is follows from the
animal, which is as long there as elsewhere. After every camera all of them are fitted together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from markerless.core.camera import Camera
from markerless.core.instance import FloatArray
from markerless.core.views import GOOD
from markerless.errors import CalibrationError
from markerless.multiview.affine_start import affine_starts
from markerless.multiview.point_fit import BoolArray
from markerless.multiview.point_links import FEWEST, PointLink, seen_together
from markerless.multiview.repair import held_first, settle
from markerless.multiview.triangulate import DISTANCE_PER_SD, triangulate

MOST_POINTS = 600
_TRIED_PAIRS = 3  # to begin with
_STEPS = 8  # of a fit after each camera
_SAME = 0.02  # two starts that end with costs as near as this end in the same place
_TO_RESECT = 12  # placed points that a camera sees
_AGREE = 0.5  # of them have to agree with the place found
_NEAR = 4.0  # standard deviations: an agreeing pixel
_FEWEST_LENGTHS = 20  # of the animal, to carry the scale over
_BEST_ANGLE = 20.0  # degrees; a pair gains nothing from looking at each other at more
_FAR = 8.0  # standard deviations: what is farther off counts no more

Pixels = FloatArray  # (V, F, K, 2)


@dataclass(frozen=True)
class FirstRig:
    """Cameras that roughly stand right.

    Attributes:
        cameras: In the order given, in the axes of the first one.
        cost: Mean distance of pixels from where the others put them, bounded, in expected errors of the start.
        by_length: Indices of cameras whose distance comes from the animal's lengths alone.
    """

    cameras: tuple[Camera, ...]
    cost: float
    by_length: tuple[int, ...]


def first_rig(
    lenses: Sequence[Camera], xy: Pixels, links: Mapping[tuple[int, int], PointLink], sigma_px: float
) -> FirstRig:
    """Put the cameras together, in several ways until two agree, and take the best.

    Args:
        lenses: Cameras with lenses; their poses are not used.
        xy: `(V, F, K, 2)` px of F moments and K keypoints; NaN where not seen.
        links: Of their pairs.
        sigma_px: About how far off pixels are, standard deviation of x and of y.

    Raises:
        CalibrationError: cameras that nothing joins.
    """
    require_joined([lens.name for lens in lenses], links)
    growing = _Growing.of(lenses, xy, links, sigma_px)
    rigs: list[FirstRig] = []
    failures: list[CalibrationError] = []
    for start in growing.starts():
        try:
            rigs.append(growing.grown(start))
        except CalibrationError as error:
            failures.append(error)
        costs = sorted(rig.cost for rig in rigs)[:2]
        if len(costs) == 2 and costs[1] < (1 + _SAME) * costs[0]:
            break
    if not rigs:
        raise failures[0]
    return min(rigs, key=lambda rig: rig.cost)


def require_joined(names: Sequence[str], links: Mapping[tuple[int, int], PointLink]) -> None:
    """Make sure that pairs join all cameras.

    Raises:
        CalibrationError: they do not; the message names the groups.
    """
    joined = {0}
    while grown := {i for pair in links for i in pair if set(pair) & joined} - joined:
        joined |= grown
    if len(joined) < len(names):
        inside = ", ".join(f"'{names[i]}'" for i in sorted(joined))
        outside = ", ".join(f"'{name}'" for i, name in enumerate(names) if i not in joined)
        raise CalibrationError(
            f"expected at least {FEWEST} points that one of {inside} and one of {outside} see at the same moment, "
            "found fewer: they cannot be put together; give files of moments in which both see the animal"
        )


def spread_points(xy: FloatArray, most: int) -> np.ndarray:
    """Indices of at most `most` points of `(V, P, 2)` that two views see, fairly of all sets of views that see some."""
    seen = seen_together(xy)
    sets = np.where(seen.any(axis=0), (seen * 2.0 ** np.arange(len(xy))[:, None]).sum(axis=0), 0.0)
    kinds, counts = np.unique(sets[sets > 0], return_counts=True)
    chosen, left = [], most
    for place, at in enumerate(np.argsort(counts)):
        share = min(int(counts[at]), left // (len(kinds) - place))
        own = np.flatnonzero(sets == kinds[at])
        chosen.append(own[np.linspace(0, len(own) - 1, share).round().astype(int)])
        left -= share
    return np.sort(np.concatenate(chosen)) if chosen else np.zeros(0, dtype=np.intp)


def _worth(one: PointLink) -> float:
    """Many points, met at a fair angle."""
    return float(np.sqrt(one.shared) * min(one.angle, _BEST_ANGLE) * one.front / one.sigma_px)


@dataclass(frozen=True)
class _Growing:
    lenses: Sequence[Camera]
    xy: Pixels  # all
    some: FloatArray  # (V, P, 2) px of points that the fits use
    sd: FloatArray  # (V, P) px
    links: Mapping[tuple[int, int], PointLink]

    @classmethod
    def of(
        cls, lenses: Sequence[Camera], xy: Pixels, links: Mapping[tuple[int, int], PointLink], sigma: float
    ) -> _Growing:
        flat = xy.reshape(len(xy), -1, 2)
        some = flat[:, spread_points(flat, MOST_POINTS)]
        return cls(lenses, xy, some, np.full(some.shape[:2], sigma), links)

    def starts(self) -> list[dict[int, Camera]]:
        """Cameras to begin with: the best pairs, and for long lenses three or more, twice."""
        starts = []
        for one in sorted(self.links.values(), key=_worth, reverse=True)[:_TRIED_PAIRS]:
            a, b = one.pair
            first = self.lenses[a].moved(np.eye(3), np.zeros(3))
            starts.append({a: first, b: self.lenses[b].moved(one.rotation, one.translation)})
        many = self._seeing_most()
        for cameras in affine_starts([self.lenses[i] for i in many], self.some[many]):
            starts.append(dict(zip(many, cameras, strict=True)))
        return starts

    def _seeing_most(self) -> list[int]:
        """As many views as see enough of the same points; of three the best three."""
        seen: BoolArray = np.asarray(np.isfinite(self.some).all(axis=-1))
        for size in range(len(self.lenses), 2, -1):
            best = max(combinations(range(len(seen)), size), key=lambda some: int(seen[list(some)].all(axis=0).sum()))
            if seen[list(best)].all(axis=0).sum() >= FEWEST:
                return list(best)
        return []

    def grown(self, start: dict[int, Camera]) -> FirstRig:
        """All cameras, from a few on."""
        placed = self._settled(start)
        by_length: list[int] = []
        while len(placed) < len(self.lenses):
            index, camera, resected = self._next(placed)
            placed[index] = camera
            if not resected:
                by_length.append(index)
            placed = self._settled(placed)
        first = placed[0]
        cameras = tuple(
            camera.moved(
                camera.rotation @ first.rotation.T,
                camera.translation - camera.rotation @ first.rotation.T @ first.translation,
            )
            for _, camera in sorted(placed.items())
        )
        return FirstRig(cameras, mean_off(cameras, self.some, self.sd), tuple(by_length))

    def _settled(self, placed: dict[int, Camera]) -> dict[int, Camera]:
        which = list(placed)
        cameras = settle(
            tuple(placed.values()), held_first(len(which)), _shared(self.some[which]), self.sd[which], _STEPS
        ).cameras
        return dict(zip(which, cameras, strict=True))

    def _next(self, placed: dict[int, Camera]) -> tuple[int, Camera, bool]:
        """The next camera, placed, and whether by points in space."""
        which = list(placed)
        found = triangulate(tuple(placed.values()), self.some[which], self.sd[which] * DISTANCE_PER_SD)
        known = found.state == GOOD
        waiting = [i for i in range(len(self.lenses)) if i not in placed]
        seen = {i: int((known & np.isfinite(self.some[i]).all(axis=-1)).sum()) for i in waiting}
        best = max(waiting, key=lambda i: seen[i])
        if seen[best] >= _TO_RESECT:
            return best, self._resected(best, np.where(known[:, None], found.points, np.nan)), True
        joined = [one for one in self.links.values() if len(set(one.pair) & placed.keys()) == 1]
        one = max(joined, key=_worth)
        index = next(i for i in one.pair if i not in placed)
        return index, self._joined_by_length(index, one, placed), False

    def _resected(self, index: int, points: FloatArray) -> Camera:
        lens, xy = self.lenses[index], self.some[index]
        sigma = float(self.sd[0, 0])
        camera, share = resection(lens, points, xy, sigma)
        if camera is not None and share >= _AGREE:
            return camera
        if resection(lens, points, flipped(lens, xy), sigma)[1] >= max(_AGREE, 2 * share):
            raise CalibrationError(told_flipped(lens.name))
        raise CalibrationError(
            f"no place of camera '{lens.name}' explains what it saw: {100 * share:.0f} % of its points agree with the "
            "other cameras; check that its file is of the same moments, the names of its keypoints, and its lens"
        )

    def _joined_by_length(self, index: int, one: PointLink, placed: Mapping[int, Camera]) -> Camera:
        """The camera by its pair, as far away as makes the animal as long as the others see it."""
        a, b = one.pair
        pair = (self.lenses[a].moved(np.eye(3), np.zeros(3)), self.lenses[b].moved(one.rotation, one.translation))
        here = _lengths(pair, self.xy[[a, b]], float(self.sd[0, 0]))
        which = list(placed)
        there = _lengths(tuple(placed.values()), self.xy[which], float(self.sd[0, 0]))
        both = np.isfinite(here) & np.isfinite(there)
        if not both.any():
            raise CalibrationError(
                f"how far camera '{self.lenses[index].name}' is from the others is not known: it shares no moment with "
                "two of them, and no two keypoints that tell how long the animal is; give moments that three see"
            )
        scale = float(np.median(there[both] / here[both]))
        known = placed[a if index == b else b]
        first, second = (pair[0], pair[1]) if index == b else (pair[1], pair[0])
        turn = second.rotation @ first.rotation.T
        way = scale * (second.translation - turn @ first.translation)
        return self.lenses[index].moved(turn @ known.rotation, turn @ known.translation + way)


def resection(lens: Camera, points: FloatArray, xy: FloatArray, sigma: float) -> tuple[Camera | None, float]:
    """Where a camera stands that sees points `(P, 3)` at `xy` `(P, 2)` px, and the share of them that agree."""
    import cv2

    rays = lens.rays(xy)
    known = np.flatnonzero(np.isfinite(points).all(axis=-1) & np.isfinite(rays).all(axis=-1))
    if len(known) < _TO_RESECT:
        return None, 0.0
    middle, size = points[known].mean(axis=0), float(np.std(points[known]))
    try:
        good, turn, way, _ = cv2.solvePnPRansac(
            np.ascontiguousarray((points[known] - middle) / size),
            np.ascontiguousarray(rays[known]),
            np.eye(3),
            None,
            iterationsCount=500,
            reprojectionError=float(_NEAR * sigma / lens.matrix[0, 0]),
            confidence=0.999,
            flags=cv2.SOLVEPNP_SQPNP,
        )
    except cv2.error:
        return None, 0.0
    if not good:
        return None, 0.0
    rotation = np.asarray(cv2.Rodrigues(turn)[0], dtype=np.float64)
    camera = lens.moved(rotation, size * np.asarray(way).ravel() - rotation @ middle)
    off = np.linalg.norm(camera.project(points[known]) - xy[known], axis=-1)
    with np.errstate(invalid="ignore"):
        return camera, float((off < 2 * _NEAR * sigma).mean())


def flipped(lens: Camera, xy: FloatArray) -> FloatArray:
    """Pixels `(..., 2)` of the picture, left and right exchanged."""
    return np.stack([lens.size[0] - 1 - xy[..., 0], xy[..., 1]], axis=-1)


def told_flipped(name: str) -> str:
    """What to say of a camera whose pictures are flipped."""
    return (
        f"camera '{name}' sees the scene of the other cameras in a mirror: its pictures are flipped left to right; "
        "give the file of the pictures as they were taken"
    )


def mean_off(cameras: Sequence[Camera], xy: FloatArray, sd: FloatArray) -> float:
    """Mean distance of pixels `(V, P, 2)` from where all cameras put them, in `sd`, none counted above a bound."""
    found = triangulate(cameras, xy, sd * DISTANCE_PER_SD)
    seen = seen_together(xy)
    off = np.where(np.isfinite(found.reprojection), found.reprojection / sd, _FAR)
    return float(np.minimum(off, _FAR)[seen].mean())


def _shared(xy: FloatArray) -> FloatArray:
    return np.where(seen_together(xy)[..., None], xy, np.nan)


def _lengths(cameras: tuple[Camera, ...], xy: Pixels, sigma: float) -> FloatArray:
    """`(K, K)`: median distances of keypoints in space; NaN where too seldom seen."""
    moments = np.flatnonzero((seen_together(xy.reshape(len(xy), -1, 2))).reshape(xy.shape[:3]).any(axis=(0, 2)))
    some = moments[np.unique(np.linspace(0, len(moments) - 1, min(400, len(moments))).round().astype(int))]
    found = triangulate(cameras, xy[:, some], sigma * DISTANCE_PER_SD)
    n = xy.shape[2]
    lengths = np.full((n, n), np.nan)
    for a, b in combinations(range(n), 2):
        apart = np.linalg.norm(found.points[:, a] - found.points[:, b], axis=-1)
        if np.isfinite(apart).sum() >= _FEWEST_LENGTHS:
            lengths[a, b] = np.nanmedian(apart)
    return lengths
