"""Clicks: on the disk before they are acknowledged, taken once, never over what somebody else did meanwhile."""

from __future__ import annotations

import itertools
import os
import shutil
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from made_study import MadeStudy, make_study
from markerless.core.instance import Instance, Visibility
from markerless.core.labels import LabeledFrame, Labels
from markerless.errors import LabelsError, RevisionError, StorageError
from markerless.project import Project, clicks, journal
from markerless.project.label_book import LabelBook, PointChange
from markerless.video.images import write_image

NOTHING = (None, Visibility.NOT_LABELED)
ONE = "individual_0"
_ids = itertools.count()


@pytest.fixture
def study(tmp_path: Path) -> MadeStudy:
    """A study with four labeled frames and one picture without labels."""
    study = make_study(tmp_path, n_frames=8, n_labeled=4)
    write_image(study.root / "labeled-data/cage1/img99.png", np.zeros((240, 320, 3), np.uint8))
    return study


def book_of(study: MadeStudy) -> LabelBook:
    return LabelBook(study.project, "cage1")


def place(x: float, y: float, was: tuple = NOTHING, **kwargs: object) -> PointChange:
    values = {"id": f"c{next(_ids)}", "picture": "img99.png", "individual": ONE, "keypoint": "snout", **kwargs}
    return PointChange(was=was, to=(x, y), visibility=Visibility.VISIBLE, **values)


def xy_in_tables(study: MadeStudy, picture: str, keypoint: str = "snout") -> list[float] | None:
    project = study.project
    (table,) = project.label_tables("cage1")
    frames = {frame.image.rpartition("/")[2]: frame for frame in table.read().frames}
    if picture not in frames:
        return None
    return frames[picture].instances[0].xy[project.skeleton.index(keypoint)].tolist()


def test_a_click_is_seen_by_all_readers_before_the_tables_are_written(study: MadeStudy) -> None:
    x, y = 12.3456789012345, 200.1
    (outcome,) = book_of(study).apply([place(x, y)], "Ann")
    assert outcome.state == "done"
    assert xy_in_tables(study, "img99.png") is None
    frame = {frame.image: frame for frame in study.project.labels().frames}["labeled-data/cage1/img99.png"]
    assert frame.instances[0].xy[0].tolist() == [x, y]
    assert frame.path is not None
    # the others are not labeled yet, which is something else than absent
    assert set(frame.instances[0].visibility[1:]) == {Visibility.NOT_LABELED}


def test_flushing_brings_tables_up_to_date_once(study: MadeStudy) -> None:
    book = book_of(study)
    book.apply([place(1.5, 2.5), place(3.25, 4, keypoint="tailtip")], "Ann")
    before = study.project.labels()
    assert book.flush() == 2
    assert xy_in_tables(study, "img99.png") == [1.5, 2.5]
    assert xy_in_tables(study, "img99.png", "tailtip") == [3.25, 4]
    after = study.project.labels()
    np.testing.assert_array_equal(after.xy(), before.xy())
    for one, other in zip(before.frames, after.frames, strict=True):
        assert one.instances[0].visibility.tolist() == other.instances[0].visibility.tolist()
    assert book.flush() == 0
    assert book_of(study).frame("img99.png")[ONE]["snout"].who == "Ann"


def test_the_same_change_sent_again_is_taken_once(study: MadeStudy) -> None:
    change = place(5, 6)
    assert [o.state for o in book_of(study).apply([change, change], "Ann")] == ["done", "already there"]
    (again,) = book_of(study).apply([change], "Ann")
    assert (again.state, again.now.to) == ("already there", (5, 6))
    assert sum(clicks.is_click(entry) for entry in journal.read(study.project.journal_of("cage1"))) == 1


def test_what_somebody_else_did_is_not_overwritten(study: MadeStudy) -> None:
    ann, bo = book_of(study), book_of(study)
    ann.apply([place(5, 6)], "Ann")
    (outcome,) = bo.apply([place(7, 8)], "Bo")
    assert (outcome.state, outcome.now.to, outcome.now.who) == ("conflict", (5, 6), "Ann")
    (outcome,) = bo.apply([place(7, 8, was=((5, 6), Visibility.VISIBLE))], "Bo")
    assert outcome.state == "done"
    assert [(key[2], said.to) for key, said in ann.changes_since(1)][-1] == ("snout", (7, 8))
    assert ann.frame("img99.png")[ONE]["snout"].who == "Bo"


def test_other_points_of_the_same_frame_are_no_conflict(study: MadeStudy) -> None:
    ann, bo = book_of(study), book_of(study)
    ann.apply([place(5, 6)], "Ann")
    assert bo.apply([place(7, 8, keypoint="tailtip")], "Bo")[0].state == "done"


