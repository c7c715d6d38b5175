"""A result of `triangulate` with what belongs to it: its cameras, what each of them measured, and their videos."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from markerless.core.camera import Camera
from markerless.core.instance import FloatArray
from markerless.core.labels import Labels
from markerless.core.tracks import Tracks
from markerless.core.video import IMAGE_SUFFIXES, natural_key
from markerless.core.views import Views
from markerless.errors import CalibrationError, FormatError, MarkerlessError, VideoError
from markerless.formats import movement
from markerless.formats._hdf5 import array, opened
from markerless.multiview.files.views_toml import renamed
from markerless.pipeline.results import video_of
from markerless.pipeline.space_sources import CameraSource, cameras_of, sources_of

ALL_VIEWS = "all"
SUFFIX = ".nc"  # of results: no video ends like that
Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class SpaceResult:
    """Points in space and the cameras that saw them.

    Attributes:
        path: The file.
        tracks: Points `(T, N, K, 3)`.
        views: What the cameras say of the points; None when the file does not tell.
        names: Of the cameras, length C.
        cameras: By name, those whose place is known.
        frames: `(T, C)` which frame of each camera's video belongs to each moment; -1 where none does.
    """

    path: Path
    tracks: Tracks
    views: Views | None
    names: tuple[str, ...]
    cameras: Mapping[str, Camera]
    frames: Rows

    @property
    def unit(self) -> str:
        """Of the points; "" when the scale is not known."""
        return str(self.tracks.provenance.get("unit", ""))

    def used(self, camera: str) -> npt.NDArray[np.bool_]:
        """`(T, N, K)` whether a point was made of this camera."""
        if self.views is None or camera not in self.views.names:
            return np.ones(self.tracks.score.shape, dtype=bool)
        return self.views.used[self.views.names.index(camera)]


@dataclass(frozen=True)
class CameraSeen:
    """What a camera measured, and its video.

    Attributes:
        name: Of the camera.
        video: A video or a folder of pictures; None when it was not found.
        frames: `(T,)` the frame of the video of each moment; -1 for none.
        measured: `(T, N, K, 2)` px; None when the file of the points was not found.
        note: What was not found, for the user; "" when all was.
    """

    name: str
    video: Path | None
    frames: Rows
    measured: FloatArray | None
    note: str = ""


def open_space_result(path: Path) -> SpaceResult:
    """Open a result of `triangulate`.

    Raises:
        FormatError: no such file, damaged, or not points in space.
    """
    path = Path(path)
    tracks = movement.read(path)
    if tracks.points.shape[-1] != 3:
        raise FormatError(
            f"expected points in space (x, y, z) in {path}, got pixels; make them of several cameras with "
            "`markerless triangulate`, or give the video, and this file with --tracks"
        )
    views, cameras = movement.read_views(path), cameras_of(tracks.provenance, path)
    names = views.names if views is not None else tuple(cameras)
    return SpaceResult(path, tracks, views, names, cameras, _frames(path, tracks.n_frames, len(names)))


def seen_by_cameras(result: SpaceResult, videos: Mapping[str, Path] | None = None) -> tuple[CameraSeen, ...]:
    """What each camera measured, and its video: those given, else those that the result tells of.

    Args:
        result: Points in space.
        videos: Camera -> its video; "all" for one video of all cameras that have none of their own.

    Raises:
        CalibrationError: no camera has that name.
        VideoError: no such video.
    """
    given = dict(videos or {})
    for name, video in given.items():
        if name not in (*result.names, ALL_VIEWS):
            known = ", ".join(result.names) or "none"
            raise CalibrationError(f"unknown camera '{name}'; cameras of {result.path.name}: {known}")
        if not Path(video).exists():
            raise VideoError(f"no such video: {video}; check the path of --view {name}=VIDEO")
    sources = sources_of(result.tracks.provenance)
    opened_files: dict[Path, Tracks | Labels | str] = {}
    found = []
    for index, name in enumerate(result.names):
        one = _seen(result, index, sources.get(name, CameraSource("")), opened_files)
        chosen = given.get(name, given.get(ALL_VIEWS))
        if chosen is not None:
            one = replace(one, video=Path(chosen), frames=result.frames[:, index])
        elif one.video is None and not one.note:
            one = replace(one, note=f"the video of camera '{name}' was not found; name it with --view {name}=VIDEO")
        found.append(one)
    return tuple(found)


def _frames(path: Path, n_frames: int, n_cameras: int) -> Rows:
    """`(T, C)`: what the file says (synchronized cameras), else every moment is that frame of all videos."""
    own = np.repeat(np.arange(n_frames)[:, None], n_cameras, axis=1)
    with opened(path, "points in space in netCDF") as file:
        if "camera_frame" not in file:
            return own
        stored = array(file["camera_frame"]).astype(np.float64)
    if stored.shape != own.shape:
        raise FormatError(f"expected camera_frame of {own.shape} in {path}, got {stored.shape}; triangulate again")
    known = np.isfinite(stored) & (stored >= 0)
    return np.where(known, np.rint(np.where(known, stored, 0)), -1).astype(np.int64)


def _seen(
    result: SpaceResult, index: int, source: CameraSource, opened_files: dict[Path, Tracks | Labels | str]
) -> CameraSeen:
    name, frames = result.names[index], result.frames[:, index]
    nothing = CameraSeen(name, None, frames, None)
    if not source.file:
        return nothing
    folder = result.path.resolve().parent
    path = _existing(Path(os.path.normpath(folder / source.file)), folder / Path(source.file).name)
    if path is None:
        note = f"{Path(source.file).name} with what camera '{name}' measured is not where it was; put it beside "
        return replace(nothing, note=f"{note}{result.path.name}")
    if path not in opened_files:
        opened_files[path] = _opened(path)
    value = opened_files[path]
    if isinstance(value, str):
        return replace(nothing, note=value)
    if isinstance(value, Labels):
        return _of_labels(result, value, (path, source), name)
    measured = _rows(_points(result.tracks, value, source), frames)
    return CameraSeen(name, _video(path, value.video, folder), frames, measured)


def _opened(path: Path) -> Tracks | Labels | str:
    """What is in the file of a camera; or what is wrong with it."""
    from markerless.formats._sniff import open_any  # the readers of all formats cost a second to import

    try:
        value = open_any(path)[1]
    except MarkerlessError as error:
        return str(error)
    return value if isinstance(value, Tracks | Labels) else f"expected points in pixels in {path}, got a calibration"


def _video(path: Path, name: str, folder: Path) -> Path | None:
    """The video that tracks are of: the one they name, near them or the result; else the one they are named after."""
    near = (path.parent, path.parent.parent, folder, folder.parent)
    named = [place / Path(name).name for place in dict.fromkeys(near)] if name else []
    return _existing(*named) or video_of(path)


def _existing(*paths: Path) -> Path | None:
    return next((path for path in paths if path.exists()), None)


def _of_labels(result: SpaceResult, labels: Labels, origin: tuple[Path, CameraSource], name: str) -> CameraSeen:
    """Labels of pictures: the names of the pictures say which moment is which, and their folder is the video."""
    path, source = origin
    row_of = {Path(image).name: row for row, image in enumerate(labels.images)}
    images = [str(image) for image in result.tracks.provenance.get("images", ())]
    n_frames = result.tracks.n_frames
    nothing = CameraSeen(name, None, np.full(n_frames, -1), None)
    if len(images) != n_frames:
        return replace(nothing, note=f"{result.path.name} does not say which pictures it is of; triangulate again")
    xy = labels.xy()
    score = np.where(np.isfinite(xy).all(axis=-1), 1.0, np.nan)
    points = _points(result.tracks, Tracks(labels.skeleton, xy, score, individuals=labels.individuals), source)
    measured = _rows(points, np.array([row_of.get(image, -1) for image in images]))
    folder = _folder_of(labels, path)
    if folder is None:
        return replace(nothing, measured=measured, note=f"the pictures of camera '{name}' were not found")
    entries = [entry.name for entry in folder.iterdir() if entry.suffix.lower() in IMAGE_SUFFIXES]
    place = {entry: number for number, entry in enumerate(sorted(entries, key=natural_key))}
    return CameraSeen(name, folder, np.array([place.get(image, -1) for image in images]), measured)


def _folder_of(labels: Labels, path: Path) -> Path | None:
    """The one folder in which all pictures are, as seen from the label file or the study above it."""
    for root in (path.parent, *list(path.parents)[1:3]):
        folders = {(root / image).parent for image in labels.images}
        if len(folders) == 1 and all((root / image).is_file() for image in labels.images):
            return folders.pop()
    return None


def _points(result: Tracks, tracks: Tracks, source: CameraSource) -> FloatArray:
    """`(rows, N, K, 2)` px of the animals and keypoints of the result."""
    place = renamed(tracks.skeleton.keypoints, source.keypoints)
    found = np.full((tracks.n_frames, result.n_individuals, result.skeleton.n_keypoints, 2), np.nan)
    alone = tracks.n_individuals == result.n_individuals == 1
    for n, animal in enumerate(result.individuals):
        if not alone and animal not in tracks.individuals:
            continue
        row = 0 if alone else tracks.individuals.index(animal)
        for k, keypoint in enumerate(result.skeleton.keypoints):
            if keypoint in place:
                found[:, n, k] = tracks.points[:, row, place[keypoint], :2]
    return found


def _rows(points: FloatArray, rows: Rows) -> FloatArray:
    """Some rows of points; NaN for those that do not exist."""
    known = (rows >= 0) & (rows < len(points))
    found: FloatArray = points[np.where(known, rows, 0)]
    found[~known] = np.nan
    return found
