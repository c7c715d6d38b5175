"""Jobs: processes that outlive the server, end as they end, and can be stopped."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from made_study import MadeStudy
from markerless.errors import ProjectError, RunError
from markerless.server import jobs


@pytest.fixture
def sleepy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A Python that, asked to run markerless, says where it stands and sleeps until it is interrupted."""
    program = tmp_path / "sleepy"
    program.write_text(
        f"#!{sys.executable}\n"
        "import json, os, sys, time\n"
        "if 'markerless.server.job_process' in sys.argv:\n"
        f"    os.execv({sys.executable!r}, [{sys.executable!r}, *sys.argv[1:]])\n"
        "print('began', *sys.argv[1:], flush=True)\n"
        "with open(os.environ['MARKERLESS_PROGRESS'], 'w', encoding='utf-8') as file:\n"
        "    json.dump({'title': 't', 'done': 3, 'total': 9, 'status': 's', 'message': 'm'}, file)\n"
        "try:\n    time.sleep(60)\nexcept KeyboardInterrupt:\n    sys.exit(130)\n",
        encoding="utf-8",
    )
    program.chmod(0o755)
    monkeypatch.setattr(jobs.sys, "executable", str(program))
    return str(program)


def wait_for(says: Any, timeout_s: float = 30.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not says():
        assert time.monotonic() < deadline, "it takes too long"
        time.sleep(0.05)


def test_a_job_ends_with_its_exit_code_and_its_output(study: MadeStudy) -> None:
    good = jobs.start(study.root, "check", "checking", [str(study.root)])
    bad = jobs.start(study.root, "evaluate", "evaluating", [str(study.root), "--run", "none"])
    wait_for(lambda: {jobs.state(study.root, job) for job in (good, bad)} == {"done", "failed"})
    assert jobs.state(study.root, good) == "done"
    assert "12 labeled frames" in jobs.log_tail(study.root, good)
    assert (jobs.state(study.root, bad), jobs.exit_code(study.root, bad)) == ("failed", 2)
    assert [job.id for job in jobs.all_jobs(study.root)] == [bad.id, good.id]


def test_a_job_is_stopped_as_with_ctrl_c(study: MadeStudy, sleepy: str) -> None:
    job = jobs.start(study.root, "train", "training", [str(study.root)])
    wait_for(lambda: jobs.progress(study.root, job)["done"] == 3)
    assert jobs.state(study.root, job) == "running"
    assert "began -m markerless train" in jobs.log_tail(study.root, job)
    with pytest.raises(RunError, match="going on"):
        jobs.start(study.root, "train", "another", [str(study.root)])
    jobs.stop(study.root, job)
    wait_for(lambda: jobs.state(study.root, job) == "stopped")
    with pytest.raises(ProjectError, match="ended"):
        jobs.stop(study.root, job)


@pytest.mark.skipif(os.name != "posix", reason="kills a process as POSIX does")
def test_a_job_outlives_who_started_it_and_is_found_again(study: MadeStudy, sleepy: str) -> None:
    code = (
        "import sys; from pathlib import Path; from markerless.server import jobs\n"
        f"jobs.sys.executable = {sleepy!r}\n"
        "print(jobs.start(Path(sys.argv[1]), 'train', 'training', [sys.argv[1]]).id)\n"
        "import os, signal; sys.stdout.flush(); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    real = Path(os.environ.get("VIRTUAL_ENV", sys.prefix)) / "bin/python"
    done = subprocess.run([real, "-c", code, study.root], capture_output=True, text=True, timeout=60, check=False)
    (job,) = jobs.all_jobs(study.root)
    assert done.stdout.strip() == job.id
    wait_for(lambda: jobs.progress(study.root, job)["done"] == 3)
    assert jobs.state(study.root, job) == "running"
    jobs.stop(study.root, job)
    wait_for(lambda: jobs.state(study.root, job) == "stopped")


def test_another_process_of_the_same_number_is_not_the_job(study: MadeStudy) -> None:
    job = jobs.start(study.root, "check", "checking", [str(study.root)])
    wait_for(lambda: jobs.state(study.root, job) == "done")
    (study.root / jobs.FOLDER / job.id / "exit").unlink()
    mine = replace(job, pid=os.getpid())
    assert jobs.state(study.root, mine) == "lost"
    assert jobs.state(study.root, replace(mine, born=jobs.born(os.getpid()))) == "running"


def test_damaged_records_are_passed_over(study: MadeStudy) -> None:
    for name, text in (("0" * 13 + "-abcdef", "no json"), ("1" * 13 + "-abcdef", "{}"), ("x", "{}")):
        folder = study.root / jobs.FOLDER / name
        folder.mkdir(parents=True)
        (folder / "job.json").write_text(text, encoding="utf-8")
    assert jobs.all_jobs(study.root) == []


@pytest.mark.parametrize(
    "body",
    [
        {"kind": "delete"},
        {"kind": "train", "run": "../up"},
        {"kind": "train", "run": "--help"},
        {"kind": "train", "minutes": 0},
        {"kind": "train", "more": 1},
        {"kind": "evaluate"},
        {"kind": "analyze", "videos": ["/etc/passwd"]},
        {"kind": "analyze", "videos": ["--help"]},
        {"kind": "plot", "video": "cage1.mp4", "tracks": "/etc/passwd"},
        {"kind": "plot", "video": "cage1.mp4", "tracks": "nothing.h5"},
    ],
)
def test_only_sensible_work_is_begun(client: TestClient, key: str, study: MadeStudy, body: dict[str, Any]) -> None:
    assert client.post(f"/api/projects/{key}/jobs", json=body).status_code == 422
    assert jobs.all_jobs(study.root) == []


def test_jobs_and_training_over_http(client: TestClient, key: str, study: MadeStudy, sleepy: str) -> None:
    base = f"/api/projects/{key}"
    answer = client.get(f"{base}/training").json()
    assert (answer["frames"], answer["points"], answer["can_train"], answer["runs"]) == (12, 72, True, [])
    job = client.post(f"{base}/jobs", json={"kind": "train", "run": "one", "minutes": 2}).json()
    wait_for(lambda: client.get(f"{base}/jobs").json()["jobs"][0]["done"] == 3)
    (listed,) = client.get(f"{base}/jobs").json()["jobs"]
    assert (listed["state"], listed["total"], listed["title"]) == ("running", 9, "training one")
    assert "--run one --minutes 2" in client.get(f"{base}/jobs/{job['id']}/log").json()["log"]
    assert client.post(f"{base}/jobs", json={"kind": "train"}).status_code == 422
    assert client.post(f"{base}/jobs/{job['id']}/stop").status_code == 200
    wait_for(lambda: client.get(f"{base}/jobs").json()["jobs"][0]["state"] == "stopped")
    assert client.post(f"{base}/jobs/{job['id']}/stop").status_code == 422
    assert client.get(f"{base}/jobs/0000000000000-abcdef/log").status_code == 422


def test_metrics_of_a_run(client: TestClient, key: str, study: MadeStudy) -> None:
    assert client.get(f"/api/projects/{key}/training/one/metrics").status_code == 404
    folder = study.root / "runs/one"
    folder.mkdir(parents=True)
    (folder / "metrics.csv").write_text("step,loss\n10,2.5\n20,oops\n", encoding="utf-8")
    answer = client.get(f"/api/projects/{key}/training/one/metrics").json()
    assert answer == {"step": [10, 20], "loss": [2.5, None]}
    (run,) = client.get(f"/api/projects/{key}/training").json()["runs"]
    assert run == {"name": "one", "finished": False, "test_px": None}
