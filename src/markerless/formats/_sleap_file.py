"""What a SLEAP project file (`.slp`, `.pkg.slp`, or the JSON of old versions) holds, as plain values.

A `.slp` is HDF5: JSON in an attribute names the skeletons, tables hold frames, instances and points. An instance owns a
range of rows of `points` (placed by a person) or `pred_points` (by a model), one per node of its skeleton. Since format
1.1 the center of the top-left pixel is (0, 0), as here; in 1.0 its corner was, so half a pixel is taken off.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import h5py
import numpy as np

from markerless.core.instance import FloatArray
from markerless.core.skeleton import Skeleton
from markerless.errors import FormatError
from markerless.formats._hdf5 import array, from_json, look, opened, text, texts

CENTERED = 1.1  # the first format whose origin is the center of the top-left pixel
HALF_PIXEL = 0.5
USER = 0  # type of an instance that a person placed; 1 is a model's
NO_TRACK = -1
EDGE, SYMMETRY = 1, 2
TABLES = {"metadata", "frames", "instances", "points", "pred_points"}


@dataclass(frozen=True)
class SleapVideo:
    """A video of the project.

    Attributes:
        name: Path as the author's machine had it, "" when unknown.
        images: The picture files when it is a list of pictures.
        n_frames: Its length when known, else 0.
        fps: Frames per second when known (new versions say it), else 0.
    """

    name: str
    images: tuple[str, ...] = ()
    n_frames: int = 0
    fps: float = 0.0

    @property
    def file_name(self) -> str:
        return PurePosixPath(self.name.replace("\\", "/")).name


@dataclass(frozen=True)
class SleapInstance:
    """One animal in one frame.

    Attributes:
        xy: `(K, 2)` pixels, NaN where a point is missing.
        score: `(K,)`, 1 where a person placed the point, NaN where it is missing.
        visible: `(K,)` bool: False where the point is marked as not visible.
        track: Index of its track, `NO_TRACK` without.
        is_user: Whether a person placed it.
    """

    xy: FloatArray
    score: FloatArray
    visible: np.ndarray
    track: int
    is_user: bool


@dataclass(frozen=True)
class SleapFrame:
    """A frame that has been worked on; it may hold no animal."""

    video: int
    frame_idx: int
    instances: tuple[SleapInstance, ...]


@dataclass(frozen=True)
class SleapFile:
    """A project file.

    Attributes:
        skeleton: The skeleton of all instances.
        videos: In the order of the file.
        tracks: Names of the animals followed; empty when nothing was tracked.
        frames: In the order of the file.
        provenance: What SLEAP wrote about its making.
        has_pictures: Whether pictures are embedded.
    """

    skeleton: Skeleton
    videos: tuple[SleapVideo, ...]
    tracks: tuple[str, ...]
    frames: tuple[SleapFrame, ...]
    provenance: dict[str, Any]
    has_pictures: bool = False


def sniff(path: Path, labels: float, predictions: float, damaged: float) -> float:
    """How surely a format claims a project file that holds labels, predictions, or damage; 0 for any other file."""
    if not look(path)[0].keys() >= TABLES:
        return 0.0
    try:
        return labels if _are_labels(path) else predictions
    except FormatError:
        return damaged


def _are_labels(path: Path) -> bool:
    """Whether people placed most animals, or some in a few frames picked from a video; a cheap look."""
    with opened(path, "a SLEAP file") as file:
        by_user = array(file["instances"])["instance_type"] == USER
        frames = array(file["frames"])["frame_idx"]
        is_sparse = len(frames) > 0 and 2 * len(frames) < int(frames.max()) + 1
        return bool(2 * by_user.sum() >= len(by_user) or (is_sparse and by_user.any()))


def read_slp(path: Path) -> SleapFile:
    """The contents of a `.slp` file.

    Raises:
        FormatError: damaged, or instances of different skeletons.
    """
    with opened(path, "a SLEAP file") as file:
        meta = from_json(file["metadata"].attrs["json"], "metadata")
        version = float(file["metadata"].attrs.get("format_id", CENTERED))
        tables = _Tables(file, HALF_PIXEL if version < CENTERED else 0.0)
        skeleton = read_skeleton(meta, tables.skeleton())
        videos = tuple(_video(file, from_json(row, "videos_json")) for row in texts(file["videos_json"]))
        rows = texts(file["tracks_json"]) if "tracks_json" in file else ()
        tracks = tuple(text(from_json(row, "tracks_json")[1]) for row in rows)
        frames = tables.frames(skeleton.n_keypoints, len(videos), len(tracks))
        provenance = meta.get("provenance") or {}
        if not isinstance(provenance, dict):
            raise FormatError(f"expected names and values under provenance, got {type(provenance).__name__}")
        has_pictures = any(name.startswith("video") and isinstance(file[name], h5py.Group) for name in file)
    return SleapFile(skeleton, videos, unique(tracks), frames, provenance, has_pictures)


def unique(names: tuple[str, ...]) -> tuple[str, ...]:
    """The names, with a number added where one comes again."""
    seen: dict[str, int] = {}
    found = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        found.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return tuple(found)


def read_skeleton(meta: Any, index: int) -> Skeleton:
    """A skeleton of SLEAP's JSON; its nodes are numbers into the list of all nodes, in an order of its own.

    Raises:
        FormatError: malformed.
    """
    try:
        stored = meta["skeletons"][index]
        every = [str(node["name"]) for node in meta["nodes"]]
        ids = [int(node["id"]) for node in stored["nodes"]]
        place = {node: k for k, node in enumerate(ids)}
        pairs: dict[int, list[tuple[int, int]]] = {EDGE: [], SYMMETRY: []}
        seen: list[int] = []
        for link in stored.get("links", ()):
            pairs[_link_type(link["type"], seen)].append((place[int(link["source"])], place[int(link["target"])]))
        names = tuple(every[node] for node in ids)
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise FormatError(
            f"expected skeletons with nodes and links as SLEAP writes them, got others ({error})"
        ) from error
    mirrored = dict.fromkeys((min(pair), max(pair)) for pair in pairs[SYMMETRY])
    return Skeleton(names, tuple(pairs[EDGE]), tuple(mirrored))


def _link_type(stored: Any, seen: list[int]) -> int:
    """Edge or symmetry; jsonpickle spells each out once and then refers to it by its number of appearance."""
    if "py/reduce" in stored:
        seen.append(int(stored["py/reduce"][1]["py/tuple"][0]))
        return seen[-1]
    number = int(stored["py/id"])
    return seen[number - 1] if 0 < number <= len(seen) else number


def _video(file: h5py.File, stored: Any) -> SleapVideo:
    """One entry of `videos_json`; that of an embedded video points to its source."""
    backend = stored.get("backend", stored)
    name = backend.get("filename", stored.get("filename", ""))
    shape = stored.get("shape") or backend.get("shape") or (0,)
    listed = backend.get("filenames", name)
    if isinstance(listed, list):
        images = tuple(str(image) for image in listed)
        return SleapVideo(str(PurePosixPath(images[0]).parent) if images else "", images, len(images))
    if name == ".":
        group = str(backend.get("dataset", "")).removesuffix("/video")
        source = file.get(f"{group}/source_video") if group else None
        if source is not None and "json" in source.attrs:
            return _video(file, from_json(source.attrs["json"], f"{group}/source_video"))
        name = group
    return SleapVideo(str(name), (), int(shape[0] or 0), float(backend.get("fps") or 0.0))


class _Tables:
    """The tables of a file, read once."""

    def __init__(self, file: h5py.File, shift: float) -> None:
        self._frames = array(file["frames"])
        self._instances = array(file["instances"])
        self._user = _points(file["points"], shift)
        self._model = _points(file["pred_points"], shift)

    def skeleton(self) -> int:
        """Number of the skeleton that all instances have."""
        used = np.unique(self._instances["skeleton"])
        if len(used) > 1:
            raise FormatError(f"expected animals of one skeleton, got {len(used)} skeletons; split the file in SLEAP")
        return int(used[0]) if len(used) else 0

    def frames(self, n_keypoints: int, n_videos: int, n_tracks: int) -> tuple[SleapFrame, ...]:
        found = []
        instances = self._instances
        starts = instances["point_id_start"].astype(np.int64).tolist()
        kinds = instances["instance_type"].tolist()
        tracks = instances["track"].tolist()
        columns = ("video", "frame_idx", "instance_id_start", "instance_id_end")
        for row in zip(*(self._frames[name].astype(np.int64).tolist() for name in columns), strict=True):
            video, frame_idx, start, end = row
            if not (0 <= video < max(n_videos, 1) and frame_idx >= 0 and 0 <= start <= end <= len(instances)):
                raise FormatError(f"expected frames of {n_videos} videos, got {row}; the file is damaged")
            own = tuple(
                self._instance(
                    starts[i], n_keypoints, tracks[i] if tracks[i] < n_tracks else NO_TRACK, kinds[i] == USER
                )
                for i in range(start, end)
            )
            found.append(SleapFrame(video, frame_idx, own))
        return tuple(found)

    def _instance(self, start: int, n_keypoints: int, track: int, is_user: bool) -> SleapInstance:
        xy, score, visible = self._user if is_user else self._model
        stop = start + n_keypoints
        if not 0 <= start <= stop <= len(xy):
            raise FormatError(f"expected points {start} to {stop}, got {len(xy)}; the file is damaged")
        return SleapInstance(xy[start:stop], score[start:stop], visible[start:stop], max(track, NO_TRACK), is_user)


def _points(node: Any, shift: float) -> tuple[FloatArray, FloatArray, np.ndarray]:
    """`(P, 2)` pixels, `(P,)` scores, `(P,)` visible; infinite numbers are an error."""
    stored = array(node)
    xy = np.stack([stored["x"], stored["y"]], axis=-1).astype(np.float64) - shift
    if np.isinf(xy).any():
        raise FormatError(f"expected finite numbers in {node.name}, got an infinite one; the file is damaged")
    xy[np.isnan(xy).any(axis=-1)] = np.nan
    names = stored.dtype.names or ()
    score = stored["score"].astype(np.float64) if "score" in names else np.where(np.isnan(xy[:, 0]), np.nan, 1.0)
    return xy, score, stored["visible"].astype(np.bool_)
