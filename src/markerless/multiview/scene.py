"""What cameras look at when they are adjusted: points that are free in space, or rigid boards that move as a whole.

Both offer the same to `bundle`: blocks of numbers (3 for a point, 6 for a board), the points they stand for with their
derivatives, and the scene after a step.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol, Self

import numpy as np
import numpy.typing as npt

from markerless.core.instance import FloatArray
from markerless.multiview.rotation import cross_matrix, matrix_of, turning

IndexArray = npt.NDArray[np.intp]


class Scene(Protocol):
    """Points `(frame, point)` in world axes that a few numbers decide."""

    @property
    def block_size(self) -> int:
        """Numbers of a block."""
        ...

    def blocks(self, frame: IndexArray, point: IndexArray) -> IndexArray:
        """`(M,)`: which block each point belongs to."""
        ...

    def points(self, frame: IndexArray, point: IndexArray, steps: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Points `(M, 3)` after `steps` and their derivative `(M, 3, block_size)` by the step of their block.

        Args:
            frame: `(M,)` indices.
            point: `(M,)` indices.
            steps: `(M, block_size)`, for each point the step of its block.
        """
        ...

    def moved(self, block: IndexArray, steps: FloatArray) -> Self:
        """The scene with the blocks `(B,)` moved by `steps (B, block_size)`."""
        ...


@dataclass(frozen=True)
class FreePoints:
    """Points that are free of each other: the keypoints of an animal.

    Attributes:
        xyz: `(F, P, 3)` in world axes; NaN where a point is not known, and then it must not be sighted.
    """

    xyz: FloatArray
    block_size: int = 3

    def blocks(self, frame: IndexArray, point: IndexArray) -> IndexArray:
        return frame * self.xyz.shape[1] + point

    def points(self, frame: IndexArray, point: IndexArray, steps: FloatArray) -> tuple[FloatArray, FloatArray]:
        return self.xyz[frame, point] + steps, np.broadcast_to(np.eye(3), (len(frame), 3, 3))

    def moved(self, block: IndexArray, steps: FloatArray) -> FreePoints:
        flat = self.xyz.reshape(-1, 3).copy()
        flat[block] += steps
        return replace(self, xyz=flat.reshape(self.xyz.shape))


@dataclass(frozen=True)
class RigidBoards:
    """One board of known shape, at another place in every frame.

    Attributes:
        shape: `(P, 3)` points of the board in its own axes.
        rotation: `(F, 3, 3)` from the board's to world axes; NaN where not known, and then it must not be sighted.
        translation: `(F, 3)`: `x_world = rotation @ x_board + translation`.
    """

    shape: FloatArray
    rotation: FloatArray
    translation: FloatArray
    block_size: int = 6

    def blocks(self, frame: IndexArray, point: IndexArray) -> IndexArray:
        return frame

    def points(self, frame: IndexArray, point: IndexArray, steps: FloatArray) -> tuple[FloatArray, FloatArray]:
        arms = np.einsum("mij,mj->mi", self.rotation[frame], self.shape[point])
        turned = np.einsum("mij,mj->mi", matrix_of(steps[:, :3]), arms)
        slope = np.empty((len(frame), 3, 6))
        slope[..., :3] = -cross_matrix(turned) @ turning(steps[:, :3])
        slope[..., 3:] = np.eye(3)
        return turned + self.translation[frame] + steps[:, 3:], slope

    def moved(self, block: IndexArray, steps: FloatArray) -> RigidBoards:
        rotation, translation = self.rotation.copy(), self.translation.copy()
        rotation[block] = matrix_of(steps[:, :3]) @ rotation[block]
        translation[block] += steps[:, 3:]
        return replace(self, rotation=rotation, translation=translation)
