"""A small study that trains in a second: pictures with a red, a green and a blue dot."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

import cv2
import numpy as np
import pytest

from make_model import COLORS, color_finder, random_places
from markerless.core.instance import Instance
from markerless.core.labels import LabeledFrame, Labels
from markerless.core.skeleton import Skeleton
from markerless.project import NewProject, Project, create_project
from markerless.video.images import write_image

SIZE = (96, 64)


@pytest.fixture
def dot_study(tmp_path: Path) -> Callable[..., Project]:
    """Makes a project with `n` labeled pictures; the dots are circles of radius 5 around the labels."""

    def make(n: int = 5, name: str = "dots") -> Project:
        project = create_project(NewProject(name, "Ann", COLORS, day=date(2026, 1, 2)), tmp_path)
        places = random_places(n, SIZE, seed=3)
        folder = project.root / "labeled-data" / "m1"
        folder.mkdir(parents=True)
        frames = []
        for i, xy in enumerate(places):
            channels = [cv2.circle(np.zeros(SIZE[::-1], np.uint8), place.tolist(), 5, 250, -1) for place in xy]
            write_image(folder / f"img{i:02d}.png", np.stack(channels, axis=-1))
            frames.append(LabeledFrame(f"labeled-data/m1/img{i:02d}.png", (Instance.from_xy(xy.astype(float)),)))
        project.write_labels("m1", Labels(Skeleton(COLORS), tuple(frames)))
        return Project(project.root)

    return make


@pytest.fixture
def with_run() -> Callable[..., None]:
    """Gives a project a finished run whose model finds the first pixel of each color, with a split of its labels."""

    def add(project: Project, split: dict[str, list[str]]) -> None:
        run = project.run_folder("run1")
        color_finder(run / "model.onnx")
        (run / "split.json").write_text(json.dumps(split), encoding="utf-8")
        (run / "run.toml").write_text(
            '[run]\nname = "run1"\nfinished = true\nscorer = "DLC_Test_dotsJan2_run1"\n'
            f"[skeleton]\nkeypoints = {json.dumps(COLORS)}\nedges = []\nmirror_pairs = []\n"
            '[data]\nfingerprint = "other"\n[train]\n[net]\n[versions]\n',
            encoding="utf-8",
        )

    return add
