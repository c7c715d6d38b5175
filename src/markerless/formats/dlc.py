"""DeepLabCut's predictions of a video: `<video><scorer>.h5` and `.csv`, single and multi animal.

Read: both pandas layouts of h5, keys `df_with_missing`, `tracks`, `df` or the only one; CSV of any version; also 3D results
(x, y, z) and predictions of single images, whose names go to `provenance["images"]`. Written: exactly as DeepLabCut does
(h5 in the table layout, float64, key `df_with_missing`, columns scorer, bodyparts, then x, y, likelihood).
Coordinates are taken as they are: DeepLabCut's origin is ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from markerless.core.instance import FloatArray
from markerless.core.skeleton import Skeleton
from markerless.core.storage import atomic_path
from markerless.core.tracks import Tracks
from markerless.errors import FormatError
from markerless.formats._csv_table import cell_texts, write_table
from markerless.formats._peek import peek, read_table
from markerless.formats._table import LEVELS, SINGLE_ANIMAL, KeypointTable, frame_numbers, sort_out

SUFFIXES = (".h5", ".csv")
KIND = "tracks"

CHUNK_ROWS = 4096


def sniff(path: Path) -> float:
    """How surely the file is a prediction table, 0 to 1."""
    look = peek(path)
    if look is None or not look.is_prediction:
        return 0.0
    return 0.9 if look.is_whole else 0.6


def read(path: Path) -> Tracks:
    """The predictions of a CSV or h5 table; frames that have no row are NaN.

    Raises:
        FormatError: malformed; the message names file, line and column.
    """
    return tracks_of(read_table(Path(path)))


def write(tracks: Tracks, path: Path) -> None:
    """Write one prediction table, CSV or h5 by the suffix.

    Equal tracks give equal bytes. A single animal of the default name has no level `individuals`. 3D results have the
    columns x, y, z and no likelihood, as DeepLabCut has them.

    Raises:
        FormatError: the suffix is neither .h5 nor .csv.
        StorageError: the file cannot be written.
    """
    path = Path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise FormatError(f"expected a file name that ends in .h5 or .csv, got {path.name}")
    names, columns = _columns(tracks)
    values = _values(tracks)
    index = _index(tracks)
    with atomic_path(path) as temporary:
        if path.suffix.lower() == ".csv":
            write_table(temporary, columns, names, _csv_rows(index, values))
        else:
            from markerless.formats._write_h5 import make_frame, write_frame

            layout = "table" if isinstance(next(iter(index), 0), int) else "fixed"
            write_frame(temporary, make_frame(values, index, columns, names), "table" if layout == "table" else "fixed")


def tracks_of(table: KeypointTable) -> Tracks:
    """A prediction table as tracks: one frame per number, or one per image in the order of the file.

    Raises:
        FormatError: no likelihood, a frame twice, a column missing.
    """
    table.require_unique_rows()
    axes = ("x", "y", "z") if "z" in table.coords else ("x", "y")
    if "likelihood" not in table.coords and "z" not in table.coords and not table.rows_are_frames:
        raise FormatError(
            f"expected columns x, y, likelihood in {table.path}, got {', '.join(sorted(table.coords))}; this is a label table, not a prediction"
        )
    poses = sort_out(table, axes)
    points, score = poses.xy(axes), poses.arrays.get("likelihood")
    if score is None:
        score = np.full(points.shape[:-1], np.nan)
    provenance: dict[str, Any] = {}
    if table.rows_are_frames:
        frames = frame_numbers(table)
        points, score = _spread(points, frames), _spread(score, frames)
    else:
        provenance["images"] = [row.name for row in table.rows]
    if table.sets is not None:
        provenance["sets"] = list(table.sets)
    return Tracks(
        Skeleton(poses.keypoints),
        points,
        score,
        individuals=poses.individuals,
        scorer=table.scorer,
        provenance=provenance,
    )


def _spread(values: FloatArray, frames: np.ndarray[Any, np.dtype[np.int64]]) -> FloatArray:
    """`(T, ...)`: the rows at their frame numbers, NaN between them."""
    if np.array_equal(frames, np.arange(len(frames))):
        return values
    spread = np.full((int(frames.max()) + 1, *values.shape[1:]), np.nan)
    spread[frames] = values
    return spread


def _columns(tracks: Tracks) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Names of the column levels, and the columns: individuals, keypoints, coordinates, the last the fastest."""
    scorer = tracks.scorer or "markerless"
    coords = ("x", "y", "likelihood") if tracks.points.shape[-1] == 2 else ("x", "y", "z")
    keypoints = tracks.skeleton.keypoints
    if tracks.individuals == (SINGLE_ANIMAL,):
        return ("scorer", "bodyparts", "coords"), [(scorer, k, c) for k in keypoints for c in coords]
    return LEVELS, [(scorer, n, k, c) for n in tracks.individuals for k in keypoints for c in coords]


def _values(tracks: Tracks) -> FloatArray:
    """`(T, columns)` in the order of `_columns`."""
    parts = [tracks.points] if tracks.points.shape[-1] == 3 else [tracks.points, tracks.score[..., None]]
    together = np.concatenate(parts, axis=-1).astype(np.float64)
    return np.asarray(together.reshape(tracks.n_frames, int(np.prod(together.shape[1:]))))


def _index(tracks: Tracks) -> range | list[tuple[str, ...]]:
    images = tracks.provenance.get("images")
    if not isinstance(images, list) or len(images) != tracks.n_frames:
        return range(tracks.n_frames)
    parts = [tuple(str(image).split("/")) for image in images]
    return parts if all(len(part) == 3 for part in parts) else [(str(image),) for image in images]


def _csv_rows(index: range | list[tuple[str, ...]], values: FloatArray) -> Iterator[list[str]]:
    for start in range(0, len(values), CHUNK_ROWS):
        for offset, numbers in enumerate(values[start : start + CHUNK_ROWS].tolist()):
            row = index[start + offset]
            cells = [str(row)] if isinstance(row, int) else list(row)
            yield [*cells, *cell_texts(numbers)]
