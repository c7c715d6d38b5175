"""Writes h5 tables as DeepLabCut writes labels: through pandas in its layout "fixed", equal bytes for equal content."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from markerless.core.instance import FloatArray
from markerless.formats._write_frame_table import KEY


def write_frame(path: Path, frame: pd.DataFrame) -> None:
    """Write one table under DeepLabCut's key.

    HDF5 would stamp the time on every array; that is switched off, so that a repeated analysis gives identical files.
    The file is made in memory first: on a full disk HDF5 loses what it failed to write, without an error, or crashes.

    Args:
        path: Where to; not atomic, give it a temporary path.
        frame: The table.

    Raises:
        OSError: the file cannot be written.
    """
    with pd.HDFStore(str(path), mode="w", driver="H5FD_CORE", driver_core_backing_store=0) as store:
        # `put` hands track_times on for the other layout only
        file = store.root._v_file
        for name in ("create_array", "create_earray", "create_vlarray"):
            setattr(file, name, partial(getattr(file, name), track_times=False))
        store.put(KEY, frame, format="fixed", track_times=False)
        image = file.get_file_image()
    path.write_bytes(image)


def make_frame(
    values: FloatArray,
    index: Sequence[int] | Sequence[tuple[str, ...]],
    columns: Sequence[tuple[str, ...]],
    names: Sequence[str],
) -> pd.DataFrame:
    """A DataFrame with DeepLabCut's column levels.

    Args:
        values: `(rows, columns)` float64.
        index: Frame numbers, or one tuple of texts per row.
        columns: One tuple per column, scorer first.
        names: Names of the column levels.
    """
    levels = pd.MultiIndex.from_tuples(list(columns), names=list(names))
    return pd.DataFrame(values, index=_index(index), columns=levels)


def _index(index: Sequence[int] | Sequence[tuple[str, ...]]) -> Any:
    if not isinstance(next(iter(index), 0), tuple):
        return pd.Index(list(index), dtype="int64")
    levels = list(zip(*index, strict=True))
    return pd.Index(levels[0], dtype=object) if len(levels) == 1 else pd.MultiIndex.from_arrays(levels)
