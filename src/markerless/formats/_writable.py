"""What formats ask before they write: the ending of the file, and how many animals and dimensions it holds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from markerless.core.tracks import Tracks
from markerless.errors import FormatError, MarkerlessError


def require_suffix(path: Path, suffixes: Sequence[str], error: type[MarkerlessError] = FormatError) -> None:
    """Make sure that a file to be written ends as its format's do.

    Raises:
        MarkerlessError: another ending; of the type `error`.
    """
    if path.suffix.lower() not in suffixes:
        raise error(f"expected a file name that ends in {' or '.join(suffixes)}, got {path.name}; rename it")


def require_holds(tracks: Tracks, what: str, instead: str, n_axes: int, n_individuals: int | None = None) -> None:
    """Make sure that a format has a place for the animals and dimensions of tracks.

    Args:
        tracks: What is to be written.
        what: The file, for the message: "a SLEAP file".
        instead: A format that holds the tracks, for the message.
        n_axes: Dimensions it holds.
        n_individuals: Animals it holds; None: any number.

    Raises:
        FormatError: others.
    """
    got_axes = tracks.points.shape[-1]
    if got_axes == n_axes and n_individuals in (None, tracks.n_individuals):
        return
    held, got = f"points in {n_axes}D", f"{got_axes}D"
    if n_individuals is not None:
        animals = "one animal" if n_individuals == 1 else f"{n_individuals} animals"
        held, got = f"{animals} in {n_axes}D", f"{tracks.n_individuals} in {got}"
    raise FormatError(f"{what} holds {held}, got {got}; write {instead} instead")
