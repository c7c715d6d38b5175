"""A study of an animal that is small in the frame: three dots that the color finder finds exactly."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from make_model import COLORS, color_finder, dots
from markerless.config import load
from markerless.core.instance import Instance
from markerless.core.labels import LabeledFrame, Labels
from markerless.core.progress import silent
from markerless.core.skeleton import Skeleton
from markerless.pipeline.analyze_settings import AnalyzeSettings
from markerless.pipeline.method import Method, choose_method
from markerless.pipeline.scene import Scene, scene_of
from markerless.project import NewProject, Project, Run, create_project
from markerless.video.images import write_image
from markerless.video.reader import VideoReader
from markerless.video.writer import VideoWriter
from runtime.moving_dots import ANIMAL, STRONG, InMemory, walk

SIZE = (320, 240)
GRID = 16
SCORER = "DLC_Test_fieldJan2_run1"
N_LABELED = 6


def places_of_labels(n: int = N_LABELED) -> np.ndarray:
    """`(n, 3, 2)`: the animal here and there."""
    corners = np.random.default_rng(4).integers(20, np.array(SIZE) - 40, (n, 1, 2))
    return corners + ANIMAL


def make_field(folder: Path, off: Sequence[float] = (0, 0), square: int = 1) -> Project:
    """A project with labeled pictures and a finished run.

    Args:
        folder: Where it is made.
        off: How far the labels are from the dots, in pixels.
        square: Side of the dots; labels are at their top-left pixels.
    """
    project = create_project(NewProject("field", "Ann", COLORS, day=date(2026, 1, 2)), folder)
    pictures = project.root / "labeled-data" / "m1"
    pictures.mkdir(parents=True)
    frames = []
    for i, xy in enumerate(places_of_labels()):
        write_image(pictures / f"img{i}.png", squares(xy[None], square)[0])
        frames.append(LabeledFrame(f"labeled-data/m1/img{i}.png", (Instance.from_xy(xy + np.array(off, float)),)))
    project.write_labels("m1", Labels(Skeleton(COLORS), tuple(frames)))
    images = [frame.image for frame in frames]
    make_run(project.run_folder("run1"), {"train": images[2:], "validation": images[1:2], "test": images[:1]})
    return Project(project.root)


def make_run(folder: Path, split: dict[str, list[str]]) -> Run:
    """A finished run of the color finder."""
    color_finder(folder / "model.onnx")
    (folder / "split.json").write_text(json.dumps(split), encoding="utf-8")
    (folder / "run.toml").write_text(
        f'[run]\nname = "run1"\nfinished = true\nscorer = "{SCORER}"\n'
        f"[skeleton]\nkeypoints = {json.dumps(COLORS)}\nedges = []\nmirror_pairs = []\n"
        f"[data]\ngrid_px = {GRID}\nanimal_size_px = 18.4\n[train]\n[net]\n[versions]\n",
        encoding="utf-8",
    )
    return Run.open(folder)


def squares(places: np.ndarray, side: int = 1) -> np.ndarray:
    """`(T, H, W, 3)` black frames with squares of each color whose top-left pixels are at `places (T, 3, 2)`."""
    frames = dots(places, SIZE, STRONG)
    for dx in range(side):
        for dy in range(side):
            frames = np.maximum(frames, dots(places + np.array([dx, dy]), SIZE, STRONG))
    return frames


def film(n_frames: int = 50) -> InMemory:
    """The animal as it walks through the field."""
    return InMemory(dots(walk(n_frames, SIZE), SIZE, STRONG))


def write_film(path: Path, n_frames: int) -> np.ndarray:
    """A video file of the walk in squares of 8 px, which a codec leaves bright: `(T, 3, 2)` their top-left pixels."""
    places = walk(n_frames, SIZE, scale=2)
    with VideoWriter(path, 30.0, SIZE) as writer:
        for frame in squares(places, 8):
            writer.write(frame)
    return places


def settings(**values: Any) -> AnalyzeSettings:
    """Settings that leave but one way of running the network to be measured."""
    return load(
        "analyze", AnalyzeSettings, {"threads": 1, "precision": "f32", "batch_size": 1, "engine": "openvino", **values}
    )


def scene(source: Project | Run, reader: VideoReader, wanted: AnalyzeSettings | None = None) -> Scene:
    """A reader's frames as the settings want them to be looked at."""
    run, project = (source.run(), source) if isinstance(source, Project) else (source, None)
    return scene_of(run, project, reader, wanted or settings())


def chosen(source: Project | Run, reader: VideoReader, **values: Any) -> Method:
    """`choose_method` with these settings."""
    wanted = settings(**values)
    return choose_method(scene(source, reader, wanted), wanted, silent)
