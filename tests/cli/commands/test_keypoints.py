"""The verb keypoints as a user types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from made_study import MadeStudy, make_study
from markerless.cli.main import main


@pytest.fixture
def study(tmp_path: Path) -> MadeStudy:
    return make_study(tmp_path, n_frames=6, n_labeled=3)


def test_without_options_it_lists_what_there_is(study: MadeStudy, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["keypoints", str(study.root)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "snout       3 labeled" and lines[-2].startswith("edges: snout-")
    assert lines[-1] == "mirror pairs: leftear/rightear"
    assert main(["keypoints", str(study.root), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["keypoints"][0] == {"name": "snout", "labeled": 3} and told["mirror_pairs"] == [["leftear", "rightear"]]


def test_steps_are_told_and_made(study: MadeStudy, capsys: pytest.CaptureFixture[str]) -> None:
    steps = ["--rename", "snout", "nose", "--remove", "tailtip", "--add", "paw", "--edge", "nose", "paw"]
    assert main(["keypoints", str(study.root), *steps, "--no-mirror", "rightear", "leftear"]) == 0
    out = capsys.readouterr().out
    assert "tailtip removed; its 3 points stay in the journal, and --add brings them back" in out
    assert out.splitlines()[-1] == f"wrote {study.project.config_path}"
    skeleton = study.project.skeleton
    assert skeleton.keypoints[0] == "nose" and skeleton.keypoints[-1] == "paw" and "tailtip" not in skeleton.keypoints
    assert ("nose", "paw") in skeleton.names_of(skeleton.edges) and skeleton.mirror_pairs == ()
    assert main(["keypoints", str(study.root), "--add", "tailtip", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["restored"] == {"tailtip": 3}


@pytest.mark.parametrize(
    ("steps", "says"),
    [
        (["--remove", "snot"], "did you mean 'snout'"),
        (["--no-edge", "snout", "tailtip"], "no edge between 'snout' and 'tailtip'; there are: snout-"),
        (["--mirror", "leftear", "snout"], "one mirror pair at most"),
        (["--order", "a,b"], "all keypoints in their new order"),
    ],
)
def test_mistakes_are_one_line(
    study: MadeStudy, steps: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["keypoints", str(study.root), *steps]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert says in line
