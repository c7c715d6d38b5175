"""A small study of the made mouse on disk: a video, a dozen labeled frames, as a user would have it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from markerless.core.instance import FloatArray, Instance
from markerless.core.labels import LabeledFrame, Labels
from markerless.project import NewProject, Project, create_project
from markerless.synthetic.scene import Look, Scene
from markerless.video.images import write_image
from markerless.video.reader import open_video
from markerless.video.writer import VideoWriter

DAY = date(2026, 1, 1)
SCORER = "ada"


@dataclass(frozen=True)
class MadeStudy:
    """A project folder with known truth.

    Attributes:
        root: The project.
        video: Its video, in `videos/`.
        truth: `(T, K, 2)` px of every frame of the video.
        labeled: Indices of the labeled frames.
    """

    root: Path
    video: Path
    truth: FloatArray
    labeled: tuple[int, ...]

    @property
    def project(self) -> Project:
        """The project, read anew."""
        return Project(self.root)


def film(path: Path, seed: int = 5, size: tuple[int, int] = (320, 240), n_frames: int = 60) -> Scene:
    """Write a video of the made mouse to `path`."""
    scene = Scene(seed, size, n_frames, look=Look(coat="agouti"))
    with VideoWriter(path, scene.fps, scene.size) as writer:
        for i in range(len(scene)):
            writer.write(scene.frame(i)[0])
    return scene


def make_study(folder: Path, n_frames: int = 60, n_labeled: int = 12, name: str = "mouse") -> MadeStudy:
    """A study in `folder`, one video of `n_frames`, `n_labeled` of them labeled (none: only the video is there)."""
    folder.mkdir(parents=True, exist_ok=True)
    source = folder / "cage1.mp4"
    scene = film(source, n_frames=n_frames)
    keypoints = scene.skeleton.keypoints
    edges = tuple((keypoints[a], keypoints[b]) for a, b in scene.skeleton.edges)
    project = create_project(NewProject(name, SCORER, keypoints, edges, DAY), folder, [source])
    truth = scene.truth()
    labeled = tuple(np.linspace(0, n_frames - 1, n_labeled).round().astype(int).tolist()) if n_labeled else ()
    frames = []
    with open_video(source) as reader:
        for i in labeled:
            image = f"labeled-data/{source.stem}/img{i:02d}.png"
            write_image(project.root / image, reader[i])
            frames.append(LabeledFrame(image, (Instance.from_xy(truth[i]),), SCORER))
    if frames:
        project.write_labels(source.stem, Labels(project.skeleton, tuple(frames)), who=SCORER)
    return MadeStudy(project.root, project.root / "videos" / source.name, truth, labeled)
