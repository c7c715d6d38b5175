"""Which file belongs to which video."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest

from made_study import MadeStudy
from markerless.core.skeleton import Skeleton
from markerless.core.tracks import Tracks
from markerless.core.video import Video, video_stem
from markerless.errors import FormatError
from markerless.formats import dlc, movement
from markerless.pipeline import results
from markerless.pipeline.results import (
    find_tracks,
    length_note,
    located,
    open_tracks,
    result_files,
    result_name,
    video_of,
)
from markerless.video.images import write_image


def touch(path: Path, age_s: float = 0) -> Path:
    path.touch()
    os.utime(path, (1e9 - age_s, 1e9 - age_s))
    return path


def tracks(n_frames: int, video: str = "") -> Tracks:
    shape = n_frames, 1, 1
    return Tracks(Skeleton(("a",)), np.zeros((*shape, 2)), np.ones(shape), scorer="DLC_Net_run1", video=video)


def folder_of_images(path: Path) -> Path:
    path.mkdir()
    write_image(path / "img0.png", np.zeros((4, 4, 3), np.uint8))
    return path


def test_newest_result_of_this_video_is_found(tmp_path: Path) -> None:
    video = touch(tmp_path / "mouse.mp4")
    touch(tmp_path / "mouse2.avi")
    touch(tmp_path / "mouseDLC_run1_labeled.mp4")
    touch(tmp_path / "mouseDLC_run1.nc", age_s=60)
    expected = touch(tmp_path / "mouseDLC_run2.nc", age_s=32)
    touch(tmp_path / "mouseDLC_run2.h5", age_s=31)
    touch(tmp_path / "mouseDLC_run2.csv", age_s=30)
    touch(tmp_path / "mouse2DLC_run1.nc")
    touch(tmp_path / "mouse_timestamps.csv")
    touch(tmp_path / "mouse.nwb")
    assert find_tracks(video) == expected.resolve()
    newer = touch(tmp_path / "mouseDLC_run9.h5", age_s=10)  # also where the native file of an older one is there
    assert find_tracks(video) == newer.resolve()


def limbs(path: Path) -> None:
    """As DeepLabCut's `analyzeskeleton` writes them, of one animal or, with a level more, of several."""
    levels = [["nose_tail"], ["length", "orientation", "likelihood"]]
    columns = pd.MultiIndex.from_product([["mouse1"], *levels] if path.stem.startswith("mouseDLC_many") else levels)
    pd.DataFrame(np.zeros((3, 3)), columns=columns).to_hdf(path, key="df_with_missing", format="table")


def points_in_space(path: Path) -> None:
    columns = pd.MultiIndex.from_product(
        [["DLC_3D"], ["nose"], ["x", "y", "z"]], names=["scorer", "bodyparts", "coords"]
    )
    pd.DataFrame(np.zeros((3, 3)), columns=columns).to_hdf(path, key="df_with_missing", format="table")


def photometry(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["signal"] = np.zeros(3)


def photometry_of_pandas(path: Path) -> None:
    pd.DataFrame({"time": [0.0, 0.1], "signal": [1.0, 2.0]}).to_hdf(path, key="data", format="table")


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("mouse_photometry.h5", photometry),
        ("mouse_photometry.h5", photometry_of_pandas),
        ("mouseDLC_Net_run1_skeleton.h5", limbs),
        ("mouseDLC_many_skeleton.h5", limbs),
        ("mouse_DLC_3D.h5", points_in_space),
        ("mouse_photometry.nc", lambda path: path.write_bytes(b"CDF\x01 of before HDF5")),
    ],
)
@pytest.mark.parametrize("suffix", [".nc", ".h5"])
def test_what_is_newer_and_holds_no_tracks_of_the_video_hides_none(
    tmp_path: Path, name: str, make: Callable[[Path], object], suffix: str
) -> None:
    video, result = touch(tmp_path / "mouse.mp4"), tmp_path / f"mouseDLC_Net_run1{suffix}"
    (movement if suffix == ".nc" else dlc).write(tracks(3), result)
    os.utime(result, (1e9, 1e9))
    make(tmp_path / name)
    assert result_files(video)[0].name == name, "newer, and named as results are"
    assert find_tracks(video) == result.resolve()
    result.unlink()
    assert find_tracks(video).name == name, "who opens it is told what is wrong"


