"""Jobs outlive the page and the server; what has become of them is known afterwards. The verb in these tests does
nothing but take time, in the frame of the real command line."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from markerless.core.job_folder import JobFolder
from markerless.errors import RunError, StorageError
from markerless.server import jobs as module
from markerless.server.job_record import JobRecord, Order, read_record, this_host
from markerless.server.jobs import Job, Jobs

VERB = """
import signal, sys, time
import click
from markerless.cli import progress
from markerless.errors import RunError

@click.command()
@click.argument("project")
@click.option("--how", default="well")
def command(project, how):
    click.echo(f"begins {how}")
    if how == "badly":
        raise RunError("expected a fish, got a bird")
    if how == "bug":
        raise KeyError("fin")
    if how == "deaf":
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    if how == "absent":
        signal.signal(signal.SIGINT, lambda *_: signal.signal(signal.SIGINT, signal.default_int_handler))
    if how in ("silent", "deaf", "absent"):
        click.echo("is silent")
        time.sleep(60)
    progress.SECONDS_BETWEEN_STAGES = 0.0
    with progress.bar("swimming", "strokes") as report:
        for stroke in range(3 if how == "well" else 6000):
            report(stroke + 1, 6000 if how == "long" else 3, "wet")
            time.sleep(0.01)
    click.echo("ends")
"""
FRAME = """
import sys
sys.path.insert(0, {folder!r})
from markerless.cli import main
from markerless.registry import Registry
main.COMMANDS = Registry("command", "long_verbs")
main.run()
"""
ENDS_WITHIN_S = 30.0


@pytest.fixture(autouse=True)
def long_verbs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The command line of these tests; the path of its program."""
    verbs = tmp_path / "cli" / "long_verbs"
    verbs.mkdir(parents=True)
    (verbs / "__init__.py").write_text("", encoding="utf-8")
    for name in ("train", "render"):
        (verbs / f"{name}.py").write_text(VERB, encoding="utf-8")
    program = tmp_path / "cli" / "program.py"
    program.write_text(FRAME.format(folder=str(verbs.parent)), encoding="utf-8")
    monkeypatch.setattr(module, "PROGRAM", ("-P", str(program)))
    monkeypatch.setenv("TMPDIR", str(tmp_path))  # where a job that ends with a bug writes its report
    return str(program)


@pytest.fixture
def jobs(tmp_path: Path) -> Iterator[Jobs]:
    """Jobs in a folder of the test's own; those that are left are ended."""
    jobs = Jobs(tmp_path / "jobs")
    yield jobs
    for job in jobs.all():
        process = job.record.process()
        if process is not None and process.pid != os.getpid():
            process.kill()


def order(how: str = "well", kind: str = "train", project: str = "/study") -> Order:
    return Order(kind, f"{kind} {how}", project, (kind, project, "--how", how), "run1")


def until(jobs: Jobs, job: Job, reached: Callable[[Job], bool]) -> Job:
    deadline = time.monotonic() + ENDS_WITHIN_S
    while time.monotonic() < deadline:
        now = jobs.get(job.record.id)
        assert now is not None
        if reached(now):
            return now
        time.sleep(0.02)
    raise AssertionError(f"not within {ENDS_WITHIN_S} s; now {now}, log {jobs.log(now, 0)}")


def ended(job: Job) -> bool:
    return not job.is_running


def told(job: Job) -> bool:
    return job.stage is not None


def test_a_job_that_ends_well(jobs: Jobs) -> None:
    began = jobs.start(order())
    assert began.is_running and began.record.order == order()
    job = until(jobs, began, ended)
    assert (job.state, job.exit_code, job.error, job.stopping) == ("done", 0, "", False)
    assert job.stage is not None
    assert (job.stage.title, job.stage.done, job.stage.message) == ("swimming", 3, "wet")
    assert job.stage.status.startswith("3/3 strokes")
    text, end = jobs.log(job, 0)
    assert text.splitlines() == ["begins well", "ends"]
    assert jobs.log(job, end) == ("", end)
    assert jobs.log(job, 7)[0].startswith("well")


