"""Predictions as starting labels of extracted frames, in the files that DeepLabCut keeps them in.

`labeled-data/<video>/machinelabels-iter<N>.h5` and `machinelabels.csv`: a prediction table whose rows are pictures.
N is `iteration` in config.yaml. DeepLabCut's labeling programs show these points until a person decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from markerless.core.tracks import Tracks
from markerless.formats import dlc
from markerless.project import Project
from markerless.project.label_files import DATA_FOLDER

IMAGES = "images"  # of the provenance: names of the rows


def write_machine_labels(project: Project, folder: str, tracks: Tracks, pictures: Mapping[int, str]) -> list[Path]:
    """Keep the predictions of some frames; rows of other pictures that are in the files already stay.

    Args:
        project: The study.
        folder: Name in `labeled-data`.
        tracks: The video's.
        pictures: Frame -> name of its picture in the folder.

    Raises:
        StorageError: a file cannot be written.
        FormatError: the files that are there cannot be read.
    """
    home = project.root / DATA_FOLDER / folder
    files = [home / f"{name_of(project)}.h5", home / "machinelabels.csv"]
    rows = {f"{DATA_FOLDER}/{folder}/{name}": frame for frame, name in pictures.items()}
    new = _rows(tracks, rows)
    if files[0].is_file():
        new = _with_others(new, dlc.read(files[0]))
    for file in files:
        dlc.write(new, file)
    return files


def name_of(project: Project) -> str:
    """Name of the h5 without its suffix."""
    try:
        iteration = int(project.config.get("iteration") or 0)
    except (TypeError, ValueError):
        iteration = 0
    return f"machinelabels-iter{iteration}"


def _rows(tracks: Tracks, rows: Mapping[str, int]) -> Tracks:
    frames = list(rows.values())
    return replace(
        tracks, points=tracks.points[frames], score=tracks.score[frames], error=None, provenance={IMAGES: list(rows)}
    )


def _with_others(new: Tracks, old: Tracks) -> Tracks:
    """`new` and the rows of `old` that it does not have; none when they are of other keypoints or animals."""
    if (old.skeleton.keypoints, old.individuals) != (new.skeleton.keypoints, new.individuals):
        return new
    mine = set(new.provenance[IMAGES])
    kept = [row for row, image in enumerate(old.provenance.get(IMAGES, [])) if image not in mine]
    images = [*(old.provenance[IMAGES][row] for row in kept), *new.provenance[IMAGES]]
    order = sorted(range(len(images)), key=lambda row: str(images[row]))
    points = np.concatenate([old.points[kept], new.points])[order]
    score = np.concatenate([old.score[kept], new.score])[order]
    return replace(new, points=points, score=score, provenance={IMAGES: [images[row] for row in order]})
