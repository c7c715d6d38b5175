"""From pixels of several cameras to points in space, each with its expected error.

A point is the place that fits its pixels best, every view weighted by its expected error. Where the views contradict
each other, the largest set of views that agree is taken, and the others are named; where there is no such set, or two
sets agree on two places, the point is missing rather than wrong. Two views that contradict each other cannot be told
apart: such a point is missing as well.

An expected error is a mean distance. For errors that are alike in x and y it is sqrt(pi / 2) = 1.253 times their
standard deviation in one of them; in space it is the mean length of errors with the point's covariance.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from itertools import combinations

import numpy as np
import numpy.typing as npt
from scipy.stats import chi2

from markerless.core.camera import Camera
from markerless.core.instance import FloatArray
from markerless.core.views import CONTRADICTORY, GOOD, TOO_FEW, UNDETERMINED
from markerless.errors import CalibrationError
from markerless.multiview.point_fit import BoolArray, Observed, PointFit, fit_points
from markerless.multiview.projection import project_with_slope
from markerless.multiview.small_matrices import expected_length, inverse

DISTANCE_PER_SD = float(np.sqrt(np.pi / 2))
"""Mean distance over standard deviation per axis, of errors in a picture that are alike in x and y."""

LEVEL = 0.001  # of points whose views agree, this share is taken for contradictory
MOST_SUBSETS = 6  # views up to which all subsets are tried
_ELSEWHERE = 16.0  # squared distance, in standard deviations, of two places that are not the same
_UNSURE = 0.3  # of the distance to the nearest camera: with a larger error, the depth is not known
_BLOCK = 8192  # points at a time: what a processor's cache holds


@dataclass(frozen=True)
class Triangulated:
    """Points in space; `...` is the shape of what was given.

    Attributes:
        points: `(..., 3)` in the unit of the calibration; NaN where `state` is not GOOD.
        error: `(...)` expected distance from the truth, in the same unit, from the expected errors of the views used.
        covariance: `(..., 3, 3)`.
        reprojection: `(V, ...)` px between what a view saw and where it should have seen the point, also of views that
            were not used; NaN without a point.
        used: `(V, ...)` views that the point was made of.
        state: `(...)` index of `core.views.STATES`.
    """

    points: FloatArray
    error: FloatArray
    covariance: FloatArray
    reprojection: FloatArray
    used: BoolArray
    state: npt.NDArray[np.int8]


def triangulate(cameras: Sequence[Camera], xy: npt.ArrayLike, error: npt.ArrayLike = 1.0) -> Triangulated:
    """Points in space from their pixels.

    Args:
        cameras: V of them, placed.
        xy: `(V, ..., 2)` px of each camera's frame; NaN where a view does not see a point.
        error: `(V, ...)`, or what broadcasts to it: expected error of each in px, a mean distance. Where it is not a
            positive number, that view of the point is not used.

    Raises:
        CalibrationError: fewer than two cameras, or not one set of pixels per camera.
    """
    pixels = np.asarray(xy, dtype=np.float64)
    if len(cameras) < 2:
        raise CalibrationError(f"expected at least two cameras to triangulate from, got {len(cameras)}")
    if pixels.ndim < 2 or pixels.shape[0] != len(cameras) or pixels.shape[-1] != 2:
        raise CalibrationError(f"expected pixels (V={len(cameras)}, ..., 2), got {pixels.shape}")
    shape = pixels.shape[1:-1]
    flat = pixels.reshape(len(cameras), -1, 2)
    wanted = np.broadcast_to(np.asarray(error, dtype=np.float64), pixels.shape[:-1])
    sd = wanted.reshape(len(cameras), -1) / DISTANCE_PER_SD
    known = np.isfinite(sd) & (sd > 0) & np.isfinite(flat).all(axis=-1)
    flat, sd = np.where(known[..., None], flat, np.nan), np.where(known, sd, 1.0)
    blocks = [
        _block(Observed.of(cameras, flat[:, start : start + _BLOCK], sd[:, start : start + _BLOCK]))
        for start in range(0, max(flat.shape[1], 1), _BLOCK)
    ]
    joined = {
        field.name: np.concatenate(
            [getattr(block, field.name) for block in blocks], axis=int(field.name in ("reprojection", "used"))
        )
        for field in fields(Triangulated)
    }
    views = (len(cameras), *shape)
    return Triangulated(
        joined["points"].reshape(*shape, 3),
        joined["error"].reshape(shape),
        joined["covariance"].reshape(*shape, 3, 3),
        joined["reprojection"].reshape(views),
        joined["used"].reshape(views),
        joined["state"].reshape(shape),
    )


def _block(observed: Observed) -> Triangulated:
    """Points of one block, P at once."""
    seen = observed.seen
    state = np.full(seen.shape[1], TOO_FEW, dtype=np.int8)
    fit, used = fit_points(observed, seen), seen.copy()
    n_seen = seen.sum(axis=0)
    agree = fit.misfit <= _limit(n_seen)
    state[n_seen >= 2] = CONTRADICTORY
    state[(n_seen >= 2) & agree] = GOOD
    torn = np.flatnonzero((n_seen >= 3) & ~agree)
    if len(torn):
        some = observed.take(torn)
        found, which = _by_subsets(some) if len(observed.cameras) <= MOST_SUBSETS else _by_pairs(some)
        for name in ("points", "misfit", "covariance"):
            getattr(fit, name)[torn] = getattr(found, name)
        used[:, torn] = which
        state[torn[which.any(axis=0)]] = GOOD
    error = expected_length(fit.covariance)
    good = state == GOOD
    state[good & ~(error < _UNSURE * _nearest(observed.cameras, fit.points))] = UNDETERMINED
    good = state == GOOD
    points = np.where(good[:, None], fit.points, np.nan)
    return Triangulated(
        points,
        np.where(good, error, np.nan),
        np.where(good[:, None, None], fit.covariance, np.nan),
        distances(observed.cameras, points, observed.xy),
        used & good,
        state,
    )


def distances(cameras: Sequence[Camera], points: FloatArray, xy: FloatArray) -> FloatArray:
    """`(V, ...)` px between points `(..., 3)` as the cameras see them and pixels `(V, ..., 2)`."""
    off = np.stack([camera.project(points) - seen for camera, seen in zip(cameras, xy, strict=True)])
    return np.asarray(np.hypot(off[..., 0], off[..., 1]))


def _limit(n_views: npt.NDArray[np.intp]) -> FloatArray:
    """The misfit beyond which views contradict each other: chi squared, of 2 numbers a view less 3 of the point."""
    freedom = np.maximum(2 * np.arange(int(n_views.max(initial=0)) + 1) - 3, 1)
    limits: FloatArray = chi2.ppf(1 - LEVEL, freedom)[n_views]
    return limits


def _nearest(cameras: Sequence[Camera], points: FloatArray) -> FloatArray:
    """`(P,)` distance to the nearest camera."""
    centers = np.stack([camera.center for camera in cameras])
    near: FloatArray = np.linalg.norm(points - centers[:, None], axis=-1).min(axis=0)
    return near


def _by_subsets(observed: Observed) -> tuple[PointFit, BoolArray]:
    """The largest subset of the views that agrees, of every point; `(V, P)` says which, none where there is none."""
    seen = observed.seen
    n_views, n_points = seen.shape
    best = _no_fit(n_points)
    used = np.zeros(seen.shape, dtype=bool)
    open_ = np.arange(n_points)
    for size in range(n_views - 1, 1, -1):
        tried = open_[seen[:, open_].sum(axis=0) > size]
        if not len(tried):
            continue
        chosen = _of_size(observed.take(tried), size, (best, used), tried)
        open_ = np.setdiff1d(open_, tried[chosen], assume_unique=True)
    return best, used


def _of_size(
    observed: Observed, size: int, result: tuple[PointFit, BoolArray], places: npt.NDArray[np.intp]
) -> BoolArray:
    """Enter the agreeing subset of `size` views of each point into `result` at `places`; `(P,)` where there was any."""
    best, used = result
    fits, masks = [], []
    for mask in _masks(observed.seen, size):
        fits.append(fit_points(observed, mask))
        masks.append(mask)
    limit = float(chi2.ppf(1 - LEVEL, 2 * size - 3))
    misfit = np.stack(
        [np.where(mask.sum(axis=0) == size, fit.misfit, np.inf) for fit, mask in zip(fits, masks, strict=True)]
    )
    misfit = np.where(misfit <= limit, misfit, np.inf)  # NaN as well
    first, every = misfit.argmin(axis=0), np.arange(misfit.shape[1])
    found = np.isfinite(misfit[first, every])
    points, covariance = np.stack([fit.points for fit in fits]), np.stack([fit.covariance for fit in fits])
    elsewhere = np.zeros(len(found), dtype=bool)
    for index in range(len(fits)):
        other = np.flatnonzero(np.isfinite(misfit[index]) & (first != index))
        apart = points[index, other] - points[first, every][other]
        together = inverse(covariance[index, other] + covariance[first, every][other])
        elsewhere[other] |= np.einsum("pi,pij,pj->p", apart, together, apart) > _ELSEWHERE
    good = found & ~elsewhere
    where = places[good]
    best.points[where] = points[first, every][good]
    best.misfit[where] = misfit[first, every][good]
    best.covariance[where] = covariance[first, every][good]
    used[:, where] = np.stack(masks)[first, :, every].T[:, good]
    return found


def _masks(seen: BoolArray, size: int) -> Iterator[BoolArray]:
    """`(V, P)` masks of each subset of the views; all false for points that a view of it does not see."""
    for subset in combinations(range(len(seen)), size):
        mask = np.zeros(seen.shape, dtype=bool)
        mask[list(subset)] = seen[list(subset)].all(axis=0)
        yield mask


def _by_pairs(observed: Observed) -> tuple[PointFit, BoolArray]:
    """As `_by_subsets`, for so many views that all subsets are too many: every pair proposes who agrees with it."""
    seen = observed.seen
    n_views, n_points = seen.shape
    votes, used = np.zeros(n_points), np.zeros(seen.shape, dtype=bool)
    for pair in _masks(seen, 2):
        proposal = fit_points(observed, pair)
        agree = seen & (_standardized(observed, proposal) <= chi2.ppf(1 - LEVEL, 2))
        count = np.where(proposal.misfit <= chi2.ppf(1 - LEVEL, 1), agree.sum(axis=0), 0)
        used[:, count > votes] = agree[:, count > votes]
        votes = np.maximum(votes, count)
    for _ in range(n_views - 2):  # a pair that is not sure of the place lets a wrong view pass: leave out the worst
        fit = fit_points(observed, used)
        torn = ~(fit.misfit <= _limit(used.sum(axis=0)))
        if not (torn & used.any(axis=0)).any():
            break
        off = np.where(used, _standardized(observed, fit), -np.inf)
        worst = off.argmax(axis=0)
        used[worst[torn], np.flatnonzero(torn)] = False
    # with fewer than half of its views, another set may agree as well
    enough = (used.sum(axis=0) >= 2) & (2 * used.sum(axis=0) > seen.sum(axis=0))
    used &= enough
    fit = fit_points(observed, used)
    return fit, used & (fit.misfit <= _limit(used.sum(axis=0)))


def _standardized(observed: Observed, fit: PointFit) -> FloatArray:
    """`(V, P)` squared distance of each view from a fitted point, over the variance of both."""
    off = np.empty(observed.sd.shape)
    for view, (camera, xy, sd) in enumerate(zip(observed.cameras, observed.xy, observed.sd, strict=True)):
        pixels, slope = project_with_slope(camera, fit.points)
        spread = slope @ fit.covariance @ slope.transpose(0, 2, 1) + (sd**2)[:, None, None] * np.eye(2)
        apart = pixels - xy
        a, b, d = spread[:, 0, 0], spread[:, 0, 1], spread[:, 1, 1]
        with np.errstate(all="ignore"):
            off[view] = (d * apart[:, 0] ** 2 - 2 * b * apart[:, 0] * apart[:, 1] + a * apart[:, 1] ** 2) / (
                a * d - b * b
            )
    return off


def _no_fit(n_points: int) -> PointFit:
    return PointFit(np.full((n_points, 3), np.nan), np.full(n_points, np.nan), np.full((n_points, 3, 3), np.nan))
