"""What a result in space remembers of its origin: the cameras, and the file of each, for those who look at it later."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from markerless.core.camera import Calibration, Camera
from markerless.core.tracks import Tracks
from markerless.errors import MarkerlessError
from markerless.multiview.calibration_file import read_calibration
from markerless.multiview.files import anipose_toml

RIG, SOURCES = "rig", "sources"  # keys of the provenance
RIG_END = ".calibration.toml"  # of the name of the cameras' file beside a result


@dataclass(frozen=True)
class CameraSource:
    """Where what a camera saw can be read.

    Attributes:
        file: Of labels or predictions, as it is written in the result; "" when they came from memory.
        keypoints: Pattern or table of the names that it gives to the keypoints.
    """

    file: str
    keypoints: str | Mapping[str, str] = "{}"


def with_sources(
    tracks: Tracks,
    cameras: Calibration,
    files: Mapping[str, Any],
    names: Mapping[str, str | Mapping[str, str]],
    folder: Path,
) -> Tracks:
    """The tracks with the cameras and the files in their provenance.

    Args:
        tracks: Points in space.
        cameras: Those that saw them.
        files: Camera -> its file, or what was in it.
        names: Camera -> pattern or table of the names that its file gives to the keypoints.
        folder: Where the result will lie; files are named as seen from there.
    """
    sources = {}
    for name, source in files.items():
        keypoints = names.get(name, "{}")
        sources[name] = {
            "file": _seen_from(folder, Path(source)) if isinstance(source, Path | str) else "",
            "keypoints": keypoints if isinstance(keypoints, str) else dict(keypoints),
        }
    rig = [anipose_toml.to_table(replace(camera, spread=None)) for camera in cameras.cameras]
    return replace(tracks, provenance={**tracks.provenance, RIG: rig, SOURCES: sources})


def sources_of(provenance: Mapping[str, Any]) -> dict[str, CameraSource]:
    """Camera -> where what it saw can be read; of results that were made before this was kept, the names alone."""
    stored = provenance.get(SOURCES)
    found = {}
    for name, entry in stored.items() if isinstance(stored, dict) else ():
        if isinstance(entry, dict) and isinstance(entry.get("file"), str):
            keypoints = entry.get("keypoints", "{}")
            if isinstance(keypoints, dict):
                keypoints = {ours: theirs for ours, theirs in keypoints.items() if isinstance(theirs, str)}
            found[str(name)] = CameraSource(entry["file"], keypoints if isinstance(keypoints, str | dict) else "{}")
    older = provenance.get("files")
    for name, file in older.items() if isinstance(older, dict) else ():
        if isinstance(file, str):
            found.setdefault(str(name), CameraSource(file))
    return found


def images_of(provenance: Mapping[str, Any], n_frames: int) -> tuple[str, ...]:
    """Names of the pictures that the moments are, where pictures were labeled; empty for results of videos."""
    stored = provenance.get("images")
    return tuple(map(str, stored)) if isinstance(stored, list) and len(stored) == n_frames else ()


def cameras_of(provenance: Mapping[str, Any], result: Path) -> dict[str, Camera]:
    """The cameras by name: of the result itself, else of the calibration beside it; none where neither is there."""
    stored = provenance.get(RIG)
    try:
        if isinstance(stored, list):
            found = [anipose_toml.from_table(table, "rig", result) for table in stored if isinstance(table, dict)]
        else:
            beside = result.with_name(f"{result.stem}{RIG_END}")
            found = list(read_calibration(beside).cameras) if beside.is_file() else []
    except MarkerlessError:  # the points can be looked at without them
        return {}
    return {camera.name: camera for camera in found if np.linalg.matrix_rank(camera.matrix) == 3}


def _seen_from(folder: Path, file: Path) -> str:
    """The path of a file relative to a folder; the whole one when they are on different drives."""
    whole = file.resolve()
    try:
        return Path(os.path.relpath(whole, folder.resolve())).as_posix()
    except ValueError:
        return whole.as_posix()
