"""Cameras brought into step by what they saw: offset, rate and lost frames of each, with how sure that is.

The first camera gives the moments. One after the other, each camera is laid beside those that are in step already: the
points of these are lines in its picture, and its lag is where it sees the points on the lines. So no camera has to see
much of the first one, and later ones have more to go by.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from markerless.core.camera import Camera
from markerless.core.instance import FloatArray
from markerless.multiview.coarse_lag import FEWEST_WINDOWS, WINDOW, LagPath, compare, find_path
from markerless.multiview.fine_lag import Line, Windows, local_lags, straight
from markerless.multiview.in_step import IndexArray, Lines, between, lines_for, without_jumps
from markerless.multiview.lag_steps import MOST_DRIFT, find_steps
from markerless.multiview.lost_frames import Jump, find_jumps
from markerless.multiview.lost_place import placed_again
from markerless.multiview.timeline import Lost, frames_at, period

SURE = 1.96
_QUICK_LAG = 60
_MOST_LAG = 3000  # frames to either side, unless the counts differ by more
_ONE_SIDED = 1.645 / SURE
_LARGEST_INTERVAL = 1.2  # frames: an offset that is less sure is not told
_FEWEST_VALUES = 40
_TELLING = 3.3  # standard errors by which the best lag beats the next
_RATE_TELLS = 5.0
_LEAST_DRIFT = 0.1  # frames over the recording: a rate that makes less of a difference is left at what it should be
_MATTERS = 1.2  # times the distance of the best lag
_SETTLED = 0.2  # frames
_VALLEY = 0.5
_DEPTH = 3.6  # usual differences between lags
_LEAST_GAIN = 12.0  # log likelihood, over the next best lag


@dataclass(frozen=True)
class Evidence:
    """What the motion says of one camera.

    Attributes:
        offset: Frame of the camera that shows the moment of frame 0 of the first camera.
        rate: Its frames for each frame of the first camera.
        interval: 95 % of the offset lie within so many frames of it.
        rate_interval: Likewise of the rate; 0 where it was not in question.
        misfit_px: Usual distance of the points from where the other cameras say they are, where the animal moves.
        next_lag: The lag beside the offset that fits next best, in frames; NaN without one.
        next_misfit_px: The distance there.
        better: By how many standard errors the offset fits better than the next best lag.
        reason: Why the offset cannot be told; "" when it can.
        ends: Lag in whole frames at the beginning and at the end, of a quick look.
    """

    offset: float
    rate: float
    interval: float
    rate_interval: float
    misfit_px: float
    next_lag: float
    next_misfit_px: float
    better: float
    reason: str = ""
    ends: tuple[float, float] = (float("nan"), float("nan"))


@dataclass(frozen=True)
class InStep:
    """Cameras in step.

    Attributes:
        times: Of each camera `(T,)`, the moment of each frame.
        lost: Of each camera the frames it lost.
        evidence: Of each camera; None for the first.
    """

    times: tuple[FloatArray, ...]
    lost: tuple[tuple[Lost, ...], ...]
    evidence: tuple[Evidence | None, ...]


def put_in_step(
    cameras: Sequence[Camera], xy: Sequence[FloatArray], times: Sequence[FloatArray], quick: bool = False
) -> InStep:
    """Bring cameras into step.

    Args:
        cameras: V of them, calibrated.
        xy: Of each `(T, P, 2)` px, of the same P points; T may differ. NaN where not seen.
        times: Of each `(T,)` what is known: the moments of its frames, as far as its own clock is right.
        quick: Only look for whole frames near to what is known, to say whether there is something to be done.

    Returns:
        Times and what they are founded on. A camera whose `Evidence.reason` is not empty keeps the times it had.
    """
    rays = [camera.rays(without_jumps(seen)) for camera, seen in zip(cameras, xy, strict=True)]
    rig = _Rig(cameras, rays, quick)
    state = InStep(tuple(times), ((),) * len(cameras), (None,) * len(cameras))
    done, left, put_off = [0], list(range(1, len(cameras))), 0
    while left and put_off < len(left):  # one that cannot be told yet waits for the others
        shared = [_shared(rays[camera], [rays[other] for other in done]) for camera in left[put_off:]]
        camera = left.pop(put_off + int(np.argmax(shared)))
        state = _placed(state, camera, done, rig)
        told = state.evidence[camera]
        if told is not None and told.reason:
            left.insert(0, camera)
            put_off += 1
        else:
            done, put_off = [*done, camera], 0
    if quick:
        return state
    plain = [camera.rays(seen) for camera, seen in zip(cameras, xy, strict=True)]
    for camera in left:
        plain[camera] = np.full_like(plain[camera], np.nan)  # when its frames are is not known
    for camera, lost in enumerate(state.lost):
        if lost:
            state = _sharpened(state, camera, cameras, plain)
    return state


def _sharpened(state: InStep, camera: int, cameras: Sequence[Camera], rays: Sequence[FloatArray]) -> InStep:
    """The state with the frames that one camera lost at their best places."""
    times, lost = list(state.times), list(state.lost)
    lost[camera], times[camera] = placed_again(camera, lost[camera], times, cameras, rays)
    return replace(state, times=tuple(times), lost=tuple(lost))


def _shared(rays: FloatArray, others: Sequence[FloatArray]) -> int:
    """How often points are seen that another camera sees too."""
    own = np.isfinite(rays[..., 0]).mean(axis=0)
    return int(1e6 * sum(float((own * np.isfinite(other[..., 0]).mean(axis=0)).sum()) for other in others))


@dataclass(frozen=True)
class _Rig:
    """Cameras, what each saw as undistorted coordinates `(T, P, 2)`, and whether to be quick."""

    cameras: Sequence[Camera]
    rays: Sequence[FloatArray]
    quick: bool


def _placed(state: InStep, camera: int, done: Sequence[int], rig: _Rig) -> InStep:
    """One more camera in step with those that are done."""
    begin = int(np.floor(min(state.times[other][0] for other in done)))
    end = int(np.ceil(max(state.times[other][-1] for other in done)))
    moments = np.arange(begin, end + 1, dtype=np.float64)
    own = state.times[camera]
    grid = np.arange(np.ceil(own[0] - 1e-9), np.floor(own[-1] + 1e-9) + 1)
    seen = list(rig.rays)
    seen[camera] = between(seen[camera], frames_at(own, grid))
    at = [frames_at(state.times[other], moments) for other in done]
    lines = lines_for(camera, done, rig.cameras, seen, at)
    told, jumps = lag_of(lines, begin, begin - int(grid[0]), rig.quick)
    evidence = list(state.evidence)
    evidence[camera] = replace(told, offset=_frame_of(told.offset, own), rate=told.rate * _pace(own))
    state = replace(state, evidence=tuple(evidence))
    if told.reason:
        return state
    return _with_jumps(state, camera, done, jumps, (own - told.offset) / told.rate)


def _frame_of(time: float, times: FloatArray) -> float:
    """The frame of a camera at a time by its own clock, also outside of its recording."""
    inside = float(np.clip(time, times[0], times[-1]))
    return float(np.interp(inside, times, np.arange(len(times)))) + (time - inside) * _pace(times)


def _pace(times: FloatArray) -> float:
    """Frames a moment by a camera's own clock."""
    return 1 / period(times)


