"""Pictures of chosen frames: the right frame under the right name, nothing overwritten, nothing half done."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from made_study import MadeStudy, make_study
from markerless.core.tracks import Tracks
from markerless.errors import VideoError
from markerless.formats import dlc
from markerless.pipeline.extract import (
    ExtractRequest,
    extract,
    extract_frames,
    extracted_frames,
    picture_name,
)
from markerless.project import Project, add_videos
from markerless.video.images import read_image
from markerless.video.reader import open_video


@pytest.fixture
def study(tmp_path: Path) -> MadeStudy:
    return make_study(tmp_path, n_frames=30, n_labeled=0)


@pytest.mark.parametrize("method", ["kmeans", "uniform", "motion"])
def test_each_picture_is_the_frame_its_name_says(study: MadeStudy, method: str) -> None:
    (result,) = extract(study.root, (), ExtractRequest(4, method))
    assert len(result.frames) == 4 and not result.error
    found = extracted_frames(study.project, study.video)
    assert tuple(found) == result.frames
    with open_video(study.video) as reader:
        for index, name in found.items():
            assert name == f"img{index:02d}.png"
            np.testing.assert_array_equal(read_image(result.folder / name), reader[index])


def test_more_frames_come_beside_those_that_are_there(study: MadeStudy) -> None:
    (first,) = extract(study.root, (), ExtractRequest(5))
    picture = first.folder / f"img{first.frames[0]:02d}.png"
    picture.write_bytes(b"mine")
    (second,) = extract(study.root, ["cage1.mp4"], ExtractRequest(5))
    assert not set(first.frames) & set(second.frames)
    assert picture.read_bytes() == b"mine"


def test_a_picture_of_another_padding_counts_as_that_frame(study: MadeStudy) -> None:
    folder = study.root / "labeled-data/cage1"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "img0007.png").write_bytes(b"old")
    result = extract_frames(study.project, study.video, [7, 8])
    assert result.frames == (8,)
    assert extracted_frames(study.project, study.video) == {7: "img0007.png", 8: "img08.png"}


def test_asking_for_more_than_there_is_says_so(study: MadeStudy) -> None:
    (result,) = extract(study.root, (), ExtractRequest(100, "uniform"))
    assert len(result.frames) == 30
    assert "instead of 100" in result.notes[0]


def test_a_part_of_the_video(study: MadeStudy) -> None:
    (result,) = extract(study.root, (), ExtractRequest(5, "kmeans", 0.4, 0.8))
    assert all(10 <= index < 20 for index in result.frames)


def test_what_a_network_is_unsure_of(study: MadeStudy) -> None:
    (refused,) = extract(study.root, (), ExtractRequest(3, "model"))
    assert "needs trajectories" in refused.error and "analyze" in refused.error
    score = np.full((30, 1, 6), 0.95)
    doubtful = [4, 16, 27]
    score[doubtful] = 0.4
    tracks = Tracks(study.project.skeleton, study.truth[:, None], score, fps=25.0, scorer="DLC_x")
    dlc.write(tracks, study.video.parent / "cage1DLC_x.h5")
    (result,) = extract(study.root, (), ExtractRequest(3, "model"))
    assert list(result.frames) == doubtful


def test_one_broken_video_does_not_keep_the_others_waiting(study: MadeStudy, tmp_path: Path) -> None:
    other = tmp_path / "other.mp4"
    shutil.copy(study.video, other)
    project = Project(study.root)
    add_videos(project, [other], copy=True)
    (study.root / "videos/other.mp4").write_bytes(b"no video")
    good, bad = extract(study.root, (), ExtractRequest(2))
    assert len(good.frames) == 2 and bad.error and not bad.frames


@pytest.mark.parametrize(("frames", "says"), [([30], "0 to 29"), ([-1], "0 to 29")])
def test_frames_that_are_not_there_are_refused(study: MadeStudy, frames: list[int], says: str) -> None:
    with pytest.raises(VideoError, match=says):
        extract_frames(study.project, study.video, frames)
    assert not extracted_frames(study.project, study.video)


def test_videos_that_are_not_there_are_refused(study: MadeStudy) -> None:
    with pytest.raises(VideoError, match=r"cage1\.mp4"):
        extract(study.root, ["cage2.mp4"])


def test_names_are_as_wide_as_deeplabcut_makes_them() -> None:
    assert [picture_name(7, n) for n in (9, 10, 11, 1000, 1001)] == [
        "img7.png",
        "img7.png",
        "img07.png",
        "img007.png",
        "img0007.png",
    ]


@pytest.mark.data
def test_a_real_video(shared_data: Path, tmp_path: Path) -> None:
    name = "openfield-Pranav-2018-10-30"
    shutil.copytree(shared_data / name, tmp_path / name)
    project = Project(tmp_path / name)
    before = set().union(*(extracted_frames(project, video) for video in project.videos()))
    (result,) = extract(project, [project.videos()[0].name], ExtractRequest(6))
    assert len(result.frames) == 6 and not set(result.frames) & before
