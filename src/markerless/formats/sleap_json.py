"""Labels in the JSON project files of SLEAP's first versions; read only, today's SLEAP writes `.slp`."""

from __future__ import annotations

from pathlib import Path

from markerless.core.labels import Labels
from markerless.errors import FormatError, LabelsError
from markerless.formats._json_file import quick_keys
from markerless.formats._sleap_json import KEYS, read_old_json
from markerless.formats.sleap_labels import labels_of

SUFFIXES = (".json",)
KIND = "labels"


def sniff(path: Path) -> float:
    """How surely the file is such a project, 0 to 1."""
    return 0.9 if quick_keys(path) >= KEYS else 0.0


def read(path: Path) -> Labels:
    """The labels of all videos in the file.

    Raises:
        LabelsError: damaged.
    """
    path = Path(path)
    try:
        return labels_of(path, read_old_json(path))
    except FormatError as error:
        raise LabelsError(" ".join(str(error).split())) from error
