"""One job on disk: what was started, as which process, and whether that process is still there."""

from __future__ import annotations

import json
import platform
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import psutil

from markerless.core.storage import write_text

RECORD_FILE = "job.json"
LOG_FILE = "log.txt"
SAME_START_S = 2.0  # a process that began farther away in time is another one with the same number


@dataclass(frozen=True)
class Order:
    """What is to be done.

    Attributes:
        kind: The verb.
        title: In words, for people.
        project: Folder of the study.
        words: The command line after `markerless`.
        run: Name of the run it is about; "" for none.
    """

    kind: str
    title: str
    project: str
    words: tuple[str, ...]
    run: str = ""


@dataclass(frozen=True)
class JobRecord:
    """An order that was given.

    Attributes:
        id: Of the job; later ones sort later.
        order: What is done.
        host: Machine it runs on.
        started: When it was given, seconds since 1970.
        pid: Number of its process; 0 before there is one.
        process_started: When that process began, by the system's own account.
    """

    id: str
    order: Order
    host: str
    started: float
    pid: int = 0
    process_started: float = 0.0

    def of_process(self, pid: int) -> JobRecord:
        """The same, done by a process that has just been started."""
        try:
            return replace(self, pid=pid, process_started=psutil.Process(pid).create_time())
        except psutil.Error:  # it has ended already
            return replace(self, pid=pid)

    def write(self, folder: Path) -> None:
        """Keep it in the job's folder; `read_record` is the inverse.

        Raises:
            StorageError: the folder cannot be written.
        """
        write_text(folder / RECORD_FILE, json.dumps(asdict(self), indent=1) + "\n")

    def process(self) -> psutil.Process | None:
        """Its process; None when that has ended, or runs on another machine."""
        if self.host != this_host() or not self.pid:
            return None
        try:
            process = psutil.Process(self.pid)
            is_same = abs(process.create_time() - self.process_started) <= SAME_START_S
            return process if is_same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.Error:
            return None


def read_record(folder: Path) -> JobRecord | None:
    """The record in a folder; None where there is none, or not a whole one."""
    try:
        value = json.loads((folder / RECORD_FILE).read_text(encoding="utf-8"))
        order = value.pop("order")
        return JobRecord(**value, order=Order(**{**order, "words": tuple(order["words"])}))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def this_host() -> str:
    """The name of this machine: jobs of others may lie in a home folder that several machines share."""
    return platform.node()
