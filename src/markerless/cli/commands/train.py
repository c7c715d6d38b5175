"""`markerless train`: teach a network from a project's labels."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import click

from markerless.cli import options, progress


@dataclass(frozen=True)
class Options:
    """What the user asked for beside the project."""

    run_name: str | None
    start_from: str | None
    split: Path | None
    use_all: bool
    minutes: float | None
    assignments: tuple[str, ...]
    as_json: bool


@click.command()
@options.project_argument
@click.option("--run", "run_name", metavar="NAME", help="Name of the run; default: resume, else run1, run2, ...")
@click.option("--from", "start_from", metavar="RUN", help="Adapt this run to new frames.")
@click.option("--split", type=options.PATH, metavar="FILE", help="JSON with train, validation, test; or a DLC shuffle.")
@click.option("--all", "use_all", is_flag=True, help="Train on every labeled frame, keep none for the test.")
@click.option("--minutes", type=click.FloatRange(min=0.5), help="Time to use up; default: at most 10, with --from 3.")
@options.set_option
@options.json_option
@options.gathered("wanted", Options)
def command(project: Path, wanted: Options) -> None:
    """Train a network on the labels of PROJECT.

    The same command goes on with an interrupted training. The result is in PROJECT/runs/NAME: model.onnx, the
    checkpoint, the split, metrics.csv, evaluation.json and report.html.
    """
    from markerless.config import parse_assignments
    from markerless.errors import SettingsError
    from markerless.pipeline.evaluate import evaluate
    from markerless.pipeline.train import notes, train
    from markerless.pipeline.training_plan import GROUPS, TrainRequest
    from markerless.project import Project

    if wanted.use_all and wanted.split is not None:
        raise SettingsError("--all and --split exclude each other: --all keeps no frame for the test; give one of them")
    study = Project(project)
    for note in study.notes:
        _tell(note)
    settings = parse_assignments(wanted.assignments, GROUPS)
    request = TrainRequest(wanted.run_name, wanted.start_from, "all" if wanted.use_all else wanted.split)
    with progress.bar("training", unit="steps") as report:
        run = train(study, wanted.minutes, request, settings, report, _tell)
    with progress.bar("evaluating", unit="frames") as report:
        result = evaluate(run, progress=report)
    if wanted.as_json:
        options.echo_json({"run": run.name, "folder": run.folder, "evaluation": result.to_json()})
        return
    for line in [*notes(run), *result.lines()]:
        click.echo(line)
    options.echo_written(run.folder)


def _tell(note: str) -> None:
    """A note on stderr; above the bar where one is drawn, into whose line `click.echo` would write."""
    print(f"note: {note}", file=sys.stderr)
