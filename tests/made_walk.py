"""A made animal that walks about before cameras, for the tests of rigs that are found without a board."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from made_rig import in_the_first, ring
from markerless.core.camera import Camera
from markerless.core.instance import FloatArray

KEYPOINTS = ("snout", "left_ear", "right_ear", "neck", "spine", "left_hip", "right_hip", "tail_base")
BODY_MM = np.array(
    [[50, 0, 12], [32, 9, 22], [32, -9, 22], [25, 0, 20], [0, 0, 26], [-22, 12, 12], [-22, -12, 12], [-40, 0, 10.0]]
)


@dataclass(frozen=True)
class Walk:
    """What cameras see of it.

    Attributes:
        cameras: V of them, in the axes of the first.
        points: `(F, K, 3)` mm, the truth.
        xy: `(V, F, K, 2)` px; NaN where not seen.
    """

    cameras: tuple[Camera, ...]
    points: FloatArray
    xy: FloatArray


@dataclass(frozen=True)
class Trouble:
    """What keeps the cameras from seeing it well.

    Attributes:
        noise: px, standard deviation of x and of y.
        gross: Share of pixels that are anywhere.
        missing: Share of single pixels that are missing.
        away: Share of the time in which a camera sees nothing, another one for each.
    """

    noise: float = 0.5
    gross: float = 0.1
    missing: float = 0.1
    away: float = 0.2


def walked(n_frames: int, seed: int = 0) -> FloatArray:
    """`(F, K, 3)` mm: a body that walks about a table of 400 mm, bends, bobs, looks around and rears."""
    rng = np.random.default_rng(seed)
    time = np.linspace(0, 1, n_frames)

    def wander(size: float, waves: int) -> FloatArray:
        turns = rng.uniform(0.3, 1, waves) * waves
        path = np.sin(2 * np.pi * (turns[:, None] * time + rng.uniform(0, 1, (waves, 1)))).sum(axis=0)
        return np.asarray(size * path / np.sqrt(waves / 2))

    place = np.stack([wander(90, 6), wander(90, 6), 4 + wander(1.5, 20)], axis=-1)
    heading, bend, rear = wander(2.5, 4), wander(0.25, 10), np.maximum(wander(0.6, 8), 0)
    breath = 1 + wander(0.02, 30)
    body = np.broadcast_to(BODY_MM, (n_frames, *BODY_MM.shape)).copy()
    front = BODY_MM[:, 0] > 10
    body[:, front] = _turned(body[:, front], bend, (0, 1))
    hips = np.array([40, 0, 0])
    body = _turned(body + hips, rear, (0, 2)) - hips
    body[:, 5:7] *= breath[:, None, None]
    return _turned(body, heading, (0, 1)) + place[:, None]


def walk(n_cameras: int, n_frames: int = 300, trouble: Trouble = Trouble(), seed: int = 0) -> Walk:
    """The animal before a ring of cameras."""
    rng = np.random.default_rng(seed + 1)
    first, cameras = ring(n_cameras)[0], in_the_first(ring(n_cameras))
    points = walked(n_frames, seed) @ first.rotation.T + first.translation
    return Walk(cameras, points, troubled(cameras, points, trouble, rng))


def troubled(cameras: tuple[Camera, ...], points: FloatArray, trouble: Trouble, rng: np.random.Generator) -> FloatArray:
    """`(V, F, K, 2)` px: points `(F, K, 3)` as the cameras see them, with all that goes wrong."""
    xy = np.stack([camera.project(points) for camera in cameras])
    size = np.array(cameras[0].size)
    outside = ((xy < 0) | (xy > size - 1)).any(axis=-1)
    xy = xy + rng.normal(0, trouble.noise, xy.shape)
    wrong = rng.uniform(size=xy.shape[:3]) < trouble.gross
    xy[wrong] = rng.uniform(0, 1, (int(wrong.sum()), 2)) * size
    xy[outside | (rng.uniform(size=outside.shape) < trouble.missing)] = np.nan
    n_frames, n_away = points.shape[0], int(trouble.away * points.shape[0])
    for index, seen in enumerate(xy):
        start = index * n_frames // len(cameras)
        seen[(start + np.arange(n_away)) % n_frames] = np.nan
    return xy


def pose_errors(found: tuple[Camera, ...], made: Walk) -> tuple[float, float]:
    """The largest error of a place, as a share of the rig's size, and of a direction, in degrees.

    The worlds are put on each other, similarly, by what the cameras see: the true points, and where these cameras put
    what they would see of them. For two cameras nothing else would do: two places fit any two.
    """
    from markerless.multiview.point_fit import Observed, fit_points
    from markerless.multiview.rotation import vector_of

    flat = made.points.reshape(-1, 3)
    xy = np.stack([camera.project(flat) for camera in made.cameras])
    observed = Observed.of(found, xy, np.ones(xy.shape[:2]))
    mine = fit_points(observed, observed.seen).points
    known = np.isfinite(mine).all(axis=1)
    turn, scale, shift = similarity(mine[known], flat[known])
    size = max(float(np.linalg.norm(a.center - b.center)) for a in made.cameras for b in made.cameras)
    ways = [
        np.linalg.norm(scale * turn @ mine.center + shift - true.center)
        for mine, true in zip(found, made.cameras, strict=True)
    ]
    turns = [
        np.linalg.norm(vector_of(mine.rotation @ turn.T @ true.rotation.T))
        for mine, true in zip(found, made.cameras, strict=True)
    ]
    return float(max(ways)) / size, float(np.rad2deg(max(turns)))


def similarity(mine: FloatArray, true: FloatArray) -> tuple[FloatArray, float, FloatArray]:
    """Rotation, scale and shift that put points `(P, 3)` on others best (Umeyama 1991)."""
    a, b = mine - mine.mean(axis=0), true - true.mean(axis=0)
    left, sizes, right = np.linalg.svd(b.T @ a)
    signs = np.array([1, 1, np.sign(np.linalg.det(left @ right))])
    turn = left @ np.diag(signs) @ right
    scale = float((sizes * signs).sum() / (a * a).sum())
    return turn, scale, true.mean(axis=0) - scale * turn @ mine.mean(axis=0)


def _turned(points: FloatArray, angle: FloatArray, axes: tuple[int, int]) -> FloatArray:
    """Points `(F, P, 3)` turned by angles `(F,)` in the plane of two axes."""
    a, b = axes
    out = points.copy()
    cosine, sine = np.cos(angle)[:, None], np.sin(angle)[:, None]
    out[..., a] = cosine * points[..., a] - sine * points[..., b]
    out[..., b] = sine * points[..., a] + cosine * points[..., b]
    return out
