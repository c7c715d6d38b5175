"""Label tables of a folder: several people, CSV against h5, pictures whose rows name them oddly."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from markerless.core.labels import Labels
from markerless.errors import LabelsError
from markerless.formats import dlc_labels
from markerless.project import Project
from markerless.project.label_files import differing_points


def rewrite(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def table(study: Project, suffix: str, scorer: str = "Ann") -> Path:
    return study.root / "labeled-data" / "day one" / f"CollectedData_{scorer}.{suffix}"


def by(labels: Labels, who: str) -> Labels:
    return replace(labels, frames=tuple(replace(frame, labeler=who) for frame in labels.frames))


def test_the_h5_is_the_master_and_a_newer_csv_is_counted(study: Project) -> None:
    csv = table(study, "csv")
    rewrite(csv, "img01.png,1.0,11.0", "img01.png,99.0,11.0")
    rewrite(csv, "img03.png,3.0,11.0", "img03.png,,")
    os.utime(table(study, "h5"), (1e9, 1e9))
    labels = study.labels()
    assert labels.xy()[1, 0, 0].tolist() == [1.0, 11.0]
    assert [note for note in labels.notes if "newer than the h5" in note and "in 2 points" in note]


def test_an_older_or_equal_csv_is_no_news(study: Project) -> None:
    csv = table(study, "csv")
    os.utime(table(study, "h5"), (1e9, 1e9))
    assert study.labels().notes == ()  # newer, but equal
    rewrite(csv, "img01.png,1.0,", "img01.png,99.0,")
    os.utime(csv, (1e8, 1e8))
    assert study.labels().notes == ()  # differs, but older: check tells


def test_a_csv_alone_is_enough(study: Project) -> None:
    table(study, "h5").unlink()
    assert study.labels().n_points == 16


def test_other_peoples_tables_are_used_and_named(study: Project, labels_for: Callable[..., Labels]) -> None:
    theirs = by(labels_for("day one", 6), "Bo")
    theirs = replace(theirs, frames=theirs.frames[2:])
    dlc_labels.write(theirs, table(study, "h5", "Bo"))
    labels = study.labels()
    assert [frame.labeler for frame in labels.frames] == ["Ann"] * 4 + ["Bo"] * 2
    assert [note for note in labels.notes if "4 frames by scorer 'Bo' used as well" in note]
    assert [note for note in labels.notes if "2 frames also labeled by 'Ann'" in note]


@pytest.mark.parametrize(
    "row",
    [
        r"labeled-data\day one\img01.png",
        "labeled-data/DAY ONE/IMG01.PNG",
        "labeled-data/renamed since/img01.png",
        "img01.png",
        "/home/ann/mouse/labeled-data/day one/img01.png",
    ],
)
def test_pictures_are_found_however_the_row_names_them(study: Project, row: str) -> None:
    table(study, "h5").unlink()
    csv = table(study, "csv")
    lines = csv.read_text(encoding="utf-8").splitlines()
    # an old table: one string names the image
    lines = [line.replace(",,,", ",") for line in lines[:3]] + [
        line.replace("labeled-data,day one,img01.png", row).replace("labeled-data,day one,", "labeled-data/day one/")
        for line in lines[3:]
    ]
    csv.write_text("\n".join(lines) + "\n", encoding="utf-8")
    frame = study.labels().frames[1]
    assert frame.image == "labeled-data/day one/img01.png"
    assert frame.path == study.root / "labeled-data" / "day one" / "img01.png"


def test_accents_may_be_composed_or_not(study: Project) -> None:
    folder = study.root / "labeled-data" / "day one"
    (folder / "img01.png").rename(folder / "ime\u0301g.png")
    table(study, "h5").unlink()
    rewrite(table(study, "csv"), "img01.png", "im\u00e9g.png")
    assert study.labels().frames[1].path == folder / "ime\u0301g.png"


def test_a_missing_picture_has_no_path(study: Project) -> None:
    (study.root / "labeled-data" / "day one" / "img02.png").unlink()
    assert [frame.path is None for frame in study.labels().frames] == [False, False, True, False]


def test_a_row_of_another_folder_keeps_its_own_picture(study: Project, labels_for: Callable[..., Labels]) -> None:
    other = study.root / "labeled-data" / "day two"
    other.mkdir()
    dlc_labels.write(by(labels_for("day one", 3), "Ann"), other / "CollectedData_Ann.h5")
    labels = study.labels()
    assert len(labels) == 4
    assert [note for note in labels.notes if "labeled in two folders" in note]


def test_two_rows_of_one_picture_are_an_error(study: Project) -> None:
    table(study, "h5").unlink()
    rewrite(table(study, "csv"), "img01.png", "IMG02.PNG")
    with pytest.raises(LabelsError, match=r"img02\.png"):
        study.labels()


def test_differing_points_are_counted_by_hand(labels_for: Callable[..., Labels]) -> None:
    one = labels_for("v", 3)
    frames = list(one.frames)
    moved = frames[0].instances[0].xy.copy()
    moved[0] += 0.0005  # within rounding
    moved[1] += 1
    moved[2] = float("nan")
    frames[0] = replace(frames[0], instances=(type(frames[0].instances[0]).from_xy(moved),))
    other = replace(one, frames=tuple(frames[:2]))  # and the third row is gone: four points
    assert differing_points(one, one) == 0
    assert differing_points(one, other) == 2 + 4
    assert differing_points(other, one) == 2 + 4
    bare = replace(one.frames[2], instances=())
    assert differing_points(other, replace(other, frames=(*other.frames, bare))) == 1
