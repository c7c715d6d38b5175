"""Other keypoints for a study: labels, journal and config go along; nothing is lost, also by a crash in between."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ruamel.yaml import YAML

from markerless.core.instance import Instance, Visibility
from markerless.core.labels import LabeledFrame, Labels
from markerless.core.skeleton import Skeleton
from markerless.errors import LabelsError, ProjectError, RevisionError, StorageError
from markerless.formats import dlc_labels
from markerless.project import Project, config_file, journal, staged
from markerless.project.keypoints import Plan, change_keypoints, plan
from markerless.project.label_book import LabelBook, PointChange
from markerless.project.skeleton_settings import Drawn

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


def labels_of_one(video: str) -> Labels:
    return Labels(Skeleton(("nose",)), (LabeledFrame(f"labeled-data/{video}/img00.png", ()),))


def test_comments_and_unknown_keys_of_the_config_stay(study: Project) -> None:
    text = study.config_path.read_text(encoding="utf-8")
    text = text.replace("- nose\n", "- nose  # of the mouse\n").replace("skeleton: []", "skeleton:\n- - nose\n  - tail")
    study.config_path.write_text(text + "mine: 3\n", encoding="utf-8")
    after = changed(Project(study.root), rename={"tail": "tip"}, add=["paw"])
    lines = after.config_path.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line.startswith("#")] == [
        line for line in text.splitlines() if line.startswith("#")
    ]
    assert "- nose  # of the mouse" in lines and lines[-1] != "" and after.config["mine"] == 3
    at = lines.index("- paw")
    assert lines[at + 1 : at + 4] == [
        "",
        "",
        "# Part of each video that frames are extracted from, and how many frames",
    ]
    assert after.skeleton.names_of(after.skeleton.edges) == (("nose", "tip"),)
    without = changed(after, remove=["tip"])
    assert without.skeleton.edges == () and "# Drawing" in without.config_path.read_text(encoding="utf-8")
    again = Project(study.root)
    assert [again.config[key] for key in ("skeleton_color", "start", "pcutoff")] == ["black", 0, 0.6]


ODD_NAMES = (
    r"no¦Yes¦y¦null¦~¦1¦1.0¦1e5¦.5¦0x1F¦12:30:45¦2026-01-01¦nan¦-¦=¦<<¦é¦naß 😀¦a: b¦a #c¦#c¦'q'¦" + '"¦'
    r"a\b¦[x]¦{y}¦- z¦*al¦&an¦!tag¦%d¦@at¦`bt`¦| p¦> g¦? q¦=SUM(1)¦x¦likelihood¦coords¦scorer¦bodyparts¦individuals"
).split("¦")


@pytest.mark.parametrize("name", ODD_NAMES)
def test_odd_names_stay_texts_in_every_file_and_for_every_reader(study: Project, name: str) -> None:
    before = points(study, "tail")
    after = changed(study, rename={"tail": name}, add=["paw"])
    drawn = Drawn(((name, "nose"),), (("paw", name),), {name: "#010203"})
    change_keypoints(after, Plan(after.skeleton.keypoints, after.skeleton.keypoints), drawn)
    after = Project(study.root)
    assert after.skeleton.keypoints == (*study.skeleton.keypoints[:3], name, "paw")
    assert (after.skeleton.edges, after.skeleton.mirror_pairs) == (((3, 0),), ((4, 3),))
    assert config_file.keypoint_colors(after.config) == {name: "#010203"}
    old = YAML(typ="safe", pure=True)
    old.version = (1, 1)  # which napari's plug-in reads
    config = old.load(after.config_path.read_text(encoding="utf-8"))
    assert config["bodyparts"][3] == config["skeleton"][0][0] == next(iter(config["keypoint_colors"])) == name
    assert points(after, name) == before
    (table,) = after.label_tables(VIDEO)
    assert table.h5 is not None
    table.h5.unlink()
    assert points(Project(study.root), name) == before
    again = changed(changed(Project(study.root), remove=[name]), add=[name])
    assert points(again, name) == before


def test_a_name_that_could_not_be_chosen_is_no_reason_to_refuse_changes_of_others(study: Project) -> None:
    text = study.config_path.read_text(encoding="utf-8").replace("- nose\n", '- "nose, of the mouse"\n')
    study.config_path.write_text(text, encoding="utf-8")
    after = changed(Project(study.root), rename={"tail": "tip"})
    assert after.skeleton.keypoints[0] == "nose, of the mouse" and np.isfinite(points(after, "tip")).all()


@pytest.mark.parametrize(
    "style", ["[nose, left ear, right ear, tail]", "[\"nose\", 'left ear', right ear, tail] # of it"]
)
def test_the_style_of_the_config_stays(study: Project, style: str) -> None:
    text = study.config_path.read_text(encoding="utf-8")
    start, end = text.index("bodyparts:"), text.index("\n\n", text.index("bodyparts:"))
    study.config_path.write_text(f"{text[:start]}bodyparts: {style}{text[end:]}", encoding="utf-8")
    after = changed(Project(study.root), rename={"tail": "tip"}, add=["paw"])
    assert after.skeleton.keypoints == ("nose", "left ear", "right ear", "tip", "paw")
    assert f"bodyparts: {style.replace('tail', 'tip, paw')}\n" in after.config_path.read_text(encoding="utf-8")


def test_pairs_that_stay_keep_their_comments(study: Project) -> None:
    with study.config_path.open("a", encoding="utf-8") as file:
        file.write("mirror_pairs:\n- [left ear, right ear]  # seen from behind\nmine: 3\n")
    after = changed(Project(study.root), rename={"nose": "snout"})
    assert "- [left ear, right ear]  # seen from behind\n" in after.config_path.read_text(encoding="utf-8")


def test_mirror_pairs_that_the_new_names_do_not_tell_are_written_down(study: Project) -> None:
    assert study.skeleton.mirror_pairs == ((1, 2),)
    after = changed(study, rename={"left ear": "earA", "right ear": "earB"})
    assert after.skeleton.mirror_pairs == ((1, 2),)
    assert after.config["mirror_pairs"] == [["earA", "earB"]]
    told = changed(study.__class__(study.root), rename={"earA": "ear left", "earB": "ear right"})
    assert told.config["mirror_pairs"] == [["ear left", "ear right"]]


def test_edges_pairs_and_colors_of_ones_own(study: Project) -> None:
    same = Plan(study.skeleton.keypoints, study.skeleton.keypoints)
    drawn = Drawn((("nose", "tail"), ("nose", "left ear")), (), {"tail": "#00ff00"})
    before = contents(study.root)
    change_keypoints(study, same, drawn)
    after = Project(study.root)
    assert after.skeleton.edges == ((0, 3), (0, 1)) and after.skeleton.mirror_pairs == ()
    assert config_file.keypoint_colors(after.config) == {"tail": "#00ff00"}
    others = {name for name, content in contents(study.root).items() if before.get(name) != content}
    assert others == {"config.yaml"}  # labels were not touched
    change_keypoints(after, same, Drawn())
    assert Project(study.root).skeleton.mirror_pairs == ((1, 2),)  # guessed again


@pytest.mark.parametrize(
    ("steps", "says"),
    [
        ({"remove": ["nos"]}, "no keypoint 'nos'; did you mean 'nose'"),
        ({"rename": {"x": "y"}}, "no keypoint 'x'"),
        ({"add": ["nose"]}, "'nose' twice"),
        ({"rename": {"nose": "tail"}}, "'tail' twice"),
        ({"add": ["a,b"]}, "without commas"),
        ({"add": [" a"]}, "blanks around"),
        ({"add": ["single"]}, "a meaning of its own"),
        ({"add": ["Unnamed: 0"]}, "a meaning of its own"),
        ({"remove": ["nose", "left ear", "right ear", "tail"]}, "at least one keypoint"),
        ({"order": ["nose", "tail"]}, "all keypoints in their new order"),
    ],
)
def test_senseless_steps_change_nothing(study: Project, steps: dict[str, Any], says: str) -> None:
    before = contents(study.root)
    with pytest.raises(ProjectError, match=says):
        changed(study, **steps)
    assert contents(study.root) == before


@pytest.mark.parametrize(
    ("drawn", "says"),
    [
        (Drawn((("nose", "x"),)), "no keypoint 'x'"),
        (Drawn((("nose", "nose"),)), "two different keypoints"),
        (Drawn((), (("nose", "tail"), ("tail", "left ear"))), "one mirror pair at most"),
        (Drawn((), None, {"nose": "red"}), "expected a color like"),
    ],
)
def test_senseless_drawings_change_nothing(study: Project, drawn: Drawn, says: str) -> None:
    before = contents(study.root)
    with pytest.raises(ProjectError, match=says):
        change_keypoints(study, Plan(study.skeleton.keypoints, study.skeleton.keypoints), drawn)
    assert contents(study.root) == before


def test_a_csv_that_is_newer_and_differs_is_settled_first(study: Project) -> None:
    (table,) = study.label_tables(VIDEO)
    assert table.csv is not None and table.h5 is not None
    text = table.csv.read_text(encoding="utf-8")
    table.csv.write_text(text.replace("11.0", "12.0", 1), encoding="utf-8")
    later = table.h5.stat().st_mtime + 10
    os.utime(table.csv, (later, later))
    before = contents(study.root)
    with pytest.raises(LabelsError, match="settle it with"):
        changed(study, add=["paw"])
    assert contents(study.root) == before


class Killed(BaseException):
    """As if the computer had stopped."""


def test_wherever_the_computer_stops_all_is_old_or_all_is_new(
    study: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    say(study, "img02.png", "nose", (5, 6), Visibility.OCCLUDED, "c1")
    study.save_clicks(VIDEO)
    old = study.root
    steps: dict[str, Any] = {"rename": {"nose": "snout"}, "remove": ["tail"]}
    stops = ("write_text", "_replace", "_append", "_remove")
    kept: dict[str, int] = {"old": 0, "new": 0}
    for name in stops:
        for after_n in range(4):
            root = shutil.copytree(old, tmp_path / f"{name}{after_n}")
            with monkeypatch.context() as patch:
                real, calls = getattr(staged, name), iter(range(100))

                def stop(*args: Any, real: Any = real, calls: Any = calls, after_n: int = after_n) -> None:
                    if next(calls) == after_n:
                        raise Killed
                    real(*args)

                patch.setattr(staged, name, stop)
                with contextlib.suppress(Killed):
                    change_keypoints(Project(root), plan(Project(root), **steps))
            found = Project(root)
            is_new = found.skeleton.keypoints == ("snout", "left ear", "right ear")
            kept["new" if is_new else "old"] += 1
            assert is_new or found.skeleton.keypoints == study.skeleton.keypoints
            assert points(found, "snout" if is_new else "nose") == points(study, "nose")
            assert seen_in(found, "img02.png")["snout" if is_new else "nose"] == Visibility.OCCLUDED
            if is_new:
                again = changed(found, add=["tail"])
                assert points(again, "tail") == points(study, "tail")
            assert not (root / staged.PLAN).exists()
            assert not [path for path in root.rglob(f"{staged.PREFIX}*") if is_new]
    assert kept["old"] == 1 and kept["new"] == 15  # the plan itself is what decides


def test_a_plan_of_somebody_elses_making_reaches_nothing_outside(study: Project, tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("mine", encoding="utf-8")
    for path in ("../victim", str(tmp_path / "victim")):
        plan_ = {"version": 1, "moves": [], "appends": [], "removals": [path]}
        (study.root / staged.PLAN).write_text(json.dumps(plan_), encoding="utf-8")
        with pytest.raises(ProjectError, match="expected files of the project"):
            Project(study.root)
    assert (tmp_path / "victim").read_text(encoding="utf-8") == "mine"


def test_somebody_who_opened_the_study_before_cannot_write_old_names(study: Project) -> None:
    (study.root / "labeled-data" / "new").mkdir()
    shutil.copy(study.root / "labeled-data" / VIDEO / "img00.png", study.root / "labeled-data" / "new")
    stale, book = Project(study.root), LabelBook(Project(study.root), VIDEO)
    changed(study, rename={"nose": "tail", "tail": "nose"})
    labels = replace(stale.labels_of(VIDEO), frames=())
    with pytest.raises(ProjectError, match="open it again"):
        stale.write_labels("new", labels)
    click = PointChange("c1", "img00.png", ONE, "nose", ((0, 10), Visibility.VISIBLE), (9, 9), Visibility.VISIBLE)
    with pytest.raises(ProjectError, match="open it again"):
        book.apply([click], "Bo")
    assert not [entry for entry in journal.read(study.journal_of(VIDEO)) if entry.get("id") == "c1"]


def test_who_writes_labels_first_finishes_what_was_interrupted(study: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    opened, book = Project(study.root), LabelBook(Project(study.root), VIDEO)
    before = points(study, "nose")

    def stop(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(staged, "_replace", stop)
        change_keypoints(study, plan(study, rename={"nose": "snout"}))
    assert staged.is_under_way(study.root)
    click = PointChange("c1", "img00.png", ONE, "tail", ((6, 17), Visibility.VISIBLE), (9, 9), Visibility.VISIBLE)
    with pytest.raises(ProjectError, match="open it again"):
        book.apply([click], "Bo")
    assert not staged.is_under_way(study.root)
    with pytest.raises(RevisionError):
        opened.write_labels(VIDEO, opened.labels_of(VIDEO), revision="x")
    assert points(Project(study.root), "snout") == before


def test_a_program_that_was_killed_before_anything_was_decided_keeps_nobody_from_labeling(study: Project) -> None:
    (study.root / staged.MARK).touch()
    say(study, "img00.png", "nose", (5, 5), Visibility.VISIBLE, "c1")
    assert not (study.root / staged.MARK).exists()
    assert points(study, "nose")[0] == [5, 5]


def test_more_folders_than_files_may_be_open(study: Project) -> None:
    resource = pytest.importorskip("resource")
    for k in range(60):
        folder = study.root / "labeled-data" / f"v{k}"
        folder.mkdir()
        journal.append(study.journal_of(folder.name), [{"change": "point"}], "Ann")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    in_use = len(list(Path("/proc/self/fd").iterdir())) if Path("/proc/self/fd").is_dir() else 100
    resource.setrlimit(resource.RLIMIT_NOFILE, (in_use + 40, hard))
    try:
        changed(study, rename={"nose": "snout"})
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_full_disk_changes_nothing_and_leaves_nothing(study: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    before = contents(study.root)

    def full(*_: object) -> None:
        raise StorageError("no space left")

    monkeypatch.setattr(staged, "write_text", full)
    with pytest.raises(StorageError):
        changed(study, rename={"nose": "snout"})
    assert contents(study.root) == before


def test_pages_that_know_the_old_names_cannot_save_over_the_new_ones(study: Project) -> None:
    labels = study.labels()
    changed(study, rename={"nose": "snout"})
    with pytest.raises(RevisionError):
        study.write_labels(VIDEO, labels)


def test_the_journal_keeps_every_name(study: Project) -> None:
    changed(study, rename={"nose": "snout"}, remove=["tail"])
    entries = list(journal.read(study.journal_of(VIDEO)))
    (told,) = [entry for entry in entries if entry["change"] == "keypoints"]
    assert told["keypoints"] == ["snout", "left ear", "right ear"] and told["removed"] == ["tail"]
    assert told["was"] == ["nose", "left ear", "right ear"] and told["who"] == "Ann"
