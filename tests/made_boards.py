"""Pictures of a printed board as cameras of known truth see it."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from markerless.core.camera import Camera
from markerless.core.instance import FloatArray
from markerless.multiview.board_print import picture
from markerless.multiview.boards import Board
from markerless.multiview.rotation import matrix_of
from markerless.multiview.scene import RigidBoards

SIZE = (640, 480)
_PER_MM = 4.0
_BACKGROUND = 90


def pair() -> tuple[Camera, Camera]:
    """Two cameras 120 mm apart that look at a place half a meter before them; the first is the world."""
    matrix = np.array([[700.0, 0, 322.0], [0, 700.0, 236.0], [0, 0, 1]])
    lens = np.array([-0.2, 0.05])
    turn = matrix_of([0.0, 0.22, 0.0])
    right = Camera("right", SIZE, matrix * [[1.02, 1, 1], [1, 1.02, 1], [1, 1, 1]], lens, turn, -turn @ [120.0, 0, 0])
    return Camera("left", SIZE, matrix, lens, np.eye(3), np.zeros(3)), right


def shown(board: Board, n: int, seed: int = 0) -> RigidBoards:
    """The board at `n` places before `pair`, tilted at random, seen by both."""
    rng = np.random.default_rng(seed)
    rotation = matrix_of(rng.uniform(-1, 1, (n, 3)) * [0.5, 0.5, 0.3])
    middle = rng.uniform(-1, 1, (n, 3)) * [70, 60, 60] + [10, 0, 520]
    return RigidBoards(board.points, rotation, middle - rotation @ board.points.mean(axis=0))


def photograph(board: Board, camera: Camera, boards: RigidBoards) -> list[npt.NDArray[np.uint8]]:
    """Gray pictures `(H, W)`, one of each place: every pixel's ray is followed to the paper."""
    page = np.asarray(cv2.GaussianBlur(picture(board, _PER_MM), (0, 0), 1.3), dtype=np.uint8)
    width, height = camera.size
    y, x = np.mgrid[:height, :width]
    rays = np.dstack([camera.rays(np.dstack([x, y])), np.ones((height, width))]) @ camera.rotation  # to world axes
    poses = zip(boards.rotation, boards.translation, strict=True)
    return [_seen(page, board, camera.center, rays, pose) for pose in poses]


def _seen(
    page: npt.NDArray[np.uint8], board: Board, center: FloatArray, rays: FloatArray, pose: tuple[FloatArray, FloatArray]
) -> npt.NDArray[np.uint8]:
    rotation, translation = pose
    normal = rotation[:, 2]
    way = (normal @ (translation - center)) / (rays @ normal)
    on_board = (center + rays * way[..., None] - translation) @ rotation
    # the page begins two squares before the first inner corner
    at = ((on_board[..., :2] + 2 * board.square_mm) * _PER_MM - 0.5).astype(np.float32)
    x, y = np.ascontiguousarray(at[..., 0]), np.ascontiguousarray(at[..., 1])
    found = cv2.remap(page, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=_BACKGROUND)
    return np.asarray(found, dtype=np.uint8)
