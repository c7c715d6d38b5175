"""Labels from wherever they are: a project, a label table beside its pictures, or a folder that holds one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from markerless.core.labels import Labels
from markerless.errors import LabelsError
from markerless.formats._sniff import open_labels
from markerless.project import Project
from markerless.project.create import LabelSource, find_pictures

TABLE_SUFFIXES = (".csv", ".h5")


def labels_of(path: Path) -> Labels:
    """Labels with their pictures.

    Args:
        path: A project (folder or config.yaml), a file of labels of any tool, or a folder with one label table.

    Raises:
        LabelsError: no label table, several of them, or pictures missing.
        ProjectError: a project that cannot be opened.
    """
    if path.name == "config.yaml" or (path / "config.yaml").is_file():
        return Project(path).labels()
    table = path if path.is_file() else _table_in(path)
    labels = open_labels(table)
    pictures = find_pictures(labels, LabelSource(table))
    return replace(labels, frames=tuple(replace(frame, path=pictures[frame.image]) for frame in labels.frames))


def _table_in(folder: Path) -> Path:
    if not folder.is_dir():
        raise LabelsError(f"no labels at {folder}: expected a project, a label table (csv, h5) or a folder with one")
    tables = sorted(
        entry for entry in folder.iterdir() if entry.suffix in TABLE_SUFFIXES and not entry.name.startswith(".")
    )
    stems = {table.stem for table in tables}
    if not tables:
        raise LabelsError(f"no label table in {folder}: expected a project, or a folder with one csv or h5")
    if len(stems) > 1:
        raise LabelsError(f"several label tables in {folder} ({', '.join(sorted(stems))}); name the one to measure on")
    return next((table for table in tables if table.suffix == ".h5"), tables[0])
