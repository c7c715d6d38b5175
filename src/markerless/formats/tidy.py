"""A plain tidy table in CSV, one row per frame, animal and keypoint: for R, spreadsheets and pandas.

Columns `frame`, `time_s` (when the frame rate is known), `individual`, `keypoint`, `x`, `y`, (`z`,) `score` and, when
the model gives it, `expected_error`; missing is an empty cell. Read in any order of rows and columns, and with the
names that others use (bodypart, node, likelihood, confidence, track); without a column of animals there is one.
"""

from __future__ import annotations

from pathlib import Path

from markerless.core.storage import atomic_path
from markerless.core.tracks import Tracks
from markerless.errors import FormatError
from markerless.formats._csv_table import cell_texts
from markerless.formats._flat_table import read_columns, read_header, to_numbers
from markerless.formats._table import SINGLE_ANIMAL
from markerless.formats._tidy_rows import NEEDED, TEXTS, TidyColumns, from_rows, is_tidy, own_names, to_rows
from markerless.formats._writable import require_suffix

SUFFIXES = (".csv",)
KIND = "tracks"

_ORDER = ("frame", "time_s", "individual", "keypoint", "x", "y", "z", "score", "expected_error")


def sniff(path: Path) -> float:
    """How surely the file is a tidy table of poses, 0 to 1."""
    return 0.9 if is_tidy(read_header(path)) else 0.0


def read(path: Path) -> Tracks:
    """The trajectories of a tidy table.

    Raises:
        FormatError: malformed; the message names the place.
    """
    path = Path(path)
    columns = read_columns(path)
    named = own_names(list(columns))
    if not named.keys() >= set(NEEDED):
        raise FormatError(f"expected columns {', '.join(NEEDED)} in {path}, got {', '.join(columns)[:120] or 'none'}")
    keypoint = columns[named["keypoint"]]
    individual = columns[named["individual"]] if "individual" in named else [SINGLE_ANIMAL] * len(keypoint)
    numbers = {own: to_numbers(path, name, columns[name]) for own, name in named.items() if own not in TEXTS}
    return from_rows(path, TidyColumns(individual, keypoint, numbers))


def write(tracks: Tracks, path: Path) -> None:
    """Write one tidy table.

    Raises:
        FormatError: a suffix other than .csv.
        StorageError: the file cannot be written.
    """
    path = Path(path)
    require_suffix(path, SUFFIXES)
    import csv

    rows = to_rows(tracks)
    texts = {"individual": rows.individual, "keypoint": rows.keypoint}
    names = [name for name in _ORDER if name in texts or name in rows.numbers]
    cells = [texts[name] if name in texts else _cells(name, rows) for name in names]
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(names)
        writer.writerows(zip(*cells, strict=True))


def _cells(name: str, rows: TidyColumns) -> list[str]:
    values = rows.numbers[name].tolist()
    return [str(int(value)) for value in values] if name == "frame" else cell_texts(values)
