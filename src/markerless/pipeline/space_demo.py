"""`demo --cameras 4`: from videos of a board and of a made mouse to its points in space, whose truth is known.

As in `demo`, every stage leaves its files in the folder and is not repeated when they are there.
"""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from pydantic import Field

from markerless.config import Settings
from markerless.core.instance import FloatArray, Instance
from markerless.core.labels import LabeledFrame, Labels
from markerless.core.progress import Bar, no_bar
from markerless.core.storage import write_text
from markerless.core.tracks import Tracks
from markerless.errors import CalibrationError, SettingsError
from markerless.formats import tidy
from markerless.multiview.boards import parse_board
from markerless.multiview.rotation import fitted_motion
from markerless.pipeline.demo import DAY, SCORER, claim, film
from markerless.pipeline.from_videos import FromVideos, from_videos
from markerless.pipeline.keypoints import KeypointsRequest, keypoints
from markerless.pipeline.train import train
from markerless.pipeline.training_plan import TrainRequest
from markerless.pipeline.triangulate import InSpace, TriangulateOptions
from markerless.pipeline.world_axes import AxesRequest
from markerless.project import NewProject, Project, Run, create_project
from markerless.synthetic.many_views import CAMERAS, ManyViews, board_pictures, rig
from markerless.synthetic.solid_mouse import PAWS, SKELETON
from markerless.video.images import write_image
from markerless.video.reader import open_video

NAME, RUN = "space", "demo"
BOARD = "charuco:5x4:26:20:DICT_4X4_50"
BOARDS, ANIMAL, LABELED = "boards", "animal", "labeled"  # folders of videos
TRUTH_FILE, SPLIT_FILE, RESULT = "truth_3d.csv", "split.json", "mouse_3d"
FPS = 25.0
LABELED_SEED, UNSEEN_SEED, BOARD_SEED = 12, 24, 1
FEWEST_CAMERAS, MOST_CAMERAS = 2, 8


class SpaceDemoSettings(Settings):
    """How large the demo is.

    Attributes:
        cameras: How many look at the mouse.
        width: Of the made videos, pixels.
        height: Likewise.
        boards: Frames of the board's videos.
        labeled: Labeled moments; each is a picture of every camera.
        unseen: Frames of the videos that are analyzed.
        minutes: Budget of the training.
        training: Its settings by section, such as `{"train": {"steps": 200}}`; without, as many steps as fit.
    """

    cameras: int = 4
    width: int = 320
    height: int = 256
    boards: int = 32
    labeled: int = 30
    unseen: int = 150
    minutes: float = 6.0
    training: dict[str, dict[str, int | str]] = Field(default_factory=dict)


@dataclass(frozen=True)
class SpaceStudy:
    """Films with known truth.

    Attributes:
        folder: Where everything is.
        boards: Folder of the board's videos.
        animal: Folder of the videos to analyze.
        project: The study with labels.
        split: Its split file: the last moments of the labeled recording are not trained on.
        truth: `(T, K, 3)` mm of the videos to analyze; the floor is z = 0.
    """

    folder: Path
    boards: Path
    animal: Path
    project: Project
    split: Path
    truth: FloatArray


