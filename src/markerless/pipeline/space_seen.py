"""What a camera saw of points in space: the pixels that were measured, and the video in which they were."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from markerless.core.instance import FloatArray
from markerless.core.labels import Labels
from markerless.core.tracks import Tracks
from markerless.core.video import pictures_in
from markerless.errors import MarkerlessError
from markerless.formats._movement_parts import SpaceFile
from markerless.multiview.files.views_toml import renamed
from markerless.pipeline.results import begins_with, video_of
from markerless.pipeline.space_sources import CameraSource, images_of, sources_of

PixelArray = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Search:
    """Where the files and videos of cameras are looked for, beside where the result says that they are.

    Attributes:
        videos: Of the study.
        allows: Whether a file may be looked at.
    """

    videos: Sequence[Path] = ()
    allows: Callable[[Path], bool] = lambda _: True


@dataclass(frozen=True)
class _Read:
    """What was in the file of a camera.

    Attributes:
        xy: `(rows, N, K, 2)` float32 px, animals and keypoints as in the result.
        by_moment: Whether the rows are the moments of the result, and not frames of a video.
        frames: `(T,)` the frame of the video of each moment, for labels; None for predictions.
        video: The video; None when it was not found.
        note: What is wrong, in a few words.
    """

    xy: PixelArray | None = None
    by_moment: bool = False
    frames: FloatArray | None = None
    video: Path | None = None
    note: str = ""


_UNKNOWN = _Read(note="the result does not say which file its points came from; triangulate again")


class _Once:
    """What the cameras of one file saw; it is read when it is first asked for. Safe to use from several threads."""

    def __init__(self, read: Callable[[], Mapping[str, _Read]]) -> None:
        self._read = read
        self._lock = threading.Lock()
        self._found: Mapping[str, _Read] | None = None

    def of(self, camera: str) -> _Read:
        """What one of them saw."""
        with self._lock:
            if self._found is None:
                self._found = self._read()
            return self._found[camera]


@dataclass(frozen=True)
class Seen:
    """What a camera saw; its file is read when it is first asked for."""

    camera: str
    file: _Once

    @property
    def video(self) -> Path | None:
        """The video; None when it was not found."""
        return self.file.of(self.camera).video

    @property
    def note(self) -> str:
        """What keeps measured points or video from being shown; "" when nothing does."""
        return self.file.of(self.camera).note

    @property
    def has_points(self) -> bool:
        """Whether measured points are known."""
        return self.file.of(self.camera).xy is not None

    @property
    def frames(self) -> FloatArray | None:
        """`(T,)`: the frame of the video of each moment, where pictures were labeled; None for predictions."""
        return self.file.of(self.camera).frames

    def at(self, start: int, stop: int, frames: FloatArray) -> FloatArray | float:
        """`(T, N, K, 2)` px at moments from `start` to before `stop`; `frames (T,)` of the video are theirs, -1: none.

        NaN where nothing was seen; one NaN where nothing is known.
        """
        found = self.file.of(self.camera)
        if found.xy is None:
            return np.nan
        rows = np.arange(start, stop) if found.by_moment else frames.astype(np.int64)
        return _rows_of(found.xy, rows).astype(np.float64)


def seen_of(file: SpaceFile, names: Sequence[str], search: Search) -> dict[str, Seen]:
    """What each camera of a result saw. A file of several of them (mirrors) is read once.

    Args:
        file: The result.
        names: Of the cameras.
        search: Where files are looked for.
    """
    sources = sources_of(file.provenance)
    by_file: dict[str, dict[str, CameraSource]] = {}
    for name in names:
        if name in sources:
            by_file.setdefault(sources[name].file, {})[name] = sources[name]
    files = [(tuple(some), _Once(partial(_read, file, some, search))) for some in by_file.values()]
    unknown = [name for name in names if name not in sources]
    files.append((tuple(unknown), _Once(lambda: dict.fromkeys(unknown, _UNKNOWN))))
    return {name: Seen(name, of) for some, of in files for name in some}


def frames_of_pictures(folder: Path, images: Sequence[str]) -> FloatArray:
    """`(T,)`: which frame of a folder, taken as a video, each picture is; -1 for those that are not there."""
    index = {path.name: number for number, path in enumerate(pictures_in(folder))}
    return np.array([index.get(image, -1) for image in images], dtype=np.float64)


def _read(file: SpaceFile, sources: Mapping[str, CameraSource], search: Search) -> dict[str, _Read]:
    """What the cameras saw whose points are in one and the same file."""
    name = next(iter(sources.values())).file
    if not name:
        return dict.fromkeys(sources, _Read(note="the result was made of points in memory"))
    path = next((one for one in _places(file.path, name) if _is_there(one)), None)
    if path is None:
        note = f"{Path(name).name} is not where it was; put it beside {file.path.name}"
    elif not search.allows(path):
        note = f"{path} may not be shown; start the app with --root {path.resolve().parent}"
    else:
        from markerless.formats._sniff import open_any  # the readers of all formats cost a second to import

        try:
            value = open_any(path)[1]
        except MarkerlessError as error:
            return dict.fromkeys(sources, _Read(note=str(error)))
        if isinstance(value, Labels):
            return _of_labels(file, (path, value), sources, search)
        if isinstance(value, Tracks) and value.points.shape[-1] == 2:
            video = _video_of_tracks(file, (path, value.video), search)
            return {of: _Read(_xy(file, value, source), video=video) for of, source in sources.items()}
        note = f"no points in pixels in {path}"
    return dict.fromkeys(sources, _Read(note=note))


def _places(result: Path, name: str) -> list[Path]:
    """Where a file may be: where it was, else beside the result."""
    folder = result.resolve().parent
    return [Path(os.path.normpath(folder / name)), folder / Path(name).name]


def _is_there(path: Path) -> bool:
    """Whether there is such a file or folder: also asked of names that no file can have."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def _video_of_tracks(file: SpaceFile, tracks: tuple[Path, str], search: Search) -> Path | None:
    """The video of tracks: the one they name, near them or the result or in the study, else the one they are named
    after."""
    path, name = tracks[0], Path(tracks[1]).name
    folder = file.path.resolve().parent
    near = [path.parent / name, path.parent.parent / name, folder / name, folder.parent / name]
    named = [*near, *(video for video in search.videos if video.name == name)] if name not in ("", "..") else []
    beside = video_of(path)
    after = [video for video in search.videos if begins_with(path.name, video.stem)]
    after.sort(key=lambda video: len(video.stem), reverse=True)
    found = (*named, *([beside] if beside is not None else []), *after)
    return next((video for video in found if _is_there(video) and search.allows(video)), None)


