"""A scene with known truth that one camera sees directly and in a mirror below it, made by reflecting points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from markerless.core.instance import FloatArray
from markerless.core.view import View
from markerless.multiview.mirror import Part

SIZE = (640, 480)
PARTS = (Part("side", View(0, 0, 640, 240)), Part("below", View(0, 240, 640, 240), mirrored=True))
FOCAL, DISTANCE = 1500.0, 900.0


@dataclass(frozen=True)
class MirrorScene:
    """Points `(P, 3)` in axes of the camera, in mm, and their pixels `(2, P, 2)` of the frame: direct, mirrored."""

    points: FloatArray
    xy: FloatArray


def mirror_scene(n_points: int = 600, noise: float = 0.5, angle_deg: float = 47.0, seed: int = 0) -> MirrorScene:
    """Points of an animal of 200 x 60 x 60 mm above a mirror that is tilted by about 45 degrees."""
    rng = np.random.default_rng(seed)
    points = rng.uniform(-1, 1, (n_points, 3)) * [100, 30, 30] + [0, -70, DISTANCE]
    angle = np.deg2rad(angle_deg)
    normal = np.array([0.02, np.sin(angle), np.cos(angle)])  # the mirror faces up and to the camera
    normal /= np.linalg.norm(normal)
    foot = np.array([0.0, 30.0, DISTANCE])  # on the mirror, below the animal
    reflected = points - 2 * ((points - foot) @ normal)[:, None] * normal
    seen = [FOCAL * one[:, :2] / one[:, 2:] + [319.5, 239.5] for one in (points, reflected)]
    xy = np.stack(seen)
    return MirrorScene(points, xy + rng.normal(0, noise, xy.shape))
