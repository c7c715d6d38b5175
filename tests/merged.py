"""Studies to be merged, with pictures that can be told apart; for tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path

import numpy as np

from markerless.core.instance import FloatArray, Instance
from markerless.core.labels import LabeledFrame, Labels
from markerless.core.skeleton import Skeleton
from markerless.project import NewProject, Project, create_project
from markerless.project.label_files import table_name
from markerless.project.label_writing import write_table
from markerless.video.images import write_image

NAMES = ("nose", "left ear", "right ear")
ONE = "individual_0"
Place = Callable[[int, int], tuple[float, float]]  # frame and keypoint -> where it is labeled


def usual(frame: int, keypoint: int) -> tuple[float, float]:
    return 5.0 + frame + 7 * keypoint, 9.0 + 2 * keypoint


def moved(by: float) -> Place:
    """Everything lies to the right of where it usually is."""
    return lambda frame, keypoint: (usual(frame, keypoint)[0] + by, usual(frame, keypoint)[1])


def film_picture(film: int, frame: int) -> np.ndarray:
    """What frame `frame` of a film looks like; every film is another one."""
    return np.random.default_rng([film, frame]).integers(0, 255, (32, 48, 3), dtype=np.uint8)


def empty_study(folder: Path, name: str, scorer: str, keypoints: Sequence[str] = NAMES) -> Project:
    return create_project(NewProject(name, scorer, tuple(keypoints), day=date(2026, 3, 5)), folder)


def label(
    study: Project, folder: str, frames: Sequence[int], film: int = 1, place: Place = usual, scorer: str = ""
) -> None:
    """Pictures of some frames of a film in `labeled-data/<folder>`, and somebody's labels of them in tables alone."""
    scorer = scorer or study.scorer
    rows = []
    for frame in frames:
        image = f"labeled-data/{folder}/img{frame:03d}.png"
        write_image(study.root / image, film_picture(film, frame))
        xy = [place(frame, keypoint) for keypoint in range(study.skeleton.n_keypoints)]
        rows.append(LabeledFrame(image, (Instance.from_xy(xy),), scorer))
    labels = Labels(Skeleton(study.skeleton.keypoints), tuple(rows))
    write_table(study.root / "labeled-data" / folder, table_name(scorer), labels)


def file_of_film(film: int) -> bytes:
    """What stands for the video file: only its fingerprint is looked at."""
    return np.random.default_rng(film).bytes(5000)


def add_film(study: Project, name: str, film: int) -> None:
    (study.root / "videos" / name).write_bytes(file_of_film(film))


def points(study: Project, table: str, folder: str) -> Mapping[tuple[str, str], tuple[float, ...]]:
    """Picture and keypoint -> where one table has it."""
    (found,) = [one for one in study.label_tables(folder) if one.name == table_name(table)]
    labels = found.read()
    xy: FloatArray = labels.xy()[:, 0]
    return {
        (image.rpartition("/")[2], keypoint): tuple(xy[f, k].tolist())
        for f, image in enumerate(labels.images)
        for k, keypoint in enumerate(labels.skeleton.keypoints)
        if np.isfinite(xy[f, k]).all()
    }


def contents(root: Path) -> dict[str, bytes]:
    files = (path for path in sorted(root.rglob("*")) if path.is_file() and path.suffix != ".lock")
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in files}
