"""`markerless live`: keypoints of a camera as it sees them."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from markerless.cli import options

if TYPE_CHECKING:
    from markerless.pipeline.live import LiveSummary

USER_ERROR = 2
SECONDS_BETWEEN_LINES = 10.0


@dataclass(frozen=True)
class Options:
    """What the user asked for beside project and source."""

    run_name: str | None
    out: Path | None
    ahead_ms: float | None
    processor: str | None
    seconds: float | None
    assignments: tuple[str, ...]
    as_json: bool


@click.command()
@options.project_argument
@click.argument("source")
@options.run_option
@click.option("--out", type=options.PATH, metavar="FILE.csv", help="Keep the numbers: a row for every frame.")
@click.option(
    "--ahead", "ahead_ms", type=click.FloatRange(0, 1000), metavar="MS", help="Predict so many milliseconds ahead."
)
@click.option("--processor", metavar="FILE.py:NAME", help="Your own code that gets the numbers; runs as it is.")
@click.option("--seconds", type=click.FloatRange(min=0, min_open=True), metavar="S", help="End after this time.")
@options.set_option
@options.json_option
@options.gathered("wanted", Options)
def command(project: Path, source: str, wanted: Options) -> int:
    """Find every keypoint in live frames, with the least delay.

    PROJECT is the project folder, its config.yaml, or the folder of a run. SOURCE is the number of a camera (0 for the
    first one), an address (rtsp://, http://, udp://, ...), or a video file, which plays at its own speed.

    The newest frame wins: frames that come while the network is busy are dropped and counted. Ctrl-C ends it and is
    the normal way to do so (exit code 0); what was measured is kept. When the source fails, the exit code is 2.
    """
    from markerless.config import parse_assignments
    from markerless.pipeline.live import GROUPS, live
    from markerless.pipeline.processor import load_processor
    from markerless.pipeline.which_run import project_or_run

    values: dict[str, dict[str, Any]] = {**parse_assignments(wanted.assignments, GROUPS)}
    given = {"out": wanted.out, "ahead_ms": wanted.ahead_ms, "seconds": wanted.seconds}
    values["live"] |= {key: value for key, value in given.items() if value is not None}
    processor = None if wanted.processor is None else load_processor(wanted.processor)
    status = Status(sys.stderr.isatty())
    summary = live(project_or_run(project), source, processor, values, run=wanted.run_name, progress=status)
    status.end()
    if wanted.as_json:
        options.echo_json(asdict(summary))
    else:
        _print(summary)
    if summary.error:
        click.echo(f"error: {summary.error}", err=True)
    return USER_ERROR if summary.error else 0


class Status:
    """Where it stands, on stderr: one line that is written again and again in a terminal, else one every 10 s."""

    def __init__(self, is_terminal: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self._is_terminal = is_terminal
        self._clock = clock
        self._last: float | None = None
        self._length = 0

    def __call__(self, done: int, total: int, message: str) -> None:
        """Show how many frames are done; see `markerless.core.progress.Progress`."""
        text = f"live: {done} frames, {message}" if done else f"live: {message}"
        if self._is_terminal:
            click.echo("\r" + text.ljust(self._length), nl=False, err=True)
            self._length = len(text)
        elif self._last is None or self._clock() - self._last >= SECONDS_BETWEEN_LINES:
            self._last = self._clock()
            click.echo(text, err=True)

    def end(self) -> None:
        """Leave the line."""
        if self._length:
            click.echo(err=True)


def _print(summary: LiveSummary) -> None:
    how, latency = summary.how, summary.latency_ms
    region = "off" if how["region"] is None else "{} x {} px".format(*how["region"])
    click.echo(
        f"run {how['run']}, engine {how['engine']} {how['engine_version']}, precision {how['precision']}, "
        f"region of interest {region} ({how['region_why']})"
    )
    click.echo(
        f"{summary.ended} after {summary.seconds:.1f} s: {summary.n_seen} frames seen, "
        f"{summary.n_predicted} worked on ({summary.n_whole} as a whole), {summary.n_dropped} dropped, "
        f"{summary.n_broken} broken"
    )
    click.echo(
        "latency, frame in hand to numbers in hand: "
        f"p50 {latency['p50']:.2f} ms, p95 {latency['p95']:.2f} ms, p99 {latency['p99']:.2f} ms, "
        f"max {latency['max']:.2f} ms"
    )
    if summary.file is None:
        click.echo("wrote nothing; --out FILE.csv keeps the numbers")
    else:
        options.echo_written(summary.file)
