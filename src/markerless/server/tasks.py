"""Short work in the background: one piece at a time for each name, with its progress for whoever asks."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from markerless.core.progress import Progress
from markerless.errors import MarkerlessError, ProjectError

LOG = logging.getLogger("markerless.server")


@dataclass(frozen=True)
class Task:
    """Where a piece of work stands.

    Attributes:
        state: "running", "done" or "failed".
        done: Units that are finished.
        total: Units in all; 0 before it is known.
        message: What is being done.
        result: What came of it.
        error: Why it failed, one line.
    """

    state: str = "running"
    done: int = 0
    total: int = 0
    message: str = ""
    result: Any = None
    error: str = ""


class Tasks:
    """See the module; safe to use from several threads."""

    def __init__(self) -> None:
        self._tasks: dict[str, Task] = {}
        self._lock = threading.Lock()

    def start(self, name: str, work: Callable[[Progress], Any]) -> None:
        """Begin `work`.

        Raises:
            ProjectError: work of that name is still going on.
        """
        with self._lock:
            if self._tasks.get(name, Task("done")).state == "running":
                raise ProjectError("this is going on already; wait until it has ended")
            self._tasks[name] = Task()
        threading.Thread(target=self._run, args=(name, work), name=name, daemon=True).start()

    def state(self, name: str) -> Task | None:
        """Where it stands; None when nothing of that name was ever started."""
        with self._lock:
            return self._tasks.get(name)

    def close(self) -> None:
        """Nothing to wait for: all that is written is written whole or not at all."""

    def _run(self, name: str, work: Callable[[Progress], Any]) -> None:
        def progress(done: int, total: int, message: str) -> None:
            self._now(name, done=done, total=total, message=message)

        try:
            self._now(name, state="done", result=work(progress))
        except MarkerlessError as error:
            self._now(name, state="failed", error=str(error))
        except Exception as error:
            LOG.error("%s", name, exc_info=error)
            self._now(name, state="failed", error=f"a bug in markerless: {type(error).__name__}; see the terminal")

    def _now(self, name: str, **news: Any) -> None:
        with self._lock:
            self._tasks[name] = replace(self._tasks[name], **news)
