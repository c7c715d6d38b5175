"""Reads the keypoint tables of DeepLabCut and Lightning Pose from CSV, and writes them.

Header rows are known by their first cell: scorer, (individuals,) bodyparts, coords. Rows are named by one to three
leading cells; pandas leaves the header's cells above the second and third empty. What Excel does to such a file is
understood: a byte order mark, semicolons or tabs, decimal commas, empty cells at the end.
"""

from __future__ import annotations

import csv
import functools
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from markerless.core.instance import FloatArray
from markerless.errors import FormatError
from markerless.formats._table import LEVELS, SINGLE_ANIMAL, Column, KeypointTable, Row, one_line, row_name

if TYPE_CHECKING:
    from pydantic import TypeAdapter

_EMPTY = frozenset({"", "nan", "NaN", "NAN", "NA", "N/A", "None", "null", "<NA>"})
TEXT_COLUMNS = ("set",)
CHUNK_ROWS = 4096
_NEEDS_QUOTES = re.compile(r'[,"\r\n]')


def looks_like_table(path: Path) -> bool:
    """Whether the first cell of a text file is `scorer`, however broken the rest may be."""
    try:
        with path.open("rb") as file:
            start = file.read(64)
    except OSError:
        return False
    return start.removeprefix(b"\xef\xbb\xbf").lstrip(b'"').lower().startswith(b"scorer")


def read_table(path: Path, max_rows: int | None = None) -> KeypointTable:
    """The keypoint table of a CSV file.

    Args:
        path: The file.
        max_rows: Read at most this many rows below the header.

    Raises:
        FormatError: not text, empty, header rows missing, a row too short or too long, or a text in place of a number.
    """
    with opened_csv(path) as (rows, delimiter):
        return _parse(path, rows, delimiter, max_rows)


