"""Bundle adjustment: cameras and what they look at, fitted together to where everything was seen.

`adjust` takes boards (`scene.RigidBoards`) and the keypoints of an animal (`scene.FreePoints`) alike. The residuals
are robust (soft L1), their derivatives analytic and sparse. Method: Triggs et al., Bundle Adjustment, a Modern
Synthesis (1999): Levenberg's and Marquardt's steps, with the scene eliminated (the Schur complement). scipy's
`least_squares`, given the same derivatives, was not at the minimum after 200 evaluations and 15 s for six cameras and
40 boards, where this takes 1.4 s: it cannot know that the blocks of the scene do not depend on each other. Cameras
whose numbers depend on each other are another problem: `tied_fit`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, Generic, TypeVar

import numpy as np

from markerless.core.camera import Camera
from markerless.core.instance import FloatArray
from markerless.errors import CalibrationError
from markerless.multiview.lens_fit import Freedom, moved, projection
from markerless.multiview.scene import IndexArray, Scene

S = TypeVar("S", bound=Scene)

_SOFT = 1.35  # in expected errors: where the loss turns from square to linear; 95 % as efficient for normal errors
_CAREFUL = 0.782  # true variances over those by the weights of the loss, for normal errors: E w E u'u / (2 E du)^2
_WORST = 1e5  # largest residual in expected errors, without a slope: far off, or behind its camera
_ENOUGH = 1e-9  # a step that lowers the cost by a smaller share is the last one
_STUCK = 1e9  # damping at which no step helps


@dataclass(frozen=True)
class Sightings:
    """Which camera saw which point of which frame where.

    Attributes:
        camera: `(M,)` index of the camera.
        frame: `(M,)` index of the moment.
        point: `(M,)` index of the board's corner, or of the keypoint.
        xy: `(M, 2)` pixels of the camera's frame, finite.
        error_px: `(M,)` expected error (standard deviation of x, and of y), above 0.
    """

    camera: IndexArray
    frame: IndexArray
    point: IndexArray
    xy: FloatArray
    error_px: FloatArray

    def __post_init__(self) -> None:
        if not (np.isfinite(self.xy).all() and (self.error_px > 0).all()):
            raise CalibrationError("expected sightings of finite pixels with errors above 0 to adjust cameras to")

    def __len__(self) -> int:
        return len(self.camera)

    def only(self, which: np.ndarray) -> Sightings:
        """Those that `which (M,)`, a mask or indices, names."""
        return Sightings(self.camera[which], self.frame[which], self.point[which], self.xy[which], self.error_px[which])


@dataclass(frozen=True)
class Adjusted(Generic[S]):
    """Cameras and scene after the fit.

    Attributes:
        cameras: In the order given.
        scene: What they look at.
        off_px: `(M, 2)` seen minus projected, in pixels of the picture; NaN for a point behind its camera.
        covariance: For each camera `(n, n)`: of its free numbers, given the expected errors; pose first, then focal,
            center, distortion.
        joint: `(c, c)`: of the free numbers of all cameras, one after the other.
    """

    cameras: tuple[Camera, ...]
    scene: S
    off_px: FloatArray
    covariance: tuple[FloatArray, ...]
    joint: FloatArray

    @property
    def rms_px(self) -> float:
        """Root mean square distance of what was seen from what is projected, as OpenCV's `calibrateCamera` has it."""
        return float(np.sqrt(np.nanmean((self.off_px**2).sum(axis=-1))))


def adjust(
    cameras: Sequence[Camera], freedoms: Sequence[Freedom], scene: S, sightings: Sightings, steps: int = 100
) -> Adjusted[S]:
    """Move cameras and scene to where what was seen is explained best.

    World axes, and the scale where points are free, are not decided by sightings: hold a camera's pose to fix the
    axes; the scale stays near where it was.

    Args:
        cameras: With good starting values: a fit finds the nearest valley, not the deepest.
        freedoms: For each camera, what may change.
        scene: Boards or points; only what is sighted changes.
        sightings: What was seen.
        steps: At most this many steps.

    Raises:
        CalibrationError: nothing was sighted.
    """
    if not len(sightings):
        raise CalibrationError("expected sightings to adjust cameras to, got none")
    problem = Problem(tuple(cameras), tuple(freedoms), scene, sightings)
    at, damping = np.zeros(problem.size), 1e-3
    cost = problem.cost(at)
    for _ in range(steps):
        normal = problem.normal(at)
        before = cost
        while damping < _STUCK:
            tried = at + normal.step(damping)
            new = problem.cost(tried)
            if new < cost:
                at, cost, damping = tried, new, max(damping / 10, 1e-9)
                break
            damping *= 10
        if before - cost <= _ENOUGH * before:
            break
    return problem.after(at)


