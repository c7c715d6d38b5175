"""`render` of points in space: a view of the scene, beside the cameras' videos with what was measured and what should
be seen. Reading, drawing and writing overlap."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from markerless.core.progress import Progress, silent
from markerless.drawing import palette
from markerless.pipeline.render import DEFAULT_FPS, Rendering, part_between, read_ahead, require_other
from markerless.pipeline.results import LABELED
from markerless.pipeline.space_result import CameraSeen, SpaceResult, open_space_result, seen_by_cameras
from markerless.report.lettering import Lettering, write
from markerless.report.seen_picture import SeenBy, SeenPainter, shown_part
from markerless.report.space_box import SpaceBox
from markerless.report.space_view import BACKGROUND, INK, SOFT, SpacePainter, SpaceSettings
from markerless.video.reader import VideoReader, open_video
from markerless.video.writer import VideoWriter

Image = npt.NDArray[np.uint8]

HEIGHT = 720  # px of the video
SPACE_WIDTH, SPACE_ALONE = 800, 1120  # px of the view of the scene, beside cameras and without
_WIDEST = 1.6  # of a camera's cell, times its height
_LEGEND = "dot: measured   ring: where the point in space is seen"
_PICTURES_FPS = 5.0  # of labeled pictures, which do not follow each other
_READ_AHEAD = 4  # frames of each camera: rigs have large ones


@dataclass(frozen=True)
class SpaceOptions:
    """What part of a result is drawn, and how.

    Attributes:
        settings: The view of the scene.
        start_s: First moment in seconds; None begins at the beginning.
        stop_s: Moment in seconds to end before; None goes on to the end.
    """

    settings: SpaceSettings = field(default_factory=SpaceSettings)
    start_s: float | None = None
    stop_s: float | None = None


@dataclass(frozen=True)
class _Cell:
    """A camera's video in the picture."""

    painter: SeenPainter
    pictures: Iterator[Image | None]
    left: int
    top: int


