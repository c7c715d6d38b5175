"""`demo`: the whole path on a made study whose truth is known: label, train, evaluate, analyze, render, plot.

Every stage leaves its files in the folder and is not repeated when they are there, so an interrupted demo goes on and a
finished one answers at once.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from markerless.config import Settings
from markerless.core.instance import FloatArray, Instance
from markerless.core.labels import LabeledFrame, Labels
from markerless.core.metrics import SplitErrors, point_errors, split_errors
from markerless.core.progress import Bar, no_bar
from markerless.core.storage import atomic_path, write_text
from markerless.core.tracks import Tracks
from markerless.drawing import Painter, RenderSettings
from markerless.errors import ProjectError
from markerless.formats import dlc
from markerless.pipeline.analyze import analyze
from markerless.pipeline.evaluate import Evaluation, evaluate
from markerless.pipeline.plot import plot
from markerless.pipeline.render import RenderOptions, render
from markerless.pipeline.result_files import ResultFiles
from markerless.pipeline.train import train
from markerless.pipeline.training_plan import TrainRequest
from markerless.project import NewProject, Project, Run, create_project
from markerless.report.page import figure_png
from markerless.report.truth import Comparison, truth_figure
from markerless.synthetic.scene import Look, Scene
from markerless.video.images import write_image
from markerless.video.reader import open_video
from markerless.video.writer import VideoWriter

NAME, SCORER, RUN = "mouse", "demo", "demo"
DAY = date(2026, 1, 1)  # part of the folder's name: any fixed day, so that a second demo finds the first
LABELED_SEED, UNSEEN_SEED = 11, 23
STAMP_FILE, PICTURE_FILE, TRUTH_FILE = "demo.json", "demo.png", "truth_of_unseen.csv"
TRAIL = 30  # frames
PICTURE_SCALE = 3  # the picture shows its frame enlarged, so that dots are crisp


class DemoSettings(Settings):
    """How large the demo is.

    Attributes:
        width: Of the made videos, pixels.
        height: Likewise.
        labeled_video: Frames of the video that labels are taken from.
        labeled: Labeled frames.
        unseen_video: Frames of the video that is analyzed.
        minutes: Budget of the training.
        steps: Training steps; 0 takes as many as fit into `minutes`.
    """

    width: int = 480
    height: int = 360
    labeled_video: int = 600
    labeled: int = 100
    unseen_video: int = 300
    minutes: float = 4.5
    steps: int = 0


@dataclass(frozen=True)
class Demo:
    """What the demo made.

    Attributes:
        folder: Where everything is.
        project: The study.
        run: The trained network.
        evaluation: Errors on the labels' splits.
        truth: Errors against the truth of every frame of the unseen video.
        files: What each file is -> where it is.
        seconds: Wall time.
    """

    folder: Path
    project: Path
    run: Run
    evaluation: Evaluation
    truth: SplitErrors
    files: dict[str, Path] = field(default_factory=dict)
    seconds: float = 0.0

    def lines(self) -> list[str]:
        """The result, for people."""
        truth = self.truth
        each = ", ".join(f"{name} {error:.2f}" for name, error in truth.per_keypoint.items())
        width = max(len(what) for what in self.files)
        return [
            *self.evaluation.lines(),
            "",
            f"against the truth of all {truth.n_frames} frames of the unseen video: mean {truth.mean_px:.2f} px, "
            f"median {truth.median_px:.2f} px, 95 % within {truth.p95_px:.1f} px, "
            f"{100 * truth.gross:.1f} % badly wrong",
            f"mean px by keypoint: {each}",
            "",
            *(f"{what:<{width}}  {path}" for what, path in self.files.items()),
            f"done in {self.seconds / 60:.1f} min",
        ]


def demo(out: Path | str = "markerless-demo", settings: DemoSettings | None = None, bar: Bar = no_bar) -> Demo:
    """Make a study of a made mouse and take it from labels to trajectories.

    Args:
        out: Folder; a demo in it is completed or reused.
        settings: How large.
        bar: Opens a progress bar for a stage, given its title and unit.

    Raises:
        ProjectError: the folder holds something else, or a demo of other settings.
        StorageError: the folder cannot be written.
    """
    began = time.monotonic()
    folder, settings = Path(out), settings or DemoSettings()
    claim(folder, settings)
    size = (settings.width, settings.height)
    labeled = Scene(LABELED_SEED, size, settings.labeled_video, look=Look(coat="agouti"))
    unseen = Scene(UNSEEN_SEED, size, settings.unseen_video, look=Look(coat="agouti"))
    videos = (folder / "labeled.mp4", folder / "unseen.mp4")
    for scene, video in zip((labeled, unseen), videos, strict=True):
        film(video, scene.fps, scene.size, (scene.frame(i)[0] for i in range(len(scene))), len(scene), bar)
    project = _study(folder, labeled, videos[0], settings.labeled)
    with bar("training", "steps") as progress:
        own = {"train": {"steps": settings.steps}} if settings.steps else {}
        run = train(project, settings.minutes, TrainRequest(run=RUN), own, progress)
    with bar("evaluating", "frames") as progress:
        evaluation = evaluate(run, progress=progress)
    with bar("analyzing", "frames") as progress:
        tracks = analyze(run, videos[1], progress=progress)
    results = ResultFiles.of(videos[1], run.scorer)
    options = RenderOptions(RenderSettings(trail=TRAIL))
    with bar("rendering", "frames") as progress:
        rendering = render(results.files[-1], videos[1], options=options, progress=progress)
    plots = plot(results.files[-1], videos[1])
    truth = unseen.truth()
    errors = _against_truth(tracks, truth, unseen, folder)
    files = {
        "picture": folder / PICTURE_FILE,
        "labeled video": rendering.path,
        "figures": plots.page,
        "trajectories": results.files[0],
        "truth": folder / TRUTH_FILE,
        "evaluation": run.folder / "report.html",
        "project": project.root,
    }
    files = {what: folder / path.resolve().relative_to(folder.resolve()) for what, path in files.items()}
    return Demo(folder, project.root, run, evaluation, errors, files, time.monotonic() - began)


def claim(folder: Path, settings: Settings) -> None:
    """Make the folder a demo's, or find that it is one of the same settings."""
    stamp = folder / STAMP_FILE
    wanted = {"made by": "markerless demo", **settings.model_dump()}
    if stamp.is_file():
        try:
            found = json.loads(stamp.read_text(encoding="utf-8"))
        except ValueError:
            found = None
        if found != wanted:
            raise ProjectError(
                f"{folder} holds a demo of other settings; delete it or choose another folder with --out"
            )
        return
    if folder.is_dir() and any(folder.iterdir()):
        raise ProjectError(f"{folder} holds files that are not a demo's; choose another folder with --out")
    write_text(stamp, json.dumps(wanted, indent=1) + "\n")


