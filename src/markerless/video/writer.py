"""Writing videos that play everywhere: H.264, yuv420p, mp4 with its index in front, tagged colors."""

from __future__ import annotations

import math
from contextlib import AbstractContextManager
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import numpy as np
from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, VideoReformatter
from av.video.stream import VideoStream

from markerless.core.storage import atomic_path, storage_error
from markerless.errors import MarkerlessError, VideoError
from markerless.video.images import check_rgb

SUFFIXES = (".mp4", ".m4v", ".mov")
# "veryfast" encodes 640 x 480 several times faster than real time; the slower presets save little at this quality.
ENCODER_OPTIONS = {"preset": "veryfast", "crf": "20"}
# Seconds between key frames: short, so that scrubbing in a browser is immediate.
KEY_FRAME_EVERY_S = 2
# Code points of ISO 23091-2 for matrix, primaries and transfer alike. Players that ignore the tag assume BT.709 for HD
# and BT.601 below it.
BT709, BT601 = 1, 6
HD_HEIGHT = 720
MAX_RATE_DENOMINATOR = 1001 * 100


class VideoWriter:
    """Writes frames to a video; the file appears only when all of it is there.

        with VideoWriter("mouse_labeled.mp4", fps=30, size=(640, 480)) as writer:
            writer.write(rgb)

    Odd sizes grow by one pixel at the right or bottom, a copy of the edge, because yuv420p knows even sizes only:
    coordinates stay valid.
    """

    def __init__(self, path: Path | str, fps: float, size: tuple[int, int]) -> None:
        """Args:
            path: The file to make, .mp4, .m4v or .mov; any characters.
            fps: Frames per second, above 0.
            size: (width, height) of the frames to come.

        Raises:
            VideoError: another suffix, or an impossible rate or size.
        """
        self.path = Path(path)
        if self.path.suffix.lower() not in SUFFIXES:
            raise VideoError(f"cannot write video {path}: expected {', '.join(SUFFIXES)}, got {self.path.suffix!r}")
        if not (math.isfinite(fps) and 0 < fps <= 100_000):
            raise VideoError(f"cannot write video {path}: expected frames per second above 0, got {fps}; give a rate")
        if min(size) < 1:
            raise VideoError(f"cannot write video {path}: expected a size of at least 1 x 1, got {size[0]} x {size[1]}")
        self.fps = fps
        self.size = size
        self.n_frames = 0
        self._reformatter = VideoReformatter()
        self._standard = BT709 if size[1] >= HD_HEIGHT else BT601
        self._atomic: AbstractContextManager[Path] | None = None
        self._container: OutputContainer
        self._stream: VideoStream

    def __enter__(self) -> Self:
        """Raises StorageError when the folder cannot be written."""
        self._atomic = atomic_path(self.path)
        temporary = self._atomic.__enter__()
        try:
            self._open(temporary)
        except BaseException as error:
            self._leave(error)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Finish the file, or after an error remove it.

        Raises:
            StorageError: disk full.
            VideoError: no frame was written.
        """
        try:
            if error is None:
                self._finish()
        except BaseException as failure:
            error = failure
        self._leave(error)

    def write(self, rgb: np.ndarray) -> None:
        """Append a frame, (H, W, 3) uint8 RGB of the writer's size.

        Raises:
            VideoError: another shape or type.
            StorageError: disk full.
        """
        check_rgb(rgb, self.path)
        width, height = self.size
        if rgb.shape[:2] != (height, width):
            raise VideoError(
                f"cannot write {self.path}: expected {width} x {height} px, got {rgb.shape[1]} x {rgb.shape[0]}"
            )
        if width % 2 or height % 2:
            rgb = np.pad(rgb, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        frame = self._reformatter.reformat(
            VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24"),
            format="yuv420p",
            dst_colorspace=self._standard,
            dst_color_range=ColorRange.MPEG,
            threads=1,
        )
        frame.pts = self.n_frames
        frame.time_base = 1 / Fraction(self._stream.codec_context.framerate)
        try:
            self._container.mux(self._stream.encode(frame))
        except OSError as error:
            raise storage_error(error, self.path) from error
        self.n_frames += 1

    def _open(self, temporary: Path) -> None:
        self._container = av.open(
            str(temporary.absolute()),
            "w",
            format="mov" if temporary.suffix == ".mov" else "mp4",
            options={"movflags": "+faststart"},
        )
        rate = Fraction(self.fps).limit_denominator(MAX_RATE_DENOMINATOR)
        self._stream = self._container.add_stream("libx264", rate=rate, options=ENCODER_OPTIONS)
        context = self._stream.codec_context
        context.width, context.height = (side + side % 2 for side in self.size)
        context.pix_fmt = "yuv420p"
        context.time_base = 1 / rate
        context.gop_size = max(1, round(self.fps * KEY_FRAME_EVERY_S))
        context.color_range = ColorRange.MPEG
        context.colorspace = context.color_primaries = context.color_trc = self._standard

    def _finish(self) -> None:
        if self.n_frames == 0:
            raise VideoError(f"cannot write video {self.path}: no frame was written; choose a range that holds some")
        self._container.mux(self._stream.encode(None))
        self._container.close()

    def _leave(self, error: BaseException | None) -> None:
        """Let the temporary file be renamed or deleted, and raise what went wrong."""
        assert self._atomic is not None
        if error is None:
            self._atomic.__exit__(None, None, None)
            return
        try:
            self._abandon()
        finally:
            self._atomic.__exit__(type(error), error, error.__traceback__)
        raise error

    def _abandon(self) -> None:
        """Close a file that is about to be deleted; that it cannot be finished is no news."""
        try:
            self._container.close()
        except (AttributeError, OSError, av.FFmpegError, MarkerlessError):
            return