def test_taking_every_point_away_takes_the_frame_out_of_the_tables(study: MadeStudy) -> None:
    book = book_of(study)
    book.apply([place(5, 6)], "Ann")
    book.flush()
    change = PointChange("gone", "img99.png", ONE, "snout", ((5, 6), Visibility.VISIBLE), *NOTHING)
    assert book.apply([change], "Ann")[0].state == "done"
    assert "labeled-data/cage1/img99.png" not in study.project.labels().images
    book.flush()
    assert xy_in_tables(study, "img99.png") is None


def test_absent_hidden_and_not_labeled_survive_the_tables(study: MadeStudy) -> None:
    book = book_of(study)
    absent = PointChange("a", "img99.png", ONE, "tailtip", NOTHING, None, Visibility.ABSENT)
    hidden = PointChange("b", "img99.png", ONE, "leftear", NOTHING, (9, 9), Visibility.OCCLUDED)
    book.apply([absent, hidden], "Ann")
    book.flush()
    frame = study.project.labels().select(["labeled-data/cage1/img99.png"]).frames[0].instances[0]
    index = study.project.skeleton.index
    assert frame.visibility[[index("tailtip"), index("leftear"), index("snout")]].tolist() == [3, 1, 0]
    known = book_of(study).frame("img99.png")[ONE]
    assert (known["tailtip"].visibility, known["leftear"].visibility) == (3, 1)


def test_clicks_made_while_another_program_changed_the_tables_go_on_top(study: MadeStudy) -> None:
    book = book_of(study)
    book.apply([place(5, 6)], "Ann")
    other = make_labels(study, 100.0)
    with pytest.raises(RevisionError):
        study.project.write_labels("cage1", other, revision="old")
    project = study.project
    table = project.label_tables("cage1")[0]
    from markerless.formats import dlc_labels

    for path in (table.h5, table.csv):
        assert path is not None
        dlc_labels.write(other, path)
    labels = study.project.labels()
    assert labels.xy()[0, 0, 0].tolist() == [100, 100]
    assert labels.select(["labeled-data/cage1/img99.png"]).xy()[0, 0, 0].tolist() == [5, 6]
    assert book.frame("img00.png")[ONE]["snout"].to == (100, 100)
    assert book.flush() == 1
    assert xy_in_tables(study, "img00.png") == [100, 100]


def make_labels(study: MadeStudy, value: float) -> Labels:
    labels = study.project.labels_of("cage1")
    kept = [frame for frame in labels.frames if not frame.image.endswith("img99.png")]
    xy = np.full((labels.skeleton.n_keypoints, 2), value)
    return Labels(
        labels.skeleton, tuple(LabeledFrame(f.image, (Instance.from_xy(xy),), f.labeler, f.path) for f in kept)
    )


def test_writing_labels_as_a_whole_takes_pending_clicks_along(study: MadeStudy) -> None:
    book_of(study).apply([place(5, 6)], "Ann")
    project = study.project
    project.write_labels("cage1", project.labels_of("cage1"), who="Bo")
    assert xy_in_tables(study, "img99.png") == [5, 6]
    assert book_of(study).flush() == 0


def test_a_torn_line_is_no_click_and_spoils_none(study: MadeStudy) -> None:
    path = study.project.journal_of("cage1")
    book_of(study).apply([place(5, 6)], "Ann")
    with path.open("ab") as file:
        file.write(b'{"id": "torn", "change": "point", "image": "labeled-d')
    book = book_of(study)
    assert book.frame("img99.png")[ONE]["snout"].to == (5, 6)
    assert book.apply([place(7, 8, keypoint="tailtip")], "Ann")[0].state == "done"
    assert "torn" not in {entry.get("id") for entry in journal.read(path)}
    assert book_of(study).frame("img99.png")[ONE]["tailtip"].to == (7, 8)


def test_a_whole_line_that_lacks_its_end_is_not_taken_twice(study: MadeStudy) -> None:
    path = study.project.journal_of("cage1")
    change = place(5, 6)
    book_of(study).apply([change], "Ann")
    path.write_bytes(path.read_bytes()[:-1])  # killed so late that only the end of the line is missing
    project = study.project
    assert "labeled-data/cage1/img99.png" not in project.labels().images  # nobody was told that it is there
    project.write_labels("cage1", project.labels_of("cage1"))
    (outcome,) = book_of(study).apply([change], "Ann")
    assert (outcome.state, outcome.now.to) == ("already there", (5, 6))
    assert [entry["id"] for entry in journal.read(path) if clicks.is_click(entry)] == [change.id]


def test_an_id_of_another_change_is_refused_not_taken_for_it(study: MadeStudy) -> None:
    book = book_of(study)
    book.apply([place(5, 6, id="one")], "Ann")
    for other in (place(9, 9, id="one", keypoint="tailtip"), place(5, 7, id="one")):
        with pytest.raises(LabelsError, match="another change"):
            book.apply([place(1, 1, keypoint="leftear"), other], "Bo")
    assert "leftear" not in {e["keypoint"] for e in journal.read(study.project.journal_of("cage1")) if "id" in e}


