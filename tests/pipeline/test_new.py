"""`new` and `add` as functions: what a user names becomes a study."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from markerless.errors import ProjectError, VideoError
from markerless.pipeline.add import add
from markerless.pipeline.new import NewRequest, new
from markerless.project import LabelSource, NewProject
from markerless.video.writer import VideoWriter


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    folder = tmp_path / "recordings"
    folder.mkdir()
    for name in ("a.mp4", "b.mp4"):
        with VideoWriter(folder / name, 10.0, (32, 32)) as writer:
            writer.write(np.full((32, 32, 3), ord(name[0]), np.uint8))
    return folder


def test_folders_and_globs_of_videos(tmp_path: Path, recordings: Path) -> None:
    project = new(NewProject("m", "Ann", ("nose",)), NewRequest(tmp_path, [str(recordings / "a*.mp4")]))
    assert [video.name for video in project.videos()] == ["a.mp4"]
    added = add(project.root, [recordings])
    assert [(item.path.name, item.how) for item in added] == [("a.mp4", "already there"), ("b.mp4", "hard-linked")]


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="--scorer"):
        new(NewProject("m", keypoints=("nose",)), NewRequest(tmp_path))
    with pytest.raises(ProjectError, match="--keypoints"):
        new(NewProject("m", "Ann"), NewRequest(tmp_path))
    with pytest.raises(VideoError, match=r"gone\.mp4"):
        new(NewProject("m", "Ann", ("nose",)), NewRequest(tmp_path, ["gone.mp4"]))


def test_labels_and_videos_together(tmp_path: Path, recordings: Path, shared_data: Path) -> None:
    source = LabelSource(shared_data / "birds-montblanc" / "CollectedData_Daniel.csv")
    project = new(NewProject("birds"), NewRequest(tmp_path, [recordings], source))
    assert project.labels().n_points == 40
    assert [video.name for video in project.videos()] == ["a.mp4", "b.mp4"]