@contextmanager
def opened_csv(path: Path) -> Iterator[tuple[Iterator[list[str]], str]]:
    """The rows of cells of a text table, and what stands between its cells.

    Raises:
        FormatError: it cannot be read, is not text or no table.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            delimiter = delimiter_of(file.readline())
            file.seek(0)
            yield csv.reader(file, delimiter=delimiter), delimiter
    except UnicodeDecodeError as error:
        raise FormatError(
            f"expected UTF-8 text, got other bytes (at {error.start}) in {path}; save it as 'CSV UTF-8'"
        ) from error
    except csv.Error as error:
        raise FormatError(f"expected a CSV table, got something else in {path} ({error}); export it again") from error
    except OSError as error:
        raise FormatError(f"cannot read {path}: {error.strerror or error}; check the path") from error


def write_table(
    path: Path,
    header: Sequence[Sequence[str]],
    names: Sequence[str],
    index: range | Sequence[tuple[str, ...]],
    values: FloatArray,
    texts: Sequence[str] = (),
) -> None:
    """Write a CSV as pandas does: `\\n` line ends, shortest decimals that give the number back, NaN as an empty cell.

    Args:
        path: Where to; not atomic, give it a temporary path.
        header: One column's names per entry, one per level.
        names: Names of the levels.
        index: The cells that name each row, all of one number.
        values: `(rows, columns)`.
        texts: A last column; none if empty.
    """
    n_index = 1 if isinstance(index, range) or not index else len(index[0])
    rows = map(str, index) if isinstance(index, range) else (",".join(map(_quoted, cells)) for cells in index)
    lines = (f"{row},{numbers}" for row, numbers in zip(rows, row_texts(values), strict=True))
    if texts:
        lines = (f"{line},{_quoted(text)}" for line, text in zip(lines, texts, strict=True))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        for level, name in enumerate(names):
            writer.writerow([name] + [""] * (n_index - 1) + [column[level] for column in header])
        file.writelines(f"{line}\n" for line in lines)


def _quoted(cell: str) -> str:
    """A text as a cell, in quotes where it has to be."""
    return '"' + cell.replace('"', '""') + '"' if _NEEDS_QUOTES.search(cell) else cell


def row_texts(values: FloatArray) -> Iterator[str]:
    """The cells of each row as `cell_texts` writes them, with commas between them; several times as fast.

    Numbers with an exponent are the business of `cell_texts`: JSON spells them otherwise.
    """
    for start in range(0, len(values), CHUNK_ROWS):
        chunk = values[start : start + CHUNK_ROWS]
        size = np.abs(chunk)
        is_plain = (np.isnan(chunk) | (size == 0) | ((size >= 1e-4) & (size < 1e16))).all(axis=1)
        # [[1.5,NaN],[2.5,3.5]]
        texts = _to_json().dump_json(chunk.tolist()).decode()[2:-2].replace("NaN", "").split("],[")
        for i, (text, plain) in enumerate(zip(texts, is_plain.tolist(), strict=True)):
            yield text if plain else ",".join(cell_texts(chunk[i].tolist()))


@functools.cache
def _to_json() -> TypeAdapter[list[list[float]]]:
    from pydantic import ConfigDict, TypeAdapter

    return TypeAdapter(list[list[float]], config=ConfigDict(ser_json_inf_nan="constants"))


def cell_texts(numbers: Sequence[float]) -> list[str]:
    """Numbers as pandas writes them: the shortest text that reads back equal, "" for NaN."""
    return ["" if number != number else repr(number) for number in numbers]


@dataclass(frozen=True)
class _Header:
    """Where things are: columns of numbers and their places, the number of row-name cells, the text columns."""

    columns: tuple[Column, ...]
    places: tuple[int, ...]
    n_index: int
    n_cells: int
    texts: dict[str, int]
    has_individuals: bool


def delimiter_of(first_line: str) -> str:
    """What stands between the cells of a table that begins so."""
    return next((mark for mark in (",", ";", "\t") if mark in first_line), ",")


def to_number(cell: str) -> float:
    """A cell as a number, NaN where it is empty.

    Raises:
        ValueError: a text.
    """
    if "_" in cell:  # Python's own digit groups; in a table they are a slip
        raise ValueError(cell)
    return float("nan") if cell in _EMPTY else float(cell)


def _parse(path: Path, reader: Iterator[list[str]], delimiter: str, max_rows: int | None) -> KeypointTable:
    levels: dict[str, tuple[int, list[str]]] = {}
    rows: list[Row] = []
    numbers: list[list[float]] = []
    sets: list[str] = []
    header: _Header | None = None
    for line, raw in enumerate(reader, start=1):
        cells = [one_line(cell) for cell in raw]
        if not any(cells):
            continue
        name = cells[0].lower()
        if header is None and name in LEVELS:
            if name in levels:
                raise FormatError(f"{path}, line {line}: expected one header row '{name}', got a second; delete it")
            levels[name] = (line, cells)
            continue
        if header is None:
            header = _read_header(path, levels, line)
        if max_rows is not None and len(rows) >= max_rows:
            break
        where = f"{path}, line {line}"
        cells = _fit(where, cells, header)
        rows.append(_row(where, line, cells[: header.n_index]))
        numbers.append(_numbers(where, cells, header, decimal_comma=delimiter != ","))
        if "set" in header.texts:
            sets.append(cells[header.texts["set"]])
    if header is None:
        header = _read_header(path, levels, 1)
    values = np.array(numbers, dtype=np.float64).reshape(len(rows), len(header.columns))
    return KeypointTable(
        path,
        header.columns,
        tuple(rows),
        values,
        header.has_individuals,
        tuple(sets) if "set" in header.texts else None,
    )


def _read_header(path: Path, levels: dict[str, tuple[int, list[str]]], line: int) -> _Header:
    missing = [name for name in ("scorer", "bodyparts", "coords") if name not in levels]
    if missing:
        got = ", ".join(levels) or ("nothing" if path.stat().st_size == 0 else f"none of them before line {line}")
        raise FormatError(
            f"{path}, line {line}: expected header rows that begin with scorer, (individuals,) bodyparts, coords, "
            f"got {got}; export the table again with its header"
        )
    if list(levels) != [name for name in LEVELS if name in levels]:
        raise FormatError(
            f"{path}, line 1: expected header rows in the order scorer, (individuals,) bodyparts, coords, "
            f"got {', '.join(levels)}; put them in order"
        )
    rows = {name: [_blank_unnamed(cell) for cell in cells] for name, (_, cells) in levels.items()}
    n_index = _count_index_cells(rows["bodyparts"], rows["coords"])
    n_cells = max(_length(cells) for cells in rows.values())
    # A scorer row cut short is harmless (it repeats one name); any other level is needed in full.
    scorers = _filled(rows["scorer"], n_cells)
    columns, places, texts = [], [], {}
    for place in range(n_index, n_cells):
        text = _text_column({name: _cell(cells, place) for name, cells in rows.items()})
        if text:
            texts[text] = place
            continue
        for name in levels:
            if name != "scorer" and not _cell(rows[name], place):
                raise FormatError(
                    f"{path}, line {levels[name][0]}, column {place + 1}: expected a name in the header row '{name}', "
                    "got an empty cell; fill it in"
                )
        columns.append(
            Column(
                place=f"column {place + 1}",
                scorer=scorers[place],
                individual=_cell(rows["individuals"], place) if "individuals" in rows else SINGLE_ANIMAL,
                bodypart=_cell(rows["bodyparts"], place),
                coord=_cell(rows["coords"], place).lower(),
            )
        )
        places.append(place)
    columns = _with_one_scorer(columns)
    return _Header(tuple(columns), tuple(places), n_index, n_cells, texts, "individuals" in levels)


def _blank_unnamed(cell: str) -> str:
    """pandas writes "Unnamed: 1_level_0" for a header cell that it read as empty."""
    return "" if cell.startswith("Unnamed:") else cell


def _cell(cells: list[str], place: int) -> str:
    return cells[place] if place < len(cells) else ""


def _length(cells: list[str]) -> int:
    """Number of cells without the empty ones at the end."""
    return max((place + 1 for place, cell in enumerate(cells) if cell), default=0)


def _count_index_cells(bodyparts: list[str], coords: list[str]) -> int:
    """Row-name cells: the header's first cell and the empty ones after it."""
    for place in range(1, len(coords)):
        if coords[place] or _cell(bodyparts, place):
            return place
    return 1