def _of_labels(
    file: SpaceFile, opened: tuple[Path, Labels], sources: Mapping[str, CameraSource], search: Search
) -> dict[str, _Read]:
    """Labels of pictures: the folder of pictures is the video, and their names say which moment is which."""
    path, labels = opened
    place = {Path(image).name: row for row, image in enumerate(labels.images)}
    images = images_of(file.provenance, file.n_frames)
    if len(images) != file.n_frames:
        note = "the result does not say which pictures it is of; triangulate again"
        return dict.fromkeys(sources, _Read(note=note))
    rows = np.array([place.get(name, -1) for name in images], dtype=np.int64)
    xy = labels.xy()
    score = np.where(np.isfinite(xy).all(axis=-1), 1.0, np.nan)
    tracks = Tracks(labels.skeleton, xy, score, individuals=labels.individuals)
    folder = _folder_of(path, [image for image in labels.images if Path(image).name in set(images)])
    if folder is not None and not search.allows(folder):
        folder = None
    frames = None if folder is None else frames_of_pictures(folder, images)
    return {
        name: _Read(_rows_of(_xy(file, tracks, source), rows), True, frames, folder) for name, source in sources.items()
    }


def _folder_of(path: Path, images: Sequence[str]) -> Path | None:
    """The one folder in which pictures are that a file of labels names, from beside it or from a folder above it."""
    for base in _bases(path.resolve(), images):
        if _is_there(base) and base.is_file():
            return base.parent if len({Path(other).parent for other in images}) == 1 else None
    return None


def _bases(path: Path, images: Sequence[str]) -> Iterator[Path]:
    for image in images[:1]:
        yield path.parent / Path(image).name
        yield from (folder / image for folder in list(path.parents)[:4])


def _rows_of(xy: PixelArray, rows: npt.NDArray[np.int64]) -> PixelArray:
    """Some rows; NaN for those that do not exist."""
    known = (rows >= 0) & (rows < len(xy))
    found: PixelArray = xy[np.where(known, rows, 0)] if len(xy) else np.zeros((len(rows), *xy.shape[1:]), np.float32)
    found[~known] = np.nan
    return found


def _xy(file: SpaceFile, tracks: Tracks, source: CameraSource) -> PixelArray:
    """`(rows, N, K, 2)` float32 px of the animals and keypoints of the result."""
    place = renamed(tracks.skeleton.keypoints, source.keypoints)
    found = np.full((tracks.n_frames, len(file.individuals), len(file.keypoints), 2), np.nan, dtype=np.float32)
    alone = tracks.n_individuals == len(file.individuals) == 1
    for n, animal in enumerate(file.individuals):
        if alone or animal in tracks.individuals:
            row = 0 if alone else tracks.individuals.index(animal)
            for k, keypoint in enumerate(file.keypoints):
                if keypoint in place:
                    found[:, n, k] = tracks.points[:, row, place[keypoint], :2]
    return found
