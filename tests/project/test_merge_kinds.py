"""Merging of every kind of study: several animals, pictures without videos, real ones, and any mixture of labels."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from markerless.core.instance import Instance
from markerless.core.labels import LabeledFrame, Labels
from markerless.errors import LabelsError
from markerless.formats import dlc_labels
from markerless.pipeline.merge import merge
from markerless.project import Project
from markerless.project.label_files import labeler_of, table_name
from markerless.project.label_writing import write_table
from markerless.video.images import write_image
from merged import Place, add_film, contents, empty_study, film_picture, label, moved, points

OPENFIELD, REACHING = "openfield-Pranav-2018-10-30", "Reaching-Mackenzie-2018-08-30"


def with_gaps(by: float, gaps: set[tuple[int, int]]) -> Place:
    """Everything lies to the right of where it usually is; some points are missing."""
    return lambda frame, keypoint: (np.nan, np.nan) if (frame, keypoint) in gaps else moved(by)(frame, keypoint)


def of_several(folder: Path, scorer: str, individuals: tuple[str, ...], frames: range) -> Project:
    """A study of several animals, nose and ear each, and a food cup that is there once."""
    study = empty_study(folder, "pair", scorer)
    study.config["multianimalproject"], study.config["bodyparts"] = True, "MULTI!"
    study.config["multianimalbodyparts"], study.config["uniquebodyparts"] = ["nose", "ear"], ["cup"]
    study.config["individuals"] = list(individuals)
    study.save_config()
    study = Project(study.root)
    rows = []
    for frame in frames:
        image = f"labeled-data/v/img{frame:03d}.png"
        write_image(study.root / image, film_picture(1, frame))
        nan = [np.nan, np.nan]
        animals = [
            Instance.from_xy([[10.0 * n + frame, 5.0], [10.0 * n + frame, 9.0], nan], name)
            for n, name in enumerate(individuals)
        ]
        cup = Instance.from_xy([nan, nan, [30.0, 20.0]], "single")
        rows.append(LabeledFrame(image, (*animals, cup), scorer))
    labels = Labels(study.skeleton, tuple(rows), (*individuals, "single"))
    write_table(study.root / "labeled-data" / "v", table_name(scorer), labels)
    return Project(study.root)


def test_animals_go_by_their_names(tmp_path: Path) -> None:
    into = of_several(tmp_path / "one", "Ann", ("a", "b"), range(3))
    other = of_several(tmp_path / "two", "Bo", ("b", "c"), range(2, 5))
    result = merge(into.root, [other.root])
    now = Project(into.root)
    assert now.individuals == ("a", "b", "c") and now.skeleton.keypoints == ("nose", "ear", "cup")
    # b is the second animal in one study, the first in the other: 10 px apart in the common frame; the cup agrees
    assert [(one.individual, one.keypoint, one.distance_px) for one in result.merge.conflicts] == [
        ("b", "nose", 10.0),
        ("b", "ear", 10.0),
    ]
    (own, theirs) = now.label_tables("v")
    assert (own.name, theirs.name) == ("CollectedData_Ann", "CollectedData_Bo")
    assert own.read().n_points == 3 * 5 and theirs.read().n_points == 3 * 5 and len(now.labels()) == 5
    assert merge(into.root, [other.root]).merge.is_nothing


def test_the_same_person_labeled_another_animal_in_the_same_frame(tmp_path: Path) -> None:
    into = of_several(tmp_path / "one", "Ann", ("a", "b"), range(3))
    other = of_several(tmp_path / "two", "Ann", ("c",), range(2, 4))
    assert not merge(into.root, [other.root]).merge.conflicts
    frame = next(frame for frame in Project(into.root).labels().frames if frame.image.endswith("img002.png"))
    assert {instance.individual for instance in frame.instances} == {"a", "b", "c", "single"}
    assert merge(into.root, [other.root]).merge.is_nothing


def test_a_video_that_two_of_the_others_have_comes_once(tmp_path: Path) -> None:
    into = empty_study(tmp_path / "one", "a", "Ann")
    others = [empty_study(tmp_path / name, "b", name) for name in ("Bo", "Cy")]
    for other, name in zip(others, ("x", "y"), strict=True):
        add_film(other, f"{name}.mp4", 4)
        label(other, name, (0, 1), film=4)
    result = merge(into.root, [other.root for other in others])
    now = Project(into.root)
    assert now.label_folders() == ("x",) and [path.name for path in now.videos()] == ["x.mp4"]
    assert [table.name for table in now.label_tables("x")] == ["CollectedData_Bo", "CollectedData_Cy"]
    assert not result.merge.conflicts and merge(into.root, [other.root for other in others]).merge.is_nothing


def test_a_csv_that_is_newer_and_differs_has_to_be_settled_first(tmp_path: Path) -> None:
    into, other = empty_study(tmp_path / "one", "a", "Ann"), empty_study(tmp_path / "two", "b", "Bo")
    label(into, "v", (0, 1))
    label(other, "v", (0, 1))
    table = other.root / "labeled-data/v/CollectedData_Bo.csv"
    table.write_text(table.read_text(encoding="utf-8").replace("5.0", "6.0", 1), encoding="utf-8")
    before = contents(into.root)
    with pytest.raises(LabelsError, match="--take csv"):
        merge(into.root, [other.root])
    assert contents(into.root) == before


@pytest.mark.parametrize("seed", range(4))
def test_no_label_of_anybody_gets_lost_or_changed(seed: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(seed)
    into, other = (
        empty_study(tmp_path / "one", "a", "Ann"),
        empty_study(tmp_path / "two", "b", str(rng.choice(["Ann", "Bo"]))),
    )
    for study in (into, other):
        add_film(study, f"{study.name}.mp4", 1)
        for who in ("Ann", "Bo", "Cy"):
            frames = sorted(rng.choice(8, rng.integers(0, 6), replace=False).tolist())
            gaps = {(f, k) for f in frames for k in range(3) if rng.random() < 0.2}
            by = float(rng.choice([0.0, 2.0]))
            if frames:
                label(study, study.name, frames, place=with_gaps(by, gaps), scorer=who)
    before = {
        study.name: {
            labeler_of(table.name): points(study, labeler_of(table.name), study.name)
            for table in study.label_tables(study.name)
        }
        for study in (into, other)
    }
    result = merge(into.root, [other.root])
    now = Project(into.root)
    (folder,) = now.label_folders()
    lost = {
        (one.table.removeprefix("CollectedData_"), one.image.rpartition("/")[2], one.keypoint): one.points[1].to
        for one in result.merge.conflicts
        if one.table
    }
    for who in {**before["a"], **before["b"]}:
        first, second = before["a"].get(who, {}), before["b"].get(who, {})
        assert points(now, who, folder) == {**second, **first}
        for key, there in second.items():
            if first.get(key, there) != there:
                assert lost.pop((who, *key)) == there
    assert not lost
    again = contents(into.root)
    assert merge(into.root, [other.root]).merge.is_nothing and contents(into.root) == again


def half(source: Path, root: Path, keep: slice, scorer: str, by: float) -> Project:
    """Some frames of a real study, its labels moved by normal noise of `by` px and written as another person's."""
    shutil.copytree(source, root, ignore=shutil.ignore_patterns("*.h5", "*.csv", "*.md", "*.png"))
    config = root / "config.yaml"
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace(f"scorer: {Project(source).scorer}", f"scorer: {scorer}"), encoding="utf-8")
    labels, rng = Project(source).labels(), np.random.default_rng(0)
    (video,) = {frame.video for frame in labels.frames}
    frames = []
    for frame in labels.frames[keep]:
        shutil.copyfile(frame.picture, root / frame.image)
        animals = (replace(i, xy=i.xy + rng.normal(0, by, i.xy.shape)) for i in frame.instances)
        frames.append(replace(frame, instances=tuple(animals), labeler=scorer))
    write_table(root / "labeled-data" / video, table_name(scorer), replace(labels, frames=tuple(frames)))
    return Project(root)


