"""What a camera saw of points in space: the pixels that were measured, and the video in which they were."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from markerless.core.instance import FloatArray
from markerless.core.labels import Labels
from markerless.core.tracks import Tracks
from markerless.core.video import IMAGE_SUFFIXES, natural_key
from markerless.errors import MarkerlessError
from markerless.formats._movement_parts import SpaceFile
from markerless.multiview.files.views_toml import renamed
from markerless.pipeline.results import video_of
from markerless.pipeline.space_sources import CameraSource

PixelArray = npt.NDArray[np.float32]


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


@dataclass
class Seen:
    """What a camera saw; its file is read when it is first asked for."""

    read: Callable[[], _Read]
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def of(cls, file: SpaceFile, source: CameraSource, videos: Sequence[Path], allows: Callable[[Path], bool]) -> Seen:
        """What is in the file of a camera, if it is there and may be looked at."""
        return cls(lambda: _read(file, source, videos, allows))

    @property
    def video(self) -> Path | None:
        """The video; None when it was not found."""
        return self._found.video

    @property
    def note(self) -> str:
        """What keeps measured points or video from being shown; "" when nothing does."""
        return self._found.note

    @property
    def has_points(self) -> bool:
        """Whether measured points are known."""
        return self._found.xy is not None

    @property
    def frames(self) -> FloatArray | None:
        """`(T,)`: the frame of the video of each moment, where pictures were labeled; None for predictions."""
        return self._found.frames

    def at(self, start: int, stop: int, frames: FloatArray) -> FloatArray | float:
        """`(T, N, K, 2)` px at moments from `start` to before `stop`; `frames (T,)` of the video are theirs, -1: none.

        NaN where nothing was seen; one NaN where nothing is known.
        """
        xy = self._found.xy
        if xy is None:
            return np.nan
        rows = np.arange(start, stop) if self._found.by_moment else frames.astype(np.int64)
        known = (rows >= 0) & (rows < len(xy))
        found = xy[np.where(known, rows, 0)].astype(np.float64)
        found[~known] = np.nan
        return found

    @property
    def _found(self) -> _Read:
        with self._lock:
            return self._once

    @cached_property
    def _once(self) -> _Read:
        return self.read()


NOTHING_SEEN = Seen(lambda: _Read(note="the result does not say which file its points came from; triangulate again"))


def _read(file: SpaceFile, source: CameraSource, videos: Sequence[Path], allows: Callable[[Path], bool]) -> _Read:
    if not source.file:
        return _Read(note="the result was made of points in memory")
    path = next((one for one in _places(file.path.parent, source.file) if one.exists()), None)
    if path is None:
        return _Read(note=f"{Path(source.file).name} is not where it was; put it beside {file.path.name}")
    if not allows(path):
        return _Read(note=f"{path} may not be shown; start the app with --root {path.resolve().parent}")
    from markerless.formats._sniff import open_any  # the readers of all formats cost a second to import

    try:
        value = open_any(path)[1]
    except MarkerlessError as error:
        return _Read(note=str(error))
    if isinstance(value, Tracks):
        video = _video_of_tracks(path, value.video, videos)
        return _Read(_xy(file, value, source), video=video if video is not None and allows(video) else None)
    return (
        _of_labels(file, path, value, source, allows)
        if isinstance(value, Labels)
        else _Read(note=f"no points in {path}")
    )


def _places(folder: Path, name: str) -> list[Path]:
    """Where a file may be: where it was, else beside the result."""
    return [folder / name, folder / Path(name).name] if "\0" not in name else []


def _video_of_tracks(path: Path, name: str, videos: Sequence[Path]) -> Path | None:
    """The video of tracks: the one they name, beside them or in the study, else the one they are named after."""
    if name and (path.parent / Path(name).name).exists():
        return path.parent / Path(name).name
    beside = video_of(path)
    if beside is not None:
        return beside
    named = [video for video in videos if video.name == Path(name).name] if name else []
    after = [video for video in videos if path.name.startswith(video.stem)]
    return next(iter(named), None) or max(after, key=lambda video: len(video.stem), default=None)


def _of_labels(
    file: SpaceFile, path: Path, labels: Labels, source: CameraSource, allows: Callable[[Path], bool]
) -> _Read:
    """Labels of pictures: the folder of pictures is the video, and their names say which moment is which."""
    place = {Path(image).name: row for row, image in enumerate(labels.images)}
    stored = file.provenance.get("images")
    images = [str(name) for name in stored] if isinstance(stored, list) else []
    rows = np.array([place.get(name, -1) for name in images], dtype=np.int64)
    if len(rows) != file.n_frames:
        return _Read(note="the result does not say which pictures it is of; triangulate again")
    xy = labels.xy()
    score = np.where(np.isfinite(xy).all(axis=-1), 1.0, np.nan)
    whole = _xy(file, Tracks(labels.skeleton, xy, score, individuals=labels.individuals), source)
    own = np.where((rows >= 0)[:, None, None, None], whole[np.maximum(rows, 0)], np.float32(np.nan))
    folder = _folder_of(path, [image for image in labels.images if Path(image).name in set(images)])
    if folder is None or not allows(folder):
        return _Read(own, by_moment=True)
    pictures = [entry.name for entry in folder.iterdir() if entry.suffix.lower() in IMAGE_SUFFIXES and entry.is_file()]
    index = {name: number for number, name in enumerate(sorted(pictures, key=natural_key))}
    frames = np.array([index.get(name, -1) for name in images], dtype=np.float64)
    return _Read(own, by_moment=True, frames=frames, video=folder)


def _folder_of(path: Path, images: Sequence[str]) -> Path | None:
    """The one folder in which pictures are that a file of labels names, from beside it or from a folder above it."""
    whole = path.resolve()
    for image in images[:1]:
        for base in (whole.parent / Path(image).name, *(folder / image for folder in list(whole.parents)[:4])):
            if base.is_file():
                return base.parent if len({Path(other).parent for other in images}) == 1 else None
    return None


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
