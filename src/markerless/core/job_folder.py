"""The folder of a job: where a verb that somebody else started says how far it is and how it ended, and hears that it
is to stop.

A verb is a job when MARKERLESS_JOB names a folder. `progress.jsonl` holds an object a line: stages as they come, and
the exit code as the last one. A process that is gone without an exit code was killed.
"""

from __future__ import annotations

import json
import math
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

VARIABLE = "MARKERLESS_JOB"
PROGRESS_FILE = "progress.jsonl"
STOP_FILE = "stop"
EXIT = "exit"
TAIL_BYTES = 8192  # of which the last line is a small part


@dataclass(frozen=True)
class Stage:
    """How far a piece of work is.

    Attributes:
        title: What is being done ("training").
        done: Units that are finished.
        total: All of them.
        status: The same in words, with rate and time left ("120/2330 frames, 61.0 frames/s, 36 s left").
        message: A short text such as "loss 0.12".
        left_s: Seconds left; None while that is not known.
    """

    title: str
    done: int
    total: int
    status: str
    message: str
    left_s: float | None


@dataclass(frozen=True)
class JobProgress:
    """What a job has told last: its stage, None before the first; its exit code, None before the end."""

    stage: Stage | None = None
    exit_code: int | None = None


@dataclass(frozen=True)
class JobFolder:
    """One job's folder; `tell` and `read` are inverse."""

    path: Path

    @classmethod
    def of_this_process(cls) -> JobFolder | None:
        """The folder of the job that this process does; None where it is no job."""
        named = os.environ.get(VARIABLE)
        return cls(Path(named)) if named else None

    def tell(self, stage: Stage) -> None:
        """Say how far the work is; a disk that is full does not end the work."""
        self._append(asdict(stage))

    def tell_exit(self, code: int) -> None:
        """Say how it ended."""
        self._append({EXIT: code})

    def read(self) -> JobProgress:
        """What was told last; half a line is left out."""
        entries = [_parsed(line) for line in reversed(self._last_lines())]
        stage = next((stage for entry in entries if (stage := _stage(entry)) is not None), None)
        code = next((entry[EXIT] for entry in entries if isinstance(entry.get(EXIT), int)), None)
        return JobProgress(stage, code)

    def ask_to_stop(self) -> None:
        """Have the work stop where it can be gone on with.

        Raises:
            OSError: the folder cannot be written.
        """
        (self.path / STOP_FILE).touch()

    @property
    def stop_is_asked(self) -> bool:
        """True once somebody wants it to stop."""
        return (self.path / STOP_FILE).exists()

    def _append(self, entry: dict[str, Any]) -> None:
        line = json.dumps(entry, ensure_ascii=False)
        with suppress(OSError), (self.path / PROGRESS_FILE).open("a", encoding="utf-8", newline="\n") as file:
            file.write(f"{line}\n")

    def _last_lines(self) -> list[bytes]:
        try:
            with (self.path / PROGRESS_FILE).open("rb") as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL_BYTES))
                return file.read().split(b"\n")
        except OSError:
            return []


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _stage(entry: dict[str, Any]) -> Stage | None:
    """The stage of a line; None when it is not one, as half a line or one of another version."""
    try:
        stage = Stage(**entry)
    except TypeError:
        return None
    numbers = (stage.done, stage.total, stage.left_s or 0.0)
    is_good = all(isinstance(number, int | float) and math.isfinite(number) for number in numbers)
    return (
        stage if is_good and all(isinstance(text, str) for text in (stage.title, stage.status, stage.message)) else None
    )
