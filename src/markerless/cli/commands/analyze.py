"""`markerless analyze`: trajectories of videos."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from markerless.cli import options, progress
from markerless.cli.method_lines import method_lines

if TYPE_CHECKING:
    from markerless.pipeline.analyze import Analysis, AnalyzeSettings

USER_ERROR = 2


@dataclass(frozen=True)
class Options:
    """What the user asked for beside project and videos."""

    run_name: str | None
    out: Path | None
    start: float | None
    stop: float | None
    crop: tuple[int, int, int, int] | None
    assignments: tuple[str, ...]
    as_json: bool


@click.command()
@options.project_argument
@click.argument("videos", nargs=-1, required=True, metavar="VIDEO...")
@options.run_option
@options.out_option
@options.start_option
@options.stop_option
@options.crop_option
@options.set_option
@options.json_option
@options.gathered("wanted", Options)
def command(project: Path, videos: tuple[str, ...], wanted: Options) -> int:
    """Find every keypoint in every frame of videos.

    PROJECT is the project folder, its config.yaml, or the folder of a run. VIDEO is a file, a folder (all videos in
    it, or the images in it as one video) or a glob.

    Writes <video><scorer>.h5 and .csv, as DeepLabCut does, and .nc, beside each video or to --out. An interrupted
    analysis goes on where it was when the same command is given again; results that are up to date stay as they are.
    """
    from markerless.pipeline.analyze import analyze
    from markerless.pipeline.which_run import project_or_run

    settings = _settings(wanted)
    with progress.bar("analyzing", unit="frames") as report:
        results = analyze(
            project_or_run(project), videos, settings, run=wanted.run_name, out=wanted.out, progress=report
        )
    if wanted.as_json:
        options.echo_json({"videos": [_as_plain(result) for result in results]})
    else:
        _print(results)
    return USER_ERROR if any(result.status == "failed" for result in results) else 0


def _settings(wanted: Options) -> AnalyzeSettings:
    from markerless import config
    from markerless.pipeline.analyze import AnalyzeSettings

    values: dict[str, Any] = {}
    values |= config.parse_assignments(wanted.assignments, {"analyze": AnalyzeSettings})["analyze"]
    given = {"start_s": wanted.start, "stop_s": wanted.stop, "crop": wanted.crop}
    values |= {key: value for key, value in given.items() if value is not None}
    return config.load("analyze", AnalyzeSettings, values)


def _print(results: list[Analysis]) -> None:
    for result in results:
        _print_video(result)
    failed = [result for result in results if result.status == "failed"]
    good = [result for result in results if result.status != "failed"]
    if good:
        how = good[0].provenance
        click.echo(f"run {how['run']}, engine {how['engine']} {how['engine_version']}, precision {how['precision']}")
        for line in method_lines(how["measured"], good[0].speed_up, good[0].fallback_share):
            click.echo(line)
        click.echo(f"likelihood: {how['likelihood_definition']}")
    for result in failed:
        click.echo(f"failed: {result.video}: {result.error}", err=True)
    if good:
        options.echo_written(*(file for result in good for file in result.files))


def _print_video(result: Analysis) -> None:
    if result.status == "failed":
        return
    speed = f"{result.rate:.1f} frames/s" if result.status == "analyzed" else "up to date, nothing to do"
    click.echo(f"{result.video}: {result.n_frames} frames, {speed}")
    if math.isfinite(result.measuring_s):
        seconds = f"{result.measuring_s:.1f} s"
        click.echo(f"  measured beforehand what is fastest here: {seconds}, once for this network and size of frames")
    if "expected_error" in result.provenance:
        errors = result.provenance["expected_error"]
        median, p95 = f"{errors['median_px']:.1f} px", f"{errors['p95_px']:.1f} px"
        click.echo(f"  expected error: median {median}, 95 % of the points below {p95}")
    for note in result.notes:
        click.echo(f"  note: {note}")


def _as_plain(result: Analysis) -> dict[str, Any]:
    return {
        "video": result.video,
        "status": result.status,
        "files": result.files,
        "n_frames": result.n_frames,
        "n_broken": result.n_broken,
        "notes": result.notes,
        "error": result.error,
        "frames_per_second": result.rate,
        "provenance": result.provenance,
    }
