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

from markerless.core.instance import Instance, Visibility
from markerless.core.labels import Labels
from markerless.errors import LabelsError, RevisionError
from markerless.formats import dlc_labels
from markerless.project import Project
from markerless.project.keypoints import change_keypoints, plan
from markerless.project.label_writing import take
from markerless.video.images import write_image


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


def spelled_otherwise(study: Project, name: str) -> Project:
    for suffix in (".h5", ".csv"):
        (folder_of(study) / f"CollectedData_Ann{suffix}").rename(folder_of(study) / f"CollectedData_{name}{suffix}")
    return Project(study.root)


def tables_in(study: Project) -> list[str]:
    return sorted(path.name for path in folder_of(study).glob("CollectedData*"))


def test_a_table_in_another_case_is_the_scorers_own(study: Project) -> None:
    """On Windows and macOS it is the same file: as that of somebody else it would be written over."""
    spelled = spelled_otherwise(study, "ANN")
    spelled.write_labels("day one", moved(spelled.labels(), 1, by=0.25))
    assert tables_in(study) == ["CollectedData_ANN.csv", "CollectedData_ANN.h5"]
    table = dlc_labels.read(folder_of(study) / "CollectedData_ANN.h5")
    assert len(table) == 4
    assert table.xy()[1, 0, 0].tolist() == [1.25, 11.25]


def test_new_keypoints_go_into_a_table_in_another_case(study: Project) -> None:
    spelled = spelled_otherwise(study, "ann")
    change_keypoints(spelled, plan(spelled, rename={"nose": "snout"}, remove=["tail"]))
    assert tables_in(study) == ["CollectedData_ann.csv", "CollectedData_ann.h5"]
    assert Project(study.root).skeleton.keypoints == ("snout", "left ear", "right ear")
    edited = Project(study.root)
    change_keypoints(edited, plan(edited, add=["tail"]))
    assert tables_in(study) == ["CollectedData_ann.csv", "CollectedData_ann.h5"]
    assert Project(study.root).labels().xy()[2, 0].tolist() == [[2, 11], [4, 13], [6, 15], [8, 17]]


def test_tables_of_two_people_stay_two_where_names_differ_in_case(study: Project) -> None:
    """As Linux allows."""
    theirs = dlc_labels.read(folder_of(study) / "CollectedData_Ann.h5")
    dlc_labels.write(theirs, folder_of(study) / "CollectedData_ann.h5")
    both = Project(study.root)
    both.write_labels("day one", moved(both.labels(), 1, by=0.25))
    assert dlc_labels.read(folder_of(study) / "CollectedData_Ann.h5").xy()[1, 0, 0].tolist() == [1.25, 11.25]
    assert (folder_of(study) / "CollectedData_ann.h5").is_file()


def test_a_table_that_cannot_be_read_is_named(study: Project) -> None:
    labels = study.labels()
    (folder_of(study) / "CollectedData_Bo.h5").mkdir()
    for act in (study.labels, lambda: study.write_labels("day one", labels)):
        with pytest.raises(LabelsError, match=r"cannot read the label table .*CollectedData_Bo\.h5: "):
            act()


def make_newer(csv: Path) -> None:
    """As an editor does that saves it a minute after the h5 was written."""
    later = csv.stat().st_mtime + 60
    os.utime(csv, (later, later))


def test_edits_of_a_csv_are_not_lost_when_labels_are_saved(study: Project) -> None:
    csv = folder_of(study) / "CollectedData_Ann.csv"
    edited = csv.read_text(encoding="utf-8").replace("2.0,11.0", "33.0,11.0")
    assert edited != csv.read_text(encoding="utf-8")
    csv.write_text(edited, encoding="utf-8")
    make_newer(csv)
    other = Project(study.root)
    other.write_labels("day one", moved(other.labels(), 1, by=0.25))
    kept = folder_of(study) / "CollectedData_Ann.csv.kept"
    assert kept.read_text(encoding="utf-8") == edited
    after = Project(study.root)
    assert after.labels().xy()[1, 0, 0].tolist() == [1.25, 11.25]
    (note,) = [note for note in after.labels().notes if kept.name in note]
    assert "would remove all labels saved since" in note
    after.write_labels("day one", moved(after.labels(), 1, by=0.25))  # written together: nothing to put aside
    assert [path.name for path in folder_of(study).glob("*.kept*")] == [kept.name]


