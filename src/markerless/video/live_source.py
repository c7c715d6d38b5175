"""Frames as they come: what every source of live frames has in common, video files at their own speed, arrays.

Cameras and network streams are in `markerless.video.capture`; `markerless.video.source` tells what a user means.
"""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np

from markerless.core.user_code import told_of
from markerless.errors import VideoError
from markerless.video.raw import GrayFrame, RawFrame, RgbFrame
from markerless.video.reader import VideoReader

Clock = Callable[[], float]
_END = object()  # None may come from a camera's program that has no frame


@dataclass(frozen=True)
class LiveFrame:
    """One frame of a source.

    Attributes:
        frame: The picture; None when it cannot be decoded.
        timestamp_s: Seconds since the first frame, as the source tells; of a source that tells none, of its arrival.
    """

    frame: RawFrame | None
    timestamp_s: float


class LiveSource(ABC):
    """Where frames come from. Made in one thread, then read and closed by another.

    Attributes:
        name: What it is, for messages.
        width: Columns of every frame.
        height: Rows.
        is_gray: Whether its frames have no color.
        reader: The same as a video whose frames can be read in any order; None for what happens only once.
    """

    name: str
    width: int
    height: int
    is_gray: bool = False
    reader: VideoReader | None = None

    @abstractmethod
    def frames(self) -> Iterator[LiveFrame]:
        """The frames, once, from the first on; waits for each.

        Raises:
            VideoError: no more frames can be had although the source has not ended.
        """

    @abstractmethod
    def stop(self) -> None:
        """Wait for nothing that can be given up; from any thread."""

    @abstractmethod
    def close(self) -> None:
        """Give the source back."""


class VideoFile(LiveSource):
    """A video file that plays at its own speed, by its timestamps, as if it were a camera."""

    def __init__(self, reader: VideoReader, own_speed: bool = True, clock: Clock = time.perf_counter) -> None:
        """Take over a reader.

        Args:
            reader: The video, closed with the source.
            own_speed: Wait until each frame is due; else frames come as fast as they are decoded.
            clock: Seconds.
        """
        self.reader: VideoReader = reader
        self.name = str(reader.video.path)
        self.width, self.height = reader.video.width, reader.video.height
        self.is_gray = reader.is_gray
        self._own_speed = own_speed
        self._clock = clock
        self._stopped = threading.Event()

    def frames(self) -> Iterator[LiveFrame]:
        """See `LiveSource`; pictures of a folder have no times, so that they come as fast as they are read."""
        times = self.reader.times_s
        began = self._clock()
        for index, frame in self.reader.raw_frames():
            due = float(times[index])
            if not np.isfinite(due):
                due = self._clock() - began
            elif self._own_speed and (early := began + due - self._clock()) > 0:
                self._wait(early)
            if self._stopped.is_set():
                return
            yield LiveFrame(frame, due)

    def stop(self) -> None:
        """See `LiveSource`."""
        self._stopped.set()

    def close(self) -> None:
        """See `LiveSource`."""
        self.reader.close()

    def _wait(self, seconds: float) -> None:
        self._stopped.wait(seconds)


class Arrays(LiveSource):
    """Frames that a program gives: arrays, or pairs of a timestamp and an array."""

    def __init__(self, items: Iterable[Any], clock: Clock = time.perf_counter) -> None:
        """Wait for the first frame, which tells the size.

        Args:
            items: `(H, W, 3)` RGB or `(H, W)` gray, uint8; or (seconds, array) pairs.
            clock: Seconds, for arrays without timestamps.

        Raises:
            VideoError: no frame, or something else than a frame.
        """
        self.name = "the iterator"
        self._items = iter(items)
        self._clock = clock
        self._n_read = 0
        self._began: float | None = None
        first = self._next()
        if first is None:
            raise VideoError("expected frames, the iterator is empty; give (H, W, 3) or (H, W) arrays of uint8")
        self._first, self._shape = first, first[1].shape
        self.height, self.width = self._shape[:2]
        self.is_gray = len(self._shape) == 2

    def frames(self) -> Iterator[LiveFrame]:
        """See `LiveSource`."""
        for time_s, image in chain([self._first], iter(self._next, None)):
            if image.shape != self._shape:
                raise VideoError(
                    f"expected frames of shape {self._shape} as the first one, frame {self._n_read - 1} of "
                    f"{self.name} has {image.shape}; give frames of one size"
                )
            if self._began is None:
                self._began = time_s
            yield LiveFrame(GrayFrame(image) if self.is_gray else RgbFrame(image), time_s - self._began)

    def stop(self) -> None:
        """See `LiveSource`: what the iterator waits for, it alone can give up."""

    def close(self) -> None:
        """Close a generator; other iterators are the caller's."""
        close = getattr(self._items, "close", None)
        if callable(close):
            close()

    def _next(self) -> tuple[float, np.ndarray] | None:
        """Seconds and a copy of the next array, as cameras' programs like to use their memory again."""
        try:
            item = next(self._items, _END)
        except Exception as error:  # code of the user's own may raise anything
            raise VideoError(
                f"{self.name} failed before frame {self._n_read} ({told_of(error)}); correct its code"
            ) from error
        if item is _END:
            return None
        time_s, image = item if isinstance(item, tuple) and len(item) == 2 else (self._clock(), item)
        self._n_read += 1
        image = _checked(image, f"frame {self._n_read - 1} of {self.name}")
        return _seconds(time_s, self.name), image.copy()


def _checked(image: object, what: str) -> np.ndarray:
    wanted = "an array (H, W, 3) RGB or (H, W) gray of uint8"
    if not isinstance(image, np.ndarray):
        raise VideoError(f"expected {wanted}, {what} is a {type(image).__name__}; convert it with numpy.asarray")
    is_frame = image.dtype == np.uint8 and (image.ndim == 2 or (image.ndim == 3 and image.shape[2] in (1, 3)))
    if not is_frame or 0 in image.shape:
        raise VideoError(f"expected {wanted}, {what} is {image.dtype} of shape {image.shape}; convert it")
    return image[:, :, 0] if image.ndim == 3 and image.shape[2] == 1 else image


def _seconds(value: object, name: str) -> float:
    if not isinstance(value, int | float | np.number) or not np.isfinite(value):
        raise VideoError(f"expected (seconds, array) pairs from {name}, got {value!r} for the seconds")
    return float(value)
