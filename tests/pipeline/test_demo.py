"""The demo goes from nothing to trajectories, is reused, and never takes over a folder that is not its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from markerless.cli.main import main
from markerless.errors import ProjectError
from markerless.formats import dlc
from markerless.pipeline.demo import DemoSettings, demo
from markerless.pipeline.results import find_tracks
from markerless.project import Project

TINY = DemoSettings(width=160, height=120, labeled_video=30, labeled=24, unseen_video=12, steps=2)


def test_folder_of_something_else_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "thesis.txt").write_text("mine", encoding="utf-8")
    assert main(["demo", "--out", str(tmp_path)]) == 2
    assert "--out" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_demo_of_other_settings_is_refused(tmp_path: Path) -> None:
    (tmp_path / "demo.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ProjectError, match="delete it"):
        demo(tmp_path, TINY)


@pytest.mark.slow
def test_demo_end_to_end_and_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    first = demo(Path("d"), TINY)
    assert all(path.exists() for path in first.files.values())
    assert first.truth.n_frames == 12 and first.truth.n_points == 72
    labels = Project(first.project).labels()
    assert len(labels) == 24 and labels.n_points == 144
    assert all(frame.path is not None and frame.path.is_file() for frame in labels.frames)

    assert {path.parts[0] for path in first.files.values()} == {"d"}, "named as the user named the folder"
    truth = dlc.read(first.files["truth"]).points[:, 0]
    found = dlc.read(first.files["trajectories"]).points[:, 0]
    assert find_tracks(tmp_path / "d" / "unseen.mp4").stem == first.files["trajectories"].stem
    distance = np.linalg.norm(found - truth, axis=-1)
    assert first.truth.mean_px == pytest.approx(distance.mean(), abs=1e-3)

    kept = [tmp_path / "d" / "labeled.mp4", first.run.model, first.files["trajectories"]]
    before = [path.stat().st_mtime_ns for path in kept]
    again = demo(tmp_path / "d", TINY)
    assert [path.stat().st_mtime_ns for path in kept] == before
    assert again.truth == first.truth
