"""Making projects: empty, of labels, with videos."""

from __future__ import annotations

import errno
import json
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from markerless.errors import LabelsError, ProjectError, StorageError, VideoError
from markerless.project import LabelSource, NewProject, Project, add_videos, create_from_labels, create_project
from markerless.video.images import write_image
from markerless.video.writer import VideoWriter

NEW = NewProject("open field", "Jürgen", ("nose", "tail"), (("nose", "tail"),), date(2018, 10, 3))


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "recordings" / "mouse 1.mp4"
    path.parent.mkdir()
    with VideoWriter(path, 10.0, (64, 48)) as writer:
        for gray in (0, 90, 180):
            writer.write(np.full((48, 64, 3), gray, np.uint8))
    return path


def write_csv(path: Path, rows: list[str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    head = ["scorer,rick,rick,rick,rick", "bodyparts,nose,nose,tail,tail", "coords,x,y,x,y"]
    path.write_text("\n".join([*head, *rows]) + "\n", encoding="utf-8")
    return path


def write_pictures(folder: Path, names: list[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(names):
        write_image(folder / name, np.full((20, 30, 3), number, np.uint8))


def test_an_empty_project_is_laid_out_as_deeplabcut_does(tmp_path: Path, video: Path) -> None:
    project = create_project(NEW, tmp_path / "studies", [video])
    assert project.root == tmp_path / "studies" / "open field-Jürgen-2018-10-03"
    assert {entry.name for entry in project.root.iterdir()} == {
        "config.yaml",
        "videos",
        "labeled-data",
        "training-datasets",
        "dlc-models",
    }
    assert (project.name, project.scorer, project.date) == ("open field", "Jürgen", "Oct3")
    assert project.skeleton.edges == ((0, 1),)
    assert project.config["project_path"] == str(project.root)
    assert dict(project.config["video_sets"]) == {str(project.root / "videos" / video.name): {"crop": "0, 64, 0, 48"}}
    assert (project.root / "labeled-data" / "mouse 1").is_dir()
    assert (project.root / "videos" / video.name).samefile(video)


def test_videos_are_linked_else_referred_to(tmp_path: Path, video: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, target: Path, target_is_directory: bool = False) -> None:
        raise OSError(errno.EPERM, "not here")

    project = create_project(NEW, tmp_path)
    monkeypatch.setattr(Path, "hardlink_to", refuse)
    (linked,) = add_videos(project, [video])
    assert linked.how == "symlinked"
    assert linked.path.is_symlink()
    linked.path.unlink()
    other = shutil.copy(video, video.with_name("other.mp4"))
    monkeypatch.setattr(Path, "symlink_to", refuse)
    (referred,) = add_videos(project, [Path(other)])
    assert (referred.how, referred.path) == ("referred to", Path(other))
    assert Project(project.root).videos() == (Path(other),)


def test_copies_are_copies(tmp_path: Path, video: Path) -> None:
    project = create_project(NEW, tmp_path, [video], copy=True)
    place = project.root / "videos" / video.name
    assert not place.is_symlink()
    assert place.stat().st_nlink == 1
    assert place.read_bytes() == video.read_bytes()


def test_adding_twice_changes_nothing_and_another_video_of_that_name_is_refused(tmp_path: Path, video: Path) -> None:
    project = create_project(NEW, tmp_path)
    add_videos(project, [video], copy=True)
    text = project.config_path.read_text(encoding="utf-8")
    assert [item.how for item in add_videos(Project(project.root), [video])] == ["already there"]
    assert project.config_path.read_text(encoding="utf-8") == text
    with VideoWriter(tmp_path / video.name, 10.0, (32, 32)) as writer:
        writer.write(np.zeros((32, 32, 3), np.uint8))
    with pytest.raises(ProjectError, match="another one of that name"):
        add_videos(project, [tmp_path / video.name])


def test_a_video_there_that_cannot_be_read_is_said(
    tmp_path: Path, video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that is gone: whether it is the same video is not known."""
    project = create_project(NEW, tmp_path)
    (place,) = [item.path for item in add_videos(project, [video], copy=True)]
    opening = Path.open

    def failing(path: Path, *arguments: Any, **options: Any) -> Any:
        if path == place:
            raise OSError(errno.EIO, "Input/output error")
        return opening(path, *arguments, **options)

    monkeypatch.setattr(Path, "open", failing)
    with pytest.raises(VideoError, match="Input/output error; check the file"):
        add_videos(project, [video])


def test_adding_is_all_or_nothing(tmp_path: Path, video: Path) -> None:
    project = create_project(NEW, tmp_path)
    bad = tmp_path / "bad.mp4"
    bad.write_text("no video", encoding="utf-8")
    text = project.config_path.read_text(encoding="utf-8")
    with pytest.raises(VideoError):
        add_videos(project, [video, bad])
    assert list((project.root / "videos").iterdir()) == []
    assert project.config_path.read_text(encoding="utf-8") == text


def test_comments_below_the_videos_stay_below(tmp_path: Path, video: Path) -> None:
    project = create_project(NEW, tmp_path)
    text = project.config_path.read_text(encoding="utf-8")
    sets = "video_sets:\n  placeholder:\n    crop: 0, 9, 0, 9\n\n# below\n\n"
    project.config_path.write_text(text.replace("video_sets: {}\n", sets), encoding="utf-8")
    add_videos(Project(project.root), [video])
    after = project.config_path.read_text(encoding="utf-8")
    assert after.index("mouse 1.mp4") < after.index("# below") < after.index("bodyparts")
    assert after.count("# below") == 1


@pytest.mark.parametrize(
    ("new", "words"),
    [
        (NewProject("a/b", "S", ("k",)), "project name"),
        (NewProject("", "S", ("k",)), "project name"),
        (NewProject("a", "S:", ("k",)), "scorer"),
        (NewProject("a", ".", ("k",)), "scorer"),
        (NewProject("a", "S", ()), "--keypoints"),
        (NewProject("a", "S", ("k", "")), "keypoint names"),
        (NewProject("a", "S", ("a,b",)), "keypoint names"),
    ],
)
def test_impossible_names_are_refused_before_anything_is_made(tmp_path: Path, new: NewProject, words: str) -> None:
    with pytest.raises(ProjectError, match=words):
        create_project(new, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_existing_folder_is_not_touched(tmp_path: Path) -> None:
    project = create_project(NEW, tmp_path)
    text = project.config_path.read_bytes()
    with pytest.raises(ProjectError, match="exists already"):
        create_project(NEW, tmp_path)
    assert project.config_path.read_bytes() == text


def test_nothing_half_made_is_left(tmp_path: Path, video: Path) -> None:
    bad = video.with_name("bad.mp4")
    bad.write_bytes(b"")
    with pytest.raises(VideoError):
        create_project(NEW, tmp_path / "studies", [video, bad])
    assert list((tmp_path / "studies").iterdir()) == []


def test_a_place_below_a_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(ProjectError, match="--dir"):
        create_project(NEW, tmp_path / "file" / "deeper")


def test_a_full_disk_leaves_nothing(tmp_path: Path, video: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(StorageError, match="no space left"):
        create_project(NEW, tmp_path / "studies", [video], copy=True)
    assert list((tmp_path / "studies").iterdir()) == []


def test_labels_of_one_folder_go_to_the_name_of_the_tables_folder(tmp_path: Path) -> None:
    csv = write_csv(
        tmp_path / "mirror" / "CollectedData.csv", ["labeled-data/a.png,1,2,3,4", "labeled-data/b.png,5,6,,"]
    )
    write_pictures(csv.parent / "labeled-data", ["a.png", "b.png"])
    project = create_from_labels(NewProject("m"), LabelSource(csv), tmp_path / "studies")
    assert project.root.name.startswith("m-rick-")
    labels = project.labels()
    assert labels.images == ("labeled-data/mirror/a.png", "labeled-data/mirror/b.png")
    np.testing.assert_array_equal(labels.xy()[:, 0], [[[1, 2], [3, 4]], [[5, 6], [np.nan, np.nan]]])
    frame = pd.read_hdf(project.root / "labeled-data" / "mirror" / "CollectedData_rick.h5")
    assert frame.index[1] == ("labeled-data", "mirror", "b.png")
    # DeepLabCut trains on a folder only when a video of its name is in the config
    assert dict(project.config["video_sets"]) == {str(project.root / "videos" / "mirror.mp4"): {"crop": "0, 30, 0, 20"}}


def test_folders_of_pictures_keep_dots_in_their_names(tmp_path: Path) -> None:
    for day in ("2024.05.01", "2024.05.02"):
        write_pictures(tmp_path / "days" / day, ["img0.png", "img1.png"])
    first, second = (tmp_path / "days" / day for day in ("2024.05.01", "2024.05.02"))
    project = create_project(NEW, tmp_path / "studies", [first])
    add_videos(project, [second])
    assert sorted(path.name for path in (project.root / "labeled-data").iterdir()) == ["2024.05.01", "2024.05.02"]
    assert [path.name for path in Project(project.root).videos()] == ["2024.05.01", "2024.05.02"]
    add_videos(Project(project.root), [second])  # there already
    assert len(Project(project.root).video_sets()) == 2


def test_a_folder_is_another_video_than_one_that_is_called_so_and_a_dot_more(tmp_path: Path) -> None:
    for name in ("mouse.v1", "mouse"):
        write_pictures(tmp_path / name, ["img0.png", f"{name}.png"])
    project = create_project(NEW, tmp_path / "studies", [tmp_path / "mouse.v1"])
    add_videos(Project(project.root), [tmp_path / "mouse"])
    assert [path.name for path in Project(project.root).videos()] == ["mouse.v1", "mouse"]


def test_what_was_not_labeled_is_not_imported_as_absent(tmp_path: Path) -> None:
    """COCO: 0 is not labeled, 1 hidden, 2 seen; an animal of zeros alone is no frame without an animal."""
    write_pictures(tmp_path / "coco", ["a0.png", "a1.png", "a2.png"])
    flags = [[2, 0, 1], [2, 2, 2], [0, 0, 0]]
    annotations = [
        {
            "id": n + 1,
            "image_id": n + 1,
            "category_id": 1,
            "keypoints": [
                value for k, flag in enumerate(own) for value in (4 + k if flag else 0, 9 if flag else 0, flag)
            ],
        }
        for n, own in enumerate(flags)
    ]
    images = [{"id": n + 1, "file_name": f"a{n}.png"} for n in range(3)]
    categories = [{"id": 1, "name": "mouse", "keypoints": ["nose", "ear", "tail"]}]
    file = tmp_path / "coco" / "labels.json"
    file.write_text(json.dumps({"images": images, "annotations": annotations, "categories": categories}))
    project = create_from_labels(NewProject("m", "Ann"), LabelSource(file), tmp_path / "studies")
    found = {frame.image[-6:]: frame.instances[0].visibility.tolist() for frame in project.labels().frames}
    assert found == {"a0.png": [2, 0, 1], "a1.png": [2, 2, 2]}
    assert (project.root / "labeled-data" / "coco" / "a2.png").is_file()


def test_labels_of_several_folders_keep_them(tmp_path: Path) -> None:
    csv = write_csv(
        tmp_path / "lp" / "CollectedData.csv", ["labeled-data/d1/a.png,1,2,3,4", "labeled-data/d2/a.png,5,6,7,8"]
    )
    for day in ("d1", "d2"):
        write_pictures(csv.parent / "labeled-data" / day, ["a.png"])
    project = create_from_labels(NewProject("m", "Ann"), LabelSource(csv), tmp_path)
    assert project.labels().images == ("labeled-data/d1/a.png", "labeled-data/d2/a.png")
    assert {frame.labeler for frame in project.labels().frames} == {"Ann"}


def test_the_table_may_lie_with_its_pictures_or_far_from_them(tmp_path: Path) -> None:
    rows = ["labeled-data/day/a.png,1,2,3,4"]
    csv = write_csv(tmp_path / "old" / "labeled-data" / "day" / "CollectedData_rick.csv", rows)
    write_pictures(csv.parent, ["a.png"])
    assert create_from_labels(NewProject("one"), LabelSource(csv), tmp_path).labels().images == (
        "labeled-data/day/a.png",
    )
    alone = write_csv(tmp_path / "alone" / "table.csv", rows)
    with pytest.raises(LabelsError, match=r"1 of 1 .*a\.png.*--images"):
        create_from_labels(NewProject("two"), LabelSource(alone), tmp_path)
    assert create_from_labels(NewProject("two"), LabelSource(alone, csv.parent), tmp_path).labels().n_points == 2


def test_keypoints_may_be_chosen_and_reordered(tmp_path: Path) -> None:
    csv = write_csv(tmp_path / "m" / "CollectedData.csv", ["a.png,1,2,3,4"])
    write_pictures(csv.parent, ["a.png"])
    project = create_from_labels(NewProject("m", keypoints=("tail",)), LabelSource(csv), tmp_path)
    assert project.skeleton.keypoints == ("tail",)
    assert project.labels().xy().tolist() == [[[[3, 4]]]]


def test_hidden_points_are_kept_in_the_journal(tmp_path: Path) -> None:
    csv = tmp_path / "lp" / "CollectedData.csv"
    write_pictures(csv.parent, ["a.png"])
    csv.write_text(
        "scorer,r,r,r,r,r,r\nbodyparts,n,n,n,t,t,t\ncoords,x,y,visible,x,y,visible\na.png,1,2,1,3,4,2\n",
        encoding="utf-8",
    )
    project = create_from_labels(NewProject("m"), LabelSource(csv), tmp_path)
    assert project.labels().frames[0].instances[0].visibility.tolist() == [1, 2]


@pytest.mark.parametrize(
    ("table", "n_frames", "n_points", "individuals"),
    [
        ("mirror-mouse/CollectedData.csv", 72, 1109, 1),
        ("bee-lighting/CollectedData_apic.csv", 103, 2816, 1),
        ("birds-montblanc/CollectedData_Daniel.csv", 2, 40, 8),
    ],
)
def test_real_tables_become_projects(
    shared_data: Path, tmp_path: Path, table: str, n_frames: int, n_points: int, individuals: int
) -> None:
    source = shared_data / table
    labels = create_from_labels(NewProject("real"), LabelSource(source), tmp_path).labels()
    assert (len(labels), labels.n_points, len(labels.individuals)) == (n_frames, n_points, individuals)
    assert {frame.video for frame in labels.frames} == {source.parent.name}
    assert all(frame.path is not None for frame in labels.frames)


def test_several_animals_become_a_project_of_several_animals(shared_data: Path, tmp_path: Path) -> None:
    source = shared_data / "birds-montblanc" / "CollectedData_Daniel.h5"
    project = create_from_labels(NewProject("birds"), LabelSource(source), tmp_path)
    assert project.config["bodyparts"] == "MULTI!"
    assert list(project.config["multianimalbodyparts"]) == ["head", "tail", "leftwing", "rightwing"]
    assert project.individuals == tuple(f"bird{n}" for n in range(1, 9))
    ours = pd.read_hdf(project.root / "labeled-data" / "birds-montblanc" / "CollectedData_Daniel.h5")
    theirs = pd.read_hdf(source)
    assert list(ours.columns.names) == ["scorer", "individuals", "bodyparts", "coords"]
    np.testing.assert_array_equal(ours.to_numpy(), theirs[ours.columns].to_numpy())
