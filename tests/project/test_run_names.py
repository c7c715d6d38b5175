"""Renamed keypoints in runs: what a network's outputs are called, in every file that says so."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock

from markerless.core.crossfit import CrossFit
from markerless.core.storage import write_text
from markerless.errors import ProjectError
from markerless.project import Project, Run, crossfit
from markerless.project.keypoints import change_keypoints, plan
from markerless.project.run import lock_of

SETTINGS = """[run]
name = "run1"
finished = true
scorer = "DLC_X"

[skeleton]
keypoints = ["nose", "left ear", "right ear", "tail"]
edges = [[0, 3]]
mirror_pairs = [[1, 2]]
"""


@pytest.fixture
def run_folder(study: Project) -> Path:
    folder = study.root / "runs" / "run1"
    write_text(folder / "run.toml", SETTINGS)
    write_text(folder / "split.json", json.dumps({"train": ["a"], "validation": [], "test": []}))
    fitted = CrossFit(("a",), study.skeleton.keypoints, np.ones((1, 4, 2)), np.ones((1, 4)), np.ones((1, 4)), 3.0)
    crossfit.write(fitted, folder / "crossfit.json")
    np.savez(folder / "evidence.npz", keypoints=np.array(study.skeleton.keypoints), xy=np.ones((1, 4, 2)))
    errors = {"test": {"mean_px": 2.0, "per_keypoint": {"nose": 1.0, "tail": 3.0}}, "train": None}
    head = {"version": 1, "part": "validation", "keypoints": list(study.skeleton.keypoints), "frames": []}
    write_text(folder / "examples.jsonl", json.dumps(head) + '\n{"step": 1}\n')
    np.savez(folder / "evidence.npz", images=["a"], keypoints=list(study.skeleton.keypoints), xy=np.ones((1, 4, 2)))
    write_text(folder / "evaluation.json", json.dumps({"run": "run1", "splits": errors}))
    return folder


def test_a_run_follows_the_new_names(study: Project, run_folder: Path) -> None:
    done = change_keypoints(study, plan(study, rename={"nose": "tail", "tail": "tip"}, order=None))
    assert done.runs == ("run1",) and done.notes == ()
    run = Run.open(run_folder)
    assert run.skeleton.keypoints == ("tail", "left ear", "right ear", "tip")
    assert (run.skeleton.edges, run.finished, run.split["train"]) == (((0, 3),), True, ["a"])
    assert crossfit.read(run_folder / "crossfit.json").keypoints == run.skeleton.keypoints
    with np.load(run_folder / "evidence.npz") as evidence:
        assert evidence["keypoints"].tolist() == list(run.skeleton.keypoints) and evidence["xy"].shape == (1, 4, 2)
    evaluation = json.loads((run_folder / "evaluation.json").read_text(encoding="utf-8"))
    assert evaluation["splits"]["test"] == {"mean_px": 2.0, "per_keypoint": {"tail": 1.0, "tip": 3.0}}


def test_what_training_goes_on_from_follows_too(study: Project, run_folder: Path) -> None:
    change_keypoints(study, plan(study, rename={"nose": "näschen"}))
    first, look = (run_folder / "examples.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(first)["keypoints"][0] == "näschen" and look == '{"step": 1}'
    with np.load(run_folder / "evidence.npz") as arrays:
        assert arrays["keypoints"].tolist() == ["näschen", "left ear", "right ear", "tail"]
        assert arrays["xy"].shape == (1, 4, 2)


@pytest.mark.parametrize(
    "content", [b"", b"\0\1", b"{}", b"[]", b'{"keypoints": 3}', b'{"keypoints": [[]]}', b"PK\3\4"]
)
def test_damaged_files_of_a_run_stay_as_they_are(study: Project, run_folder: Path, content: bytes) -> None:
    names = ("crossfit.json", "evaluation.json", "examples.jsonl", "evidence.npz")
    for name in names:
        (run_folder / name).write_bytes(content)
    done = change_keypoints(study, plan(study, rename={"nose": "snout"}))
    assert done.runs == ("run1",)
    for name in names:
        got = (run_folder / name).read_bytes()
        assert got == content or json.loads(got) == json.loads(content)


@pytest.mark.parametrize("has_begun", [True, False])
def test_a_run_that_is_being_trained_is_not_renamed_beneath_it(
    study: Project, run_folder: Path, has_begun: bool
) -> None:
    if not has_begun:
        shutil.rmtree(run_folder)
    config = study.config_path.read_bytes()
    with FileLock(lock_of(run_folder)):
        with pytest.raises(ProjectError, match="'run1' is being trained"):
            change_keypoints(study, plan(study, rename={"nose": "snout"}))
        assert study.config_path.read_bytes() == config
        change_keypoints(study, plan(study, add=["paw"]))  # which does not concern it
    after = Project(study.root)
    change_keypoints(after, plan(after, rename={"nose": "snout"}))


def test_a_run_keeps_its_names_where_it_would_have_one_twice(study: Project, run_folder: Path) -> None:
    change_keypoints(study, plan(study, remove=["tail"]))
    less = Project(study.root)
    done = change_keypoints(less, plan(less, rename={"nose": "tail"}))
    assert done.runs == () and "would have one twice" in done.notes[0]
    assert (run_folder / "run.toml").read_text(encoding="utf-8") == SETTINGS


def test_a_run_edited_by_hand_is_left_alone_and_said(study: Project, run_folder: Path) -> None:
    text = SETTINGS.replace('["nose", ', '[\n  "nose", ')
    (run_folder / "run.toml").write_text(text, encoding="utf-8")
    done = change_keypoints(study, plan(study, rename={"nose": "snout"}))
    assert done.runs == () and "edited by hand" in done.notes[0]
    assert (run_folder / "run.toml").read_text(encoding="utf-8") == text


def test_other_runs_and_other_changes_leave_runs_alone(study: Project, run_folder: Path) -> None:
    before = {path.name: path.read_bytes() for path in run_folder.iterdir()}
    assert change_keypoints(study, plan(study, add=["paw"], remove=["tail"])).runs == ()
    assert {path.name: path.read_bytes() for path in run_folder.iterdir()} == before
