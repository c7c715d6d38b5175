"""Pictures of chosen frames: the right frame under the right name, nothing overwritten, nothing half done."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from made_study import MadeStudy, make_study
from markerless.core.tracks import Tracks
from markerless.core.view import View
from markerless.errors import VideoError
from markerless.formats import dlc
from markerless.pipeline import extract as extraction
from markerless.pipeline.analyst import _wanted
from markerless.pipeline.analyze_settings import AnalyzeSettings
from markerless.pipeline.extract import (
    ExtractRequest,
    extract,
    extract_frames,
    extracted_frames,
    picture_name,
)
from markerless.project import Project, add_videos
from markerless.video.images import read_image, write_image
from markerless.video.reader import VideoReader, open_video
from markerless.video.sampling import Sampling
from video.clips import TICKS_PER_S, X264_PLAIN, Clip, write


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


def test_times_are_those_of_the_frames_at_a_variable_rate(study: MadeStudy) -> None:
    """Frames 0 to 9 are 100 ms apart, the others 20: 0.5 to 1.04 s are frames 5 to 11, for `analyze` as well."""
    times_s = [*np.arange(10) * 0.1, *(1 + np.arange(20) * 0.02)]
    clip = Clip(n_frames=30, options=X264_PLAIN, times=[round(time * TICKS_PER_S) for time in times_s])
    write(study.video, clip)
    (result,) = extract(study.root, (), ExtractRequest(7, "uniform", 0.5, 1.04))
    assert result.frames == (5, 6, 7, 8, 9, 10, 11), result.error
    with open_video(study.video) as reader:
        assert _wanted(reader, AnalyzeSettings(start_s=0.5, stop_s=1.04)) == (5, 12)


def test_pictures_have_no_times(study: MadeStudy) -> None:
    folder_study(study, range(0))
    (refused,) = extract(study.root, ["pictures"], ExtractRequest(2, "uniform", 0.5))
    assert "have no times" in refused.error


def test_what_a_network_is_unsure_of(study: MadeStudy) -> None:
    (refused,) = extract(study.root, (), ExtractRequest(3, "model"))
    assert "needs trajectories" in refused.error and "analyze" in refused.error
    score = np.full((30, 1, 6), 0.95)
    doubtful = [4, 16, 27]
    score[doubtful] = 0.4
    write_tracks(study, score)
    (result,) = extract(study.root, (), ExtractRequest(3, "model"))
    assert list(result.frames) == doubtful


def write_tracks(study: MadeStudy, score: np.ndarray) -> None:
    tracks = Tracks(study.project.skeleton, study.truth[:, None], score, fps=25.0, scorer="DLC_x")
    dlc.write(tracks, study.video.parent / "cage1DLC_x.h5")


def test_the_network_is_asked_about_the_part_alone(study: MadeStudy) -> None:
    score = np.full((30, 1, 6), 0.9)
    score[:15] = 0.4  # less sure of what is not asked for
    write_tracks(study, score)
    (result,) = extract(study.root, (), ExtractRequest(6, "model", 0.6, 1.0))  # frames 15 to 24
    assert len(result.frames) == 6 and all(15 <= index < 25 for index in result.frames)
    (refused,) = extract(study.root, (), ExtractRequest(6, "model", 2.0))
    assert "start and stop" in refused.error


def test_asking_the_network_again_gives_frames_all_over_the_video(study: MadeStudy) -> None:
    write_tracks(study, np.full((30, 1, 6), 0.9))
    first = extract(study.root, (), ExtractRequest(10, "model"))[0].frames
    second = extract(study.root, (), ExtractRequest(4, "model"))[0].frames
    assert len(second) == 4 and not set(first) & set(second)
    assert second[0] < 10 and second[-1] >= 20


def test_frames_without_predictions_are_not_named(study: MadeStudy) -> None:
    score = np.full((30, 1, 6), 0.9)
    score[5:] = np.nan  # analyzed in part
    write_tracks(study, score)
    (result,) = extract(study.root, (), ExtractRequest(8, "model"))
    assert result.frames == (0, 1, 2, 3, 4)
    assert result.notes == ("5 frames instead of 8: there are no more with trajectories",)


def folder_study(study: MadeStudy, broken: range) -> Path:
    """A folder of 12 pictures as a video of the study, some of them broken."""
    folder = study.root / "videos/pictures"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(12):
        write_image(folder / f"img{number:02d}.png", rng.integers(0, 255, (24, 32, 3), np.uint8))
    for number in broken:
        (folder / f"img{number:02d}.png").write_bytes(b"broken")
    return folder


def test_a_broken_frame_gives_way_to_a_neighbor_that_nobody_asked_for(study: MadeStudy) -> None:
    folder = folder_study(study, range(4, 5))
    result = extract_frames(study.project, folder, [4, 5])
    assert result.frames == (3, 5)
    assert result.notes == ("frame 4 is broken; 3 was taken",)
    np.testing.assert_array_equal(
        read_image(study.root / "labeled-data/pictures/img03.png"), read_image(folder / "img03.png")
    )


def test_where_all_is_broken_it_is_said_and_the_others_are_written(
    study: MadeStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("markerless.video.sampling.TRIES_NEARBY", 2)
    folder = folder_study(study, range(4, 9))
    result = extract_frames(study.project, folder, [6, 11])
    assert result.frames == (11,) and "6 and all around" in result.notes[0]
    with pytest.raises(VideoError, match="6 and all around"):
        extract_frames(study.project, folder, [6])


def test_the_crop_of_the_project_says_what_counts(study: MadeStudy, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[View | None] = []
    real = extraction.choose_frames

    def looked(reader: VideoReader, sampling: Sampling, *more: Any) -> list[int]:
        seen.append(sampling.view)
        return real(reader, sampling, *more)

    monkeypatch.setattr(extraction, "choose_frames", looked)
    config = study.root / "config.yaml"
    text = config.read_text(encoding="utf-8").replace("cropping: false", "cropping: true")
    for key, value in {"x1": 10, "x2": 100, "y1": 20, "y2": 60}.items():
        text = re.sub(rf"^{key}:.*$", f"{key}: {value}", text, flags=re.MULTILINE)
    config.write_text(text, encoding="utf-8")
    (result,) = extract(study.root, (), ExtractRequest(2))
    assert seen == [View(10, 20, 90, 40)]
    name = extracted_frames(study.project, study.video)[result.frames[0]]
    assert read_image(result.folder / name).shape == (240, 320, 3)  # the picture is the whole frame


def test_progress_is_told_to_the_end(study: MadeStudy) -> None:
    told: list[tuple[int, int, str]] = []
    extract(study.root, (), ExtractRequest(4), lambda *one: told.append(one))
    assert tuple(dict.fromkeys(message for _, _, message in told)) == ("looking", "writing")
    assert told[-1] == (4, 4, "writing")
    assert all(0 < done <= total for done, total, _ in told)


def test_one_broken_video_does_not_keep_the_others_waiting(study: MadeStudy, tmp_path: Path) -> None:
    other = tmp_path / "other.mp4"
    shutil.copy(study.video, other)
    project = Project(study.root)
    add_videos(project, [other], copy=True)
    (study.root / "videos/other.mp4").write_bytes(b"no video")
    told: set[str] = set()
    good, bad = extract(study.root, (), ExtractRequest(2), lambda *one: told.add(one[2]))
    assert told == {"cage1.mp4: looking", "cage1.mp4: writing"}
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
