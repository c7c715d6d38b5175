"""Anipose's table of points in space: its columns, its world axes, and the movement package reads it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from markerless.core.skeleton import Skeleton
from markerless.core.tracks import Tracks
from markerless.core.views import TOO_FEW, Views
from markerless.formats import anipose
from markerless.multiview.rotation import matrix_of


def example() -> tuple[Tracks, Views]:
    rng = np.random.default_rng(0)
    points, score = rng.normal(size=(4, 1, 2, 3)), rng.random((4, 1, 2))
    state = np.zeros((4, 1, 2), dtype=np.int8)
    used = np.ones((3, 4, 1, 2), dtype=bool)
    used[2, 0] = False
    distance = np.tile(np.array([1.0, 3.0, 50.0])[:, None, None, None], (1, 4, 1, 2))
    points[2, 0, 1], score[2, 0, 1], state[2, 0, 1], used[:, 2, 0, 1] = np.nan, np.nan, TOO_FEW, False
    return Tracks(Skeleton(("nose", "left ear")), points, score), Views(("a", "b", "c"), distance, used, state)


def test_the_columns_are_anipose_s(tmp_path: Path) -> None:
    tracks, views = example()
    anipose.write(tracks, tmp_path / "a.csv", views)
    header, first, _, third, *_ = (tmp_path / "a.csv").read_text(encoding="utf-8").splitlines()
    assert header.startswith("nose_x,nose_y,nose_z,nose_error,nose_ncams,nose_score,")
    assert header.endswith("M_00,M_01,M_02,M_10,M_11,M_12,M_20,M_21,M_22,center_0,center_1,center_2,fnum")
    # the mean of 1 and 3 px, of two cameras; the third was not used
    assert first.split(",")[3:5] == ["2.0", "2.0"]
    assert third.split(",")[6:12] == ["", "", "", "", "0.0", ""]  # no camera saw the ear
    assert first.endswith(",1.0,0.0,0.0,0.0,1.0,0.0,0.0,0.0,1.0,0.0,0.0,0.0,0")
    anipose.write(tracks, tmp_path / "b.csv")
    assert (tmp_path / "b.csv").read_text(encoding="utf-8").splitlines()[1].split(",")[3:5] == ["", ""]


def test_round_trip(tmp_path: Path) -> None:
    tracks, views = example()
    anipose.write(tracks, tmp_path / "a.csv", views)
    found = anipose.read(tmp_path / "a.csv")
    np.testing.assert_array_equal(found.points, tracks.points)
    np.testing.assert_array_equal(found.score, tracks.score)
    assert found.skeleton.keypoints == tracks.skeleton.keypoints
    assert found.provenance == {}


def test_world_axes_go_both_ways(tmp_path: Path) -> None:
    """Anipose: `points @ M.T - center` (its `triangulate.py`), undone before it projects into the videos."""
    tracks, _ = example()
    rotation, translation = matrix_of([0.2, -1.0, 0.4]), np.array([3.0, -4, 5])
    axes = {"how": "of a test", "rotation": rotation.tolist(), "translation": translation.tolist()}
    turned = tracks.points @ rotation.T + translation
    anipose.write(replace(tracks, points=turned, provenance={"axes": axes}), tmp_path / "a.csv")
    header, *rows = (tmp_path / "a.csv").read_text(encoding="utf-8").splitlines()
    cells = dict(zip(header.split(","), rows[1].split(","), strict=True))
    matrix = np.array([[float(cells[f"M_{i}{j}"]) for j in range(3)] for i in range(3)])
    center = np.array([float(cells[f"center_{i}"]) for i in range(3)])
    there = np.array([float(cells[f"nose_{axis}"]) for axis in "xyz"])
    np.testing.assert_allclose((there + center) @ np.linalg.inv(matrix.T), tracks.points[1, 0, 0], atol=1e-12)
    found = anipose.read(tmp_path / "a.csv")
    assert found.provenance == {"axes": {key: axes[key] for key in ("rotation", "translation")}}
    anipose.write(found, tmp_path / "b.csv")
    assert (tmp_path / "b.csv").read_bytes() == (tmp_path / "a.csv").read_bytes()


@pytest.mark.parametrize("axes", [None, {}, {"rotation": [1, 2], "translation": [0, 0, 0]}, {"rotation": "x"}, 3])
def test_axes_that_nobody_understands_are_not_written(axes: object, tmp_path: Path) -> None:
    tracks, _ = example()
    anipose.write(replace(tracks, provenance={"axes": axes}), tmp_path / "a.csv")
    assert anipose.read(tmp_path / "a.csv").provenance == {}


def test_movement_reads_it(tmp_path: Path) -> None:
    load_poses = pytest.importorskip("movement.io.load_poses")
    tracks, views = example()
    anipose.write(tracks, tmp_path / "a.csv", views)
    dataset = load_poses.from_anipose_file(tmp_path / "a.csv", fps=30)
    order = [list(dataset[dataset.position.dims[2]].values).index(name) for name in tracks.skeleton.keypoints]
    position = dataset.position.values[:, :, order, 0].transpose(0, 2, 1)
    np.testing.assert_allclose(position, tracks.points[:, 0])


def numbered(frames: list[float]) -> Views:
    _, views = example()
    return replace(views, camera_frame=np.stack([np.array(frames), np.arange(4.0), np.arange(4.0)], axis=-1))


def fnum(path: Path) -> list[str]:
    return [line.rsplit(",", 1)[1] for line in path.read_text(encoding="utf-8").splitlines()[1:]]


def test_rows_have_the_frames_of_the_first_camera(tmp_path: Path) -> None:
    tracks, _ = example()
    views = numbered([40.0, 41.02, 42.0, 44.0])
    anipose.write(tracks, tmp_path / "a.csv", views)
    assert fnum(tmp_path / "a.csv") == ["40", "41", "42", "44"]
    found = anipose.read(tmp_path / "a.csv")
    np.testing.assert_array_equal(found.points[[40, 41, 42, 44]], tracks.points)
    np.testing.assert_array_equal(found.score[[40, 41, 42, 44]], tracks.score)
    assert np.isnan(found.points[:40]).all()
    anipose.write(found, tmp_path / "b.csv")  # of a table the row is the frame
    again = anipose.read(tmp_path / "b.csv")
    np.testing.assert_array_equal(again.points, found.points)


def test_a_moment_without_a_frame_of_its_own_has_no_row(tmp_path: Path) -> None:
    tracks, _ = example()
    anipose.write(tracks, tmp_path / "a.csv", numbered([np.nan, 7.6, 8.1, 9.0]))
    assert fnum(tmp_path / "a.csv") == ["8", "9"]
    found = anipose.read(tmp_path / "a.csv")
    np.testing.assert_array_equal(found.points[8:], tracks.points[2:])  # 8.1 is nearer to 8 than 7.6
    anipose.write(tracks, tmp_path / "a.csv", numbered([np.nan] * 4))  # a camera that saw none of it counts nothing
    assert fnum(tmp_path / "a.csv") == ["0", "1", "2", "3"]


@pytest.mark.parametrize(
    ("images", "numbers"),
    [
        (["img0005.png", "img0120.png", "img0121.png", "img0300.png"], ["5", "120", "121", "300"]),
        (["m2_f8.png", "m2_f9.png", "m2_f10.png", "m2_f11.png"], ["8", "9", "10", "11"]),
        (["a1.png", "b1.png", "c2.png", "d3.png"], ["0", "1", "2", "3"]),
        (["a.png", "b1.png", "c2.png", "d3.png"], ["0", "1", "2", "3"]),
        ([f"2026010112{n}000000000.png" for n in range(4)], ["0", "1", "2", "3"]),  # times, not frames
        (["img0005.png"], ["0", "1", "2", "3"]),
        ("img0005.png", ["0", "1", "2", "3"]),
    ],
)
def test_rows_have_the_numbers_of_labeled_pictures(images: object, numbers: list[str], tmp_path: Path) -> None:
    tracks, views = example()
    tracks = replace(tracks, provenance={"images": images})
    anipose.write(tracks, tmp_path / "a.csv", views)
    assert fnum(tmp_path / "a.csv") == numbers
    rows = [int(number) for number in numbers]
    np.testing.assert_array_equal(anipose.read(tmp_path / "a.csv").points[rows], tracks.points)
