"""Long work in processes of its own: trainings and analyses go on when the page is closed, and when the server dies.

A job is a folder in the project, `.markerless-jobs/<id>/`, with what was started (`job.json`), what it printed (`log`),
where it stands (`progress.json`) and, once it has ended, its exit code (`exit`). A server that starts again reads them.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from markerless.core.storage import write_text
from markerless.errors import MarkerlessError, ProjectError, RunError
from markerless.server.job_process import EXIT, JOB, LOG, PROGRESS

FOLDER = ".markerless-jobs"
ID = re.compile(r"[0-9]{13}-[0-9a-f]{6}")
INTERRUPTED = {130, -signal.SIGINT, -signal.SIGTERM}
TAIL_BYTES = 20_000
MOST_KEPT = 50
STARTS_WITHIN_S = 5.0


@dataclass(frozen=True)
class Job:
    """A piece of work.

    Attributes:
        id: Name of its folder; later ones sort behind.
        verb: What it does, a verb of the command line.
        title: The same in words.
        command: What was started.
        pid: Process that runs it.
        born: When that process was started, as the system tells; another process of the same number was born later.
        started_s: Seconds since 1970.
    """

    id: str
    verb: str
    title: str
    command: list[str]
    pid: int = 0
    born: str = ""
    started_s: float = 0.0


def start(root: Path, verb: str, title: str, arguments: Sequence[str]) -> Job:
    """Begin `markerless VERB ARGUMENTS` for the project at `root`.

    Raises:
        RunError: a training of this project is going on, and this would be another.
        StorageError: the project cannot be written.
    """
    if verb == "train":
        for job in all_jobs(root):
            if job.verb == "train" and is_running(root, job):
                raise RunError(f"a training is going on ({job.title}); wait for it, or stop it first")
    _forget_old(root)
    job = Job(
        f"{time.time_ns() // 1_000_000:013d}-{secrets.token_hex(3)}",
        verb,
        title,
        [sys.executable, "-m", "markerless", verb, *arguments],
        started_s=time.time(),
    )
    folder = root / FOLDER / job.id
    _write(folder, job)
    process = subprocess.Popen(
        [sys.executable, "-m", "markerless.server.job_process", str(folder)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=root,
        **_detached(),
    )
    job = Job(**{**asdict(job), "pid": process.pid, "born": born(process.pid)})
    _write(folder, job)
    return job


def all_jobs(root: Path) -> list[Job]:
    """The jobs of a project, the newest first; folders that are none are passed over."""
    folder = root / FOLDER
    names = [entry.name for entry in folder.iterdir()] if folder.is_dir() else []
    jobs = []
    for name in sorted((name for name in names if ID.fullmatch(name)), reverse=True):
        with suppress(OSError, ValueError, TypeError):
            job = Job(**json.loads((folder / name / JOB).read_text(encoding="utf-8")))
            if job.id == name:
                jobs.append(job)
    return jobs


def find(root: Path, job_id: str) -> Job:
    """The job of that id.

    Raises:
        ProjectError: there is none.
    """
    for job in all_jobs(root):
        if job.id == job_id:
            return job
    raise ProjectError(f"no job '{job_id}' in this project; it may have been cleared away")


def state(root: Path, job: Job) -> str:
    """ "running", "done", "failed", "stopped", or "lost" for one that ended without a word (the machine went down)."""
    code = exit_code(root, job)
    if code is not None:
        return "done" if code == 0 else "stopped" if code in INTERRUPTED else "failed"
    return "running" if is_running(root, job) else "lost"


def exit_code(root: Path, job: Job) -> int | None:
    """How it ended; None before."""
    try:
        return int((root / FOLDER / job.id / EXIT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def is_running(root: Path, job: Job) -> bool:
    """True while its own process is there."""
    if exit_code(root, job) is not None:
        return False
    if job.pid == 0:
        return time.time() - job.started_s < STARTS_WITHIN_S
    with suppress(ChildProcessError, OSError, AttributeError):
        os.waitpid(job.pid, os.WNOHANG)  # a child of this server that has ended counts as gone
    return bool(job.born) and born(job.pid) == job.born


def progress(root: Path, job: Job) -> dict[str, Any]:
    """Where it stands: title, done, total, status, message; zeros before it has said anything."""
    nothing = {"title": "", "done": 0, "total": 0, "status": "", "message": ""}
    try:
        said = json.loads((root / FOLDER / job.id / PROGRESS).read_text(encoding="utf-8"))
        return {**nothing, **{key: said[key] for key in nothing}}
    except (OSError, ValueError, KeyError, TypeError):
        return nothing


def log_tail(root: Path, job: Job) -> str:
    """The end of what it printed."""
    try:
        with (root / FOLDER / job.id / LOG).open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL_BYTES))
            return file.read().decode("utf-8", "replace")
    except OSError:
        return ""


def stop(root: Path, job: Job) -> None:
    """Ask it to end as Ctrl-C does: a training saves its checkpoint and can be gone on with.

    Raises:
        ProjectError: it has ended already.
    """
    if not is_running(root, job):
        raise ProjectError("this has ended already")
    if os.name == "posix":
        os.killpg(job.pid, signal.SIGINT)
    else:
        os.kill(job.pid, signal.CTRL_BREAK_EVENT)  # type: ignore[attr-defined]


def born(pid: int) -> str:
    """When the process of that number was started, in the system's own words; "" when there is none."""
    stat = Path(f"/proc/{pid}/stat")
    try:
        fields = stat.read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
        return "" if fields[0] == "Z" else fields[19]
    except (OSError, IndexError):
        if Path("/proc/self/stat").exists() or os.name != "posix":
            return "" if os.name == "posix" else str(pid)
    asked = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return asked.stdout.strip()


def _write(folder: Path, job: Job) -> None:
    write_text(folder / JOB, json.dumps(asdict(job), indent=1) + "\n")


def _detached() -> dict[str, Any]:
    if os.name == "posix":
        return {"start_new_session": True}
    flags = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.DETACHED_PROCESS  # type: ignore[attr-defined]
    return {"creationflags": flags}


def _forget_old(root: Path) -> None:
    for job in all_jobs(root)[MOST_KEPT:]:
        if is_running(root, job):
            continue
        folder = root / FOLDER / job.id
        with suppress(OSError, MarkerlessError):
            for name in (JOB, LOG, PROGRESS, EXIT):
                (folder / name).unlink(missing_ok=True)
            folder.rmdir()
