"""Work that takes minutes: verbs of the command line in processes of their own.

A job belongs to nobody: it goes on when the page is closed and when the server ends or is killed. What is known of it
lies on disk, so that a server that is started later finds it: running, by its process; ended, by the exit code that it
left. One training at a time runs on a machine; two would each take twice as long.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psutil
from filelock import FileLock, Timeout

from markerless.core.job_folder import PROGRESS_FILE, VARIABLE, JobFolder, Stage
from markerless.core.storage import storage_error
from markerless.errors import RunError, StorageError
from markerless.server.job_record import LOG_FILE, RECORD_FILE, JobRecord, Order, read_record, this_host
from markerless.server.workspace import state_folder

State = Literal["running", "done", "failed", "stopped", "lost"]
TRAIN = "train"
MOST_RUNNING = 4  # at once, of all kinds
MOST_KEPT = 100  # records of jobs that have ended
LOCKED_FOR_S = 20.0
SIGNAL_AFTER_S = 15.0  # that a job which tells how far it is has for stopping by itself; and between two signals
TERMINATE_AFTER_S = 60.0
NICENESS = 5  # the page stays quick while a network trains
LOG_BYTES = 64 << 10  # of one answer
PROGRAM = ("-P", "-m", "markerless")  # -P: what happens to lie in the working folder is no module
INTERRUPTED = 130
STARTS_WITHIN_S = 10.0
SILENT_S = 120.0  # after which a job of another machine counts as gone
POLL_S = 0.2
MOST_CHARACTERS = 600  # of an error
FAULTS = ("error: ", "bug: ", "failed: ")
JOB_ID = re.compile(r"[0-9a-f]{12}-[0-9a-f]{6}")
PRIVATE = {"MARKERLESS_TOKEN"}  # not for jobs


@dataclass(frozen=True)
class Job:
    """A job as it is now.

    Attributes:
        record: What was started.
        state: "lost" is a job that ended without saying how.
        stopping: Whether it has been asked to stop, and has not yet.
        stage: How far it is or was; None before it has said so.
        exit_code: None while it runs, and when it could not say.
        error: Why it failed, one line; "" otherwise.
    """

    record: JobRecord
    state: State
    stopping: bool
    stage: Stage | None
    exit_code: int | None
    error: str

    @property
    def is_running(self) -> bool:
        return self.state == "running"


class Jobs:
    """The jobs of this user on this machine; safe to use from several threads and several servers."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or state_folder() / "jobs"
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._ended: dict[str, Job] = {}

    def start(self, order: Order) -> Job:
        """Begin it.

        Raises:
            RunError: another training runs on this machine, the same is going on already, or too much is.
            StorageError: the folder of jobs cannot be written.
        """
        with self._alone():
            self._require_free(order)
            self._prune()
            record = JobRecord(_new_id(), order, this_host(), time.time())
            folder = self.folder / record.id
            try:
                folder.mkdir(parents=True)
                record.write(folder)
                child = _spawn(order, folder)
            except OSError as error:
                raise storage_error(error, folder) from error
            self._children[record.id] = child
            record = record.of_process(child.pid)
            record.write(folder)
        return self._job(record)

    def again(self, job: Job) -> Job:
        """Give the same order once more: a training goes on where it was stopped.

        Raises:
            RunError: it is still going on; else as `start`.
        """
        if job.is_running:
            raise RunError(f"expected a job that has ended, got one that is running ({job.record.order.title})")
        return self.start(job.record.order)

    def stop(self, job: Job) -> None:
        """Ask it to stop, and end it when it does not; what it has done so far stays.

        Raises:
            StorageError: the folder of the job cannot be written.
        """
        if not job.is_running:
            return
        try:
            JobFolder(self.folder / job.record.id).ask_to_stop()
        except OSError as error:
            raise storage_error(error, self.folder / job.record.id) from error
        threading.Thread(target=self._see_to_it, args=(job.record,), name=f"stop {job.record.id}", daemon=True).start()

    def all(self) -> list[Job]:
        """All that are known, the newest first."""
        names = [entry.name for entry in self.folder.iterdir()] if self.folder.is_dir() else []
        found = [self.get(name) for name in sorted(names, reverse=True) if JOB_ID.fullmatch(name)]
        return [job for job in found if job is not None]

    def of(self, project: Path) -> list[Job]:
        """Those of a project."""
        return [job for job in self.all() if job.record.order.project == str(project)]

    def get(self, job_id: str) -> Job | None:
        """The job of that name; None when there is none."""
        if job_id in self._ended:
            return self._ended[job_id]
        record = read_record(self.folder / job_id) if JOB_ID.fullmatch(job_id) else None
        if record is None:
            return None
        job = self._job(record)
        if job.exit_code is not None:
            self._ended[job_id] = job
        return job

    def log(self, job: Job, since: int) -> tuple[str, int]:
        """What it printed from byte `since` on, the last 64 KB of it; and where that ends."""
        try:
            with (self.folder / job.record.id / LOG_FILE).open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(min(since, size), size - LOG_BYTES))
                return file.read().decode("utf-8", "replace"), size
        except OSError:
            return "", 0

    def close(self) -> None:
        """Nothing to end: jobs go on."""

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep other servers from starting jobs meanwhile."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.folder / ".lock", timeout=LOCKED_FOR_S, thread_local=False)
            lock.acquire()
        except Timeout:
            raise StorageError(f"{self.folder} has been locked by another program for {LOCKED_FOR_S:.0f} s") from None
        except OSError as error:
            raise storage_error(error, self.folder) from error
        try:
            yield
        finally:
            lock.release()

    def _require_free(self, order: Order) -> None:
        running = [job.record for job in self.all() if job.is_running and job.record.host == this_host()]
        for record in running:
            if record.order.words == order.words:
                raise RunError(f"{order.title} is going on already; wait until it has ended, or stop it")
            if record.order.kind == order.kind == TRAIN:
                where = "" if record.order.project == order.project else f" of {Path(record.order.project).name}"
                raise RunError(
                    f"expected no other training on this machine, got {record.order.title}{where}; two at once would "
                    "both take twice as long: wait until it has ended, or stop it"
                )
        if len(running) >= MOST_RUNNING:
            raise RunError(f"{len(running)} jobs run already; wait until one of them has ended, or stop one")

    def _prune(self) -> None:
        """Forget the oldest of those that have ended."""
        ended = [job for job in self.all() if not job.is_running]
        for job in ended[MOST_KEPT:]:
            shutil.rmtree(self.folder / job.record.id, ignore_errors=True)
            self._ended.pop(job.record.id, None)

    def _job(self, record: JobRecord) -> Job:
        """What has become of it."""
        folder = JobFolder(self.folder / record.id)
        is_there = self._is_there(record)
        told = folder.read()  # after the look at the process: one that is gone has told all it will
        stop_is_asked = folder.stop_is_asked
        is_running = is_there and told.exit_code is None
        state = "running" if is_running else _state(told.exit_code, stop_is_asked)
        error = "" if state not in {"failed", "lost"} else self._error(record.id, state)
        return Job(record, state, stop_is_asked and is_running, told.stage, told.exit_code, error)

    def _is_there(self, record: JobRecord) -> bool:
        child = self._children.get(record.id)
        if child is not None and child.poll() is not None:  # also lets the system forget it
            del self._children[record.id]
            return False
        if record.host != this_host():
            return time.time() - _last_change(self.folder / record.id) < SILENT_S
        if not record.pid:
            return time.time() - record.started < STARTS_WITHIN_S
        return record.process() is not None

    def _error(self, job_id: str, state: State) -> str:
        if state == "lost":
            return "it ended without saying how: killed from outside, out of memory, or the machine was restarted"
        try:
            lines = (self.folder / job_id / LOG_FILE).read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            lines = []
        said = [line for line in lines if line.startswith(FAULTS)] or [line for line in lines if line.strip()]
        return said[-1].removeprefix("error: ")[:MOST_CHARACTERS] if said else "it failed; its log is empty"

    def _see_to_it(self, record: JobRecord) -> None:
        """End a job that was asked to stop and does not. One that has not begun has nothing to save.

        Signals are repeated: Python does not hear one that comes in the moment before it begins to wait.
        """
        folder = JobFolder(self.folder / record.id)
        asked = time.monotonic()
        next_signal_s = 0.0 if folder.read().stage is None else SIGNAL_AFTER_S
        while (process := record.process()) is not None and folder.read().exit_code is None:
            waited = time.monotonic() - asked
            with suppress(psutil.Error):
                if waited > TERMINATE_AFTER_S:
                    process.terminate()
                elif waited >= next_signal_s:
                    next_signal_s = waited + SIGNAL_AFTER_S
                    if os.name == "posix":
                        process.send_signal(signal.SIGINT)
            time.sleep(POLL_S)
            child = self._children.get(record.id)
            if child is not None:
                child.poll()


