"""Reading pandas' h5 tables without pandas: both layouts, odd contents, damage."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest

from markerless.errors import FormatError
from markerless.formats._pandas_h5 import read_frame, table_keys

COLUMNS = pd.MultiIndex.from_product([["S"], ["nose", "öhr"], ["x", "y"]], names=["scorer", "bodyparts", "coords"])


def frame(index: Any = None) -> pd.DataFrame:
    values = np.arange(12.0).reshape(3, 4)
    values[1, 2:] = np.nan
    return pd.DataFrame(values, index=index, columns=COLUMNS)


@pytest.mark.parametrize("layout", ["fixed", "table"])
@pytest.mark.parametrize("index", [range(3), ["a/b/0.png", "a/b/1.png", "ü/b/2.png"]])
def test_both_layouts_equal_pandas(tmp_path: Path, layout: Any, index: Any) -> None:
    expected: Any = frame(index)
    expected.to_hdf(tmp_path / "a.h5", key="any", format=layout)
    got = read_frame(tmp_path / "a.h5")
    assert got.names == ("scorer", "bodyparts", "coords")
    assert list(got.columns) == expected.columns.tolist()
    assert got.index == tuple((str(name),) for name in expected.index)
    np.testing.assert_array_equal(got.values, expected.to_numpy())
    assert read_frame(tmp_path / "a.h5", max_rows=1).values.shape == (1, 4)


def test_three_level_rows(tmp_path: Path) -> None:
    rows = [("labeled-data", "v", "1.png"), ("labeled-data", "w", "1.png"), ("labeled-data", "w", "0.png")]
    frame(pd.MultiIndex.from_tuples(rows)).to_hdf(tmp_path / "a.h5", key="df_with_missing")
    assert read_frame(tmp_path / "a.h5").index == tuple(rows)


def test_three_level_rows_in_a_table_with_plain_columns(tmp_path: Path) -> None:
    rows = pd.MultiIndex.from_tuples([("a", "1"), ("b", "2")])
    pd.DataFrame({"x": [1.0, 2.0]}, index=rows).to_hdf(tmp_path / "a.h5", key="df", format="table")
    got = read_frame(tmp_path / "a.h5")
    assert got.index == (("a", "1"), ("b", "2"))
    assert got.columns == (("x",),)
    assert got.values[:, 0].tolist() == [1, 2]


@pytest.mark.parametrize("layout", ["fixed", "table"])
def test_mixed_kinds_of_numbers(tmp_path: Path, layout: Any) -> None:
    mixed = frame().fillna(7)
    mixed[("S", "nose", "y")] = np.array([1, 2, 3], dtype=np.int64)
    mixed[("S", "öhr", "x")] = np.array([0.5, 1.5, 2.5], dtype=np.float32)
    mixed.to_hdf(tmp_path / "a.h5", key="df", format=layout)
    np.testing.assert_array_equal(read_frame(tmp_path / "a.h5").values, mixed.to_numpy(dtype=np.float64))


def test_cells_stored_as_objects(tmp_path: Path) -> None:
    cells = frame().astype(object)
    cells.iloc[1, 2], cells.iloc[1, 3] = "", None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pandas warns that it pickles
        cells.to_hdf(tmp_path / "a.h5", key="df")
        cells.iloc[2, 1] = "left"
        cells.to_hdf(tmp_path / "b.h5", key="df")
    np.testing.assert_array_equal(read_frame(tmp_path / "a.h5").values, frame().to_numpy())
    with pytest.raises(FormatError, match="row 3, column S nose y: expected a number or an empty cell, got 'left'"):
        read_frame(tmp_path / "b.h5")


def test_which_table(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    frame().to_hdf(path, key="one")
    (frame() + 1).to_hdf(path, key="two")
    with pytest.raises(FormatError, match="got one, two"):
        read_frame(path)
    assert read_frame(path, key="two").values[0, 0] == 1
    (frame() + 2).to_hdf(path, key="tracks")
    assert read_frame(path).values[0, 0] == 2
    assert table_keys(path) == ("one", "tracks", "two")


def test_damaged_and_foreign_files(tmp_path: Path) -> None:
    frame().to_hdf(tmp_path / "a.h5", key="df")
    whole = (tmp_path / "a.h5").read_bytes()
    (tmp_path / "cut.h5").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.h5").write_text("no HDF5", encoding="utf-8")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["rain"] = [1.0, 2.0]
    for name in ("cut.h5", "text.h5", "other.h5", "none.h5"):
        with pytest.raises(FormatError) as caught:
            read_frame(tmp_path / name)
        assert name in str(caught.value)
        assert "\n" not in str(caught.value)


def test_codes_of_levels_are_whole_numbers(tmp_path: Path) -> None:
    rows: Any = pd.MultiIndex.from_tuples([("a", "1"), ("b", "2"), ("b", "3")])
    frame(rows).to_hdf(tmp_path / "a.h5", key="df")
    with h5py.File(tmp_path / "a.h5", "r+") as file:
        del file["df/axis1_label0"]
        file["df/axis1_label0"] = np.full(3, np.inf)
    with pytest.raises(FormatError, match="expected whole numbers in axis1_label0, got float64"):
        read_frame(tmp_path / "a.h5")
    frame(rows).iloc[:0].to_hdf(tmp_path / "b.h5", key="df")
    assert read_frame(tmp_path / "b.h5").index == ()