@dataclass(frozen=True)
class _Stage:
    """All that is drawn: the scene, the cameras' videos, moments from `part[0]` to before `part[1]`, their names."""

    scene: SpacePainter
    cells: tuple[_Cell, ...]
    part: tuple[int, int]
    names: tuple[str, ...]

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, even."""
        width = max([cell.left + cell.painter.size[0] for cell in self.cells], default=self.scene.size[0])
        return width + width % 2, HEIGHT

    @cached_property
    def _blank(self) -> Image:
        return np.full((self.size[1], self.size[0], 3), BACKGROUND, np.uint8)

    def draw(self, moment: int) -> Image:
        """The picture of a moment; those before it have to be drawn first."""
        start, stop = self.part
        width, height = self.scene.size
        picture = self._blank.copy()
        drawn = self.scene.draw(moment, (moment - start) / max(stop - start - 1, 1))
        write(drawn, self.names[moment], (width - 18, 20), Lettering(14, INK, (1.0, 0.5)))
        if self.cells:
            write(drawn, _LEGEND, (18, height - 16), Lettering(11, SOFT, (0.0, 0.5)))
        picture[:, :width] = drawn
        for cell in self.cells:
            part = cell.painter.draw(next(cell.pictures), moment)
            picture[cell.top : cell.top + part.shape[0], cell.left : cell.left + part.shape[1]] = part
        return picture


def render_space(
    source: Path | str,
    out: Path | str | None = None,
    videos: Mapping[str, Path] | None = None,
    options: SpaceOptions | None = None,
    progress: Progress = silent,
) -> Rendering:
    """Draw points in space, beside the cameras' videos.

    Args:
        source: A result of `triangulate`, S.nc.
        out: The video to write; by default `S_labeled.mp4` beside it.
        videos: Camera -> its video, where the result does not tell or the videos were moved; "all" for all cameras.
        options: What part, and how.
        progress: Receives moments done.

    Raises:
        FormatError: not points in space, or not one point.
        CalibrationError: no camera of that name.
        VideoError: a video that cannot be read.
        SettingsError: the asked part holds no moment.
        StorageError: the output cannot be written.
    """
    result, options = open_space_result(Path(source)), options or SpaceOptions()
    seen = seen_by_cameras(result, videos)
    path = Path(out) if out is not None else result.path.with_name(f"{result.path.stem}{LABELED}.mp4")
    for one in seen:
        if one.video is not None:
            require_other(path, one.video)
    notes = [note for one in seen for note in one.notes]
    with ExitStack() as stack:
        readers = {
            video: stack.enter_context(open_video(video))
            for video in dict.fromkeys(one.video for one in seen if one.video is not None)
        }
        fps = _fps(result, readers.values())
        part = part_between(result.tracks.n_frames, fps, (options.start_s, options.stop_s), result.path.name)
        cells = tuple(
            _Cell(painter, _pictures(readers[video], frames[slice(*part)], stack), left, top)
            for video, painter, frames, left, top in _laid_out(result, seen, readers, slice(*part))
        )
        space = (SPACE_WIDTH if cells else SPACE_ALONE, HEIGHT)
        settings = options.settings
        images = result.space.images
        if images and settings.trail < 0:  # pictures that do not follow each other have no path
            settings = settings.model_copy(update={"trail": 0})
        scene = SpacePainter(result.tracks, _box(result, settings.cutoff), space, settings)
        stage = _Stage(scene, cells, part, images or tuple(f"{t / fps:.2f} s" for t in range(part[1])))
        with VideoWriter(path, fps, stage.size) as writer:
            _draw_all(stage, writer, progress)
    return Rendering(path, part[1] - part[0], tuple(dict.fromkeys(notes)))


def _draw_all(stage: _Stage, writer: VideoWriter, progress: Progress) -> None:
    """Draw on this thread while others read ahead and encode."""
    start, stop = stage.part
    written: Future[None] | None = None
    with ThreadPoolExecutor(1) as writing:
        for moment in range(start, stop):
            picture = stage.draw(moment)
            if written is not None:
                written.result()
            written = writing.submit(writer.write, picture)
            progress(moment - start + 1, stop - start, "")
        if written is not None:
            written.result()


def _laid_out(
    result: SpaceResult, seen: Sequence[CameraSeen], readers: Mapping[Path, VideoReader], part: slice
) -> Iterator[tuple[Path, SeenPainter, npt.NDArray[np.int64], int, int]]:
    """Each video with its painter, its frames, and its place: in rows, all cells equally high."""
    n_rows = math.ceil(math.sqrt(len(readers)))
    height = HEIGHT // max(n_rows, 1)
    colors, left = palette(result.tracks.skeleton.n_keypoints), SPACE_WIDTH
    videos = list(readers)
    for first in range(0, len(videos), max(n_rows, 1)):
        column = videos[first : first + n_rows]
        widest = 0
        for row, video in enumerate(column):
            size = (readers[video].video.width, readers[video].video.height)
            width = max(2, int(min(height * size[0] / size[1], _WIDEST * height)))
            own = [one for one in seen if one.video == video]
            by = tuple(_seen_by(result, one) for one in own)
            shown = (width, max(2, round(width * size[1] / size[0])))
            painter = SeenPainter(by, result.tracks.skeleton, colors, shown_part(by, size, part), shown)
            above = (HEIGHT - height * len(column)) // 2  # a column that is not full stands in the middle
            top = above + row * height + (height - painter.size[1]) // 2
            widest = max(widest, painter.size[0])
            yield video, painter, own[0].frames, left, top
        left += widest


def _seen_by(result: SpaceResult, one: CameraSeen) -> SeenBy:
    name, camera = one.camera.name, one.camera.camera
    expected = camera.project(result.tracks.points) if camera is not None else None
    return SeenBy(name, one.measured, expected, result.used(name), camera.region if camera is not None else None)


def _box(result: SpaceResult, cutoff: float) -> SpaceBox:
    """What of space is shown."""
    points = np.where(result.tracks.present(cutoff)[..., None], result.tracks.points, np.nan)
    return SpaceBox.of(points, result.space.up, result.unit)


def _pictures(reader: VideoReader, wanted: npt.NDArray[np.int64], stack: ExitStack) -> Iterator[Image | None]:
    """The frame of each moment; None where there is none, or a broken one."""
    pool = stack.enter_context(ThreadPoolExecutor(1))
    wanted = np.where(wanted < len(reader), wanted, -1)
    known = wanted[wanted >= 0]
    if not len(known):
        yield from (None for _ in wanted)
        return
    if (np.diff(known) < 0).any():  # pictures whose order is not that of the moments
        for want in wanted.tolist():
            yield None if want < 0 else next(reader.frames(want, want + 1))[1]
        return
    frames = read_ahead(reader, (int(known[0]), int(known[-1]) + 1), pool, _READ_AHEAD)
    at, current = -1, None
    for want in wanted.tolist():
        while at < want:
            at, current = next(frames)
        yield None if want < 0 else current


def _fps(result: SpaceResult, readers: Iterable[VideoReader]) -> float:
    if result.space.images:
        return _PICTURES_FPS
    rates = [result.tracks.fps, *(reader.video.fps for reader in readers)]
    return next((fps for fps in rates if math.isfinite(fps) and fps > 0), DEFAULT_FPS)
