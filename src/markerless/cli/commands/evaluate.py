"""`markerless evaluate`: errors of a run, or of any tool's predictions, against labels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import click

from markerless.cli import options, progress


@dataclass(frozen=True)
class Options:
    """What the user asked for beside the project."""

    run_name: str | None
    labels: Path | None
    predictions: Path | None
    split: Path | None
    as_json: bool


@click.command()
@options.project_argument
@options.run_option
@click.option("--labels", type=options.PATH, metavar="OTHER", help="Measure on this project, folder or label table.")
@click.option("--predictions", type=options.PATH, metavar="FILE", help="Measure this file, of any tool, not a run.")
@click.option("--split", type=options.PATH, metavar="FILE", help="With --predictions: report by the parts of a split.")
@options.json_option
@options.gathered("wanted", Options)
def command(project: Path, wanted: Options) -> None:
    """Measure how far predictions are from the labels of PROJECT, in pixels.

    Without --labels and --predictions, also writes evaluation.json and report.html into the run's folder.
    """
    from markerless.errors import SettingsError
    from markerless.pipeline.evaluate import EvaluateRequest, evaluate

    if wanted.predictions is not None and wanted.labels is not None:
        raise SettingsError("--labels measures a run, --predictions a file; give one of them")
    if wanted.split is not None and wanted.predictions is None:
        raise SettingsError("--split goes with --predictions; a run is measured on the split it was trained with")
    request = EvaluateRequest(wanted.run_name, wanted.labels, wanted.predictions, wanted.split)
    with progress.bar("evaluating", unit="frames") as report:
        result = evaluate(project, request, report)
    if wanted.as_json:
        options.echo_json(result.to_json())
        return
    click.echo(f"{result.run} on {result.labels}; animal size {result.animal_size_px:.0f} px")
    for line in result.lines():
        click.echo(line)
    if result.report is not None:
        options.echo_written(result.report)
