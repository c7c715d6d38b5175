"""Reads the tables that pandas writes to h5, with h5py alone.

pandas knows two layouts. "fixed" stores every axis as its own array (a multi-level axis as levels and codes); "table"
stores rows of a compound type and the column names as a pickled attribute. DeepLabCut uses both. Reading them here
needs neither PyTables nor a pickle that can run code.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from markerless.core.unpickle import load_pickle
from markerless.errors import FormatError
from markerless.formats import _hdf5

PREFERRED_KEYS = ("df_with_missing", "tracks", "df")

_EMPTY = (None, "", b"", "nan", b"nan", "NaN", b"NaN")

Keys = tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Frame:
    """A pandas table as plain values.

    Attributes:
        index: One tuple of texts per row, one text per index level.
        columns: One tuple of texts per column, one text per column level.
        names: Names of the column levels, "" where a level has none.
        values: `(rows, columns)` float64, NaN where a cell is empty.
    """

    index: Keys
    columns: Keys
    names: tuple[str, ...]
    values: npt.NDArray[np.float64]


def table_keys(path: Path) -> tuple[str, ...]:
    """Names of the pandas tables at the top of the file; empty when there are none.

    Raises:
        FormatError: not an HDF5 file, or a damaged one.
    """
    with _open(path) as file:
        return _keys(file)


def read_frame(path: Path, key: str | None = None, max_rows: int | None = None) -> Frame:
    """One table of an h5 file written by pandas.

    Args:
        path: The file.
        key: Name of the table; by default `df_with_missing`, `tracks`, `df`, or the only one there is.
        max_rows: Read at most this many rows.

    Raises:
        FormatError: not an HDF5 file, damaged, no such table, or several to choose from.
    """
    with _open(path) as file:
        group = file[_choose(path, _keys(file), key)]
        layout = _text(group.attrs["pandas_type"])
        if layout == "frame":
            return _read_fixed(group, max_rows)
        return _read_table(group, max_rows)


def _open(path: Path) -> AbstractContextManager[h5py.File]:
    """The open file; whatever h5py, numpy or the unpickler stumble over inside becomes one line."""
    return _hdf5.opened(path, "a table that pandas wrote in HDF5")


def _keys(file: h5py.File) -> tuple[str, ...]:
    return tuple(
        name
        for name, item in file.items()
        if isinstance(item, h5py.Group) and _text(item.attrs.get("pandas_type", "")) in ("frame", "frame_table")
    )


def _choose(path: Path, keys: tuple[str, ...], key: str | None) -> str:
    if key is not None and key in keys:
        return key
    if key is None:
        for known in PREFERRED_KEYS:
            if known in keys:
                return known
        if len(keys) == 1:
            return keys[0]
    wanted = f"'{key}'" if key else "one table, named " + ", ".join(PREFERRED_KEYS)
    raise FormatError(f"expected {wanted} in {path}, got {', '.join(keys) or 'no table that pandas wrote'}")


def _text(value: Any) -> str:
    """An attribute or a cell as text; an empty HDF5 string is ""."""
    if isinstance(value, h5py.Empty) or value is None:
        return ""
    if isinstance(value, bytes):
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError:
            return value.decode("latin1")
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value)


def _attribute(node: Any, name: str) -> Any:
    """An attribute as PyTables would give it: pickled ones end with a dot."""
    value = node.attrs.get(name)
    if isinstance(value, bytes) and len(value) > 1 and value.endswith(b"."):
        return load_pickle(bytes(value))
    return value


def _name(node: Any) -> str:
    return _text(_attribute(node, "name"))


def _read_array(node: h5py.Dataset, max_rows: int | None = None) -> npt.NDArray[Any]:
    """A whole array, or its first rows; object arrays are pickles inside a variable-length array."""
    if _text(node.attrs.get("PSEUDOATOM", "")) == "object":
        return np.asarray(load_pickle(bytes(bytearray(_hdf5.array(node, slice(1))[0]))), dtype=object)
    if "shape" in node.attrs:  # pandas marks an empty array so, and stores one dummy element
        shape = tuple(int(n) for n in np.atleast_1d(_attribute(node, "shape")))
        if 0 not in shape:
            raise FormatError(f"expected the shape of an empty array at {node.name}, got {shape}; the file is damaged")
        return np.empty(shape, dtype=np.float64)
    return _hdf5.array(node, None if max_rows is None else slice(max_rows))


def _list(node: h5py.Dataset, max_rows: int | None = None) -> npt.NDArray[Any]:
    """An array of one axis: names, or numbers of names."""
    values = _read_array(node, max_rows)
    if values.ndim != 1:
        raise FormatError(f"expected a list of names in {node.name}, got an array {values.shape}; the file is damaged")
    return values


# The fixed layout


def _read_fixed(group: h5py.Group, max_rows: int | None) -> Frame:
    columns, names = _axis(group, "axis0", None)
    index, _ = _axis(group, "axis1", max_rows)
    position = {column: place for place, column in enumerate(columns)}
    values = np.full((len(index), len(columns)), np.nan)
    for block in range(int(group.attrs["nblocks"])):
        items, _ = _axis(group, f"block{block}_items", None)
        node = group[f"block{block}_values"]
        # PyTables marks arrays that were stored transposed: those have rows first, as we want them.
        rows_first = bool(node.attrs.get("transposed", 0))
        stored = _read_array(node, max_rows if rows_first else None)
        if not rows_first:
            stored = stored.T
        values[:, [position[item] for item in items]] = _numbers(stored[: len(index)], items)
    return Frame(index, columns, names, values)


def _axis(group: h5py.Group, name: str, max_rows: int | None) -> tuple[Keys, tuple[str, ...]]:
    """The tuples of one axis and the names of its levels."""
    if _text(group.attrs[f"{name}_variety"]) != "multi":
        node = group[name]
        return tuple((_text(value),) for value in _list(node, max_rows)), (_name(node),)
    levels, codes, names = [], [], []
    for level in range(int(group.attrs[f"{name}_nlevels"])):
        node = group[f"{name}_level{level}"]
        levels.append([_text(value) for value in _list(node)])
        numbers = _list(group[f"{name}_label{level}"], max_rows)
        if numbers.size and numbers.dtype.kind not in "iu":
            raise FormatError(
                f"expected whole numbers in {name}_label{level}, got {numbers.dtype}; the file is damaged"
            )
        codes.append(numbers.astype(np.int64))
        names.append(_name(node))
    rows = zip(*(code.tolist() for code in codes), strict=True)
    return tuple(tuple(_level_text(levels[i], code) for i, code in enumerate(row)) for row in rows), tuple(names)


def _level_text(level: list[str], code: int) -> str:
    return level[code] if code >= 0 else ""


# The table layout


def _read_table(group: h5py.Group, max_rows: int | None) -> Frame:
    table = group["table"]
    rows = _hdf5.array(table, None if max_rows is None else slice(max_rows))
    axes = _attribute(group, "non_index_axes")
    info = _attribute(group, "info")
    columns = tuple(_as_key(column) for column in axes[0][1])
    index_fields = ["index"]
    levels = _attribute(group, "levels")
    if isinstance(levels, list | tuple):  # a multi-level row index lies in columns of its own
        index_fields = [str(level) for level in levels]
        columns = tuple(column for column in columns if column[0] not in index_fields)
    n_levels = max((len(column) for column in columns), default=1)
    position = {column: place for place, column in enumerate(columns)}
    values = np.full((len(rows), len(columns)), np.nan)
    for field in _attribute(group, "values_cols"):
        names = _attribute(table, f"{field}_kind")
        items = [_as_key(item) for item in names]
        stored = rows[str(field)].reshape(len(rows), len(items))
        for place, item in enumerate(items):
            if item in position:
                values[:, position[item]] = _numbers(stored[:, place : place + 1], [item])[:, 0]
    index = zip(*([_text(value) for value in rows[field].tolist()] for field in index_fields), strict=True)
    return Frame(tuple(index), columns, _level_names(info, n_levels), values)


def _as_key(column: Any) -> tuple[str, ...]:
    parts = column if isinstance(column, tuple | list) else (column,)
    return tuple(_text(part) for part in parts)


def _level_names(info: Any, n_levels: int) -> tuple[str, ...]:
    """Names of the column levels from the attribute `info`; "" where there are none."""
    entry = info.get(1, {}) if isinstance(info, dict) else {}
    names = entry.get("names") if isinstance(entry, dict) else None
    if not isinstance(names, list | tuple) or len(names) != n_levels:
        return ("",) * n_levels
    return tuple(_text(name) for name in names)


def _numbers(values: npt.NDArray[Any], items: Sequence[tuple[str, ...]]) -> npt.NDArray[np.float64]:
    """`(rows, items)` cells as float64: numbers stay, empty texts and None become NaN."""
    if values.dtype.kind in "fiub":
        return values.astype(np.float64)
    numbers = np.full(values.shape, np.nan)
    for (row, item), value in np.ndenumerate(values):
        try:
            numbers[row, item] = float("nan") if value in _EMPTY else float(_text(value))
        except ValueError:
            raise FormatError(
                f"row {row + 1}, column {' '.join(items[item])}: expected a number or an empty cell, "
                f"got '{_text(value)[:40]}'; correct it in the program that wrote the table"
            ) from None
    return numbers
