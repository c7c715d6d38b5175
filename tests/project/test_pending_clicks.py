"""Clicks between the journal and the tables: seen by every reader, whoever writes what in between."""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clicking import (
    NEW,
    NEW_IMAGE,
    ONE,
    book_of,
    change,
    click,
    in_tables,
    known_to_book,
    known_to_project,
    moved,
    with_new_picture,
    write_from_outside,
)
from made_study import MadeStudy, make_study
from markerless.core.instance import Visibility
from markerless.errors import LabelsError, RevisionError, StorageError
from markerless.project import Project, clicks, config_file, journal
from markerless.project.label_files import FolderLabels
from markerless.video.images import write_image


@pytest.fixture
def study(tmp_path: Path) -> MadeStudy:
    """A study with four labeled frames and one picture without labels."""
    return with_new_picture(make_study(tmp_path, n_frames=8, n_labeled=4))


# what others write in between


def test_a_book_sees_what_another_program_wrote_just_before_it_saved(study: MadeStudy) -> None:
    book = book_of(study)
    book.apply([change(book, (5, 6))], "Ann")
    write_from_outside(study, moved(in_tables(study), "img00.png", 0, (100, 101)))
    assert book.flush() == 1  # nobody has looked since
    assert book.frame("img00.png")[ONE]["snout"].to == (100, 101)
    assert known_to_project(study)["labeled-data/cage1/img00.png", ONE, "snout"] == ((100, 101), 2)


def test_a_click_over_what_another_program_wrote_is_used_said_and_written_down(study: MadeStudy) -> None:
    click(study, (5, 6), picture="img00.png")
    write_from_outside(study, moved(in_tables(study), "img00.png", 0, (100, 101)))
    (note,) = [note for note in study.project.folder_labels("cage1").notes if "another program" in note.message]
    assert "1 point" in note.message and note.where == "labeled-data/cage1"
    assert any("another program" in text for text in study.project.labels().notes)
    assert known_to_project(study)["labeled-data/cage1/img00.png", ONE, "snout"] == ((5, 6), 2)
    study.project.save_clicks("cage1")
    (over,) = [e for e in journal.read(study.project.journal_of("cage1")) if e["change"] == clicks.OVERRIDDEN]
    assert (over["from"], over["to"], over["keypoint"]) == ([100, 101], [5, 6], "snout")
    assert book_of(study).history("img00.png")[-1]["from"] == [100, 101]


def test_clicks_over_what_nobody_else_touched_are_no_news(study: MadeStudy) -> None:
    click(study, (5, 6), picture="img00.png")
    click(study, (7, 8), picture="img00.png")
    write_from_outside(study, moved(in_tables(study), "img01.png", 0, (100, 101)))
    assert study.project.folder_labels("cage1").notes == ()
    study.project.save_clicks("cage1")
    assert not any(e["change"] == clicks.OVERRIDDEN for e in journal.read(study.project.journal_of("cage1")))


def test_saving_again_what_a_kill_left_half_written_overrides_nobody(study: MadeStudy) -> None:
    click(study, (5, 6), picture="img00.png")
    path = study.project.journal_of("cage1")
    size = path.stat().st_size
    study.project.save_clicks("cage1")
    os.truncate(path, size)  # killed between the tables and the mark
    assert study.project.folder_labels("cage1").notes == ()
    assert study.project.save_clicks("cage1").n_clicks == 1
    assert not any(e["change"] == clicks.OVERRIDDEN for e in journal.read(path))


class ClickedMeanwhile(Project):
    """A project in which somebody else clicks, or saves, while the tables are being read."""

    meanwhile: Callable[[], object] | None = None

    def _tables_of(self, video: str, *more: Any) -> FolderLabels:
        tables = super()._tables_of(video, *more)
        if self.meanwhile is not None:
            run, self.meanwhile = self.meanwhile, None
            run()
        return tables


def test_a_click_while_labels_are_written_as_a_whole_is_not_lost(study: MadeStudy) -> None:
    project = ClickedMeanwhile(study.root)
    labels = project.labels_of("cage1")
    project.meanwhile = lambda: click(study, (5, 6))
    project.write_labels("cage1", labels, who="Bo")
    assert known_to_project(study)[NEW_IMAGE, ONE, "snout"] == ((5, 6), 2)
    with pytest.raises(RevisionError):  # it has not seen that click, so it cannot know what to keep
        project.write_labels("cage1", labels, who="Bo")
    study.project.save_clicks("cage1")
    assert in_tables(study).select([NEW_IMAGE]).xy()[0, 0, 0].tolist() == [5, 6]


