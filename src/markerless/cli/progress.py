"""Progress on stderr: a bar in a terminal, else one line every ten seconds. Rate and time left in both. A verb that is
somebody's job says it in the job's folder too, and stops when it is asked to.

with progress.bar("analyzing", unit="frames") as report:
    pipeline.analyze(..., progress=report)
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from markerless.core.job_folder import JobFolder, Stage
from markerless.core.progress import Progress

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

SECONDS_BETWEEN_LINES = 10.0
SECONDS_BETWEEN_STAGES = 0.5


@contextmanager
def bar(title: str, unit: str = "") -> Iterator[Progress]:
    """A progress callback for one piece of work.

    Args:
        title: What is being done ("training").
        unit: What is counted ("frames"), for the rate.
    """
    job = JobFolder.of_this_process()
    if job is not None:
        yield Told(Lines(title, unit), job, title, unit)
        return
    if not sys.stderr.isatty():
        yield Lines(title, unit)
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

    def per_second(self, done: int) -> float | None:
        """Units per second so far; None while nothing can be said."""
        now = self._clock()
        if self._first is None or done < self._last_done:  # fewer than before: another video has begun
            self._first = (now, done)
        self._last_done = done
        elapsed, finished = now - self._first[0], done - self._first[1]
        return finished / elapsed if elapsed > 0 and finished > 0 else None

    def status(self, done: int, total: int, unit: str) -> str:
        """Text such as "120/2330 frames, 61.0 frames/s, 36 s left"."""
        return in_words(done, total, unit, self.per_second(done))


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


class Told:
    """Says how far the work is in the folder of a job as well, twice a second, and stops it when that was asked for.

    A stop is Ctrl-C by another name: it reaches a process that no terminal belongs to, on every system.
    """

    def __init__(self, shown: Progress, job: JobFolder, title: str, unit: str) -> None:
        self._shown, self._job = shown, job
        self._title, self._unit = title, unit
        self._rate = Rate()
        self._last = -math.inf

    def __call__(self, done: int, total: int, message: str) -> None:
        self._shown(done, total, message)
        rate = self._rate.per_second(done)
        now = time.monotonic()
        if now - self._last < SECONDS_BETWEEN_STAGES and done < total:
            return
        self._last = now
        left_s = None if rate is None else (total - done) / rate
        status = in_words(done, total, self._unit, rate)
        self._job.tell(Stage(self._title, done, total, status, message, left_s))
        if self._job.stop_is_asked:
            raise KeyboardInterrupt


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


def in_words(done: int, total: int, unit: str, rate: float | None) -> str:
    """Text such as "120/2330 frames, 61.0 frames/s, 36 s left"; without a rate, how much is done alone."""
    text = f"{done}/{total} {unit}".rstrip()
    if rate is None:
        return text
    per_second = f"{rate:.1f} {unit}/s" if unit else f"{rate:.1f}/s"
    return f"{text}, {per_second}, {duration((total - done) / rate)} left"


def duration(seconds: float) -> str:
    """Text such as "36 s", "2 min 10 s", "3 h 05 min"."""
    whole = max(0, round(seconds))
    minutes, rest = divmod(whole, 60)
    if minutes == 0:
        return f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"
