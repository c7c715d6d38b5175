"""Which frames of a video to label: spread over time, over what the pictures look like, or where much moves.

A long video is not decoded as a whole. Frames that can be decoded on their own (key frames) are looked at, and where
they are few some frames behind each; a short video is read through. So an hour takes well under a minute.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from markerless.core.progress import Progress, silent
from markerless.errors import VideoError
from markerless.video.reader import VideoReader

Method = Literal["kmeans", "uniform", "motion"]
METHODS: tuple[Method, ...] = ("kmeans", "uniform", "motion")
MOST_LOOKED = 1200  # frames of a video
READ_THROUGH = 6000  # frames: a video of so many is decoded from beginning to end
ENOUGH_KEYS = 300  # key frames; where there are fewer, frames behind them are looked at as well
BEHIND_KEY = 32  # frames at most that are decoded to come to such a frame
THUMB_WIDTH = 40  # px, on which pictures are compared
DULL = 2.0  # standard deviation of gray values below which a picture shows nothing
MOVED_AFTER_S = 0.1  # between the two pictures whose difference is motion
TRIES_NEARBY = 25  # frames around a broken one that may take its place


@dataclass(frozen=True)
class Sampling:
    """How frames are chosen.

    Attributes:
        n: How many.
        method: "kmeans": different pictures; "uniform": even in time; "motion": where much moves, spread over time.
        start: First frame that may be chosen.
        stop: Frame before which the choice ends; None for the end of the video.
        seed: Of the clustering and of the frames that are looked at.
    """

    n: int = 20
    method: Method = "kmeans"
    start: int = 0
    stop: int | None = None
    seed: int = 0


@dataclass(frozen=True)
class _Looked:
    """Frames that were looked at: `thumbs (F, h, w)` float32 gray, `motion (F,)` mean difference to a moment later."""

    indices: npt.NDArray[np.int64]
    thumbs: npt.NDArray[np.float32]
    motion: npt.NDArray[np.float32]


def choose_frames(
    reader: VideoReader, sampling: Sampling, taken: Collection[int] = (), progress: Progress = silent
) -> list[int]:
    """Indices of the frames to label, ascending, none of them in `taken`, broken, or without anything to see.

    There are fewer than `sampling.n` where the video has no more.

    Raises:
        VideoError: the part to choose from is empty.
    """
    stop = len(reader) if sampling.stop is None else min(sampling.stop, len(reader))
    if not 0 <= sampling.start < stop:
        raise VideoError(
            f"expected frames from {sampling.start} to {stop} in {reader.video.path.name}, which has {len(reader)}; "
            "choose another start and stop"
        )
    free = [index for index in range(sampling.start, stop) if index not in set(taken)]
    n = min(sampling.n, len(free))
    if n == 0:
        return []
    if sampling.method == "uniform":
        return _uniform(reader, np.array(free), n)
    looked = _look(reader, np.array(free), sampling, progress)
    if len(looked.indices) <= n:
        return [int(index) for index in looked.indices]
    chosen = CHOICES[sampling.method](looked, n, sampling.seed)
    return sorted(int(index) for index in looked.indices[chosen])


def usable_near(reader: VideoReader, index: int, taken: Collection[int] = ()) -> int | None:
    """`index`, or the nearest frame beside it that can be decoded and is not in `taken`; None when there is none."""
    for distance in range(TRIES_NEARBY + 1):
        for near in dict.fromkeys((index + distance, index - distance)):
            if 0 <= near < len(reader) and near not in taken and _gray(reader, near) is not None:
                return near
    return None


def _uniform(reader: VideoReader, free: npt.NDArray[np.int64], n: int) -> list[int]:
    """The middles of `n` equal stretches of time."""
    chosen: list[int] = []
    for index in free[np.floor((np.arange(n) + 0.5) * len(free) / n).astype(int)]:
        near = usable_near(reader, int(index), chosen)
        if near is not None:
            chosen.append(near)
    return sorted(chosen)


def _by_appearance(looked: _Looked, n: int, seed: int) -> npt.NDArray[np.int64]:
    """The picture nearest the middle of each of `n` clusters."""
    from sklearn.cluster import MiniBatchKMeans

    flat = looked.thumbs.reshape(len(looked.thumbs), -1)
    flat = flat - flat.mean(axis=0)  # what all pictures share tells them not apart
    fitted = MiniBatchKMeans(n, random_state=seed, n_init=3, batch_size=1024).fit(flat)
    far = fitted.transform(flat)
    chosen: list[int] = []
    for cluster in range(n):  # an empty cluster takes what is left
        order = np.argsort(far[:, cluster], kind="stable")
        chosen.append(int(next(i for i in order if i not in chosen)))
    return np.array(chosen)


def _by_motion(looked: _Looked, n: int, seed: int) -> npt.NDArray[np.int64]:
    """The liveliest picture of each of `n` stretches of time."""
    stretches = np.array_split(np.arange(len(looked.indices)), n)
    return np.array([stretch[np.argmax(looked.motion[stretch])] for stretch in stretches])


CHOICES: dict[str, Callable[[_Looked, int, int], npt.NDArray[np.int64]]] = {
    "kmeans": _by_appearance,
    "motion": _by_motion,
}


def _look(reader: VideoReader, free: npt.NDArray[np.int64], sampling: Sampling, progress: Progress) -> _Looked:
    wanted = _to_look_at(reader, free, sampling)
    wants_motion = sampling.method == "motion"
    fps = reader.video.fps if math.isfinite(reader.video.fps) else 1 / MOVED_AFTER_S
    later = max(1, round(MOVED_AFTER_S * fps)) if wants_motion else 0
    indices, thumbs, motion = [], [], []
    for done, (index, thumb) in enumerate(_thumbs(reader, wanted)):
        progress(done + 1, len(wanted), "looking")
        if thumb is None or thumb.std() < DULL:
            continue
        after = _thumb(reader, min(index + later, len(reader) - 1)) if wants_motion else None
        indices.append(index)
        thumbs.append(thumb)
        motion.append(0.0 if after is None else float(np.abs(after - thumb).mean()))
    shape = (0, 1, 1)
    return _Looked(
        np.array(indices, np.int64),
        np.stack(thumbs) if thumbs else np.zeros(shape, np.float32),
        np.array(motion, np.float32),
    )


def _to_look_at(reader: VideoReader, free: npt.NDArray[np.int64], sampling: Sampling) -> npt.NDArray[np.int64]:
    """Frames out of `free`, ascending, that are quick to come to."""
    if free[-1] - free[0] < READ_THROUGH:
        return _spread(free, max(MOST_LOOKED, sampling.n))
    rng = np.random.default_rng(sampling.seed)
    keys = np.array([key for key in reader.key_frames if free[0] <= key <= free[-1]], np.int64)
    found = keys
    for offset in rng.permutation(np.arange(1, BEHIND_KEY)):
        if len(found) >= max(ENOUGH_KEYS, 4 * sampling.n):
            break
        found = np.union1d(found, keys + offset)
    found = found[np.isin(found, free)]
    return _spread(found, max(MOST_LOOKED, 4 * sampling.n)) if len(found) > sampling.n else _spread(free, sampling.n)


def _spread(indices: npt.NDArray[np.int64], most: int) -> npt.NDArray[np.int64]:
    if len(indices) <= most:
        return indices
    return indices[np.linspace(0, len(indices) - 1, most).round().astype(int)]


def _thumbs(
    reader: VideoReader, indices: npt.NDArray[np.int64]
) -> Iterator[tuple[int, npt.NDArray[np.float32] | None]]:
    for index in indices:
        yield int(index), _thumb(reader, int(index))


def _thumb(reader: VideoReader, index: int) -> npt.NDArray[np.float32] | None:
    gray = _gray(reader, index)
    if gray is None:
        return None
    height = max(1, round(gray.shape[0] * THUMB_WIDTH / gray.shape[1]))
    return np.asarray(cv2.resize(gray, (THUMB_WIDTH, height), interpolation=cv2.INTER_AREA), np.float32)


def _gray(reader: VideoReader, index: int) -> npt.NDArray[np.uint8] | None:
    """One frame as (H, W) brightness; None when it is broken."""
    ((_, raw),) = reader.raw_frames(index, index + 1)
    return None if raw is None else raw.gray().squeeze()
