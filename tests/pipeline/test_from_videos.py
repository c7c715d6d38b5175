"""From board pictures and videos to points in space in one go, and what is there already is not made again."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest

from made_boards import pair, photograph, shown
from markerless.cli.main import main
from markerless.core.instance import FloatArray
from markerless.errors import CalibrationError, SettingsError, StorageError, VideoError
from markerless.formats import movement
from markerless.multiview.boards import parse_board
from markerless.multiview.files import anipose_toml
from markerless.pipeline.calibrate import calibrate
from markerless.pipeline.from_videos import FromVideos, from_videos, prepare
from markerless.pipeline.space_files import Target
from markerless.project import Project
from markerless.video.images import write_image
from markerless.video.reader import open_video
from markerless.video.writer import VideoWriter
from pipeline.test_analyze import CONFIG, make_run

BOARD = "charuco:7x5:30:22:DICT_4X4_50"
RIG = pair()
SIZE = (640, 480)
N_FRAMES = 8
SIGMA_PX = 4.0


def truth() -> FloatArray:
    """`(T, 3, 3)` mm: a red, a green and a blue ball that go about half a meter before the cameras."""
    t = np.arange(N_FRAMES) / 3
    red = np.stack([60 * np.sin(t) - 10, 40 * np.cos(t), 520 + 8 * t], axis=-1)
    return np.stack([red, red + np.array([45, 12, 10]), red - np.array([5, 50, -20])], axis=1)


def film(path: Path, xy: FloatArray) -> None:
    """A video in which a bump of each color is where `xy (T, 3, 2)` says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    y, x = np.mgrid[: SIZE[1], : SIZE[0]]
    with VideoWriter(path, 10, SIZE) as writer:
        for places in xy:
            squared = (x - places[:, 0, None, None]) ** 2 + (y - places[:, 1, None, None]) ** 2
            image = 30 + 215 * np.exp(-squared / (2 * SIGMA_PX**2))
            writer.write(np.rint(image).astype(np.uint8).transpose(1, 2, 0))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`boards/left/0.png`, calibrated, `animal/ball_left.mp4 ...`, and the project `study/` that finds the colors."""
    folder = tmp_path_factory.mktemp("made")
    board = parse_board(BOARD)
    boards = shown(board, 8)
    for camera in RIG:
        (folder / "boards" / camera.name).mkdir(parents=True)
        for i, gray in enumerate(photograph(board, camera, boards)):
            write_image(folder / "boards" / camera.name / f"{i}.png", np.repeat(gray[..., None], 3, axis=2))
        film(folder / "animal" / f"ball_{camera.name}.mp4", camera.project(truth()))
    make_run(folder / "study" / "runs" / "run1")
    (folder / "study" / "config.yaml").write_text(CONFIG, encoding="utf-8")
    calibrate(folder / "boards", BOARD)
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A copy of the test's own; times of files are kept."""
    return shutil.copytree(made, tmp_path / "own")


def request_of(folder: Path, board: str | None = BOARD) -> FromVideos:
    return FromVideos(board, Project(folder / "study"))


def test_from_pictures_and_videos_to_points(folder: Path) -> None:
    result = from_videos(folder / "boards", {"all": folder / "animal"}, request=request_of(folder))
    off = np.linalg.norm(result.tracks.points[:, 0] - truth(), axis=-1)
    # a pixel is 0.7 mm across and, by the angle of 13 degrees between the views, 3 mm in depth
    assert np.nanmedian(off) < 3.0
    assert np.isfinite(off).mean() > 0.9
    assert result.tracks.skeleton.keypoints == ("red", "green", "blue")
    assert [path.name for path in result.files] == ["ball_3d.nc", "ball_3d.csv"]
    assert all(path.parent == folder / "animal" for path in result.files)
    assert "calibration.toml is of this board and newer than its pictures" in result.notes[0]
    assert any(note.startswith("left: ball_left.mp4, 8 frames, ") for note in result.notes)

    kept = [folder / "boards" / "calibration.toml", *sorted((folder / "animal").glob("*DLC*"))]
    assert len(kept) == 7
    before = [path.stat().st_mtime_ns for path in kept]
    shutil.copy(folder / "animal" / "ball_left.mp4", folder / "animal" / "ball_leftDLC_labeled.mp4")  # is passed over
    again = from_videos(folder / "boards", {"all": folder / "animal"}, request=request_of(folder))
    assert [path.stat().st_mtime_ns for path in kept] == before
    assert again.notes[1] == "left: ball_left.mp4, 8 frames, the results are up to date"
    np.testing.assert_array_equal(again.tracks.points, result.tracks.points)
    # without the board's name the folder stands for the calibration in it, and results may be named instead of videos
    files = {name: next((folder / "animal").glob(f"ball_{name}*.nc")) for name in ("left", "right")}
    with pytest.raises(SettingsError, match="got results or labels alone; leave --project out"):
        prepare(folder / "boards", files, request=request_of(folder))
    plain = from_videos(folder / "boards", files, folder / "S")
    np.testing.assert_array_equal(plain.tracks.points, result.tracks.points)


