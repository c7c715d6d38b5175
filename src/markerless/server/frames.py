"""Frames of videos over HTTP: exact ones and quick previews, kept for whoever scrubs back and forth.

Coming to a frame means decoding from the key frame before it. What is decoded on the way is kept as well, small and
encoded, so that the neighborhood of a visited frame is there at once.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from markerless.errors import VideoError
from markerless.video.reader import VideoReader, open_video

MOST_READERS = 6
MOST_BYTES = 256 << 20
QUALITY = 88
ON_THE_WAY = 16  # frames before the one asked for that are kept
PREVIEW_WIDTH = 320

Key = tuple[Path, int, int, int]  # video, when it was changed, frame, width


@dataclass
class _Open:
    reader: VideoReader
    lock: threading.Lock = field(default_factory=threading.Lock)
    at: int = -2  # the last frame that was decoded


class Frames:
    """See the module; safe to use from several threads."""

    def __init__(self) -> None:
        self._open: OrderedDict[tuple[Path, int], _Open] = OrderedDict()
        self._kept: OrderedDict[Key, bytes] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()
        self._later = ThreadPoolExecutor(1, thread_name_prefix="frames")

    def reader(self, video: Path) -> VideoReader:
        """The open reader of a video, for its metadata and key frames.

        Raises:
            VideoError: it cannot be read.
        """
        return self._of(video).reader

    def jpeg(self, video: Path, index: int, width: int) -> bytes:
        """Frame `index` exactly, at most `width` pixels wide.

        Raises:
            VideoError: there is no such frame, or it is broken.
        """
        opened = self._of(video)
        if not 0 <= index < len(opened.reader):
            raise VideoError(f"expected a frame from 0 to {len(opened.reader) - 1} of {video.name}, got {index}")
        key = (video, _stamp(video), index, width)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        with opened.lock:
            with self._lock:
                if key in self._kept:  # another request has passed it meanwhile
                    return self._kept[key]
            # frames on the way are decoded in any case, unless the reader is just before this one
            begin = opened.at + 1 if opened.at < index else 0
            start = max(index - ON_THE_WAY, begin, _key_before(opened.reader, index))
            found = [(row, raw.rgb()) for row, raw in opened.reader.raw_frames(start, index + 1) if raw is not None]
            opened.at = index
        if not found or found[-1][0] != index:
            why = opened.reader.broken.get(index, "it cannot be decoded")
            raise VideoError(f"frame {index} of {video.name} is broken: {why}; look at another one")
        data = encoded(found[-1][1], width)
        self._keep(key, data)
        # those on the way are encoded when nobody waits for it any more
        self._later.submit(self._keep_all, [((video, key[1], row, width), rgb) for row, rgb in found[:-1]])
        return data

    def preview(self, video: Path, index: int) -> tuple[int, bytes]:
        """The key frame before `index`, small, and which one it is.

        Raises:
            VideoError: there is no such frame, or it is broken.
        """
        opened = self._of(video)
        if not 0 <= index < len(opened.reader):
            raise VideoError(f"expected a frame from 0 to {len(opened.reader) - 1} of {video.name}, got {index}")
        near = _key_before(opened.reader, index)
        return near, self.jpeg(video, near, PREVIEW_WIDTH)

    def close(self) -> None:
        """Give all files back."""
        self._later.shutdown(cancel_futures=True)
        with self._lock:
            while self._open:
                self._open.popitem()[1].reader.close()

    def _of(self, video: Path) -> _Open:
        key = (video, _stamp(video))
        with self._lock:
            if key not in self._open:
                self._open[key] = _Open(open_video(video))
            self._open.move_to_end(key)
            opened = self._open[key]
            oldest = self._open.popitem(last=False)[1] if len(self._open) > MOST_READERS else None
        if oldest is not None:
            with oldest.lock:
                oldest.reader.close()
        return opened

    def _keep_all(self, frames: list[tuple[Key, npt.NDArray[np.uint8]]]) -> None:
        for key, rgb in reversed(frames):  # the nearest first
            with self._lock:
                is_there = key in self._kept
            if not is_there:
                self._keep(key, encoded(rgb, key[3]))

    def _keep(self, key: Key, data: bytes) -> None:
        with self._lock:
            if key in self._kept:
                return
            self._kept[key] = data
            self._bytes += len(data)
            while self._bytes > MOST_BYTES and len(self._kept) > 1:
                self._bytes -= len(self._kept.popitem(last=False)[1])


def encoded(rgb: npt.NDArray[np.uint8], width: int) -> bytes:
    """A JPEG of at most `width` pixels across."""
    if rgb.shape[1] > width:
        height = max(1, round(rgb.shape[0] * width / rgb.shape[1]))
        rgb = np.asarray(cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    _, data = cv2.imencode(".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return bytes(data)


def _key_before(reader: VideoReader, index: int) -> int:
    keys = np.asarray(reader.key_frames or (0,))
    place = int(np.searchsorted(keys, index, side="right")) - 1
    return int(keys[max(place, 0)])


def _stamp(video: Path) -> int:
    with suppress(OSError):
        return video.stat().st_mtime_ns
    return 0