def _spawn(order: Order, folder: Path) -> subprocess.Popen[bytes]:
    """Start the command line in a process that outlives this one, that no terminal and no Ctrl-C of ours reaches."""
    environment = {name: value for name, value in os.environ.items() if name not in PRIVATE}
    environment |= {VARIABLE: str(folder), "PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8"}
    flags = 0
    if sys.platform == "win32":
        flags = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
    with (folder / LOG_FILE).open("ab") as log:
        child = subprocess.Popen(
            [sys.executable, *PROGRAM, *order.words],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
            creationflags=flags,
        )
    with suppress(psutil.Error):
        lower = psutil.BELOW_NORMAL_PRIORITY_CLASS if sys.platform == "win32" else NICENESS
        psutil.Process(child.pid).nice(lower)
    return child


def _state(exit_code: int | None, stop_is_asked: bool) -> State:
    if exit_code is None:
        return "stopped" if stop_is_asked else "lost"
    return "done" if exit_code == 0 else "stopped" if exit_code == INTERRUPTED else "failed"


def _new_id() -> str:
    """A name that sorts by time."""
    return f"{time.time_ns() // 1_000_000:012x}-{secrets.token_hex(3)}"


def _last_change(folder: Path) -> float:
    """When a job last wrote something; 0 when that cannot be seen."""
    times = [0.0]
    for name in (PROGRESS_FILE, RECORD_FILE):
        with suppress(OSError):
            times.append((folder / name).stat().st_mtime)
    return max(times)
