"""`markerless outliers`: suspicious moments of analyzed videos, and which frames to label next."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from markerless.cli import options
from markerless.cli.outcomes import Words, tell

if TYPE_CHECKING:
    from markerless.analysis.moments import Moment
    from markerless.pipeline.outliers import OutlierRequest, VideoOutliers

MOST_SHOWN = 20


@dataclass(frozen=True)
class Asked:
    """What the options say."""

    run_name: str | None
    tracks: tuple[Path, ...]
    n: int
    list_only: bool

    def request(self) -> OutlierRequest:
        from markerless.pipeline.outliers import OutlierRequest

        if self.run_name is not None and self.tracks:
            raise click.UsageError("--run and --tracks both say whose tracks are looked at; give one of them")
        return OutlierRequest(self.n, self.run_name, self.tracks, self.list_only)


@click.command()
@options.project_argument
@click.argument("videos", nargs=-1, required=True, metavar="VIDEO...")
@options.run_option
@click.option(
    "--tracks",
    type=options.PATH,
    multiple=True,
    metavar="FILE",
    help="Trajectories of any tool; default: ours, beside the video. Repeated: several runs, for their disagreement.",
)
@click.option(
    "-n", type=click.IntRange(1, 10_000), default=20, show_default=True, help="Frames of each video to label."
)
@click.option("--list", "list_only", is_flag=True, help="Only list moments and frames; extract nothing.")
@options.json_option
@options.gathered("asked", Asked)
def command(project: Path, videos: tuple[str, ...], asked: Asked, as_json: bool) -> int:
    """Find suspicious moments of analyzed videos, and extract frames of them for labeling.

    Suspicious are low confidence, large expected errors, missing points, jumps, limbs of impossible length and
    unusual poses. The chosen frames differ in time and pose; they go to labeled-data/<video>/, with the predictions
    as starting labels. VIDEO is a file, a folder, a glob, or the name of a video of PROJECT.
    """
    from markerless.pipeline.outliers import outliers
    from markerless.project import Project

    words = Words("videos", _as_plain, lambda result: str(result.video), _show, lambda result: result.written)
    return tell(outliers(Project(project), videos, asked.request()), words, as_json)


def _show(result: VideoOutliers) -> None:
    if result.outliers is None or result.tracks is None:
        return
    moments = result.outliers.ranked
    click.echo(f"{result.video}: {result.tracks.n_frames} frames, {len(moments)} suspicious moments ({result.source})")
    for moment in moments[:MOST_SHOWN]:
        click.echo(f"  {_frames(moment):>15}  {moment.words}{_also(moment)}")
    if len(moments) > MOST_SHOWN:
        click.echo(f"  {len(moments) - MOST_SHOWN} more; --json lists all, and the review page of 'markerless app'")
    if result.chosen:
        click.echo(f"  frames worth labeling: {', '.join(str(frame) for frame in result.chosen)}")
    for note in result.notes:
        click.echo(f"  note: {note}")


def _frames(moment: Moment) -> str:
    return f"{moment.start}" if moment.n_frames == 1 else f"{moment.start}-{moment.stop - 1}"


def _also(moment: Moment) -> str:
    return "".join(f"; {words}" for _, words in moment.also)


def _as_plain(result: VideoOutliers) -> dict[str, Any]:
    from markerless.pipeline.outliers import said

    found, tracks = result.outliers, result.tracks
    return {
        "video": result.video,
        "tracks": result.source,
        "n_frames": tracks.n_frames if tracks is not None else None,
        "n_found": dict(found.n_found) if found is not None else {},
        "moments": [said(moment, tracks.skeleton) for moment in found.ranked] if found and tracks else [],
        "frames": list(result.chosen),
        "pictures": list(result.pictures),
        "files": list(result.written),
        "notes": list(result.notes),
        "error": result.error or None,
    }