@pytest.mark.parametrize(
    ("how", "code", "error"),
    [("badly", 2, "expected a fish, got a bird"), ("bug", 1, "bug: KeyError: 'fin'")],
)
def test_a_job_that_fails_says_why(jobs: Jobs, how: str, code: int, error: str) -> None:
    job = until(jobs, jobs.start(order(how)), ended)
    assert (job.state, job.exit_code) == ("failed", code)
    assert job.error.startswith(error) and "\n" not in job.error


def test_a_job_that_is_killed_is_lost_and_can_be_given_again(jobs: Jobs) -> None:
    job = until(jobs, jobs.start(order("long")), told)
    with pytest.raises(RunError, match="got one that is running"):
        jobs.again(job)
    os.kill(job.record.pid, signal.SIGKILL)
    job = until(jobs, job, ended)
    assert (job.state, job.exit_code) == ("lost", None)
    assert "killed" in job.error
    again = jobs.again(job)
    assert again.record.order == job.record.order and again.record.id > job.record.id
    assert [one.record.id for one in jobs.all()] == [again.record.id, job.record.id]


def test_jobs_outlive_a_server_that_is_killed(jobs: Jobs, tmp_path: Path, long_verbs: str) -> None:
    """A server in a process of its own starts two, and dies at once; another one finds them, and stops one."""
    server = (
        "import os, pathlib, sys\nfrom markerless.server import jobs as module\n"
        "from markerless.server.job_record import Order\n"
        f"module.PROGRAM = ('-P', {long_verbs!r})\njobs = module.Jobs(pathlib.Path({str(jobs.folder)!r}))\n"
        "for kind, how in (('train', 'long'), ('render', 'well')):\n"
        "    jobs.start(Order(kind, kind, '/study', (kind, '/study', '--how', how)))\n"
        "os.kill(os.getpid(), 9)\n"
    )
    assert subprocess.run([sys.executable, "-c", server], check=False).returncode == -signal.SIGKILL
    render, train = jobs.all()
    assert until(jobs, render, ended).state == "done", "its exit code is known although nobody waited for it"
    train = until(jobs, train, told)
    assert train.is_running and os.getsid(train.record.pid) == train.record.pid
    with pytest.raises(RunError, match="other training"):
        jobs.start(order("well"))
    jobs.stop(train)
    assert until(jobs, train, ended).state == "stopped"


