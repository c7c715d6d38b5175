"""Other keypoints for a study: labels, journal and config go along; nothing is lost, also by a crash in between."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from markerless.core.instance import Instance, Visibility
from markerless.core.labels import LabeledFrame, Labels
from markerless.core.skeleton import Skeleton
from markerless.formats import dlc_labels
from markerless.project import Project, journal
from markerless.project.keypoints import change_keypoints, plan
from markerless.project.label_book import LabelBook
from rekeyed import ONE, VIDEO, changed, contents, labels_of_one, points, say, seen_in


def test_labels_go_along_with_new_names_and_a_new_order(study: Project) -> None:
    before = {name: points(study, name) for name in study.skeleton.keypoints}
    after = changed(
        study, rename={"nose": "snout"}, add=["paw"], order=["tail", "paw", "snout", "right ear", "left ear"]
    )
    assert after.skeleton.keypoints == ("tail", "paw", "snout", "right ear", "left ear")
    assert points(after, "snout") == before["nose"]
    assert points(after, "tail") == before["tail"]
    assert np.isnan(points(after, "paw")).all()
    table = dlc_labels.read(after.label_tables(VIDEO)[0].master)
    assert table.skeleton.keypoints == after.skeleton.keypoints
    csv = after.label_tables(VIDEO)[0].csv
    assert csv is not None and dlc_labels.read(csv).skeleton.keypoints == after.skeleton.keypoints


def test_a_new_keypoint_is_not_labeled_yet_rather_than_absent(study: Project) -> None:
    after = changed(study, add=["paw"])
    assert seen_in(after, "img00.png")["paw"] == Visibility.NOT_LABELED
    (frame, *_) = after.labels().frames
    assert frame.instances[0].visibility[4] == Visibility.NOT_LABELED


def test_a_frame_without_the_animal_stays_one(study: Project) -> None:
    for k, name in enumerate(study.skeleton.keypoints):
        say(study, "img00.png", name, None, Visibility.ABSENT, f"c{k}")
    assert study.labels().frames[0].instances == ()
    after = changed(study, add=["paw"])
    assert after.labels().frames[0].instances == ()
    assert len(after.labels()) == 4


def test_exchanged_names_exchange_everything(study: Project) -> None:
    say(study, "img01.png", "nose", (3, 3), Visibility.OCCLUDED, "c1")
    nose, tail = points(study, "nose"), points(study, "tail")
    after = changed(study, rename={"nose": "tail", "tail": "nose"})
    assert (points(after, "nose"), points(after, "tail")) == (tail, nose)
    seen = seen_in(after, "img01.png")
    assert (seen["tail"], seen["nose"]) == (Visibility.OCCLUDED, Visibility.VISIBLE)


def test_clicks_on_their_way_to_the_tables_go_along_with_who_made_them(study: Project) -> None:
    say(study, "img02.png", "nose", (5, 6), Visibility.OCCLUDED, "c1")
    after = changed(study, rename={"nose": "snout"})
    said = LabelBook(after, VIDEO).frame("img02.png")[ONE]["snout"]
    assert (said.to, said.visibility, said.who) == ((5, 6), Visibility.OCCLUDED, "Bo")
    assert points(after, "snout")[2] == [5, 6]
    assert after.label_tables(VIDEO)[0].read().xy()[2, 0, 0].tolist() == [5, 6]


def test_a_removed_keypoint_comes_back_with_its_labels(study: Project) -> None:
    say(study, "img03.png", "tail", (7, 8), Visibility.OCCLUDED, "c1")
    before, order = points(study, "tail"), study.skeleton.keypoints
    done = change_keypoints(study, plan(study, remove=["tail"]))
    assert (done.kept, done.n_frames) == ({"tail": 4}, 4)
    without = Project(study.root)
    assert without.skeleton.keypoints == order[:3]
    assert "tail" not in dlc_labels.read(without.label_tables(VIDEO)[0].master).skeleton.keypoints
    done = change_keypoints(without, plan(without, add=["tail"]))
    assert done.restored == {"tail": 4}
    again = Project(study.root)
    assert points(again, "tail") == before
    assert seen_in(again, "img03.png")["tail"] == Visibility.OCCLUDED


def test_what_was_unlabeled_after_it_came_back_stays_so(study: Project) -> None:
    again = changed(changed(study, remove=["tail"]), add=["tail"])
    say(again, "img00.png", "tail", None, Visibility.NOT_LABELED, "c1")
    third = changed(changed(again, remove=["tail"]), add=["tail"])
    assert np.isnan(points(third, "tail")[0]).all()
    assert np.isfinite(points(third, "tail")[1:]).all()


def test_frames_with_a_removed_keypoint_alone_are_not_said_to_be_without_the_animal(study: Project) -> None:
    for k, name in enumerate(study.skeleton.keypoints[1:]):
        say(study, "img00.png", name, None, Visibility.NOT_LABELED, f"c{k}")
    nose = points(study, "nose")
    after = changed(study, remove=["nose"])
    assert "labeled-data/day one/img00.png" not in after.labels().images
    again = changed(after, add=["nose"], order=None)
    assert "labeled-data/day one/img00.png" in again.labels().images
    assert sorted(points(again, "nose")) == sorted(nose)
    assert seen_in(again, "img00.png")["tail"] == Visibility.NOT_LABELED


@pytest.fixture
def of_two(study: Project, labels_for: Callable[..., Labels]) -> Project:
    """Bo has labeled the pictures of Ann, too, but for the tail of the first one, and sees the tail elsewhere."""
    theirs = labels_for(VIDEO)
    frames = [with_point(frame, 3, (90 + f, 90)) for f, frame in enumerate(theirs.frames)]
    frames[0] = with_point(frames[0], 3, None)
    for suffix in (".h5", ".csv"):
        path = study.root / "labeled-data" / VIDEO / f"CollectedData_Bo{suffix}"
        dlc_labels.write(replace(theirs, frames=tuple(replace(frame, labeler="Bo") for frame in frames)), path)
    return Project(study.root)


def with_point(frame: LabeledFrame, k: int, to: tuple[float, float] | None) -> LabeledFrame:
    (instance,) = frame.instances
    xy = instance.xy.copy()
    xy[k] = (np.nan, np.nan) if to is None else to
    return replace(frame, instances=(Instance.from_xy(xy, instance.individual),))


def table_of(study: Project, who: str) -> Labels:
    return dlc_labels.read(study.root / "labeled-data" / VIDEO / f"CollectedData_{who}.h5")


def test_a_removed_keypoint_comes_back_to_everybody_who_had_labeled_it(of_two: Project) -> None:
    before = {who: table_of(of_two, who).xy() for who in ("Ann", "Bo")}
    changed(changed(of_two, remove=["tail"]), add=["tail"])
    for who, xy in before.items():
        np.testing.assert_array_equal(table_of(of_two, who).xy(), xy)


def test_a_row_of_somebody_else_that_was_lost_comes_back_to_them(of_two: Project) -> None:
    theirs = table_of(of_two, "Bo")
    frame = replace(theirs.frames[1], image=f"labeled-data/{VIDEO}/extra.png")
    for k in range(3):
        frame = with_point(frame, k, None)
    for suffix in (".h5", ".csv"):
        path = of_two.root / "labeled-data" / VIDEO / f"CollectedData_Bo{suffix}"
        dlc_labels.write(replace(theirs, frames=(frame,)), path)
    shutil.copy(of_two.root / "labeled-data" / VIDEO / "img00.png", of_two.root / "labeled-data" / VIDEO / "extra.png")
    less = changed(of_two, remove=["tail"])
    assert [table.name for table in less.label_tables(VIDEO)] == ["CollectedData_Ann"]
    changed(less, add=["tail"])
    (frame,) = table_of(of_two, "Bo").frames
    assert frame.labeler == "Bo" and frame.image.endswith("extra.png")
    np.testing.assert_array_equal(frame.instances[0].xy[3], (91, 90))
    assert f"labeled-data/{VIDEO}/extra.png" not in table_of(of_two, "Ann").images


def test_labels_that_went_on_under_another_name_do_not_come_back_twice(study: Project) -> None:
    there = changed(changed(study, remove=["tail"]), add=["tail"])
    after = changed(changed(there, rename={"tail": "tip"}), add=["tail"])
    assert np.isnan(points(after, "tail")).all()
    assert np.isfinite(points(after, "tip")).all()


def test_labels_come_back_beside_a_column_that_the_study_did_not_know(study: Project) -> None:
    before = points(study, "tail")
    without = changed(study, remove=["tail"])
    ann = table_of(without, "Ann")
    wide = [one_more(frame, (70, 70) if f == 0 else None) for f, frame in enumerate(ann.frames)]
    for suffix in (".h5", ".csv"):
        labels = Labels(Skeleton((*ann.skeleton.keypoints, "tail")), tuple(wide), ann.individuals)
        dlc_labels.write(labels, study.root / "labeled-data" / VIDEO / f"CollectedData_Ann{suffix}")
    after = changed(without, add=["tail"])
    assert points(after, "tail") == [[70, 70], *before[1:]]


def one_more(frame: LabeledFrame, to: tuple[float, float] | None) -> LabeledFrame:
    (instance,) = frame.instances
    return replace(frame, instances=(Instance.from_xy([*instance.xy, to or (np.nan, np.nan)], instance.individual),))


def test_labels_of_a_picture_that_was_taken_out_do_not_come_back(study: Project) -> None:
    without = changed(study, remove=["tail"])
    labels = without.labels_of(VIDEO)
    without.write_labels(VIDEO, replace(labels, frames=labels.frames[1:]))
    after = changed(without, add=["tail"])
    assert len(after.labels()) == 3 and np.isfinite(points(after, "tail")).all()


@pytest.mark.parametrize("table", ["../CollectedData_x", "CollectedData_/../../x", "/tmp/CollectedData_x", 3, None])
def test_a_journal_of_somebody_elses_making_writes_no_table_elsewhere(study: Project, table: object) -> None:
    entry = {"image": f"labeled-data/{VIDEO}/img00.png", "individual": ONE, "keypoint": "paw", "to": [1, 2]}
    journal.append(study.journal_of(VIDEO), [{**entry, "change": "keypoint removed", "table": table}], "Eve")
    before = set(contents(study.root.parent))
    changed(study, add=["paw"])
    assert {name for name in contents(study.root.parent) if name.endswith((".h5", ".csv"))} <= before
    assert np.isnan(points(Project(study.root), "paw")).all()


def test_all_tables_go_along_and_keep_columns_that_the_study_does_not_know(
    study: Project, labels_for: Callable[..., Labels]
) -> None:
    theirs = labels_for(VIDEO, keypoints=("whisker", "nose", "tail"))
    for suffix in (".h5", ".csv"):
        dlc_labels.write(theirs, study.root / "labeled-data" / VIDEO / f"CollectedData_Bo{suffix}")
    changed(study, rename={"nose": "snout"}, remove=["tail"])
    for suffix in (".h5", ".csv"):
        got = dlc_labels.read(study.root / "labeled-data" / VIDEO / f"CollectedData_Bo{suffix}")
        assert got.skeleton.keypoints == ("snout", "left ear", "right ear", "whisker")
        np.testing.assert_array_equal(got.xy()[:, 0, 3], theirs.xy()[:, 0, 0])
        np.testing.assert_array_equal(got.xy()[:, 0, 0], theirs.xy()[:, 0, 1])


def test_a_column_that_was_unknown_is_taken_up(study: Project, labels_for: Callable[..., Labels]) -> None:
    wide = labels_for(VIDEO, keypoints=(*study.skeleton.keypoints, "whisker"))
    for suffix in (".h5", ".csv"):
        dlc_labels.write(wide, study.root / "labeled-data" / VIDEO / f"CollectedData_Ann{suffix}")
    after = changed(study, add=["whisker"])
    np.testing.assert_array_equal(points(after, "whisker"), wide.xy()[:, 0, 4])
    assert set(seen_in(after, "img00.png").values()) == {Visibility.VISIBLE}


def test_several_animals(tmp_path: Path, study: Project) -> None:
    many = several(study)
    xy = np.arange(12.0).reshape(2, 3, 2)
    xy[:, 2] = np.nan
    door = np.full((3, 2), np.nan)
    door[2] = (9, 9)
    instances = [Instance.from_xy(xy[0], "a"), Instance.from_xy(xy[1], "b"), Instance.from_xy(door, "single")]
    seen = [Visibility.VISIBLE, Visibility.VISIBLE, Visibility.NOT_LABELED]
    of_animal, of_door = np.array(seen, np.int8), np.array([0, 0, 2], np.int8)
    instances = [replace(i, visibility=of_door if i.individual == "single" else of_animal) for i in instances]
    frame = replace(next(iter(labels_of_one(VIDEO).frames)), instances=tuple(instances))
    many.write_labels(VIDEO, Labels(many.skeleton, (frame,), ("a", "b", "single")))
    after = changed(many, rename={"tail": "tip", "door": "gate"}, add=["paw"])
    assert after.config["multianimalbodyparts"] == ["nose", "tip", "paw"]
    assert after.config["uniquebodyparts"] == ["gate"]
    labels = after.labels()
    placed = {
        (i.individual, after.skeleton.keypoints[k])
        for i in labels.frames[0].instances
        for k in np.flatnonzero(np.isfinite(i.xy[:, 0]))
    }
    assert placed == {("a", "nose"), ("a", "tip"), ("b", "nose"), ("b", "tip"), ("single", "gate")}


def several(study: Project, unique: str = "[door]") -> Project:
    """The study without labels, of the animals a and b."""
    text = study.config_path.read_text(encoding="utf-8")
    start, end = text.index("bodyparts:"), text.index("\n\n", text.index("bodyparts:"))
    lists = f"bodyparts: MULTI!\nmultianimalbodyparts: [nose, tail]\nuniquebodyparts: {unique}\nindividuals: [a, b]"
    study.config_path.write_text(text[:start].replace("project: false", "project: true") + lists + text[end:])
    shutil.rmtree(study.root / "journal")
    for path in (study.root / "labeled-data" / VIDEO).glob("Collected*"):
        path.unlink()
    return Project(study.root)


def placed_in(study: Project) -> dict[tuple[str, str], list[float]]:
    return {
        (i.individual, study.skeleton.keypoints[k]): i.xy[k].tolist()
        for i in study.labels().frames[0].instances
        for k in np.flatnonzero(np.isfinite(i.xy[:, 0]))
    }


@pytest.fixture
def animals(study: Project) -> Project:
    """Nose and tail of a, the tail alone of b, and the door of the room."""
    many = several(study)
    nan = (np.nan, np.nan)
    instances = []
    for name, xy in (("a", [(1, 2), (3, 4), nan]), ("b", [nan, (5, 6), nan]), ("single", [nan, nan, (9, 9)])):
        instance = Instance.from_xy(xy, name)
        unlabeled = np.where(np.isfinite(instance.score), instance.visibility, np.int8(0)).astype(np.int8)
        instances.append(replace(instance, visibility=unlabeled))
    frame = replace(next(iter(labels_of_one(VIDEO).frames)), instances=tuple(instances))
    many.write_labels(VIDEO, Labels(many.skeleton, (frame,), ("a", "b", "single")))
    return Project(study.root)


def test_an_animal_that_had_nothing_else_comes_back_among_others(animals: Project) -> None:
    before = placed_in(animals)
    without = changed(animals, remove=["tail"])
    assert placed_in(without) == {key: xy for key, xy in before.items() if key[1] != "tail"}
    assert placed_in(changed(without, add=["tail"])) == before


def test_what_is_there_once_comes_back_as_such(animals: Project) -> None:
    before = placed_in(animals)
    without = changed(animals, remove=["door"])
    assert without.config["uniquebodyparts"] == []
    again = changed(without, add=["door", "paw"])
    assert (again.config["multianimalbodyparts"], again.config["uniquebodyparts"]) == (
        ["nose", "tail", "paw"],
        ["door"],
    )
    assert placed_in(again) == before


def test_keypoints_are_told_in_the_order_in_which_they_are_kept(animals: Project) -> None:
    done = change_keypoints(animals, plan(animals, add=["paw"]))
    assert done.keypoints == Project(animals.root).skeleton.keypoints == ("nose", "tail", "paw", "door")
