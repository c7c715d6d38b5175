"""The keypoint table behind DeepLabCut's and Lightning Pose's files, whether it came from CSV or h5.

Both write one row per image or frame and one column per (scorer, individual, bodypart, coordinate). This module holds
that table as a value and turns it into arrays; `_csv_table` and `_pandas_h5` read it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from markerless.core.instance import FloatArray
from markerless.errors import FormatError
from markerless.formats import _pandas_h5

LEVELS = ("scorer", "individuals", "bodyparts", "coords")
SINGLE_ANIMAL = "individual_0"
UNIQUE_BODYPARTS = "single"  # DeepLabCut's name for the "animal" that owns the keypoints no animal has
MAX_EMPTY_SHARE = 100  # a table with fewer than one frame in so many is taken for damaged


@dataclass(frozen=True)
class Column:
    """One column of numbers.

    Attributes:
        place: Where it is, for messages: "column 5".
        scorer: Who made the numbers.
        individual: Name of the animal; `SINGLE_ANIMAL` in a table without that level.
        bodypart: Name of the keypoint.
        coord: "x", "y", "likelihood", "visible", ...
    """

    place: str
    scorer: str
    individual: str
    bodypart: str
    coord: str


@dataclass(frozen=True)
class Row:
    """One row: its name ("labeled-data/m4s1/img0000.png", or a frame number) and where it is ("line 4")."""

    name: str
    place: str


@dataclass(frozen=True)
class KeypointTable:
    """A table as it was written, names tidied.

    Attributes:
        path: The file.
        columns: Columns of numbers in the order of the file.
        rows: Rows in the order of the file.
        values: `(rows, columns)` float64, NaN where a cell is empty.
        has_individuals: Whether there is a level of animals.
        sets: Per row "train", "validation", "test" (Lightning Pose's column `set`), or None.
    """

    path: Path
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    values: FloatArray
    has_individuals: bool
    sets: tuple[str, ...] | None = None

    @property
    def scorer(self) -> str:
        return self.columns[0].scorer if self.columns else ""

    @property
    def coords(self) -> frozenset[str]:
        return frozenset(column.coord for column in self.columns)

    @property
    def rows_are_frames(self) -> bool:
        """Whether the rows are numbered, as in results of a video; False when they name images."""
        return bool(self.rows) and all(row.name.isdecimal() for row in self.rows)

    def require_unique_rows(self) -> None:
        """Raises FormatError when an image or frame has two rows."""
        seen: dict[str, str] = {}
        for row in self.rows:
            if row.name in seen:
                raise FormatError(
                    f"{self.path}, {row.place}: expected every row once, got {row.name} again "
                    f"(first in {seen[row.name]}); delete one of the two"
                )
            seen[row.name] = row.place


@dataclass(frozen=True)
class Poses:
    """The numbers of a table, sorted out.

    Attributes:
        keypoints: Names in order of first appearance.
        individuals: Names in order of first appearance.
        arrays: Coordinate name -> `(R, N, K)` float64, NaN where there is no value or no such column.
        owned: `(N, K)`: whether the table has columns for that keypoint of that animal.
    """

    keypoints: tuple[str, ...]
    individuals: tuple[str, ...]
    arrays: dict[str, FloatArray]
    owned: npt.NDArray[np.bool_]

    def xy(self, axes: Sequence[str] = ("x", "y")) -> FloatArray:
        """`(R, N, K, len(axes))`; NaN for a point when any of its coordinates is missing."""
        points = np.stack([self.arrays[axis] for axis in axes], axis=-1)
        points[np.isnan(points).any(axis=-1)] = np.nan
        return points


def one_line(text: str) -> str:
    """A cell without blanks around it, and without line breaks: every name may end up in a one-line message."""
    text = text.strip()
    return " ".join(text.split()) if "\n" in text or "\r" in text else text


def row_name(cells: Sequence[str]) -> str:
    r"""One POSIX path of one to three index cells: `("labeled-data", "m4s1", "img.png")`, `labeled-data\m4s1\img.png`.

    Old tables hold absolute paths; what stands before the last `labeled-data` is left out. A number such as "12.0"
    loses its fraction.
    """
    parts = [part for cell in cells for part in re.split(r"[\\/]+", one_line(cell)) if part not in ("", ".")]
    if "labeled-data" in parts:
        last = len(parts) - 1 - parts[::-1].index("labeled-data")
        parts = parts[last:]
    name = "/".join(parts)
    return str(int(name.split(".")[0])) if re.fullmatch(r"\d+(\.0+)?", name) else name


def from_h5(path: Path, max_rows: int | None = None) -> KeypointTable:
    """The keypoint table of an h5 file.

    Raises:
        FormatError: as `_pandas_h5.read_frame`, or the table is no keypoint table.
    """
    frame = _pandas_h5.read_frame(path, max_rows=max_rows)
    names = frame.names if any(frame.names) else _default_names(path, frame.columns)
    if not {"bodyparts", "coords"} <= set(names):
        raise FormatError(
            f"expected column levels scorer, (individuals,) bodyparts, coords in {path}, got {', '.join(names)}"
        )
    keys = [tuple(one_line(part) for part in key) for key in frame.columns]
    level = {name: place for place, name in enumerate(names)}
    columns = [
        Column(
            place=f"column {number}",
            scorer=key[level["scorer"]] if "scorer" in level else "",
            individual=key[level["individuals"]] if "individuals" in level else SINGLE_ANIMAL,
            bodypart=key[level["bodyparts"]],
            coord=key[level["coords"]].lower(),
        )
        for number, key in enumerate(keys, start=1)
    ]
    rows = tuple(Row(row_name(cells), f"row {number}") for number, cells in enumerate(frame.index, start=1))
    return KeypointTable(path, tuple(columns), rows, frame.values, "individuals" in level)


def _default_names(path: Path, columns: _pandas_h5.Keys) -> tuple[str, ...]:
    n_levels = len(columns[0]) if columns else 0
    if n_levels == 3:
        return ("scorer", "bodyparts", "coords")
    if n_levels == 4:
        return LEVELS
    raise FormatError(
        f"expected 3 or 4 column levels (scorer, individuals, bodyparts, coords) in {path}, got {n_levels}"
    )


def sort_out(table: KeypointTable, axes: Sequence[str] = ("x", "y")) -> Poses:
    """The table as arrays.

    Args:
        axes: Coordinates every keypoint must have.

    Raises:
        FormatError: a column is missing or there twice, or a number is infinite.
    """
    _require_columns(table, axes)
    _require_finite(table)
    keypoints = tuple(dict.fromkeys(column.bodypart for column in table.columns))
    individuals = tuple(dict.fromkeys(column.individual for column in table.columns))
    shape = (len(table.rows), len(individuals), len(keypoints))
    arrays = {coord: np.full(shape, np.nan) for coord in sorted(table.coords)}
    owned = np.zeros(shape[1:], dtype=np.bool_)
    k_of = {name: k for k, name in enumerate(keypoints)}
    n_of = {name: n for n, name in enumerate(individuals)}
    for place, column in enumerate(table.columns):
        n, k = n_of[column.individual], k_of[column.bodypart]
        arrays[column.coord][:, n, k] = table.values[:, place]
        owned[n, k] = True
    return Poses(keypoints, individuals, arrays, owned)


def _require_columns(table: KeypointTable, axes: Sequence[str]) -> None:
    if not table.columns:
        raise FormatError(f"expected columns of keypoints in {table.path}, got none")
    first: dict[tuple[str, str, str], Column] = {}
    for column in table.columns:
        key = (column.individual, column.bodypart, column.coord)
        if key in first:
            other = first[key]
            who = f" (scorers {other.scorer} and {column.scorer})" if other.scorer != column.scorer else ""
            raise FormatError(
                f"{table.path}, {column.place}: expected every column once, got {_spoken(table, column)} again, "
                f"first in {other.place}{who}; delete one of the two"
            )
        first[key] = column
    for (individual, bodypart, _), column in first.items():
        for axis in axes:
            if (individual, bodypart, axis) not in first:
                raise FormatError(
                    f"{table.path}, {column.place}: expected columns {' and '.join(axes)} for every keypoint, "
                    f"got no {axis} for {_spoken(table, column, with_coord=False)}; "
                    "add the column or correct the header"
                )


def _require_finite(table: KeypointTable) -> None:
    bad = np.argwhere(np.isinf(table.values))
    if len(bad):
        row, column = (int(i) for i in bad[0])
        raise FormatError(
            f"{table.path}, {table.rows[row].place}, {table.columns[column].place} "
            f"({_spoken(table, table.columns[column])}): expected a finite number, got {table.values[row, column]}; "
            "leave the cell empty if there is no point"
        )


def _spoken(table: KeypointTable, column: Column, with_coord: bool = True) -> str:
    words = [column.individual] if table.has_individuals else []
    words.append(column.bodypart)
    if with_coord:
        words.append(column.coord)
    return " ".join(words)


def frame_numbers(table: KeypointTable) -> npt.NDArray[np.int64]:
    """`(R,)` frame numbers of a table whose rows are numbered.

    Raises:
        FormatError: so few rows for the largest number that the table must be damaged.
    """
    frames = [int(row.name) for row in table.rows]
    largest = max(frames, default=-1)
    if largest + 1 > max(MAX_EMPTY_SHARE * len(frames), 1_000_000):
        row = table.rows[frames.index(largest)]
        raise FormatError(
            f"{table.path}, {row.place}: expected frame numbers near 0 to {len(frames) - 1}, got {largest}; "
            "correct the first column"
        )
    return np.array(frames, dtype=np.int64)
