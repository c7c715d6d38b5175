"""Lightning Pose's prediction tables: DeepLabCut's CSV with a last column `set` (train, validation, test, unused).

`predictions.csv` names images in its rows, a video's results number the frames. Tables without that column cannot be
told from DeepLabCut's and are read by `dlc` all the same; label tables with `visible` columns by `dlc_labels`.
"""

from __future__ import annotations

from pathlib import Path

from markerless.core.storage import atomic_path
from markerless.core.tracks import Tracks
from markerless.formats._csv_table import write_table
from markerless.formats._peek import peek, read_table
from markerless.formats._tracks_table import columns_of, index_of, tracks_of, values_of
from markerless.formats._writable import require_holds, require_suffix

SUFFIXES = (".csv",)
KIND = "tracks"

UNUSED = "unused"  # Lightning Pose's word for a row in no part of the split


def sniff(path: Path) -> float:
    """How surely the file is a prediction table of Lightning Pose, 0 to 1."""
    look = peek(path)
    if look is None or not look.is_prediction or not look.is_csv:
        return 0.0
    return 0.95 if look.has_sets else 0.3


def read(path: Path) -> Tracks:
    """The predictions of a table; `provenance["images"]` and `provenance["sets"]` keep the rows' names and parts.

    Raises:
        FormatError: malformed; the message names file, line and column.
    """
    return tracks_of(read_table(Path(path)))


def write(tracks: Tracks, path: Path) -> None:
    """Write one prediction table of a single animal; rows and column `set` as the provenance has them.

    Raises:
        FormatError: several animals, 3D, or a suffix other than .csv.
        StorageError: the file cannot be written.
    """
    path = Path(path)
    require_suffix(path, SUFFIXES)
    require_holds(tracks, "a table of Lightning Pose", "DeepLabCut's format", n_axes=2, n_individuals=1)
    names, columns = columns_of(tracks, with_individuals=False)
    sets = tracks.provenance.get("sets")
    parts: list[str] = []
    if isinstance(sets, list) and len(sets) == tracks.n_frames:
        columns = [*columns, ("set", "", "")]
        parts = [str(part) or UNUSED for part in sets]
    with atomic_path(path) as temporary:
        write_table(temporary, columns, names, index_of(tracks), values_of(tracks), parts)