@dataclass(frozen=True)
class SpaceDemo:
    """What the demo made.

    Attributes:
        study: The films.
        run: The trained network.
        result: Points in space.
        off_mm: `(T, K)` distance from the truth, the two laid over each other by a rotation and a shift; NaN where a
            point is missing.
        height_off_mm: `(T, K)` how much higher a point is above the floor that was found than above the true one; NaN
            where none was found.
        seconds: Wall time.
    """

    study: SpaceStudy
    run: Run
    result: InSpace
    off_mm: FloatArray
    height_off_mm: FloatArray
    seconds: float

    def lines(self) -> list[str]:
        """The result, for people."""
        off, n = self.off_mm, self.off_mm.size
        each = ", ".join(f"{name} {np.nanmedian(off[:, k]):.1f}" for k, name in enumerate(SKELETON.keypoints))
        assert self.result.tracks.error is not None
        return [
            *self.result.notes,
            *([self.result.axes.how] if self.result.axes else []),
            f"against the truth of all {len(off)} frames: {100 * np.isfinite(off).sum() / n:.0f} % of {n} points "
            f"found, off by {np.nanmedian(off):.2f} mm (median), 95 % within {np.nanpercentile(off, 95):.1f} mm; "
            f"expected error {np.nanmedian(self.result.tracks.error):.2f} mm",
            f"median mm by keypoint: {each}",
            *([self._heights()] if self.result.axes else []),
            "",
            f"video: {self.result.files[-1]}",
            f"in one command: {self.command()}",
            f"done in {self.seconds / 60:.1f} min",
        ]

    def _heights(self) -> str:
        return f"heights above the floor: off by {np.nanmedian(np.abs(self.height_off_mm)):.2f} mm (median)"

    def command(self) -> str:
        """What a user types for the same."""
        study = self.study
        words = ["markerless", "triangulate", study.boards, study.animal, "--board", BOARD]
        words += ["--project", study.project.root, "--render"]
        words += ["--axes", f"floor:{','.join(PAWS)}"] if self.result.axes else []
        return shlex.join(str(word) for word in [*words, "--out", study.folder / RESULT])


def space_demo(out: Path | str, settings: SpaceDemoSettings | None = None, bar: Bar = no_bar) -> SpaceDemo:
    """Film a board and a made mouse with several cameras, label, train, and go from the videos to points in space.

    Raises:
        SettingsError: too few or too many cameras.
        ProjectError: `out` holds something else.
        StorageError: it cannot be written.
    """
    began = time.monotonic()
    settings = settings or SpaceDemoSettings()
    study = film_study(Path(out), settings, bar)
    with bar("training", "steps") as progress:
        request = TrainRequest(run=RUN, split=study.split)
        run = train(study.project, settings.minutes, request, settings.training, progress)
    return _compared(study, run, in_space(study, run, bar), began)


def in_space(study: SpaceStudy, run: Run, bar: Bar = no_bar) -> InSpace:
    """Points in space of the films: over the floor, or without axes where the network finds the paws too badly.

    Raises:
        CalibrationError: no points in space.
        StorageError: they cannot be written.
    """
    target, how = study.folder / RESULT, FromVideos(BOARD, run, render=True)
    films = {"all": study.animal}
    try:
        options = TriangulateOptions(axes=AxesRequest(PAWS, floor=True))
        return from_videos(study.boards, films, target, options, how, bar)
    except CalibrationError as refused:
        result = from_videos(study.boards, films, target, TriangulateOptions(), how, bar)
        return replace(result, notes=(*result.notes, f"no world axes, after so short a training: {refused}"))


def _compared(study: SpaceStudy, run: Run, result: InSpace, began: float) -> SpaceDemo:
    """The demo with how far its points are from the truth."""
    points = result.tracks.points[:, 0]
    rotation, translation = fitted_motion(points.reshape(-1, 3), study.truth.reshape(-1, 3))
    off = np.linalg.norm(points @ rotation.T + translation - study.truth, axis=-1)
    paws = [SKELETON.index(name) for name in PAWS]
    floor = np.percentile(study.truth[:, paws, 2], 30)  # of the middles of standing paws: they are balls
    height = points[..., 2] if result.axes else np.full(off.shape, np.nan)
    return SpaceDemo(study, run, result, off, height - (study.truth[..., 2] - floor), time.monotonic() - began)


