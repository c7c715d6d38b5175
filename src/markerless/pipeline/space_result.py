"""A result of `triangulate` as a whole, for its video and its figures: an hour of it is held in memory."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from markerless.core.instance import FloatArray
from markerless.core.tracks import Tracks
from markerless.core.views import Views
from markerless.errors import CalibrationError, FormatError, VideoError
from markerless.formats import movement
from markerless.pipeline.space import Space, SpaceCamera, open_space

ALL_VIEWS = "all"
SUFFIX = ".nc"  # of results: no video ends like that
Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class SpaceResult:
    """Points in space and the cameras that saw them.

    Attributes:
        space: The file and its cameras.
        tracks: Points `(T, N, K, 3)`.
        views: What the cameras say of the points; None when the file does not tell.
    """

    space: Space
    tracks: Tracks
    views: Views | None

    @property
    def path(self) -> Path:
        """The file."""
        return self.space.file.path

    @property
    def unit(self) -> str:
        """Of the points; "" when the scale is not known."""
        return self.space.file.unit

    def used(self, camera: str) -> npt.NDArray[np.bool_]:
        """`(T, N, K)` whether a point was made of this camera."""
        if self.views is None or camera not in self.views.names:
            return np.ones(self.tracks.score.shape, dtype=bool)
        return self.views.used[self.views.names.index(camera)]


@dataclass(frozen=True)
class CameraSeen:
    """What a camera measured, and its video.

    Attributes:
        camera: Its name, and where it stands.
        video: A video or a folder of pictures; None when it was not found.
        frames: `(T,)` the frame of the video of each moment; -1 for none.
        measured: `(T, N, K, 2)` px; None when the file of the points was not found.
        notes: What was not found, for the user.
    """

    camera: SpaceCamera
    video: Path | None
    frames: Rows
    measured: FloatArray | None
    notes: tuple[str, ...]


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
    return SpaceResult(open_space(path), tracks, movement.read_views(path))


def seen_by_cameras(result: SpaceResult, videos: Mapping[str, Path] | None = None) -> tuple[CameraSeen, ...]:
    """What each camera measured, and its video: those given, else those that the result tells of.

    Args:
        result: Points in space.
        videos: Camera -> its video; "all" for one video of all cameras that have none of their own.

    Raises:
        CalibrationError: no camera has that name.
        VideoError: no such video, or not the folder of the pictures that were labeled.
    """
    given = {name: Path(video) for name, video in (videos or {}).items()}
    cameras = result.space.cameras
    for name, video in given.items():
        names = [one.name for one in cameras]
        if name not in (*names, ALL_VIEWS):
            known = ", ".join(names) or "none"
            raise CalibrationError(f"unknown camera '{name}'; cameras of {result.path.name}: {known}")
        if not video.exists():
            raise VideoError(f"no such video: {video}; check the path")
    every = slice(0, result.tracks.n_frames)
    frames = result.space.frames_of(every)
    return tuple(
        _seen(result, camera, frames[:, index], given.get(camera.name, given.get(ALL_VIEWS)))
        for index, camera in enumerate(cameras)
    )


def _seen(result: SpaceResult, camera: SpaceCamera, frames: FloatArray, given: Path | None) -> CameraSeen:
    seen, video = camera.seen, given or camera.seen.video
    measured = seen.at(0, len(frames), frames) if seen.has_points else None
    own = result.space.frames_in(given) if given is not None else None
    frames = frames if own is None else own
    notes = [f"camera '{camera.name}': {seen.note}"] if seen.note else []
    if video is None:
        name = camera.name if camera.camera is None or camera.camera.region is None else ALL_VIEWS
        what = "the video of all views" if name == ALL_VIEWS else f"the video of camera '{name}'"
        command = shlex.join(["markerless", "render", str(result.path), f"{name}=VIDEO"])
        notes.append(f"{what} was not found; `{command}` draws it as well")
    return CameraSeen(
        camera, video, frames.astype(np.int64), None if measured is None else np.asarray(measured), tuple(notes)
    )
