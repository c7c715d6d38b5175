"""`Project`: DeepLabCut folders opened in place."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from markerless.errors import LabelsError, ProjectError, RunError
from markerless.project import Project
from markerless.video.writer import VideoWriter

RUN = '[run]\nname = "{name}"\nfinished = {finished}\nscorer = "S"\n[skeleton]\nkeypoints = ["a"]\n'


def edit(project: Project, old: str, new: str) -> Project:
    text = project.config_path.read_text(encoding="utf-8")
    assert old in text
    project.config_path.write_text(text.replace(old, new), encoding="utf-8")
    return Project(project.root)


def make_video(path: Path, width: int = 64, height: int = 48) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with VideoWriter(path, 10.0, (width, height)) as writer:
        for gray in range(3):
            writer.write(np.full((height, width, 3), 40 * gray, np.uint8))
    return path


def make_run(project: Project, name: str, finished: bool, age: int) -> None:
    folder = project.run_folder(name)
    folder.mkdir(parents=True)
    (folder / "run.toml").write_text(RUN.format(name=name, finished=str(finished).lower()), encoding="utf-8")
    (folder / "split.json").write_text('{"train": []}', encoding="utf-8")
    os.utime(folder / "run.toml", (1e9 - age, 1e9 - age))


def listing(folder: Path) -> dict[str, tuple[int, int]]:
    return {str(p.relative_to(folder)): (p.stat().st_mtime_ns, p.stat().st_size) for p in folder.rglob("*")}


def test_openfield_opens_in_place(shared_data: Path) -> None:
    project = Project(shared_data / "openfield-Pranav-2018-10-30")
    labels = project.labels()
    assert (project.name, project.scorer, project.date) == ("openfield", "Pranav", "Oct30")
    assert project.skeleton.keypoints == ("snout", "leftear", "rightear", "tailbase")
    assert project.skeleton.mirror_pairs == ((1, 2),)
    assert (len(labels), labels.n_points, labels.notes) == (93, 372, ())
    assert labels.frames[0].image == "labeled-data/m4s1/img0000.png"
    assert labels.frames[0].path is not None
    assert labels.frames[0].path.is_file()
    np.testing.assert_allclose(labels.frames[0].instances[0].xy[0], [21.521, 265.428])
    assert [video.name for video in project.videos()] == ["m3v1mp4.mp4"]
    assert project.crop_of(project.videos()[0]) is None
    assert project.run_scorer("efficientnet_lite0", "run1") == "DLC_EfficientnetLite0_openfieldOct30_run1"


def test_reaching_has_missing_points_and_two_sizes(shared_data: Path) -> None:
    project = Project(shared_data / "Reaching-Mackenzie-2018-08-30" / "config.yaml")
    labels = project.labels()
    assert (len(labels), labels.n_points) == (44, 185)
    assert project.skeleton.edges == ((0, 1), (3, 4))
    assert project.videos() == ()


def test_several_animals_are_read_fully(shared_data: Path) -> None:
    project = Project(shared_data / "interop" / "dlc-multi" / "sleap-test-project" / "madlc_230_config.yaml")
    labels = project.labels()
    assert project.is_multi_animal
    assert project.skeleton.keypoints == ("A", "B", "C", "D", "E")
    assert labels.individuals == ("Animal1", "Animal2", "single")
    assert (len(labels), labels.n_points) == (4, 17)
    assert any("scorer 'Scorer'" in note for note in labels.notes)


def test_opening_and_reading_write_nothing(study: Project) -> None:
    before = listing(study.root)
    again = Project(study.root)
    again.labels()
    again.videos()
    again.runs()
    assert listing(study.root) == before


def test_a_moved_folder_opens_by_a_relative_path(
    study: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved = tmp_path / "élsewhere with blanks"
    study.root.rename(moved)
    monkeypatch.chdir(tmp_path)
    labels = Project(moved.name).labels()
    assert labels.n_points == 16
    assert all(frame.path is not None and frame.path.is_file() for frame in labels.frames)


@pytest.mark.parametrize(
    ("name", "words"), [("gone", "no such project"), ("empty", "no project in"), ("a.txt", "file")]
)
def test_what_is_no_project_is_one_line(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "a.txt").write_text("x", encoding="utf-8")
    with pytest.raises(ProjectError, match=words):
        Project(tmp_path / name)


def test_a_project_without_bodyparts(study: Project) -> None:
    with pytest.raises(ProjectError, match="bodyparts"):
        edit(study, "bodyparts:\n- nose\n- left ear\n- right ear\n- tail\n", "")


def test_a_sentence_too_long_for_a_file_name_is_no_video(study: Project) -> None:
    name = f"/data/{'very' * 80}long.mp4"
    study.config["video_sets"] = {name: {"crop": "0, 64, 0, 48"}}
    study.save_config()
    again = Project(study.root)
    assert again.video_sets() == {name: None}
    assert again.videos() == ()


def test_a_bodypart_twice(study: Project) -> None:
    with pytest.raises(ProjectError, match="'nose' twice"):
        edit(study, "- tail\n", "- nose\n")


def test_no_labels_says_what_to_do(study: Project) -> None:
    shutil.rmtree(study.root / "labeled-data")
    with pytest.raises(LabelsError, match="markerless app"):
        study.labels()
    assert len(study.labels_of("day one")) == 0


def test_keypoints_of_config_and_table_are_matched_by_name(study: Project) -> None:
    project = edit(study, "- nose\n- left ear\n- right ear\n- tail\n", "- tail\n- whisker\n- nose\n")
    labels = project.labels()
    np.testing.assert_array_equal(labels.xy()[1, 0], [[7, 17], [np.nan, np.nan], [1, 11]])
    assert any("left ear, right ear" in note for note in labels.notes)
    assert any("never labeled: whisker" in note for note in labels.notes)


def test_no_shared_keypoint_is_an_error(study: Project) -> None:
    project = edit(study, "- nose\n- left ear\n- right ear\n- tail\n", "- wing\n")
    with pytest.raises(LabelsError, match="no keypoint name is shared"):
        project.labels()


def test_check_labels_pictures_and_hidden_files_are_no_labels(study: Project) -> None:
    data = study.root / "labeled-data"
    shutil.copytree(data / "day one", data / "day one_labeled", ignore=shutil.ignore_patterns("CollectedData*"))
    (data / ".DS_Store").write_bytes(b"\0")
    (data / ".hidden").mkdir()
    (data / "day one" / "._CollectedData_Ann.csv").write_bytes(b"\0")
    assert study.label_folders() == ("day one",)
    assert len(study.labels()) == 4


def test_a_missing_scorer_is_taken_from_the_tables(study: Project) -> None:
    project = edit(study, "scorer: Ann", "scorer:")
    assert project.scorer == "Ann"
    assert any("no scorer" in note for note in project.notes)


def test_videos_are_found_by_name_then_by_path(study: Project, tmp_path: Path) -> None:
    inside = make_video(study.root / "videos" / "a.mp4")
    outside = make_video(tmp_path / "other disk" / "b.mp4")
    make_video(study.root / "videos" / "aDLC_Resnet50_x_labeled.mp4")
    make_video(study.root / "videos" / "c.mp4")
    sets = "video_sets:\n" + "".join(
        f"  {key}:\n    crop: 0, 64, 0, 48\n"
        for key in (r"D:\lab\a.mp4", outside, "/gone/d.mp4", "WILL BE AUTOMATICALLY UPDATED BY DEMO CODE")
    )
    project = edit(study, "video_sets: {}\n", sets)
    assert project.videos() == (inside, outside, study.root / "videos" / "c.mp4")
    assert project.video_sets() == {r"D:\lab\a.mp4": inside, str(outside): outside, "/gone/d.mp4": None}


def test_crops(study: Project) -> None:
    video = make_video(study.root / "videos" / "a.mp4")
    other = make_video(study.root / "videos" / "b.mp4")
    sets = "video_sets:\n  /x/a.mp4:\n    crop: 8, 40, 4, 30\n  /x/b.mp4:\n    crop: 0, 64, 0, 48\n"
    project = edit(study, "video_sets: {}\n", sets)
    assert project.crop_of(video) is None  # cropping is false
    project = edit(project, "cropping: false", "cropping: true")
    assert project.crop_of(video) == (8, 40, 4, 30)
    assert project.crop_of(other) == (0, 640, 277, 624)  # its own is the whole frame
    project = edit(project, "x2: 640", "x2:")
    with pytest.raises(ProjectError, match="cropping is true"):
        project.crop_of(other)


def test_runs_oldest_first_and_the_newest_by_default(study: Project) -> None:
    assert study.runs() == ()
    with pytest.raises(RunError, match="no finished run"):
        study.run()
    make_run(study, "first", True, age=30)
    make_run(study, "zweiter", True, age=10)
    make_run(study, "broken-off", False, age=0)
    (study.root / "runs" / "notes").mkdir()
    assert study.runs() == ("first", "zweiter")
    assert study.run().name == "zweiter"
    assert study.run("first").name == "first"
    with pytest.raises(RunError, match="not finished"):
        study.run("broken-off")
    with pytest.raises(RunError, match="did you mean 'first'"):
        study.run("frist")
    with pytest.raises(RunError, match="run name"):
        study.run("../first")


def test_a_project_of_another_kind_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "project.yaml").write_text("a: 1", encoding="utf-8")
    with pytest.raises(ProjectError, match="markerless new NAME --labels"):
        Project(tmp_path)
    (tmp_path / "config.yaml").write_text("Task: t\ncamera_names: [a, b]\n", encoding="utf-8")
    with pytest.raises(ProjectError, match="3D project"):
        Project(tmp_path)