def film_study(folder: Path, settings: SpaceDemoSettings, bar: Bar = no_bar) -> SpaceStudy:
    """Videos of a board and of two recordings, one of them labeled, unless they are there.

    Raises:
        SettingsError: too few or too many cameras.
        ProjectError: `folder` holds something else.
        StorageError: it cannot be written.
    """
    if not FEWEST_CAMERAS <= settings.cameras <= MOST_CAMERAS:
        raise SettingsError(f"expected {FEWEST_CAMERAS} to {MOST_CAMERAS} cameras, got {settings.cameras}")
    claim(folder, settings)
    names = CAMERAS[: settings.cameras] + tuple(f"extra{i}" for i in range(settings.cameras - len(CAMERAS)))
    cameras = rig((settings.width, settings.height), names)
    board = parse_board(BOARD)
    for camera in cameras.cameras:
        path = folder / BOARDS / f"{camera.name}.mp4"
        if not path.is_file():
            grays = board_pictures(board, camera, settings.boards, BOARD_SEED)
            pictures = (np.repeat(gray[..., None], 3, axis=2) for gray in grays)
            film(path, FPS, camera.size, pictures, settings.boards, bar)
    labeled = ManyViews(LABELED_SEED, 4 * settings.labeled, FPS, cameras)
    unseen = ManyViews(UNSEEN_SEED, settings.unseen, FPS, cameras)
    for name, scene in ((LABELED, labeled), (ANIMAL, unseen)):
        for index, camera in enumerate(cameras.cameras):
            pictures = (scene.frame(index, i).image for i in range(len(scene)))
            film(folder / name / f"mouse_{camera.name}.mp4", scene.fps, camera.size, pictures, len(scene), bar)
    truth = unseen.truth()
    score = np.ones((len(truth), 1, SKELETON.n_keypoints))
    tidy.write(Tracks(SKELETON, truth[:, None], score, fps=FPS, scorer="truth"), folder / TRUTH_FILE)
    project = _labeled(folder, labeled, cameras.names, settings.labeled)
    return SpaceStudy(folder, folder / BOARDS, folder / ANIMAL, project, _split(folder, project), truth)


def _labeled(folder: Path, scene: ManyViews, names: Sequence[str], n_labeled: int) -> Project:
    """A project with labels on every fourth frame of each camera, of what is not hidden in it."""
    videos = [folder / LABELED / f"mouse_{name}.mp4" for name in names]
    new = NewProject(NAME, SCORER, SKELETON.keypoints, SKELETON.names_of(SKELETON.edges), DAY)
    root = folder / new.folder_name
    project = Project(root) if root.exists() else create_project(new, folder, videos)
    if project.skeleton.mirror_pairs != SKELETON.mirror_pairs:
        project = _with_pairs(project)
    for camera, video in enumerate(videos):
        if project.label_tables(video.stem):
            continue
        frames = []
        with open_video(video) as reader:
            for i in range(0, 4 * n_labeled, 4):
                image = f"labeled-data/{video.stem}/img{i:04d}.png"
                if not (root / image).is_file():
                    write_image(root / image, reader[i])
                seen = scene.frame(camera, i)
                xy = np.where(seen.visible[:, None], seen.xy, np.nan)
                frames.append(LabeledFrame(image, (Instance.from_xy(xy),), SCORER))
        project.write_labels(video.stem, Labels(project.skeleton, tuple(frames)), who=SCORER)
    return project


def _with_pairs(project: Project) -> Project:
    """The project with all left/right pairs written: `forepawL` is not guessed, and views are flipped in training."""
    known = project.skeleton.names_of(project.skeleton.mirror_pairs)
    pairs = SKELETON.names_of(SKELETON.mirror_pairs)
    keypoints(project, KeypointsRequest(mirror=[pair for pair in pairs if pair not in known]))
    return Project(project.root)


def _split(folder: Path, project: Project) -> Path:
    """Every camera trains: by moments, the last tenth tests and the tenth before validates."""
    images = project.labels().images
    moments = sorted({image.rsplit("/", 1)[-1] for image in images})
    tenth = max(1, len(moments) // 10)
    part = dict.fromkeys(moments, "train")
    part |= dict.fromkeys(moments[-2 * tenth : -tenth], "validation") | dict.fromkeys(moments[-tenth:], "test")
    parts: dict[str, list[str]] = {"train": [], "validation": [], "test": []}
    for image in images:
        parts[part[image.rsplit("/", 1)[-1]]].append(image)
    path = folder / SPLIT_FILE
    write_text(path, json.dumps(parts, indent=1) + "\n")
    return path
