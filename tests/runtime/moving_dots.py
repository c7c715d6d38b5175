"""A video in memory of an animal of three dots, which `make_model.color_finder` finds exactly."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from make_model import dots
from markerless.core.video import Video
from markerless.video.raw import RawFrame, RgbFrame
from markerless.video.reader import VideoReader

SIZE = (160, 120)
ANIMAL = np.array([[0, 0], [12, 4], [5, 14]])  # red, green and blue from the top-left of the box around them
STRONG, DIM = 250, 100  # scores of 0.98 and 0.39: seen, and not seen


class InMemory(VideoReader):
    """Frames as they are; those in `broken` cannot be decoded, and at `fails_at` the disk is gone."""

    def __init__(self, frames: np.ndarray, broken: Sequence[int] = (), fails_at: int = -1) -> None:
        super().__init__()
        n_frames, height, width, _ = frames.shape
        self.video = Video(Path("in memory"), n_frames, width, height, 30.0, "raw")
        self.pictures = frames
        self.damaged = tuple(broken)
        self.fails_at = fails_at
        self.others: list[InMemory] = []
        self.is_closed = False
        self._n_read = 0

    @property
    def n_read(self) -> int:
        """How many frames this reader and its others have read."""
        return self._n_read + sum(other.n_read for other in self.others)

    @property
    def key_frames(self) -> tuple[int, ...]:
        return tuple(range(0, len(self), 10))

    @property
    def times_s(self) -> np.ndarray:
        return np.arange(len(self)) / self.video.fps

    def again(self) -> InMemory:
        self.others.append(InMemory(self.pictures, self.damaged, self.fails_at))
        return self.others[-1]

    def close(self) -> None:
        self.is_closed = True

    def _read(self, row: int) -> RawFrame | None:
        self._n_read += 1
        if row == self.fails_at:
            raise OSError("the disk is gone")
        if row in self.damaged:
            self._broken[row] = "damaged"
            return None
        return RgbFrame(self.pictures[row])


def walk(n_frames: int, size: tuple[int, int] = SIZE, scale: int = 1) -> np.ndarray:
    """`(T, 3, 2)` whole-number places of an animal that goes round and round, two or three pixels a frame."""
    phase = np.arange(n_frames)[:, None] / np.array([17.0, 23.0])
    room = np.array(size) - 1 - scale * ANIMAL.max(0)
    corner = np.rint(room * (0.5 + 0.45 * np.sin(phase))).astype(int)
    return corner[:, None] + scale * ANIMAL


def raw(frames: np.ndarray) -> list[RgbFrame]:
    """Frames `(T, H, W, 3)` as a decoder gives them."""
    return [RgbFrame(frame) for frame in frames]


def dimmed(frames: np.ndarray, places: np.ndarray, rows: Sequence[int], point: int) -> np.ndarray:
    """A copy in which one dot is too weak to be seen in some frames."""
    changed = frames.copy()
    for row in rows:
        x, y = places[row, point]
        changed[row, y, x, point] = DIM
    return changed


def two_animals(n_frames: int, since: int) -> np.ndarray:
    """An animal that rests on the right; from `since` on there is a second one on the left, which is found first.

    Whoever follows the first one stays with it; whoever begins later begins with the other.
    """
    right, left = np.array([110, 60]) + ANIMAL, np.array([20, 20]) + ANIMAL
    frames = dots(np.repeat(right[None], n_frames, axis=0), SIZE, STRONG)
    frames[since:] = np.maximum(frames[since:], dots(left[None], SIZE, STRONG))
    return frames
