"""People and programs that change labels, and what readers of labels then know; for tests of clicks."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np

from made_study import MadeStudy
from markerless.core.instance import Instance, Visibility
from markerless.core.labels import Labels
from markerless.formats import dlc_labels
from markerless.project import journal
from markerless.project.clicks import Said
from markerless.project.label_book import LabelBook, PointChange
from markerless.video.images import write_image

ONE, NEW = "individual_0", "img99.png"
NEW_IMAGE = f"labeled-data/cage1/{NEW}"
IDS = itertools.count()


def with_new_picture(study: MadeStudy) -> MadeStudy:
    write_image(study.root / NEW_IMAGE, np.zeros((240, 320, 3), np.uint8))
    return study


def book_of(study: MadeStudy) -> LabelBook:
    return LabelBook(study.project, "cage1")


def change(book: LabelBook, to: tuple[float, float] | None, visibility: int = 2, **where: str) -> PointChange:
    """A change of somebody who sees what the book knows."""
    values: dict[str, Any] = {"id": f"p{next(IDS)}", "picture": NEW, "individual": ONE, "keypoint": "snout", **where}
    now = book.frame(values["picture"]).get(values["individual"], {}).get(values["keypoint"], Said())
    place = (values["id"], values["picture"], values["individual"], values["keypoint"])
    return PointChange(*place, (now.to, now.visibility), to, Visibility(visibility))


def click(study: MadeStudy, to: tuple[float, float] | None, visibility: int = 2, **where: str) -> str:
    """Click in a book of its own, as another process would; the id."""
    book = book_of(study)
    made = change(book, to, visibility, **where)
    assert [outcome.state for outcome in book.apply([made], "Ann")] == ["done"]
    return made.id


def in_tables(study: MadeStudy) -> Labels:
    return study.project.label_tables("cage1")[0].read()


def write_from_outside(study: MadeStudy, labels: Labels) -> None:
    """What DeepLabCut or napari do: tables alone, no journal, no lock."""
    folder = study.root / "labeled-data/cage1"
    for suffix in ("h5", "csv"):
        dlc_labels.write(labels, folder / f"CollectedData_ada.{suffix}")


def moved(labels: Labels, picture: str, k: int, xy: tuple[float, float]) -> Labels:
    """`labels` of tables with one point elsewhere."""
    frames = []
    for frame in labels.frames:
        if frame.image.endswith(picture):
            points = frame.instances[0].xy.copy()
            points[k] = xy
            frame = replace(frame, instances=(Instance.from_xy(points, frame.instances[0].individual),))
        frames.append(frame)
    return replace(labels, frames=tuple(frames))


def known_to_project(study: MadeStudy) -> dict[journal.Key, tuple[Any, int]]:
    """Every keypoint that a reader of labels knows something of."""
    project = study.project
    return {
        (frame.image, instance.individual, name): (
            tuple(instance.xy[k].tolist()) if np.isfinite(instance.xy[k]).all() else None,
            int(instance.visibility[k]),
        )
        for frame in project.labels_of("cage1").frames
        for instance in frame.instances
        for k, name in enumerate(project.skeleton.keypoints)
        if instance.visibility[k] != Visibility.NOT_LABELED
    }


def known_to_book(book: LabelBook, wholly_absent: bool = False) -> dict[journal.Key, tuple[Any, int]]:
    """The same of a book; an animal of which everything is absent is no instance for a reader."""
    known: dict[journal.Key, tuple[Any, int]] = {}
    for picture in book.pictures():
        for individual, points in book.frame(picture).items():
            said = {name: s for name, s in points.items() if s.visibility != Visibility.NOT_LABELED}
            n_absent = sum(s.visibility == Visibility.ABSENT for s in said.values())
            if wholly_absent or n_absent < len(book.project.skeleton.keypoints):
                known |= {
                    (f"labeled-data/cage1/{picture}", individual, n): (s.to, int(s.visibility)) for n, s in said.items()
                }
    return known
