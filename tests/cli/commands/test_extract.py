"""The verb extract as a user types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from made_study import MadeStudy, make_study
from markerless.cli.main import main


@pytest.fixture
def study(tmp_path: Path) -> MadeStudy:
    return make_study(tmp_path, n_frames=30, n_labeled=0)


def test_frames_become_pictures_and_the_last_line_says_where(
    study: MadeStudy, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["extract", str(study.root), "-n", "3", "--method", "uniform"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "cage1.mp4: 3 frames, chosen by uniform"
    assert lines[-1] == f"wrote {study.root / 'labeled-data/cage1'}"
    pictures = sorted(path.name for path in (study.root / "labeled-data/cage1").glob("*.png"))
    assert pictures == ["img05.png", "img15.png", "img25.png"]


def test_json_of_a_part_of_a_video(study: MadeStudy, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["extract", str(study.root), "cage1.mp4", "-n", "20", "--start", "0.4", "--stop", "0.8", "--json"]
    assert main(words) == 0
    (video,) = json.loads(capsys.readouterr().out)["videos"]
    assert video["frames"] == list(range(10, 20))
    assert video["error"] is None and "instead of 20" in video["notes"][0]
    assert Path(video["folder"]) == study.root / "labeled-data/cage1"


def test_what_cannot_be_is_one_line_and_exit_2(study: MadeStudy, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["extract", str(study.root), "--method", "model"]) == 2
    message = capsys.readouterr().err
    assert "needs trajectories" in message and "analyze" in message
    assert main(["extract", str(study.root), "other.mp4"]) == 2
    assert "its videos: cage1.mp4" in capsys.readouterr().err
    assert main(["extract", str(study.root), "-n", "0"]) == 2
    assert not list((study.root / "labeled-data/cage1").glob("*.png"))
