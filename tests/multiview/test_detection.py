"""Boards in pictures: corners where they are in truth, in the same order, and no board where there is none."""

from __future__ import annotations

import numpy as np
import pytest

from made_boards import pair, photograph, shown
from markerless.multiview.board_size import board_that_fits, looks_mirrored
from markerless.multiview.boards import Board, parse_board
from markerless.multiview.detection import FEWEST, find_board, fitting

CHARUCO = parse_board("charuco:7x5:30:22:DICT_4X4_50")
CHECKERBOARD = parse_board("checkerboard:6x5:25")
LEFT, RIGHT = pair()


def truth(board: Board, n: int, seed: int = 0) -> np.ndarray:
    """`(n, P, 2)` pixels in the left camera."""
    boards = shown(board, n, seed)
    return LEFT.project(boards.shape @ boards.rotation.transpose(0, 2, 1) + boards.translation[:, None])


@pytest.mark.parametrize("board", [CHARUCO, CHECKERBOARD], ids=lambda board: board.kind)
@pytest.mark.parametrize("inverted", [False, True])
def test_corners_are_found_where_they_are(board: Board, inverted: bool) -> None:
    for gray, expected in zip(photograph(board, LEFT, shown(board, 4)), truth(board, 4), strict=True):
        found = find_board(board, 255 - gray if inverted else gray)
        if inverted and board.kind == "checkerboard":
            # dark and light change places, and with them which end comes first
            found = found[::-1]
        off = np.linalg.norm(found - expected, axis=1)
        assert np.isfinite(off).mean() > 0.9
        assert np.nanmax(off) < 0.3
        assert np.sqrt(np.nanmean(off**2)) < 0.1


def test_a_board_that_is_partly_covered_gives_the_corners_that_are_seen() -> None:
    gray, expected = photograph(CHARUCO, LEFT, shown(CHARUCO, 1))[0].copy(), truth(CHARUCO, 1)[0]
    middle = int(expected[:, 0].mean())
    gray[:, middle:] = 128
    found = find_board(CHARUCO, gray)
    seen = np.isfinite(found[:, 0])
    assert FEWEST <= seen.sum() < CHARUCO.n_corners
    assert not seen[expected[:, 0] > middle].any()
    assert np.abs(found[seen] - expected[seen]).max() < 0.3


@pytest.mark.parametrize("board", [CHARUCO, CHECKERBOARD], ids=lambda board: board.kind)
def test_where_there_is_no_board_none_is_found(board: Board) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (480, 640)).astype(np.uint8)
    other = photograph(parse_board("checkerboard:9x4:20"), LEFT, shown(CHARUCO, 1))[0]
    for gray in (np.full((480, 640), 200, np.uint8), noise, other):
        assert np.isnan(find_board(board, gray)).all()


def test_corners_that_fit_no_plane_are_left_out() -> None:
    corners = truth(CHARUCO, 1)[0]
    wrong = corners.copy()
    wrong[[3, 11]] += [40.0, -25.0]
    found = fitting(CHARUCO, wrong)
    assert np.isnan(found[[3, 11]]).all()
    keep = np.delete(np.arange(len(corners)), [3, 11])
    np.testing.assert_array_equal(found[keep], corners[keep])
    assert np.isnan(fitting(CHARUCO, np.random.default_rng(0).uniform(0, 400, corners.shape))).all()


def test_a_board_in_a_mirror_is_none_and_is_named_so() -> None:
    corners = truth(CHARUCO, 1)[0]
    assert np.isfinite(fitting(CHARUCO, corners)).all()
    assert np.isnan(fitting(CHARUCO, [639, 0] + corners * [-1, 1])).all()
    gray = photograph(CHARUCO, LEFT, shown(CHARUCO, 1))[0]
    assert looks_mirrored(CHARUCO, [np.ascontiguousarray(gray[:, ::-1])])
    assert not looks_mirrored(CHARUCO, [gray])


def test_too_few_corners_are_none() -> None:
    corners = truth(CHARUCO, 1)[0]
    corners[FEWEST - 1 :] = np.nan
    assert np.isnan(fitting(CHARUCO, corners)).all()
    line = truth(CHARUCO, 1)[0]
    line[CHARUCO.grid[0] :] = np.nan  # one row tells no pose
    assert np.isnan(fitting(CHARUCO, line)).all()


@pytest.mark.parametrize("board", [CHARUCO, CHECKERBOARD], ids=lambda board: board.kind)
def test_the_size_that_fits_is_found(board: Board) -> None:
    pictures = photograph(board, LEFT, shown(board, 3))
    for columns, rows in ((board.columns + 2, board.rows + 1), (board.columns - 1, board.rows - 1)):
        named = board.of_size(columns, rows)
        assert board_that_fits(named, pictures) == board
    assert board_that_fits(board, [np.full((480, 640), 90, np.uint8)]) is None
