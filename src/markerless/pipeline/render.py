"""`render`: a labeled video. Reading, drawing and writing overlap, so two cores are both used."""

from __future__ import annotations

import math
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt

from markerless.core.progress import Progress, silent
from markerless.core.tracks import Tracks
from markerless.core.video import Video
from markerless.drawing import Painter, RenderSettings
from markerless.errors import SettingsError
from markerless.pipeline.colors import colors_beside
from markerless.pipeline.results import length_note, open_tracks, result_name
from markerless.video.reader import VideoReader, open_video
from markerless.video.writer import VideoWriter

Image = npt.NDArray[np.uint8]

DEFAULT_FPS = 25.0  # for folders of images, when the tracks do not know either
READ_AHEAD = 16  # frames


@dataclass(frozen=True)
class RenderOptions:
    """What part of a video is drawn, and how.

    Attributes:
        settings: Dots, skeleton, trails.
        start_s: First moment in seconds; None begins at the beginning.
        stop_s: Moment in seconds to end before; None goes on to the end.
    """

    settings: RenderSettings = field(default_factory=RenderSettings)
    start_s: float | None = None
    stop_s: float | None = None


@dataclass(frozen=True)
class Rendering:
    """A labeled video that was written.

    Attributes:
        path: The file.
        n_frames: Frames in it.
        notes: One-line remarks for the user.
    """

    path: Path
    n_frames: int
    notes: tuple[str, ...]


def render(
    tracks: Tracks | Path | str | None,
    video: Path | str,
    out: Path | str | None = None,
    options: RenderOptions | None = None,
    progress: Progress = silent,
) -> Rendering:
    """Draw tracks into their video.

    Args:
        tracks: Tracks, a file of any tool, or None for the newest result beside the video.
        video: A video file or a folder of images.
        out: The file to write; by default `<video><scorer>_labeled.mp4` beside the video.
        options: What part, and how.
        progress: Receives frames done.

    Raises:
        FormatError: no tracks, or three-dimensional ones.
        VideoError: the video cannot be read.
        SettingsError: the asked part holds no frame.
        StorageError: the output cannot be written.
    """
    video, options = Path(video), options or RenderOptions()
    points, source = open_tracks(tracks, video)
    path = Path(out) if out is not None else video.parent / f"{result_name(points, source, video)}_labeled.mp4"
    require_other(path, video)
    painter = Painter(points, options.settings, colors_beside(video, points.skeleton.keypoints))
    with open_video(video) as reader:
        fps = _fps(reader.video, points)
        start, stop = part_between(reader.video.n_frames, fps, (options.start_s, options.stop_s), video.name)
        size = (reader.video.width, reader.video.height)
        with VideoWriter(path, fps, size) as writer:
            _draw_all(reader, painter, writer, (start, stop), progress)
        notes = [note for note in (length_note(points, reader.video), _broken_note(reader)) if note]
    return Rendering(path, stop - start, tuple(notes))


def _draw_all(
    reader: VideoReader, painter: Painter, writer: VideoWriter, part: tuple[int, int], progress: Progress
) -> None:
    """Draw on this thread while one thread reads ahead and another encodes."""
    start, stop = part
    blank = np.zeros((reader.video.height, reader.video.width, 3), np.uint8)
    with ThreadPoolExecutor(1) as reading, ThreadPoolExecutor(1) as writing:
        written: Future[None] | None = None
        for index, frame in read_ahead(reader, part, reading):
            # A broken frame is black: repeating the last one would hide it behind points that moved on.
            drawn = painter.draw(blank.copy() if frame is None else frame, index)
            if written is not None:
                written.result()
            written = writing.submit(writer.write, drawn)
            progress(index - start + 1, stop - start, "")
        if written is not None:
            written.result()


def read_ahead(
    reader: VideoReader, part: tuple[int, int], pool: ThreadPoolExecutor, n_ahead: int = READ_AHEAD
) -> Iterator[tuple[int, Image | None]]:
    """Frames of `part` (first, and the one to stop before), read in another thread some frames ahead."""
    frames = reader.frames(*part)

    def some() -> list[tuple[int, Image | None]]:
        return list(islice(frames, n_ahead))

    coming = pool.submit(some)
    while batch := coming.result():
        coming = pool.submit(some)
        yield from batch


def require_other(target: Path, video: Path) -> None:
    """Refuse to draw over the recording itself.

    Raises:
        SettingsError: the file to write is the video.
    """
    if target.exists() and video.exists() and target.samefile(video):
        raise SettingsError(f"expected another file than the video to write, got {target}; give --out another name")


def part_between(n_frames: int, fps: float, span_s: tuple[float | None, float | None], name: str) -> tuple[int, int]:
    """First frame and the one to stop before of what lies between two times; None begins or ends with `name`.

    Raises:
        SettingsError: no frame does.
    """
    start_s, stop_s = span_s
    start = 0 if start_s is None else math.floor(start_s * fps + 1e-6)
    stop = n_frames if stop_s is None else min(n_frames, math.ceil(stop_s * fps - 1e-6))
    if start >= stop:
        raise SettingsError(
            f"no frame of {name} lies between --start {start_s or 0:g} s and --stop "
            f"{n_frames / fps if stop_s is None else stop_s:g} s; it is {n_frames / fps:.2f} s long"
        )
    return start, stop


def _fps(video: Video, tracks: Tracks) -> float:
    for fps in (video.fps, tracks.fps):
        if math.isfinite(fps) and fps > 0:
            return fps
    return DEFAULT_FPS


def _broken_note(reader: VideoReader) -> str | None:
    if not reader.broken:
        return None
    return f"{len(reader.broken)} frames of {reader.video.path.name} cannot be decoded and are black"
