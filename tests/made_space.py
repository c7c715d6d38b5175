"""A small study in space on disk: videos of two cameras, what was measured in them, and the result of `triangulate`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import h5py
import numpy as np

from made_rig import ring
from markerless.core.camera import Calibration, Camera
from markerless.core.skeleton import Skeleton
from markerless.core.tracks import Tracks
from markerless.formats import movement
from markerless.pipeline.triangulate import triangulate
from markerless.video.writer import VideoWriter

N_FRAMES, FPS = 24, 20.0
SIZE = (160, 128)
GRAY_STEP = 8  # by which each frame of a video is brighter than the one before


@dataclass(frozen=True)
class SpaceStudy:
    """Files of a study.

    Attributes:
        result: S.nc.
        videos: Camera -> its video, beside the result.
        points: `(T, 3, 3)` the truth, in mm.
        cameras: What sees them.
    """

    result: Path
    videos: dict[str, Path]
    points: np.ndarray
    cameras: tuple[Camera, ...]


def small_rig() -> Calibration:
    """Two cameras with pictures of `SIZE`."""
    cameras = []
    for camera in ring(2):
        scale = SIZE[0] / camera.size[0]
        matrix = camera.matrix * np.array([[scale], [scale], [1.0]])
        cameras.append(replace(camera, size=SIZE, matrix=matrix))
    return Calibration(tuple(cameras), "mm")


def walk(n_frames: int = N_FRAMES) -> np.ndarray:
    """`(T, 3, 3)`: nose, neck, tail, 40 mm apart, that walk a curve."""
    t = np.arange(n_frames) / 15
    middle = np.stack([60 * np.sin(t), 50 * np.cos(t), 12 + 6 * np.sin(2 * t)], axis=-1)
    way = 40.0 * np.stack([np.cos(t), -np.sin(t), 0 * t], axis=-1)
    return np.stack([middle + way, middle, middle - way], axis=1)


def write_gray_video(path: Path, n_frames: int = N_FRAMES) -> Path:
    """Frame i is evenly gray, of brightness `GRAY_STEP * i`."""
    with VideoWriter(path, FPS, SIZE) as writer:
        for index in range(n_frames):
            writer.write(np.full((SIZE[1], SIZE[0], 3), GRAY_STEP * index, np.uint8))
    return path


def make_space_study(folder: Path, missing: bool = False) -> SpaceStudy:
    """Make the study; with `missing`, without videos."""
    rig, points = small_rig(), walk()
    skeleton = Skeleton(("nose", "neck", "tail"), ((0, 1), (1, 2)))
    files, videos = {}, {}
    for camera in rig.cameras:
        videos[camera.name] = folder / f"{camera.name}.mp4"
        if not missing:
            write_gray_video(videos[camera.name])
        score = np.full((len(points), 1, 3), 0.9)
        tracks = Tracks(skeleton, camera.project(points)[:, None], score, fps=FPS, video=f"{camera.name}.mp4")
        files[camera.name] = folder / f"{camera.name}DLC.nc"
        movement.write(tracks, files[camera.name])
    result = triangulate(rig, files, folder / "walk")
    return SpaceStudy(result.files[0], videos, points, rig.cameras)


def store_frames(path: Path, frames: np.ndarray) -> None:
    """Say in a result which frame of each camera's video belongs to each moment `(T, C)`."""
    with h5py.File(path, "r+") as file:
        del file["camera_frame"]
        variable = file.create_dataset("camera_frame", data=frames)
        variable.dims[0].attach_scale(file["time"])
        variable.dims[1].attach_scale(file["view"])
