"""Several studies as one: the verb `merge`."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from markerless.core.progress import Progress, silent
from markerless.core.storage import write_text
from markerless.errors import ProjectError
from markerless.project import Project
from markerless.project.merge import merge_projects, preview_merge
from markerless.project.merge_plan import Merge
from markerless.project.merge_side import Side
from markerless.project.merge_table import FILE_NAME, HEADER, conflict_table


@dataclass(frozen=True)
class MergeRequest:
    """How studies are merged.

    Attributes:
        dry_run: Say what would be done, and write nothing into the study.
        copy: Copy videos instead of linking them.
        conflicts: Where the table of conflicts goes; None for `merge-conflicts.csv` in the study, or nowhere when it is
            a dry run.
    """

    dry_run: bool = False
    copy: bool = False
    conflicts: Path | None = None


@dataclass(frozen=True)
class MergeResult:
    """What a merge did, or would do.

    Attributes:
        into: The study.
        merge: Everything about it.
        table: The table of conflicts that was written; None without one.
        dry_run: Whether nothing was written into the study.
    """

    into: Path
    merge: Merge
    table: Path | None
    dry_run: bool

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        before, after = self.merge.before, self.merge.after
        apart = [conflict.distance_px for conflict in self.merge.conflicts]
        known = [distance for distance in apart if np.isfinite(distance)]
        return {
            "into": str(self.into),
            "dry_run": self.dry_run,
            "changed": not self.merge.is_nothing,
            "before": _counts(before),
            "after": _counts(after),
            "keypoints_added": [name for name in after.keypoints if name not in before.keypoints],
            "videos": [
                {"project": name, "video": match.name, "into": match.into, "same_by": match.by or None}
                for name, found in self.merge.matched
                for match in found
            ],
            "n_pictures_copied": len(self.merge.new_pictures),
            "n_conflicts": len(apart),
            "conflict_px": {"median": float(np.median(known)), "max": max(known)} if known else None,
            "conflicts": [
                {
                    "project": one.project,
                    "image": one.image,
                    "individual": one.individual,
                    "keypoint": one.keypoint,
                    "distance_px": one.distance_px,
                    "what": one.what,
                    "kept": one.kept,
                    "labelers": one.labelers,
                    "points": [said.to for said in one.points],
                }
                for one in self.merge.conflicts
            ],
            "table": str(self.table) if self.table is not None else None,
            "notes": list(self.merge.notes),
        }


def merge(
    into: Project | Path | str,
    others: Sequence[Project | Path | str],
    request: MergeRequest | None = None,
    progress: Progress = silent,
) -> MergeResult:
    """Take the videos, frames, keypoints and labels of other studies into one.

    Videos are told apart by what is in them, frames by their pictures, keypoints by their names. Everybody's labels
    stay in a table of their own; where one person has labeled a point differently in two studies, that of `into` stays,
    and the other one is in the table of conflicts and in the journal. The other studies are only read. Merging again
    changes nothing.

    Args:
        into: The study that takes everything in.
        others: Studies that are merged into it.
        request: Whether to write, and how.
        progress: Told of every picture that is compared.

    Raises:
        ProjectError: no such project, one is named twice, they are not of the same kind, or `request.conflicts` is a
            file of another kind. Nothing is changed.
        LabelsError: a table is malformed, or its CSV is newer and differs. Nothing is changed.
        StorageError: a file cannot be written.
    """
    request = request or MergeRequest()
    if not others:
        raise ProjectError("expected projects to merge, got none; name them behind the one that takes them in")
    table = request.conflicts
    if table is not None and table.is_dir():
        raise ProjectError(f"expected a file for the table of conflicts, got the folder {table}; name a file in it")
    if table is not None:
        _require_table(table)
    study = into if isinstance(into, Project) else Project(into)
    sources = [other if isinstance(other, Project) else Project(other, finish=False) for other in others]
    own = study.root / FILE_NAME
    if request.dry_run:
        made = preview_merge(study, sources, progress)
    else:
        made = merge_projects(study, sources, lambda one: _tables(own, table, one), request.copy, progress)
    if table is not None and (request.dry_run or made.is_nothing):
        write_text(table, conflict_table(made.conflicts))
    elif table is None and made.conflicts and not (request.dry_run or made.is_nothing):
        table = own
    return MergeResult(study.root, made, table, request.dry_run)


def _require_table(path: Path) -> None:
    """Have nothing but a table of conflicts be overwritten: somebody may point at the labels, or at config.yaml.

    Raises:
        ProjectError: there is another file.
    """
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            head = file.read(len(HEADER[0]))
    except OSError:
        return  # there is none; whether one can be written is told by whoever writes it
    if head not in ("", HEADER[0]):
        raise ProjectError(f"expected no file or a table of conflicts at {path}, got another file; name a new one")


def _tables(own: Path, elsewhere: Path | None, made: Merge) -> Mapping[Path, str]:
    """The table in the study; one that is asked for elsewhere is written at once, before anything is changed."""
    if elsewhere is not None:
        write_text(elsewhere, conflict_table(made.conflicts))
        return {}
    if not made.conflicts:
        return {}
    try:  # a spreadsheet may have saved it in another encoding
        earlier = own.read_text(encoding="utf-8", errors="replace") if own.is_file() else ""
        return {own: conflict_table(made.conflicts, earlier)}
    except (OSError, csv.Error) as error:
        raise ProjectError(f"cannot go on with the table {own} ({error}); move it elsewhere") from error


def _counts(side: Side) -> dict[str, Any]:
    images = {image for folder in side.folders.values() for table in folder.tables.values() for image in table.images}
    return {
        "n_videos": len(side.videos),
        "n_frames": len(images),
        "n_points": sum(side.points.values()),
        "n_keypoints": len(side.keypoints),
        "points_by": side.points,
    }