@dataclass(frozen=True)
class Normal:
    """The normal equations at a place, in unknowns scaled so that every block's own matrix is the unit matrix.

    Attributes:
        scaling: Sparse `(n, n)`, from scaled unknowns to true ones.
        cameras: `(c, c)` of the cameras' unknowns.
        across: `(c, n - c)` between cameras and scene; the scene's own is the unit matrix.
        slope: `(n,)` of the cost.
    """

    scaling: Any
    cameras: FloatArray
    across: FloatArray
    slope: FloatArray

    def step(self, damping: float) -> FloatArray:
        """The step `(n,)` to the minimum of the damped equations."""
        n = len(self.cameras)
        own, scene = self.slope[:n], self.slope[n:] / (1 + damping)
        reduced = self.cameras + damping * np.eye(n) - self.across @ self.across.T / (1 + damping)
        of_cameras = np.linalg.lstsq(reduced, self.across @ scene - own, rcond=None)[0]
        of_scene = -scene - self.across.T @ of_cameras / (1 + damping)
        step: FloatArray = self.scaling @ np.concatenate([of_cameras, of_scene])
        return step

    def covariance(self) -> FloatArray:
        """`(c, c)` of the cameras' unknowns, the scene's uncertainty included; 0 for what nothing decides."""
        n = len(self.cameras)
        own = self.scaling[:n, :n].toarray()
        inverse = np.linalg.pinv(self.cameras - self.across @ self.across.T, rcond=1e-10, hermitian=True)
        covariance: FloatArray = own @ inverse @ own.T * _CAREFUL
        return covariance

    def information(self) -> FloatArray:
        """`(c, c)`: inverse of the covariance of the cameras' unknowns."""
        n = len(self.cameras)
        back = np.linalg.pinv(self.scaling[:n, :n].toarray())
        information: FloatArray = back.T @ (self.cameras - self.across @ self.across.T) @ back / _CAREFUL
        return information


