"""How well the places of cameras to each other are known, whatever the axes and the scale are.

Axes and scale are a choice: holding the first camera makes it look perfect and all others worse. So what all cameras
have in common, a similarity, is taken out of every error before it is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from markerless.core.camera import Camera, CameraSpread
from markerless.core.instance import FloatArray
from markerless.multiview.lens_fit import Freedom
from markerless.multiview.rotation import cross_matrix, vector_of


@dataclass(frozen=True)
class PoseSpread:
    """Standard deviations of one camera.

    Attributes:
        place: Of where it stands, as a share of the size of the rig.
        turn_deg: Of where it looks.
        focal: Of its focal length, as a share of it; None where that was not fitted.
    """

    place: float
    turn_deg: float
    focal: float | None


def pose_spread(cameras: Sequence[Camera], freedoms: Sequence[Freedom], factor: FloatArray) -> list[PoseSpread]:
    """Standard deviations of cameras whose free numbers have the covariance `factor @ factor.T`.

    Args:
        cameras: V of them.
        freedoms: What of them was free.
        factor: `(c, r)`, rows in the order of the cameras' numbers, each camera's as in `Freedom`.
    """
    size = rig_size(cameras)
    moves = moves_of(cameras, freedoms, factor)
    moves[:, 3:] /= size
    focals: list[float | None] = []
    at = 0
    for camera, freedom in zip(cameras, freedoms, strict=True):
        inner = factor[at + 6 * freedom.pose : at + freedom.size]
        at += freedom.size
        focals.append(float(np.linalg.norm(inner[0])) / float(camera.matrix[0, 0]) if freedom.focal else None)
    left = _without_common(cameras, moves.reshape(-1, factor.shape[1]), size).reshape(moves.shape)
    return [
        PoseSpread(float(np.linalg.norm(one[3:])), float(np.rad2deg(np.linalg.norm(one[:3]))), focal)
        for one, focal in zip(left, focals, strict=True)
    ]


def at_same_size(cameras: Sequence[Camera], freedoms: Sequence[Freedom], factor: FloatArray) -> FloatArray:
    """The factor without what changes the size of the rig alone, which is a choice; the first camera is the world."""
    centers = np.stack([camera.center for camera in cameras])
    far = np.linalg.norm(centers[:, None] - centers, axis=-1)
    a, b = np.unravel_index(int(far.argmax()), far.shape)
    way = (centers[a] - centers[b]) / far[a, b]
    moves = moves_of(cameras, freedoms, factor)[:, 3:]
    growth = way @ (moves[a] - moves[b]) / far[a, b]  # (r,)
    out, at = factor.copy(), 0
    for camera, freedom in zip(cameras, freedoms, strict=True):
        if freedom.pose:
            out[at + 3 : at + 6] -= camera.translation[:, None] * growth
        at += freedom.size
    return out


def with_spread(cameras: Sequence[Camera], freedoms: Sequence[Freedom], factor: FloatArray) -> tuple[Camera, ...]:
    """The cameras with what is known of how well they are known; arguments as of `pose_spread`."""
    edges = np.cumsum([0, *(freedom.size for freedom in freedoms)])
    return tuple(
        replace(
            camera,
            spread=CameraSpread(
                (int(freedom.pose), freedom.focal, int(freedom.center), freedom.distortion), factor[first:last]
            ),
        )
        for camera, freedom, first, last in zip(cameras, freedoms, edges[:-1], edges[1:], strict=True)
    )


def numbers_between(before: Camera, after: Camera, freedom: Freedom) -> FloatArray:
    """`(freedom.size,)`: the step that makes one camera of another, as `lens_fit.moved` takes it."""
    parts: list[FloatArray] = []
    if freedom.pose:
        parts += [vector_of(after.rotation @ before.rotation.T), after.translation - before.translation]
    change = after.matrix - before.matrix
    parts.append(change[[0, 1], [0, 1]][: freedom.focal])
    if freedom.center:
        parts.append(change[:2, 2])
    parts.append((after.distortion - before.distortion)[: freedom.distortion])
    return np.concatenate(parts)


def root(covariance: FloatArray) -> FloatArray:
    """`(n, n)` lower triangle `L` with `L @ L.T` the covariance, also of one that leaves directions out."""
    sd = np.sqrt(np.maximum(np.diag(covariance), 1e-300))
    values, vectors = np.linalg.eigh(covariance / np.outer(sd, sd))
    half = sd[:, None] * vectors * np.sqrt(np.maximum(values, 0.0))
    triangle: FloatArray = np.linalg.qr(half.T)[1].T
    return triangle * np.sign(np.where(np.diag(triangle) == 0, 1.0, np.diag(triangle)))


def rig_size(cameras: Sequence[Camera]) -> float:
    """The largest distance between two cameras."""
    centers = np.stack([camera.center for camera in cameras])
    return float(np.linalg.norm(centers[:, None] - centers, axis=-1).max())


def moves_of(cameras: Sequence[Camera], freedoms: Sequence[Freedom], factor: FloatArray) -> FloatArray:
    """`(V, 6, r)`: by how much each camera turns, in world axes, and its center moves."""
    moves, at = np.zeros((len(cameras), 6, factor.shape[1])), 0
    for index, (camera, freedom) in enumerate(zip(cameras, freedoms, strict=True)):
        if freedom.pose:
            turn, shift = factor[at : at + 3], factor[at + 3 : at + 6]
            moves[index, :3] = -camera.rotation.T @ turn
            moves[index, 3:] = -camera.rotation.T @ (shift + cross_matrix(camera.translation) @ turn)
        at += freedom.size
    return moves


def _without_common(cameras: Sequence[Camera], moves: FloatArray, size: float) -> FloatArray:
    """Turns and moves `(6 V, r)` of cameras without what a similarity of all of them explains."""
    common = np.zeros((len(cameras), 6, 7))
    middle = np.mean([camera.center for camera in cameras], axis=0)
    for index, camera in enumerate(cameras):
        arm = (camera.center - middle) / size
        common[index, :3, :3] = np.eye(3)
        common[index, 3:, :3] = -cross_matrix(arm)
        common[index, 3:, 3:6] = np.eye(3)
        common[index, 3:, 6] = arm
    basis = np.linalg.qr(common.reshape(-1, 7))[0]
    left: FloatArray = moves - basis @ (basis.T @ moves)
    return left
