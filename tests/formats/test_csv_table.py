"""The CSV tables that are written, cell for cell as Python's own writer has them."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import hypothesis.extra.numpy as arrays
import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from markerless.core.instance import FloatArray
from markerless.formats import _csv_table
from markerless.formats._csv_table import cell_texts, row_texts, write_table

ODD = [0.0, -0.0, 1e-4, 9.9e-5, 1e-5, -1e-300, 5e-324, 1e15, 1e16, 1e22, 0.1, 1 / 3, np.nan, np.inf, -np.inf, 123.0]


@given(arrays.arrays(np.float64, st.tuples(st.integers(0, 6), st.integers(1, 4)), elements=st.floats()))
def test_rows_are_what_their_cells_are(values: FloatArray) -> None:
    assert list(row_texts(values)) == [",".join(cell_texts(row)) for row in values.tolist()]


@pytest.mark.parametrize("column", [0, 1, 2])
def test_odd_numbers_beside_plain_ones(column: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_csv_table, "CHUNK_ROWS", 5)
    values = np.full((len(ODD), 3), 7.25)
    values[:, column] = ODD
    texts = list(row_texts(values))
    assert texts == [",".join(cell_texts(row)) for row in values.tolist()]
    read = [float(text.split(",")[column] or "nan") for text in texts]
    np.testing.assert_array_equal(read, ODD)


def test_a_table_is_what_the_csv_module_writes(tmp_path: Path) -> None:
    index = [("labeled-data", 'a "b", c', "img1.png"), ("labeled-data", "d\ne", "img2.png")]
    header = [("me", "nose", "x"), ("me", "nose", "y"), ("set", "", "")]
    values, texts = np.array([[1.5, np.nan], [1e-7, 3.0]]), ["train", "un,used"]
    path = tmp_path / "table.csv"
    write_table(path, header, ("scorer", "bodyparts", "coords"), index, values, texts)
    expected = io.StringIO()
    writer = csv.writer(expected, lineterminator="\n")
    for level, name in enumerate(("scorer", "bodyparts", "coords")):
        writer.writerow([name, "", "", *(column[level] for column in header)])
    for cells, numbers, text in zip(index, values.tolist(), texts, strict=True):
        writer.writerow([*cells, *cell_texts(numbers), text])
    assert path.read_text(encoding="utf-8") == expected.getvalue()


def test_a_table_without_rows_is_a_header(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    write_table(path, [("me", "nose", "x")], ("scorer", "bodyparts", "coords"), range(0), np.empty((0, 1)))
    assert path.read_text(encoding="utf-8") == "scorer,me\nbodyparts,nose\ncoords,x\n"
