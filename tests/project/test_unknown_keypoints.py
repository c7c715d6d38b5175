"""Points of keypoints that `config.yaml` does not name: they stay in the tables, whatever is done with the others."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from markerless.core.instance import Instance, Visibility
from markerless.core.labels import LabeledFrame, Labels
from markerless.core.skeleton import Skeleton
from markerless.project import Project
from markerless.project.label_book import LabelBook, PointChange
from markerless.project.label_writing import write_table
from markerless.video.images import write_image
from merged import empty_study

NAN = (np.nan, np.nan)
ONE = "individual_0"
NOTHING = (None, Visibility.NOT_LABELED)
_ids = itertools.count()


def filled(study: Project, rows: dict[str, dict[str, list[tuple[float, float]]]], who: str = "Ann") -> Project:
    """Labels in tables alone: picture -> animal -> points of the keypoints of `study`."""
    folder = study.root / "labeled-data" / "v"
    frames = []
    for name, animals in rows.items():
        write_image(folder / f"{name}.png", np.zeros((64, 64, 3), np.uint8))
        instances = tuple(with_gaps_open(Instance.from_xy(xy, animal)) for animal, xy in animals.items())
        frames.append(LabeledFrame(f"labeled-data/v/{name}.png", instances, who))
    individuals = tuple(dict.fromkeys(animal for animals in rows.values() for animal in animals))
    labels = Labels(Skeleton(study.skeleton.keypoints), tuple(frames), individuals)
    write_table(folder, f"CollectedData_{who}", labels)
    return Project(study.root)


def with_gaps_open(instance: Instance) -> Instance:
    """Of animals that are there once, the table has columns for what is known of them alone."""
    is_gap = np.isnan(instance.xy).any(axis=-1)
    return replace(instance, visibility=np.where(is_gap, np.int8(0), instance.visibility))


def without(study: Project, name: str) -> Project:
    """Somebody takes a keypoint out of `config.yaml` by hand."""
    for key in ("bodyparts", "uniquebodyparts"):
        if name in (study.config.get(key) or ()):
            study.config[key] = [one for one in study.config[key] if one != name]
    study.save_config()
    return Project(study.root)


def one_animal(tmp_path: Path, rows: dict[str, list[tuple[float, float]]]) -> Project:
    study = empty_study(tmp_path, "mouse", "Ann", ("nose", "tail", "ear"))
    return without(filled(study, {name: {ONE: xy} for name, xy in rows.items()}), "ear")


def two_kinds(tmp_path: Path) -> Project:
    """img1 has the animal m1 and a corner, img2 the corner alone; nobody names the corner any more."""
    study = empty_study(tmp_path, "pair", "Ann")
    study.config["multianimalproject"], study.config["bodyparts"] = True, "MULTI!"
    study.config["multianimalbodyparts"], study.config["uniquebodyparts"] = ["nose", "tail"], ["corner"]
    study.config["individuals"] = ["m1"]
    study.save_config()
    corner = [NAN, NAN, (40.0, 41.0)]
    rows = {"img1": {"m1": [(1.0, 2.0), (3.0, 4.0), NAN], "single": corner}, "img2": {"single": corner}}
    return without(filled(Project(study.root), rows), "corner")


def points(study: Project, who: str = "Ann") -> dict[tuple[str, str, str], list[float]]:
    """Picture, animal and keypoint -> where a table has it."""
    (table,) = [one for one in study.label_tables("v") if one.name == f"CollectedData_{who}"]
    labels = table.read()
    return {
        (Path(frame.image).stem, instance.individual, name): instance.xy[k].tolist()
        for frame in labels.frames
        for instance in frame.instances
        for k, name in enumerate(labels.skeleton.keypoints)
        if np.isfinite(instance.xy[k]).all()
    }


def moved(labels: Labels, individual: str) -> Labels:
    """The first frame with one animal a pixel further."""
    first, *others = labels.frames
    instances = tuple(replace(i, xy=i.xy + 1) if i.individual == individual else i for i in first.instances)
    return replace(labels, frames=(replace(first, instances=instances), *others))


def click(study: Project, picture: str, to: tuple[float, float] | None, was: tuple = NOTHING, who: str = ONE) -> None:
    seen = Visibility.NOT_LABELED if to is None else Visibility.VISIBLE
    book = LabelBook(Project(study.root), "v")
    (outcome,) = book.apply([PointChange(f"u{next(_ids)}", f"{picture}.png", who, "nose", was, to, seen)], "Ann")
    assert outcome.state == "done"
    book.flush()


def test_an_animal_of_unknown_keypoints_alone_stays_when_labels_are_saved(tmp_path: Path) -> None:
    study = two_kinds(tmp_path)
    study.write_labels("v", moved(study.labels(), "m1"))
    assert points(study) == {
        ("img1", "m1", "nose"): [2, 3],
        ("img1", "m1", "tail"): [4, 5],
        ("img1", "single", "corner"): [40, 41],
        ("img2", "single", "corner"): [40, 41],
    }


def test_a_frame_of_unknown_keypoints_alone_stays_in_the_tables_of_others(tmp_path: Path) -> None:
    study = two_kinds(tmp_path)
    full = Project(study.root)
    full.config["uniquebodyparts"] = ["corner"]
    filled_by_bo = {"img3": {"m1": [NAN] * 3, "single": [NAN, NAN, (50.0, 51.0)]}}
    full.save_config()
    study = without(filled(Project(study.root), filled_by_bo, "Bo"), "corner")
    study.write_labels("v", moved(study.labels(), "m1"))
    assert points(study, "Bo") == {("img3", "single", "corner"): [50, 51]}


def test_what_was_clicked_of_a_keypoint_that_is_unknown_now_stays(tmp_path: Path) -> None:
    study = empty_study(tmp_path, "mouse", "Ann", ("nose", "tail", "ear"))
    study = filled(study, {"img0": {ONE: [(1, 2), (3, 4), (5, 6)]}})
    write_image(study.root / "labeled-data/v/img1.png", np.zeros((64, 64, 3), np.uint8))
    book = LabelBook(study, "v")
    book.apply([PointChange("e", "img1.png", ONE, "ear", NOTHING, (9.0, 9.0), Visibility.VISIBLE)], "Ann")
    book.flush()
    study = without(study, "ear")
    labels = study.labels()
    assert labels.frames[1].instances[0].visibility.tolist() == [0, 0]
    study.write_labels("v", labels)
    assert points(study)["img1", ONE, "ear"] == [9, 9]
    again = Project(study.root).labels()
    assert again.frames[1].instances[0].visibility.tolist() == [0, 0]


def test_an_unknown_point_of_an_animal_that_is_absent_otherwise_stays(tmp_path: Path) -> None:
    """As DeepLabCut writes it: no journal says that the other keypoints were not looked for."""
    rows = {"img0": [(1.0, 2.0), (3.0, 4.0), (5.0, 6.0)], "img1": [NAN, NAN, (9.0, 9.0)]}
    study = one_animal(tmp_path, rows)
    click(study, "img0", (2.0, 3.0), ((1.0, 2.0), Visibility.VISIBLE))
    assert points(study)["img1", ONE, "ear"] == [9, 9]
    study.write_labels("v", study.labels())
    assert points(study)["img1", ONE, "ear"] == [9, 9]
    assert points(study)["img0", ONE, "nose"] == [2, 3]


def test_beside_an_unknown_point_what_nobody_has_looked_for_is_not_absent(tmp_path: Path) -> None:
    study = one_animal(tmp_path, {"img0": [(1.0, 2.0), (3.0, 4.0), (5.0, 6.0)], "img1": [NAN, NAN, (9.0, 9.0)]})
    study.config["bodyparts"] = [*study.skeleton.keypoints, "paw"]
    study.save_config()
    study = Project(study.root)
    before = [frame.instances[0].visibility.tolist() for frame in study.labels().frames]
    assert before == [[2, 2, 0], [3, 3, 0]]
    click(study, "img0", (2.0, 3.0), ((1.0, 2.0), Visibility.VISIBLE))
    assert [frame.instances[0].visibility.tolist() for frame in Project(study.root).labels().frames] == before


@pytest.mark.parametrize("who", ["Ann", "Bo"])
@pytest.mark.parametrize("clicks", [True, False])
def test_unlabeling_a_frame_leaves_its_unknown_points(tmp_path: Path, clicks: bool, who: str) -> None:
    study = empty_study(tmp_path, "mouse", "Ann", ("nose", "ear"))
    study = filled(study, {"img0": {ONE: [(1, 2), (5, 6)]}, "img1": {ONE: [(3, 4), (9, 9)]}}, who)
    study = without(study, "ear")
    if clicks:
        click(study, "img1", None, ((3.0, 4.0), Visibility.VISIBLE))
    else:
        labels = study.labels()
        none = replace(labels.frames[1].instances[0], xy=np.full((1, 2), np.nan), visibility=np.zeros(1, np.int8))
        study.write_labels(
            "v", replace(labels, frames=(labels.frames[0], replace(labels.frames[1], instances=(none,))))
        )
    assert points(study, who) == {
        ("img0", ONE, "nose"): [1, 2],
        ("img0", ONE, "ear"): [5, 6],
        ("img1", ONE, "ear"): [9, 9],
    }


def test_a_click_that_is_taken_back_leaves_an_animal_of_unknown_keypoints_alone(tmp_path: Path) -> None:
    study = two_kinds(tmp_path)
    click(study, "img2", (7.0, 8.0), who="m1")
    click(study, "img2", None, ((7.0, 8.0), Visibility.VISIBLE), who="m1")
    assert points(study)["img2", "single", "corner"] == [40, 41]
    assert ("img2", "m1", "nose") not in points(study)


def test_a_frame_that_is_taken_out_goes_with_all_it_holds(tmp_path: Path) -> None:
    study = one_animal(tmp_path, {f"img{n}": [(1.0, 2.0), (3.0, 4.0), (5.0, 6.0)] for n in (0, 1)})
    labels = study.labels()
    study.write_labels("v", replace(labels, frames=labels.frames[:1]))
    assert {picture for picture, _, _ in points(study)} == {"img0"}
