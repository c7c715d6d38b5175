"""A made video: a mouse in a used cage, with the exact place of every keypoint in every frame.

It is what the demo studies and what tests measure against: frames are drawn on demand, the same for the same seed.

    scene = Scene(seed=1, size=(480, 360), n_frames=600)
    image, xy = scene.frame(0)
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from markerless.core.instance import FloatArray
from markerless.synthetic.ground import Float32, light_field, make_ground
from markerless.synthetic.motion import Arena, simulate
from markerless.synthetic.mouse import COATS, SKELETON, Mouse, Patch, Pose

ANIMAL_SHARE = 0.27  # of the shorter side of the image: snout to tail base

__all__ = ["COATS", "SKELETON", "Look", "Scene"]


@dataclass(frozen=True)
class Look:
    """How hard a scene is to look at.

    Attributes:
        coat: A name of `COATS`; None lets the seed choose.
        clutter: 0 bare floor, 1 as in a used cage.
        noise: Deviation of the sensor's noise in gray levels of 255, at mid-gray.
        blur_px: Gaussian blur of the lens, pixels.
    """

    coat: str | None = None
    clutter: float = 1.0
    noise: float = 3.0
    blur_px: float = 0.6


class Scene:
    """A made video of one mouse with known truth.

    Args:
        seed: Decides everything that happens and how it looks.
        size: Width and height in pixels.
        n_frames: Number of frames.
        fps: Frames per second.
        look: Coat, clutter, noise and blur.
    """

    skeleton = SKELETON

    def __init__(
        self,
        seed: int,
        size: tuple[int, int] = (480, 360),
        n_frames: int = 600,
        fps: float = 25.0,
        look: Look | None = None,
    ) -> None:
        self.size, self.n_frames, self.fps, self._seed = size, n_frames, fps, seed
        self._look = look or Look()
        length = ANIMAL_SHARE * min(size)
        self._ground = make_ground(np.random.default_rng([seed, 1]), size, self._look.clutter)
        arena = Arena(self._ground.box, self._ground.obstacles)
        self._motion = simulate(np.random.default_rng([seed, 2]), n_frames, fps, length, arena)
        rng = np.random.default_rng([seed, 3])
        coat = self._look.coat or str(rng.choice(["agouti", "black", "gray"]))
        self._mouse = Mouse(rng, length, coat)
        self._phases = rng.uniform(0, 2 * np.pi, 4)
        # One large sheet of noise, cut elsewhere for every frame: drawing new noise would take most of the time.
        self._noise = rng.standard_normal((size[1] + 64, size[0] + 64, 3)).astype(np.float32)

    def __len__(self) -> int:
        return self.n_frames

    def truth(self) -> FloatArray:
        """`(T, K, 2)` px: the keypoints of every frame, (0, 0) the center of the top-left pixel; never NaN."""
        return np.stack([self._mouse.keypoints(self._pose(i)) for i in range(self.n_frames)])

    def frame(self, i: int) -> tuple[npt.NDArray[np.uint8], FloatArray]:
        """Frame `i` as `(H, W, 3)` uint8 RGB, and its keypoints `(K, 2)` px.

        Raises:
            IndexError: there is no such frame.
        """
        if not 0 <= i < self.n_frames:
            raise IndexError(f"frame {i} of a scene of {self.n_frames}")
        pose = self._pose(i)
        time_s = i / self.fps
        angle = -2.15 + 0.5 * np.sin(0.21 * time_s + self._phases[0])
        light = (float(np.cos(angle)), float(np.sin(angle)))
        image = self._ground.albedo.copy()
        patch = self._mouse.draw(pose, light)
        _cast_shadow(image, patch, light, self._mouse.length * (1 + 0.5 * pose.rear))
        _paste(image, patch)
        image *= light_field(self.size, time_s, self._phases)[..., None]
        return self._camera(image, i), self._mouse.keypoints(pose)

    def _pose(self, i: int) -> Pose:
        motion = self._motion
        return Pose(
            motion.spine[i], motion.tail[i], float(motion.rear[i]), float(motion.gait[i]), float(motion.breath[i])
        )

    def _camera(self, image: Float32, i: int) -> npt.NDArray[np.uint8]:
        """Blur, noise that grows with brightness, and rounding to eight bits."""
        if self._look.blur_px > 0:
            image = np.asarray(cv2.GaussianBlur(image, (0, 0), self._look.blur_px), np.float32)
        if self._look.noise > 0:
            width, height = self.size
            rng = np.random.default_rng([self._seed, 4, i])
            top, left = rng.integers(0, 64, 2)
            sheet = self._noise[top : top + height, left : left + width]
            image = image + sheet * (self._look.noise * (0.55 + image * np.float32(0.45 / 128)))
        rounded: npt.NDArray[np.uint8] = np.clip(image + np.float32(0.5), 0, 255).astype(np.uint8)
        return rounded


def _cast_shadow(image: Float32, patch: Patch, light: tuple[float, float], length: float) -> None:
    """Darken the floor under the animal, and beside it away from the lamp."""
    shift = np.array([[1, 0, -0.075 * length * light[0]], [0, 1, -0.075 * length * light[1]]])
    size = patch.alpha.shape[::-1]
    cast = cv2.GaussianBlur(cv2.warpAffine(patch.alpha, shift, size), (0, 0), 0.035 * length)
    contact = cv2.GaussianBlur(patch.alpha, (0, 0), 0.02 * length)
    darkening = 1 - 0.5 * cast - 0.28 * contact * (1 - cast)
    rows, columns, own_rows, own_columns = _overlap(image, patch)
    image[rows, columns] *= darkening[own_rows, own_columns, None]


def _paste(image: Float32, patch: Patch) -> None:
    rows, columns, own_rows, own_columns = _overlap(image, patch)
    image[rows, columns] *= 1 - patch.alpha[own_rows, own_columns, None]
    image[rows, columns] += patch.color[own_rows, own_columns]


def _overlap(image: Float32, patch: Patch) -> tuple[slice, slice, slice, slice]:
    """Rows and columns of the image that the patch covers, and the same of the patch."""
    top, left = max(0, patch.top), max(0, patch.left)
    bottom = max(top, min(image.shape[0], patch.top + patch.alpha.shape[0]))
    right = max(left, min(image.shape[1], patch.left + patch.alpha.shape[1]))
    own_rows, own_columns = slice(top - patch.top, bottom - patch.top), slice(left - patch.left, right - patch.left)
    return slice(top, bottom), slice(left, right), own_rows, own_columns
