"""Boards: names, files, points, and what is refused."""

from __future__ import annotations

import re
import zlib
from pathlib import Path

import numpy as np
import pytest

from markerless.errors import CalibrationError
from markerless.multiview.board_print import black, page_mm, picture, write_board
from markerless.multiview.board_size import board_that_fits, markers_in
from markerless.multiview.boards import Board, parse_board
from markerless.multiview.detection import find_board

NAMES = ["charuco:8x11:24:18.75:DICT_4X4_1000", "checkerboard:9x6:30"]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_comes_back(name: str) -> None:
    assert parse_board(name).name == name


def test_charuco_counts_squares_and_a_checkerboard_inner_corners() -> None:
    charuco, checkerboard = (parse_board(name) for name in NAMES)
    assert (charuco.grid, charuco.n_corners) == ((7, 10), 70)
    assert (checkerboard.grid, checkerboard.n_corners) == ((9, 6), 54)
    np.testing.assert_array_equal(charuco.points[[0, 1, 7, -1]], [[0, 0, 0], [24, 0, 0], [0, 24, 0], [144, 216, 0]])


@pytest.mark.parametrize(("size", "turns"), [("9x6", False), ("8x6", True), ("7x7", True)])
def test_half_a_turn_is_told_where_colors_differ(size: str, turns: bool) -> None:
    assert parse_board(f"checkerboard:{size}:30").turns is turns


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "expected a board like"),
        ("chessboard:9x6:30", "expected a board like"),
        ("checkerboard:9x6", "expected a board like"),
        ("checkerboard:9by6:30", "expected a board like"),
        ("checkerboard:9x6:wide", "expected a board like"),
        ("checkerboard:9x6:0", "side of a square"),
        ("checkerboard:9x6:nan", "side of a square"),
        ("checkerboard:1x6:30", "2 to 100 inner corners"),
        ("charuco:2x5:30:20:DICT_4X4_50", "3 to 100 squares"),
        ("charuco:8x11:18.75:24:DICT_4X4_1000", "the order is"),
        ("charuco:8x11:24:18.75:DICT_9X9_50", "expected a dictionary"),
        ("charuco:8x11:24:18.75:__class__", "expected a dictionary"),
        ("missing.toml", "cannot read missing.toml"),
    ],
)
def test_what_names_no_board_is_refused(text: str, said: str) -> None:
    with pytest.raises(CalibrationError, match=re.escape(said)):
        parse_board(text)


def test_files_of_other_tools_name_boards(shared_data: Path, tmp_path: Path) -> None:
    assert parse_board(str(shared_data / "mouse-4cam" / "board.toml")) == parse_board(NAMES[0])
    anipose = tmp_path / "config.toml"
    anipose.write_text(
        '[calibration]\nboard_type = "charuco"\nboard_size = [8, 11]\nboard_marker_bits = 4\n'
        "board_marker_dict_number = 1000\nboard_marker_length = 18.75\nboard_square_side_length = 24\n",
        encoding="utf-8",
    )
    assert parse_board(str(anipose)) == parse_board(NAMES[0])
    anipose.write_text('[calibration]\nboard_type = "checkerboard"\nboard_size = [9, 6]\n', encoding="utf-8")
    with pytest.raises(CalibrationError, match="found no square_length"):
        parse_board(str(anipose))
    anipose.write_text('board_x = "many"\nboard_y = 6\nsquare_length = 30\n', encoding="utf-8")
    with pytest.raises(CalibrationError, match="expected numbers"):
        parse_board(str(anipose))


@pytest.mark.parametrize("name", ["charuco:7x5:30:22:DICT_4X4_50", "charuco:6x8:24:18:DICT_5X5_100", NAMES[1]])
def test_a_printed_board_is_found_to_scale(name: str) -> None:
    board, per_mm = parse_board(name), 3.0
    found = find_board(board, picture(board, per_mm))
    # pixel edges are rounded, so that a corner may be half a pixel off; the page begins two squares before the corner
    expected = (board.points[:, :2] + 2 * board.square_mm) * per_mm - 0.5
    assert np.isfinite(found).all()
    assert np.abs(found - expected).max() < 0.6


def test_where_several_sizes_fit_it_is_the_named_one() -> None:
    board = parse_board("charuco:5x4:26:20:DICT_4X4_50")
    page = picture(board, 4.0)
    ids, centers = markers_in(board, page)
    for x, y in centers[np.isin(ids, [0, 1, 4])].astype(int):
        page[y - 42 : y + 43, x - 42 : x + 43] = 255
    assert sorted(markers_in(board, page)[0]) == [2, 3, 5, 6, 7, 8, 9]
    assert board_that_fits(board, [page]) == board  # seven markers lie as on a board of 3x7 as well


def test_files_to_print_are_to_scale(tmp_path: Path) -> None:
    board = parse_board(NAMES[0])
    width, height = page_mm(board)
    assert (width, height) == (240, 312)
    write_board(board, tmp_path / "board.pdf")
    data = (tmp_path / "board.pdf").read_bytes()
    box = re.search(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", data)
    assert box is not None
    assert [float(side) * 25.4 / 72 for side in box.groups()] == pytest.approx([width, height], abs=1e-3)
    content = zlib.decompress(data.partition(b"stream\n")[2].partition(b"\nendstream")[0])
    assert content.count(b" re f") == len(black(board))
    write_board(board, tmp_path / "board.png")
    head = (tmp_path / "board.png").read_bytes()
    at = head.index(b"pHYs") + 4
    assert int.from_bytes(head[at : at + 4], "big") * 0.0254 == pytest.approx(300, abs=0.1)


def test_a_board_that_cannot_be_printed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CalibrationError, match=r"\.pdf or \.png"):
        write_board(parse_board(NAMES[0]), tmp_path / "board.jpg")
    with pytest.raises(CalibrationError, match="name a larger dictionary"):
        write_board(Board("charuco", 20, 20, 24, 18, "DICT_4X4_50"), tmp_path / "board.pdf")
    assert list(tmp_path.iterdir()) == []
