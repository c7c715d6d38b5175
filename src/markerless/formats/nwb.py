"""Poses in Neurodata Without Borders files (`.nwb`, extension ndx-pose): one animal in each `PoseEstimation`.

Read with h5py alone. Several `PoseEstimation` of the same keypoints and times are several animals; those of several
videos are refused. Times become a frame rate. The text `reference_frame` is not acted upon: the files of DeepLabCut's
exporter speak of the bottom left and mean the top. Written through pynwb and ndx-pose (`pip install "markerless[nwb]"`)
with a start of 1970-01-01, because tracks do not know when they were recorded.
"""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from markerless.core.instance import FloatArray
from markerless.core.skeleton import Skeleton
from markerless.core.storage import atomic_path
from markerless.core.tracks import Tracks
from markerless.errors import FormatError
from markerless.formats._hdf5 import array, look, numbers, opened, plain, text, texts
from markerless.formats._table import SINGLE_ANIMAL
from markerless.formats._writable import require_suffix

SUFFIXES = (".nwb",)
KIND = "tracks"
REQUIRES = ("pynwb", "ndx_pose")

DEFAULT_NAME = "PoseEstimation"
DEEPEST = 4  # levels of groups below `processing` that are searched
OURS = "markerless"
NO_RATE = "frame rate unknown: one second stands for one frame"
ORIGIN = "(0, 0) is the center of the top-left pixel, x to the right, y down"
_OF_INDIVIDUAL = re.compile(r"Keypoint (.+) from individual (.+)\.")


@dataclass(frozen=True)
class _Animal:
    """One `PoseEstimation`: its series by keypoint."""

    name: str
    group: Any
    series: dict[str, Any]


def sniff(path: Path) -> float:
    """How surely the file is NWB, 0 to 1; whether it holds poses, its reader tells."""
    kinds, attributes = look(path)
    return 0.9 if "nwb_version" in attributes and "processing" in kinds else 0.0


def read(path: Path) -> Tracks:
    """The trajectories of all animals in the file.

    Raises:
        FormatError: damaged, without poses, or of several videos.
    """
    path = Path(path)
    with opened(path, "an NWB file") as file:
        animals = list(_animals(file["processing"]))
        if not animals:
            raise FormatError(
                f"expected poses (ndx-pose, PoseEstimation) in the NWB file {path}, got other data; "
                "export the poses with it"
            )
        keypoints = tuple(dict.fromkeys(name for animal in animals for name in animal.series))
        _require_one_video(path, animals)
        parts = [_one(animal, keypoints) for animal in animals]
        shapes = {points.shape for points, _, _ in parts}
        if len(shapes) > 1:
            raise FormatError(f"expected animals of equally many frames in {path}, got {sorted(shapes)}")
        first = animals[0].group
        software = text(plain(array(first["source_software"])[()])) if "source_software" in first else ""
        return Tracks(
            Skeleton(keypoints, _edges(first, keypoints)),
            np.stack([points for points, _, _ in parts], axis=1),
            np.stack([score for _, score, _ in parts], axis=1),
            individuals=_names(file, animals),
            fps=parts[0][2],
            video=_video(first),
            scorer=text(plain(array(first["scorer"])[()])) if "scorer" in first else "",
            provenance={} if software == OURS else {"source_software": software or "NWB"},
        )


def write(tracks: Tracks, path: Path) -> None:
    """Write one NWB file, one `PoseEstimation` per animal in the processing module `behavior`.

    Raises:
        FormatError: a suffix other than .nwb, or pynwb and ndx-pose are not installed.
        StorageError: the file cannot be written.
    """
    path = Path(path)
    require_suffix(path, SUFFIXES)
    try:
        from markerless.formats import _nwb_write
    except ImportError as error:
        raise FormatError(
            f'writing NWB needs pynwb and ndx-pose: pip install "markerless[nwb]" ({path.name} is not written)'
        ) from error
    image = _nwb_write.image_of(tracks)
    with atomic_path(path) as temporary:
        temporary.write_bytes(image)


def series_name(name: str) -> str:
    """A name as HDF5 and NWB allow it: without / and :."""
    return re.sub(r"[/:]", "_", name) or "_"


def stable_id(content: bytes, number: int) -> str:
    """The id of the file's object of that number: equal content gives equal bytes."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"markerless:{hashlib.sha256(content).hexdigest()}:{number}"))


def _type(node: Any) -> str:
    return text(node.attrs.get("neurodata_type", ""))


def _animals(group: Any, depth: int = 0) -> Iterator[_Animal]:
    """All `PoseEstimation` below a group; exporters that put several animals in one name them in each series."""
    for name, node in group.items():
        if not isinstance(node, h5py.Group):
            continue
        if _type(node) == "PoseEstimation":
            yield from _split(str(name), node)
        elif depth < DEEPEST:
            yield from _animals(node, depth + 1)


def _split(name: str, group: h5py.Group) -> Iterator[_Animal]:
    series = {
        key: node
        for key, node in group.items()
        if isinstance(node, h5py.Group) and _type(node) == "PoseEstimationSeries"
    }
    if not series:
        return
    said = {key: _OF_INDIVIDUAL.fullmatch(text(node.attrs.get("description", ""))) for key, node in series.items()}
    ordered = _ordered(group, series)
    if all(said.values()):
        owners: dict[str, dict[str, Any]] = {}
        for key in ordered.values():
            match = said[key]
            if match is not None:
                owners.setdefault(match[2], {})[match[1]] = series[key]
        yield from (_Animal(owner, group, own) for owner, own in owners.items())
        return
    yield _Animal(name, group, {keypoint: series[key] for keypoint, key in ordered.items()})


def _ordered(group: h5py.Group, series: dict[str, Any]) -> dict[str, str]:
    """Keypoint -> name of its series, in the skeleton's order where its nodes are the series."""
    nodes = _nodes(group)
    if nodes and {series_name(node) for node in nodes} == set(series) and len(nodes) == len(series):
        return {node: series_name(node) for node in nodes}
    return {name: name for name in series}


