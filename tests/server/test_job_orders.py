"""What a page may have done: words of the command line from checked parameters, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from pydantic import TypeAdapter

from made_study import MadeStudy
from markerless.cli.main import COMMANDS
from markerless.config import parse_assignments
from markerless.errors import MarkerlessError, ProjectError, RunError, SettingsError
from markerless.pipeline.run_files import write_toml
from markerless.pipeline.training_plan import GROUPS, Resolved
from markerless.project import Project
from markerless.server import job_orders
from markerless.server.job_orders import GROUP_OF, AnyJob, TrainChoices
from markerless.server.job_record import Order
from markerless.server.workspace import Workspace

ANY: TypeAdapter[Any] = TypeAdapter(AnyJob)
EVERY_CHOICE = {
    "size": "small",
    "variant": "lite1",
    "weights": "none",
    "width": 16,
    "steps": 8,
    "batch_size": 2,
    "crossfits": 0,
    "seed": 3,
    "crop": 96,
    "flip": "off",
}


def add_run(project: Project, name: str = "first") -> None:
    """A finished run, as far as its settings tell."""
    folder = project.run_folder(name)
    folder.mkdir(parents=True)
    keypoints = list(project.skeleton.keypoints)
    tables = {"run": {"name": name, "finished": True}, "skeleton": {"keypoints": keypoints}}
    write_toml(tables, folder / "run.toml")
    (folder / "split.json").write_text('{"train": []}', encoding="utf-8")


def order(study: MadeStudy, tmp_path: Path, **body: Any) -> Order:
    made: Order = ANY.validate_python(body).order(study.project, Workspace((tmp_path,)), frozenset({"run1"}))
    parse(made)
    return made


def parse(made: Order) -> None:
    """The command line itself understands the words."""
    verb, *words = made.words
    COMMANDS.get(verb).command.make_context(verb, list(words))


def test_a_training_with_nothing_said(study: MadeStudy, tmp_path: Path) -> None:
    made = order(study, tmp_path, kind="train")
    assert made.words == ("train", str(study.project.root), "--run=run2"), "run1 is being trained"
    assert (made.kind, made.title, made.run) == ("train", "training run2", "run2")


def test_a_training_with_everything_said(study: MadeStudy, tmp_path: Path) -> None:
    add_run(study.project)
    body = {"run": "a-b_1", "from": "first", "minutes": 12.5, "split": "all", "choices": EVERY_CHOICE}
    made = order(study, tmp_path, kind="train", **body)
    assert made.words[2:6] == ("--run=a-b_1", "--from=first", "--minutes", "12.5")
    assert made.title == "training a-b_1 from first"
    sets = [word for before, word in zip(made.words, made.words[1:], strict=False) if before == "--set"]
    settings = Resolved.load(parse_assignments(sets, GROUPS)).dump()
    assert {key: settings[GROUP_OF[key]][key] for key in EVERY_CHOICE} == EVERY_CHOICE


def test_every_choice_is_a_setting() -> None:
    assert set(GROUP_OF) == set(TrainChoices.model_fields) == set(EVERY_CHOICE)
    assert all(key in GROUPS[group].model_fields for key, group in GROUP_OF.items())


def test_a_run_may_have_the_name_of_an_option(study: MadeStudy, tmp_path: Path) -> None:
    made = order(study, tmp_path, kind="train", run="--all")
    context = COMMANDS.get("train").command.make_context("train", list(made.words[1:]))
    assert (context.params["run_name"], context.params["use_all"]) == ("--all", False)


def test_verbs_of_runs_and_videos(study: MadeStudy, tmp_path: Path) -> None:
    add_run(study.project)
    root, video = str(study.project.root), str(study.video)
    assert order(study, tmp_path, kind="evaluate", run="first").words == ("evaluate", root, "--run=first")
    made = order(study, tmp_path, kind="analyze", videos=["cage1.mp4", video])
    assert made.words == ("analyze", root, video, video, "--run=first")
    assert made.title == "analyzing 2 videos"
    tracks = study.video.with_name("cage1DLC.h5")
    tracks.write_bytes(b"")
    assert order(study, tmp_path, kind="render", video=video).words == ("render", video)
    made = order(study, tmp_path, kind="plot", video=video, tracks=str(tracks))
    assert made.words == ("plot", video, "--tracks", str(tracks))


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"kind": "train", "from": "nothing"}, RunError),
        ({"kind": "evaluate", "run": "nothing"}, RunError),
        ({"kind": "analyze", "videos": ["cage1.mp4"]}, RunError),
        ({"kind": "render", "video": "none.mp4"}, ProjectError),
        ({"kind": "render", "video": "/etc/passwd"}, ProjectError),
        ({"kind": "render", "video": "../../../../../../../../etc/passwd"}, ProjectError),
        ({"kind": "render", "video": "--help"}, ProjectError),
        ({"kind": "render", "video": "a\0b"}, ProjectError),
        ({"kind": "plot", "video": "cage1.mp4", "tracks": "/etc/passwd"}, ProjectError),
        ({"kind": "plot", "video": "cage1.mp4", "tracks": "nothing.h5"}, ProjectError),
        ({"kind": "plot", "video": "cage1.mp4", "tracks": "videos/a\0b"}, ProjectError),
    ],
)
def test_what_is_not_there_or_not_allowed(
    study: MadeStudy, tmp_path: Path, body: dict[str, Any], error: type[MarkerlessError]
) -> None:
    with pytest.raises(error) as told:
        order(study, tmp_path, **body)
    assert "\n" not in str(told.value)


def test_a_link_that_leads_out_is_not_followed(study: MadeStudy, tmp_path: Path) -> None:
    (study.root / "videos" / "out.h5").symlink_to("/etc/passwd")
    with pytest.raises(ProjectError, match="below"):
        order(study, tmp_path, kind="render", video="cage1.mp4", tracks="videos/out.h5")


def test_what_has_to_be_installed_is_said(study: MadeStudy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_orders, "missing_libraries", lambda: ("torch", "onnx"))
    with pytest.raises(SettingsError, match=r'needs torch, onnx, .*: pip install "markerless\[train\]"'):
        order(study, tmp_path, kind="train")


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"kind": "demo"},
        {"kind": "train; rm -rf /"},
        {"kind": "train", "run": "../x"},
        {"kind": "train", "run": "a b"},
        {"kind": "train", "run": "a\n"},
        {"kind": "train", "run": ""},
        {"kind": "train", "run": "x" * 25},
        {"kind": "train", "from": "$(reboot)"},
        {"kind": "train", "minutes": 0},
        {"kind": "train", "minutes": 1e9},
        {"kind": "train", "minutes": "NaN"},
        {"kind": "train", "split": "/etc/passwd"},
        {"kind": "train", "set": ["net.weights=/etc/passwd"]},
        {"kind": "train", "choices": {"weights": "/etc/passwd"}},
        {"kind": "train", "choices": {"backbone": "evil"}},
        {"kind": "train", "choices": {"steps": 0}},
        {"kind": "train", "choices": {"seed": 1.5}},
        {"kind": "evaluate"},
        {"kind": "evaluate", "run": "first", "labels": "/etc"},
        {"kind": "analyze", "videos": []},
        {"kind": "analyze", "videos": ["a"] * 201},
        {"kind": "analyze", "videos": "videos/cage1.mp4"},
        {"kind": "render", "video": ""},
        {"kind": "render", "video": "x" * 5000},
        {"kind": "render", "video": "videos/cage1.mp4", "out": "/tmp/x"},
    ],
)
def test_nonsense_is_refused_and_starts_nothing(client: TestClient, key: str, tmp_path: Path, body: Any) -> None:
    answer = client.post(f"/api/projects/{key}/jobs", json=body)
    assert answer.status_code == 422
    assert "\n" not in answer.json()["error"]
    assert client.get(f"/api/projects/{key}/jobs").json() == {"jobs": []}
    assert not (tmp_path / "state" / "jobs").exists()
