"""Merging of studies with odd names, missing pictures, and two folders of one video: nothing is mixed up."""

from __future__ import annotations

import errno
import os
import unicodedata
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from markerless.core.instance import Instance
from markerless.core.labels import LabeledFrame
from markerless.errors import ProjectError, StorageError
from markerless.pipeline.merge import MergeRequest, merge
from markerless.project import Project
from markerless.project.keypoints import change_keypoints, plan
from markerless.project.label_files import table_name
from markerless.project.label_writing import write_table
from markerless.video.images import read_image, write_image
from merged import add_film, contents, empty_study, film_picture, label, moved, points, usual


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Project, Project]:
    return empty_study(tmp_path / "one", "a", "Ann"), empty_study(tmp_path / "two", "b", "Bo")


def add_frame(study: Project, folder: str, film: int, by: float) -> None:
    """Frame 9 of another film in a folder, labeled `by` px to the right of where it usually is."""
    image = f"labeled-data/{folder}/img009.png"
    write_image(study.root / image, film_picture(film, 9))
    (table,) = study.label_tables(folder)
    labels = table.read()
    instance = Instance.from_xy([(usual(9, k)[0] + by, usual(9, k)[1]) for k in range(3)])
    frames = (*labels.frames, LabeledFrame(image, (instance,), "Bo"))
    write_table(study.root / "labeled-data" / folder, table_name("Bo"), replace(labels, frames=frames))


def test_pictures_of_two_folders_that_become_one_are_not_mixed_up(pair: tuple[Project, Project]) -> None:
    into, other = pair
    label(into, "all", (1, 2))
    label(other, "A", (1,))
    label(other, "B", (2,))
    add_frame(other, "A", film=7, by=0)
    add_frame(other, "B", film=8, by=4)
    result = merge(into.root, [other.root])
    now = Project(into.root)
    assert now.label_folders() == ("all",) and not result.merge.conflicts
    found, folder = points(now, "Bo", "all"), into.root / "labeled-data" / "all"
    for name, film, by in (("img009.png", 7, 0), ("img009_2.png", 8, 4)):
        assert (read_image(folder / name) == film_picture(film, 9)).all()
        assert found[name, "nose"] == (usual(9, 0)[0] + by, usual(9, 0)[1])
    assert len(found) == 4 * 3 and merge(into.root, [other.root]).merge.is_nothing


def test_names_that_are_one_on_other_systems_stay_two(pair: tuple[Project, Project]) -> None:
    into, other = pair
    label(into, unicodedata.normalize("NFC", "Müs"), (0, 1))
    label(other, unicodedata.normalize("NFD", "mÜs"), (2, 3), film=2)
    merge(into.root, [other.root])
    folders = Project(into.root).label_folders()
    assert len({unicodedata.normalize("NFC", name).casefold() for name in folders}) == len(folders) == 2


def test_a_labeler_in_another_spelling_keeps_every_point(tmp_path: Path) -> None:
    into, other = empty_study(tmp_path / "one", "a", "Ann"), empty_study(tmp_path / "two", "b", "ann")
    label(into, "v", (0, 1))
    label(other, "v", (1, 2), place=moved(2))
    result = merge(into.root, [other.root])
    now = Project(into.root)
    assert [table.name for table in now.label_tables("v")] == ["CollectedData_Ann"]
    assert points(now, "Ann", "v")["img001.png", "nose"] == usual(1, 0)
    assert points(now, "Ann", "v")["img002.png", "nose"] == moved(2)(2, 0)
    assert {frame.labeler for frame in now.labels().frames} == {"Ann"}
    assert [one.points[1].to for one in result.merge.conflicts] == [moved(2)(1, k) for k in range(3)]
    assert any("'ann'" in note and "'Ann'" in note for note in result.merge.notes)
    assert merge(into.root, [other.root]).merge.is_nothing


def spelled_otherwise(study: Project, folder: str, name: str, scorer: str = "Ann") -> None:
    for suffix in (".h5", ".csv"):
        table = study.root / "labeled-data" / folder / f"CollectedData_{scorer}{suffix}"
        table.rename(table.with_name(f"CollectedData_{name}{suffix}"))


@pytest.mark.parametrize("has_both", [False, True])
def test_the_scorers_table_in_another_spelling_is_the_scorers(tmp_path: Path, has_both: bool) -> None:
    """In a folder, and where another folder of the study has it as the scorer spells it."""
    into, other = empty_study(tmp_path / "one", "a", "Ann"), empty_study(tmp_path / "two", "b", "Ann")
    label(into, "v", (0, 1))
    spelled_otherwise(into, "v", "ann")
    label(into, "v", (0,), place=moved(9), scorer="Abe")
    if has_both:
        label(into, "w", (0,), film=2)
    label(other, "v", (1, 2), place=moved(2))
    label(other, "x", (0,), film=3)
    label(other, "x", (0,), film=3, place=moved(9), scorer="Abe")
    result = merge(into.root, [other.root])
    now = Project(into.root)
    assert [table.name for table in now.label_tables("v")] == ["CollectedData_ann", "CollectedData_Abe"]
    first, *_, third = sorted(now.labels_of("v").frames, key=lambda frame: frame.image)
    assert first.instances[0].xy[0].tolist() == list(usual(0, 0))
    assert third.instances[0].xy[0].tolist() == list(moved(2)(2, 0))
    assert {one.kept for one in result.merge.conflicts} == {"into"}
    (new,) = now.labels_of("x").frames  # a folder that is new here
    assert new.instances[0].xy[0].tolist() == list(usual(0, 0))
    assert len(now.label_tables("x")) == 2
    assert any("'Ann'" in note and "'ann'" in note for note in result.merge.notes)
    assert merge(into.root, [other.root]).merge.is_nothing


