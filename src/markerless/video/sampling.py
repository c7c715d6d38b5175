"""Which frames of a video to label: spread over time, over what the pictures look like, or where much moves.

A long video is not decoded as a whole. Frames that can be decoded on their own (key frames) are looked at, and where
they are few some frames behind each; a short video is read through. So an hour takes well under a minute.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from markerless.core.progress import Progress, silent
from markerless.core.view import View
from markerless.errors import VideoError
from markerless.video.reader import VideoReader
from markerless.video.thumbnails import Thumbnail, least_contrast, thumbnails

Method = Literal["kmeans", "uniform", "motion"]
METHODS: tuple[Method, ...] = ("kmeans", "uniform", "motion")
MOST_LOOKED = 1200  # frames of a video
READ_THROUGH = 6000  # frames: a video of so many is decoded from beginning to end
ENOUGH_KEYS = 300  # key frames; where there are fewer, frames behind them are looked at as well
MOST_BEHIND = 12_000  # frames in all that are decoded to come to those
FEWEST_KEYS = 60  # or as many as frames are wanted: with fewer there is no way but to decode the video as a whole
MOVED_AFTER_S = 0.1  # between the two pictures whose difference is motion
TRIES_NEARBY = 25  # frames around a broken one that may take its place
PROBES = 24  # key frames that tell how plain pictures of the video are
ROUNDS = 3  # of looking for others where stretches of the video show nothing
KEPT_AWAY = 4  # from a frame that is taken already: this part of a frame's share of the time
LIVELY_SHARE = 2  # lively frames may all come from this part of the time, and not from less while there are others

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Sampling:
    """How frames are chosen.

    Attributes:
        n: How many.
        method: "kmeans": different pictures; "uniform": even in time; "motion": where much moves, spread over time.
        start: First frame that may be chosen.
        stop: Frame before which the choice ends; None for the end of the video.
        seed: Of the clustering and of the frames that are looked at.
        view: The part of the frames that counts; None for all of it.
    """

    n: int = 20
    method: Method = "kmeans"
    start: int = 0
    stop: int | None = None
    seed: int = 0
    view: View | None = None


@dataclass(frozen=True)
class _Look:
    """A look into a video: how frames are chosen, and who is told of it."""

    reader: VideoReader
    sampling: Sampling
    progress: Progress


def choose_frames(
    reader: VideoReader, sampling: Sampling, taken: Collection[int] = (), progress: Progress = silent
) -> list[int]:
    """Indices of the frames to label, ascending, none of them in `taken`, broken, or without anything to see.

    There are fewer than `sampling.n` where the video has no more.

    Raises:
        VideoError: the part to choose from is empty.
    """
    free = free_frames(reader, (sampling.start, sampling.stop), taken)
    n = min(sampling.n, len(free))
    if n <= 0:
        return []
    look = _Look(reader, sampling, progress)
    chosen = CHOICES[sampling.method](look, away_from(free, taken, n), n)
    if len(chosen) < n:  # of what was looked at too little shows something
        chosen = np.union1d(chosen, _even_in_time(look, np.setdiff1d(free, chosen), n - len(chosen)))
    return [int(index) for index in np.sort(chosen)]


def free_frames(reader: VideoReader, part: tuple[int, int | None], taken: Collection[int] = ()) -> Indices:
    """Frames from `part[0]` to before `part[1]` (None: the end) without those in `taken`, ascending.

    Raises:
        VideoError: there is no such part.
    """
    start, stop = part[0], len(reader) if part[1] is None else min(part[1], len(reader))
    if not 0 <= start < stop:
        raise VideoError(
            f"expected frames from {start} to {stop} in {reader.video.path.name}, which has {len(reader)}; "
            "choose another start and stop"
        )
    return np.setdiff1d(np.arange(start, stop), np.fromiter(taken, np.int64, len(taken)))


def away_from(free: Indices, taken: Collection[int], n: int) -> Indices:
    """Those of `free` that are no neighbors of `taken`, when there are `n`: what is new shows something new."""
    gap = (free[-1] - free[0] if len(free) else 0) // (KEPT_AWAY * (n + len(taken)))
    if gap == 0 or len(taken) == 0:
        return free
    others = np.sort(np.fromiter(taken, np.int64, len(taken)))
    place = np.searchsorted(others, free)
    before, after = others[np.maximum(place - 1, 0)], others[np.minimum(place, len(others) - 1)]
    away = free[np.minimum(np.abs(free - before), np.abs(after - free)) > gap]
    return away if len(away) >= n else free


def usable_near(reader: VideoReader, index: int, taken: Collection[int] = ()) -> int | None:
    """`index`, or the nearest frame beside it that can be decoded and is not in `taken`; None when there is none."""
    for distance in range(TRIES_NEARBY + 1):
        for near in dict.fromkeys((index + distance, index - distance)):
            if 0 <= near < len(reader) and near not in taken:
                ((_, raw),) = reader.raw_frames(near, near + 1)
                if raw is not None:
                    return near
    return None


def _even_in_time(look: _Look, free: Indices, n: int) -> Indices:
    """The middles of `n` equal stretches of time, or what shows something near them."""
    shows = _showing(look, [int(stretch[len(stretch) // 2]) for stretch in np.array_split(free, n) if len(stretch)])
    chosen: list[int] = []
    for _ in range(ROUNDS):
        lively = []
        for stretch in np.array_split(free, n - len(chosen)):
            found = next((index for index in _outward(stretch) if shows(index)), None)
            if found is not None:
                chosen.append(found)
                lively.append(stretch[stretch != found])
        free = np.concatenate(lively) if lively else free[:0]
        if len(chosen) == n or len(free) == 0:
            break
    return np.array(chosen, np.int64)


def _showing(look: _Look, first: list[int]) -> Callable[[int], bool]:
    """Tells whether a frame can be decoded and shows something, by how the frames `first` and some key frames look."""
    reader, view = look.reader, look.sampling.view
    probes = _spread(np.array(reader.key_frames or (0,)), PROBES).tolist()
    seen = {index: float(thumb.std()) for index, thumb in thumbnails(reader, [*first, *probes], view, look.progress)}
    least = least_contrast(seen.values())

    def shows(index: int) -> bool:
        if index not in seen:
            seen[index] = next((float(thumb.std()) for _, thumb in thumbnails(reader, [index], view)), -1.0)
        return seen[index] >= least

    return shows


def _outward(stretch: Indices) -> list[int]:
    """Its middle, then frames at growing distances on both sides of it."""
    middle = len(stretch) // 2
    steps = [0, *(sign * 2**power for power in range(len(stretch).bit_length()) for sign in (1, -1))]
    return [int(stretch[middle + step]) for step in steps if 0 <= middle + step < len(stretch)]


def _different(look: _Look, free: Indices, n: int) -> Indices:
    """The picture nearest the middle of each of `n` clusters."""
    from sklearn.cluster import MiniBatchKMeans

    wanted = _to_look_at(look, free, n)
    seen = list(thumbnails(look.reader, wanted.tolist(), look.sampling.view, look.progress))
    least = least_contrast(float(thumb.std()) for _, thumb in seen)
    seen = [(index, thumb) for index, thumb in seen if thumb.std() >= least]
    indices = np.array([index for index, _ in seen], np.int64)
    if len(indices) <= n:
        return indices
    flat = np.stack([thumb.ravel() for _, thumb in seen])
    flat -= flat.mean(axis=0)  # what all pictures share tells them not apart
    fitted = MiniBatchKMeans(n, random_state=look.sampling.seed, n_init=3, batch_size=1024).fit(flat)
    far = fitted.transform(flat)
    chosen: dict[int, None] = {}
    for cluster in range(n):  # an empty cluster takes what is left
        order = np.argsort(far[:, cluster], kind="stable")
        chosen[int(next(row for row in order if int(row) not in chosen))] = None
    return indices[list(chosen)]


def _lively(look: _Look, free: Indices, n: int) -> Indices:
    """The frames where most moves, none near another one as long as there are others."""
    contrast, motion = _movements(look, set(_to_look_at(look, free, n).tolist()))
    least = least_contrast(contrast.values())
    best_first = sorted((index for index in motion if contrast[index] >= least), key=lambda i: (-motion[i], i))
    gap = int(free[-1] - free[0]) // (LIVELY_SHARE * n)
    chosen: list[int] = []
    while len(chosen) < min(n, len(best_first)):
        is_near = np.zeros(len(look.reader), bool)
        for index in (*chosen, *best_first):
            if len(chosen) == n:
                break
            if not is_near[index] and index not in chosen:
                chosen.append(index)
            is_near[max(index - gap, 0) : index + gap + 1] |= index in chosen
        gap //= 2
    return np.array(chosen, np.int64)


def _movements(look: _Look, wanted: set[int]) -> tuple[dict[int, float], dict[int, float]]:
    """Of each frame that can be decoded: the contrast, and the mean difference to a moment later."""
    reader = look.reader
    fps = reader.video.fps if math.isfinite(reader.video.fps) else 1 / MOVED_AFTER_S
    step, last = max(1, round(MOVED_AFTER_S * fps)), len(reader) - 1
    later = {index + step for index in wanted if index + step <= last}
    contrast: dict[int, float] = {}
    motion: dict[int, float] = {}
    waiting: dict[int, Thumbnail] = {}
    for index, thumb in thumbnails(reader, wanted | later, look.sampling.view, look.progress):
        before = waiting.pop(index - step, None)
        if before is not None:
            motion[index - step] = float(np.abs(thumb - before).mean())
        if index in wanted:
            contrast[index], motion[index] = float(thumb.std()), 0.0
            waiting[index] = thumb
    return contrast, motion


CHOICES: dict[Method, Callable[[_Look, Indices, int], Indices]] = {
    "kmeans": _different,
    "uniform": _even_in_time,
    "motion": _lively,
}


def _to_look_at(look: _Look, free: Indices, n: int) -> Indices:
    """Frames out of `free`, ascending, that are quick to come to."""
    most = max(MOST_LOOKED, 4 * n)
    if free[-1] - free[0] < READ_THROUGH:
        return _spread(free, most)
    keys = np.array([key for key in look.reader.key_frames if free[0] <= key <= free[-1]], np.int64)
    if len(keys) < min(n, FEWEST_KEYS):
        return _spread(free, most)
    rng = np.random.default_rng(look.sampling.seed)
    found = keys[np.isin(keys, free)]
    for offset in rng.permutation(np.arange(1, max(MOST_BEHIND // len(keys), 2))):
        if len(found) >= max(ENOUGH_KEYS, 4 * n):
            break
        found = np.union1d(found, np.intersect1d(keys + offset, free))
    return _spread(found if len(found) > n else free, most)


def _spread(indices: Indices, most: int) -> Indices:
    if len(indices) <= most:
        return indices
    return indices[np.linspace(0, len(indices) - 1, most).round().astype(int)]