@dataclass(frozen=True)
class Problem(Generic[S]):
    """The fit as a vector of unknown steps: cameras first, then the sighted blocks of the scene."""

    cameras: tuple[Camera, ...]
    freedoms: tuple[Freedom, ...]
    scene: S
    sightings: Sightings

    @cached_property
    def blocks(self) -> tuple[IndexArray, IndexArray]:
        """The sighted blocks `(B,)` of the scene, and for each sighting `(M,)` its place among them."""
        named = self.scene.blocks(self.sightings.frame, self.sightings.point)
        found, place = np.unique(named, return_inverse=True)
        return found, place

    @cached_property
    def seen(self) -> FloatArray:
        """`(M, 2)`: what was seen, in pixels of the picture."""
        seen = np.empty_like(self.sightings.xy)
        for index, camera in enumerate(self.cameras):
            own = self.sightings.camera == index
            seen[own] = camera.to_picture.apply(self.sightings.xy[own])
        return seen

    @cached_property
    def edges(self) -> IndexArray:
        """Where the blocks of the unknowns begin, and where the last one ends."""
        sizes = [freedom.size for freedom in self.freedoms] + [self.scene.block_size] * len(self.blocks[0])
        return np.concatenate([[0], np.cumsum(sizes)]).astype(np.intp)

    @property
    def size(self) -> int:
        """How many unknowns."""
        return int(self.edges[-1])

    def residuals(self, steps: FloatArray) -> FloatArray:
        """`(2 M,)`: projected minus seen, in expected errors."""
        return self._bounded(self._project(steps)[0])[0].ravel()

    def jacobian(self, steps: FloatArray) -> Any:
        """The derivative of `residuals` by the unknowns, sparse `(2 M, size)`."""
        from scipy.sparse import csr_matrix

        projected, by_camera, by_block = self._project(steps)
        weight = (self._bounded(projected)[1] / self.sightings.error_px)[:, None, None]
        n_cameras = len(self.cameras)
        rows: list[Any] = []
        columns: list[Any] = []
        values: list[Any] = []
        for index in range(n_cameras):
            own = np.flatnonzero(self.sightings.camera == index)
            self._put(
                own, self.edges[[index]].repeat(len(own)), by_camera[index] * weight[own], (rows, columns, values)
            )
        every = np.arange(len(self.sightings))
        self._put(every, self.edges[n_cameras + self.blocks[1]], by_block * weight, (rows, columns, values))
        data = np.nan_to_num(np.concatenate(values))
        shape = (2 * len(self.sightings), self.size)
        return csr_matrix((data, (np.concatenate(rows), np.concatenate(columns))), shape=shape)

    def cost(self, steps: FloatArray) -> float:
        """The robust sum of squares, in expected errors."""
        square = (self.residuals(steps).reshape(-1, 2) ** 2).sum(axis=1)
        return float(2 * _SOFT**2 * (np.sqrt(1 + square / _SOFT**2) - 1).sum())

    def normal(self, steps: FloatArray) -> Normal:
        """The normal equations there, each sighting weighted as the robust loss weights it."""
        residuals = self.residuals(steps)
        square = (residuals.reshape(-1, 2) ** 2).sum(axis=1)
        weight = 1 / np.sqrt(1 + square / _SOFT**2)
        scaling = self._scaling(steps, weight)
        root = np.repeat(np.sqrt(weight), 2)
        scaled = self.jacobian(steps).multiply(root[:, None]).tocsr() @ scaling
        split = self.edges[len(self.cameras)]
        of_cameras, of_scene = scaled[:, :split], scaled[:, split:]
        return Normal(
            scaling,
            (of_cameras.T @ of_cameras).toarray(),
            (of_cameras.T @ of_scene).toarray(),
            scaled.T @ (root * residuals),
        )

    def _scaling(self, steps: FloatArray, weight: FloatArray) -> Any:
        """Block-diagonal sparse `S (size, size)`: every block of `(J S).T @ W @ J S` is the unit matrix."""
        from scipy.sparse import block_diag

        projected, by_camera, by_block = self._project(steps)
        root = np.sqrt(weight) * self._bounded(projected)[1] / self.sightings.error_px
        n, size = len(self.blocks[0]), self.scene.block_size
        of_scene = np.zeros((n, size, size))
        part = np.nan_to_num(by_block * root[:, None, None])
        np.add.at(of_scene, self.blocks[1], part.transpose(0, 2, 1) @ part)
        of_cameras = []
        for index, by_step in enumerate(by_camera):
            part = np.nan_to_num(by_step * root[self.sightings.camera == index, None, None])
            of_cameras.append(np.einsum("mia,mib->ab", part, part)[None])
        return block_diag([_inverse_roots(normal)[0] for normal in of_cameras] + list(_inverse_roots(of_scene)), "csr")

    def after(self, steps: FloatArray) -> Adjusted[S]:
        """Cameras and scene after the steps."""
        edges, n_cameras = self.edges, len(self.cameras)
        parts = [steps[edges[i] : edges[i + 1]] for i in range(n_cameras)]
        cameras = tuple(moved(*each) for each in zip(self.cameras, self.freedoms, parts, strict=True))
        blocks = steps[edges[n_cameras] :].reshape(-1, self.scene.block_size)
        off = self.seen - self._project(steps)[0]
        scene = self.scene.moved(self.blocks[0], blocks)
        covariance = self.normal(steps).covariance()
        of_each = tuple(covariance[a:b, a:b] for a, b in pairwise(edges[: n_cameras + 1]))
        return Adjusted(cameras, scene, off, of_each, covariance)

    def _project(self, steps: FloatArray) -> tuple[FloatArray, list[FloatArray], FloatArray]:
        sightings, n_cameras = self.sightings, len(self.cameras)
        of_scene = steps[self.edges[n_cameras] :].reshape(-1, self.scene.block_size)[self.blocks[1]]
        points, slope = self.scene.points(sightings.frame, sightings.point, of_scene)
        projected = np.empty((len(sightings), 2))
        by_block = np.empty((len(sightings), 2, self.scene.block_size))
        by_camera = []
        for index, (camera, freedom) in enumerate(zip(self.cameras, self.freedoms, strict=True)):
            own = sightings.camera == index
            step = steps[self.edges[index] : self.edges[index + 1]]
            projected[own], by_point, by_step = projection(camera, freedom, step, points[own])
            by_block[own] = by_point @ slope[own]
            by_camera.append(by_step)
        return projected, by_camera, by_block

    def _bounded(self, projected: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Residuals `(M, 2)` in expected errors, none worse than `_WORST`, and `(M,)`: 0 for those, 1 for the others.

        Without the bound a point near the plane of a camera would hold up every step, and the others with it.
        """
        off = (projected - self.seen) / self.sightings.error_px[:, None]
        size = np.linalg.norm(off, axis=1)
        good = size < _WORST
        return np.where(good[:, None], off, _WORST / np.sqrt(2)), good.astype(np.float64)

    @staticmethod
    def _put(
        sighting: IndexArray, first: IndexArray, values: FloatArray, into: tuple[list[Any], list[Any], list[Any]]
    ) -> None:
        """Append values `(m, 2, n)` of sightings `(m,)` whose block begins at column `first (m,)`."""
        row = 2 * sighting[:, None, None] + np.arange(2)[:, None]
        column = first[:, None, None] + np.arange(values.shape[2])
        for array, kept in zip((row, column, values), into, strict=True):
            kept.append(np.broadcast_to(array, values.shape).ravel())


def _inverse_roots(normal: FloatArray) -> FloatArray:
    """Matrices `S (B, n, n)` with `S.T @ A @ S` the unit matrix for normal matrices `A (B, n, n)`.

    Directions that nothing decides (0 within rounding) become 0, so that they stay where they are.
    """
    size = np.sqrt(np.einsum("bii->bi", normal))
    per_size = np.divide(1.0, size, out=np.zeros_like(size), where=size > 0)
    values, vectors = np.linalg.eigh(normal * per_size[:, :, None] * per_size[:, None, :])
    decided = values > 1e-12
    root = np.where(decided, 1 / np.sqrt(np.where(decided, values, 1.0)), 0.0)
    scaled: FloatArray = per_size[:, :, None] * vectors * root[:, None, :]
    return scaled
