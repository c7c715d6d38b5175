"""Runs: read back, and damaged ones told apart."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from markerless.errors import RunError
from markerless.project import Run, scorer_name
from markerless.project.run import check_run_name

TOML = """\
[run]
name = "run1"
finished = true
scorer = "DLC_EfficientnetLite0_openfieldOct30_run1"
[skeleton]
keypoints = ["nose", "left", "right"]
edges = [[0, 1]]
mirror_pairs = [[1, 2]]
[train]
steps = 7
"""


def make(folder: Path, toml: str = TOML, split: object = None) -> Path:
    folder.mkdir(parents=True)
    (folder / "run.toml").write_text(toml, encoding="utf-8")
    if split is not None:
        (folder / "split.json").write_text(json.dumps(split), encoding="utf-8")
    return folder


def test_a_run_is_read_back(tmp_path: Path) -> None:
    run = Run.open(make(tmp_path / "run1", split={"train": ["a.png"], "test": ["b.png"]}))
    assert (run.name, run.finished, run.scorer) == ("run1", True, "DLC_EfficientnetLite0_openfieldOct30_run1")
    assert run.skeleton.keypoints == ("nose", "left", "right")
    assert (run.skeleton.edges, run.skeleton.mirror_pairs) == (((0, 1),), ((1, 2),))
    assert run.split == {"train": ["a.png"], "validation": [], "test": ["b.png"]}
    assert run.settings["train"] == {"steps": 7}
    assert run.model == tmp_path / "run1" / "model.onnx"


def test_an_unfinished_run_opens_without_a_split(tmp_path: Path) -> None:
    run = Run.open(make(tmp_path / "run1", TOML.replace("finished = true", "finished = false")))
    assert not run.finished
    assert run.split == {"train": [], "validation": [], "test": []}


@pytest.mark.parametrize(
    ("toml", "words"),
    [
        (TOML[:40], "damaged"),
        ("[run]\nname = 'x'", "'skeleton'"),
        (TOML.replace("[run]", "[walk]"), "'run'"),
        (TOML.replace('["nose", "left", "right"]', "[]"), "keypoints"),
        (TOML.replace('["nose", "left", "right"]', '["a", "a", "b"]'), "twice"),
        (TOML.replace("[[0, 1]]", "[[0, 3]]"), "edges"),
        (TOML.replace("true", '"yes"'), "finished"),
        ("\x00", "damaged"),
    ],
)
def test_a_damaged_run_is_one_line(tmp_path: Path, toml: str, words: str) -> None:
    with pytest.raises(RunError, match=words) as caught:
        Run.open(make(tmp_path / "run1", toml, {"train": []}))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("split", [None, [], {"train": "a.png"}, {"train": [1]}])
def test_a_damaged_split_is_one_line(tmp_path: Path, split: object) -> None:
    with pytest.raises(RunError, match="damaged"):
        Run.open(make(tmp_path / "run1", TOML, split))


def test_a_missing_run_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="markerless train"):
        Run.open(tmp_path / "nothing")


def test_the_scorer_is_named_as_deeplabcut_names_networks() -> None:
    assert (
        scorer_name("efficientnet_lite0", "openfield", "Oct30", "run1") == "DLC_EfficientnetLite0_openfieldOct30_run1"
    )
    assert scorer_name("resnet50", "reach", "Aug3", "b-2") == "DLC_Resnet50_reachAug3_b-2"


@pytest.mark.parametrize("name", ["", "a b", "a/b", "..", "x" * 25, "ä"])
def test_impossible_run_names(name: str) -> None:
    with pytest.raises(RunError, match="run name"):
        check_run_name(name)
