"""Plain tables with one row of header, read as columns: text here, Parquet elsewhere."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import numpy as np

from markerless.core.instance import FloatArray
from markerless.errors import FormatError
from markerless.formats._csv_table import delimiter_of, opened_csv, to_number
from markerless.formats._table import one_line

_DECIMAL_COMMA = re.compile(r"[+-]?[0-9]*,[0-9]+(?:[eE][+-]?[0-9]+)?")
LOOK_BYTES = 1 << 16


def read_header(path: Path) -> list[str]:
    """The names in the first line of a text table; empty when it is none."""
    if not path.is_file():
        return []
    try:
        with path.open("rb") as file:
            start = file.read(LOOK_BYTES)
        line = start.decode("utf-8-sig", "strict").splitlines()[0]
    except (OSError, UnicodeDecodeError, IndexError):
        return _header_of_broken(path)
    return _cells(line)


def read_columns(path: Path) -> dict[str, list[str]]:
    """The cells of a text table by column, without blanks around them; decimal commas, as Excel has them, as points.

    Raises:
        FormatError: not text, a row of another length, or a name twice in the header.
    """
    with opened_csv(path) as (reader, delimiter):
        rows = list(reader)
    header = [one_line(name) for name in rows[0]] if rows else []
    if len(set(header)) != len(header):
        twice = next(name for name in header if header.count(name) > 1)
        raise FormatError(f"{path}, line 1: expected every column once, got '{twice}' again; rename one")
    body = []
    for line, row in enumerate(rows[1:], start=2):
        if not any(cell.strip() for cell in row):
            continue
        if len(row) != len(header):
            raise FormatError(f"{path}, line {line}: expected {len(header)} cells as in the header, got {len(row)}")
        body.append([one_line(cell) for cell in row])
    if delimiter != ",":
        body = [[cell.replace(",", ".") if _DECIMAL_COMMA.fullmatch(cell) else cell for cell in row] for row in body]
    return {name: [row[place] for row in body] for place, name in enumerate(header)}


def to_numbers(path: Path, name: str, cells: list[str]) -> FloatArray:
    """A column of numbers, NaN for an empty cell.

    Raises:
        FormatError: a text in place of a number, or an infinite number.
    """
    values = np.empty(len(cells))
    for row, cell in enumerate(cells):
        try:
            values[row] = to_number(cell)
        except ValueError:
            values[row] = np.inf
        if np.isinf(values[row]):
            raise FormatError(
                f"{path}, row {row + 1}, column {name}: expected a finite number or an empty cell, got '{cell[:40]}'"
            )
    return values


def _header_of_broken(path: Path) -> list[str]:
    """The first line of a file whose later bytes are no text, when it is text itself."""
    try:
        with path.open("rb") as file:
            return _cells(file.readline(LOOK_BYTES).decode("utf-8-sig"))
    except (OSError, UnicodeDecodeError):
        return []


def _cells(line: str) -> list[str]:
    try:
        return [name.strip() for name in next(csv.reader([line], delimiter=delimiter_of(line)), [])]
    except csv.Error:
        return []
