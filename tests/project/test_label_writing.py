"""Saving labels: both files, revisions, other people's tables, keypoints the project does not know."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from markerless.core.instance import Instance
from markerless.core.labels import Labels
from markerless.errors import LabelsError, RevisionError
from markerless.formats import dlc_labels
from markerless.project import Project
from markerless.project.label_writing import take


def folder_of(project: Project) -> Path:
    return project.root / "labeled-data" / "day one"


def moved(labels: Labels, frame: int, by: float = 1.0) -> Labels:
    frames = list(labels.frames)
    frames[frame] = replace(frames[frame], instances=(Instance.from_xy(frames[frame].instances[0].xy + by),))
    return replace(labels, frames=tuple(frames))


def journal_of(project: Project) -> list[dict[str, object]]:
    path = project.root / "journal" / "day one.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_pandas_reads_what_deeplabcut_expects(study: Project) -> None:
    frame = pd.read_hdf(folder_of(study) / "CollectedData_Ann.h5")
    assert list(frame.columns.names) == ["scorer", "bodyparts", "coords"]
    assert frame.index.nlevels == 3
    assert frame.index[0] == ("labeled-data", "day one", "img00.png")
    assert list(frame.columns[:2]) == [("Ann", "nose", "x"), ("Ann", "nose", "y")]
    csv = pd.read_csv(folder_of(study) / "CollectedData_Ann.csv", header=[0, 1, 2], index_col=[0, 1, 2])
    np.testing.assert_array_equal(frame.to_numpy(), csv.to_numpy())
    np.testing.assert_array_equal(frame.to_numpy()[2], [2, 11, 4, 13, 6, 15, 8, 17])


def test_a_saved_change_is_in_both_files_and_in_the_journal(study: Project) -> None:
    before = len(journal_of(study))
    study.write_labels("day one", moved(study.labels(), 1, by=0.25), who="Bo")
    assert Project(study.root).labels().xy()[1, 0, 0].tolist() == [1.25, 11.25]
    assert dlc_labels.read(folder_of(study) / "CollectedData_Ann.csv").xy()[1, 0, 0].tolist() == [1.25, 11.25]
    entries = journal_of(study)[before:]
    assert [(entry["who"], entry["keypoint"]) for entry in entries] == [
        ("Bo", name) for name in ("nose", "left ear", "right ear", "tail")
    ]


def test_newer_labels_are_not_overwritten(study: Project) -> None:
    mine, theirs = Project(study.root), Project(study.root)
    labels = mine.labels()
    theirs.write_labels("day one", moved(theirs.labels(), 0))
    with pytest.raises(RevisionError, match="changed on disk"):
        mine.write_labels("day one", moved(labels, 1))
    assert Project(study.root).labels().xy()[1, 0, 0].tolist() == [1, 11]
    mine.write_labels("day one", moved(mine.labels(), 1))  # loaded again: both changes
    assert Project(study.root).labels().xy()[:2, 0, 0].tolist() == [[1, 12], [2, 12]]


def test_labels_never_read_are_not_overwritten(study: Project) -> None:
    labels = study.labels()
    with pytest.raises(RevisionError):
        Project(study.root).write_labels("day one", labels)
    Project(study.root).write_labels("day one", moved(labels, 0), revision=study.revision("day one"))


def test_other_peoples_frames_stay_in_their_table(study: Project, labels_for: Callable[..., Labels]) -> None:
    theirs = labels_for("day one", 7)
    theirs = replace(theirs, frames=tuple(replace(frame, labeler="Bo") for frame in theirs.frames[4:]))
    path = folder_of(study) / "CollectedData_Bo.h5"
    dlc_labels.write(theirs, path)
    labels = study.labels()  # Ann: 0 to 3, Bo: 4 to 6
    labels = moved(labels, 4)
    study.write_labels("day one", replace(labels, frames=labels.frames[:6]))  # one of Bo's changed, one deleted
    assert [image[-6:] for image in dlc_labels.read(path).images] == ["04.png", "05.png"]
    own = dlc_labels.read(folder_of(study) / "CollectedData_Ann.h5")
    assert [image[-6:] for image in own.images] == ["00.png", "01.png", "02.png", "03.png", "04.png"]
    again = Project(study.root).labels()
    assert len(again) == 6
    assert again.xy()[4, 0, 0].tolist() == [5, 12]


def test_keypoints_the_config_does_not_know_keep_their_points(study: Project) -> None:
    text = study.config_path.read_text(encoding="utf-8")
    study.config_path.write_text(text.replace("- nose\n", ""), encoding="utf-8")
    project = Project(study.root)
    project.write_labels("day one", moved(project.labels(), 0))
    raw = dlc_labels.read(folder_of(study) / "CollectedData_Ann.h5")
    assert raw.skeleton.keypoints == ("left ear", "right ear", "tail", "nose")
    assert raw.xy()[0, 0].tolist() == [[3, 14], [5, 16], [7, 18], [0, 11]]


def test_deleting_the_last_frame_removes_the_tables(study: Project) -> None:
    study.write_labels("day one", replace(study.labels(), frames=()))
    assert list(folder_of(study).glob("CollectedData*")) == []
    assert [entry["change"] for entry in journal_of(study)].count("frame removed") == 4


def test_images_of_another_video_are_refused(study: Project, labels_for: Callable[..., Labels]) -> None:
    study.labels()
    with pytest.raises(LabelsError, match="day two"):
        study.write_labels("day one", labels_for("day two"))
    with pytest.raises(LabelsError, match="name of a folder"):
        study.write_labels("../day one", labels_for("day one"))


@pytest.mark.parametrize("source", ["csv", "h5"])
def test_taking_one_file_rewrites_the_other(study: Project, source: str) -> None:
    csv = folder_of(study) / "CollectedData_Ann.csv"
    text = csv.read_text(encoding="utf-8")
    csv.write_text(text.replace("img01.png,1.0,", "img01.png,99.0,"), encoding="utf-8")
    (table,) = study.label_tables("day one")
    n_entries = len(journal_of(study))
    assert take(study.root, table, "csv" if source == "csv" else "h5", "Ann") == 1
    x = 99.0 if source == "csv" else 1.0
    assert Project(study.root).labels().xy()[1, 0, 0, 0] == x
    assert dlc_labels.read(csv).xy()[1, 0, 0, 0] == x
    assert len(journal_of(study)) == n_entries + (source == "csv")
    assert take(study.root, table, "csv", "Ann") is None


def test_taking_the_csv_makes_a_missing_h5(study: Project) -> None:
    (folder_of(study) / "CollectedData_Ann.h5").unlink()
    (table,) = study.label_tables("day one")
    assert take(study.root, table, "h5", "Ann") is None
    assert take(study.root, table, "csv", "Ann") == 0
    assert (folder_of(study) / "CollectedData_Ann.h5").is_file()


def test_halves_that_killed_programs_left_are_swept_away(study: Project) -> None:
    folder = study.root / "labeled-data" / "day one"
    old, young = (folder / f".CollectedData_Ann.{pid}.tmp.h5" for pid in (1, 2))
    for path in (old, young):
        path.write_bytes(b"half")
    os.utime(old, (0, 0))
    study.write_labels("day one", study.labels_of("day one"))
    assert not old.exists() and young.exists()