def _with_jumps(state: InStep, camera: int, done: Sequence[int], jumps: Sequence[Jump], own: FloatArray) -> InStep:
    """Lost frames become gaps in the times: of the camera where its lag falls, of all others where it rises."""
    times, lost = list(state.times), list(state.lost)
    added = 0
    for jump in jumps:
        moment, frames = jump.moment + added, jump.frames
        who = [camera] if frames < 0 else done
        count = abs(frames)
        for one in who:
            here = own if one == camera else times[one]
            place = np.searchsorted(here, [moment - 0.5, *(np.array(jump.between) + added - 0.5)])
            lost[one] = (*lost[one], Lost(int(place[0]), count, (int(place[1]), int(place[2]))))
            moved = here + count * (here >= moment - 0.5)
            if one == camera:
                own = moved
            else:
                times[one] = moved
        added += count if frames > 0 else 0
    times[camera] = own
    return replace(state, times=tuple(times), lost=tuple(lost))


def lag_of(lines: Lines, begin: int, shift: int, quick: bool) -> tuple[Evidence, list[Jump]]:
    """Offset, rate and jumps of a camera.

    Args:
        lines: Where the others see the points, at M moments, and where it sees them, in T frames.
        begin: The first of the moments.
        shift: By how many frames the camera is ahead when the lag is called 0.
        quick: Only whole frames, near to 0.

    Returns:
        The offset is the lag in frames at moment 0, as the line through all lags has it; and the jumps.
    """
    n_values = min(int(np.isfinite(lines.x).sum()), int(np.isfinite(lines.u).sum()))
    if n_values < _FEWEST_VALUES:
        return _untold(f"it shares fewer than {_FEWEST_VALUES} points with the cameras before it"), []
    lags = _lags(lines, shift, quick)
    for centered in (False, True):
        path = find_path(lines, lags, centered)
        told = _is_told(lines, path)
        if not told.reason:
            break
    if told.reason:
        return replace(told, offset=float(np.median(path.lag)) - shift), []
    if quick:
        return _glance(lines, path, told, shift), []
    line, jumps = _refined(lines, path)
    spread = line.covariance
    rate_interval = SURE * float(np.sqrt(spread[1, 1]))
    interval = SURE * float(np.sqrt(spread[0, 0] + (line.middle + begin) ** 2 * spread[1, 1]))  # at moment 0
    reason = ""
    if not interval <= _LARGEST_INTERVAL:
        known = (
            f"to tell it to better than {interval:.1f} frames"
            if np.isfinite(interval)
            else "for the noise of its points"
        )
        reason = f"the animal moves too little {known}"
    offset = line.offset - line.drift * (line.middle + begin) - shift
    told = replace(told, offset=offset, rate=1 + line.drift, interval=interval, rate_interval=rate_interval)
    jumps = [Jump(one.moment + begin, one.frames, (one.between[0] + begin, one.between[1] + begin)) for one in jumps]
    return replace(told, reason=reason), jumps


