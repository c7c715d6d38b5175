"""`calibrate CAMERA=FILE ...`: rigs from files, lenses, the scale, real studies, a clear line for bad input."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from made_walk import KEYPOINTS, Walk, pose_errors, similarity, walk
from markerless.cli.main import main
from markerless.core.camera import Calibration
from markerless.core.skeleton import Skeleton
from markerless.core.tracks import Tracks
from markerless.errors import CalibrationError, LabelsError
from markerless.formats import dlc
from markerless.multiview.files import anipose_toml
from markerless.multiview.files.views_toml import KnownLength
from markerless.multiview.pose_spread import rig_size
from markerless.pipeline.calibrate_from_points import PointsRequest, calibrate_from_points
from mouse_rig import NAMES, mouse_calibration, mouse_labels

FLY = "05272019_fly4_0_R1C24_Cam-{}_rot-ccw-0.06_sec.rng=0.csv"


@pytest.fixture(scope="module")
def made() -> Walk:
    return walk(3)


def tracks_of(made: Walk) -> dict[str, Tracks]:
    return {
        camera.name: Tracks(Skeleton(KEYPOINTS), xy[:, None], np.ones((len(xy), 1, len(KEYPOINTS))), scorer="made")
        for camera, xy in zip(made.cameras, made.xy, strict=True)
    }


@pytest.fixture(scope="module")
def folder(made: Walk, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """cam0.csv, ... and lenses.toml, whose cameras all stand at the origin: not to be changed."""
    path = tmp_path_factory.mktemp("walk")
    for name, tracks in tracks_of(made).items():
        dlc.write(tracks, path / f"{name}.csv")
    lenses = tuple(camera.moved(np.eye(3), np.zeros(3)) for camera in made.cameras)
    anipose_toml.write(Calibration(lenses), path / "lenses.toml")
    return path


def files(folder: Path) -> list[str]:
    return [f"cam{index}={folder / f'cam{index}.csv'}" for index in range(3)]


def test_a_rig_from_files_in_millimeters(
    made: Walk, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "rig.toml"
    length = float(np.median(np.linalg.norm(made.points[:, 3] - made.points[:, 4], axis=-1)))
    how = ["--lenses", str(folder / "lenses.toml"), "--length", f"neck,spine,{length}", "--out", str(out)]
    assert main(["calibrate", *files(folder), *how]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[-1] == f"wrote {out}"
    assert told[0].startswith("cam0: good: place known to 0.")
    assert any(line.startswith("scale: neck to spine is 25.7") for line in told)
    assert told[-2].startswith("good: reprojection error 0.")
    rig = anipose_toml.read(out)
    assert rig.unit == "mm"
    assert pose_errors(rig.cameras, made)[0] < 0.005
    assert np.linalg.norm(rig.cameras[1].center) == pytest.approx(np.linalg.norm(made.cameras[1].center), rel=0.01)
    assert all(camera.spread is not None for camera in rig.cameras)


def test_a_camera_whose_points_have_no_errors_is_as_one_of_a_tool_without(made: Walk, folder: Path) -> None:
    seen = {name: replace(tracks, error=np.ones_like(tracks.score)) for name, tracks in tracks_of(made).items()}
    seen["cam2"] = replace(seen["cam2"], error=np.full_like(seen["cam2"].score, np.nan))
    result = calibrate_from_points(seen, PointsRequest(lenses=str(folder / "lenses.toml")))
    assert pose_errors(result.calibration.cameras, made)[0] < 0.005
    assert any(note.startswith("no point of cam2 has an expected error") for note in result.notes)


def test_lines_about_wrong_use(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def line(*words: str) -> str:
        assert main(["calibrate", *words]) == 2
        error = capsys.readouterr().err
        assert len(error.strip().splitlines()) == 1
        return error

    assert "expected --board BOARD, or CAMERA=FILE" in line(str(folder))
    assert "leave out what describes a board" in line(*files(folder), "--board", "checkerboard:9x6:30")
    assert "for cameras without a board" in line(str(folder), "--board", "checkerboard:9x6:30", "--lenses", "10x10")
    assert "expected one FOLDER" in line(str(folder), str(tmp_path), "--board", "checkerboard:9x6:30")
    assert "--lenses 1280x1024" in line(*files(folder))
    assert "no such calibration: 1280" in line(*files(folder), "--lenses", "1280")
    assert "at least two cameras" in line(files(folder)[0], "--lenses", "1280x1024")
    swapped = line(*files(folder), "--lenses", "640x480", "--out", str(tmp_path / "rig.toml"))
    assert "inside pictures of 640x480 px" in swapped
    assert "of camera 'cam0'; give the size" in swapped
    taken = tmp_path / "calibration.toml"
    taken.write_text("[cam_0]\n", encoding="utf-8")
    assert "was not made by markerless" in line(*files(folder), "--lenses", "1280x1024", "--out", str(taken))


def test_lenses_go_by_name_or_are_one_for_all(made: Walk) -> None:
    few = {name: tracks for name, tracks in tracks_of(made).items() if name != "cam2"}
    wrong = Calibration(tuple(replace(camera, name=f"other{camera.name}") for camera in made.cameras))
    with pytest.raises(
        CalibrationError, match="expected lenses of cam0, cam1, or one for all cameras, got lenses of oth"
    ):
        calibrate_from_points(few, PointsRequest(wrong))
    with pytest.raises(CalibrationError, match="size of the pictures of cam1, whose lens is not known"):
        calibrate_from_points(few, PointsRequest(Calibration((made.cameras[0], wrong.cameras[2]))))


def test_from_memory_up_to_scale(made: Walk) -> None:
    result = calibrate_from_points(tracks_of(made), PointsRequest(Calibration(made.cameras)))
    assert result.path is None
    assert result.calibration.unit == ""
    assert any("the scale is not known" in note for note in result.notes)
    assert result.agree > 0.75
    json.dumps([str(verdict) for verdict in result.cameras])


@pytest.mark.slow
def test_three_cameras_of_a_fly(shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "interop" / "lightning-pose-3cam-fly"
    given = {f"Cam-{letter}": folder / FLY.format(letter) for letter in "ABC"}
    true = anipose_toml.read(folder / "calibration.toml")
    result = calibrate_from_points(given, PointsRequest(true, out=tmp_path / "fly.toml"))
    assert result.rms_px < 2.5
    mine, theirs = (np.stack([camera.center for camera in rig.cameras]) for rig in (result.calibration, true))
    turn, scale, shift = similarity(mine, theirs)
    off = np.linalg.norm(scale * mine @ turn.T + shift - theirs, axis=1)
    assert off.max() < 0.02 * rig_size(true.cameras)  # reached: 1.2 %


@pytest.mark.slow
def test_a_mouse_that_hardly_moves_before_four_cameras_is_refused(shared_data: Path) -> None:
    folder = shared_data / "mouse-4cam"
    labels = {name: mouse_labels(folder, name) for name in NAMES}
    with pytest.raises(CalibrationError, match=r"refused: where camera '\w+' stands is known to .* of the picture"):
        calibrate_from_points(labels, PointsRequest(mouse_calibration(folder)))


def test_what_cannot_be_is_refused_before_the_work(made: Walk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lens that is none, and a length between keypoints that are none."""
    done: list[object] = []
    monkeypatch.setattr("markerless.pipeline.calibrate_from_points.calibrate_points", done.append)
    flat = replace(made.cameras[1], matrix=np.diag([0.0, 0.0, 1.0]))
    for lenses in (Calibration((made.cameras[0], flat, made.cameras[2])), Calibration((flat,))):
        with pytest.raises(
            CalibrationError, match=r"camera 'cam1' has focal lengths of 0 and 0 px.*; give the lens .* with --lenses"
        ):
            calibrate_from_points(tracks_of(made), PointsRequest(lenses))
    known = PointsRequest(Calibration(made.cameras), length=KnownLength(KEYPOINTS[0], "antler", 25.0))
    with pytest.raises(LabelsError, match="no keypoint 'antler'"):
        calibrate_from_points(tracks_of(made), known)
    assert not done
