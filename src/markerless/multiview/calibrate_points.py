"""A rig without a board: cameras from the points of the animal that they saw, all of it fitted together.

Lenses are known, or have one focal length each, which is fitted where the points decide it. The scale is not known
from pictures: the rig comes out with a size of 1. How well the places are known is said by the fit, and by fits
without a part of the moments or of the keypoints: errors of neighboring frames are alike, and a body part that a camera
always shows elsewhere pulls in all of them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from markerless.core.camera import Calibration, Camera
from markerless.core.instance import FloatArray
from markerless.errors import CalibrationError
from markerless.multiview.bundle import Adjusted
from markerless.multiview.camera_error import places_beside_points
from markerless.multiview.lens_fit import Freedom
from markerless.multiview.mirror import scaled
from markerless.multiview.noise import check_noise, learn_noise
from markerless.multiview.point_links import FEWEST, links_between, seen_together
from markerless.multiview.pose_spread import (
    PoseSpread,
    at_same_size,
    numbers_between,
    pose_spread,
    rig_size,
    root,
    with_spread,
)
from markerless.multiview.repair import agreeing, fit_together, settle
from markerless.multiview.rig_of_points import FirstRig, first_rig, flipped, require_joined, spread_points, told_flipped
from markerless.multiview.scene import FreePoints
from markerless.multiview.triangulate import DISTANCE_PER_SD

MOST_POINTS = 2000
_FOCALS = (1.3, 0.9, 2.0, 3.0, 0.6, 5.0, 10.0, 30.0)  # of the longer side of the picture
_ROUNDS = 3
_STEPS = 25
_PARTS = 6  # that are left out, one after the other
_POINTS_LEFT_OUT = 900  # of the points take part in that
_STEPS_WITHOUT = 5
_HELD = 1.5  # a focal length that is held may well be wrong by this factor
_LINES = 300  # that are tried
_LINE = 0.02  # of their extent: points that are no farther from a line are on it
_FITS = 2.0  # mean distance, in standard deviations, of pixels that a rig explains, gross errors among them
_BETTER, _WORST = 0.7, 4.0  # such a share of the distance is much better; a rig that is worse than that is none
_FOCAL_SD = 0.05  # a focal length that is known no better is not fitted
_FOCAL_CHANGE = 4.0  # from its start: a lens that is none


@dataclass(frozen=True)
class PointViews:
    """What cameras saw.

    Attributes:
        lenses: V cameras; their poses are not used.
        known: For each, whether its lens is known; of another, only name and size count.
        xy: `(V, F, K, 2)` px of F moments and K keypoints; NaN where not seen.
        error: `(V, F, K)` px, expected error; None to learn it.
    """

    lenses: tuple[Camera, ...]
    known: tuple[bool, ...]
    xy: FloatArray
    error: FloatArray | None = None


@dataclass(frozen=True)
class PointsRig:
    """A rig that was found.

    Attributes:
        calibration: In the axes of the first camera; the largest distance between two cameras is 1.
        spreads: For each camera, how well it is known among the others.
        beside: `(V,)` how well its place is known beside the points: standard deviation, as a share of the rig's size.
        freedoms: For each camera, what was fitted.
        held: Cameras whose lens is not known, and whose focal length the points do not decide.
        by_length: Cameras whose distance from the others comes from the lengths of the animal alone.
        noise_px: `(V,)` median expected error of the pixels.
        agree: Share of the pixels that agree with the others.
        points: `(P, 3)` in space, of the last fit, in the unit of the calibration.
        reach: `(V,)` share of each picture's cells that points were seen in.
    """

    calibration: Calibration
    spreads: tuple[PoseSpread, ...]
    beside: FloatArray
    freedoms: tuple[Freedom, ...]
    held: tuple[str, ...]
    by_length: tuple[str, ...]
    noise_px: FloatArray
    agree: float
    points: FloatArray
    reach: FloatArray


@dataclass(frozen=True)
class _Fit:
    """The last joint fit and what went into it; P chosen points."""

    adjusted: Adjusted[FreePoints]
    freedoms: tuple[Freedom, ...]
    xy: FloatArray  # (V, P, 2), what agrees
    sd: FloatArray  # (V, P)
    chosen: np.ndarray  # (P,) of all F * K
    noise: FloatArray  # (V,)
    agree: float


def calibrate_points(views: PointViews) -> PointsRig:
    """Find where cameras stand.

    Raises:
        CalibrationError: too few points, cameras that nothing joins, or points that decide nothing.
    """
    _enough(views)
    _no_lines(views)
    start = _unflipped(views)
    open_ = [index for index, known in enumerate(views.known) if not known]
    fit = _fit(views, start.cameras, ())
    if open_:
        fit = _with_focals(views, fit, open_)
    return _told(views, start, fit)


def _enough(views: PointViews) -> None:
    flat = views.xy.reshape(len(views.xy), -1, 2)
    for lens, shared in zip(views.lenses, seen_together(flat).sum(axis=1), strict=True):
        if shared < FEWEST:
            raise CalibrationError(
                f"expected at least {FEWEST} points that camera '{lens.name}' sees at the same moment as another, got "
                f"{shared}; give files of the same moments, and more of them"
            )


def _no_lines(views: PointViews) -> None:
    """Raises CalibrationError where every camera sees its points on a line: nothing could be found out from them."""
    rng = np.random.default_rng(0)
    for seen in views.xy:
        points = seen[np.isfinite(seen).all(axis=-1)]
        a, b = points[rng.integers(len(points), size=(2, _LINES))]
        with np.errstate(invalid="ignore"):
            way = (b - a) / np.linalg.norm(b - a, axis=1, keepdims=True)
        apart = points - a[:, None]
        off = np.median(np.abs(apart[..., 0] * way[:, 1:] - apart[..., 1] * way[:, :1]), axis=1)
        size = np.median(np.linalg.norm(points - np.median(points, axis=0), axis=1))
        if not np.nanmin(off) < _LINE * size:
            return
    raise CalibrationError(
        "refused: all cameras see all points on a line, so that many arrangements of the cameras explain them; give "
        "moments in which the animal is elsewhere, and keypoints that are not in a row"
    )


def _unflipped(views: PointViews) -> FirstRig:
    """The best first rig, after a look whether a camera's pictures are flipped.

    From afar, a flipped picture is nearly what a camera on the other side would see: so it is not enough that a place
    explains it, it has to be the better explanation.
    """
    if len(views.lenses) < 3:
        return _start(views)
    failure: CalibrationError | None = None
    try:
        start = _start(views)
        cost = start.cost
        if cost < _FITS:
            return start
    except CalibrationError as error:
        failure, cost = error, math.inf
    for index, lens in enumerate(views.lenses):
        xy = views.xy.copy()
        xy[index] = flipped(lens, xy[index])
        try:
            other = _start(replace(views, xy=xy)).cost
        except CalibrationError:
            continue
        if other < _BETTER * min(cost, _WORST):
            raise CalibrationError(told_flipped(lens.name))
    if failure is not None:
        raise failure
    return start


def _start(views: PointViews) -> FirstRig:
    """The best first rig; of unknown lenses, over several focal lengths."""
    if all(views.known):
        links = links_between(views.lenses, views.xy)
        require_joined([lens.name for lens in views.lenses], links)
        return first_rig(views.lenses, views.xy, links, float(np.median([one.sigma_px for one in links.values()])))
    tried = []
    for factor in _FOCALS:
        lenses = [
            lens if known else plain_lens(lens.name, lens.size, factor * max(lens.size))
            for lens, known in zip(views.lenses, views.known, strict=True)
        ]
        links = links_between(lenses, views.xy)
        require_joined([lens.name for lens in lenses], links)
        tried.append((lenses, links, float(np.median([one.sigma_px for one in links.values()]))))
    sigma = min(sigma for _, _, sigma in tried)
    rigs: list[FirstRig] = []
    failures: list[CalibrationError] = []
    for lenses, links, _ in tried:
        try:
            rigs.append(first_rig(lenses, views.xy, links, sigma))
        except CalibrationError as error:
            failures.append(error)
    if not rigs:
        raise failures[0]
    return min(rigs, key=lambda rig: rig.cost)


def plain_lens(name: str, size: tuple[int, int], focal: float) -> Camera:
    """A camera with one focal length, its principal point in the middle, and no distortion."""
    x, y = (size[0] - 1) / 2, (size[1] - 1) / 2
    return Camera(name, size, np.array([[focal, 0, x], [0, focal, y], [0, 0, 1]]), np.zeros(0), np.eye(3), np.zeros(3))


def _fit(views: PointViews, cameras: Sequence[Camera], focals: Sequence[int]) -> _Fit:
    """Fit the cameras, and the focal lengths of those at `focals`, with errors that are learned on the way."""
    n = len(cameras)
    freedoms = tuple(Freedom(pose=index > 0, focal=int(index in focals)) for index in range(n))
    flat = views.xy.reshape(n, -1, 2)
    chosen = spread_points(flat, MOST_POINTS)
    some = np.where(seen_together(flat[:, chosen])[..., None], flat[:, chosen], np.nan)
    for _ in range(_ROUNDS):
        error = _errors(views, cameras)
        sd = error.reshape(n, -1)[:, chosen] / DISTANCE_PER_SD
        cameras = settle(cameras, freedoms, some, sd, _STEPS).cameras
    kept = agreeing(cameras, some, sd)
    adjusted = fit_together(cameras, freedoms, kept, sd, _STEPS)
    agree = np.isfinite(kept).all(axis=-1).sum() / np.isfinite(some).all(axis=-1).sum()
    seen = np.asarray(np.isfinite(views.xy).all(axis=-1))
    noise = np.array([np.nanmedian(one[mask]) for one, mask in zip(error, seen, strict=True)])
    return _Fit(adjusted, freedoms, kept, sd, chosen, noise, float(agree))


def _errors(views: PointViews, cameras: Sequence[Camera]) -> FloatArray:
    if views.error is not None:
        return views.error * check_noise(cameras, views.xy, views.error).error[:, None]
    return np.broadcast_to(learn_noise(cameras, views.xy).error[:, None], views.xy.shape[:-1])


def _with_focals(views: PointViews, held: _Fit, open_: list[int]) -> _Fit:
    """The fit with the focal lengths that the points decide."""
    start = held.adjusted.cameras
    while open_:
        fit = _fit(views, start, open_)
        spreads = _spreads(fit)[0]
        doubtful = [index for index in open_ if _undecided(start[index], fit.adjusted.cameras[index], spreads[index])]
        if not doubtful:
            return fit
        worst = max(doubtful, key=lambda index: spreads[index].focal or math.inf)
        open_ = [index for index in open_ if index != worst]
    return held


def _undecided(before: Camera, after: Camera, spread: PoseSpread) -> bool:
    change = after.matrix[0, 0] / before.matrix[0, 0]
    within = 1 / _FOCAL_CHANGE < change < _FOCAL_CHANGE
    return not (within and spread.focal is not None and 0 < spread.focal < _FOCAL_SD)


def _spreads(fit: _Fit, keypoints: int = 0) -> tuple[list[PoseSpread], FloatArray]:
    """Standard deviations by the fit, and by leaving out parts of it, whichever are larger; and their factor.

    Args:
        fit: The last one.
        keypoints: How many there are; 0 to take the word of the fit.
    """
    cameras, freedoms = fit.adjusted.cameras, fit.freedoms
    factors = [at_same_size(cameras, freedoms, root(fit.adjusted.joint))]
    if keypoints:
        some = np.unique(np.linspace(0, len(fit.chosen) - 1, _POINTS_LEFT_OUT).round().astype(int))
        few = replace(fit, xy=fit.xy[:, some], sd=fit.sd[:, some], chosen=fit.chosen[some])
        factors.append(_left_out(few, np.arange(len(some)) * _PARTS // len(some)))
        if keypoints >= 3:
            factors.append(_left_out(few, few.chosen % keypoints % _PARTS))
    told = [(pose_spread(cameras, freedoms, factor), factor) for factor in factors]
    return max(told, key=lambda each: max(one.place for one in each[0]))


def _left_out(fit: _Fit, part: np.ndarray) -> FloatArray:
    """`(c, parts)` by how much the numbers change when a part of the points `(P,)` is left out (jackknife)."""
    names = np.unique(part)
    changes = [_change(fit, fit.adjusted.cameras, np.where((part == one)[:, None], np.nan, fit.xy)) for one in names]
    stacked = np.stack(changes, axis=-1)
    n = len(names)
    scatter: FloatArray = (stacked - stacked.mean(axis=1, keepdims=True)) * math.sqrt((n - 1) / n)
    return scatter


def _change(fit: _Fit, start: Sequence[Camera], xy: FloatArray) -> FloatArray:
    """`(c,)`: by how much the numbers change in a fit of `xy` `(V, P, 2)` from other cameras on, at the same size."""
    cameras, freedoms = fit.adjusted.cameras, fit.freedoms
    moved = fit_together(start, freedoms, xy, fit.sd, _STEPS_WITHOUT).cameras
    factor = _same_size(cameras, moved)
    moved = tuple(camera.moved(camera.rotation, camera.translation * factor) for camera in moved)
    return np.concatenate([numbers_between(*each) for each in zip(cameras, moved, freedoms, strict=True)])


def _by_focal(fit: _Fit, held: Sequence[int]) -> FloatArray:
    """`(c, held)`: by how much the numbers change when each focal length that is held is longer."""
    changes = []
    for index in held:
        cameras = list(fit.adjusted.cameras)
        matrix = cameras[index].matrix.copy()
        matrix[:2, :2] *= _HELD
        cameras[index] = replace(cameras[index], matrix=matrix)
        changes.append(_change(fit, cameras, fit.xy))
    return np.stack(changes, axis=-1)


def _same_size(cameras: Sequence[Camera], moved: Sequence[Camera]) -> float:
    return rig_size(cameras) / rig_size(moved)


def _told(views: PointViews, start: FirstRig, fit: _Fit) -> PointsRig:
    names = [lens.name for lens in views.lenses]
    spreads, factor = _spreads(fit, views.xy.shape[2])
    unsure = [index for index, known in enumerate(views.known) if not known and not fit.freedoms[index].focal]
    if unsure:
        factor = np.hstack([factor, _by_focal(fit, unsure)])
        spreads = pose_spread(fit.adjusted.cameras, fit.freedoms, factor)
    error_px = fit.adjusted.rms_px
    calibration = Calibration(with_spread(fit.adjusted.cameras, fit.freedoms, factor), "", error_px)
    points, size = fit.adjusted.scene.xyz[0], rig_size(calibration.cameras)
    used = np.asarray(np.isfinite(fit.xy).all(axis=-1))
    found = PointsRig(
        calibration,
        tuple(spreads),
        places_beside_points(calibration.cameras, points, used, fit.sd) / size,
        fit.freedoms,
        tuple(names[index] for index in unsure),
        tuple(names[index] for index in start.by_length),
        fit.noise,
        fit.agree,
        points,
        np.array([_reach(lens.size, seen) for lens, seen in zip(views.lenses, fit.xy, strict=True)]),
    )
    return rescaled(found, 1 / size, "")


def rescaled(rig: PointsRig, factor: float, unit: str) -> PointsRig:
    """The same rig in another unit."""
    return replace(rig, calibration=scaled(rig.calibration, factor, unit), points=rig.points * factor)


def _reach(size: tuple[int, int], xy: FloatArray) -> float:
    """Share of the cells of a picture, 8 across and 6 down, with points `(P, 2)` px in them."""
    known = xy[np.isfinite(xy).all(axis=-1)]
    cells = np.floor((known + 0.5) / np.array(size) * [8, 6])
    inside = ((cells >= 0) & (cells < [8, 6])).all(axis=1)
    return len(np.unique(cells[inside], axis=0)) / 48
