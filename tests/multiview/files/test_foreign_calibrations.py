"""Calibrations of OpenCV and DeepLabCut, written by OpenCV's and Python's own writers; damaged and dangerous ones."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from markerless.core.camera import Calibration
from markerless.errors import CalibrationError, FormatError
from markerless.multiview.calibration_file import calibration_format, read_calibration
from markerless.multiview.files import anipose_toml

MATRICES = (
    np.array([[533.0, 0, 342], [0, 534, 234], [0, 0, 1]]),
    np.array([[537.0, 0, 326], [0, 536, 250], [0, 0, 1]]),
)
NUMBERS = (np.array([[-0.28, 0.1, 0.001, -0.0003, 0]]), np.array([[-0.29, 0.11, -0.0006, 0.0002, 0]]))
ROTATION = cv2.Rodrigues(np.array([0.006, 0.005, -0.004]))[0]
TRANSLATION = np.array([[-3.33], [0.04], [-0.003]])


def store(path: Path, values: dict[str, Any]) -> Path:
    storage = cv2.FileStorage(str(path), cv2.FILE_STORAGE_WRITE)
    for name, value in values.items():
        storage.write(name, value)
    storage.release()
    return path


def pair() -> dict[str, Any]:
    return {"M1": MATRICES[0], "D1": NUMBERS[0], "M2": MATRICES[1], "D2": NUMBERS[1]}


def deeplabcut(**change: Any) -> dict[str, Any]:
    both: dict[str, Any] = {f"cameraMatrix{i + 1}": MATRICES[i] for i in (0, 1)} | {
        f"distCoeffs{i + 1}": NUMBERS[i] for i in (0, 1)
    }
    both |= {"R": ROTATION, "T": TRANSLATION, "P1": np.zeros((3, 4)), "roi1": (0, 0, 640, 480)}
    return {"camera-1-camera-2": both | {"image_shape": [(640, 480), (640, 480)]} | change}


def check(found: Calibration) -> None:
    points = np.random.default_rng(0).uniform(-5, 5, (50, 3)) + np.array([0, 0, 30])
    assert found.unit == ""
    poses = [(np.zeros(3), np.zeros(3)), (cv2.Rodrigues(ROTATION)[0], TRANSLATION)]
    for camera, matrix, numbers, (turn, way) in zip(found.cameras, MATRICES, NUMBERS, poses, strict=True):
        expected = cv2.projectPoints(points, turn, way, matrix, numbers)[0][:, 0]
        np.testing.assert_allclose(camera.project(points), expected, atol=1e-6)


def test_deeplabcuts_pair(tmp_path: Path) -> None:
    path = tmp_path / "stereo_params.pickle"
    path.write_bytes(pickle.dumps(deeplabcut()))
    found = read_calibration(path)
    check(found)
    assert found.names == ("camera-1", "camera-2")
    assert found.cameras[0].size == (640, 480)
    anipose_toml.write(found, tmp_path / "calibration.toml")
    check(read_calibration(tmp_path / "calibration.toml"))


@pytest.mark.parametrize("shape", [[[(640, 480)], [(640, 480)]], [(640, 480), (640, 480)]])
def test_both_ways_deeplabcut_wrote_sizes(tmp_path: Path, shape: Any) -> None:
    path = tmp_path / "stereo_params.pickle"
    path.write_bytes(pickle.dumps(deeplabcut(image_shape=shape)))
    assert [camera.size for camera in read_calibration(path).cameras] == [(640, 480)] * 2


def test_a_size_that_nobody_says_is_guessed_and_that_is_told(tmp_path: Path) -> None:
    path = tmp_path / "stereo_params.pickle"
    path.write_bytes(pickle.dumps(deeplabcut(image_shape=None)))
    found = read_calibration(path)
    assert found.cameras[0].size == (2 * 342 + 1, 2 * 234 + 1)
    assert "guessed" in dict(found.provenance)["note"]


class Evil:
    def __reduce__(self) -> Any:
        return Path.touch, (Path("ran"),)


def test_a_pickle_that_runs_a_program_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "stereo_params.pickle"
    path.write_bytes(pickle.dumps(deeplabcut(R=Evil())))
    with pytest.raises(FormatError, match="refused"):
        read_calibration(path)
    assert not Path("ran").exists()
    pickle.loads(path.read_bytes())  # the control: an ordinary unpickler does run it
    assert Path("ran").exists()


@pytest.mark.parametrize(
    ("value", "error", "said"),
    [
        ({"a": 1}, FormatError, "found 0"),
        ([1, 2], FormatError, "found 0"),
        (deeplabcut(R=np.eye(2)), FormatError, "rotation of 'camera-2'"),
        (deeplabcut(T=np.array([np.nan, 0, 0])), FormatError, "finite"),
        (deeplabcut(R=-np.eye(3)), CalibrationError, "expected a rotation"),
    ],
)
def test_other_pickles_are_refused(tmp_path: Path, value: Any, error: type[Exception], said: str) -> None:
    path = tmp_path / "stereo_params.pickle"
    path.write_bytes(pickle.dumps(value))
    with pytest.raises(error, match=said):
        read_calibration(path)


@pytest.mark.parametrize("suffix", [".yml", ".xml"])
def test_opencvs_pair_in_one_file(tmp_path: Path, suffix: str) -> None:
    values = pair() | {"R": ROTATION, "T": TRANSLATION, "image_width": 640, "image_height": 480}
    found = read_calibration(store(tmp_path / f"stereo{suffix}", values))
    check(found)
    assert found.cameras[1].size == (640, 480)


def test_opencvs_pair_in_two_files(tmp_path: Path) -> None:
    first = store(tmp_path / "intrinsics.yml", pair())
    with pytest.raises(FormatError, match="extrinsics beside it"):
        read_calibration(first)
    second = store(tmp_path / "extrinsics.yml", {"R": ROTATION, "T": TRANSLATION, "Q": np.eye(4)})
    check(read_calibration(first))
    check(read_calibration(second))


def test_opencvs_single_camera(tmp_path: Path) -> None:
    values = {"camera_matrix": MATRICES[0], "distortion_coefficients": NUMBERS[0], "image_width": 640}
    found = read_calibration(store(tmp_path / "camera.yml", values | {"image_height": 480}))
    (camera,) = found.cameras
    np.testing.assert_allclose(camera.matrix, MATRICES[0])
    np.testing.assert_allclose(camera.distortion[:5], NUMBERS[0][0])
    assert camera.size == (640, 480)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.yml", "a: 1\n", "first line"),
        ("a.yml", "%YAML:1.0\n---\nM1: !!opencv-matrix\n   rows: 3\n", "a.yml"),
        ("a.yml", "%YAML:1.0\n---\nother: 5\n", "found other"),
        ("a.yml", "%YAML:1.0\n---\n\t{[\n", "damaged"),
        ("a.xml", "<?xml version='1.0'?><opencv_storage><a>", "damaged"),
        ("a.npz", "x", r"got .*a\.npz"),
    ],
)
def test_other_files_are_refused_in_one_line(tmp_path: Path, name: str, text: str, said: str) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    with pytest.raises(FormatError, match=said) as caught:
        read_calibration(path)
    assert "\n" not in str(caught.value)


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(CalibrationError, match=r"nowhere\.yml"):
        read_calibration(tmp_path / "nowhere.yml")


def test_the_format_is_told_without_reading_it(tmp_path: Path) -> None:
    poses = {"R": ROTATION, "T": TRANSLATION}
    (tmp_path / "a.pickle").write_bytes(pickle.dumps(deeplabcut()))
    assert calibration_format(tmp_path / "a.pickle") == "dlc_stereo"
    for name in ("pair.yml", "pair.xml"):
        assert calibration_format(store(tmp_path / name, pair() | poses)) == "opencv_yaml"
    assert calibration_format(store(tmp_path / "extrinsics.yml", poses)) == "opencv_yaml"
    anipose_toml.write(read_calibration(tmp_path / "a.pickle"), tmp_path / "a.toml")
    assert calibration_format(tmp_path / "a.toml") == "anipose_toml"


def test_other_files_have_no_format(tmp_path: Path) -> None:
    (tmp_path / "other.pickle").write_bytes(pickle.dumps({"a": 1}))
    (tmp_path / "list.yml").write_text("camera_matrix: of another tool\n", encoding="utf-8")
    (tmp_path / "board.toml").write_text("board_x = 8\n", encoding="utf-8")
    (tmp_path / "bytes.xml").write_bytes(b"\xff\xfe\x00")
    store(tmp_path / "weights.yml", {"weights": MATRICES[0]})
    for path in [*tmp_path.iterdir(), tmp_path / "none.toml", tmp_path / "none.txt"]:
        assert calibration_format(path) is None


def test_a_folder_stands_for_the_calibration_in_it(tmp_path: Path) -> None:
    with pytest.raises(CalibrationError, match=r"no such calibration: .*calibration\.toml; make one with"):
        read_calibration(tmp_path)
    path = store(tmp_path / "pair.yml", pair() | {"R": ROTATION, "T": TRANSLATION})
    anipose_toml.write(read_calibration(path), tmp_path / "calibration.toml")
    check(read_calibration(tmp_path))


def test_a_file_of_views_is_no_calibration(tmp_path: Path) -> None:
    (tmp_path / "views.toml").write_text("[views.a]\nregion = [0, 0, 9, 9]\n", encoding="utf-8")
    with pytest.raises(CalibrationError, match=r"where the views are in a picture.*\.calibration\.toml"):
        read_calibration(tmp_path / "views.toml")


RATIONAL = np.array([0.1, -0.05, 0.001, 0.002, 0.01, 0.02, -0.03, 0.004])


@pytest.mark.parametrize("count", [8, 12, 14])
def test_opencvs_longer_lists_of_numbers_open_where_the_last_are_zero(tmp_path: Path, count: int) -> None:
    """`CALIB_RATIONAL_MODEL` gives 14 numbers, of which the last six are 0."""
    numbers = np.pad(RATIONAL, (0, count - 8))[None]
    values = {"camera_matrix": MATRICES[0], "distortion_coefficients": numbers}
    (camera,) = read_calibration(store(tmp_path / "camera.yml", values)).cameras
    np.testing.assert_allclose(camera.distortion, RATIONAL)
    both = pair() | {"D1": numbers, "D2": numbers, "R": ROTATION, "T": TRANSLATION}
    points = np.random.default_rng(0).uniform(-5, 5, (50, 3)) + np.array([0, 0, 30])
    expected = cv2.projectPoints(points, np.zeros(3), np.zeros(3), MATRICES[0], numbers)[0][:, 0]
    found = read_calibration(store(tmp_path / "pair.xml", both)).cameras[0]
    np.testing.assert_allclose(found.project(points), expected, atol=1e-6)
    (tmp_path / "stereo.pickle").write_bytes(pickle.dumps(deeplabcut(distCoeffs1=numbers, distCoeffs2=numbers)))
    np.testing.assert_allclose(read_calibration(tmp_path / "stereo.pickle").cameras[1].distortion, RATIONAL)
    if count > 8:
        values["distortion_coefficients"] = np.concatenate([numbers[:, :-1], [[0.01]]], axis=1)
        with pytest.raises(CalibrationError, match="at most 8 finite distortion numbers"):
            read_calibration(store(tmp_path / "prism.yml", values))


@pytest.mark.parametrize("suffix", ["yml", "xml"])
def test_what_is_no_matrix_in_opencvs_storage_is_passed_over(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"camera.{suffix}"
    storage = cv2.FileStorage(str(path), cv2.FILE_STORAGE_WRITE)
    storage.startWriteStruct("board", cv2.FileNode_MAP)
    storage.write("width", 9)
    storage.startWriteStruct("square", cv2.FileNode_MAP)
    storage.write("mm", 30.0)
    storage.endWriteStruct()
    storage.endWriteStruct()
    storage.startWriteStruct("names", cv2.FileNode_SEQ)
    storage.write("", "a")
    storage.endWriteStruct()
    storage.write("camera_matrix", MATRICES[0])
    storage.write("distortion_coefficients", NUMBERS[0])
    storage.release()
    (camera,) = read_calibration(path).cameras
    np.testing.assert_allclose(camera.matrix, MATRICES[0])
    np.testing.assert_allclose(camera.distortion[:5], NUMBERS[0][0])


def test_a_map_in_place_of_a_matrix_is_said_to_be_missing(tmp_path: Path) -> None:
    path = tmp_path / "camera.yml"
    text = '%YAML:1.0\n---\ncamera_matrix: { width: 9, height: 6 }\nabout: "opencv"\n'
    path.write_text(text, encoding="utf-8")
    with pytest.raises(FormatError, match="expected a camera"):
        read_calibration(path)
