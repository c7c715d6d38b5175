"""The tidy table of `tidy` in Parquet: smaller and faster, for pandas, polars, DuckDB and R's arrow.

It needs pyarrow: `pip install "markerless[parquet]"`. The frame rate, the scorer and the provenance are kept in the
metadata of the file.
"""

from __future__ import annotations

import importlib
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from markerless.core.instance import FloatArray
from markerless.core.storage import atomic_path
from markerless.core.tracks import Tracks
from markerless.errors import FormatError, LabelsError
from markerless.formats._json_file import MALFORMED
from markerless.formats._table import SINGLE_ANIMAL
from markerless.formats._tidy_rows import NEEDED, TEXTS, TidyColumns, from_rows, own_names, to_rows
from markerless.formats._writable import require_suffix

SUFFIXES = (".parquet",)
KIND = "tracks"
REQUIRES = ("pyarrow",)

MAGIC = b"PAR1"
_KEY = b"markerless"


def sniff(path: Path) -> float:
    """How surely the file is Parquet, 0 to 1; what its columns are needs pyarrow to tell."""
    try:
        with path.open("rb") as file:
            return 0.8 if file.read(len(MAGIC)) == MAGIC else 0.0
    except OSError:
        return 0.0


def read(path: Path) -> Tracks:
    """The trajectories of a tidy table in Parquet.

    Raises:
        FormatError: damaged, not tidy poses, or pyarrow is not installed.
    """
    path = Path(path)
    if not path.is_file():
        raise FormatError(f"no such file: {path}; check the path")
    parquet = _pyarrow("pyarrow.parquet", path)
    damaged = (_pyarrow("pyarrow", path).ArrowException, OSError, UnicodeDecodeError, MemoryError)
    try:
        content = _content(path, parquet.ParquetFile(path).read())
    except damaged as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise FormatError(
            f"expected a tidy table in Parquet, got a damaged file: {path} ({reason}); copy it again"
        ) from error
    return _tracks(path, content)


def write(tracks: Tracks, path: Path) -> None:
    """Write one tidy table in Parquet.

    Raises:
        FormatError: a suffix other than .parquet, or pyarrow is not installed.
        StorageError: the file cannot be written.
    """
    path = Path(path)
    require_suffix(path, SUFFIXES)
    arrow, parquet = _pyarrow("pyarrow", path), _pyarrow("pyarrow.parquet", path)
    rows = to_rows(tracks)
    columns: dict[str, Any] = {
        "frame": rows.numbers["frame"].astype(np.int64),
        "individual": arrow.array(rows.individual).dictionary_encode(),
        "keypoint": arrow.array(rows.keypoint).dictionary_encode(),
    }
    columns |= {name: values for name, values in rows.numbers.items() if name != "frame"}
    own = {
        "fps": float(tracks.fps) if np.isfinite(tracks.fps) else None,
        "video": tracks.video,
        "scorer": tracks.scorer,
        "edges": tracks.skeleton.edges,
        "mirror_pairs": tracks.skeleton.mirror_pairs,
        "provenance": tracks.provenance,
    }
    table = arrow.table(columns).replace_schema_metadata({_KEY: json.dumps(own, sort_keys=True).encode()})
    sink = arrow.BufferOutputStream()
    parquet.write_table(table, sink)
    with atomic_path(path) as temporary:
        temporary.write_bytes(sink.getvalue().to_pybytes())


def _pyarrow(name: str, path: Path) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise FormatError(
            f'{path} is Parquet, which needs pyarrow: pip install "markerless[parquet]", or use the tidy CSV instead'
        ) from error


@dataclass(frozen=True)
class _Content:
    """What a file holds, as plain values: the columns and, in files of ours, the text beside them."""

    columns: TidyColumns
    own: bytes | None


def _content(path: Path, table: Any) -> _Content:
    named = own_names(list(table.column_names))
    if not named.keys() >= set(NEEDED):
        raise FormatError(
            f"expected columns {', '.join(NEEDED)} in {path}, got {', '.join(table.column_names)[:120] or 'none'}"
        )
    keypoint = [str(name) for name in table.column(named["keypoint"]).to_pylist()]
    has_names = "individual" in named
    individual = [str(name) for name in table.column(named["individual"]).to_pylist()] if has_names else None
    numbers = {own: _numbers(path, name, table.column(name)) for own, name in named.items() if own not in TEXTS}
    columns = TidyColumns(individual or [SINGLE_ANIMAL] * len(keypoint), keypoint, numbers)
    return _Content(columns, (table.schema.metadata or {}).get(_KEY))


def _numbers(path: Path, name: str, column: Any) -> FloatArray:
    """A column as float64, NaN where it is empty."""
    stored = column.to_numpy()
    try:
        values = np.asarray(stored, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise FormatError(
            f"{path}, column {name}: expected numbers, got {column.type}; write them as float64"
        ) from error
    if np.isinf(values).any():
        raise FormatError(f"{path}, column {name}: expected finite numbers or empty cells, got an infinite one")
    return values


def _tracks(path: Path, content: _Content) -> Tracks:
    tracks = from_rows(path, content.columns)
    if content.own is None:
        return tracks
    try:
        own = json.loads(content.own)
        skeleton = replace(
            tracks.skeleton,
            edges=tuple((int(a), int(b)) for a, b in own["edges"]),
            mirror_pairs=tuple((int(a), int(b)) for a, b in own["mirror_pairs"]),
        )
        return replace(
            tracks,
            skeleton=skeleton,
            fps=float(own["fps"] or "nan"),
            video=str(own["video"]),
            scorer=str(own["scorer"]),
            provenance=dict(own["provenance"]),
        )
    except (*MALFORMED, LabelsError) as error:
        raise FormatError(
            f"expected our notes in the metadata of {path}, got damaged ones ({error}); write it again"
        ) from error
