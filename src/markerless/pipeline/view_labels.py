"""The labels of a study's views, moment by moment, and the cameras with what is to be expected of their labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from markerless.core.camera import Calibration
from markerless.core.instance import FloatArray
from markerless.core.labels import Labels
from markerless.core.skeleton import Skeleton
from markerless.core.video import natural_key
from markerless.errors import CalibrationError
from markerless.multiview.mirror import fit_mirrors
from markerless.multiview.noise import learn_noise
from markerless.multiview.triangulate import DISTANCE_PER_SD
from markerless.pipeline.seen_points import SeenPoints
from markerless.pipeline.study_views import FrameKey, StudyViews

USUAL_ERROR = 0.004  # of a picture's diagonal: of labels of which nothing is known yet
LEAST_ERROR_PX = 1.0  # nobody clicks better, whatever few labels seem to say
_USUAL_WEIGHT = 20.0  # labels that the usual error counts like, beside what is learned
_ENOUGH = 16  # points in two views, before anything is learned
_MOST_OF_FIT = 1500

Placed = Mapping[tuple[str, str], Mapping[str, FloatArray]]
"""(folder, picture) -> animal -> `(K, 2)` px of the study's keypoints, NaN where there is no point."""


@dataclass(frozen=True)
class Moments:
    """What the views show at the same moments.

    Attributes:
        seen: Points `(V, T, N, B, 2)` of the shared keypoints.
        pictures: Of each moment: view -> folder and picture.
    """

    seen: SeenPoints
    pictures: tuple[Mapping[int, tuple[str, str]], ...]

    @property
    def flat_xy(self) -> FloatArray:
        """`(V, T * N, B, 2)`: every animal of every moment."""
        n_views, n_moments, n_animals, n_keypoints, _ = self.seen.xy.shape
        return self.seen.xy.reshape(n_views, n_moments * n_animals, n_keypoints, 2)


@dataclass(frozen=True)
class ViewRig:
    """The cameras, and how exact labels are.

    Attributes:
        calibration: Cameras in the order of the views.
        error: `(V, B)` px, expected error of a label: its mean distance from where it belongs.
        n_points: Points in two or more views that this was learned from.
        notes: What is odd, one line each.
    """

    calibration: Calibration
    error: FloatArray
    n_points: int
    notes: tuple[str, ...] = ()


def placed_of(labels: Labels) -> Placed:
    """All points of labels."""
    found: dict[tuple[str, str], dict[str, FloatArray]] = {}
    for frame in labels.frames:
        path = PurePosixPath(frame.image)
        found[path.parent.name, path.name] = {instance.individual: instance.xy for instance in frame.instances}
    return found


def moments_of(views: StudyViews, placed: Placed, individuals: Sequence[str]) -> Moments:
    """Labels by moments; those of folders that belong to no session are left out."""
    groups: dict[tuple[str, FrameKey], dict[int, tuple[str, str]]] = {}
    for folder, picture in placed:
        session = views.session_of(folder)
        if session is None:
            continue
        if session[1] is None:
            groups[folder, picture] = dict.fromkeys(range(len(views.names)), (folder, picture))
        else:
            key = (session[0], views.moment_of(session[1], picture))
            groups.setdefault(key, {}).setdefault(session[1], (folder, picture))
    order = sorted(groups, key=_in_order)
    pictures = tuple(groups[key] for key in order)
    xy = points_of(views, placed, pictures, individuals)
    score = np.where(np.isfinite(xy).all(axis=-1), 1.0, np.nan)
    names = tuple(next(iter(where.values()))[1] for where in pictures)
    skeleton = Skeleton(views.keypoints)
    seen = SeenPoints(views.names, skeleton, tuple(individuals), xy, score, None, names, float("nan"), ())
    return Moments(seen, pictures)


def _in_order(moment: tuple[str, FrameKey]) -> tuple[Any, ...]:
    """Sessions and frames as people count them; pictures without a number after those that have one."""
    session, key = moment
    return natural_key(session), isinstance(key, str), natural_key(key) if isinstance(key, str) else key


def points_of(
    views: StudyViews, placed: Placed, pictures: Sequence[Mapping[int, tuple[str, str]]], individuals: Sequence[str]
) -> FloatArray:
    """`(V, T, N, B, 2)` px of moments whose pictures are given by view."""
    xy = np.full((len(views.names), len(pictures), len(individuals), len(views.keypoints), 2), np.nan)
    for moment, where in enumerate(pictures):
        for view, place in where.items():
            index = views.index[view]
            for animal, points in placed.get(place, {}).items():
                if animal in individuals:
                    known = np.where((index >= 0)[:, None], points[index], np.nan)
                    xy[view, moment, individuals.index(animal)] = known
    return xy


def rig_of(views: StudyViews, moments: Moments) -> ViewRig:
    """The cameras, found from the labels if need be, and what is to be expected of labels.

    Raises:
        CalibrationError: the cameras have to be found, and the labels do not say where they are.
    """
    xy = moments.flat_xy
    calibration = views.calibration or _found(views, xy)
    usual = np.array(
        [max(USUAL_ERROR * float(np.hypot(*camera.size)), LEAST_ERROR_PX) for camera in calibration.cameras]
    )
    error = np.broadcast_to(usual[:, None], (len(xy), xy.shape[2])).copy()
    shared = int((np.isfinite(xy).all(axis=-1).sum(axis=0) >= 2).sum())
    if shared < _ENOUGH:
        return ViewRig(calibration, error, 0)
    try:
        noise = learn_noise(calibration.cameras, xy)
    except CalibrationError:
        note = "the labels of the views do not agree anywhere: see 'markerless check PROJECT'"
        return ViewRig(calibration, error, 0, (note,))
    share = noise.n_points / (noise.n_points + _USUAL_WEIGHT)
    learned = noise.error**share * error ** (1 - share)
    return ViewRig(calibration, np.maximum(learned, LEAST_ERROR_PX), noise.n_points)


def _found(views: StudyViews, xy: FloatArray) -> Calibration:
    """Cameras of a picture with mirrors, from the labels in it."""
    assert views.plan is not None
    flat = xy.reshape(len(xy), -1, 2)
    both = np.flatnonzero(np.isfinite(flat).all(axis=-1).sum(axis=0) >= 2)
    both = both[np.unique(np.linspace(0, len(both) - 1, min(_MOST_OF_FIT, len(both))).round().astype(int))]
    spread = np.full((len(flat), len(both)), USUAL_ERROR * float(np.hypot(*views.plan.size)) / DISTANCE_PER_SD)
    return fit_mirrors(views.plan.parts, views.plan.size, flat[:, both], spread)
