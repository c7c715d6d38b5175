"""How two cameras stand to each other, from points that both saw: up to the distance between them.

The essential matrix by five points (Nister 2004), the one with the least median distance of many samples, so that
gross errors do not enter and no scatter has to be known before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from markerless.core.camera import Camera
from markerless.core.instance import FloatArray
from markerless.multiview.point_fit import BoolArray

FEWEST = 30  # points that a pair shares
_MOST = 1500  # of them are looked at
_SAMPLES = 600
_WRONG = 3.0  # standard deviations from which a point is left out
_NORMAL = 1.4826


@dataclass(frozen=True)
class PointLink:
    """What a pair of cameras says.

    Attributes:
        pair: Their indices.
        rotation: `(3, 3)` from the first camera's axes to the second's.
        translation: `(3,)` of length 1.
        sigma_px: Robust standard deviation of the distance from epipolar lines.
        shared: Points that both see.
        front: Share of the fitting points that lie in front of both.
        angle: Median angle in degrees at which the rays of a point meet.
    """

    pair: tuple[int, int]
    rotation: FloatArray
    translation: FloatArray
    sigma_px: float
    shared: int
    front: float
    angle: float


def link(cameras: tuple[Camera, Camera], xy: FloatArray, pair: tuple[int, int]) -> PointLink | None:
    """The relative pose of two cameras; None where they share too few points, or nothing explains them.

    Args:
        cameras: Their lenses; the poses are not used.
        xy: `(2, P, 2)` px; NaN where not seen.
        pair: Whose they are.
    """
    import cv2

    rays = np.stack([camera.rays(seen) for camera, seen in zip(cameras, xy, strict=True)])
    both = np.flatnonzero(np.isfinite(rays).all(axis=(0, 2)))
    if len(both) < FEWEST:
        return None
    some = both[np.unique(np.linspace(0, len(both) - 1, min(_MOST, len(both))).round().astype(int))]
    first, second = (np.ascontiguousarray(one[some]) for one in rays)
    essential, _ = cv2.findEssentialMat(
        first, second, np.eye(3), method=cv2.LMEDS, prob=0.9999, threshold=1.0, maxIters=_SAMPLES
    )
    if essential is None or essential.shape != (3, 3) or not np.isfinite(essential).all():
        return None
    focals = [float(camera.matrix[0, 0]) for camera in cameras]
    off = epipolar_px(np.asarray(essential), first, second, focals)
    sigma = max(_NORMAL * float(np.median(off)), 1e-3)
    good = off < _WRONG * sigma
    n_front, rotation, way, _ = cv2.recoverPose(essential, first[good], second[good], np.eye(3))
    turned = _directions(first[good]) @ np.asarray(rotation).T
    cosines = (turned * _directions(second[good])).sum(axis=1)
    angle = float(np.rad2deg(np.median(np.arccos(np.clip(cosines, -1, 1)))))
    return PointLink(
        pair,
        np.asarray(rotation, dtype=np.float64),
        np.asarray(way, dtype=np.float64).ravel(),
        sigma,
        len(both),
        float(n_front / good.sum()),
        angle,
    )


def links_between(lenses: Sequence[Camera], xy: FloatArray) -> dict[tuple[int, int], PointLink]:
    """What every pair of cameras says that shares enough points; xy `(V, F, K, 2)` px, NaN where not seen."""
    flat = xy.reshape(len(xy), -1, 2)
    found = {}
    for a, b in combinations(range(len(lenses)), 2):
        one = link((lenses[a], lenses[b]), flat[[a, b]], (a, b))
        if one is not None:
            found[(a, b)] = one
    return found


def epipolar_px(essential: FloatArray, first: FloatArray, second: FloatArray, focals: list[float]) -> FloatArray:
    """`(P,)` px: distance of a pair of rays `(P, 2)` from where they would meet, to first order (Sampson)."""
    ones = np.ones((len(first), 1))
    first, second = np.hstack([first, ones]), np.hstack([second, ones])
    in_second, in_first = first @ essential.T, second @ essential
    slope = (in_second[:, :2] ** 2).sum(axis=1) / focals[1] ** 2 + (in_first[:, :2] ** 2).sum(axis=1) / focals[0] ** 2
    off: FloatArray = np.abs((second * in_second).sum(axis=1)) / np.sqrt(np.maximum(slope, 1e-300))
    return off


def seen_together(xy: FloatArray) -> BoolArray:
    """`(V, P)`: pixels `(V, P, 2)` of points that at least two views see."""
    seen = np.isfinite(xy).all(axis=-1)
    return np.asarray(seen & (seen.sum(axis=0) >= 2))


def _directions(rays: FloatArray) -> FloatArray:
    full = np.hstack([rays, np.ones((len(rays), 1))])
    unit: FloatArray = full / np.linalg.norm(full, axis=1, keepdims=True)
    return unit
