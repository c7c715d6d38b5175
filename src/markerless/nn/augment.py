"""Random views of a labeled frame: one `Affine` for the geometry, then light, noise and blur.

Nothing here knows of networks; all randomness comes from the generator that is passed in.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from markerless.core.affine import Affine
from markerless.core.instance import FloatArray
from markerless.runtime.engine import FILL

NEAR_DEG, NEAR_SHARE = 20.0, 0.5  # half of the views of an animal that turns are turned by less than this

Image = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Geometry:
    """How far views may differ from the frame.

    Attributes:
        rotation_deg: Largest rotation; 180 covers the circle. See `draw_rotation_deg`.
        scale: Scale factors are drawn from 1 / scale to scale, evenly in the logarithm.
        flip: Whether half of the views are mirrored.
    """

    rotation_deg: float
    scale: float
    flip: bool


def draw_affine(
    center: FloatArray, size: tuple[int, int], geometry: Geometry, rng: np.random.Generator
) -> tuple[Affine, bool]:
    """A map from the frame to a view of `size` (width, height) in whose middle `center` lies.

    Args:
        center: `(2,)` pixels of the frame.
        size: Width and height of the view in pixels.
        geometry: Limits of rotation, scale and flip.
        rng: Source of chance.

    Returns:
        The map, and whether it mirrors (then left and right keypoints change places).
    """
    width, height = size
    angle = np.deg2rad(draw_rotation_deg(geometry.rotation_deg, rng))
    scale = np.exp(rng.uniform(-1, 1) * np.log(geometry.scale))
    mirrored = bool(geometry.flip and rng.random() < 0.5)
    middle = ((width - 1) / 2, (height - 1) / 2)
    affine = Affine.crop(center[0] - middle[0], center[1] - middle[1])
    if mirrored:
        affine = affine.then(Affine.mirror(width))
    zoom = Affine.crop(*middle).then(Affine(np.diag([scale, scale, 1.0]))).then(Affine.crop(-middle[0], -middle[1]))
    return affine.then(Affine.rotation(angle, middle)).then(zoom), mirrored


def draw_rotation_deg(largest: float, rng: np.random.Generator) -> float:
    """A rotation between -largest and largest degrees.

    Where the animal turns (largest beyond 40), half of the draws stay within 20 degrees: frames look most like
    themselves, and a network that only sees turned ones needs twice as long to place the points as well.
    """
    draw = rng.uniform(-1, 1)
    if largest <= 2 * NEAR_DEG:
        return float(draw * largest)
    if abs(draw) < NEAR_SHARE:
        return float(draw / NEAR_SHARE * NEAR_DEG)
    beyond = (abs(draw) - NEAR_SHARE) / (1 - NEAR_SHARE)
    return float(np.sign(draw) * (NEAR_DEG + beyond * (largest - NEAR_DEG)))


def warp(image: Image, affine: Affine, size: tuple[int, int]) -> Image:
    """The view of `image` `(H, W, 3)` under `affine`, `size` (width, height), outside filled with gray."""
    view = cv2.warpAffine(
        image, affine.matrix[:2], size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=(FILL,) * 3
    )
    return np.asarray(view, dtype=np.uint8)


def jitter_light(image: Image, rng: np.random.Generator) -> Image:
    """Brightness, contrast, gamma and color balance, as one lookup table per channel; sometimes blur and noise."""
    gain = np.exp(rng.uniform(-0.35, 0.35)) * np.exp(rng.uniform(-0.06, 0.06, 3))
    shift = rng.uniform(-30, 30)
    gamma = np.exp(rng.uniform(-0.25, 0.25))
    ramp = np.linspace(0, 1, 256)[:, None] ** gamma * 255
    table = np.clip((ramp - 127) * gain + 127 + shift, 0, 255).astype(np.uint8)
    image = np.asarray(cv2.LUT(image, table[:, None, :].reshape(1, 256, 3)), dtype=np.uint8)
    if rng.random() < 0.2:
        image = _blur(image, rng)
    if rng.random() < 0.3:
        noise = rng.normal(0, rng.uniform(2, 10), image.shape[:2]).astype(np.float32)[..., None]
        image = np.clip(image + noise, 0, 255).astype(np.uint8)
    return image


def _blur(image: Image, rng: np.random.Generator) -> Image:
    """Out of focus, or motion along a random direction."""
    if rng.random() < 0.5:
        return np.asarray(cv2.GaussianBlur(image, (0, 0), rng.uniform(0.5, 1.6)), dtype=np.uint8)
    length = int(rng.integers(3, 8))
    side = length | 1  # odd, so that the kernel has a middle and the content stays where its labels are
    reach = side // 2
    kernel = np.zeros((side, side), dtype=np.float32)
    kernel[reach] = np.clip((length + 1) / 2 - np.abs(np.arange(-reach, reach + 1)), 0, 1)
    turn = Affine.rotation(rng.uniform(0, np.pi), (reach, reach)).matrix[:2]
    turned = np.asarray(cv2.warpAffine(kernel, turn, (side, side)), dtype=np.float32)
    return np.asarray(cv2.filter2D(image, -1, turned / max(float(turned.sum()), 1e-6)), dtype=np.uint8)