def test_labels_read_while_clicks_are_saved_hold_every_click(study: MadeStudy) -> None:
    click(study, (5, 6))
    project = ClickedMeanwhile(study.root)
    project.meanwhile = lambda: study.project.save_clicks("cage1")
    assert NEW_IMAGE in project.labels().images
    assert project.write_labels("cage1", project.labels_of("cage1"))  # and knows the state it has read


def test_a_book_follows_labels_written_as_a_whole(study: MadeStudy) -> None:
    book = book_of(study)
    book.apply([change(book, (5, 6))], "Ann")
    project = study.project
    labels = project.labels_of("cage1")
    project.write_labels("cage1", moved(labels, NEW, 0, (50, 60)), who="Bo")
    assert book.frame(NEW)[ONE]["snout"].to == book_of(study).frame(NEW)[ONE]["snout"].to == (50, 60)
    assert known_to_project(study)[NEW_IMAGE, ONE, "snout"] == ((50, 60), 2)


# what a name or a gap means


@pytest.mark.parametrize("writes_all", [False, True])
def test_clicks_on_a_keypoint_that_was_renamed_stay_in_the_table(study: MadeStudy, writes_all: bool) -> None:
    click(study, (5, 6), keypoint="tailtip")
    project = study.project
    names = ["end" if name == "tailtip" else name for name in project.skeleton.keypoints]
    project.config["bodyparts"] = names
    config_file.save_config(project.config_path, project.config)
    project = study.project
    if writes_all:
        with pytest.raises(RevisionError):  # its frames cannot hold the click
            project.write_labels("cage1", project.labels_of("cage1"))
        project.write_labels("cage1", project.labels_of("cage1"))
    else:
        project.save_clicks("cage1")
    table = in_tables(study)
    frame = table.select([NEW_IMAGE]).frames[0]
    assert frame.instances[0].xy[table.skeleton.index("tailtip")].tolist() == [5, 6]


def test_one_absent_keypoint_does_not_say_that_there_is_no_animal(study: MadeStudy) -> None:
    click(study, None, Visibility.ABSENT, keypoint="tailtip")
    pending = study.project.labels_of("cage1").select([NEW_IMAGE]).frames[0]
    study.project.save_clicks("cage1")
    saved = study.project.labels_of("cage1").select([NEW_IMAGE]).frames[0]
    for frame in (pending, saved):
        assert frame.instances[0].visibility.tolist() == [0, 0, 0, 0, 0, 3]


def test_a_frame_without_the_animal_is_one_before_and_after_saving(study: MadeStudy) -> None:
    names = study.project.skeleton.keypoints
    book = book_of(study)
    book.apply([change(book, None, Visibility.ABSENT, keypoint=name) for name in names], "Ann")
    for _ in range(2):
        assert study.project.labels_of("cage1").select([NEW_IMAGE]).frames[0].instances == ()
        assert {said.visibility for said in book_of(study).frame(NEW)[ONE].values()} == {Visibility.ABSENT}
        book.flush()
    book.apply([change(book, None, Visibility.NOT_LABELED)], "Ann")  # undone for one of them
    assert (
        study.project.labels_of("cage1").select([NEW_IMAGE]).frames[0].instances[0].visibility.tolist() == [0] + [3] * 5
    )


def test_what_tables_hold_without_the_journal_being_asked_is_the_same_for_all(study: MadeStudy) -> None:
    book = book_of(study)
    book.apply([change(book, (5, 6), Visibility.OCCLUDED)], "Ann")
    book.apply([change(book, (7, 8), Visibility.VISIBLE)], "Ann")
    book.flush()
    write_from_outside(study, moved(in_tables(study), NEW, 0, (5, 6)))  # where it had been hidden once
    assert (
        known_to_book(book)[NEW_IMAGE, ONE, "snout"] == known_to_project(study)[NEW_IMAGE, ONE, "snout"] == ((5, 6), 2)
    )


# many animals


