"""A made mouse before several made cameras, with the exact place of every keypoint in space and in every picture.

    scene = ManyViews(seed=3, n_frames=120)
    image, xy, seen = scene.frame(camera=0, i=7)
    truth = scene.truth()                          # (T, K, 3) mm

Every ray of a picture is cut with the balls of `solid_mouse`; the nearest one is drawn, lit by a lamp above.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from markerless.core.camera import Calibration, Camera
from markerless.core.instance import FloatArray
from markerless.multiview.boards import Board
from markerless.multiview.rotation import matrix_of
from markerless.synthetic.board import BoardScene
from markerless.synthetic.ground import Float32, make_ground
from markerless.synthetic.solid_mouse import SKELETON, Balls, SolidMouse

CAMERAS = ("north", "east", "south", "west")
FLOOR_MM = (320.0, 260.0)

_TEXTURE_PER_MM = 3.0
_FINENESS = 2  # rays across and down a pixel
_AROUND = (92.0, 95.0, 98.0)  # RGB beside the floor
_LAMP = np.array([0.35, -0.25, 0.9]) / np.linalg.norm([0.35, -0.25, 0.9])
_AMBIENT = 0.45
_SHADOW = 0.45
_HIDDEN_MM = 3.0  # what is so much nearer than a keypoint hides it
_BOARD_MM, _BOARD_UP_MM = 80.0, (15.0, 100.0)  # how far from the middle, and how high, a board is held


@dataclass(frozen=True)
class Seen:
    """One picture.

    Attributes:
        image: `(H, W, 3)` uint8 RGB.
        xy: `(K, 2)` px: where the keypoints are in it, hidden or not.
        visible: `(K,)` whether they are in the picture and nothing is before them.
    """

    image: npt.NDArray[np.uint8]
    xy: FloatArray
    visible: npt.NDArray[np.bool_]


def rig(size: tuple[int, int] = (320, 256), names: tuple[str, ...] = CAMERAS) -> Calibration:
    """Cameras around the floor that look at its middle from above, each a little differently, with bent lenses."""
    cameras = []
    for index, name in enumerate(names):
        angle = 2 * np.pi * (index + 0.32) / len(names)
        around = 430.0 + 25 * (index % 2)
        place = np.array([around * np.cos(angle), around * np.sin(angle), 400.0 + 30 * ((index + 1) % 3)])
        forward = -place / np.linalg.norm(place)
        right = np.cross(forward, [0.0, 0.0, 1.0])
        right /= np.linalg.norm(right)
        rotation = np.stack([right, np.cross(forward, right), forward])
        focal = size[0] * (1.7 + 0.03 * index)
        matrix = np.array([[focal, 0, size[0] / 2 + 2.0 * index], [0, focal, size[1] / 2 - 3.0], [0, 0, 1]])
        lens = np.array([-0.16 + 0.01 * index, 0.04, 3e-4, -2e-4])
        cameras.append(Camera(name, size, matrix, lens, rotation, -rotation @ place))
    return Calibration(tuple(cameras), "mm")


class ManyViews:
    """A video of each of several cameras, of one mouse with known truth.

    Args:
        seed: Decides where the mouse goes and how the floor looks.
        n_frames: Number of frames.
        fps: Frames a second.
        calibration: The cameras; None takes `rig()`.
        coat: A name of `COATS`.
    """

    skeleton = SKELETON

    def __init__(
        self,
        seed: int,
        n_frames: int = 120,
        fps: float = 25.0,
        calibration: Calibration | None = None,
        coat: str = "black",
    ) -> None:
        self.n_frames, self.fps, self._seed = n_frames, fps, seed
        self.calibration = calibration or rig()
        self._mouse = SolidMouse(seed, n_frames, fps, (FLOOR_MM[0] - 24, FLOOR_MM[1] - 24), coat)
        size = (round(FLOOR_MM[0] * _TEXTURE_PER_MM), round(FLOOR_MM[1] * _TEXTURE_PER_MM))
        texture = make_ground(np.random.default_rng([seed, 1]), size, 0.0).albedo
        self._grounds = [_ground(camera, texture) for camera in self.calibration.cameras]
        self._rays = [_rays(camera) for camera in self.calibration.cameras]

    def __len__(self) -> int:
        return self.n_frames

    def truth(self) -> FloatArray:
        """`(T, K, 3)` mm: the keypoints of every frame, never NaN; the floor is z = 0, up is z."""
        return self._mouse.truth()

    def frame(self, camera: int, i: int) -> Seen:
        """What a camera sees in frame `i`.

        Raises:
            IndexError: there is no such frame.
        """
        if not 0 <= i < self.n_frames:
            raise IndexError(f"frame {i} of a scene of {self.n_frames}")
        eye, balls = self.calibration.cameras[camera], self._mouse.balls(i)
        image = self._grounds[camera] * _shadow(eye, balls)[..., None]
        depth = _draw(image, eye, self._rays[camera], balls)
        noise = np.random.default_rng([self._seed, 4, camera, i]).normal(0, 2.5, image.shape)
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), 0.5), np.float32) + noise.astype(np.float32)
        chosen = list(balls.keypoint)
        xy = eye.project(balls.center[chosen])
        front = np.linalg.norm(eye.to_camera(balls.center[chosen]), axis=-1) - balls.radius[chosen]
        return Seen(np.clip(np.rint(image), 0, 255).astype(np.uint8), xy, _visible(depth, xy, front, eye.size))


def board_places(n: int, board: Board, seed: int = 0) -> tuple[FloatArray, FloatArray]:
    """Rotations `(n, 3, 3)` and translations `(n, 3)` of a board waved over the floor, its print mostly up.

    The first lies on the floor.
    """
    rng = np.random.default_rng([seed, 6])
    turn = rng.uniform(-1, 1, (n, 3)) * [0.5, 0.5, np.pi]
    middle = np.column_stack([rng.uniform(-_BOARD_MM, _BOARD_MM, (n, 2)), rng.uniform(*_BOARD_UP_MM, n)])
    turn[0], middle[0] = [0.0, 0.0, 0.4], [10.0, -5.0, 0.0]
    rotation = matrix_of(turn) @ np.diag([1.0, -1.0, -1.0])  # a board's z goes into the paper
    return rotation, middle - rotation @ board.points.mean(axis=0)


def board_pictures(board: Board, camera: Camera, n: int, seed: int = 0) -> list[npt.NDArray[np.uint8]]:
    """Gray pictures `(H, W)` of the board at `board_places`."""
    scene = BoardScene(board, camera)
    return [
        scene.gray(turn, way, seed=k) for k, (turn, way) in enumerate(zip(*board_places(n, board, seed), strict=True))
    ]


def _rays(camera: Camera) -> Float32:
    """`(n H, n W, 3)`: directions of length 1 in camera axes, evenly in every pixel."""
    width, height = camera.size
    x, y = ((np.arange(side * _FINENESS) + 0.5) / _FINENESS - 0.5 for side in (width, height))
    flat = replace(camera, region=None, mirrored=False).rays(np.stack(np.meshgrid(x, y), axis=-1))
    rays = np.concatenate([flat, np.ones((*flat.shape[:2], 1))], axis=-1)
    return np.asarray(rays / np.linalg.norm(rays, axis=-1, keepdims=True), np.float32)


def _ground(camera: Camera, texture: Float32) -> Float32:
    """`(H, W, 3)`: the floor without an animal."""
    rays = _rays(camera) @ camera.rotation.astype(np.float32)  # in world axes
    center = camera.center
    on_floor = center[:2] - rays[..., :2] / rays[..., 2:] * center[2]
    at = ((on_floor * [1, -1] + np.array(FLOOR_MM) / 2) * _TEXTURE_PER_MM - 0.5).astype(np.float32)
    look = cv2.remap(
        texture,
        at[..., 0].copy(),
        at[..., 1].copy(),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=_AROUND,
    )
    return np.asarray(cv2.resize(look, camera.size, interpolation=cv2.INTER_AREA), np.float32)


def _shadow(camera: Camera, balls: Balls) -> Float32:
    """`(H, W)` brightness factor: the animal's shadow on the floor, a little beside it."""
    mask = np.zeros(camera.size[::-1], np.uint8)
    circle = np.linspace(0, 2 * np.pi, 16, endpoint=False)
    ring = np.stack([np.cos(circle), np.sin(circle), 0 * circle], axis=-1)
    slant = _LAMP[:2] / _LAMP[2]
    for center, radius in zip(balls.center, balls.radius, strict=True):
        foot = np.array([*(center[:2] - slant * max(center[2] - 4.0, 0.0)), 0.0])
        outline = camera.project(foot + ring * radius * 1.05)
        cv2.fillPoly(mask, [np.round(outline * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    soft = cv2.GaussianBlur(mask, (0, 0), 2.0).astype(np.float32) / 255
    return np.asarray(1 - _SHADOW * soft, np.float32)


def _draw(image: Float32, camera: Camera, rays: Float32, balls: Balls) -> Float32:
    """Draw the animal into the picture; returns `(n H, n W)` the distance of what each ray meets, infinite for none."""
    centers = camera.to_camera(balls.center)
    depth = np.full(rays.shape[:2], np.inf, np.float32)
    which = np.full(rays.shape[:2], -1, np.intp)
    pixel = (camera.project(balls.center) + 0.5) * _FINENESS - 0.5
    reach = balls.radius / centers[:, 2] * camera.matrix[0, 0] * _FINENESS * 1.25 + 2
    for k, (center, radius) in enumerate(zip(centers, balls.radius, strict=True)):
        left, top = np.maximum(np.floor(pixel[k] - reach[k]), 0).astype(int)
        right, bottom = np.ceil(pixel[k] + reach[k]).astype(int) + 1
        if right <= 0 or bottom <= 0:
            continue
        rows, columns = slice(top, bottom), slice(left, right)
        along = rays[rows, columns] @ center.astype(np.float32)
        inside = np.float32(radius**2 - center @ center) + along**2  # squared half chord
        near = along - np.sqrt(np.maximum(inside, 0))
        closer = (inside > 0) & (near < depth[rows, columns])
        depth[rows, columns][closer] = near[closer]
        which[rows, columns][closer] = k
    hit = which >= 0
    if hit.any():
        _paint(image, camera, (rays, depth, which), balls)
    return depth


def _paint(image: Float32, camera: Camera, hits: tuple[Float32, Float32, npt.NDArray[np.intp]], balls: Balls) -> None:
    """Color what the rays hit, and lay it over the picture."""
    rays, depth, which = hits
    rows, columns = np.nonzero(which >= 0)
    edge = [(int(a.min()) // _FINENESS, int(a.max()) // _FINENESS + 1) for a in (rows, columns)]
    (top, bottom), (left, right) = edge
    part = (slice(top * _FINENESS, bottom * _FINENESS), slice(left * _FINENESS, right * _FINENESS))
    own, hit = which[part], which[part] >= 0
    place = rays[part][hit] * depth[part][hit][:, None]
    normal = (place - camera.to_camera(balls.center)[own[hit]]) / balls.radius[own[hit]][:, None] @ camera.rotation
    up = np.clip(normal[:, 2:], 0, 1)
    light = _AMBIENT + (1 - _AMBIENT) * np.clip(normal @ _LAMP, 0, 1)
    color = np.zeros((*own.shape, 4), np.float32)
    color[hit, :3] = (balls.flank[own[hit]] * (1 - up) + balls.back[own[hit]] * up) * light[:, None] * 1.15
    color[hit, 3] = 1
    small = color.reshape(bottom - top, _FINENESS, right - left, _FINENESS, 4).mean(axis=(1, 3))
    image[top:bottom, left:right] *= 1 - small[..., 3:]
    image[top:bottom, left:right] += small[..., :3]


def _visible(depth: Float32, xy: FloatArray, front: FloatArray, size: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """Whether the ray through each keypoint meets its ball, and nothing that is clearly nearer than its front."""
    seen = np.zeros(len(xy), dtype=bool)
    for k, place in enumerate(xy):
        column, row = np.floor((place + 0.5) * _FINENESS).astype(int) if np.isfinite(place).all() else (-1, -1)
        if 0 <= column < size[0] * _FINENESS and 0 <= row < size[1] * _FINENESS:
            seen[k] = depth[row, column] > front[k] - _HIDDEN_MM
    return seen
