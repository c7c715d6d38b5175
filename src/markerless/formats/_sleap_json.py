"""The JSON project files of SLEAP's first versions, as the same plain values as its `.slp` files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from markerless.errors import FormatError
from markerless.formats._json_file import MALFORMED, load_json
from markerless.formats._sleap_file import (
    NO_TRACK,
    SleapFile,
    SleapFrame,
    SleapInstance,
    SleapVideo,
    read_skeleton,
    unique,
)

KEYS = {"skeletons", "nodes", "labels"}


def read_old_json(path: Path) -> SleapFile:
    """The contents of a JSON project file; coordinates are taken as they are, as SLEAP does.

    Raises:
        FormatError: malformed.
    """
    stored = load_json(path)
    if not isinstance(stored, dict) or not stored.keys() >= KEYS:
        raise FormatError(f"expected a SLEAP project in JSON with the keys {', '.join(sorted(KEYS))}: {path}")
    try:
        skeleton = read_skeleton(stored, 0)
        nodes = [int(node["id"]) for node in stored["skeletons"][0]["nodes"]]
        videos = tuple(SleapVideo(str(video["backend"]["filename"])) for video in stored["videos"])
        tracks = unique(tuple(_track_name(track) for track in stored.get("tracks", ())))
        frames = tuple(_frame(frame, nodes, len(videos), len(tracks)) for frame in stored["labels"])
    except MALFORMED as error:
        raise FormatError(f"expected a SLEAP project in JSON, got a damaged one: {path} ({error})") from error
    except FormatError as error:
        raise FormatError(f"{path}: {error}") from error
    return SleapFile(skeleton, videos, tracks, frames, {})


def _track_name(stored: Any) -> str:
    return str(stored["name"] if isinstance(stored, dict) else stored[1])


def _frame(stored: dict[str, Any], nodes: list[int], n_videos: int, n_tracks: int) -> SleapFrame:
    video, frame_idx = int(stored["video"]), int(stored["frame_idx"])
    if not 0 <= video < n_videos or frame_idx < 0:
        raise FormatError(f"expected a frame of {n_videos} videos, got frame {frame_idx} of video {video}")
    return SleapFrame(
        video, frame_idx, tuple(_instance(instance, nodes, n_tracks) for instance in stored["_instances"])
    )


def _instance(stored: dict[str, Any], nodes: list[int], n_tracks: int) -> SleapInstance:
    is_user = "score" not in stored
    xy = np.full((len(nodes), 2), np.nan)
    score, visible = np.full(len(nodes), np.nan), np.zeros(len(nodes), dtype=np.bool_)
    for node, point in stored["_points"].items():
        place = nodes.index(int(node))
        xy[place] = float(point["x"]), float(point["y"])
        visible[place] = bool(point.get("visible", True))
        score[place] = 1.0 if is_user else float(point.get("score", np.nan))
    if np.isinf(xy).any():
        raise FormatError("expected finite numbers, got an infinite one")
    missing = np.isnan(xy).any(axis=-1)
    xy[missing], score[missing] = np.nan, np.nan
    track = stored.get("track")
    known = isinstance(track, int) and 0 <= track < n_tracks
    return SleapInstance(xy, score, visible, track if known and track is not None else NO_TRACK, is_user)