@pytest.fixture
def many(tmp_path: Path) -> MadeStudy:
    """Two animals and an object that is there once, none of them labeled; three pictures."""
    study = make_study(tmp_path, n_frames=4, n_labeled=0)
    project = study.project
    project.config |= {
        "multianimalproject": True,
        "individuals": ["mus1", "mus2"],
        "multianimalbodyparts": ["snout", "tail"],
        "uniquebodyparts": [],
        "bodyparts": "MULTI!",
        "skeleton": [],
    }
    config_file.save_config(project.config_path, project.config)
    for i in range(3):
        write_image(study.root / f"labeled-data/cage1/img{i}.png", np.zeros((240, 320, 3), np.uint8))
    return study


def test_many_animals_are_told_apart_pending_and_saved(many: MadeStudy) -> None:
    book = book_of(many)
    assert book.individuals == ("mus1", "mus2")
    for i, (who, keypoint) in enumerate(itertools.product(("mus1", "mus2"), ("snout", "tail"))):
        book.apply([change(book, (10 * i, 5), individual=who, keypoint=keypoint, picture="img0.png")], "Ann")
    book.apply([change(book, (99, 9), individual="mus2", picture="img2.png")], "Bo")
    pending = known_to_project(many)
    assert pending == known_to_book(book)
    assert len(pending) == 5 and pending["labeled-data/cage1/img0.png", "mus2", "tail"] == ((30, 5), 2)
    assert book.flush() == 5
    assert known_to_project(many) == pending == known_to_book(book_of(many))
    table = in_tables(many)
    assert (table.individuals, table.skeleton.keypoints) == (("mus1", "mus2"), ("snout", "tail"))
    one = table.select(["labeled-data/cage1/img2.png"]).frames[0].instances
    assert [instance.individual for instance in one] == ["mus2"]
    with pytest.raises(LabelsError, match="animals mus1, mus2"):
        book.apply([change(book, (1, 1), individual=ONE, picture="img1.png")], "Ann")


def test_taking_one_animal_away_leaves_the_other(many: MadeStudy) -> None:
    book = book_of(many)
    places = [{"individual": who, "picture": "img1.png"} for who in ("mus1", "mus2")]
    book.apply([change(book, (8, 9), **place) for place in places], "Ann")
    book.flush()
    book.apply([change(book, None, 0, **places[0])], "Ann")
    for _ in range(2):
        assert list(known_to_project(many)) == [("labeled-data/cage1/img1.png", "mus2", "snout")]
        book.flush()


# where nothing can be written


@pytest.mark.skipif(sys.platform == "win32", reason="a lock in the way of a folder is waited for")
def test_a_project_that_cannot_be_written_opens_and_says_so(study: MadeStudy) -> None:
    click(study, (5, 6))
    path = study.project.journal_of("cage1")
    for lock in path.parent.glob(
        ".*.lock"
    ):  # a folder in its place stands for a disk that is read only; tests may be root
        lock.unlink()
    for what in ("journal", "tables"):
        (path.parent / f".cage1.{what}.lock").mkdir()
    before = path.read_bytes()
    book = book_of(study)
    assert len(book.pictures()) == 5
    assert known_to_project(study) == known_to_book(book)
    for attempt in (lambda: book.apply([change(book, (7, 8))], "Ann"), book.flush):
        with pytest.raises(StorageError) as caught:
            attempt()
        assert "\n" not in str(caught.value) and str(path) in str(caught.value)
    assert book.frame(NEW)[ONE]["snout"].to == (5, 6)
    assert path.read_bytes() == before


@pytest.mark.skipif(sys.platform == "win32", reason="no limit on the size of files")
def test_a_disk_that_fills_up_tears_no_click(study: MadeStudy) -> None:
    import resource

    click(study, (5, 6))
    path = study.project.journal_of("cage1")
    book = book_of(study)
    wanted = change(book, (7, 8), keypoint="tailtip")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 40, hard))
    try:
        with pytest.raises(StorageError, match="no space left"):
            book.apply([wanted], "Ann")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "tailtip" not in book.frame(NEW)[ONE] or book.frame(NEW)[ONE]["tailtip"].to is None
    assert [outcome.state for outcome in book.apply([wanted], "Ann")] == ["done"]  # the client sends it again
    ids = [entry["id"] for entry in journal.read(path) if clicks.is_click(entry)]
    assert ids.count(wanted.id) == 1 and len(ids) == 2
    assert known_to_project(study) == known_to_book(book) == known_to_book(book_of(study))
