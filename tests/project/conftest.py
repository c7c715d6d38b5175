"""Small studies for the tests of `markerless.project`."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from markerless.core.instance import Instance
from markerless.core.labels import LabeledFrame, Labels
from markerless.core.skeleton import Skeleton
from markerless.project import NewProject, Project, create_project
from markerless.video.images import write_image

KEYPOINTS = ("nose", "left ear", "right ear", "tail")


@pytest.fixture(scope="session")
def labels_for() -> Callable[..., Labels]:
    """Makes labels of `n` frames of a video: keypoint k of frame f is at (2k + f, 2k + 11)."""

    def make(video: str, n: int = 4, keypoints: tuple[str, ...] = KEYPOINTS) -> Labels:
        offsets = np.arange(2 * len(keypoints), dtype=float).reshape(-1, 2)
        frames = tuple(
            LabeledFrame(f"labeled-data/{video}/img{f:02d}.png", (Instance.from_xy(offsets + np.array([f, 10])),))
            for f in range(n)
        )
        return Labels(Skeleton(keypoints), frames)

    return make


@pytest.fixture
def study(pristine: Path, tmp_path: Path) -> Project:
    """A project with four labeled frames of the video `day one`, to change at will."""
    return Project(shutil.copytree(pristine, tmp_path / pristine.name))


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory, labels_for: Callable[..., Labels]) -> Path:
    """What `study` is a copy of."""
    new = NewProject("mouse", "Ann", KEYPOINTS, day=date(2026, 3, 5))
    project = create_project(new, tmp_path_factory.mktemp("pristine"))
    folder = project.root / "labeled-data" / "day one"
    folder.mkdir()
    labels = labels_for("day one")
    for f, frame in enumerate(labels.frames):
        write_image(folder / Path(frame.image).name, np.full((48, 64, 3), 10 * f, np.uint8))
    project.write_labels("day one", replace(labels, skeleton=project.skeleton))
    return project.root
