"""Studies whose keypoints are changed, and what is known of them then; for tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from markerless.core.instance import Visibility
from markerless.core.labels import LabeledFrame, Labels
from markerless.core.skeleton import Skeleton
from markerless.project import Project
from markerless.project.keypoints import change_keypoints, plan
from markerless.project.label_book import LabelBook, PointChange

ONE = "individual_0"
VIDEO = "day one"


def changed(study: Project, **steps: Any) -> Project:
    """The study after some steps, opened again."""
    change_keypoints(study, plan(study, **steps))
    return Project(study.root)


def points(study: Project, name: str) -> list[list[float]]:
    return study.labels().xy()[:, 0, study.skeleton.index(name)].tolist()


def say(
    study: Project, picture: str, keypoint: str, to: tuple[float, float] | None, seen: Visibility, id_: str
) -> None:
    """What a person does in the browser; it is in the journal alone."""
    book = LabelBook(study, VIDEO)
    now = book.frame(picture).get(ONE, {}).get(keypoint)
    was = (now.to, now.visibility) if now else (None, Visibility.NOT_LABELED)
    (outcome,) = book.apply([PointChange(id_, picture, ONE, keypoint, was, to, seen)], "Bo")
    assert outcome.state == "done"


def seen_in(study: Project, picture: str) -> dict[str, Visibility]:
    known = LabelBook(study, VIDEO).frame(picture).get(ONE, {})
    return {name: said.visibility for name, said in known.items()}


def contents(root: Path) -> dict[str, bytes]:
    files = (path for path in sorted(root.rglob("*")) if path.is_file() and path.suffix != ".lock")
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in files}


def labels_of_one(video: str) -> Labels:
    return Labels(Skeleton(("nose",)), (LabeledFrame(f"labeled-data/{video}/img00.png", ()),))
