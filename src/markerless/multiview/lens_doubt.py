"""What a lens may be beyond the numbers that were fitted: few boards are fitted with few numbers, and the rest is held.

A number that is held is not known: its likely size, and what the fit then puts into the fitted numbers instead, belong
to the covariance of the cameras (consider covariance, as in orbit determination: Tapley, Schutz and Born 2004, 6.2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from markerless.core.camera import Camera
from markerless.core.instance import FloatArray
from markerless.multiview.bundle import Problem, Sightings
from markerless.multiview.lens_fit import Freedom
from markerless.multiview.scene import RigidBoards

_CENTER = 0.01  # of the picture's longer side: standard deviation of a principal point about the middle
_POLYNOMIAL = np.array([0.2, 0.1, 1e-3, 1e-3])  # of k1, k2, p1, p2
_FISHEYE = np.array([0.05, 0.02, 0.01, 0.005])  # of k1 to k4


def with_held_numbers(
    cameras: Sequence[Camera], freedoms: Sequence[Freedom], boards: RigidBoards, sightings: Sightings, joint: FloatArray
) -> tuple[list[Freedom], FloatArray]:
    """Freedoms of fitted and held numbers, and their joint covariance `(c, c)`.

    Args:
        cameras: As fitted.
        freedoms: What was fitted.
        boards: As fitted.
        sightings: What they were fitted to.
        joint: Covariance of the fitted numbers.
    """
    full = [replace(freedom, center=True, distortion=max(freedom.distortion, 4)) for freedom in freedoms]
    fitted, sd = [], []
    for camera, some, every in zip(cameras, freedoms, full, strict=True):
        pose_and_focal = 6 * some.pose + some.focal
        likely = _FISHEYE if camera.fisheye else _POLYNOMIAL
        fitted += [True] * pose_and_focal + [some.center] * 2
        fitted += [index < some.distortion for index in range(every.distortion)]
        sd += [0.0] * pose_and_focal + [_CENTER * max(camera.size)] * 2
        sd += [*likely, *[0.0] * (every.distortion - 4)]
    known = np.array(fitted, dtype=bool)
    problem = Problem(tuple(cameras), tuple(full), boards, sightings)
    information = problem.normal(np.zeros(problem.size)).information()
    moves = np.zeros((len(known), int((~known).sum())))
    moves[~known] = np.diag(np.array(sd)[~known])
    moves[known] = -joint @ information[np.ix_(known, ~known)] @ np.diag(np.array(sd)[~known])
    covariance = moves @ moves.T
    covariance[np.ix_(known, known)] += joint
    return full, covariance