@pytest.mark.parametrize(("name", "n_common"), [(OPENFIELD, 20), (REACHING, 14)])
def test_real_studies_that_overlap(name: str, n_common: int, shared_data: Path, tmp_path: Path) -> None:
    source = shared_data / name
    whole = Project(source).labels()
    n = min(len(whole), 44)
    whole = whole.select(whole.images[:n])
    middle = (n - n_common) // 2
    one = half(source, tmp_path / "one", slice(0, middle + n_common), Project(source).scorer, 0.0)
    two = half(source, tmp_path / "two", slice(middle, n), "Bo", 2.0)
    (folder,) = {frame.video for frame in whole.frames}
    (two.root / "labeled-data" / folder).rename(two.root / "labeled-data" / "somewhere else")
    n_one, n_two = one.labels().n_points, Project(two.root).labels().n_points
    result = merge(one.root, [two.root])
    now = Project(one.root)
    assert set(now.labels().images) == set(whole.images)
    (own, theirs) = now.label_tables(folder)
    assert own.read().n_points == n_one and theirs.read().n_points == n_two
    common = whole.select(whole.images[middle : middle + n_common])
    assert len(result.merge.conflicts) == common.n_points > 0
    distances = [one.distance_px for one in result.merge.conflicts]
    assert 1.5 < np.median(distances) < 3.2  # noise of 2 px in x and y: 2.35
    again = contents(one.root)
    assert merge(one.root, [two.root]).merge.is_nothing and contents(one.root) == again
    assert dlc_labels.read(one.root / "labeled-data" / folder / "CollectedData_Bo.h5").n_points == n_two
