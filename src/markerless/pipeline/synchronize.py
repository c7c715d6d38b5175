"""Results of cameras that do not run in step, brought to common moments; and a look at those that should."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from markerless.core.camera import Calibration, Camera
from markerless.core.instance import FloatArray
from markerless.errors import CalibrationError, LabelsError
from markerless.multiview.coarse_lag import FEWEST_WINDOWS
from markerless.multiview.in_step import IndexArray
from markerless.multiview.plausible import refuse_implausible
from markerless.multiview.resample import Seen, resampled
from markerless.multiview.sync import SURE, Evidence, InStep, put_in_step
from markerless.multiview.timeline import Lost, common_moments, frames_at, gaps, period
from markerless.pipeline.camera_times import FrameTimes, TimesSource, read_times
from markerless.pipeline.seen_points import Names, SeenPoints, Source, read_seen

_OTHER_RATE = 1e-3  # cameras whose rates differ by more have other rates, not other clocks
_LATE = 1  # frames that are told when nobody asked
_DRIFTS = 2  # frames between beginning and end, likewise
_STRETCHES, _STRETCH = 30, 1000  # of frames, that are looked at when nobody asked
_MOST_TOLD = 6  # lost frames of a camera, one by one
_FEWEST_FRAMES = FEWEST_WINDOWS  # of which the motion tells anything


@dataclass(frozen=True)
class StepOptions:
    """How cameras are brought into step.

    Attributes:
        cutoff: Points whose score is lower are left out.
        motion: Whether to find out from the motion.
        times: Camera -> where the times of its frames are.
    """

    cutoff: float = 0.0
    motion: bool = False
    times: Mapping[str, TimesSource] = field(default_factory=dict)


@dataclass(frozen=True)
class CameraStep:
    """How a camera runs beside the first one.

    Attributes:
        name: Of the camera.
        source: What that is known from: "motion", "timestamps", "video", "frame rate" or "frame numbers".
        offset: Its frame that shows what the first camera shows in frame 0.
        rate: Its frames for each frame of the first camera.
        lost: Frames it lost.
        evidence: What the motion says; None where it was not asked.
    """

    name: str
    source: str
    offset: float
    rate: float
    lost: tuple[Lost, ...]
    evidence: Evidence | None

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        told: dict[str, Any] = {"source": self.source, "offset": self.offset, "rate": self.rate}
        told["lost"] = [{"before": one.before, "count": one.count, "between": list(one.between)} for one in self.lost]
        if self.evidence is not None:
            told |= {
                "offset_interval": self.evidence.interval,
                "rate_interval": self.evidence.rate_interval,
                "misfit_px": self.evidence.misfit_px,
                "next_best_lag": self.evidence.next_lag,
                "next_best_misfit_px": self.evidence.next_misfit_px,
            }
        return told


def bring_into_step(
    seen: SeenPoints, cameras: Sequence[Camera], motion: bool, times: Mapping[str, TimesSource]
) -> tuple[SeenPoints, tuple[CameraStep, ...]]:
    """What the cameras saw, at moments that they have in common, one for each frame of the first camera.

    Args:
        seen: As `read_seen` gives it when told that the views are not in step.
        cameras: Of its views, in their order.
        motion: Whether to ask the motion what the times do not tell.
        times: Camera -> where the times of its frames are; for all or for none.

    Raises:
        CalibrationError: the animal moves too little to tell.
        FormatError: times that cannot be read.
        LabelsError: times of some cameras only, times that are not of these frames, or cameras that do not overlap.
    """
    notes: list[str] = []
    clocks = _clocks(seen, times, notes)
    step = _by_motion(seen, cameras, clocks, notes) if motion else _by_clocks(clocks)
    moments = common_moments(step.times, seen.views)
    frames = np.stack([frames_at(one, moments) for one in step.times], axis=1)
    out = _at(seen, frames, step)
    steps = tuple(_step(seen.views[index], clocks[index], step, index) for index in range(len(clocks)))
    if not motion and times and any(clock.own_clock for clock in clocks):
        notes.append("times count from the first frame of each camera: they are taken to have started together")
    if not motion:
        notes += out_of_step(out, cameras)
    _note_overlap(out, seen, step, notes)
    fps = _rate(clocks[0], seen)
    return replace(out, notes=(*seen.notes, *notes), fps=fps), steps


def _clocks(seen: SeenPoints, times: Mapping[str, TimesSource], notes: list[str]) -> list[FrameTimes]:
    """The times of every camera as they are given, by its rate, or by counting."""
    for name in times:
        if name not in seen.views:
            raise LabelsError(f"expected times of {', '.join(seen.views)}, got some of '{name}'")
    missing = [name for name in seen.views if name not in times]
    if times and missing:
        raise LabelsError(f"expected the times of all cameras or of none, got none of {', '.join(missing)}")
    rates = np.array(seen.view_fps)
    if not times:
        apart = np.isfinite(rates).all() and rates.max() > (1 + _OTHER_RATE) * rates.min()
        if apart:
            told = ", ".join(f"{name} {rate:g}" for name, rate in zip(seen.views, rates, strict=True))
            notes.append(f"frame rates as the files give them: {told}")
        return [
            FrameTimes(
                np.arange(count) / (rate if apart else 1.0), "frame rate" if apart else "frame numbers", "", True
            )
            for count, rate in zip(seen.counts, rates, strict=True)
        ]
    found = [
        read_times(name, times[name], count, rate)
        for name, count, rate in zip(seen.views, seen.counts, rates, strict=True)
    ]
    notes += [f"times of '{name}': {clock.told}" for name, clock in zip(seen.views, found, strict=True)]
    return found


def _moments(seconds: FloatArray, first: FloatArray) -> FloatArray:
    """Times in frames of the first camera since its first frame."""
    return np.asarray((seconds - first[0]) / period(first))


def _rate(clock: FrameTimes, seen: SeenPoints) -> float:
    """Frames a second of the result."""
    if clock.source in ("timestamps", "video") or (clock.source == "frame rate" and len(clock.seconds) > 1):
        return 1 / period(clock.seconds)
    return seen.view_fps[0] if math.isfinite(seen.view_fps[0]) else seen.fps


def _by_clocks(clocks: Sequence[FrameTimes]) -> InStep:
    given = tuple(_moments(clock.seconds, clocks[0].seconds) for clock in clocks)
    return InStep(given, tuple(gaps(one) for one in given), (None,) * len(given))


def _by_motion(seen: SeenPoints, cameras: Sequence[Camera], clocks: Sequence[FrameTimes], notes: list[str]) -> InStep:
    """The cameras by their motion. One of which it does not tell stays as its times have it, if others are told."""
    given = _by_clocks(clocks)
    for name, times in zip(seen.views, given.times, strict=True):
        n_frames = min(len(times), int(times[-1] - times[0] + 1 + _OTHER_RATE))  # a fast camera has many in no time
        if n_frames < _FEWEST_FRAMES:
            raise CalibrationError(
                f"expected at least {_FEWEST_FRAMES} frames of every camera, and as many of '{seen.views[0]}' in that "
                f"time, to tell from the motion how they run, got {n_frames} of camera '{name}'; give a longer "
                "recording, or --times CAMERA=FILE without --sync"
            )
    found = put_in_step(cameras, _points(seen), given.times)
    evidence = list(found.evidence)
    told = any(one is not None and not one.reason for one in evidence)
    for index, name in enumerate(seen.views):
        one = evidence[index]
        if one is None or not one.reason:
            continue
        reason = f"the motion does not tell how camera '{name}' runs beside the others: {one.reason}"
        known = not clocks[index].own_clock or seen.counts[index] == seen.counts[0]
        if not (told and known) or found.lost[0]:
            raise CalibrationError(
                f"{reason}; give --times CAMERA=FILE, a longer recording, or cut the videos to the same moments"
            )
        first = f"it is taken to have started with '{seen.views[0]}'"
        as_it_is = first if clocks[index].own_clock else "its times are taken as they are"
        notes.append(f"{reason}; {as_it_is}: leave the camera out if that may be wrong")
        evidence[index] = None
    lost = tuple((*a, *b) for a, b in zip(given.lost, found.lost, strict=True))
    return replace(found, evidence=tuple(evidence), lost=lost)


def _points(seen: SeenPoints) -> list[FloatArray]:
    return [xy[:count] for xy, count in zip(seen.flat_xy, seen.counts, strict=True)]


def _at(seen: SeenPoints, frames: FloatArray, step: InStep) -> SeenPoints:
    """What the views saw at the frames `(M, V)`."""
    shape = seen.xy.shape[2:4]
    found: list[Seen] = []
    used = np.empty_like(frames)
    for view, count in enumerate(seen.counts):
        error = None if seen.error is None else seen.error[view, :count].reshape(count, -1)
        whole = Seen(seen.xy[view, :count].reshape(count, -1, 2), seen.score[view, :count].reshape(count, -1), error)
        evidence = step.evidence[view]
        interval = evidence.interval if evidence is not None and math.isfinite(evidence.interval) else 0.0
        one, used[:, view] = resampled(whole, frames[:, view], interval / SURE)
        found.append(one)
    errors = [one.error.reshape(-1, *shape) for one in found if one.error is not None]
    return replace(
        seen,
        xy=np.stack([one.xy.reshape(-1, *shape, 2) for one in found]),
        score=np.stack([one.score.reshape(-1, *shape) for one in found]),
        error=np.stack(errors) if len(errors) == len(found) else None,
        camera_frame=used,
    )


def _step(name: str, clock: FrameTimes, step: InStep, index: int) -> CameraStep:
    times, evidence = step.times[index], step.evidence[index]
    if evidence is not None:
        return CameraStep(name, "motion", evidence.offset, evidence.rate, step.lost[index], evidence)
    pace = 1 / period(times)
    inside = float(np.clip(0.0, times[0], times[-1]))
    offset = float(np.interp(inside, times, np.arange(len(times)))) + (0.0 - inside) * pace
    return CameraStep(name, clock.source, offset, pace, step.lost[index], None)


def _note_overlap(out: SeenPoints, seen: SeenPoints, step: InStep, notes: list[str]) -> None:
    """Say of which camera most frames have no other camera beside them."""
    known = np.isfinite(out.camera_frame)
    together = (known & (known.sum(axis=1, keepdims=True) >= 2)).sum(axis=0)  # moments: frames of the first camera
    for name, count, times, moments in zip(seen.views, seen.counts, step.times, together, strict=True):
        frames = round(float(moments) / period(times))  # of the camera's own
        if 2 * frames < count:
            notes.append(f"only {frames} of {count} frames of camera '{name}' have another camera beside")


def describe(steps: Sequence[CameraStep]) -> list[str]:
    """How the cameras run, one line for each thing there is to say."""
    if not steps:
        return []
    first, *others = steps
    lines = []
    for one in others:
        rate = "" if abs(one.rate - 1) < 5e-7 else f"{one.rate:.6f} "
        line = f"frame t of {first.name} is frame {rate}t {'-' if one.offset < 0 else '+'} {abs(one.offset):.2f}"
        if one.evidence is not None:
            line += f" (95 % within {one.evidence.interval:.2f}{_fit(one.evidence)})"
        lines.append(f"{one.name}: {line}, by {one.source}")
    for one in steps:
        lines += [f"{one.name}: {_lost(lost)}" for lost in one.lost[:_MOST_TOLD]]
        rest = one.lost[_MOST_TOLD:]
        if rest:
            lines.append(f"{one.name}: lost {sum(lost.count for lost in rest)} more, in {len(rest)} places")
    return lines


def _fit(evidence: Evidence) -> str:
    """How the best lag fits and the next; nothing where these share no points."""
    if not math.isfinite(evidence.next_misfit_px):
        return ""
    return (
        f"; {evidence.misfit_px:.2g} px off, {evidence.next_misfit_px:.2g} px at the next best lag "
        f"{evidence.next_lag:+.0f}"
    )


def _lost(lost: Lost) -> str:
    low, high = lost.between
    where = "" if low == high else f" (it may be any from {low} to {high})"
    return f"lost {lost.count} frame{'s' if lost.count > 1 else ''} before its frame {lost.before}{where}"


def _stretches(n_frames: int) -> IndexArray:
    """Frames that are looked at: of a long recording, stretches from its beginning to its end."""
    if n_frames <= _STRETCHES * _STRETCH:
        return np.arange(n_frames)
    starts = np.linspace(0, n_frames - _STRETCH, _STRETCHES).round().astype(np.intp)
    return np.asarray((starts[:, None] + np.arange(_STRETCH)).ravel())


def out_of_step(seen: SeenPoints, cameras: Sequence[Camera]) -> list[str]:
    """Warnings, if the motion says that cameras which should do not run in step; none where it is too short to tell."""
    if seen.xy.shape[1] < _FEWEST_FRAMES:
        return []
    some = _stretches(seen.xy.shape[1])
    moments = np.arange(len(some), dtype=np.float64)
    found = put_in_step(cameras, list(seen.flat_xy[:, some]), [moments] * len(cameras), quick=True)
    told = {
        name: evidence
        for name, evidence in zip(seen.views, found.evidence, strict=True)
        if evidence is not None and not evidence.reason
    }
    unsure = {seen.views[0]: 0.0} | {name: evidence.interval for name, evidence in told.items()}
    exact = {seen.views[0]: 0.0} | {name: evidence.offset for name, evidence in told.items()}
    offsets = {name: float(round(value)) for name, value in exact.items()}
    values = list(offsets.values())
    usual = max(values, key=lambda value: (values.count(value), value == 0.0))
    lines = []
    for name, offset in offsets.items():
        late = int(offset - usual)
        others = ", ".join(other for other, value in offsets.items() if value == usual and other != name)
        if abs(late) >= _LATE and others and abs(exact[name] - usual) > 0.5 + 2 * unsure[name]:
            number = f"{abs(late)} frame{'s' if abs(late) > 1 else ''}"
            word, sign = ("late", "+") if late > 0 else ("early", "-")
            lines.append(
                f"camera '{name}' is {number} {word}: its frame t {sign} {abs(late)} shows "
                f"what frame t of {others} shows"
            )
    for name, evidence in told.items():
        begin, end = evidence.ends
        if abs(end - begin) >= _DRIFTS:
            lines.append(
                f"camera '{name}' does not keep step: it is {begin:+.0f} frames late at the beginning, "
                f"{end:+.0f} at the end"
            )
    return [f"{line}; pass --sync to bring the cameras into step" for line in lines]


@dataclass(frozen=True)
class InStepViews:
    """What the cameras saw of common moments.

    Attributes:
        seen: Of every camera.
        steps: How each runs beside the first; empty when nothing was asked for.
        warnings: What the motion says against cameras that are taken to be in step.
    """

    seen: SeenPoints
    steps: tuple[CameraStep, ...] = ()
    warnings: tuple[str, ...] = ()


def read_in_step(
    files: Mapping[str, Source], names: Names | None, cameras: Calibration | None, how: StepOptions
) -> InStepViews:
    """Read what each camera saw, and bring it to common moments where asked to; else look whether that is needed.

    Args:
        files: Camera -> file or what is in it.
        names: As in `read_seen`.
        cameras: Calibrated; None where they are found later, from views of one picture.
        how: What to do.

    Raises:
        CalibrationError, FormatError, LabelsError: as `read_seen` and `bring_into_step` do.
    """
    different = {str(one) if isinstance(one, Path | str) else id(one) for one in files.values()}
    one_picture = cameras is None or len(different) == 1
    if not how.motion and not how.times:
        seen = read_seen(files, names, how.cutoff)
        if one_picture or cameras is None or seen.frames:
            return InStepViews(seen)
        return InStepViews(seen, warnings=tuple(out_of_step(seen, _of(seen, cameras))))
    if one_picture or cameras is None:
        raise LabelsError(
            "expected the files of several cameras to bring into step, got views of one picture, which are of the same "
            "moment; leave --sync and --times out"
        )
    seen = read_seen(files, names, how.cutoff, in_step=False)
    return InStepViews(*bring_into_step(seen, _of(seen, cameras), how.motion, how.times))


def _of(seen: SeenPoints, cameras: Calibration) -> tuple[Camera, ...]:
    chosen = replace(cameras, cameras=tuple(cameras.camera(name) for name in seen.views))
    refuse_implausible(chosen)
    return chosen.cameras