def _nodes(group: h5py.Group) -> tuple[str, ...]:
    if "nodes" in group:
        return texts(group["nodes"])
    skeleton = skeleton_of(group)
    return texts(skeleton["nodes"]) if skeleton is not None and "nodes" in skeleton else ()


def _group(group: h5py.Group, name: str) -> h5py.Group | None:
    """The group of that name; None where an array has it, in which h5py would look for names number by number."""
    found = group.get(name)
    return found if isinstance(found, h5py.Group) else None


def skeleton_of(group: h5py.Group) -> h5py.Group | None:
    """The skeleton that a group links to: the link has the name of the skeleton, whatever that is."""
    found = _group(group, "skeleton")
    if found is not None:
        return found
    nodes = (node for node in group.values() if isinstance(node, h5py.Group) and _type(node) == "Skeleton")
    return next(nodes, None)


def _edges(group: h5py.Group, keypoints: tuple[str, ...]) -> tuple[tuple[int, int], ...]:
    owner = skeleton_of(group) or group
    if "edges" not in owner or len(_nodes(group)) != len(keypoints):
        return ()
    pairs = array(owner["edges"]).reshape(-1, 2).astype(np.int64).tolist()
    return tuple((a, b) for a, b in pairs if 0 <= a < len(keypoints) and 0 <= b < len(keypoints))


def _one(animal: _Animal, keypoints: tuple[str, ...]) -> tuple[FloatArray, FloatArray, float]:
    """`(T, K, D)` points, `(T, K)` scores and the frame rate of one animal."""
    data = {name: _points(node["data"]) for name, node in animal.series.items()}
    shapes = {points.shape for points in data.values()}
    if len(shapes) > 1:
        raise FormatError(f"expected keypoints of equally many frames in {animal.name}, got {sorted(shapes)}")
    n_frames, n_axes = shapes.pop()
    points = np.full((n_frames, len(keypoints), n_axes), np.nan)
    score = np.full((n_frames, len(keypoints)), np.nan)
    for k, name in enumerate(keypoints):
        if name not in data:
            continue
        points[:, k] = data[name]
        if "confidence" in animal.series[name]:
            confidence = numbers(animal.series[name]["confidence"], 1)
            if len(confidence) != n_frames:
                raise FormatError(f"expected {n_frames} confidences of {name}, got {len(confidence)}")
            score[:, k] = confidence
    return points, score, _rate(next(iter(animal.series.values())))


def _points(node: h5py.Dataset) -> FloatArray:
    """`(T, D)` points in their unit, NaN where one coordinate is missing."""
    points = numbers(node, 2)
    if points.shape[1] not in (2, 3):
        raise FormatError(f"expected points of 2 or 3 coordinates in {node.name}, got {points.shape}")
    conversion, offset = float(node.attrs.get("conversion", 1.0)), float(node.attrs.get("offset", 0.0))
    if (conversion, offset) != (1.0, 0.0):
        points = points * conversion + offset
    if np.isinf(points).any():
        raise FormatError(f"expected finite numbers in {node.name}, got an infinite one; the file is damaged")
    points[np.isnan(points).any(axis=-1)] = np.nan
    return points


def _rate(series: Any) -> float:
    """Frames per second of a series, NaN where it does not say or its times are uneven."""
    if text(series.attrs.get("comments", "")) == NO_RATE:
        return float("nan")
    if "starting_time" in series and "rate" in series["starting_time"].attrs:
        return float(series["starting_time"].attrs["rate"])
    times = numbers(series["timestamps"], 1) if "timestamps" in series else np.empty(0)
    steps = np.diff(times)
    if not len(steps) or not (steps > 0).all():
        return float("nan")
    step = float((times[-1] - times[0]) / len(steps))
    return 1.0 / step if np.allclose(steps, step, rtol=0.02) else float("nan")


def _require_one_video(path: Path, animals: list[_Animal]) -> None:
    videos = {_video(animal.group) for animal in animals}
    if len(videos) > 1:
        raise FormatError(
            f"expected the animals of one video in {path}, got poses of {len(videos)}: "
            f"{', '.join(sorted(videos))[:120]}; write one NWB file per video"
        )


def _video(group: h5py.Group) -> str:
    stored = texts(group["original_videos"]) if "original_videos" in group else ()
    source = _group(group, "source_video")
    if not stored and source is not None and "external_file" in source:
        stored = texts(source["external_file"])
    return stored[0].replace("\\", "/").rsplit("/", 1)[-1] if stored else ""


def _names(file: h5py.File, animals: list[_Animal]) -> tuple[str, ...]:
    if len(animals) > 1 or animals[0].name != DEFAULT_NAME:
        return tuple(animal.name for animal in animals)
    subject = file.get("general/subject/subject_id")
    return (text(plain(array(subject)[()])),) if subject is not None else (SINGLE_ANIMAL,)
