"""`markerless merge`: several studies as one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from markerless.cli import options, progress

if TYPE_CHECKING:
    from markerless.pipeline.merge import MergeResult
    from markerless.project.merge_labels import Conflict

MOST_CONFLICTS = 10
WORDS = {"into": "its own stays", "other": "the other is shown"}


@click.command()
@click.argument("into", type=options.PATH)
@click.argument("others", nargs=-1, required=True, type=options.PATH, metavar="OTHER...")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and write nothing into INTO.")
@click.option("--copy", is_flag=True, help="Copy videos instead of linking them.")
@click.option(
    "--conflicts",
    type=options.PATH,
    metavar="FILE",
    help="Where the table of conflicts goes; default: merge-conflicts.csv in INTO.",
)
@options.json_option
def command(
    into: Path, others: tuple[Path, ...], as_json: bool, dry_run: bool, copy: bool, conflicts: Path | None
) -> None:
    """Take the videos, frames and labels of other projects into the project INTO; the others are only read."""
    from markerless.pipeline.merge import MergeRequest, merge

    with progress.bar("merge") as bar:
        result = merge(into, others, MergeRequest(dry_run, copy, conflicts), bar)
    if as_json:
        options.echo_json(result.to_json())
        return
    for line in _told(result):
        click.echo(line)
    written = [
        *([] if dry_run or result.merge.is_nothing else [result.into]),
        *([result.table] if result.table else []),
    ]
    if written:
        options.echo_written(*written)


def _told(result: MergeResult) -> list[str]:
    told = result.to_json()
    before, after = told["before"], told["after"]
    lines = [
        f"{what}: {before[key]} -> {after[key]}"
        for what, key in (("videos", "n_videos"), ("labeled frames", "n_frames"), ("points", "n_points"))
    ]
    old = before["points_by"]
    lines += [f"  of {who}: {old.get(who, 0)} -> {n} points" for who, n in after["points_by"].items()]
    if told["keypoints_added"]:
        lines.append(f"keypoints added: {', '.join(told['keypoints_added'])}")
    lines += [_video_line(video) for video in told["videos"]]
    if told["n_pictures_copied"]:
        lines.append(f"pictures copied: {told['n_pictures_copied']}")
    lines += _conflict_lines(result)
    lines += [f"note: {note}" for note in told["notes"]]
    if result.merge.is_nothing:
        lines.append("everything is there already; nothing was changed")
    elif result.dry_run:
        lines.append("nothing was changed: this was a dry run")
    return lines


def _video_line(video: dict[str, str | None]) -> str:
    name = f"{video['project']}/{video['video']}"
    if video["same_by"] is None:
        return f"{name}: new, as {video['into']}"
    how = {"fingerprint": "the file", "pictures": "the pictures", "frames": "its frames", "labels": "the labels"}[
        video["same_by"]
    ]
    return f"{name}: the same as {video['into']}, by {how}"


def _conflict_lines(result: MergeResult) -> list[str]:
    from markerless.project.merge_table import ranked

    conflicts = result.merge.conflicts
    if not conflicts:
        return ["no point is labeled differently"]
    apart = result.to_json()["conflict_px"]
    distances = f", {apart['median']:.1f} px apart (median), {apart['max']:.1f} px at most" if apart else ""
    lines = [f"labeled differently: {len(conflicts)} points{distances}; no label is lost"]
    lines += [f"  {_conflict_line(one)}" for one in ranked(conflicts)[:MOST_CONFLICTS]]
    if len(conflicts) > MOST_CONFLICTS:
        where = "the table" if result.table is not None else "--json"
        lines.append(f"  {len(conflicts) - MOST_CONFLICTS} more; {where} lists all")
    return lines


def _conflict_line(one: Conflict) -> str:
    from markerless.project.merge_table import SEEN

    animal = "" if one.individual == "individual_0" else f" ({one.individual})"
    who = " and ".join(dict.fromkeys(name for name in one.labelers if name))
    apart = f"{one.distance_px:.1f} px" if one.distance_px == one.distance_px else ""
    seen = f"{SEEN[one.points[0].visibility]} here, {SEEN[one.points[1].visibility]} in {one.project}"
    return f"{one.image}{animal} {one.keypoint}: {apart or seen}, by {who}; {WORDS[one.kept]}"
