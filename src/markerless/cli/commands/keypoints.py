"""`markerless keypoints`: add, remove, rename and reorder the keypoints of a study."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from markerless.cli import options

if TYPE_CHECKING:
    from markerless.project import Project
    from markerless.project.keypoints import Changed

_TWO: dict[str, Any] = {"nargs": 2, "multiple": True, "metavar": "A B"}


@click.command()
@options.project_argument
@click.option("--add", multiple=True, metavar="NAME", help="A new keypoint; one that was removed gets its labels back.")
@click.option("--remove", multiple=True, metavar="NAME", help="Remove a keypoint; the journal keeps its labels.")
@click.option("--rename", nargs=2, multiple=True, metavar="OLD NEW", help="Rename a keypoint, its labels and in runs.")
@click.option("--order", metavar="A,B,C", help="All keypoints in their new order, by their new names.")
@click.option("--edge", "edges", help="Draw a line between two keypoints.", **_TWO)
@click.option("--no-edge", "no_edges", help="Draw it no more.", **_TWO)
@click.option("--mirror", help="Two keypoints are the left and right of the animal.", **_TWO)
@click.option("--no-mirror", help="They are not.", **_TWO)
@options.json_option
def command(project: Path, as_json: bool, **steps: Any) -> None:
    """Change the keypoints of PROJECT; its labels and runs go along. Without options, list them."""
    from markerless.pipeline.keypoints import KeypointsRequest, keypoints
    from markerless.project import Project

    order = steps.pop("order")
    names = None if order is None else [name.strip() for name in order.split(",")]
    request = KeypointsRequest(rename=dict(steps.pop("rename")), order=names, **steps)
    if request.is_empty:
        _list(Project(project), as_json)
        return
    done = keypoints(project, request)
    if as_json:
        options.echo_json(asdict(done))
        return
    for line in _told(done):
        click.echo(line)
    options.echo_written(Project(project).config_path)


def _list(study: Project, as_json: bool) -> None:
    from markerless.pipeline.keypoints import label_counts

    counts, skeleton = label_counts(study), study.skeleton
    edges, mirrored = skeleton.names_of(skeleton.edges), skeleton.names_of(skeleton.mirror_pairs)
    if as_json:
        rows = [{"name": name, "labeled": n} for name, n in counts.items()]
        options.echo_json({"keypoints": rows, "edges": edges, "mirror_pairs": mirrored})
        return
    width = max(len(name) for name in counts)
    for name, n in counts.items():
        click.echo(f"{name:{width}}  {n} labeled")
    click.echo(f"edges: {', '.join('-'.join(pair) for pair in edges) or 'none'}")
    click.echo(f"mirror pairs: {', '.join('/'.join(pair) for pair in mirrored) or 'none'}")


def _told(done: Changed) -> list[str]:
    lines = [f"keypoints: {', '.join(done.keypoints)}"]
    kept = "points stay in the journal, and --add brings them back"
    lines += [f"  {name} removed; its {n} {kept}" for name, n in done.kept.items()]
    lines += [f"  {name} added" + (f", {n} points brought back" if n else "") for name, n in done.restored.items()]
    if done.n_frames:
        lines.append(f"  {done.n_frames} labeled frames went along")
    if done.runs:
        lines.append(f"  renamed in runs: {', '.join(done.runs)}; 'markerless evaluate' writes their reports anew")
    return lines + [f"  {note}" for note in done.notes]
