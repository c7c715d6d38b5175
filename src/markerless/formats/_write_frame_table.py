"""Writes predictions to h5 as DeepLabCut does, in pandas' layout "table", with h5py alone.

An analysis does without pandas and PyTables so, which take longer to import than the files of ten thousand frames to
write. What stands in such a file is what PyTables 2.x and pandas since 0.15 have put there (User's guide of PyTables,
appendix on its format; `tests/formats` lets pandas read it back).
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from markerless.core.instance import FloatArray
from markerless.core.unpickle import dump_pickle

KEY = "df_with_missing"
LARGEST_ATTRIBUTE = 60_000  # bytes; HDF5 holds 64 kB with all that belongs to it
CHUNK_BYTES = 1 << 16

Columns = Sequence[tuple[str, ...]]


def fits_table(columns: Columns) -> bool:
    """Whether the layout can hold so many columns: it keeps their names in one attribute of HDF5."""
    return len(dump_pickle([(1, list(columns))])) <= LARGEST_ATTRIBUTE


def write_frame_table(path: Path, values: FloatArray, columns: Columns, names: Sequence[str]) -> None:
    """Write one table under DeepLabCut's key, its rows numbered from 0; equal content gives equal bytes.

    The file is made in memory first: on a full disk HDF5 loses what it failed to write, without an error, or crashes.

    Args:
        path: Where to; not atomic, give it a temporary path.
        values: `(rows, columns)`, at least one row.
        columns: One tuple per column, scorer first; they have to fit (`fits_table`).
        names: Names of the column levels.

    Raises:
        OSError: the file cannot be written.
    """
    rows = np.empty(len(values), [("index", "<i8"), ("values_block_0", "<f8", (len(columns),))])
    rows["index"], rows["values_block_0"] = np.arange(len(values)), values
    image = io.BytesIO()
    with h5py.File(image, "w", libver="earliest") as file:
        _describe(file, "GROUP", "1.0", {"PYTABLES_FORMAT_VERSION": "2.1"})
        group = file.create_group(KEY)
        _describe(group, "GROUP", "1.0", _of_frame(columns, names))
        chunk = max(1, CHUNK_BYTES // rows.itemsize)
        table = group.create_dataset("table", data=rows, chunks=(chunk,), maxshape=(None,), track_times=False)
        _describe(table, "TABLE", "2.7", _of_table(columns, len(rows)))
    path.write_bytes(image.getbuffer())


def _of_frame(columns: Columns, names: Sequence[str]) -> dict[str, Any]:
    """The attributes from which pandas knows the table."""
    return {
        "pandas_type": "frame_table",
        "pandas_version": "0.15.2",  # of the layout
        "table_type": "appendable_frame",
        "index_cols": dump_pickle([(0, "index")]),
        "values_cols": dump_pickle(["values_block_0"]),
        "non_index_axes": dump_pickle([(1, list(columns))]),
        "data_columns": dump_pickle([]),
        "nan_rep": "nan",
        "encoding": "UTF-8",
        "errors": "strict",
        "levels": np.int64(1),
        "info": dump_pickle({1: {"names": list(names), "type": "MultiIndex"}, "index": {}, "values_block_0": {}}),
    }


def _of_table(columns: Columns, n_rows: int) -> dict[str, Any]:
    return {
        "FIELD_0_NAME": "index",
        "FIELD_0_FILL": np.int64(0),
        "FIELD_1_NAME": "values_block_0",
        "FIELD_1_FILL": np.float64(0),
        "NROWS": np.int64(n_rows),
        "index_kind": "integer",
        "values_block_0_kind": dump_pickle(list(columns)),
        "values_block_0_dtype": "float64",
        "values_block_0_meta": dump_pickle(None),
    }


def _describe(node: Any, kind: str, version: str, more: dict[str, Any]) -> None:
    """Give a node the attributes that PyTables wants, and more: texts in UTF-8, bytes as they are."""
    node.attrs.create("TITLE", h5py.Empty(h5py.string_dtype("utf-8", 1)))
    for name, value in ({"CLASS": kind, "VERSION": version} | more).items():
        if isinstance(value, str):
            node.attrs.create(name, value.encode(), dtype=h5py.string_dtype("utf-8", len(value.encode())))
        elif isinstance(value, bytes):
            node.attrs.create(name, np.bytes_(value))
        else:
            node.attrs.create(name, value)
