"""One reader for everything: labeling, training, inference and rendering see the same frame under the same index.

with open_video("mouse.mp4") as reader:
    reader.video                    # metadata
    reader[812]                     # frame 812 exactly, whatever the container thinks of seeking
    for index, rgb in reader.frames():
        ...                         # rgb is None for a broken frame
"""

from __future__ import annotations

import copy
import math
import os
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from av.video.frame import VideoFrame

from markerless.core.video import IMAGE_SUFFIXES, Video, pictures_in
from markerless.errors import VideoError
from markerless.video.color import RgbConverter, orientation_of
from markerless.video.container import (
    checked_stream,
    claimed_frames,
    frames_per_second,
    odd_things,
    open_checked,
    times_s,
)
from markerless.video.decode import Decoder, decoded_order
from markerless.video.images import image_size, read_image
from markerless.video.index import build_index
from markerless.video.raw import DecodedFrame, RawFrame, RgbFrame

# Decoding this many frames costs no more than a seek.
NEAR_FRAMES = 32
# So many frames, spread over the video, tell whether it has color.
PROBED_FOR_COLOR = 5
BEYOND_END = "its data lie beyond the end of the file, which is cut off"


class VideoReader(ABC):
    """Frames of a video by index, every one (height, width, 3) uint8 RGB, upright. Use it in one thread at a time.

    A broken frame is one that cannot be decoded, or is predicted from such a one; it keeps its index.

    Attributes:
        video: Metadata; `len(reader)` is `video.n_frames`.
        notes: One line for each thing that is odd about the file.
    """

    video: Video
    notes: tuple[str, ...] = ()

    def __init__(self) -> None:
        self._broken: dict[int, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __len__(self) -> int:
        return self.video.n_frames

    def __getitem__(self, index: int) -> np.ndarray:
        """The frame at `index` (negative: from the end), (H, W, 3) uint8 RGB.

        Raises:
            IndexError: outside the video.
            VideoError: that frame is broken.
        """
        n_frames = len(self)
        if not -n_frames <= index < n_frames:
            raise IndexError(f"frame {index} of {self.video.path}: it has {n_frames} frames")
        row = int(index) % n_frames
        if (raw := self._read(row)) is None:
            raise VideoError(f"frame {row} of {self.video.path} is broken: {self._broken[row]}; choose another frame")
        return raw.rgb()

    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[tuple[int, np.ndarray | None]]:
        """(index, frame) from `start` to before `stop` (default: the end) in order; None for a broken frame.

        Raises:
            IndexError: `start` is negative or behind the end.
        """
        for row, raw in self.raw_frames(start, stop):
            yield row, None if raw is None else raw.rgb()

    def raw_frames(self, start: int = 0, stop: int | None = None) -> Iterator[tuple[int, RawFrame | None]]:
        """The same before conversion, for callers who need only a part of each frame, or its brightness.

        Raises:
            IndexError: `start` is negative or behind the end.
        """
        stop = len(self) if stop is None else min(stop, len(self))
        if not 0 <= start <= len(self):
            raise IndexError(f"start {start} of {self.video.path}: expected 0 to {len(self)}")
        for row in range(start, stop):
            yield row, self._read(row)

    @cached_property
    def is_gray(self) -> bool:
        """Whether a few frames from all over the video have no color; then `RawFrame.gray` is all there is to see."""
        keys = self.key_frames or (0,)
        some = {keys[round(place)] for place in np.linspace(0, len(keys) - 1, PROBED_FOR_COLOR)}
        return all(raw is None or raw.is_gray for raw in map(self._read, sorted(some)))

    def name_of(self, row: int) -> str:
        """File name of the picture that is frame `row`; empty for a frame of a video file."""
        return ""

    @property
    def broken(self) -> dict[int, str]:
        """Frames found broken so far, and why."""
        return dict(sorted(self._broken.items()))

    @property
    @abstractmethod
    def key_frames(self) -> tuple[int, ...]:
        """Indices of the frames at which reading can start without decoding others."""

    @property
    @abstractmethod
    def times_s(self) -> np.ndarray:
        """(T,) float64 seconds since the first frame; NaN for a folder of images."""

    @abstractmethod
    def again(self) -> VideoReader:
        """A second reader of the same video, at no cost of looking into the file again; for another thread."""

    @abstractmethod
    def close(self) -> None:
        """Give the file back; reading afterwards is an error."""

    @abstractmethod
    def _read(self, row: int) -> RawFrame | None:
        """Frame `row`, or None with a reason in `_broken`."""


def open_video(path: Path | str, threads: int = 1) -> VideoReader:
    """Open a video file, a folder of images in natural order, or a single image.

    Args:
        path: The file or folder.
        threads: Decoding threads, 0 for one per core. More than one gains time only on idle cores, delays random
            access, and FFmpeg then now and again fails to report a damaged frame.

    Raises:
        VideoError: missing, empty, cut off, no video, without a single frame, or of a name that is not UTF-8.
    """
    path = Path(path)
    _require_writable_name(path)
    if path.is_dir():
        return FolderReader(path, pictures_in(path))
    if not path.exists():
        raise VideoError(f"no video at {path}; check the name and the folder")
    if path.suffix.lower() in IMAGE_SUFFIXES:
        return FolderReader(path, [path])
    return FileReader(path, threads or os.cpu_count() or 1)


def _require_writable_name(path: Path) -> None:
    """Results and settings name the video: its name has to be text that can be written.

    Raises:
        VideoError: it is not, as of files that an old system named in another encoding.
    """
    try:
        str(path).encode("utf-8")
    except UnicodeEncodeError as error:
        raise VideoError(f"expected a name in UTF-8, got {str(path)!a}; rename the file or its folder") from error


class FolderReader(VideoReader):
    """Pictures as a video; those of another size than the first are broken frames."""

    def __init__(self, path: Path, images: Sequence[Path]) -> None:
        super().__init__()
        if not images:
            raise VideoError(f"no images in folder {path}: expected {', '.join(IMAGE_SUFFIXES)}")
        self._images = tuple(images)
        width, height = image_size(images[0])
        self.video = Video(path, len(images), width, height, math.nan, "images")

    @property
    def key_frames(self) -> tuple[int, ...]:
        """Every frame."""
        return tuple(range(len(self._images)))

    @property
    def times_s(self) -> np.ndarray:
        """(T,) NaN: pictures carry no times."""
        return np.full(len(self._images), np.nan)

    def name_of(self, row: int) -> str:
        """See `VideoReader`."""
        return self._images[row].name

    def again(self) -> FolderReader:
        """See `VideoReader`."""
        return FolderReader(self.video.path, self._images)

    def close(self) -> None:
        """Nothing to give back."""

    def _read(self, row: int) -> RawFrame | None:
        try:
            rgb = read_image(self._images[row])
        except VideoError as error:
            self._broken[row] = str(error)
            return None
        if rgb.shape[:2] != (self.video.height, self.video.width):
            self._broken[row] = _size_reason(self._images[row].name, rgb.shape, self.video)
            return None
        return RgbFrame(rgb)


class FileReader(VideoReader):
    """A video file. Decoding starts at a key frame that itself comes out whole: all ways to a frame give the same."""

    def __init__(self, path: Path, n_threads: int) -> None:
        super().__init__()
        container = open_checked(path)
        try:
            stream = checked_stream(path, container)
            self._index = build_index(container, stream, lambda n: decoded_order(path, n))
            self._times = times_s(self._index, stream)
            n_frames = len(self._index.packet)
            claimed = claimed_frames(stream)
            fps = frames_per_second(stream, self._times)
            size = stream.codec_context.width, stream.codec_context.height
            codec = stream.codec_context.codec.canonical_name
        finally:
            container.close()
        if n_frames == 0:
            raise VideoError(f"video {path} has no frames; record or export it again")
        self.video = Video(path, n_frames, *size, fps, codec, claimed)
        self._keys = np.flatnonzero(self._index.key)
        self._unusable_keys: set[int] = set()
        self._pending: dict[int, VideoFrame] = {}
        self._next_row = 0
        self._decoder = Decoder(path, self._index, n_threads)
        self._convert = RgbConverter()
        self._look_at_first()
        self.notes = odd_things(self.video, self._index, self._times)

    @property
    def key_frames(self) -> tuple[int, ...]:
        """Indices of the key frames, ascending."""
        rows = self._index.row[self._keys]
        return tuple(sorted(int(row) for row in rows if row >= 0))

    @property
    def times_s(self) -> np.ndarray:
        """(T,) float64 seconds since the first frame, from the timestamps; spaced evenly where the file has none."""
        return self._times

    def again(self) -> FileReader:
        """See `VideoReader`."""
        other = copy.copy(self)
        other._broken, other._pending = dict(self._broken), {}
        other._next_row, other._unusable_keys = 0, set()
        other._decoder = Decoder(self.video.path, self._index, self._decoder.n_threads)
        other._convert = RgbConverter(self._convert.orientation)
        return other

    def close(self) -> None:
        """Close the file."""
        self._pending.clear()
        self._decoder.close()

    def _read(self, row: int) -> RawFrame | None:
        frame = self._frame(row)
        if frame is None:
            return None
        shape = self._upright_shape(frame)
        if shape != (self.video.height, self.video.width):
            self._broken[row] = _size_reason("it", shape, self.video)
            return None
        return DecodedFrame(frame, self._convert)

    def _upright_shape(self, frame: VideoFrame) -> tuple[int, int]:
        """Rows and columns after rotation metadata has been applied."""
        transposed = self._convert.orientation[0]
        return (frame.width, frame.height) if transposed else (frame.height, frame.width)

    def _look_at_first(self) -> None:
        """Learn size and rotation from the first frame that can be decoded, and leave it ready to be read."""
        for row in range(len(self)):
            frame = self._frame(row)
            if frame is None:
                continue
            self._convert = RgbConverter(orientation_of(frame))
            height, width = self._upright_shape(frame)
            old = self.video
            self.video = Video(old.path, old.n_frames, width, height, old.fps, old.codec, old.container_n_frames)
            self._pending[row] = frame
            self._next_row = row
            return
        self.close()
        raise VideoError(
            f"video {self.video.path}: no frame can be decoded ({self._broken[0]}); copy or export it again"
        )

    def _frame(self, row: int) -> VideoFrame | None:
        """The decoded frame, or None with a reason in `_broken`."""
        if row in self._broken:
            return None
        packet = int(self._index.packet[row])
        if packet < 0:
            self._broken[row] = BEYOND_END
            return None
        if not self._is_ahead(row, packet):
            self._restart(packet)
        frame = self._decode_to(row, packet)
        if self._decoder.damaged and self._decoder.n_threads > 1:
            self._use_one_thread()
            self._restart(packet)
            frame = self._decode_to(row, packet)
        if (reason := self._flaw(packet)) is not None:
            self._broken[row] = reason
            return None
        return frame

    def _flaw(self, packet: int) -> str | None:
        """Why the frame of a settled packet must not be used, or None.

        What is predicted from a damaged frame looks plausible but shows remnants of the past, so it is broken too, up
        to the next key frame: a frame that is given out is the one that was recorded.
        """
        damaged, rank = self._decoder.damaged, self._index.rank
        if not damaged:
            return None
        if packet in damaged:
            return damaged[packet]
        start = self._start_for(packet)
        before = damaged if len(damaged) < packet - start else range(start, packet)
        # Frames shown before the key frame are no source for those after it.
        sources = [n for n in before if start <= n < packet and n in damaged and rank[n] >= rank[start]]
        return f"it is predicted from frame {self._index.row[min(sources)]}, which is broken" if sources else None

    def _is_ahead(self, row: int, packet: int) -> bool:
        """Whether going on decoding leads to the frame sooner than a jump."""
        if row < self._next_row:
            return False
        return row - self._next_row < NEAR_FRAMES or self._start_for(packet) <= self._decoder.position

    def _start_for(self, packet: int) -> int:
        """The last usable key packet from which the packet's frame is complete, 0 if there is none.

        Frames that are shown before a key frame but decoded after it (open GOP) need what comes before the key frame.
        """
        keys = self._keys[: int(np.searchsorted(self._keys, packet, side="right"))]
        for key in keys[::-1]:
            if self._index.rank[key] <= self._index.rank[packet] and int(key) not in self._unusable_keys:
                return int(key)
        return 0

    def _restart(self, packet: int) -> None:
        """Start decoding at the best key packet whose own frame comes out whole."""
        while True:
            key = self._start_for(packet)
            key_row = int(self._index.row[key])
            damaged = dict(self._decoder.damaged)
            self._decoder.start(key)
            self._pending.clear()
            self._next_row = max(key_row, 0)
            if key == 0 or key_row < 0:
                return
            frame = self._decode_to(key_row, key)
            if frame is not None and key not in self._decoder.damaged:
                self._pending[key_row] = frame
                self._next_row = key_row
                return
            if self._decoder.n_threads > 1:
                self._use_one_thread()
                continue
            # What went wrong may be due to starting here (intra refresh); an earlier start will tell.
            self._decoder.damaged = damaged
            self._unusable_keys.add(key)

    def _use_one_thread(self) -> None:
        """From the first damage on decode in one thread: only then an error belongs to exactly one packet."""
        self._decoder.close()
        self._decoder = Decoder(self.video.path, self._index, n_threads=1)

    def _decode_to(self, row: int, packet: int) -> VideoFrame | None:
        """Decode until the fate of the frame, and of every frame it may be predicted from, is known."""
        self._next_row = row + 1
        for skipped in [other for other in self._pending if other < row]:
            del self._pending[skipped]
        while not self._decoder.is_settled(packet):
            frames = self._decoder.step()
            if frames is None:
                break
            for number, frame in frames:
                shown = int(self._index.row[number])
                if shown >= row:
                    self._pending.setdefault(shown, frame)
        return self._pending.pop(row, None)


def _size_reason(what: str, shape: tuple[int, ...], video: Video) -> str:
    return f"{what} is {shape[1]} x {shape[0]} px and the video {video.width} x {video.height}"
