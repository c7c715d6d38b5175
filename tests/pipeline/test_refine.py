"""What is new since the last run, and frames taken out of a video."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from made_study import MadeStudy, make_study
from markerless.core.instance import Instance
from markerless.core.tracks import Tracks
from markerless.errors import LabelsError, SettingsError, VideoError
from markerless.formats import dlc
from markerless.pipeline.refine import folder_and_picture, labels_version, standing, take_frames
from markerless.project import Project
from markerless.video.images import read_image, write_image
from markerless.video.reader import open_video
from recalled import Known, add_run, pictures_of

MakeStudy = Callable[..., Project]


@pytest.fixture
def study(dot_study: MakeStudy) -> Project:
    return dot_study(6)


def add(project: Project, name: str, train: list[str], start: str = "", age_s: float = 0) -> None:
    known = Known(pictures_of(project), np.asarray(project.labels().xy()[:, 0]))
    run = add_run(project, name, known, {"train": train}, start)
    state = (run.folder / "run.toml").stat()
    os.utime(run.folder / "run.toml", ns=(state.st_atime_ns, int(state.st_mtime_ns - age_s * 1e9)))


def move(project: Project, image: str, by: float) -> None:
    labels = project.labels()
    frames = [
        replace(frame, instances=tuple(Instance.from_xy(i.xy + by) for i in frame.instances))
        if frame.image == image
        else frame
        for frame in labels.frames
    ]
    project.write_labels("m1", replace(labels, frames=tuple(frames)))


def test_before_the_first_run_there_is_nothing_to_refine(study: Project) -> None:
    found = standing(study)
    assert (found.run, found.before, found.n_labeled) == (None, None, 6)
    assert (found.fresh, found.changed, found.waiting) == ((), (), ())


def test_frames_that_the_last_run_does_not_know_are_fresh(study: Project) -> None:
    images = list(study.labels().images)
    add(study, "run1", images[:2], age_s=-20)
    add(study, "run2", images[2:4], "run1", age_s=-40)  # the newest
    found = standing(study)
    assert found.run is not None
    assert found.before is not None
    assert (found.run.name, found.before.name) == ("run2", "run1")
    assert sorted(found.fresh) == images[4:]
    assert found.changed == ()


def test_labels_moved_since_the_last_run_are_told(study: Project) -> None:
    images = list(study.labels().images)
    add(study, "run1", images, age_s=-10)  # later than the first labels
    assert standing(study).changed == ()
    add(study, "run1", images, age_s=1)
    assert standing(study).changed == tuple(images)  # they were all placed after it
    add(study, "run1", images, age_s=0)
    move(study, images[3], 1.5)
    assert images[3] in standing(study).changed


def test_pictures_without_labels_wait_the_newest_first(study: Project) -> None:
    folder = study.root / "labeled-data" / "m1"
    data = (folder / "img00.png").read_bytes()
    for name, age in (("img90.png", 5), ("img91.png", 1), (".img92.png", 0)):
        (folder / name).write_bytes(data)
        os.utime(folder / name, (1e9 - age, 1e9 - age))
    assert standing(study).waiting == ("labeled-data/m1/img91.png", "labeled-data/m1/img90.png")


def test_the_version_changes_with_a_label_and_with_nothing_else(study: Project) -> None:
    before = labels_version(study)
    assert labels_version(Project(study.root)) == before
    move(study, study.labels().images[0], 2.0)
    assert labels_version(study) != before


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> MadeStudy:
    return make_study(tmp_path_factory.mktemp("study"), n_frames=30, n_labeled=4)


def predicted(made: MadeStudy) -> Tracks:
    points = made.truth[:, None] + 2.0
    return Tracks(made.project.skeleton, points, np.full(points.shape[:3], 0.5), scorer="net")


def test_frames_become_pictures_with_predictions_as_starting_labels(made: MadeStudy) -> None:
    labeled = made.project.root / "labeled-data" / "cage1" / f"img{made.labeled[1]:02d}.png"
    before = labeled.stat().st_mtime_ns
    taken = take_frames(made.project, made.video, [7, 5, made.labeled[1], 7], predicted(made))
    names = ("img05.png", "img07.png", labeled.name)
    assert (taken.folder, taken.pictures, taken.n_new) == ("cage1", names, 2)
    assert labeled.stat().st_mtime_ns == before
    with open_video(made.video) as reader:
        np.testing.assert_array_equal(read_image(labeled.parent / "img07.png"), reader[7])
    starting = dlc.read(labeled.parent / "machinelabels-iter0.h5")
    assert starting.provenance["images"] == [f"labeled-data/cage1/{name}" for name in names]
    np.testing.assert_allclose(starting.points[1, 0], made.truth[7] + 2)
    assert set(standing(made.project).waiting) >= {"labeled-data/cage1/img05.png", "labeled-data/cage1/img07.png"}


def test_a_picture_with_other_zeros_in_its_name_is_the_same_frame(made: MadeStudy) -> None:
    folder = made.project.root / "labeled-data" / "cage1"
    (folder / "img05.png").rename(folder / "img0005.png")
    taken = take_frames(made.project, made.video, [5])
    assert (taken.pictures, taken.n_new) == (("img0005.png",), 0)
    (folder / "img0005.png").rename(folder / "img05.png")


def cropped(made: MadeStudy, frame: int) -> str:
    """A picture as DeepLabCut leaves it with `cropping: true`, from column 40 and row 20 on; its name."""
    name = f"img{frame:02d}.png"
    with open_video(made.video) as reader:
        write_image(made.project.root / "labeled-data" / "cage1" / name, reader[frame][20:170, 40:240])
    return name


def test_pictures_that_are_crops_get_no_starting_labels(tmp_path: Path) -> None:
    made = make_study(tmp_path / "study", n_frames=30, n_labeled=4)
    names = [cropped(made, 5), cropped(made, 6)]
    taken = take_frames(made.project, made.video, [5, 6, 7, made.labeled[1]], predicted(made))
    labeled = f"img{made.labeled[1]:02d}.png"
    assert (taken.pictures, taken.n_new) == ((*names, "img07.png", labeled), 1)
    starting = dlc.read(made.project.root / "labeled-data" / "cage1" / "machinelabels-iter0.h5")
    assert starting.provenance["images"] == ["labeled-data/cage1/img07.png", f"labeled-data/cage1/{labeled}"]
    np.testing.assert_allclose(starting.points[0, 0], made.truth[7] + 2)
    (note,) = taken.notes
    for part in ("img05.png and 1 more", "expected 320 x 240 px", "cage1.mp4", "got 200 x 150 px", "Label page"):
        assert part in note


def test_crops_alone_write_no_starting_labels_and_a_broken_picture_is_told(tmp_path: Path) -> None:
    made = make_study(tmp_path / "study", n_frames=30, n_labeled=4)
    folder = made.project.root / "labeled-data" / "cage1"
    cropped(made, 5)
    assert len(take_frames(made.project, made.video, [5], predicted(made)).notes) == 1
    assert take_frames(made.project, made.video, [5]).notes == ()  # no labels to start from, none missed
    (folder / "img06.png").write_bytes(b"")
    (note,) = take_frames(made.project, made.video, [6], predicted(made)).notes
    assert "img06.png" in note
    assert "cannot be read" in note
    assert not list(folder.glob("machinelabels*"))


@pytest.mark.parametrize(("frames", "said"), [([], "1 to"), ([30], "0 to 29"), ([-1], "0 to 29"), (range(501), "1 to")])
def test_frames_that_make_no_sense_are_refused(made: MadeStudy, frames: list[int], said: str) -> None:
    with pytest.raises(SettingsError if said == "1 to" else VideoError, match=said):
        take_frames(made.project, made.video, frames)


def test_names_of_an_image() -> None:
    assert folder_and_picture("labeled-data/m4s1/img0.png") == ("m4s1", "img0.png")
    for odd in ("img0.png", "labeled-data/../img0.png", "videos/m4s1/img0.png", "labeled-data/a/b/c.png"):
        with pytest.raises(LabelsError):
            folder_and_picture(odd)


def test_looking_writes_nothing(made: MadeStudy) -> None:
    before = {path: path.stat().st_mtime_ns for path in made.root.rglob("*")}
    standing(made.project)
    assert {path: path.stat().st_mtime_ns for path in made.root.rglob("*")} == before