@pytest.mark.slow
def test_a_calibration_that_is_older_or_of_another_board_is_made_again(folder: Path) -> None:
    first = prepare(folder / "boards", {"all": folder / "animal"}, request=request_of(folder))
    picture = folder / "boards" / "left" / "3.png"
    newer = first.calibration.stat().st_mtime + 5
    os.utime(picture, (newer, newer))
    assert "px over" in prepare(folder / "boards", {"all": folder / "animal"}, request=request_of(folder)).told[0]
    other = request_of(folder, "charuco:7x5:15:11:DICT_4X4_50")  # of half the size: the rig shrinks
    os.utime(picture, (0, 0))
    prepare(folder / "boards", {"all": folder / "animal"}, request=other)
    cameras = anipose_toml.read(first.calibration).cameras
    assert np.linalg.norm(cameras[1].center) == pytest.approx(60, rel=0.01)


def test_with_out_everything_is_written_there(folder: Path) -> None:
    (folder / "boards" / "calibration.toml").unlink()
    before = sorted(path for path in folder.rglob("*") if "study" not in path.parts)
    out = folder / "made" / "S"
    videos = {name: folder / "animal" / f"ball_{name}.mp4" for name in ("left", "right")}
    result = from_videos(folder / "boards", videos, out, request=request_of(folder))
    after = sorted(path for path in folder.rglob("*") if not {"study", "made"} & set(path.parts))
    assert after == before
    assert result.notes[0].startswith("calibration: left: ")
    names = {path.name for path in (folder / "made").iterdir()}
    assert {"S.nc", "S.csv", "calibration.toml", "calibration-coverage.png"} <= names
    assert len([name for name in names if name.endswith(".nc")]) == 3
    assert movement.read(result.files[0]).provenance["files"]["left"].startswith("ball_leftDLC")


def test_a_folder_that_is_there_takes_everything_under_the_default_name(folder: Path) -> None:
    out = folder / "made"
    out.mkdir()
    ready = prepare(folder / "boards", {"all": folder / "animal"}, out, request=request_of(folder))
    assert ready.out == Target(out / "ball_3d", may_replace=False)
    assert {Path(file).parent for file in ready.files.values()} == {out}


def test_other_videos_are_refused_before_they_are_analyzed_and_newer_results_of_the_same_ones_are_not(
    folder: Path,
) -> None:
    def renamed(session: str) -> dict[str, Path]:
        old = sorted((folder / "animal").glob("*.mp4"))
        return {
            name: path.rename(folder / "animal" / f"{name[0]}_{session}.mp4")
            for name, path in zip(("left", "right"), old, strict=True)
        }

    videos = renamed("a")
    result = from_videos(folder / "boards", videos, request=request_of(folder))
    assert result.files[0] == folder / "animal" / "points_3d.nc"
    with h5py.File(result.files[0], "r+") as file:  # as if another network had found the points
        file.attrs["provenance"] = str(file.attrs["provenance"]).replace("_aDLC", "_aDLC_older")
    assert from_videos(folder / "boards", videos, request=request_of(folder)).files == result.files
    before = result.files[0].read_bytes()
    with pytest.raises(StorageError, match=r"points_3d.nc is there already, .*\(l_aDLC.*, r_aDLC.*\); name .* --out"):
        from_videos(folder / "boards", renamed("b"), request=request_of(folder))
    assert result.files[0].read_bytes() == before and not list((folder / "animal").glob("*_bDLC*"))


