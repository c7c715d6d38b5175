"""Runs whose network knows the frames of a study by heart and answers with given points: comparisons of known results.

A frame is recognized in a small copy; the answer is the points of the most similar known one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from onnx import TensorProto

from made_study import MadeStudy
from make_model import Graph
from markerless.core.tracks import Tracks
from markerless.pipeline.result_files import ResultFiles
from markerless.pipeline.run_files import write_toml
from markerless.project import Project, Run
from markerless.video.images import read_image
from markerless.video.reader import open_video

SCORE = 0.9
SMALL = (32, 24)  # width and height of the copies


@dataclass(frozen=True)
class Known:
    """Frames `(T, H, W, 3)` uint8 and the answers to them, `(T, K, 2)` px."""

    frames: np.ndarray
    points: np.ndarray


def recaller(path: Path, known: Known, keypoints: tuple[str, ...]) -> Path:
    """A model of the runtime's contract that answers with `known`, all scores 0.9."""
    graph = Graph()
    image = graph.op("Transpose", graph.op("Cast", "image", to=TensorProto.FLOAT), perm=[0, 3, 1, 2])
    n_images = graph.op("Slice", graph.op("Shape", image), graph.constant([0]), graph.constant([1]))
    size = graph.op("Concat", n_images, graph.constant([3, *SMALL[::-1]]), axis=0)
    small = graph.op("Resize", image, "", "", size, mode="linear", coordinate_transformation_mode="half_pixel")
    signs = graph.op("Reshape", small, graph.constant([0, 1, -1]))
    learned = np.stack([cv2.resize(frame.astype(np.float32), SMALL).transpose(2, 0, 1) for frame in known.frames])
    learned = learned.reshape(1, len(known.frames), -1)
    apart = graph.op("Sub", signs, graph.constant(learned, np.float32))
    squared = graph.op("ReduceSum", graph.op("Mul", apart, apart), graph.constant([2]), keepdims=0)  # (B, T)
    nearest = graph.op("ArgMin", squared, axis=1, keepdims=0)
    graph.op("Gather", graph.constant(known.points, np.float32), nearest, axis=0, output="xy")
    scores = np.full(known.points.shape[:2], SCORE)
    graph.op("Gather", graph.constant(scores, np.float32), nearest, axis=0, output="score")
    return graph.save(path, keypoints)


def add_run(project: Project, name: str, known: Known, split: Mapping[str, Sequence[str]], start_from: str = "") -> Run:
    """A finished run that answers with `known`."""
    folder, skeleton = project.run_folder(name), project.skeleton
    recaller(folder / "model.onnx", known, skeleton.keypoints)
    parts = {part: list(split.get(part, ())) for part in ("train", "validation", "test")}
    (folder / "split.json").write_text(json.dumps(parts), encoding="utf-8")
    run = {"name": name, "finished": True, "scorer": project.run_scorer("recalled", name), "start_from": start_from}
    edges = [list(edge) for edge in skeleton.edges]
    tables = {
        "run": run,
        "skeleton": {"keypoints": list(skeleton.keypoints), "edges": edges, "mirror_pairs": []},
        "data": {"fingerprint": "made", "grid_px": 16, **{f"n_{part}": len(images) for part, images in parts.items()}},
        "train": {},
        "net": {},
        "versions": {},
    }
    write_toml(tables, folder / "run.toml")
    return Run.open(folder)


def pictures_of(project: Project) -> np.ndarray:
    """`(F, H, W, 3)` the labeled pictures, in the order of the labels."""
    return np.stack([read_image(frame.picture) for frame in project.labels().frames])


def off_by(points: np.ndarray, px: float, seed: int) -> np.ndarray:
    """Points moved in random directions, by distances whose mean is `px`."""
    rng = np.random.default_rng(seed)
    angle, distance = rng.uniform(0, 2 * np.pi, points.shape[:-1]), rng.gamma(4.0, px / 4, points.shape[:-1])
    moved: np.ndarray = points + distance[..., None] * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    return moved


def two_runs(study: MadeStudy) -> tuple[Run, Run]:
    """run1, 9 px off, was trained on two frames; run2, started from it and 3 px off, on three more."""
    project, images = study.project, study.project.labels().images
    with open_video(study.video) as reader:
        frames = np.stack([reader[i] for i in range(len(study.truth))])
    worse, better = off_by(study.truth, 9.0, 1), off_by(study.truth, 3.0, 2)
    first = add_run(project, "run1", Known(frames, worse), {"train": images[:2], "test": images[4:]})
    second = add_run(project, "run2", Known(frames, better), {"train": images[:2], "test": images[4:]}, "run1")
    return first, second


def write_results(study: MadeStudy, run: Run, points: np.ndarray, fps: float = 25.0) -> ResultFiles:
    """Trajectories of the study's video as `analyze` leaves them."""
    score = np.full((len(points), 1, points.shape[1]), SCORE)
    tracks = Tracks(run.skeleton, points[:, None], score, fps=fps, video=study.video.name, scorer=run.scorer)
    files = ResultFiles.of(study.video, run.scorer)
    files.partial.mkdir()
    files.write(tracks)
    files.partial.rmdir()
    return files
