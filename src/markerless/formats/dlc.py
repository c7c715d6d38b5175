"""DeepLabCut's predictions of a video: `<video><scorer>.h5` and `.csv`, single and multi animal.

Read: both pandas layouts of h5, keys `df_with_missing`, `tracks`, `df` or the only one; CSV of any version; also 3D
results (x, y, z) and predictions of single images, whose names go to `provenance["images"]`. Written: as DeepLabCut
does (h5 with the key `df_with_missing`, float64, columns scorer, bodyparts, then x, y, likelihood; in the table layout
where its rows are frames and the names of its columns fit in).
DeepLabCut's origin is ours, but it counts the pixels of a cropped analysis from the corner of the crop: where its
metadata lie beside the result, the corner is added on reading and taken off on writing.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from markerless.core.instance import FloatArray
from markerless.core.storage import atomic_path
from markerless.core.tracks import Tracks
from markerless.formats._csv_table import write_table
from markerless.formats._dlc_meta import crop_of
from markerless.formats._peek import peek, read_table
from markerless.formats._tracks_table import (
    columns_of,
    has_named_individuals,
    index_of,
    tracks_of,
    values_of,
)
from markerless.formats._writable import require_suffix
from markerless.formats._write_frame_table import fits_table, write_frame_table

SUFFIXES = (".h5", ".csv")
KIND = "tracks"

CROP = "crop"  # key of the provenance: x1, x2, y1, y2 of the part of the frame that was analyzed


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
    path = Path(path)
    tracks = tracks_of(read_table(path))
    crop = crop_of(path) if _may_be_cropped(tracks) else None
    if crop is None:
        return tracks
    provenance = {**tracks.provenance, CROP: list(crop)}
    return replace(tracks, points=tracks.points + _corner(crop), provenance=provenance)


def write(tracks: Tracks, path: Path, place: Path | None = None) -> None:
    """Write one prediction table, CSV or h5 by the suffix.

    Beside DeepLabCut's pickle of a cropped analysis the pixels are those of the crop, as `read` expects them there.
    `place` is where the file will be moved to, if it is written elsewhere.

    Equal tracks give equal bytes. A single animal of the default name has no level `individuals`. 3D results have the
    columns x, y, z and no likelihood, as DeepLabCut has them.

    Raises:
        FormatError: the suffix is neither .h5 nor .csv.
        StorageError: the file cannot be written.
    """
    path = Path(path)
    require_suffix(path, SUFFIXES)
    crop = crop_of(place or path) if _may_be_cropped(tracks) else None
    if crop is not None:
        tracks = replace(tracks, points=tracks.points - _corner(crop))
    names, columns = columns_of(tracks, has_named_individuals(tracks))
    # equal texts as one object: pickled names tell one object from two that are equal
    columns = [tuple(sys.intern(str(name)) for name in column) for column in columns]
    with atomic_path(path) as temporary:
        if path.suffix.lower() == ".csv":
            write_table(temporary, columns, names, index_of(tracks), values_of(tracks))
            return
        index, values = index_of(tracks), values_of(tracks)
        if isinstance(index, range) and len(index) and fits_table(columns):
            write_frame_table(temporary, values, columns, names)
            return
        # rows that are pictures, no rows, or too many columns; pandas takes half a second to import
        from markerless.formats._write_h5 import make_frame, write_frame

        write_frame(temporary, make_frame(values, index, columns, names))


def _may_be_cropped(tracks: Tracks) -> bool:
    """Only results of a video are; those of pictures and in three dimensions are not."""
    return tracks.points.shape[-1] == 2 and "images" not in tracks.provenance


def _corner(crop: tuple[float, float, float, float]) -> FloatArray:
    """`(2,)` pixels from the frame's first pixel to the crop's."""
    return np.array([crop[0], crop[2]])
