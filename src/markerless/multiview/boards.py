"""Calibration boards: what is printed on them, how they are named, and files to print.

A board is named as on the command line: `charuco:8x11:24:18.75:DICT_4X4_1000` (squares across and down, side of a
square and of a marker in mm, OpenCV's dictionary), `checkerboard:9x6:30` (inner corners across and down, side of a
square in mm), or by a `board.toml` of sleap-anipose or a `config.toml` of Anipose.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from markerless.core.instance import FloatArray
from markerless.errors import CalibrationError

CHARUCO, CHECKERBOARD = "charuco", "checkerboard"
_EXAMPLES = "charuco:8x11:24:18.75:DICT_4X4_1000 (squares), checkerboard:9x6:30 (inner corners), or a board.toml"
_LONGEST = 100  # squares of a side: more is a slip of the pen
_SIZE = re.compile(r"(\d{1,4})x(\d{1,4})")
_DICTIONARY = re.compile(r"DICT_(?:[4-7]X[4-7]_(?:50|100|250|1000)|ARUCO_ORIGINAL|APRILTAG_\w+)")


@dataclass(frozen=True)
class Board:
    """A flat board.

    Attributes:
        kind: `CHARUCO` or `CHECKERBOARD`.
        columns: Squares across for ChArUco; inner corners across for a checkerboard.
        rows: Likewise down.
        square_mm: Side of a square.
        marker_mm: Side of a marker; 0 for a checkerboard.
        dictionary: OpenCV's name of the markers' dictionary; "" for a checkerboard.
    """

    kind: str
    columns: int
    rows: int
    square_mm: float
    marker_mm: float = 0.0
    dictionary: str = ""

    def __post_init__(self) -> None:
        fewest = 3 if self.kind == CHARUCO else 2
        if not all(fewest <= side <= _LONGEST for side in (self.columns, self.rows)):
            raise CalibrationError(
                f"expected a board of {fewest} to {_LONGEST} {self._counted} across and down, got "
                f"{self.columns}x{self.rows}"
            )
        if not 0 < self.square_mm < 1e6:
            raise CalibrationError(f"expected the side of a square in mm above 0, got {self.square_mm:g}")
        if self.kind == CHARUCO and not 0 < self.marker_mm < self.square_mm:
            raise CalibrationError(
                f"expected markers smaller than the squares of {self.square_mm:g} mm they lie in, got "
                f"{self.marker_mm:g} mm; the order is charuco:COLUMNSxROWS:SQUARE:MARKER:DICTIONARY"
            )

    @property
    def _counted(self) -> str:
        return "squares" if self.kind == CHARUCO else "inner corners"

    @property
    def grid(self) -> tuple[int, int]:
        """Inner corners across and down."""
        return (self.columns - 1, self.rows - 1) if self.kind == CHARUCO else (self.columns, self.rows)

    @property
    def n_corners(self) -> int:
        return self.grid[0] * self.grid[1]

    @property
    def points(self) -> FloatArray:
        """`(n_corners, 3)` in mm, row by row, x across, y down, z into the board; the first corner is the origin."""
        across, down = self.grid
        y, x = np.mgrid[:down, :across]
        return np.stack([x, y, np.zeros_like(x)], axis=-1).reshape(-1, 3) * float(self.square_mm)

    @property
    def turns(self) -> bool:
        """Whether the board looks the same after half a turn, so that its first corner is one of two."""
        return self.kind == CHECKERBOARD and (self.columns + self.rows) % 2 == 0

    @property
    def name(self) -> str:
        """As on the command line."""
        size = f"{self.kind}:{self.columns}x{self.rows}:{self.square_mm:g}"
        return f"{size}:{self.marker_mm:g}:{self.dictionary}" if self.kind == CHARUCO else size

    def of_size(self, columns: int, rows: int) -> Board:
        """The same kind of board with another number of squares."""
        return Board(self.kind, columns, rows, self.square_mm, self.marker_mm, self.dictionary)


def parse_board(text: str) -> Board:
    """The board that `text` names.

    Raises:
        CalibrationError: it names none; the message shows how boards are named.
    """
    if text.lower().endswith(".toml"):
        return _from_toml(Path(text))
    kind, *parts = text.split(":")
    wanted = {CHARUCO: 4, CHECKERBOARD: 2}.get(kind.lower())
    size = _SIZE.fullmatch(parts[0]) if parts else None
    try:
        if wanted is None or len(parts) != wanted or size is None:
            raise ValueError
        columns, rows = int(size[1]), int(size[2])
        lengths = [float(part) for part in parts[1:3]]
        if kind.lower() == CHECKERBOARD:
            return Board(CHECKERBOARD, columns, rows, lengths[0])
        return Board(CHARUCO, columns, rows, lengths[0], lengths[1], _known_dictionary(parts[3]))
    except ValueError:
        raise CalibrationError(f"expected a board like {_EXAMPLES}, got '{text}'") from None


def _known_dictionary(name: str) -> str:
    import cv2

    if not (_DICTIONARY.fullmatch(name) and hasattr(cv2.aruco, name)):
        raise CalibrationError(
            f"expected a dictionary of OpenCV's markers, for example DICT_4X4_50, DICT_4X4_1000 or DICT_6X6_250, "
            f"got '{name}'"
        )
    return name


def _from_toml(path: Path) -> Board:
    try:
        table: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise CalibrationError(f"expected a board like {_EXAMPLES}; cannot read {path}: {error}") from error
    inner = table.get("calibration")
    plain = _of_anipose(inner) if isinstance(inner, dict) else table
    try:
        columns, rows, square = int(plain["board_x"]), int(plain["board_y"]), float(plain["square_length"])
        if "marker_length" not in plain:
            return Board(CHECKERBOARD, columns, rows, square)
        bits, count = int(plain["marker_bits"]), int(plain["dict_size"])
        name = _known_dictionary(f"DICT_{bits}X{bits}_{count}")
        return Board(CHARUCO, columns, rows, square, float(plain["marker_length"]), name)
    except KeyError as error:
        raise CalibrationError(
            f"expected board_x, board_y, square_length (and marker_length, marker_bits, dict_size) in {path}, "
            f"found no {error.args[0]}"
        ) from None
    except (TypeError, ValueError, OverflowError) as error:
        raise CalibrationError(f"expected numbers for the board in {path}: {error}") from error


def _of_anipose(table: dict[str, Any]) -> dict[str, Any]:
    """The `[calibration]` of Anipose's config.toml in sleap-anipose's words."""
    size = table.get("board_size")
    plain: dict[str, Any] = {}
    if isinstance(size, list) and len(size) == 2:
        plain |= {"board_x": size[0], "board_y": size[1]}
    words = {"square_length": "board_square_side_length"}
    if str(table.get("board_type", CHARUCO)).lower() != CHECKERBOARD:
        words |= {
            "marker_length": "board_marker_length",
            "marker_bits": "board_marker_bits",
            "dict_size": "board_marker_dict_number",
        }
    return plain | {ours: table[theirs] for ours, theirs in words.items() if theirs in table}
