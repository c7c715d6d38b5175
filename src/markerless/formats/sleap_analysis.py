"""SLEAP's analysis files (`.analysis.h5`): dense trajectories of one video, in either order of the axes.

Old files and the preset "matlab" have `tracks (track, xy, node, frame)`, the preset "standard" `(frame, track, node,
xy)`; the attribute `dims` says which, and where it is missing the sizes of the other arrays do. Written: the first,
which every version of SLEAP and movement reads. SLEAP's origin is ours; a file made of a project of format 1.0 does not
say that it was, so nothing is shifted. `track_occupancy` is `(frame, track)` in both.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from markerless.core.instance import FloatArray
from markerless.core.skeleton import Skeleton
from markerless.core.storage import atomic_path
from markerless.core.tracks import Tracks
from markerless.errors import FormatError
from markerless.formats._hdf5 import array, from_json, look, numbers, opened, plain, text, texts
from markerless.formats._sleap_file import unique
from markerless.formats._table import SINGLE_ANIMAL
from markerless.formats._writable import require_holds, require_suffix

SUFFIXES = (".h5",)
KIND = "tracks"

NAMES = {"tracks", "track_occupancy", "node_names"}
MATLAB = ("track", "xy", "node", "frame")
_TRACKS = ("frame", "track", "node", "xy")
_OWN = "markerless"  # the key under `provenance` for what SLEAP has no place for


def sniff(path: Path) -> float:
    """How surely the file is an analysis file, 0 to 1."""
    return 0.95 if look(path)[0].keys() >= NAMES else 0.0


def read(path: Path) -> Tracks:
    """The trajectories of an analysis file.

    Raises:
        FormatError: damaged, or the order of its axes cannot be told.
    """
    path = Path(path)
    with opened(path, "a SLEAP analysis file") as file:
        nodes = texts(file["node_names"])
        names = unique(tuple(texts(file["track_names"]))) if "track_names" in file else ()
        occupancy = numbers(file["track_occupancy"], 2)
        stored = numbers(file["tracks"], 4)
        dims = _dims(file["tracks"], stored.shape, (*occupancy.shape, len(nodes)))
        points = stored.transpose([dims.index(dim) for dim in _TRACKS])
        _require_finite(path, points)
        if len(names) != points.shape[1]:  # nothing was tracked
            names = tuple(f"track_{n}" for n in range(points.shape[1]))
        scores = _scores(file, dims, points.shape[:3])
        provenance = from_json(array(file["provenance"])[()], "provenance") if "provenance" in file else {}
        own = provenance.get(_OWN, {}) if isinstance(provenance, dict) else {}
        missing = np.isnan(points).any(axis=-1)
        points[missing] = np.nan
        return Tracks(
            Skeleton(nodes, _edges(file, len(nodes)), _mirror_pairs(file, nodes)),
            points,
            np.where(missing, np.nan, scores),
            individuals=(SINGLE_ANIMAL,) if own.get("is_unnamed") else names,
            fps=float(own.get("fps") or "nan"),
            video=str(own["video"]) if "video" in own else _file_name(file),
            scorer=str(own.get("scorer", "")),
            provenance=dict(own["provenance"]) if "provenance" in own else {"source_software": "SLEAP"},
        )


def write(tracks: Tracks, path: Path) -> None:
    """Write an analysis file in the order of axes that all versions know.

    Raises:
        FormatError: three dimensions, or a suffix other than .h5.
        StorageError: the file cannot be written.
    """
    path = Path(path)
    require_suffix(path, SUFFIXES)
    require_holds(tracks, "a SLEAP file", "movement's netCDF", n_axes=2)
    skeleton = tracks.skeleton
    present = np.isfinite(tracks.points).all(axis=-1).any(axis=-1)
    own: dict[str, Any] = {"scorer": tracks.scorer, "video": tracks.video, "provenance": tracks.provenance}
    own["is_unnamed"] = tracks.individuals == (SINGLE_ANIMAL,)
    if np.isfinite(tracks.fps):
        own["fps"] = float(tracks.fps)
    arrays: dict[str, Any] = {
        "track_occupancy": present.astype(np.uint8),
        "tracks": tracks.points.transpose(1, 3, 2, 0).astype(np.float64),
        "point_scores": tracks.score.transpose(1, 2, 0).astype(np.float64),
        "instance_scores": _mean(tracks.score).T,
        "tracking_scores": np.full(present.T.shape, np.nan),
        "track_names": _bytes(tracks.individuals),
        "node_names": _bytes(skeleton.keypoints),
        "edge_names": _bytes([skeleton.keypoints[k] for edge in skeleton.edges for k in edge]).reshape(-1, 2),
        "edge_inds": np.array(skeleton.edges, dtype=np.int64).reshape(-1, 2),
        "labels_path": "",
        "video_path": tracks.video,
        "video_ind": 0,
        "provenance": json.dumps({_OWN: own}, sort_keys=True, ensure_ascii=False),
    }
    # Made in memory first: on a full disk HDF5 may lose what it failed to write, without an error, or crash.
    with h5py.File("analysis", "w", driver="core", backing_store=False) as file:
        for name, value in arrays.items():
            file[name] = value
        file.attrs["skeleton_symmetries"] = json.dumps(
            [[skeleton.keypoints[a], skeleton.keypoints[b]] for a, b in skeleton.mirror_pairs]
        )
        file.flush()
        image = file.id.get_file_image()
    with atomic_path(path) as temporary:
        temporary.write_bytes(image)


def _dims(node: h5py.Dataset, shape: tuple[int, ...], sizes: tuple[int, int, int]) -> tuple[str, ...]:
    """Which axis is which.

    Args:
        node: The array `tracks`.
        shape: Its shape.
        sizes: Numbers of frames and tracks (of `track_occupancy`, possibly the other way round) and of nodes.
    """
    stored = node.attrs.get("dims")
    if stored is not None:
        dims = tuple(str(dim) for dim in from_json(stored, "dims"))
        if sorted(dims) != sorted(_TRACKS):
            raise FormatError(f"expected the axes {', '.join(_TRACKS)} of tracks, got {', '.join(dims)[:80]}")
        return dims
    n_frames, n_tracks, n_nodes = sizes
    for dims in (MATLAB, _TRACKS):
        for frames, tracks in ((n_frames, n_tracks), (n_tracks, n_frames)):
            size = {"frame": frames, "track": tracks, "node": n_nodes, "xy": 2}
            if shape == tuple(size[dim] for dim in dims):
                return dims
    raise FormatError(
        f"expected tracks of {n_tracks} animals x 2 x {n_nodes} nodes x {n_frames} frames, got {shape}; "
        "export the file again"
    )


def _scores(file: h5py.File, dims: tuple[str, ...], shape: tuple[int, ...]) -> FloatArray:
    """`(T, N, K)` scores of the points; NaN in old files, which have none."""
    if "point_scores" not in file:
        return np.full(shape, np.nan)
    order = [dim for dim in dims if dim != "xy"]
    scores = numbers(file["point_scores"], 3).transpose([order.index(dim) for dim in _TRACKS[:3]])
    if scores.shape != shape:
        raise FormatError(f"expected as many scores as points, got {scores.shape} for {shape}")
    return scores


def _require_finite(path: Path, points: FloatArray) -> None:
    if np.isinf(points).any():
        raise FormatError(f"expected finite numbers in {path}, got an infinite one; the file is damaged")


def _edges(file: h5py.File, n_nodes: int) -> tuple[tuple[int, int], ...]:
    if "edge_inds" not in file:
        return ()
    pairs = array(file["edge_inds"]).reshape(-1, 2).astype(np.int64).tolist()
    return tuple((a, b) for a, b in pairs if 0 <= a < n_nodes and 0 <= b < n_nodes)


def _mirror_pairs(file: h5py.File, nodes: tuple[str, ...]) -> tuple[tuple[int, int], ...]:
    stored = from_json(file.attrs.get("skeleton_symmetries", "[]"), "skeleton_symmetries")
    return tuple((nodes.index(a), nodes.index(b)) for a, b in stored if a in nodes and b in nodes)


def _file_name(file: h5py.File) -> str:
    value = text(plain(array(file["video_path"])[()])) if "video_path" in file else ""
    return value.replace("\\", "/").rsplit("/", 1)[-1]


def _bytes(names: Any) -> npt.NDArray[np.bytes_]:
    return np.array([np.bytes_(str(name).encode("utf-8")) for name in names], dtype=np.bytes_)


def _mean(score: FloatArray) -> FloatArray:
    """`(T, N)` mean of the known scores of an animal, NaN where there is none."""
    known = np.isfinite(score)
    n_known = known.sum(axis=-1)
    total = np.where(known, score, 0.0).sum(axis=-1)
    return np.asarray(np.divide(total, n_known, out=np.full(n_known.shape, np.nan), where=n_known > 0))
