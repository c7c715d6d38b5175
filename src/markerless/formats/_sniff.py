"""Opens any file of labels or predictions, whatever tool wrote it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import h5py

from markerless.core.labels import Labels
from markerless.core.tracks import Tracks
from markerless.core.video import IMAGE_SUFFIXES, VIDEO_SUFFIXES
from markerless.errors import FormatError
from markerless.formats import registry

Kind = Literal["labels", "tracks"]

_SPOKEN = {"labels": "a label table", "tracks": "predictions"}
_SIGNATURES = (
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file of unknown content"),
    (b"CDF\x01", "a netCDF-3 file"),
    (b"CDF\x02", "a netCDF-3 file"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"PK\x03\x04", "a zip archive or an Excel workbook"),
    (b"\x80", "a pickle"),
    (b"%PDF", "a PDF"),
    (b"\x1f\x8b", "a gzip archive"),
)
_SPOKEN_SUFFIXES = {
    ".slp": "a SLEAP project",
    ".json": "a JSON file",
    ".yaml": "a YAML file",
    ".yml": "a YAML file",
    ".toml": "a TOML file",
    ".pickle": "a pickle",
    ".pkl": "a pickle",
    ".mat": "a MATLAB file",
    ".nwb": "an NWB file",
}


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
    raise FormatError(f"expected labels or predictions, got {describe(path)}: {path}; known formats: {_known()}")


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


def describe(path: Path) -> str:
    """What a file looks like that is neither labels nor predictions, in a few words."""
    if path.is_dir():
        return "a folder"
    if path.stat().st_size == 0:
        return "an empty file"
    suffix = path.suffix.lower()
    if suffix in VIDEO_SUFFIXES:
        return "a video"
    if suffix in IMAGE_SUFFIXES:
        return "a picture"
    with path.open("rb") as file:
        start = file.read(4096)
    if start.startswith(_SIGNATURES[0][0]):
        return _SPOKEN_SUFFIXES.get(suffix) or _describe_hdf5(path)
    for signature, words in _SIGNATURES:
        if start.startswith(signature):
            return words
    return _SPOKEN_SUFFIXES.get(suffix) or _describe_text(start)


def _describe_hdf5(path: Path) -> str:
    try:
        with h5py.File(path, "r") as file:
            names = [str(name) for name in file]
    except Exception:  # damaged files fail with any type
        return "a damaged HDF5 file"
    if "track_occupancy" in names and "node_names" in names:
        return "a SLEAP analysis file"
    return f"an HDF5 file that holds {', '.join(names[:5]) or 'nothing'}"


def _describe_text(start: bytes) -> str:
    try:
        text = start.decode("utf-8", "strict" if len(start) < 4096 else "ignore")
    except UnicodeDecodeError:
        return "a binary file of unknown kind"
    if "\0" in text:
        return "a binary file of unknown kind"
    return f"a text that begins with '{text.strip().splitlines()[0][:40]}'" if text.strip() else "a blank text"


def _known() -> str:
    formats: list[tuple[str, Any]] = [(name, registry.get(name)) for name in registry.names()]
    return "; ".join(f"{name} ({module.KIND}, {', '.join(module.SUFFIXES)})" for name, module in formats)
