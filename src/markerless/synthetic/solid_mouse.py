"""A mouse in space: balls along its spine and tail, with ears, eyes, nose and paws, and keypoints in millimeters.

It walks on the floor z = 0 (x and y along it, z up, right-handed) as `motion` makes the flat mouse walk; paws are
lifted when they swing, and the front goes up when it rears.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from markerless.core.instance import FloatArray
from markerless.core.skeleton import Skeleton
from markerless.synthetic.motion import Arena, simulate
from markerless.synthetic.mouse import COATS, WIDTH_D, WIDTH_S

SKELETON = Skeleton(
    keypoints=("snout", "leftear", "rightear", "tailbase", "tailtip", "forepawL", "forepawR", "hindpawL", "hindpawR"),
    edges=((0, 1), (0, 2), (1, 3), (2, 3), (3, 4), (1, 5), (2, 6), (3, 7), (3, 8)),
    mirror_pairs=((1, 2), (5, 6), (7, 8)),
)
PAWS = ("forepawL", "forepawR", "hindpawL", "hindpawR")
LENGTH_MM = 90.0  # along the spine
PAW_MM = 3.4  # radius of a paw, and so its height when it stands

_SPINE_BALLS, _TAIL_BALLS = 44, 60
_HEIGHT_S, _HEIGHT_MM = (0.0, 0.12, 0.3, 0.6, 0.85, 1.0), (11.0, 13.0, 14.0, 15.5, 14.0, 9.0)
_REARED_MM = 38.0  # how far the snout goes up
_LIFT_MM = 6.0
_TAIL_ROOT = 4  # the ball of the tail that comes out of the body
_STRIDE = 0.055  # of the body's length
# Place along the spine, to the left in body lengths, phase of the step.
_PAW_PLACES = ((0.34, 0.125, 0.0), (0.34, -0.125, np.pi), (0.80, 0.20, np.pi), (0.80, -0.20, 0.0))
_EAR, _EYE = (0.235, 0.105, 8.0, 5.2), (0.115, 0.055, 3.5, 1.7)  # s, d in body lengths, up and radius in mm
_NOSE_MM = 2.6
_TAIL_MM = (2.4, 1.1)  # radius at its base and tip


@dataclass(frozen=True)
class Balls:
    """A mouse of one frame.

    Attributes:
        center: `(B, 3)` mm.
        radius: `(B,)` mm.
        back: `(B, 3)` RGB 0..255 of what faces up.
        flank: `(B, 3)` of what faces sideways and down.
        keypoint: `(K,)` which ball each keypoint is the middle of.
    """

    center: FloatArray
    radius: FloatArray
    back: FloatArray
    flank: FloatArray
    keypoint: tuple[int, ...]


class SolidMouse:
    """A mouse that goes about on a floor.

    Args:
        seed: Decides where it goes.
        n_frames: Number of frames.
        fps: Frames a second.
        floor_mm: Width (x) and depth (y) of the floor, which is centered at the origin.
        coat: A name of `COATS`.
    """

    skeleton = SKELETON

    def __init__(self, seed: int, n_frames: int, fps: float, floor_mm: tuple[float, float], coat: str) -> None:
        width, depth = floor_mm
        arena = Arena((0.0, 0.0, width, depth), np.zeros((0, 3)))
        motion = simulate(np.random.default_rng([seed, 5]), n_frames, fps, LENGTH_MM, arena)
        # `motion` counts y downward as in pictures: turned over, so that left stays left
        self._spine, self._tail = (
            (joints - [width / 2, depth / 2]) * [1.0, -1.0] for joints in (motion.spine, motion.tail)
        )
        self._rear, self._gait = motion.rear, motion.gait
        self._pace = np.clip(np.gradient(motion.gait) * fps / np.pi, 0.0, 1.0)
        self._colors = [np.array(color, dtype=np.float64) for color in COATS[coat]]

    def truth(self) -> FloatArray:
        """`(T, K, 3)` mm: every keypoint of `SKELETON` in every frame, never NaN."""
        found = [self.balls(i) for i in range(len(self._spine))]
        return np.stack([balls.center[list(balls.keypoint)] for balls in found])

    def balls(self, i: int) -> Balls:
        """The mouse of frame `i`."""
        back, flank, ear, tail = self._colors
        spine, tails = self._along_spine(i), self._along_tail(i)
        place = _Place(self._spine[i], float(self._rear[i]))
        ears = [place.at(_EAR[0], side * _EAR[1], _EAR[2]) for side in (1, -1)]
        eyes = [place.at(_EYE[0], side * _EYE[1], _EYE[2]) for side in (1, -1)]
        paws = [self._paw(i, place, *where) for where in _PAW_PLACES]
        nose = [place.at(0.0, 0.0, 0.0)]
        n_spine, n_tail = len(spine), len(tails)
        center = np.concatenate([spine[:, :3], tails[:, :3], ears, eyes, paws, nose])
        radius = np.concatenate(
            [spine[:, 3], tails[:, 3], [_EAR[3]] * 2, [_EYE[3]] * 2, [PAW_MM] * 4, [_NOSE_MM]], dtype=np.float64
        )
        pink, black = np.array([226.0, 150, 140]), np.array([14.0, 12, 12])
        up = [back] * n_spine + [tail] * n_tail + [ear] * 2 + [black] * 2 + [pink] * 5
        side = [flank] * n_spine + [tail * 0.8] * n_tail + [ear * 0.8] * 2 + [black] * 2 + [pink * 0.9] * 5
        first = n_spine + n_tail
        root = n_spine + _TAIL_ROOT
        known = (first + 8, first, first + 1, root, first - 1, first + 4, first + 5, first + 6, first + 7)
        return Balls(center, radius, np.array(up), np.array(side), known)

    def _along_spine(self, i: int) -> FloatArray:
        """`(B, 4)`: centers and radii from the snout to the tail base."""
        s = np.linspace(0.01, 1.0, _SPINE_BALLS)
        place = _Place(self._spine[i], float(self._rear[i]))
        radius = np.interp(s, WIDTH_S, WIDTH_D) * LENGTH_MM * 0.92
        centers = np.array([place.at(each, 0.0, 0.0) for each in s])
        centers[:, 2] = np.maximum(centers[:, 2], radius + 1.0)
        return np.column_stack([centers, radius])

    def _along_tail(self, i: int) -> FloatArray:
        """`(B, 4)`: centers and radii from the end of the spine to the tip of the tail."""
        joints = self._tail[i]
        share = np.linspace(0.0, 1.0, _TAIL_BALLS)
        steps = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(joints, axis=0), axis=-1))])
        flat = np.stack([np.interp(share * steps[-1], steps, joints[:, axis]) for axis in (0, 1)], axis=-1)
        radius = np.interp(share, (0.0, 1.0), _TAIL_MM)
        height = radius + 0.3 + (_HEIGHT_MM[-1] - radius[0]) * np.exp(-share / 0.12)
        return np.column_stack([flat, height, radius])

    def _paw(self, i: int, place: _Place, s: float, d: float, phase: float) -> FloatArray:
        step = self._gait[i] + phase
        where = place.at(s - _STRIDE * np.sin(step), d, 0.0)
        lift = _LIFT_MM * max(0.0, float(np.cos(step))) * self._pace[i]
        reared = _REARED_MM * place.reared(s) if s < 0.5 else 0.0
        return np.array([where[0], where[1], PAW_MM + lift + 0.8 * reared])


class _Place:
    """From body coordinates to millimeters: the share along the spine, to the animal's left, up from the middle."""

    def __init__(self, spine: FloatArray, rear: float) -> None:
        steps = np.linalg.norm(np.diff(spine, axis=0), axis=-1)
        self._spine, self._rear = spine, rear
        self._s = np.concatenate([[0.0], np.cumsum(steps)]) / steps.sum()
        tangent = np.gradient(spine, axis=0)
        self._ahead = -tangent / np.linalg.norm(tangent, axis=-1, keepdims=True)

    def reared(self, s: float) -> float:
        """How much of the way up a rearing animal is at share `s`."""
        return self._rear * max(0.0, 1.0 - s / 0.75) ** 1.3

    def at(self, s: float, d: float, up: float) -> FloatArray:
        """`(3,)` mm."""
        x, y = (float(np.interp(s, self._s, self._spine[:, axis])) for axis in (0, 1))
        ahead = np.array([np.interp(s, self._s, self._ahead[:, axis]) for axis in (0, 1)])
        ahead /= np.linalg.norm(ahead)
        z = float(np.interp(s, _HEIGHT_S, _HEIGHT_MM)) + _REARED_MM * self.reared(s)
        # the left of somebody who looks along (cos, sin), seen from above, is (-sin, cos)
        return np.array([x - d * LENGTH_MM * ahead[1], y + d * LENGTH_MM * ahead[0], z + up])