def test_a_stop_comes_between_two_strokes(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SIGNAL_AFTER_S", 1e9)
    job = until(jobs, jobs.start(order("long")), told)
    jobs.stop(job)
    now = jobs.get(job.record.id)
    assert now is not None and (now.stopping or not now.is_running)
    job = until(jobs, job, ended)
    assert (job.state, job.exit_code, job.error) == ("stopped", 130, "")
    jobs.stop(job)  # once more does no harm
    assert "interrupted" in jobs.log(job, 0)[0]


@pytest.mark.skipif(sys.platform == "win32", reason="no signals there")
def test_a_job_that_says_nothing_is_interrupted(jobs: Jobs) -> None:
    job = jobs.start(order("silent"))
    until(jobs, job, lambda job: "is silent" in jobs.log(job, 0)[0])
    jobs.stop(job)
    job = until(jobs, job, ended)
    assert (job.state, job.exit_code) == ("stopped", 130)


@pytest.mark.skipif(sys.platform == "win32", reason="no signals there")
def test_a_job_of_a_server_that_ignores_ctrl_c_is_interrupted(jobs: Jobs) -> None:
    """As one that a shell started in the background: programs that it starts ignore Ctrl-C from their beginning."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        job = jobs.start(order("silent"))
    finally:
        signal.signal(signal.SIGINT, before)
    until(jobs, job, lambda job: "is silent" in jobs.log(job, 0)[0])
    jobs.stop(job)
    job = until(jobs, job, ended)
    assert (job.state, job.exit_code) == ("stopped", 130)


@pytest.mark.skipif(sys.platform == "win32", reason="no signals there")
def test_a_signal_that_was_not_heard_is_sent_again(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SIGNAL_AFTER_S", 0.5)
    job = jobs.start(order("absent"))
    until(jobs, job, lambda job: "is silent" in jobs.log(job, 0)[0])
    jobs.stop(job)
    job = until(jobs, job, ended)
    assert (job.state, job.exit_code) == ("stopped", 130)


def test_a_job_that_does_not_listen_is_terminated(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TERMINATE_AFTER_S", 0.5)
    job = jobs.start(order("deaf"))
    until(jobs, job, lambda job: "is silent" in jobs.log(job, 0)[0])
    jobs.stop(job)
    job = until(jobs, job, ended)
    assert (job.state, job.exit_code) == ("stopped", None)


def test_one_training_at_a_time(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    first = jobs.start(order("long"))
    with pytest.raises(RunError, match=r"no other training on this machine, got train long; .*wait .* or stop it"):
        jobs.start(order("well"))
    with pytest.raises(RunError, match="train long of study;"):
        jobs.start(order("well", project="/other"))
    with pytest.raises(RunError, match="train long is going on already"):
        jobs.start(order("long"))
    other = jobs.start(order("long", "render"))
    monkeypatch.setattr(module, "MOST_RUNNING", 2)
    with pytest.raises(RunError, match="2 jobs run already"):
        jobs.start(order("well", "render"))
    assert [job.record.id for job in jobs.of(Path("/study"))] == [other.record.id, first.record.id]
    assert jobs.of(Path("/other")) == []


@pytest.mark.parametrize(("seconds_off", "state"), [(0.0, "running"), (-100.0, "lost"), (100.0, "lost")])
def test_a_process_number_that_was_given_away_again(jobs: Jobs, seconds_off: float, state: str) -> None:
    """The number is that of a living process, which began at another time than the job's."""
    began = psutil.Process().create_time() + seconds_off
    record = JobRecord("0123456789ab-abcdef", order(), this_host(), time.time(), os.getpid(), began)
    (jobs.folder / record.id).mkdir(parents=True)
    record.write(jobs.folder / record.id)
    assert read_record(jobs.folder / record.id) == record
    (job,) = jobs.all()
    assert job.state == state
    if state == "lost":
        jobs.stop(job)  # must not reach the process that has the number now
        assert not JobFolder(jobs.folder / record.id).stop_is_asked


def test_a_job_of_another_machine_is_left_alone(jobs: Jobs) -> None:
    record = JobRecord("0123456789ab-abcdef", order(), "elsewhere", time.time(), os.getpid(), 1.0)
    folder = jobs.folder / record.id
    folder.mkdir(parents=True)
    record.write(folder)
    assert jobs.all()[0].is_running, "it was heard of a moment ago"
    jobs.start(order("long"))
    long_ago = time.time() - module.SILENT_S - 10
    os.utime(folder / "job.json", (long_ago, long_ago))
    assert jobs.all()[1].state == "lost"


def test_what_is_no_job_is_left_out(jobs: Jobs) -> None:
    assert jobs.all() == []
    for name, text in (("0123456789ab-abcdef", "{"), ("0123456789ac-abcdef", '{"id": 1}'), ("other", "{}")):
        (jobs.folder / name).mkdir(parents=True)
        (jobs.folder / name / "job.json").write_text(text, encoding="utf-8")
    (jobs.folder / "0123456789ad-abcdef").mkdir()
    assert jobs.all() == []
    assert jobs.get("../jobs/0123456789ab-abcdef") is None


def test_the_oldest_are_forgotten(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_KEPT", 2)
    gone = JobRecord("0123456789ab-abcdef", order(), this_host(), 0.0)
    for i in range(4):
        record = replace(gone, id=f"0123456789a{i}-abcdef")
        (jobs.folder / record.id).mkdir(parents=True)
        record.write(jobs.folder / record.id)
    job = jobs.start(order())
    assert [one.record.id for one in jobs.all()] == [job.record.id, "0123456789a3-abcdef", "0123456789a2-abcdef"]


def test_the_secret_of_the_server_is_not_handed_on(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MARKERLESS_TOKEN", "a-secret-of-the-server")
    job = jobs.start(order("long"))
    environment = psutil.Process(job.record.pid).environ()
    assert environment["MARKERLESS_JOB"] == str(jobs.folder / job.record.id)
    assert "a-secret-of-the-server" not in environment.values()


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(StorageError, match="file"):
        Jobs(tmp_path / "file" / "jobs").start(order())
