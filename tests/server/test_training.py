"""Trainings over HTTP: what the page is told, and a real training that is stopped and outlives its server."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

from made_study import MadeStudy
from markerless.nn import checkpoint as checkpoints
from markerless.pipeline import training_outlook
from markerless.project import Run
from markerless.server.app import AppOptions, create_app
from watched_run import add_run, offset_px

N_STEPS = 80  # enough that a stop comes before the end
TINY = {"weights": "none", "width": 16, "batch_size": 2, "crop": 64, "crossfits": 0}


@pytest.fixture
def project(client: TestClient, key: str) -> str:
    return f"/api/projects/{key}"


def test_what_the_page_begins_with(client: TestClient, project: str, study: MadeStudy) -> None:
    told = client.get(f"{project}/training").json()
    assert told["labels"] == {
        "frames": 12,
        "points": 72,
        "videos": {"cage1": 12},
        "split": {"train": 12, "validation": 0, "test": 0},
        "problem": "",
    }
    assert told["machine"]["missing"] == [] and "lite0" in told["machine"]["variants"]
    assert (told["minutes"], told["next_run"]) == ({"new": 10.0, "from": 3.0}, "run1")
    assert (told["runs"], told["busy"]) == ([], "")
    add_run(study)
    (run,) = client.get(f"{project}/training").json()["runs"]
    assert (run["name"], run["state"], run["step"], run["total"], run["job"]) == ("half", "unfinished", 60, 100, None)


def test_nothing_to_train_on_is_told_not_refused(client: TestClient, project: str, study: MadeStudy) -> None:
    for table in (study.root / "labeled-data" / "cage1").glob("CollectedData*"):
        table.unlink()
    (study.root / "journal" / "cage1.jsonl").unlink(missing_ok=True)
    told = client.get(f"{project}/training").json()["labels"]
    assert told["frames"] == 0 and "no labels" in told["problem"]


def test_what_is_missing_is_told(client: TestClient, project: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_outlook, "missing_libraries", lambda: ("torch",))
    machine = client.get(f"{project}/training").json()["machine"]
    assert machine["missing"] == ["torch"] and machine["install"].startswith("pip install")


def test_how_a_run_learns(client: TestClient, project: str, study: MadeStudy) -> None:
    add_run(study)
    told = client.get(f"{project}/training/half").json()
    assert told["rows"] == {
        "step": [10, 20, 30, 40, 50, 60],
        "loss": [3.0] * 6,
        "seconds_per_step": [0.5] * 6,
    }
    examples = told["examples"]
    assert (examples["part"], examples["keypoints"][0], len(examples["palette"])) == ("validation", "snout", 6)
    assert [0, 1] in examples["edges"]
    frame = examples["frames"][0]
    assert (frame["folder"], frame["picture"], frame["size"]) == ("cage1", f"img{study.labeled[-3]}.png", [320, 240])
    snout = study.truth[study.labeled[-3], 0]
    assert frame["label"][0] == pytest.approx(snout.tolist(), abs=0.01) and frame["label"][1] is None
    assert client.get(f"{project}/pictures/{frame['folder']}/{frame['picture']}").status_code == 200
    assert [(look["step"], look["mean_px"]) for look in told["looks"]] == [(1, 60.0), (20, 3.0), (60, 1.0)]
    seen = told["looks"][1]["xy"][0][0]
    assert seen == pytest.approx([snout[0] + offset_px(20), snout[1]], abs=0.01)
    later = client.get(f"{project}/training/half", params={"since": 50}).json()
    assert later["rows"]["step"] == [60] and [look["step"] for look in later["looks"]] == [60]


@pytest.mark.parametrize("run", ["nothing", "%2e%2e", "a%2fb", "x" * 25])
def test_no_run_but_those_of_the_project(client: TestClient, project: str, run: str) -> None:
    answer = client.get(f"{project}/training/{run}")
    assert answer.status_code in {404, 422} and "\n" not in answer.json()["error"]


@pytest.mark.parametrize("job", ["nothing", "0123456789ab-abcdef", "..%2f..%2ftoken", "%00"])
@pytest.mark.parametrize("what", ["", "/log", "/stop", "/resume"])
def test_no_job_but_those_of_the_project(client: TestClient, project: str, job: str, what: str) -> None:
    call = client.post if what in {"/stop", "/resume"} else client.get
    assert call(f"{project}/jobs/{job}{what}").status_code in {404, 405}


def until(client: TestClient, path: str, reached: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        job: dict[str, Any] = client.get(path).json()
        if reached(job):
            return job
        time.sleep(0.1)
    raise AssertionError(f"{job}; {client.get(f'{path}/log').json()['text']}")


@pytest.mark.slow
def test_a_training_is_stopped_and_gone_on_with_by_another_server(
    client: TestClient, project: str, options: AppOptions, study: MadeStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    body = {"kind": "train", "choices": {**TINY, "steps": N_STEPS}}
    started = client.post(f"{project}/jobs", json=body)
    assert started.status_code == 200
    job = started.json()
    assert (job["run"], job["state"], job["total"]) == ("run1", "running", 0)
    refused = client.post(f"{project}/jobs", json={**body, "run": "other"})
    assert refused.status_code == 422 and "no other training" in refused.json()["error"]
    first = f"{project}/jobs/{job['id']}"
    until(client, first, lambda job: job["done"] >= 2)
    assert client.post(f"{first}/stop").json()["stopping"]

    headers = dict(client.headers)
    with TestClient(create_app(options), str(client.base_url), headers=headers) as other:  # the server is another one
        stopped = until(other, first, lambda job: job["state"] != "running")
        assert (stopped["state"], stopped["exit"]) == ("stopped", 130)
        saved = checkpoints.load(study.project.run_folder("run1") / "checkpoint.safetensors").state["step"]
        assert 2 <= saved < N_STEPS
        (run,) = other.get(f"{project}/training").json()["runs"]
        assert (run["state"], run["job"]["id"]) == ("unfinished", job["id"])
        again = other.post(f"{first}/resume").json()
        assert again["run"] == "run1" and again["command"] == job["command"]
        done = until(other, f"{project}/jobs/{again['id']}", lambda job: job["state"] != "running")
        assert (done["state"], done["error"]) == ("done", "")
        (run,) = other.get(f"{project}/training").json()["runs"]
        assert (run["state"], run["job"]["id"], run["step"]) == ("finished", again["id"], N_STEPS)
        assert run["evaluation"]["train"]["n_frames"] == 12
        told = other.get(f"{project}/training/run1").json()
        assert told["rows"]["step"] == list(range(10, N_STEPS + 1, 10)) and told["looks"][-1]["step"] == N_STEPS
        assert len(told["examples"]["frames"]) == 6
    assert Run.open(study.project.run_folder("run1")).finished
