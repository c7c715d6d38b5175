"""Labeled frames as an endless, seeded stream of training samples.

Sample i of step s depends on (seed, s, i) alone, so that a resumed training sees exactly what an uninterrupted one
would have seen.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from markerless.config import Settings
from markerless.core.instance import FloatArray, Visibility
from markerless.core.labels import LabeledFrame, Labels
from markerless.nn.augment import Geometry, draw_affine, jitter_light, warp
from markerless.nn.batch import Batch, Sample
from markerless.video.images import image_size, read_image

CELL = 32  # views are multiples of the largest stride
CACHE_BYTES = 2 << 30
MIN_ROTATION_DEG = 20.0
FEWEST_TO_ALIGN = 3  # points; two always align
SAME_SHAPE = 0.9  # correlation of two poses after the best rotation
ORDER_STREAM = 0x6F72646572  # keeps the order of frames apart from the draws of samples
AREA_PER_STEP = 8 * 256 * 256  # pixels a step should see: 8 views of 256 x 256, fewer of larger ones


class DataSettings(Settings):
    """How labels and images become samples; `--set data.<name>=<value>`."""

    missing: Literal["absent", "unknown"] = Field(
        "absent",
        description="A keypoint without a point in a frame that has others: absent (looked for, not there) or unknown.",
    )
    flip: Literal["auto", "on", "off"] = Field(
        "auto",
        description="Mirror views left to right; auto does it when they are turned by more than 90 degrees "
        "and the keypoints have left/right pairs.",
    )
    rotation_deg: float | Literal["auto"] = Field(
        "auto", description="Largest rotation of views; auto goes half as far again as the labeled animals turn."
    )
    scale: float = Field(1.35, ge=1, le=4, description="Largest factor by which views are enlarged or reduced.")
    crop: int = Field(0, ge=0, le=4096, description="Side of views in pixels; 0 takes about twice the animal's size.")
    background: float = Field(
        0.15, ge=0, le=1, description="Share of views placed anywhere in the frame instead of on the animal."
    )


class ImageCache:
    """Decoded images, the most recently used ones kept up to a number of bytes."""

    def __init__(self, n_bytes: int = CACHE_BYTES) -> None:
        self._images: OrderedDict[str, npt.NDArray[np.uint8]] = OrderedDict()
        self._free = n_bytes

    def get(self, frame: LabeledFrame) -> npt.NDArray[np.uint8]:
        """The image of a frame, `(H, W, 3)` uint8 RGB.

        Raises:
            LabelsError: the picture was not found.
            VideoError: it cannot be decoded.
        """
        if frame.image in self._images:
            self._images.move_to_end(frame.image)
            return self._images[frame.image]
        image = read_image(frame.picture)
        self._images[frame.image] = image
        self._free -= image.nbytes
        while self._free < 0 and len(self._images) > 1:
            self._free += self._images.popitem(last=False)[1].nbytes
        return image


class TrainingSet:
    """Samples of single-animal labels."""

    def __init__(self, labels: Labels, settings: DataSettings, seed: int, cache: ImageCache | None = None) -> None:
        self.labels, self.settings, self.seed = labels, settings, seed
        self.cache = cache or ImageCache()
        self.sizes = frame_sizes(labels)
        self.animal_size_px = labels.animal_size_px(float(np.median(np.hypot(*self.sizes.T))))
        self.view = view_size(self.sizes, self.animal_size_px, settings.crop)
        self.geometry = _geometry(labels, settings)
        self.permutation = labels.skeleton.mirror_permutation()

    def load_pictures(self) -> None:
        """Decode every picture once: what can be kept is kept, and a damaged one is found before the training begins.

        Raises:
            VideoError: a picture cannot be decoded.
        """
        for frame in self.labels.frames:
            self.cache.get(frame)

    def batch(self, step: int, batch_size: int) -> Batch:
        """The batch of a step."""
        return Batch.stack([self.sample(step, i, batch_size) for i in range(batch_size)])

    def sample(self, step: int, i: int, batch_size: int) -> Sample:
        """Sample `i` of a step: every frame is seen once before any is seen again."""
        rng = np.random.default_rng([self.seed, step, i])
        frame = self.frame(step * batch_size + i)
        xy, known = frame_points(frame, self.labels.skeleton.n_keypoints, self.settings.missing)
        image = self.cache.get(frame)
        affine, mirrored = draw_affine(self._center(xy, image, rng), self.view, self.geometry, rng)
        view = jitter_light(warp(image, affine, self.view), rng)
        if mirrored:
            xy, known = xy[self.permutation], known[self.permutation]
        return Sample(view, affine.apply(xy), known, affine.inverse())

    def frame(self, number: int) -> LabeledFrame:
        """The frame of sample `number` of the training."""
        return shuffled(self.labels.frames, number, (self.seed,))

    def _center(self, xy: FloatArray, image: npt.NDArray[np.uint8], rng: np.random.Generator) -> FloatArray:
        """Where in the frame the middle of the view lies: near the animal, or anywhere for a background view."""
        frame = np.array([image.shape[1], image.shape[0]], dtype=np.float64)
        view = np.array(self.view, dtype=np.float64)
        placed = xy[np.isfinite(xy).all(-1)]
        if len(placed) == 0 or rng.random() < self.settings.background:
            center = rng.uniform(0, frame)
        else:
            low, high = placed.min(0), placed.max(0)
            slack = np.maximum(view - (high - low), 0.2 * view)
            center = (low + high) / 2 + rng.uniform(-0.5, 0.5, 2) * slack
        # a view does not leave the frame on one side while there is room on the other, but may hang over by an eighth
        room = np.maximum(frame - view, 0) / 2 + view / 8
        return np.clip(center, (frame - 1) / 2 - room, (frame - 1) / 2 + room)


def shuffled(frames: Sequence[LabeledFrame], number: int, seed: Sequence[int]) -> LabeledFrame:
    """Frame `number` of an endless stream in which every frame comes once before any comes again."""
    epoch, place = divmod(number, len(frames))
    order = np.random.default_rng([seed[0], ORDER_STREAM, epoch, *seed[1:]]).permutation(len(frames))
    return frames[order[place]]


def frame_points(
    frame: LabeledFrame, n_keypoints: int, missing: Literal["absent", "unknown"]
) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    """Points `(K, 2)` of the one animal in a frame, NaN where there is none; which keypoints have an answer `(K,)`."""
    if not frame.instances:
        return np.full((n_keypoints, 2), np.nan), np.ones(n_keypoints, dtype=bool)
    instance = frame.instances[0]
    placed = np.isfinite(instance.xy).all(-1)
    if missing == "absent":
        placed = np.logical_or(placed, instance.visibility == Visibility.ABSENT)
    return instance.xy, np.asarray(placed, dtype=np.bool_)


def frame_sizes(labels: Labels) -> npt.NDArray[np.int64]:
    """`(F, 2)` width and height of every frame's picture, without decoding it.

    Raises:
        LabelsError: a picture was not found.
    """
    sizes = [image_size(frame.picture) for frame in labels.frames]
    return np.array(sizes, dtype=np.int64)


def view_size(sizes: npt.NDArray[np.int64], animal_size_px: float, crop: int) -> tuple[int, int]:
    """Width and height of training views: about twice the animal, no larger than the largest frame, multiples of 32.

    Args:
        sizes: `(F, 2)` width and height of the frames.
        animal_size_px: Median diagonal of the animal's box.
        crop: What the user asked for, 0 for automatic.
    """
    side = crop or float(np.clip(2.2 * animal_size_px, 192, 416))
    side = max(CELL, round(side / CELL) * CELL)
    width, height = (-(-int(length) // CELL) * CELL for length in sizes.max(0))
    return min(side, width), min(side, height)


def default_batch_size(view: tuple[int, int], shrink: int = 1) -> int:
    """Views per step, so that a step costs about the same at every view size; between 3 and 16."""
    return int(np.clip(round(AREA_PER_STEP * shrink**2 / (view[0] * view[1])), 3, 16))


def orientations_deg(labels: Labels) -> FloatArray:
    """How far each labeled animal is turned from the mean orientation, -180..180 degrees.

    For each animal the rotation that best aligns its points to those of the most complete one (Kabsch 1976, in the
    plane). Poses that no rotation brings near the other say nothing about orientation and are left out: a reaching
    hand changes shape, it does not turn.
    """
    poses = labels.xy().reshape(-1, labels.skeleton.n_keypoints, 2)
    placed = np.asarray(np.isfinite(poses).all(-1), dtype=np.bool_)
    if not placed.any():
        return np.empty(0)
    z = poses[..., 0] + 1j * poses[..., 1]
    best = int(np.argmax(placed.sum(-1)))
    turns = []
    for pose, has in zip(z, placed & placed[best], strict=True):
        if has.sum() < FEWEST_TO_ALIGN:
            continue
        one, other = pose[has] - pose[has].mean(), z[best][has] - z[best][has].mean()
        turn = np.vdot(other, one) / max(float(np.linalg.norm(one) * np.linalg.norm(other)), 1e-9)
        if abs(turn) > SAME_SHAPE:
            turns.append(turn / abs(turn))
    direction = np.array(turns, dtype=np.complex128)
    return np.asarray(np.rad2deg(np.angle(direction * direction.mean().conj())) if turns else np.empty(0))


def _geometry(labels: Labels, settings: DataSettings) -> Geometry:
    """Views turn half as far again as the labeled animals: a side view stays upright, a top view turns all round."""
    spread = orientations_deg(labels)
    seen = float(np.percentile(np.abs(spread), 98)) if len(spread) else 0.0
    rotation = float(np.clip(1.5 * seen, MIN_ROTATION_DEG, 180.0))
    if settings.rotation_deg != "auto":
        rotation = float(settings.rotation_deg)
    flip = settings.flip == "on" or (settings.flip == "auto" and rotation > 90 and bool(labels.skeleton.mirror_pairs))
    return Geometry(rotation, settings.scale, flip)