def test_a_damaged_newest_result_is_told_and_no_older_one_is_taken_for_it(tmp_path: Path) -> None:
    video = touch(tmp_path / "mouse.mp4")
    files = [tmp_path / f"mouseDLC_Net_{run}{suffix}" for run in ("run1", "run2") for suffix in (".nc", ".h5")]
    for age, path in enumerate(files[::-1]):
        (movement if path.suffix == ".nc" else dlc).write(tracks(3), path)
        os.utime(path, (1e9 - age, 1e9 - age))
    *_, native, other = files
    for path, taken in ((native, other), (other, native)):
        path.write_bytes(path.read_bytes()[:3000])  # as a copy that was broken off
        os.utime(path, (1e9, 1e9))
        assert find_tracks(video) == taken.resolve()
    with pytest.raises(FormatError, match=r"damaged .*run2.nc.*; copy it again"):
        open_tracks(None, video)


def test_a_run_may_be_called_as_a_file_of_another_kind(tmp_path: Path) -> None:
    video, older = touch(tmp_path / "mouse.mp4"), tmp_path / "mouseDLC_Net_run1.nc"
    for path in (older, tmp_path / "mouseDLC_Net_skeleton.nc"):
        movement.write(tracks(3), path)
    dlc.write(tracks(3), tmp_path / "mouseDLC_Net_skeleton.h5")
    os.utime(older, (1e9, 1e9))
    assert find_tracks(video).name == "mouseDLC_Net_skeleton.nc"


def test_no_more_files_are_opened_than_it_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    video = touch(tmp_path / "mouse.mp4")
    for age, run in enumerate(("run3", "run2", "run1")):
        for suffix in (".h5", ".csv", ".nc"):
            path = tmp_path / f"mouseDLC_Net_{run}{suffix}"
            (movement if suffix == ".nc" else dlc).write(tracks(3), path)
            os.utime(path, (1e9 - age, 1e9 - age))
    asked: list[str] = []

    def holds_tracks(path: Path, least: float = 0.0) -> bool:
        asked.append(path.name)
        return genuine(path, least)

    genuine = results.holds_tracks
    monkeypatch.setattr(results, "holds_tracks", holds_tracks)
    assert find_tracks(video).name == "mouseDLC_Net_run3.nc"
    assert set(asked) == {"mouseDLC_Net_run3.nc"}


def test_a_csv_is_taken_where_there_is_nothing_else(tmp_path: Path) -> None:
    video, only = touch(tmp_path / "mouse.mp4"), touch(tmp_path / "mouse_tracks.csv")
    assert find_tracks(video) == only.resolve()


def test_the_video_of_a_file_is_none_with_a_shorter_number(tmp_path: Path) -> None:
    touch(tmp_path / "m1.mp4")
    source = touch(tmp_path / "m10DLCx.csv")
    assert video_of(source) is None
    video = touch(tmp_path / "m10.mp4")
    assert video_of(source) == video.resolve()


@pytest.mark.parametrize("other", ["session10", "session1-left", "session1b"])
def test_results_of_another_folder_of_images_are_not_taken(tmp_path: Path, other: str) -> None:
    video = folder_of_images(tmp_path / "session1")
    folder_of_images(tmp_path / other)
    newer = touch(tmp_path / f"{other}DLC_run1.h5")
    with pytest.raises(FormatError, match="no tracks of session1"):
        find_tracks(video)
    expected = touch(tmp_path / "session1DLC_run1.h5", age_s=60)
    assert find_tracks(video) == expected.resolve()
    assert find_tracks(tmp_path / other) == newer.resolve()


def test_a_folder_without_images_is_no_other_video(tmp_path: Path) -> None:
    (tmp_path / "mouse_old").mkdir()
    touch(tmp_path / "mouse_old" / "._img0.png")
    touch(tmp_path / "mouse_old" / "notes.txt")
    expected = touch(tmp_path / "mouse_old_tracks.h5")
    assert find_tracks(touch(tmp_path / "mouse.mp4")) == expected.resolve()