def test_a_journal_that_was_put_back_from_a_backup_is_read_anew(study: MadeStudy) -> None:
    book, path = book_of(study), study.project.journal_of("cage1")
    book.apply([place(5, 6)], "Ann")
    backup = path.read_bytes()
    later = place(7, 8, keypoint="tailtip")
    book.apply([later], "Ann")
    path.write_bytes(backup)
    assert book.frame("img99.png")[ONE].get("tailtip", clicks.Said()).to is None
    assert [outcome.state for outcome in book.apply([later], "Ann")] == ["done"]  # it is not on the disk any more
    other = path.with_name("other")
    other.write_bytes(backup + path.read_bytes())
    other.replace(path)
    assert book.frame("img99.png")[ONE]["tailtip"].to == (7, 8)


@pytest.mark.skipif(sys.platform != "linux", reason="file names are text elsewhere")
def test_pictures_whose_name_is_no_text_are_passed_over(study: MadeStudy) -> None:
    folder = os.fsencode(study.root / "labeled-data/cage1")
    shutil.copy(folder + b"/img99.png", folder + b"/img\xff.png")
    shutil.copy(folder + b"/img99.png", folder + "/img\u3000a.png".encode())
    assert set(book_of(study).pictures()) == {f"img{i}.png" for i in ("00", "02", "05", "07", "99", "\u3000a")}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"keypoint": "nose"}, "keypoints"),
        ({"individual": "mouse2"}, "animals"),
        ({"picture": "img98.png"}, "missing"),
        ({"picture": "../config.yaml"}, "file name"),
        ({"picture": "config.yaml"}, "picture"),
        ({"id": ""}, "id"),
    ],
)
def test_nonsense_is_refused_and_nothing_written(study: MadeStudy, change: dict[str, str], says: str) -> None:
    with pytest.raises(LabelsError, match=says):
        book_of(study).apply([place(1, 1, keypoint="snout"), place(1, 1, **{"keypoint": "tailtip", **change})], "Ann")
    assert not any(clicks.is_click(entry) for entry in journal.read(study.project.journal_of("cage1")))


@pytest.mark.parametrize("xy", [(-0.6, 5), (319.6, 5), (5, 239.6), (np.nan, 5), (np.inf, 5)])
def test_points_outside_the_picture_are_refused(study: MadeStudy, xy: tuple[float, float]) -> None:
    with pytest.raises(LabelsError, match="320 x 240"):
        book_of(study).apply([place(*xy)], "Ann")


def test_a_point_that_came_from_outside_its_picture_can_go_back(study: MadeStudy) -> None:
    """As of a table of another tool: to say that it is hidden, or to undo a move."""
    project = study.project
    labels = project.labels_of("cage1")
    frame = labels.frames[0]
    xy = frame.instances[0].xy.copy()
    xy[0] = (-7.5, 12.0)
    frames = (replace(frame, instances=(Instance.from_xy(xy),)), *labels.frames[1:])
    project.write_labels("cage1", replace(labels, frames=frames))
    book, picture = book_of(study), frame.image.rpartition("/")[2]
    outside, seen, hidden = (-7.5, 12.0), Visibility.VISIBLE, Visibility.OCCLUDED
    states = [
        PointChange("a", picture, ONE, "snout", (outside, seen), (9.0, 9.0), seen),
        PointChange("b", picture, ONE, "snout", ((9.0, 9.0), seen), outside, seen),
        PointChange("c", picture, ONE, "snout", (outside, seen), outside, hidden),
    ]
    assert [book.apply([change], "Ann")[0].state for change in states] == ["done"] * 3
    with pytest.raises(LabelsError, match="320 x 240"):
        book.apply([PointChange("d", picture, ONE, "snout", (outside, hidden), (-7.5, np.nan), seen)], "Ann")


def test_the_outer_edge_of_the_picture_is_inside(study: MadeStudy) -> None:
    assert book_of(study).apply([place(-0.5, 239.5)], "Ann")[0].state == "done"


def test_without_room_nothing_is_acknowledged(study: MadeStudy) -> None:
    book = book_of(study)
    path = study.project.journal_of("cage1")
    path.unlink()
    path.mkdir()
    with pytest.raises(StorageError):
        book.apply([place(5, 6)], "Ann")


def test_two_people_at_once_lose_nothing(study: MadeStudy) -> None:
    names = study.project.skeleton.keypoints
    done: list[str] = []

    def work(who: str, some: tuple[str, ...]) -> None:
        book = book_of(study)
        for name, picture in itertools.product(some, book.pictures()):
            was = book.frame(picture).get(ONE, {}).get(name, clicks.Said())
            changes = [place(50, 60, was=(was.to, was.visibility), keypoint=name, picture=picture)]
            done.extend(o.state for o in book.apply(changes, who))

    people = [threading.Thread(target=work, args=(who, some)) for who, some in (("A", names[:3]), ("B", names[3:]))]
    for person in people:
        person.start()
    for person in people:
        person.join()
    assert done == ["done"] * (5 * len(names))
    book_of(study).flush()
    assert (Project(study.root).labels().xy() == [50, 60]).all()
