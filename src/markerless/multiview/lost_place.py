"""The exact place of frames that a camera lost, by all the others, once these are in step; from points as they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from markerless.core.camera import Camera
from markerless.core.instance import FloatArray
from markerless.multiview.in_step import IndexArray, Lines, Single, column_scale, lines_for
from markerless.multiview.timeline import Lost, frames_at, period

_ABOUT = 300  # moments on either side
_WRONG = 6.0  # log likelihood: a point counts no more than that
_AS_WELL = 3.0  # a place that is worse by less may be the right one
_TEMPER = 0.7  # neighbors in time have errors in common
_SHARED = 0.5  # of the error of a distance is the camera's own, and the same for the lines of all others
_FEWEST = 3  # moments


def placed_again(
    camera: int,
    lost: Sequence[Lost],
    times: Sequence[FloatArray],
    cameras: Sequence[Camera],
    rays: Sequence[FloatArray],
) -> tuple[tuple[Lost, ...], FloatArray]:
    """The lost frames of one camera at their best places, and the times `(T,)` of its frames then.

    Args:
        camera: Which.
        lost: Its lost frames, in order.
        times: Of each camera `(T,)` in moments.
        cameras: V of them.
        rays: Of each `(T, P, 2)` undistorted image coordinates, nothing left out: just beside a gap a point jumps.
    """
    own, found = times[camera].copy(), list(lost)
    others = [other for other in range(len(cameras)) if other != camera]
    for index, one in enumerate(found):
        first = found[index - 1].before + 1 if index else 0
        last = found[index + 1].before - 1 if index + 1 < len(found) else len(own) - 1
        usual = period(own)
        begin = int(np.ceil(max(own[first], own[one.before - 1] - _ABOUT * usual)))
        end = int(np.floor(min(own[last], own[one.before] + _ABOUT * usual)))
        moments = np.arange(begin, end + 1, dtype=np.float64)
        if len(moments) < one.count + _FEWEST:
            continue
        lines = lines_for(camera, others, cameras, rays, [frames_at(times[other], moments) for other in others])
        early = one.before - 1 + (moments - own[one.before - 1]) / usual
        late = one.before + (moments - own[one.before]) / usual
        gap = round(float((own[one.before] - own[one.before - 1]) / usual)) - 1
        worth = _TEMPER / (1 + _SHARED * (len(others) - 1))
        now = (int(np.searchsorted(moments, own[one.before - 1] + 0.5 * usual)), round(gap * usual))
        best = _best(lines, (early, late), now, worth)
        found[index], own = _moved(one, own, moments[list(best)])
    return tuple(found), own


def _best(
    lines: Lines, frames: tuple[FloatArray, FloatArray], now: tuple[int, int], worth: float
) -> tuple[int, int, int]:
    """Index of the first moment that the camera lacks, and the least and greatest that would do as well."""
    every = np.arange(len(frames[0]))
    off = [_off(lines, every, one) for one in frames]
    both = np.isfinite(off[0]) & np.isfinite(off[1])
    first_lacking, missing = now
    scale = column_scale(np.where((every < first_lacking)[:, None], off[0], off[1]))
    cost = [np.minimum(0.5 * np.square(np.where(both, one, 0) / scale), _WRONG).sum(axis=1) for one in off]
    usual = float(np.minimum(cost[0], cost[1]).mean())
    before, after = (np.concatenate([[0.0], np.cumsum(one)]) for one in cost)
    first = np.arange(1, len(every) - missing)
    spent = worth * (before[first] + after[-1] - after[first + missing] + usual * missing)
    well = first[spent <= spent.min() + _AS_WELL]
    return int(first[spent.argmin()]), int(well.min()), int(well.max())


def _off(lines: Lines, moments: IndexArray, frames: FloatArray) -> Single:
    whole = np.floor(frames + 1e-6).astype(np.intp)
    share = np.clip(frames - whole, 0, 1).astype(np.float32)[:, None]
    low = lines.off(moments, whole)
    return np.where(share > 0.02, (1 - share) * low + share * lines.off(moments, whole + 1), low)


def _moved(lost: Lost, times: FloatArray, moments: FloatArray) -> tuple[Lost, FloatArray]:
    """The lost frames put before another frame: that of the moment found, and the range of moments that may be."""
    usual = period(times)
    shift = times[lost.before] - times[lost.before - 1] - usual
    early = np.concatenate([times[: lost.before], times[lost.before :] - shift])
    place, low, high = (
        int(np.clip(np.searchsorted(early, moment - 0.5 * usual), 1, len(times) - 1)) for moment in moments
    )
    out = early.copy()
    out[place:] += shift
    return replace(lost, before=place, between=(low, high)), out