def test_figures_in_a_folder_that_is_named_as_a_result_hide_nothing(tmp_path: Path) -> None:
    folder_of_images(tmp_path / "mouseDLC_run1")
    expected = touch(tmp_path / "mouseDLC_run1.h5")
    assert find_tracks(touch(tmp_path / "mouse.mp4")) == expected.resolve()


def test_results_of_a_video_that_is_gone_are_not_taken(tmp_path: Path) -> None:
    """The nc says which video it is of; the files of the same name go with it."""
    video = touch(tmp_path / "mouse.mp4")
    movement.write(tracks(3, "mouse-left.mp4"), tmp_path / "mouse-leftDLC_Net_run1.nc")
    for name in ("mouse-leftDLC_Net_run1.h5", "mouse-leftDLC_Net_run2.csv"):
        touch(tmp_path / name)
    assert result_files(video) == []
    assert len(result_files(tmp_path / "mouse-left.mp4")) == 3


def test_results_of_a_folder_that_is_gone_and_had_a_suffix_are_not_taken(tmp_path: Path) -> None:
    """Of a file take.ts they would be called takeDLC_Net_run1.nc."""
    movement.write(tracks(3, "take.ts"), tmp_path / "take.tsDLC_Net_run1.nc")
    assert result_files(touch(tmp_path / "take.mp4")) == []
    assert len(result_files(tmp_path / "take.ts")) == 0, "of the file"
    (tmp_path / "take.ts").mkdir()
    assert len(result_files(tmp_path / "take.ts")) == 1, "of the folder"
    movement.write(tracks(3, "take.ts"), tmp_path / "takeDLC_Net_run1.nc")
    assert [path.name for path in result_files(tmp_path / "take.mp4")] == ["takeDLC_Net_run1.nc"]


def test_what_another_tool_named_after_the_whole_file_stays_its_result(tmp_path: Path) -> None:
    video = touch(tmp_path / "mouse.mp4")
    movement.write(tracks(3, "mouse.mp4"), tmp_path / "mouse.mp4.predictions.nc")
    assert len(result_files(video)) == 1


def test_a_number_that_goes_on_is_another_video(tmp_path: Path) -> None:
    video = touch(tmp_path / "cam1.mp4")
    touch(tmp_path / "cam10DLC_run1.h5")
    touch(tmp_path / "cam1-2.mp4")
    touch(tmp_path / "cam1-20DLC_run1.h5")
    assert result_files(video) == []


def test_results_that_were_renamed_with_their_video_stay_its_results(tmp_path: Path) -> None:
    video = touch(tmp_path / "mouse.mp4")
    for name in ("mouse_a.nc", "mouseDLC_Net_run1.nc"):
        movement.write(tracks(3, "recorded.mp4"), tmp_path / name)
    touch(tmp_path / "mouse_damaged.nc")
    assert {path.name for path in result_files(video)} == {"mouse_a.nc", "mouseDLC_Net_run1.nc", "mouse_damaged.nc"}


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
    of_another = result_name(tracks(1), Path("x/m10DLC_Net_run1.nc"), Path("videos/m1.mp4"))
    assert of_another == "m1DLC_Net_run1", "not that of m10, whose video it would replace"


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


def test_a_folder_keeps_what_looks_like_a_suffix(tmp_path: Path) -> None:
    for name in ("2024.05.01", "take.ts", "day 1.MP4", ".mp4"):
        (tmp_path / name).mkdir()
        assert video_stem(tmp_path / name) == name
        expected = touch(tmp_path / f"{name}DLC_Net_run1.nc")
        assert find_tracks(tmp_path / name) == expected.resolve()
        assert result_name(tracks(1), expected, tmp_path / name) == f"{name}DLC_Net_run1"
    for file in (touch(tmp_path / "mouse.mp4"), tmp_path / "gone.mp4", touch(tmp_path / "2024.05.dat")):
        assert video_stem(file) == file.name[:-4]
