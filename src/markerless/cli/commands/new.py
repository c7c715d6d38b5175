"""`markerless new`: make a study."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import click

from markerless.cli import options


@dataclass(frozen=True)
class Options:
    """What the user asked for beside the name and the videos."""

    scorer: str
    keypoints: str
    parent: Path
    labels: Path | None
    images: Path | None
    copy: bool
    as_json: bool


@click.command()
@click.argument("name")
@click.argument("videos", metavar="[VIDEO]...", nargs=-1)
@click.option("--scorer", default="", metavar="S", help="Who labels; with --labels, the scorer named there.")
@click.option(
    "--keypoints", default="", metavar="A,B,C", help="Body parts to measure; with --labels, those named there."
)
@click.option(
    "--dir",
    "parent",
    type=options.PATH,
    default=Path(),
    metavar="DIR",
    help="Where to make the project folder; default: here.",
)
@click.option(
    "--labels", type=options.PATH, metavar="FILE", help="Make it of this label table (DeepLabCut, Lightning Pose)."
)
@click.option(
    "--images", type=options.PATH, metavar="DIR", help="Where the pictures of --labels are; default: beside it."
)
@click.option("--copy", is_flag=True, help="Copy the videos instead of linking them.")
@options.json_option
@options.gathered("wanted", Options)
def command(name: str, videos: tuple[str, ...], wanted: Options) -> None:
    """Make a project called NAME, with videos or of labels that exist already.

    The folder is NAME-SCORER-DATE; DeepLabCut opens it too. An existing folder is never overwritten.
    """
    from markerless.errors import SettingsError
    from markerless.pipeline.new import NewRequest, new
    from markerless.project import LabelSource, NewProject

    if wanted.images is not None and wanted.labels is None:
        raise SettingsError("--images tells where the pictures of --labels are; give --labels FILE as well")
    keypoints = tuple(part.strip() for part in wanted.keypoints.split(",")) if wanted.keypoints.strip() else ()
    source = LabelSource(wanted.labels, wanted.images) if wanted.labels is not None else None
    request = NewRequest(wanted.parent, videos, source, wanted.copy)
    project = new(NewProject(name, wanted.scorer.strip(), keypoints), request)
    labels = project.labels() if source is not None else None
    if wanted.as_json:
        options.echo_json(
            {
                "project": project.root,
                "config": project.config_path,
                "keypoints": project.skeleton.keypoints,
                "videos": project.videos(),
                "n_frames": 0 if labels is None else len(labels),
                "n_points": 0 if labels is None else labels.n_points,
            }
        )
        return
    click.echo(f"keypoints: {', '.join(project.skeleton.keypoints)}")
    for video in project.videos():
        click.echo(f"video: {video.name}")
    if labels is not None:
        click.echo(f"labels: {len(labels)} frames, {labels.n_points} points; see 'markerless check {project.root}'")
    options.echo_written(project.root)