def test_the_last_labels_can_be_removed_while_their_csv_is_edited(study: Project) -> None:
    csv = folder_of(study) / "CollectedData_Ann.csv"
    edited = csv.read_text(encoding="utf-8").replace("2.0,11.0", "33.0,11.0")
    csv.write_text(edited, encoding="utf-8")
    make_newer(csv)
    study.write_labels("day one", replace(study.labels(), frames=()))
    assert tables_in(study) == ["CollectedData_Ann.csv.kept"]
    assert (folder_of(study) / "CollectedData_Ann.csv.kept").read_text(encoding="utf-8") == edited


@pytest.mark.parametrize("is_last", [False, True])
def test_edits_of_somebody_elses_csv_are_not_lost_when_frames_leave_it(
    study: Project, labels_for: Callable[..., Labels], is_last: bool
) -> None:
    theirs = labels_for("day one", 6)
    theirs = replace(theirs, frames=tuple(replace(frame, labeler="Bo") for frame in theirs.frames[4:]))
    for suffix in (".h5", ".csv"):
        dlc_labels.write(theirs, folder_of(study) / f"CollectedData_Bo{suffix}")
    csv = folder_of(study) / "CollectedData_Bo.csv"
    edited = csv.read_text(encoding="utf-8").replace("5.0,11.0", "33.0,11.0")
    csv.write_text(edited, encoding="utf-8")
    make_newer(csv)
    labels = study.labels()
    study.write_labels("day one", moved(labels, 0))  # a table that is not touched keeps its CSV
    assert csv.read_text(encoding="utf-8") == edited
    study.write_labels("day one", replace(labels, frames=labels.frames[: 4 if is_last else 5]))
    assert (folder_of(study) / "CollectedData_Bo.csv.kept").read_text(encoding="utf-8") == edited
    assert csv.is_file() is not is_last


def test_what_was_not_labeled_is_not_absent_afterwards(study: Project) -> None:
    labels = study.labels()
    instance = labels.frames[0].instances[0]
    visibility, xy = instance.visibility.copy(), instance.xy.copy()
    visibility[1:3] = Visibility.NOT_LABELED, Visibility.ABSENT
    xy[1:3] = np.nan
    nothing = replace(
        instance, xy=np.full_like(xy, np.nan), visibility=np.full_like(visibility, Visibility.NOT_LABELED)
    )
    first = replace(labels.frames[0], instances=(replace(instance, xy=xy, visibility=visibility),))
    new = replace(first, image="labeled-data/day one/new.png", path=None)
    write_image(folder_of(study) / "new.png", np.zeros((48, 64, 3), np.uint8))
    without = replace(labels.frames[1], instances=(nothing,))
    study.write_labels("day one", replace(labels, frames=(first, without, *labels.frames[2:], new)))
    after = {frame.image: frame for frame in Project(study.root).labels().frames}
    assert len(after) == 4  # a frame of which nothing is known is none without the animal
    for image in (first.image, new.image):
        assert after[image].instances[0].visibility.tolist() == [2, 0, 3, 2]


def test_a_table_whose_name_is_no_text_is_read(study: Project) -> None:
    """As unpacked from an archive of another age."""
    name = os.fsdecode(b"CollectedData_J\xfcrgen.csv")
    try:
        (folder_of(study) / "CollectedData_Ann.csv").rename(folder_of(study) / name)
    except OSError:
        pytest.skip("names of files are text here")
    assert len(Project(study.root).labels()) == 4


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
