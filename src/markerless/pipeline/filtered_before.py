"""What lies where a filtered result is to be written: ours, to be made again, or something that is to be kept."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from markerless.core.instance import FloatArray
from markerless.core.tracks import Tracks
from markerless.errors import MarkerlessError, SettingsError
from markerless.pipeline.result_files import ResultFiles

FROM, SOURCE_POINTS = "filtered_from", "filtered_points"  # in the provenance
SAME = 1e-6  # the CSV holds rounded numbers


def origin(sources: Sequence[Path], tracks: Tracks) -> dict[str, Any]:
    """For the provenance: of which files the result was made, and a fingerprint of the points that they held."""
    return {FROM: [source.name for source in sources], SOURCE_POINTS: fingerprint_of_points(tracks)}


def fingerprint_of_points(tracks: Tracks) -> str:
    """The same for the same points and scores, to a thousandth."""
    digest = hashlib.sha256(repr(tracks.points.shape).encode())
    for values in (tracks.points, tracks.score):
        rounded = np.where(np.isfinite(values), np.round(values, 3) + 0.0, np.nan)  # no -0
        digest.update(np.ascontiguousarray(rounded.astype("<f8")).tobytes())
    return digest.hexdigest()[:16]


def make_way(target: ResultFiles, made_of: Mapping[str, Any]) -> str:
    """Make sure that what is about to be replaced can be made again.

    A result that this command made of the same points may be replaced, unless somebody changed it since.

    Args:
        target: The files to be written.
        made_of: The `origin` of what is to be written.

    Returns:
        What is replaced, with which filters it was made; "" when nothing is there.

    Raises:
        SettingsError: something else is there.
    """
    there = [file for file in target.files if file.is_symlink() or file.exists()]
    if not there:
        return ""
    try:
        names, reason = _made(target, there, made_of)
    except MarkerlessError as error:  # not a file of trajectories, or damaged
        names, reason = [], f"cannot be read ({error})"
    if reason:
        raise SettingsError(
            f"{there[0]} is there already and {reason}; keep it and give another folder with --out, or replace it with "
            "--overwrite"
        )
    return f"replaces {target.files[-1].stem} of {', '.join(names)}"


def _made(target: ResultFiles, there: Sequence[Path], made_of: Mapping[str, Any]) -> tuple[list[str], str]:
    """The filters that what is there was made with, and why it cannot be made again, "" where it can."""
    from markerless.formats import dlc, movement

    native = target.files[-1]
    if not native.is_file():
        return [], f"{native.name}, which would tell how it was made, is not"
    before = movement.read(native)
    steps, sources = before.provenance.get("filters"), before.provenance.get(FROM)
    if not isinstance(steps, list) or not isinstance(sources, list):
        return [], "was not made by `markerless filter`"
    if sources != made_of[FROM]:
        return [], f"was made of {', '.join(map(str, sources))}"
    if before.provenance.get(SOURCE_POINTS, made_of[SOURCE_POINTS]) != made_of[SOURCE_POINTS]:
        return [], f"was made of points that {', '.join(map(str, sources))} does not hold now"
    for file in there:
        if file != native:
            told = dlc.read(file)
            has_score = before.points.shape[-1] == 2  # in three dimensions DeepLabCut's table has no likelihood
            if not (_equal(told.points, before.points) and (not has_score or _equal(told.score, before.score))):
                return [], f"{file.name} was changed since"
    return [str(step.get("filter")) for step in steps if isinstance(step, Mapping)], ""


def _equal(one: FloatArray, two: FloatArray) -> bool:
    return one.shape == two.shape and bool(np.allclose(one, two, rtol=0, atol=SAME, equal_nan=True))
