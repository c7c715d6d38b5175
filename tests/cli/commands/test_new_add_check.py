"""The verbs new, add and check as a user types them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from markerless.cli.main import main
from markerless.video.images import write_image
from markerless.video.writer import VideoWriter

CSV = """scorer,rick,rick,rick,rick
bodyparts,nose,nose,tail,tail
coords,x,y,x,y
a.png,1,2,3,4
b.png,50,2,3,4
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "CollectedData.csv").write_text(CSV, encoding="utf-8")
    for number, name in enumerate(("a.png", "b.png")):
        write_image(tmp_path / name, np.full((20, 30, 3), number, np.uint8))
    with VideoWriter(tmp_path / "v.mp4", 10.0, (32, 32)) as writer:
        writer.write(np.zeros((32, 32, 3), np.uint8))
    return tmp_path


def test_from_labels_to_a_checked_project(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new", "mouse", "--labels", "CollectedData.csv", "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert (made["n_frames"], made["n_points"], made["keypoints"]) == (2, 4, ["nose", "tail"])
    assert main(["add", made["project"], "v.mp4"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("wrote ")
    assert main(["check", made["project"], "--suspects"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith("2 labeled frames, 4 points, 2 keypoints, 1 video")
    assert any(line.startswith("warning") and "b.png: nose at (50.0, 2.0) outside" in line for line in lines)
    assert lines[-2].split(",")[0] == "0 errors"
    assert main(["check", made["config"], "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert values["warnings"] == sum(finding["level"] == "warning" for finding in values["findings"])


def test_taking_says_what_was_written(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new", "mouse", "--labels", "CollectedData.csv", "--json"]) == 0
    root = Path(json.loads(capsys.readouterr().out)["project"])
    assert main(["check", str(root), "--take", "h5"]) == 0
    assert "nothing was written" in capsys.readouterr().out.splitlines()[-1]
    (csv,) = root.rglob("*.csv")
    csv.write_text(csv.read_text(encoding="utf-8").replace("50", "5"), encoding="utf-8")
    assert main(["check", str(root), "--take", "csv"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-2].endswith("CollectedData_rick.h5: rewritten from the csv, 1 point changed")
    assert lines[-1] == f"wrote {csv.with_suffix('.h5')}"


def test_suspects_are_listed_and_the_last_line_names_their_pictures(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["new", "mouse", "--labels", "CollectedData.csv", "--json"]) == 0
    root = Path(json.loads(capsys.readouterr().out)["project"])
    assert main(["check", str(root), "--suspects"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any("markerless train" in line for line in lines)
    assert "no label looks like a mistake" in lines
    assert lines[-1] == f"wrote {root / 'suspects.html'}"
    assert (root / "suspects.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert main(["check", str(root), "--suspects", "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert (values["suspects"], values["proposals"], values["suspects_run"]) == ([], [], None)
    assert main(["check", str(root), "--suspects", "--run", "gone"]) == 2
    assert "no run 'gone'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["new", "m", "--scorer", "s"], "--keypoints"),
        (["new", "m", "--keypoints", "a"], "--scorer"),
        (["new", "m", "--images", "."], "--labels"),
        (["new", "m", "--labels", "gone.csv"], "gone.csv"),
        (["new", "m", "CollectedData.csv", "--scorer", "s", "--keypoints", "a"], "CollectedData.csv"),
        (["new", "m/n", "--scorer", "s", "--keypoints", "a"], "project name"),
        (["add", "gone", "v.mp4"], "no such project"),
        (["check", "gone"], "no such project"),
        (["check", "."], "config.yaml"),
        (["check", "v.mp4"], "config.yaml"),
        (["check", "gone", "--most", "5"], "--suspects"),
        (["check", "gone", "--run", "run1"], "--suspects"),
        (["check", "gone", "--suspects", "--most", "0"], "--most"),
    ],
)
def test_a_mistake_of_the_user_is_one_line(
    here: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    before = sorted(here.iterdir())
    assert main(words) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert len(output.err.splitlines()) == 1
    assert message in output.err
    assert sorted(here.iterdir()) == before