def _glance(lines: Lines, path: LagPath, told: Evidence, shift: int) -> Evidence:
    """The lag as it is most of the time, how sure it is, and what it is at the ends."""
    moments = np.arange(lines.n_moments)
    windows = Windows(window_of(path, lines.n_moments), len(path.lag))
    frames = (moments + round(float(np.median(path.lag)))).astype(np.float64)
    line = _surest(
        *(straight(lines, frames, replace(windows, centered=how), with_drift=False) for how in (False, True))
    )
    interval = SURE * float(np.sqrt(line.covariance[0, 0]))
    ends = (float(path.lag[0]) - shift, float(path.lag[-1]) - shift)
    if lines.n_moments < FEWEST_WINDOWS * WINDOW:
        ends = (float(np.median(path.lag)) - shift,) * 2  # a shorter window does not tell a lag of its own
    offset = line.offset + round(float(np.median(path.lag))) - shift
    if abs(offset) >= 1:
        better, px, known_px = compare(lines, path, -round(offset))
        if better < _TELLING or known_px < _MATTERS * px:
            offset = 0.0  # as well in step as one can tell
    return replace(told, offset=offset, interval=interval, ends=ends)


def window_of(path: LagPath, n_moments: int) -> IndexArray:
    """`(M,)` the window of each moment."""
    found = np.searchsorted(path.edges, np.arange(n_moments), side="right") - 1
    return np.asarray(np.clip(found, 0, len(path.lag) - 1))


def _surest(line: Line, other: Line) -> Line:
    """The surer of two; where the other contradicts it beyond what both allow, it is less sure by that."""
    first, second = sorted((line, other), key=lambda one: float(one.covariance[0, 0]))
    beyond = abs(first.at(second.middle) - second.offset) - SURE * float(np.sqrt(second.covariance[0, 0]))
    if beyond > 0:
        first = replace(first, covariance=first.covariance + np.diag([(beyond / SURE) ** 2, 0.0]))
    sure = SURE * float(np.sqrt(first.covariance[0, 0]))
    beside = abs(first.offset - round(first.offset))
    if first.drift or beside > sure:
        return first
    # The simplest that fits, so that no frame is made of two; as unsure as to allow for what was likely before.
    wider = np.diag([(max(sure, beside + _ONE_SIDED * sure) / SURE) ** 2, first.covariance[1, 1]])
    return replace(first, offset=float(round(first.offset)), covariance=wider)


def _untold(reason: str) -> Evidence:
    nan = float("nan")
    return Evidence(nan, 1.0, nan, nan, nan, nan, nan, nan, reason)


