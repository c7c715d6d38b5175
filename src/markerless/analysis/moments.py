"""Moments: neighboring frames that are suspicious for the same reason, and reasons that speak of the same thing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from markerless.analysis.animal_track import Signs

JOIN_GAP = 3  # frames without a sign that do not end a moment
ALIKE = 3  # times as long, and some frames: moments more different in length are not the same thing
ALIKE_FRAMES = 5
MOST_KEYPOINTS_SAID = 3


@dataclass(frozen=True)
class Moment:
    """Frames of a video that are worth looking at.

    Attributes:
        start: First frame.
        stop: Frame after the last one.
        worst: The frame to look at.
        individual: Index of the animal.
        reason: "confidence", "error", "missing", "jump", "swap", "limb" or "pose"; of several the most severe.
        keypoints: Indices, the most suspicious first.
        words: What is suspicious at the worst frame.
        severity: 0 to 1; several reasons together are more than each.
        also: Other reasons at the same time, with their words.
    """

    start: int
    stop: int
    worst: int
    individual: int
    reason: str
    keypoints: tuple[int, ...]
    words: str
    severity: float
    also: tuple[tuple[str, str], ...] = ()

    @property
    def n_frames(self) -> int:
        return self.stop - self.start


def moments_of(signs: Signs, individual: int, most: int) -> tuple[list[Moment], int]:
    """The `most` severe moments of one reason, in the order of time, and how many there are altogether."""
    rows = np.flatnonzero((signs.severity > 0).any(axis=1))
    if not len(rows):
        return [], 0
    firsts = np.flatnonzero(np.diff(rows, prepend=rows[0] - JOIN_GAP - 2) > JOIN_GAP + 1)
    lasts = np.append(firsts[1:], len(rows)) - 1
    peaks = np.maximum.reduceat(signs.severity[rows].max(axis=1), firsts)
    kept = np.sort(np.argsort(-peaks, kind="stable")[:most])
    return [_moment(signs, individual, int(rows[firsts[i]]), int(rows[lasts[i]]) + 1) for i in kept], len(firsts)


def _moment(signs: Signs, individual: int, start: int, stop: int) -> Moment:
    part = signs.severity[start:stop]
    peaks = part.max(axis=0)
    keypoints = np.argsort(-peaks, kind="stable")[: int((peaks > 0).sum())]
    worst = start + int(part.sum(axis=1).argmax())
    there = np.argsort(-signs.severity[worst], kind="stable")[: int((signs.severity[worst] > 0).sum())]
    said = list(dict.fromkeys(signs.say(worst, int(k)) for k in there[:MOST_KEYPOINTS_SAID]))
    left = len(there) - MOST_KEYPOINTS_SAID
    words = "; ".join(said) + (f"; and {left} more" if left > 0 else "")
    severity = float(part.max())
    return Moment(start, stop, worst, individual, signs.reason, tuple(keypoints.tolist()), words, severity)


def merged(moments: Sequence[Moment]) -> list[Moment]:
    """Moments in the order of time, where those of one animal that overlap and are about as long became one."""
    result: list[Moment] = []
    open_ones: list[int] = []  # places in `result` that a later moment may still overlap
    for moment in sorted(moments, key=lambda one: (one.start, one.stop)):
        open_ones = [place for place in open_ones if result[place].stop >= moment.start]
        for place in open_ones:
            if _same_thing(result[place], moment):
                result[place] = _together(result[place], moment)
                break
        else:
            open_ones.append(len(result))
            result.append(moment)
    return sorted(result, key=lambda one: (one.start, one.stop))


def _same_thing(one: Moment, other: Moment) -> bool:
    short, long = sorted((one.n_frames, other.n_frames))
    return one.individual == other.individual and long <= ALIKE * short + ALIKE_FRAMES


def _together(one: Moment, other: Moment) -> Moment:
    lead, more = (one, other) if one.severity >= other.severity else (other, one)
    told = {lead.reason, *(reason for reason, _ in lead.also)}
    also = [*lead.also, *((r, w) for r, w in ((more.reason, more.words), *more.also) if r not in told)]
    return replace(
        lead,
        start=min(one.start, other.start),
        stop=max(one.stop, other.stop),
        keypoints=tuple(dict.fromkeys((*lead.keypoints, *more.keypoints))),
        severity=1 - (1 - one.severity) * (1 - other.severity),
        also=tuple(also),
    )
