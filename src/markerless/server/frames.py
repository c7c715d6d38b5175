"""Frames of videos over HTTP: exact ones and quick previews, kept for whoever scrubs back and forth.

Coming to a frame means decoding from the key frame before it. What is decoded on the way is kept as well, small and
encoded, so that the neighborhood of a visited frame is there at once.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np
import numpy.typing as npt

from markerless.errors import VideoError
from markerless.video.images import jpeg_bytes
from markerless.video.reader import VideoReader, open_video

MOST_READERS = 12  # videos; a rig has a handful
MOST_BYTES = 256 << 20
QUALITY = 88
ON_THE_WAY = 16  # frames before the one asked for that are kept
ON_THE_WAY_BYTES = 64 << 20  # or fewer, of large frames
MOST_WAITING = 2  # such groups that wait to be encoded; further ones are let go
PREVIEW_WIDTH = 320

Key = tuple[Path, int, int, int]  # video, when it was changed, frame, width


class _Open:
    """A video that is open, with a reader for exact frames and one for previews, which never wait for the former."""

    def __init__(self, video: Path, stamp: int) -> None:
        self.stamp = stamp
        self.exact = open_video(video)
        self.quick = self.exact.again()
        self.keys = np.asarray(self.exact.key_frames or (0,))
        self.exact_lock, self.quick_lock = threading.Lock(), threading.Lock()
        self.at = -2  # the last frame that `exact` decoded

    def key_before(self, index: int) -> int:
        place = int(np.searchsorted(self.keys, index, side="right")) - 1
        return int(self.keys[max(place, 0)])

    def on_the_way_to(self, index: int) -> int:
        """The first frame to keep of those that are decoded to come to `index`."""
        video = self.exact.video
        most = min(ON_THE_WAY, ON_THE_WAY_BYTES // (3 * video.width * video.height))
        begin = self.at + 1 if self.at < index else 0
        return min(max(index - most, begin, self.key_before(index)), index)


class Frames:
    """See the module; safe to use from several threads."""

    def __init__(self) -> None:
        self._open: OrderedDict[Path, _Open] = OrderedDict()
        self._opening: dict[Path, threading.Lock] = {}
        self._kept: OrderedDict[Key, bytes] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()
        self._later = ThreadPoolExecutor(1, thread_name_prefix="frames")
        self._n_waiting = 0

    def reader(self, video: Path) -> VideoReader:
        """The open reader of a video, for its metadata and key frames.

        Raises:
            VideoError: it cannot be read.
        """
        return self._of(video).exact

    def jpeg(self, video: Path, index: int, width: int, is_wanted: Callable[[], bool] = lambda: True) -> bytes:
        """Frame `index` exactly, at most `width` pixels wide; b"" when it is not wanted any more once it is its turn.

        Whoever drags a slider gives up most of what was asked for, which then costs nothing.

        Raises:
            VideoError: there is no such frame, or it is broken.
        """
        key = (video, _stamp(video), index, width)
        if (kept := self._known(key)) is not None:
            return kept
        opened = self._checked(video, index)
        with opened.exact_lock:
            if (kept := self._known(key)) is not None:  # another request has passed it meanwhile
                return kept
            if not is_wanted():
                return b""
            start = opened.on_the_way_to(index)
            found = [(row, raw.rgb()) for row, raw in opened.exact.raw_frames(start, index + 1) if raw is not None]
            opened.at = index
        if not found or found[-1][0] != index:
            raise _broken(video, index, opened.exact)
        data = self._keep(key, jpeg_bytes(found[-1][1], QUALITY, width))
        self._keep_later([((video, key[1], row, width), rgb) for row, rgb in found[:-1]])
        return data

    def preview(self, video: Path, index: int) -> tuple[int, bytes]:
        """The key frame before `index`, small, and which one it is.

        Raises:
            VideoError: there is no such frame, or it is broken.
        """
        opened = self._checked(video, index)
        near = opened.key_before(index)
        key = (video, opened.stamp, near, PREVIEW_WIDTH)
        if (kept := self._known(key)) is not None:
            return near, kept
        with opened.quick_lock:
            ((_, raw),) = opened.quick.raw_frames(near, near + 1)
        if raw is None:
            raise _broken(video, near, opened.quick)
        return near, self._keep(key, jpeg_bytes(raw.rgb(), QUALITY, PREVIEW_WIDTH))

    def close(self) -> None:
        """Give all files back."""
        self._later.shutdown(cancel_futures=True)
        with self._lock:
            while self._open:
                opened = self._open.popitem()[1]
                opened.exact.close()
                opened.quick.close()

    def _checked(self, video: Path, index: int) -> _Open:
        opened = self._of(video)
        if not 0 <= index < len(opened.exact):
            raise VideoError(f"expected a frame from 0 to {len(opened.exact) - 1} of {video.name}, got {index}")
        return opened

    def _of(self, video: Path) -> _Open:
        with self._lock:
            opening = self._opening.setdefault(video, threading.Lock())
        with opening:  # to open a long video takes a while, for which others need not wait
            stamp = _stamp(video)
            with self._lock:
                opened = self._open.get(video)
            if opened is None or opened.stamp != stamp:
                opened = _Open(video, stamp)
            with self._lock:
                self._open[video] = opened
                self._open.move_to_end(video)
                if len(self._open) > MOST_READERS:
                    self._open.popitem(last=False)  # closes itself when nobody reads from it any more
        return opened

    def _known(self, key: Key) -> bytes | None:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def _keep_later(self, frames: list[tuple[Key, npt.NDArray[np.uint8]]]) -> None:
        """Encode frames on the way when nobody waits for it any more."""
        with self._lock:
            if not frames or self._n_waiting >= MOST_WAITING:
                return
            self._n_waiting += 1
        self._later.submit(self._keep_all, frames)

    def _keep_all(self, frames: list[tuple[Key, npt.NDArray[np.uint8]]]) -> None:
        for key, rgb in reversed(frames):  # the nearest first
            if self._known(key) is None:
                self._keep(key, jpeg_bytes(rgb, QUALITY, key[3]))
        with self._lock:
            self._n_waiting -= 1

    def _keep(self, key: Key, data: bytes) -> bytes:
        with self._lock:
            if key not in self._kept:
                self._kept[key] = data
                self._bytes += len(data)
            while self._bytes > MOST_BYTES and len(self._kept) > 1:
                self._bytes -= len(self._kept.popitem(last=False)[1])
        return data


def _broken(video: Path, index: int, reader: VideoReader) -> VideoError:
    why = reader.broken.get(index, "it cannot be decoded")
    return VideoError(f"frame {index} of {video.name} is broken: {why}; look at another one")


def _stamp(video: Path) -> int:
    with suppress(OSError):
        return video.stat().st_mtime_ns
    return 0