@pytest.mark.parametrize("scorer", ["Ann", "Zoe"])
def test_a_study_may_spell_a_labeler_in_one_folder_so_and_in_another_so(tmp_path: Path, scorer: str) -> None:
    into, other = empty_study(tmp_path / "one", "a", "Ann"), empty_study(tmp_path / "two", "b", "Bo")
    label(into, "v", (0, 1), scorer=scorer)
    label(other, "v", (1, 2), scorer=scorer.lower())
    label(other, "w", (0,), film=2, scorer=scorer)
    merge(into.root, [other.root])
    now = Project(into.root)
    assert [[table.name for table in now.label_tables(folder)] for folder in "vw"] == 2 * [[f"CollectedData_{scorer}"]]
    assert points(now, scorer, "v")["img002.png", "nose"] == usual(2, 0)


def test_removed_keypoints_come_back_into_a_table_in_another_spelling(tmp_path: Path) -> None:
    """Also those that readers do not see, as somebody else's labels of the same pictures come first."""
    into, other = empty_study(tmp_path / "one", "a", "Ann"), empty_study(tmp_path / "two", "b", "Bo")
    label(into, "v", (0, 1))
    label(into, "v", (0, 1), place=moved(9), scorer="Zoe")
    change_keypoints(into, plan(into, remove=["right ear"]))
    spelled_otherwise(into, "v", "zoe", "Zoe")
    label(other, "w", (0,), film=2)
    merge(into.root, [other.root])
    assert points(Project(into.root), "zoe", "v")["img001.png", "right ear"] == moved(9)(1, 2)


def test_two_spellings_of_one_study_are_two_people(pair: tuple[Project, Project]) -> None:
    into, other = pair
    label(into, "v", (0,))
    for who, by in (("bo", 1), ("Bo", 2)):
        label(other, "v", (0,), place=moved(by), scorer=who)
    merge(into.root, [other.root])
    assert points(Project(into.root), "bo", "v")["img000.png", "nose"] == moved(1)(0, 0)
    assert points(Project(into.root), "Bo", "v")["img000.png", "nose"] == moved(2)(0, 0)


def test_a_picture_that_cannot_be_found_is_told_and_its_labels_come(pair: tuple[Project, Project]) -> None:
    into, other = pair
    label(into, "v", (0, 1))
    label(other, "w", (2, 3), film=2)
    lost = other.root / "labeled-data/w/img002.png"
    lost.unlink()
    with suppress(OSError):  # a system without links: the picture is missing all the same
        lost.symlink_to(other.root / "a disk that is not there" / "img002.png")
    (other.root / "labeled-data/w/zoom.png").mkdir()
    notes = merge(into.root, [other.root]).merge.notes
    assert any("1 labeled picture of" in note and "labeled-data/w/img002.png" in note for note in notes)
    assert points(Project(into.root), "Bo", "w") == points(other, "Bo", "w")


def test_a_video_that_is_passed_over_is_told(pair: tuple[Project, Project]) -> None:
    into, other = pair
    add_film(other, "m.avi", 1)
    add_film(other, "m.mp4", 2)
    notes = merge(into.root, [other.root]).merge.notes
    (taken,) = Project(into.root).videos()
    (left,) = {"m.avi", "m.mp4"} - {taken.name}
    assert any(note.startswith(f"videos/{left} of ") for note in notes)


def test_an_empty_folder_of_a_video_that_is_not_there_is_nothing(pair: tuple[Project, Project]) -> None:
    into, other = pair
    (other.root / "labeled-data" / "later").mkdir()
    before = contents(into.root)
    assert merge(into.root, [other.root]).merge.is_nothing and contents(into.root) == before


@pytest.mark.parametrize("dry_run", [True, False])
def test_no_other_file_is_taken_for_a_table_of_conflicts(dry_run: bool, pair: tuple[Project, Project]) -> None:
    into, other = pair
    label(into, "v", (0,))
    label(other, "v", (0,), place=moved(3))
    before = contents(into.root)
    with pytest.raises(ProjectError, match="got another file; name a new one"):
        merge(into.root, [other.root], MergeRequest(dry_run, False, into.root / "config.yaml"))
    assert contents(into.root) == before
    table = into.root.parent / "conflicts.csv"
    for _ in range(2):  # its own table may be written again
        merge(into.root, [other.root], MergeRequest(True, False, table))
    assert table.read_text(encoding="utf-8").startswith("project,")


@pytest.mark.parametrize(
    ("why", "says"), [(errno.ENOSPC, "set TMPDIR to another folder"), (errno.EACCES, "make it readable")]
)
def test_a_study_that_cannot_be_looked_at_is_one_line(
    why: int, says: str, pair: tuple[Project, Project], monkeypatch: pytest.MonkeyPatch
) -> None:
    into, other = pair
    label(other, "w", (0,))
    before = contents(into.root)

    def failing(source: Path, _target: Path) -> None:
        raise OSError(why, os.strerror(why), str(source))

    monkeypatch.setattr("shutil.copy2", failing)
    with pytest.raises(StorageError, match=says):
        merge(into.root, [other.root])
    assert contents(into.root) == before


def test_two_folders_of_one_video_go_where_they_went_before(pair: tuple[Project, Project]) -> None:
    into, other = pair
    for film, folder in ((5, "v"), (6, "x")):
        label(into, folder, (0,), film=film)
    label(other, "v", (0, 1))
    label(other, "x", (0,), place=moved(2))
    assert not merge(into.root, [other.root]).merge.is_nothing
    again = merge(into.root, [other.root]).merge
    assert [(match.name, match.into) for match in again.matched[0][1]] == [("v", "v_2"), ("x", "x_2")]
    assert again.is_nothing
