"""Pictures of calibration boards with exactly known corners: what a camera with any lens sees of a board in space."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from markerless.core.camera import Camera
from markerless.core.instance import FloatArray
from markerless.multiview.board_print import page_mm, picture
from markerless.multiview.boards import Board

_PER_MM = 6.0  # pixels of the printed page a millimeter
_TABLE = 150.0  # gray value around the board
_PAPER, _INK = 225.0, 30.0


@dataclass(frozen=True)
class BoardScene:
    """A board in front of a camera.

    Attributes:
        board: What is printed.
        camera: Standing anywhere.
        fineness: Rays across and down a pixel.
        blur_px: Standard deviation of the lens's blur.
        noise: Standard deviation of the sensor's noise, in gray values.
    """

    board: Board
    camera: Camera
    fineness: int = 3
    blur_px: float = 0.6
    noise: float = 2.0

    def corners(self, rotation: FloatArray, translation: FloatArray) -> FloatArray:
        """`(n_corners, 2)`: where the corners truly are in the picture of a board at that place in world axes."""
        return self.camera.project(self.board.points @ rotation.T + translation)

    def gray(self, rotation: FloatArray, translation: FloatArray, seed: int = 0) -> npt.NDArray[np.uint8]:
        """The picture `(H, W)` of a board at that place in world axes."""
        import cv2

        turn = self.camera.rotation @ rotation
        way = self.camera.rotation @ translation + self.camera.translation
        # rays meet the board's plane where (page to camera) inverse says; the page begins two squares before the corner
        plane = np.stack([turn[:, 0], turn[:, 1], way], axis=1)
        on_plane = self._rays @ np.linalg.inv(plane).T
        with np.errstate(invalid="ignore", divide="ignore"):
            mm = on_plane[..., :2] / on_plane[..., 2:] + 2 * self.board.square_mm
            mm[on_plane[..., 2] <= 0] = np.nan
        width, height = page_mm(self.board)
        inside = (mm >= 0).all(axis=-1) & (mm[..., 0] < width) & (mm[..., 1] < height)
        at = np.where(inside[..., None], mm * _PER_MM - 0.5, -10).astype(np.float32)
        ink = cv2.remap(self._page, at[..., 0], at[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE) / 255.0
        shown = np.where(inside, _INK + (_PAPER - _INK) * ink, _TABLE)
        n = self.fineness
        height_px, width_px = shown.shape[0] // n, shown.shape[1] // n
        shown = shown.reshape(height_px, n, width_px, n).mean(axis=(1, 3))
        shown = cv2.GaussianBlur(shown, (0, 0), self.blur_px) if self.blur_px else shown
        shown = shown + np.random.default_rng(seed).normal(0, self.noise, shown.shape)
        return np.clip(np.rint(shown), 0, 255).astype(np.uint8)

    @cached_property
    def _page(self) -> npt.NDArray[np.uint8]:
        return picture(self.board, _PER_MM)

    @cached_property
    def _rays(self) -> FloatArray:
        """`(n H, n W, 3)`: directions in camera axes, evenly in every pixel."""
        width, height = self.camera.size
        x, y = ((np.arange(side * self.fineness) + 0.5) / self.fineness - 0.5 for side in (width, height))
        flat = replace(self.camera, region=None, mirrored=False).rays(np.stack(np.meshgrid(x, y), axis=-1))
        return np.concatenate([flat, np.ones((*flat.shape[:2], 1))], axis=-1)