def film(
    video: Path, fps: float, size: tuple[int, int], pictures: Iterable[npt.NDArray[np.uint8]], n_frames: int, bar: Bar
) -> None:
    """Write a video of the pictures unless it is there; a video appears only when it is complete."""
    if video.is_file():
        return
    video.parent.mkdir(parents=True, exist_ok=True)
    with bar(f"filming {video.name}", "frames") as progress, VideoWriter(video, fps, size) as writer:
        for done, picture in enumerate(pictures, start=1):
            writer.write(picture)
            progress(done, n_frames, "")


def _study(folder: Path, scene: Scene, video: Path, n_labeled: int) -> Project:
    """A project with labels on frames taken evenly from the video, as a person would place them with a steady hand."""
    new = NewProject(NAME, SCORER, scene.skeleton.keypoints, _edge_names(scene), DAY)
    root = folder / new.folder_name
    project = Project(root) if root.exists() else create_project(new, folder, [video])
    chosen = np.linspace(0, len(scene) - 1, n_labeled).round().astype(int)
    truth, name = scene.truth(), video.stem
    frames = []
    with open_video(video) as reader:
        for i in chosen.tolist():
            image = f"labeled-data/{name}/img{i:04d}.png"
            # Frames are taken from the video and not from the scene: compression belongs to what the network must see.
            if not (project.root / image).is_file():
                write_image(project.root / image, reader[i])
            frames.append(LabeledFrame(image, (Instance.from_xy(truth[i]),), SCORER))
    if not project.label_tables(name):
        project.write_labels(name, Labels(project.skeleton, tuple(frames)), who=SCORER)
    return project


def _edge_names(scene: Scene) -> tuple[tuple[str, str], ...]:
    names = scene.skeleton.keypoints
    return tuple((names[a], names[b]) for a, b in scene.skeleton.edges)


def _against_truth(tracks: Tracks, truth: FloatArray, scene: Scene, folder: Path) -> SplitErrors:
    """Errors in every frame of the unseen video; writes the truth and the picture."""
    diagonal = np.full(len(truth), float(np.hypot(*scene.size)))
    predicted = tracks.points[:, 0]
    size = float(np.median(np.linalg.norm(np.ptp(truth, axis=1), axis=-1)))
    errors = split_errors(predicted, truth, diagonal, size, scene.skeleton.keypoints)
    assert errors is not None  # the video has frames
    known = Tracks(
        scene.skeleton, truth[:, None], np.ones((len(truth), 1, truth.shape[1])), fps=scene.fps, scorer="truth"
    )
    dlc.write(known, folder / TRUTH_FILE)
    picture = _picture(tracks, truth, scene)
    figure = truth_figure(Comparison(tracks, truth, point_errors(predicted, truth, diagonal), picture))
    with atomic_path(folder / PICTURE_FILE) as temporary:
        temporary.write_bytes(figure_png(figure))
    return errors


def _picture(tracks: Tracks, truth: FloatArray, scene: Scene) -> npt.NDArray[np.uint8]:
    """The frame with the longest way behind it, enlarged, with dots, skeleton and trails."""
    body = truth[:, scene.skeleton.index("bodycenter")]
    lag = min(TRAIL, len(body) - 1)
    frame_idx = lag + int(np.argmax(np.linalg.norm(body[lag:] - body[: len(body) - lag], axis=-1)))
    image, _ = scene.frame(frame_idx)
    large = np.asarray(
        cv2.resize(image, None, fx=PICTURE_SCALE, fy=PICTURE_SCALE, interpolation=cv2.INTER_CUBIC), np.uint8
    )
    points = (tracks.points + 0.5) * PICTURE_SCALE - 0.5
    enlarged = Tracks(tracks.skeleton, points, tracks.score, individuals=tracks.individuals, fps=tracks.fps)
    return Painter(enlarged, RenderSettings(trail=TRAIL)).draw(large, frame_idx)
