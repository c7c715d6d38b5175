"""Rendered boards: found where they truly are, whichever way they are turned, never as a part; also by a fisheye."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from made_rig import facing
from markerless.core.camera import Camera
from markerless.multiview.boards import parse_board
from markerless.multiview.detection import find_board
from markerless.multiview.rotation import matrix_of
from markerless.synthetic.board import BoardScene

CHARUCO = "charuco:7x5:30:22:DICT_4X4_50"
EVEN_ROWS = "charuco:5x6:30:22:DICT_4X4_50"
CHECKERBOARD = "checkerboard:7x4:30"
TURNING = "checkerboard:7x5:30"
CAMERA = Camera(
    "a",
    (640, 480),
    np.array([[600.0, 0, 325], [0, 600, 236], [0, 0, 1]]),
    np.array([-0.2, 0.05]),
    np.eye(3),
    np.zeros(3),
)


@pytest.fixture(scope="module")
def scenes() -> dict[str, BoardScene]:
    return {
        name: BoardScene(parse_board(name), CAMERA, fineness=2) for name in (CHARUCO, EVEN_ROWS, CHECKERBOARD, TURNING)
    }


@pytest.mark.parametrize("name", [CHARUCO, EVEN_ROWS, CHECKERBOARD])
@pytest.mark.parametrize("turn", [[0.1, 0.2, 0.1], [-0.3, 0.1, 2.8], [0.2, -0.4, -1.5]])
def test_corners_are_where_they_truly_are(scenes: dict[str, BoardScene], name: str, turn: list[float]) -> None:
    scene = scenes[name]
    pose = facing(scene.board, turn, 480.0)
    found = find_board(scene.board, scene.gray(*pose))
    off = found - scene.corners(*pose)
    seen = np.isfinite(off[:, 0])
    assert seen.mean() > 0.8
    # the center of the top-left pixel is (0, 0): a convention half a pixel off would show as a mean of 0.5
    assert np.abs(off[seen].mean(axis=0)).max() < 0.05
    assert np.sqrt((off[seen] ** 2).mean()) < 0.12


def test_a_checkerboard_that_looks_the_same_turned_starts_at_either_end(scenes: dict[str, BoardScene]) -> None:
    scene = scenes[TURNING]
    assert scene.board.turns
    for turn in ([0.1, 0.2, 0.1], [0.1, 0.2, 3.0]):
        pose = facing(scene.board, turn, 480.0)
        found, true = find_board(scene.board, scene.gray(*pose)), scene.corners(*pose)
        assert min(np.abs(found - true).max(), np.abs(found[::-1] - true).max()) < 0.3


@pytest.mark.parametrize("other", ["checkerboard:6x4:30", "checkerboard:7x3:30", "checkerboard:8x4:30"])
def test_part_of_a_checkerboard_is_not_taken_for_another(scenes: dict[str, BoardScene], other: str) -> None:
    gray = scenes[CHECKERBOARD].gray(*facing(scenes[CHECKERBOARD].board, [0.1, 0.2, 0.1], 480.0))
    assert np.isnan(find_board(parse_board(other), gray)).all()


def test_a_fisheye_sees_the_board_too() -> None:
    matrix = np.array([[330.0, 0, 320], [0, 330, 240], [0, 0, 1]])
    fisheye = replace(CAMERA, fisheye=True, matrix=matrix, distortion=np.array([0.05, -0.02]))
    scene = BoardScene(parse_board(CHARUCO), fisheye, fineness=2)
    pose = (matrix_of([0.4, -0.3, 0.2]), np.array([-100.0, -60.0, 220.0]))
    off = find_board(scene.board, scene.gray(*pose)) - scene.corners(*pose)
    assert np.isfinite(off[:, 0]).mean() > 0.8
    assert np.sqrt(np.nanmean(off**2)) < 0.12
