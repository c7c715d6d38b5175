"""Opens any file of labels or predictions, whatever tool wrote it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from markerless.core.labels import Labels
from markerless.core.tracks import Tracks
from markerless.errors import FormatError, LabelsError
from markerless.formats import registry
from markerless.formats._describe import EMPTY_HDF5, describe

Kind = Literal["labels", "tracks"]

_SPOKEN = {"labels": "a label table", "tracks": "predictions"}


def open_any(path: Path | str, kind: Kind | None = None) -> tuple[str, Labels | Tracks]:
    """The labels or tracks of a file, and the name of its format.

    Args:
        path: The file.
        kind: Accept only labels, or only tracks.

    Raises:
        FormatError: no such file, or no known format; the message says what it looks like and what is known.
        LabelsError: a label table that is malformed.
    """
    path = Path(path)
    scores = rank(path)
    wanted = [name for name, score in scores if score > 0 and kind in (None, registry.get(name).KIND)]
    if wanted:
        value = registry.get(wanted[0]).read(path)
        if not isinstance(value, Labels | Tracks):
            raise FormatError(f"format {wanted[0]}: expected Labels or Tracks from its reader, got {type(value)}")
        return wanted[0], value
    if scores and scores[0][1] > 0 and kind is not None:
        other = registry.get(scores[0][0]).KIND
        raise FormatError(f"expected {_SPOKEN[kind]}, got {_SPOKEN.get(other, other)}: {path} ({scores[0][0]})")
    found = describe(path)
    advice = "copy it again, or have it made again" if found == EMPTY_HDF5 else f"known formats: {known()}"
    raise FormatError(f"expected labels or predictions, got {found}: {path}; {advice}")


def open_labels(path: Path) -> Labels:
    """The labels of a file of any tool; a table that looks like DeepLabCut's is read by its reader, which says more.

    Raises:
        LabelsError: no labels, or malformed ones.
    """
    from markerless.formats import dlc_labels

    try:
        is_other = path.is_file() and any(
            score > 0 and registry.get(name).KIND == "labels" and name != "dlc_labels" for name, score in rank(path)
        )
        value = open_any(path, "labels")[1] if is_other else dlc_labels.read(path)
    except FormatError as error:
        raise LabelsError(str(error)) from error
    if not isinstance(value, Labels):
        raise LabelsError(f"expected labels, got {type(value).__name__.lower()} in {path}")
    return value


def rank(path: Path) -> list[tuple[str, float]]:
    """Names of all formats with how surely each claims the file (0 to 1), the surest first.

    Raises:
        FormatError: no such file.
    """
    if not path.exists():
        raise FormatError(f"no such file: {path}; check the path")
    readers = [name for name in registry.names() if hasattr(registry.get(name), "read")]
    scores = [(name, float(registry.get(name).sniff(path))) for name in readers]
    return sorted(scores, key=lambda pair: -pair[1])


def known() -> str:
    """All formats with what they hold and how their files end."""
    formats: list[tuple[str, Any]] = [(name, registry.get(name)) for name in registry.names()]
    return "; ".join(f"{name} ({module.KIND}, {', '.join(module.SUFFIXES)})" for name, module in formats)