def _lags(lines: Lines, shift: int, quick: bool) -> IndexArray:
    shorter = min(lines.n_moments, lines.n_frames)
    most = max(min(shorter // 4, _MOST_LAG), abs(lines.n_moments - lines.n_frames) + 100)
    most = min(shorter // 4, _QUICK_LAG) if quick else most
    return np.arange(shift - most, shift + most + 1)


def _is_told(lines: Lines, path: LagPath) -> Evidence:
    """Whether the best lag is much better than any other."""
    profile = path.around
    own = int(np.abs(path.away).argmin())
    wall = profile[own] + _VALLEY * (float(np.median(profile)) - profile[own])
    above = np.flatnonzero(profile > wall)
    left, right = above[above < own], above[above > own]
    outside = np.concatenate([np.arange(one[0], one[1]) for one in _outside(left, right, len(profile))])
    if not len(outside) or wall <= profile[own]:
        return _untold("the animal moves too little: all lags fit alike")
    following = int(path.away[outside[profile[outside].argmin()]])
    better, px, next_px = compare(lines, path, following)
    found = replace(_untold(""), misfit_px=px, next_lag=float(following), next_misfit_px=next_px, better=better)
    usual = float(np.median(profile))
    around = 1.4826 * float(np.median(np.abs(profile - usual)))
    stands_out = usual - profile[own] > _DEPTH * around
    gain = float(profile[outside].min() - profile[own])
    if gain < _LEAST_GAIN or not (better >= _TELLING or stands_out):
        return replace(found, reason=f"a lag of {following:+d} frames beside the best fits nearly as well")
    return found


def _outside(left: IndexArray, right: IndexArray, count: int) -> list[tuple[int, int]]:
    """What lies beyond the walls of the valley, as ranges of indices."""
    return [(0, int(left[-1]) + 1 if len(left) else 0), (int(right[0]) if len(right) else count, count)]


def _refined(lines: Lines, path: LagPath) -> tuple[Line, list[Jump]]:
    """The lag as a line over the index of the moments, and its jumps."""
    moments = np.arange(lines.n_moments)
    n_windows = len(path.lag)
    of = window_of(path, lines.n_moments)
    windows = Windows(of, n_windows, path.centered)
    moved, sd = local_lags(lines, (moments + path.lag[of]).astype(np.float64), windows)
    center = (path.edges[:-1] + path.edges[1:] - 1) / 2
    steps = find_steps(path.lag + moved, sd, center)
    offset, drift, level = steps.offset - steps.drift * steps.middle, steps.drift, steps.level
    line = Line(0.0, 0.0, np.full((2, 2), np.inf), steps.middle, float("nan"))
    near = level[of]
    frames: FloatArray = moments + offset + drift * moments + near
    jumps: list[Jump] = []
    for _ in range(2):
        plain = moments + offset + drift * moments
        straightened = lines.less(windows.means(lines, frames)) if path.centered else lines
        first, jumps = find_jumps(straightened, plain, near)
        was = offset + first
        line = _line(lines, positions(plain + first, jumps), windows, (was, drift))
        offset, drift = line.offset - line.drift * line.middle, line.drift
        frames = positions(moments + offset + drift * moments, jumps)
        near = levels_of(jumps, len(moments))
        if not jumps and abs(line.offset - was) < _SETTLED:
            break
    if path.centered:
        return _surest(line, line), jumps
    return _surest(line, _line(lines, frames, replace(windows, centered=True), (offset, drift))), jumps


def positions(plain: FloatArray, jumps: Sequence[Jump]) -> FloatArray:
    """`(M,)` frame of the camera at every moment, with its jumps; NaN at moments it lacks."""
    out = plain + levels_of(jumps, len(plain))
    for jump in jumps:
        out[jump.moment : jump.moment + max(-jump.frames, 0)] = np.nan
    return out


def levels_of(jumps: Sequence[Jump], n_moments: int) -> IndexArray:
    """`(M,)` the sum of the jumps up to each moment."""
    out = np.zeros(n_moments, dtype=np.intp)
    for jump in jumps:
        out[jump.moment :] += jump.frames
    return out


def _line(lines: Lines, frames: FloatArray, windows: Windows, was: tuple[float, float]) -> Line:
    """The line fitted anew, its slope left at none where the motion does not tell one."""
    moments = np.arange(lines.n_moments)
    offset, drift = was
    free = straight(lines, frames, windows, with_drift=True)
    total, sd = drift + free.drift, float(np.sqrt(free.covariance[1, 1]))
    tells = abs(total) > _RATE_TELLS * sd and abs(total) * len(moments) > _LEAST_DRIFT
    if tells and abs(total) <= MOST_DRIFT:
        return replace(free, offset=offset + drift * free.middle + free.offset, drift=total)
    level = frames - drift * (moments - free.middle)
    fixed = straight(lines, level, windows, with_drift=False)
    return replace(fixed, offset=offset + drift * free.middle + fixed.offset, drift=0.0)
