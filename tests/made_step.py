"""An animal before several cameras that do not run in step: offsets, rates and lost frames with known truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from made_rig import ring
from markerless.core.camera import Camera
from markerless.core.instance import FloatArray

LIMB_MM = 30.0


@dataclass(frozen=True)
class Recorder:
    """How a camera records.

    Attributes:
        offset: Its frame that shows the moment of frame 0 of the first camera.
        rate: Its frames for each frame of the first camera.
        lost: First lost frame -> how many, counted as if none were lost.
    """

    offset: float = 0.0
    rate: float = 1.0
    lost: Mapping[int, int] = field(default_factory=dict)

    def frame_times(self, n_frames: int) -> FloatArray:
        """`(T,)` moment of each frame that it has, of `n_frames` without the lost ones."""
        frames = np.arange(n_frames)
        gone = [frame for start, count in self.lost.items() for frame in range(start, start + count)]
        return np.asarray((frames[~np.isin(frames, gone)] - self.offset) / self.rate)


@dataclass(frozen=True)
class Scene:
    """What cameras saw.

    Attributes:
        cameras: V of them.
        xy: Of each `(T, 3, 2)` px.
        times: Of each the true moment of each frame.
    """

    cameras: tuple[Camera, ...]
    xy: tuple[FloatArray, ...]
    times: tuple[FloatArray, ...]


def walk(seed: int, speed: float = 1.0, fps: float = 30.0) -> tuple[FloatArray, FloatArray]:
    """Frequencies and amplitudes of a smooth path of the animal on the table and of the turns of its body."""
    rng = np.random.default_rng(seed)
    hertz = rng.uniform(0.02, 1.2, (12, 4))
    size = rng.normal(size=(12, 4)) / (1 + 4 * hertz)
    phase = rng.uniform(0, 2 * np.pi, (12, 4))
    return np.stack([2 * np.pi * hertz * speed / fps, phase]), size


def animal(times: FloatArray, seed: int = 0, speed: float = 1.0, fps: float = 30.0) -> FloatArray:
    """`(T, 3, 3)` mm: where its three points are at any moment."""
    (omega, phase), size = walk(seed, speed, fps)
    wave = (size * np.sin(omega * times[:, None, None] + phase)).sum(axis=1) / np.sqrt((size**2).sum(axis=0))
    middle = wave[:, :3] * [80.0, 80.0, 12.0]
    turn = 3.0 * wave[:, 3]
    way = LIMB_MM * np.stack([np.cos(turn), np.sin(turn), 0.2 * np.sin(2 * turn)], axis=-1)
    return np.stack([middle + way, middle, middle - way], axis=1)


def recorded(
    recorders: Sequence[Recorder],
    n_frames: int = 1500,
    noise: float = 1.0,
    gross: float = 0.1,
    seed: int = 0,
    **motion: float,
) -> Scene:
    """Cameras on a ring, each of which records as its recorder says; a share `gross` is 20 to 200 px off."""
    rng = np.random.default_rng(seed)
    cameras = ring(len(recorders))
    times = tuple(recorder.frame_times(n_frames) for recorder in recorders)
    xy = []
    for camera, when in zip(cameras, times, strict=True):
        seen = camera.project(animal(when, seed, **motion))
        seen += rng.normal(0, noise, seen.shape)
        wrong = rng.uniform(size=seen.shape[:2]) < gross
        angle = rng.uniform(0, 2 * np.pi, wrong.shape)
        off = rng.uniform(20, 200, wrong.shape)[..., None] * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
        xy.append(np.where(wrong[..., None], seen + off, seen))
    return Scene(cameras, tuple(xy), times)
