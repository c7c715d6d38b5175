"""A study of several cameras with known truth: small videos, labels with small errors, and a calibration."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np

from made_mirror import PARTS, SIZE, mirror_scene
from made_rig import ring
from markerless.core.camera import Calibration, Camera
from markerless.core.instance import FloatArray, Instance
from markerless.core.labels import LabeledFrame, Labels
from markerless.multiview.files import anipose_toml
from markerless.project import NewProject, Project, create_project
from markerless.video.images import write_image
from markerless.video.writer import VideoWriter

KEYPOINTS = ("nose", "ear", "back", "hip", "tail")
SCORER, DAY = "ada", date(2026, 1, 1)
SCALE = 0.25
MIRROR_VIEWS = """[views.side]
region = [0, 0, 640, 240]
keypoints = "{}_top"

[views.below]
region = [0, 240, 640, 240]
keypoints = "{}_bot"
mirrored = true
"""


@dataclass(frozen=True)
class MadeViews:
    """A project folder of several cameras.

    Attributes:
        root: The project.
        calibration: File of its cameras, outside of the project.
        cameras: V of them.
        xy: `(V, T, K, 2)` px, the truth.
    """

    root: Path
    calibration: Path
    cameras: tuple[Camera, ...]
    xy: FloatArray

    @property
    def project(self) -> Project:
        return Project(self.root)

    def folder(self, view: int) -> str:
        return f"day1_{self.cameras[view].name}"


def small(camera: Camera) -> Camera:
    """The same camera with a picture a quarter as wide and high."""
    matrix = camera.matrix.copy()
    matrix[:2] *= SCALE
    matrix[:2, 2] += (SCALE - 1) / 2  # a picture's corner is half a pixel from the center of its first pixel
    width, height = (round(length * SCALE) for length in camera.size)
    return replace(camera, matrix=matrix, size=(width, height))


def make_views(folder: Path, n_views: int = 3, n_frames: int = 10, sd: float = 0.5, seed: int = 3) -> MadeViews:
    """A study whose pictures are labeled in all views but the last one."""
    folder.mkdir(parents=True, exist_ok=True)
    cameras = tuple(small(camera) for camera in ring(n_views))
    rng = np.random.default_rng(seed)
    points = rng.uniform(-1, 1, (n_frames, len(KEYPOINTS), 3)) * [120, 120, 50]
    xy = np.stack([camera.project(points) for camera in cameras])
    videos = []
    for camera in cameras:
        videos.append(folder / f"day1_{camera.name}.mp4")
        with VideoWriter(videos[-1], 30.0, camera.size) as writer:
            for frame in range(n_frames):
                writer.write(np.full((camera.size[1], camera.size[0], 3), 60 + 10 * frame, np.uint8))
    project = create_project(NewProject("views", SCORER, KEYPOINTS, (), DAY), folder, videos)
    calibration = folder / "rig.toml"
    anipose_toml.write(Calibration(cameras, "mm"), calibration)
    made = MadeViews(project.root, calibration, cameras, xy)
    for view in range(n_views - 1):
        label(made, view, range(n_frames), sd)
    return made


def label(made: MadeViews, view: int, frames: range, sd: float, off: tuple[int, int, FloatArray] | None = None) -> None:
    """Make pictures of one view and label them; `off` is a frame, a keypoint and by how much its label slips."""
    rng = np.random.default_rng(100 + view)
    folder, project = made.folder(view), made.project
    width, height = made.cameras[view].size
    rows = []
    for frame in frames:
        image = f"labeled-data/{folder}/img{frame:02d}.png"
        xy = made.xy[view, frame] + rng.normal(0, sd, (len(KEYPOINTS), 2))
        if off is not None and frame == off[0]:
            xy[off[1]] += off[2]
        write_image(project.root / image, np.full((height, width, 3), 60 + 10 * frame, np.uint8))
        rows.append(LabeledFrame(image, (Instance.from_xy(xy),), SCORER))
    if folder in project.label_folders():
        project.labels_of(folder)  # what is written next takes the place of what was read
    project.write_labels(folder, Labels(project.skeleton, tuple(rows)), who=SCORER)


def picture(frame: int) -> str:
    return f"img{frame:02d}.png"


def make_mirror(
    folder: Path, n_frames: int = 12, sd: float = 0.5, off: tuple[int, str, FloatArray] | None = None
) -> Project:
    """A study of one camera and a mirror below it; `off` is a frame, a keypoint and by how much its label slips."""
    folder.mkdir(parents=True, exist_ok=True)
    names = tuple(f"{name}_{end}" for end in ("top", "bot") for name in KEYPOINTS)
    project = create_project(NewProject("mirror", SCORER, names, (), DAY), folder, [])
    scene = mirror_scene(n_frames * len(KEYPOINTS), noise=sd, seed=2)
    xy = scene.xy.reshape(len(PARTS), n_frames, len(KEYPOINTS), 2)
    rows = []
    for frame in range(n_frames):
        image = f"labeled-data/run/{picture(frame)}"
        points = np.concatenate(list(xy[:, frame]))
        if off is not None and off[0] == frame:
            points[names.index(off[1])] += off[2]
        write_image(project.root / image, np.full((SIZE[1], SIZE[0], 3), 70 + frame, np.uint8))
        rows.append(LabeledFrame(image, (Instance.from_xy(points),), SCORER))
    project.write_labels("run", Labels(project.skeleton, tuple(rows)), who=SCORER)
    (project.root / "views.toml").write_text(MIRROR_VIEWS, encoding="utf-8")
    return Project(project.root)
