"""What kind of keypoint table a file holds, from its header and first row."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from markerless.errors import FormatError
from markerless.formats import _csv_table, _pandas_h5
from markerless.formats._hdf5 import is_hdf5
from markerless.formats._table import KeypointTable, from_h5

CSV_SUFFIXES = (".csv", ".tsv", ".txt")
H5_SUFFIXES = (".h5", ".hdf5", ".hdf")


@dataclass(frozen=True)
class Peek:
    """The first look at a table.

    Attributes:
        is_csv: Text, not HDF5.
        is_prediction: It has likelihoods, or its rows are numbered frames.
        names_images: Its rows name images.
        has_sets: Lightning Pose's column `set`.
        has_visible: Lightning Pose's columns `visible`.
        is_whole: Header and first row could be read; False for a table that is recognized but broken.
    """

    is_csv: bool
    is_prediction: bool
    names_images: bool
    has_sets: bool = False
    has_visible: bool = False
    is_whole: bool = True


def read_table(path: Path, max_rows: int | None = None) -> KeypointTable:
    """The keypoint table of a CSV or h5 file, whatever its suffix.

    Raises:
        FormatError: malformed; the message says where.
    """
    if path.is_dir():
        raise FormatError(f"expected a file, got a folder: {path}; name the .csv or .h5 file in it")
    if not path.exists():
        raise FormatError(f"no such file: {path}; check the path")
    if path.stat().st_size == 0:
        raise FormatError(f"expected a table, got an empty file: {path}; copy or export it again")
    if path.suffix.lower() in H5_SUFFIXES or is_hdf5(path):
        return from_h5(path, max_rows)
    return _csv_table.read_table(path, max_rows)


def peek(path: Path) -> Peek | None:
    """A first look, without reading the whole file; None when it is no keypoint table."""
    if not path.is_file():
        return None
    is_csv = _csv_table.looks_like_table(path)
    if not is_csv and not is_hdf5(path):
        return None
    try:
        table = read_table(path, max_rows=1)
    except FormatError:
        return _broken(path, is_csv)
    return Peek(
        is_csv=is_csv,
        is_prediction="likelihood" in table.coords or table.rows_are_frames,
        names_images=not table.rows_are_frames,
        has_sets=table.sets is not None,
        has_visible="visible" in table.coords,
    )


def _broken(path: Path, is_csv: bool) -> Peek | None:
    """A table that starts right and cannot be read: its reader, chosen by these guesses, says what is wrong."""
    if is_csv:
        with path.open("rb") as file:
            is_prediction = b"likelihood" in file.read(1 << 16)
    else:
        try:
            if not _pandas_h5.table_keys(path):
                return None
        except FormatError:
            return None
        is_prediction = not path.name.startswith("CollectedData")
    return Peek(is_csv, is_prediction, names_images=not is_prediction, is_whole=False)
