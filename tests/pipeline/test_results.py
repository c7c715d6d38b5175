"""Which file belongs to which video."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from made_study import MadeStudy
from markerless.core.skeleton import Skeleton
from markerless.core.tracks import Tracks
from markerless.core.video import Video
from markerless.errors import FormatError
from markerless.pipeline.results import find_tracks, length_note, located, result_name


def touch(path: Path, age_s: float = 0) -> Path:
    path.touch()
    os.utime(path, (1e9 - age_s, 1e9 - age_s))
    return path


def tracks(n_frames: int) -> Tracks:
    return Tracks(Skeleton(("a",)), np.zeros((n_frames, 1, 1, 2)), np.ones((n_frames, 1, 1)), scorer="DLC_Net_run1")


def test_newest_result_of_this_video_is_found(tmp_path: Path) -> None:
    video = touch(tmp_path / "mouse.mp4")
    touch(tmp_path / "mouse2.avi")
    touch(tmp_path / "mouseDLC_run1_labeled.mp4")
    touch(tmp_path / "mouseDLC_run1.nc", age_s=60)
    expected = touch(tmp_path / "mouseDLC_run2.nc", age_s=30)
    touch(tmp_path / "mouse2DLC_run1.nc")
    touch(tmp_path / "mouseDLC_run9.h5")
    assert find_tracks(video) == expected.resolve()


def test_results_of_deeplabcut_do_when_there_are_none_of_ours(tmp_path: Path) -> None:
    video = touch(tmp_path / "mouse.mp4")
    expected = touch(tmp_path / "mouseDLC_resnet50_shuffle1_100.h5")
    assert find_tracks(video) == expected.resolve()


def test_a_video_of_the_study_is_found_by_its_name_from_any_folder(
    study: MadeStudy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert located(study.project, "cage1.mp4") == study.video
    assert located(study.project, "elsewhere/cage1.mp4") == "elsewhere/cage1.mp4"
    assert located(study.project, "cage9.mp4") == "cage9.mp4"
    assert located(None, "cage1.mp4") == "cage1.mp4"
    touch(tmp_path / "cage1.mp4")
    assert located(study.project, "cage1.mp4") == "cage1.mp4", "the one at hand goes before"


def test_no_result_is_one_line_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"no tracks of mouse\.mp4 .* analyze .* --tracks"):
        find_tracks(touch(tmp_path / "mouse.mp4"))


def test_result_name() -> None:
    video = Path("videos/mouse.mp4")
    assert result_name(tracks(1), None, video) == "mouseDLC_Net_run1"
    assert result_name(tracks(1), Path("x/mouseDLC_Net_run1_filtered.h5"), video) == "mouseDLC_Net_run1_filtered"
    assert result_name(tracks(1), Path("x/predictions.csv"), video) == "mouseDLC_Net_run1"


def test_length_note_gives_both_numbers() -> None:
    video = Video(Path("mouse.mp4"), 12, 64, 48, 25.0, "h264")
    assert length_note(tracks(12), video) is None
    note = length_note(tracks(10), video)
    assert note is not None and "10 frames" in note and "12" in note


def test_results_of_a_linked_video_lie_beside_the_link_or_beside_the_video(tmp_path: Path) -> None:
    """`add` links a video that is on another disk; `analyze` writes beside the link, another tool beside the file."""
    (tmp_path / "disk").mkdir()
    (tmp_path / "videos").mkdir()
    link = tmp_path / "videos" / "mouse.mp4"
    link.symlink_to(touch(tmp_path / "disk" / "mouse.mp4"))
    beside_video = touch(tmp_path / "disk" / "mouseDLC_run1.nc", age_s=60)
    assert find_tracks(link) == beside_video.resolve()
    beside_link = touch(tmp_path / "videos" / "mouseDLC_run2.nc")
    assert find_tracks(link) == beside_link.resolve()
