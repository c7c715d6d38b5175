"""Writes SLEAP project files (`.slp`), format 1.2, with equal bytes for equal content; and our own table in them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from markerless.core.skeleton import Skeleton
from markerless.core.storage import atomic_path
from markerless.formats._hdf5 import array, from_json, opened
from markerless.formats._sleap_file import EDGE, SYMMETRY, SleapFile, SleapVideo

FORMAT = 1.2
OWN = "markerless_json"  # a table that SLEAP passes over: what its own tables have no place for

_FRAMES = np.dtype(
    [
        ("frame_id", "<u8"),
        ("video", "<u4"),
        ("frame_idx", "<u8"),
        ("instance_id_start", "<u8"),
        ("instance_id_end", "<u8"),
    ]
)
_INSTANCES = np.dtype(
    [
        ("instance_id", "<i8"),
        ("instance_type", "u1"),
        ("frame_id", "<u8"),
        ("skeleton", "<u4"),
        ("track", "<i4"),
        ("from_predicted", "<i8"),
        ("score", "<f4"),
        ("point_id_start", "<u8"),
        ("point_id_end", "<u8"),
        ("tracking_score", "<f4"),
    ]
)
_POINTS = np.dtype([("x", "<f8"), ("y", "<f8"), ("visible", "?"), ("complete", "?")])
_MODEL_POINTS = np.dtype([*_POINTS.descr, ("score", "<f8")])


def write_slp(path: Path, content: SleapFile, own: dict[str, Any]) -> None:
    """Write one project file.

    Args:
        path: Where to.
        content: What SLEAP knows of.
        own: What only we read, plain values.

    Raises:
        StorageError: the file cannot be written.
    """
    frames, instances, user, model = _tables(content)
    # Made in memory first: on a full disk HDF5 may lose what it failed to write, without an error, or crash.
    with h5py.File("slp", "w", driver="core", backing_store=False) as file:
        meta = file.create_group("metadata")
        meta.attrs["format_id"] = FORMAT
        meta.attrs["json"] = np.bytes_(json.dumps(_metadata(content)).encode("utf-8"))
        file["videos_json"] = _rows([_video(video) for video in content.videos])
        file["tracks_json"] = _rows([[0, name] for name in content.tracks])
        file["suggestions_json"] = _rows([])
        file["frames"], file["instances"] = frames, instances
        file["points"], file["pred_points"] = user, model
        file[OWN] = np.bytes_(json.dumps(own, sort_keys=True).encode("utf-8"))
        file.flush()
        image = file.id.get_file_image()
    with atomic_path(path) as temporary:
        temporary.write_bytes(image)


def read_own(path: Path) -> dict[str, Any]:
    """What our writer left beside SLEAP's tables; empty in files of others."""
    with opened(path, "a SLEAP file") as file:
        stored = from_json(array(file[OWN])[()], OWN) if OWN in file else {}
    return stored if isinstance(stored, dict) else {}


def _tables(content: SleapFile) -> tuple[npt.NDArray[Any], ...]:
    n_keypoints = content.skeleton.n_keypoints
    frames = np.zeros(len(content.frames), _FRAMES)
    rows = [(number, instance) for number, frame in enumerate(content.frames) for instance in frame.instances]
    instances = np.zeros(len(rows), _INSTANCES)
    starts = np.cumsum([0, *(len(frame.instances) for frame in content.frames)])
    frames["frame_id"] = np.arange(len(frames))
    frames["video"] = [frame.video for frame in content.frames]
    frames["frame_idx"] = [frame.frame_idx for frame in content.frames]
    frames["instance_id_start"], frames["instance_id_end"] = starts[:-1], starts[1:]
    points: dict[bool, list[npt.NDArray[Any]]] = {True: [], False: []}
    for number, (frame, instance) in enumerate(rows):
        own = points[instance.is_user]
        known = instance.score[np.isfinite(instance.score)]
        score = np.nan if instance.is_user or not known.size else known.mean()
        first = n_keypoints * len(own)
        kind = 0 if instance.is_user else 1
        instances[number] = (number, kind, frame, 0, instance.track, -1, score, first, first + n_keypoints, np.nan)
        part = np.zeros(n_keypoints, _POINTS if instance.is_user else _MODEL_POINTS)
        part["x"], part["y"], part["visible"] = instance.xy[:, 0], instance.xy[:, 1], instance.visible
        part["complete"] = instance.is_user
        if not instance.is_user:
            part["score"] = instance.score
        own.append(part)
    user = np.concatenate([np.zeros(0, _POINTS), *points[True]])
    model = np.concatenate([np.zeros(0, _MODEL_POINTS), *points[False]])
    return frames, instances, user.astype(_POINTS), model.astype(_MODEL_POINTS)


def _rows(values: list[Any]) -> npt.NDArray[Any]:
    """One JSON text per row; SLEAP keeps an empty list as an empty array of numbers."""
    if not values:
        return np.zeros(0)
    return np.array([np.bytes_(json.dumps(value).encode("utf-8")) for value in values])


def _video(video: SleapVideo) -> dict[str, Any]:
    if video.images:
        images = list(video.images)
        return {"filename": images[0], "backend": {"type": "ImageVideo", "filename": images[0], "filenames": images}}
    backend = {"filename": video.name, "grayscale": None, "bgr": True, "dataset": "", "input_format": ""}
    return {"backend": {**backend, "fps": video.fps} if video.fps else backend}


def _metadata(content: SleapFile) -> dict[str, Any]:
    skeleton = content.skeleton
    return {
        "version": "2.0.0",
        "skeletons": [
            {
                "directed": True,
                "graph": {"name": "Skeleton-0", "num_edges_inserted": len(skeleton.edges)},
                "links": _links(skeleton),
                "multigraph": True,
                "nodes": [{"id": k} for k in range(skeleton.n_keypoints)],
            }
        ],
        "nodes": [{"name": name, "weight": 1.0} for name in skeleton.keypoints],
        "videos": [],
        "tracks": [],
        "suggestions": [],
        "negative_anchors": {},
        "provenance": content.provenance,
    }


def _links(skeleton: Skeleton) -> list[dict[str, Any]]:
    """Edges, then mirror pairs both ways round; a kind is spelled out where it comes first and numbered after that."""
    links: list[dict[str, Any]] = []
    numbers: dict[int, int] = {}
    both = [pair for a, b in skeleton.mirror_pairs for pair in ((a, b), (b, a))]
    for kind, pairs in ((EDGE, skeleton.edges), (SYMMETRY, both)):
        for place, (source, target) in enumerate(pairs):
            if kind in numbers:
                spelled: dict[str, Any] = {"py/id": numbers[kind]}
            else:
                numbers[kind] = len(numbers) + 1
                spelled = {
                    "py/reduce": [{"py/type": "sleap.skeleton.EdgeType"}, {"py/tuple": [kind]}, None, None, None]
                }
            link: dict[str, Any] = {"source": source, "target": target, "key": 0, "type": spelled}
            links.append({"edge_insert_idx": place, **link} if kind == EDGE else link)
    return links