def test_videos_of_one_name_are_kept_apart(folder: Path) -> None:
    videos = {}
    for name in ("left", "right"):
        videos[name] = folder / name / "take1.mp4"
        videos[name].parent.mkdir()
        shutil.copy(folder / "animal" / f"ball_{name}.mp4", videos[name])
    result = from_videos(folder / "boards", videos, folder / "made" / "S", request=request_of(folder))
    assert np.nanmedian(np.linalg.norm(result.tracks.points[:, 0] - truth(), axis=-1)) < 3.0
    assert sorted(path.parent.name for path in (folder / "made").glob("*/*.nc")) == ["left", "right"]
    # and so are they where each camera has its folder
    shutil.rmtree(folder / "animal")
    for name in videos:
        (folder / "animal" / name).mkdir(parents=True)
        shutil.move(videos[name], folder / "animal" / name / "take1.mp4")
    ready = prepare(folder / "boards", {"all": folder / "animal"}, folder / "S", request_of(folder))
    assert {name: path.parent.name for name, path in ready.videos.items()} == {"left": "left", "right": "right"}


def test_as_it_is_typed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["triangulate", str(folder / "boards"), str(folder / "animal"), "--board", BOARD]
    words += ["--project", str(folder / "study"), "--out", str(folder / "S"), "--render"]
    assert main(words) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0].startswith("calibration: ")
    assert any(line.startswith("right: ball_right.mp4, 8 frames, ") for line in told)
    assert "8 frames, 3 keypoints; points: " in "\n".join(told)
    assert told[-1] == f"wrote {folder / 'S.nc'}, {folder / 'S.csv'}, {folder / 'S_labeled.mp4'}"
    with open_video(folder / "S_labeled.mp4") as reader:
        assert len(reader) == N_FRAMES
    assert main([*words, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["prepared"]["calibration"] == str(folder / "boards" / "calibration.toml")
    assert found["prepared"]["videos"]["left"] == str(folder / "animal" / "ball_left.mp4")
    assert found["points"]["good"] > 20
    assert main([*words, "--run", "nosuch"]) == 2
    assert "nosuch" in capsys.readouterr().err
    results = [f"{name}={next(folder.glob(f'ball_{name}*.nc'))}" for name in ("left", "right")]
    assert main(["triangulate", str(folder / "boards"), *results, "--run", "run1"]) == 2
    assert "name that with --project" in capsys.readouterr().err


def test_what_is_missing_is_said(folder: Path) -> None:
    boards, animal = folder / "boards", folder / "animal"
    ready = request_of(folder)
    (boards / "calibration.toml").rename(folder / "kept.toml")
    with pytest.raises(CalibrationError, match=r"no calibration.toml in .*boards; name the board .* with --board"):
        prepare(boards, {"all": animal}, request=request_of(folder, None))
    (folder / "kept.toml").rename(boards / "calibration.toml")
    with pytest.raises(CalibrationError, match="expected a folder of pictures or videos of the board with --board"):
        prepare(animal / "ball_left.mp4", {"all": animal}, request=ready)
    with pytest.raises(SettingsError, match=r"camera 'left', got a video .* with --project"):
        prepare(boards, {"left": animal / "ball_left.mp4", "right": animal / "ball_right.mp4"})
    shutil.copy(animal / "ball_left.mp4", animal / "other_left.mp4")
    with pytest.raises(CalibrationError, match=r"one video of camera 'left' in .* got ball_left.mp4, other_left.mp4"):
        prepare(boards, {"all": animal}, request=ready)
    (animal / "other_left.mp4").unlink()
    (animal / "ball_right.mp4").unlink()
    with pytest.raises(CalibrationError, match=r"names hold those of at least two cameras \(left, right\), got ball_l"):
        prepare(boards, {"all": animal}, request=ready)
    (animal / "ball_right.mp4").write_bytes(b"no video")
    with pytest.raises(VideoError, match=r"camera 'right': .*ball_right"):
        prepare(boards, {"all": animal}, request=ready)
    (boards / "calibration.toml").write_text("[metadata]\nadjusted = false\n", encoding="utf-8")
    with pytest.raises(CalibrationError, match="was not made by markerless"):  # another tool's is not replaced
        prepare(boards, {"all": animal}, request=ready)


def test_a_picture_in_a_folder_of_videos_does_not_make_it_one_video(folder: Path) -> None:
    boards, animal = folder / "boards", folder / "animal"
    shutil.copy(boards / "left" / "0.png", animal / "snapshot.png")
    with pytest.raises(SettingsError, match=r"results or labels of camera 'left', got a video \(ball_left\.mp4\)"):
        prepare(boards, {"all": animal})
    with pytest.raises(SettingsError, match=r"camera 'all', got a video \(left\)"):  # a folder of pictures alone is one
        prepare(boards, {"all": boards / "left"})
