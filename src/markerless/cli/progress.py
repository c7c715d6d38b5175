"""Progress on stderr: a bar in a terminal, else one line every ten seconds. Rate and time left in both.

A program that starts the command line may name a file in MARKERLESS_PROGRESS, which then says as JSON where it stands.

with progress.bar("analyzing", unit="frames") as report:
    pipeline.analyze(..., progress=report)
"""

from __future__ import annotations

import json
import math
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from markerless.core.progress import Progress
from markerless.core.storage import write_text
from markerless.errors import StorageError

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

SECONDS_BETWEEN_LINES = 10.0
SECONDS_BETWEEN_RECORDS = 0.5


@contextmanager
def bar(title: str, unit: str = "") -> Iterator[Progress]:
    """A progress callback for one piece of work.

    Args:
        title: What is being done ("training").
        unit: What is counted ("frames"), for the rate.
    """
    if not sys.stderr.isatty():
        lines, file = Lines(title, unit), os.environ.get("MARKERLESS_PROGRESS")
        yield Recorded(lines, title, unit, Path(file)) if file else lines
        return
    # rich takes 60 ms to import, so only work that draws a bar pays for it
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as RichProgress

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[status]}"))
    with RichProgress(*columns, console=Console(stderr=True), transient=True) as drawing:
        yield Drawing(drawing, drawing.add_task(title, total=None, status=""), unit)


class Rate:
    """Units per second and time left, measured from the first call: resumed work is timed from where it resumed."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._first: tuple[float, int] | None = None
        self._last_done = 0

    def status(self, done: int, total: int, unit: str) -> str:
        """Text such as "120/2330 frames, 61.0 frames/s, 36 s left"."""
        now = self._clock()
        if self._first is None or done < self._last_done:  # fewer than before: another video has begun
            self._first = (now, done)
        self._last_done = done
        text = f"{done}/{total} {unit}".rstrip()
        elapsed, finished = now - self._first[0], done - self._first[1]
        if elapsed <= 0 or finished <= 0:
            return text
        rate = finished / elapsed
        per_second = f"{rate:.1f} {unit}/s" if unit else f"{rate:.1f}/s"
        return f"{text}, {per_second}, {duration((total - done) / rate)} left"


class Lines:
    """A line on stderr every ten seconds: for logs and for programs that read our output."""

    def __init__(self, title: str, unit: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._title = title
        self._unit = unit
        self._clock = clock
        self._rate = Rate(clock)
        self._last_line = clock()

    def __call__(self, done: int, total: int, message: str) -> None:
        status = self._rate.status(done, total, self._unit)
        if self._clock() - self._last_line < SECONDS_BETWEEN_LINES:
            return
        self._last_line = self._clock()
        click.echo(", ".join(part for part in (f"{self._title}: {status}", message) if part), err=True)


class Recorded:
    """The same, and twice a second a small JSON file for a program that watches."""

    def __init__(self, lines: Lines, title: str, unit: str, file: Path) -> None:
        self._lines = lines
        self._title = title
        self._unit = unit
        self._file = file
        self._rate = Rate()
        self._last = -math.inf

    def __call__(self, done: int, total: int, message: str) -> None:
        self._lines(done, total, message)
        status = self._rate.status(done, total, self._unit)
        if done < total and time.monotonic() - self._last < SECONDS_BETWEEN_RECORDS:
            return
        self._last = time.monotonic()
        now = {"title": self._title, "done": done, "total": total, "status": status, "message": message}
        with suppress(StorageError):  # nobody's work ends because nobody can watch it
            write_text(self._file, json.dumps(now))


class Drawing:
    """A moving bar in a terminal."""

    def __init__(self, drawing: RichProgress, task: TaskID, unit: str) -> None:
        self._drawing = drawing
        self._task = task
        self._unit = unit
        self._rate = Rate()

    def __call__(self, done: int, total: int, message: str) -> None:
        status = self._rate.status(done, total, self._unit)
        text = ", ".join(part for part in (status, message) if part)
        self._drawing.update(self._task, completed=done, total=total, status=text)


def duration(seconds: float) -> str:
    """Text such as "36 s", "2 min 10 s", "3 h 05 min"."""
    whole = max(0, round(seconds))
    minutes, rest = divmod(whole, 60)
    if minutes == 0:
        return f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"
