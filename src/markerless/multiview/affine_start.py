"""Three cameras that look from far: a start for long lenses, where pairs of views say nothing.

From afar, pixels depend on points by a matrix alone, and the pixels of all views together have three dimensions
(Tomasi and Kanade 1992). That the axes of a picture are at right angles and alike makes it a shape, up to a reflection
in depth, which only perspective decides: so there are two starts.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from markerless.core.camera import Camera
from markerless.core.instance import FloatArray

FEWEST = 30  # points that all views see
_MOST = 800
_SAMPLES = 400
_WRONG = 3.0  # standard deviations from which a point is left out
_NORMAL = 1.4826
_FLAT = 1e-4  # least square of a depth, relative to the largest: noise makes it negative


def affine_starts(lenses: Sequence[Camera], xy: FloatArray) -> list[tuple[Camera, ...]]:
    """The two ways, none where nothing fits, in which cameras may stand that see all of the same points.

    Args:
        lenses: V of them, three or more; their poses are not used.
        xy: `(V, P, 2)` px; NaN where not seen.
    """
    if len(lenses) < 3:
        return []
    rays = np.stack([lens.rays(seen) for lens, seen in zip(lenses, xy, strict=True)])
    seen = np.flatnonzero(np.isfinite(rays).all(axis=(0, 2)))
    if len(seen) < FEWEST:
        return []
    some = seen[np.unique(np.linspace(0, len(seen) - 1, min(_MOST, len(seen))).round().astype(int))]
    focal = np.array([lens.matrix[0, 0] for lens in lenses])[:, None, None]
    stacked = (rays[:, some] * focal).transpose(0, 2, 1).reshape(2 * len(lenses), -1)  # px, as errors are
    good = _agreeing(stacked)
    middle = stacked[:, good].mean(axis=1)
    values, sizes, _ = np.linalg.svd(stacked[:, good] - middle[:, None], full_matrices=False)
    motion = (values[:, :3] * sizes[:3]).reshape(len(lenses), 2, 3) / focal
    upgraded = _at_right_angles(motion)
    if upgraded is None:
        return []
    centers = middle.reshape(len(lenses), 2) / focal[:, 0]
    return [_cameras(lenses, upgraded * np.array([1, 1, side]), centers) for side in (1, -1)]


def _agreeing(stacked: FloatArray) -> np.ndarray:
    """Indices of points `(2 V, P)` that four of them explain, of many samples of four those with the least median."""
    rng = np.random.default_rng(0)
    n = stacked.shape[1]
    best, off = np.inf, np.zeros(n)
    for _ in range(_SAMPLES):
        four = stacked[:, rng.choice(n, 4, replace=False)]
        basis = np.linalg.qr(four[:, 1:] - four[:, :1])[0]
        apart = stacked - four[:, :1]
        left = np.linalg.norm(apart - basis @ (basis.T @ apart), axis=0)
        if np.median(left) < best:
            best, off = float(np.median(left)), left
    return np.flatnonzero(off <= _WRONG * _NORMAL * max(best, 1e-9))


def _at_right_angles(motion: FloatArray) -> FloatArray | None:
    """`(V, 2, 3)` with rows of each view at right angles and alike, as far as possible; None where nothing is."""

    def products(first: FloatArray, second: FloatArray) -> FloatArray:
        x, y, z = first * second
        return np.array(
            [
                x,
                y,
                z,
                first[0] * second[1] + first[1] * second[0],
                first[0] * second[2] + first[2] * second[0],
                first[1] * second[2] + first[2] * second[1],
            ]
        )

    rows = []
    for across, down in motion:
        size = 1 / max(float(across @ across + down @ down), 1e-300)
        rows += [size * (products(across, across) - products(down, down)), size * products(across, down)]
    xx, yy, zz, xy, xz, yz = np.linalg.svd(np.array(rows))[2][-1]
    metric = np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
    squares, axes = np.linalg.eigh(metric * np.sign(np.trace(metric)))
    if not squares[-1] > 0 or not squares[-2] > 0:
        return None
    upgraded: FloatArray = motion @ (axes * np.sqrt(np.maximum(squares, _FLAT * squares[-1])))
    return upgraded


def _cameras(lenses: Sequence[Camera], motion: FloatArray, centers: FloatArray) -> tuple[Camera, ...]:
    """Cameras in the axes of the first one, whose distances follow from how large they see the scene."""
    placed = []
    for lens, rows, center in zip(lenses, motion, centers, strict=True):
        left, sizes, right = np.linalg.svd(rows, full_matrices=False)
        flat = left @ right
        rotation = np.vstack([flat, np.cross(flat[0], flat[1])])
        placed.append(lens.moved(rotation, np.append(center, 1.0) / sizes.mean()))
    first = placed[0]
    unit = float(np.linalg.norm(first.translation))
    return tuple(
        camera.moved(
            camera.rotation @ first.rotation.T,
            (camera.translation - camera.rotation @ first.rotation.T @ first.translation) / unit,
        )
        for camera in placed
    )