def _text_column(cells: dict[str, str]) -> str:
    """Name of a column of texts ("set"), which pandas writes into one header row and leaves empty in the others."""
    names = {cell for cell in cells.values() if cell}
    return next(iter(names)) if len(names) == 1 and names <= set(TEXT_COLUMNS) else ""


def _filled(cells: list[str], length: int) -> list[str]:
    filled, last = [], ""
    for place in range(length):
        last = _cell(cells, place) or last
        filled.append(last)
    return filled


def _with_one_scorer(columns: list[Column]) -> list[Column]:
    """pandas renames repeated scorers S, S.1, S.2, ... when it reads a table with one header row: undo that."""
    if not columns:
        return columns
    scorer = columns[0].scorer
    return [
        Column(c.place, scorer, c.individual, c.bodypart, c.coord)
        if c.scorer.startswith(f"{scorer}.") and c.scorer[len(scorer) + 1 :].isdecimal()
        else c
        for c in columns
    ]


def _fit(where: str, cells: list[str], header: _Header) -> list[str]:
    """The row with as many cells as the header; empty cells may be missing or too many at its end."""
    n_cells = header.n_cells
    if len(cells) > n_cells and any(cells[n_cells:]):
        raise FormatError(
            f"{where}: expected {n_cells} cells as in the header, got {len(cells)}; delete the extra ones"
        )
    if len(cells) < n_cells and any(cells[header.n_index :]):
        raise FormatError(
            f"{where}: expected {n_cells} cells as in the header, got {len(cells)}; the row is cut short, "
            "correct it or fill it up with empty cells"
        )
    return cells[:n_cells] + [""] * (n_cells - len(cells))


def _row(where: str, line: int, cells: list[str]) -> Row:
    name = row_name(cells)
    if not name:
        raise FormatError(f"{where}, column 1: expected an image name or a frame number, got an empty cell; fill it in")
    return Row(name, f"line {line}")


def _numbers(where: str, cells: list[str], header: _Header, decimal_comma: bool) -> list[float]:
    texts = [cells[place] for place in header.places]
    if decimal_comma:
        texts = [text.replace(",", ".") for text in texts]
    try:
        return [to_number(text) for text in texts]
    except ValueError:
        column, text = next(pair for pair in zip(header.columns, texts, strict=True) if not _is_number(pair[1]))
        raise FormatError(
            f"{where}, {column.place} ({column.bodypart} {column.coord}): expected a number or an empty cell, "
            f"got '{text[:40]}'; correct the cell"
        ) from None


def _is_number(text: str) -> bool:
    try:
        to_number(text)
    except ValueError:
        return False
    return True
