"""`markerless views`: which videos, or parts of pictures, show the same scene."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from markerless.cli import options
from markerless.cli.progress import bar

if TYPE_CHECKING:
    from markerless.pipeline.views import Session, ViewsReport


@click.command()
@options.project_argument
@click.argument("source", metavar="[CALIBRATION]", type=options.PATH, required=False)
@click.option(
    "--videos",
    multiple=True,
    metavar="NAME",
    help="Names of the cameras' videos, such as '{session}_{camera}'; {session} where several ran together.",
)
@click.option("--extract", "with_pictures", is_flag=True, help="Make pictures of the same moments in all views.")
@options.json_option
def command(project: Path, source: Path | None, videos: tuple[str, ...], with_pictures: bool, as_json: bool) -> int:
    """Say which videos of PROJECT belong together as views of the same scene, or show it.

    CALIBRATION is of the cameras, or a file of views in one picture (mirrors); a copy is kept in PROJECT. Then the
    label page suggests labels from the other views, and `check` finds labels that disagree.
    """
    from markerless.pipeline.views import set_views, views

    if videos and source is None:
        raise click.UsageError("--videos says how the videos of a CALIBRATION are named; give it as well")
    written = set_views(project, source, videos) if source is not None else []
    with bar("extracting", "frames") as progress:
        report = views(project, with_pictures, progress)
    if as_json:
        options.echo_json({**asdict(report), "written": written})
    else:
        for line in _told(report):
            click.echo(line)
        for one in report.extracted:
            if one.error:
                click.echo(f"error: {one.video.name}: {one.error}", err=True)
        folders = [one.folder for one in report.extracted if one.frames]
        if written or folders:
            options.echo_written(*written, *folders)
    return 2 if any(one.error for one in report.extracted) else 0


def _told(report: ViewsReport) -> list[str]:
    cameras = "calibrated" if report.calibrated else "found from the labels"
    lines = [f"views: {', '.join(report.views)} ({cameras}); {len(report.keypoints)} keypoints in two or more of them"]
    lines += [_session(session) for session in report.sessions]
    if report.error_px:
        told = ", ".join(f"{name} {error:.1f} px" for name, error in report.error_px.items())
        basis = (
            f"learned from {report.n_points} points in two views" if report.n_points else "too few labels to learn it"
        )
        lines.append(f"expected error of a label: {told} ({basis})")
    for one in report.extracted:
        if one.frames:
            lines.append(f"{one.video.name}: {len(one.frames)} pictures made")
        lines += [f"{one.video.name}: {note}" for note in one.notes]
    return lines + [f"note: {note}" for note in report.notes]


def _session(session: Session) -> str:
    folders = ", ".join(f"{view}={folder}" for view, folder in session.folders.items())
    missing = ", ".join(f"{len(frames)} in {view}" for view, frames in session.missing.items() if frames)
    lacks = f"; not yet pictures: {missing} (--extract makes them)" if missing else ""
    return f"session {folders}: {session.n_moments} moments, {session.n_shared} in two or more views{lacks}"
