"""`markerless bench`: how fast this machine is."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import click

from markerless.cli import options, progress

if TYPE_CHECKING:
    from markerless.pipeline.bench import Bench, Row

N_WORDS = 3
WIDTHS = (20, 13, 11, 10, 12, 12, 11)
TITLES = ("", "engine", "precision", "frames/s", "in memory/s", "latency ms", "memory MB")


@click.command()
@options.project_argument
@click.argument("video", type=options.PATH, required=False)
@options.run_option
@options.set_option
@options.json_option
def command(
    project: Path, video: Path | None, run_name: str | None, assignments: tuple[str, ...], as_json: bool
) -> None:
    """Measure how fast a network is on this machine, in about a minute.

    PROJECT is the project folder, its config.yaml, or the folder of a run. VIDEO is what to measure on; default: the
    project's first video. The table has a row for each way of analyzing it: frames/s with decoding, of the engine
    alone on frames in memory, the time for one frame, and the memory. The last lines say what `analyze` takes.
    """
    from markerless import config
    from markerless.pipeline.analyze_settings import AnalyzeSettings
    from markerless.pipeline.bench import bench
    from markerless.pipeline.which_run import project_or_run

    values = config.parse_assignments(assignments, {"analyze": AnalyzeSettings})["analyze"]
    settings = config.load("analyze", AnalyzeSettings, values)
    with progress.bar("measuring", unit="rows") as report:
        result = bench(project_or_run(project), video, settings, run=run_name, progress=report)
    if as_json:
        options.echo_json(result.to_json())
    else:
        _print(result)


def _print(result: Bench) -> None:
    from markerless.cli.method_lines import method_lines

    click.echo(f"{result.machine}; {result.video.name}, {result.size[0]} x {result.size[1]} px")
    click.echo(_line(TITLES))
    for row in result.rows:
        click.echo(_cells(row))
    chosen = result.chosen
    click.echo(f"analyze takes: engine {chosen.engine}, precision {chosen.precision}, batch {chosen.batch_size}")
    for line in method_lines(chosen.effect(), chosen.speed_up):
        click.echo(line)


def _cells(row: Row) -> str:
    if row.note:
        return f"{_line((row.what, row.engine, row.precision))}  {row.note}"
    numbers = (row.frames_per_s, row.in_memory_per_s, row.latency_ms, row.memory_mb)
    decimals = (1, 1, 2, 0)
    shown = ["-" if math.isnan(value) else f"{value:.{n}f}" for value, n in zip(numbers, decimals, strict=True)]
    return _line((row.what, row.engine, row.precision, *shown))


def _line(cells: tuple[str, ...]) -> str:
    """Words to the left, numbers to the right."""
    padded = [cell.ljust(width) for cell, width in zip(cells[:N_WORDS], WIDTHS, strict=False)]
    padded += [cell.rjust(width) for cell, width in zip(cells[N_WORDS:], WIDTHS[N_WORDS:], strict=False)]
    return "".join(padded)
