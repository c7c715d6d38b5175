"""What a person looks at when reviewing: which tracks each video of a study has, and those of a part of the video."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from markerless.analysis.envelope import envelope
from markerless.core.instance import FloatArray
from markerless.core.tracks import Tracks
from markerless.core.video import video_stem
from markerless.errors import LabelsError
from markerless.pipeline.results import holds_tracks, native_first, result_files
from markerless.project import Project

QUANTITIES = ("x", "y", "score", "error")


@dataclass(frozen=True)
class TracksFile:
    """Tracks of a video.

    Attributes:
        path: The file; of results in several formats the native one.
        run: Name of the study's run that made it; "" when it came from elsewhere.
    """

    path: Path
    run: str


def tracks_files(project: Project, video: Path, is_tracks: Callable[[Path], bool] | None = None) -> list[TracksFile]:
    """The tracks beside a video, the newest first; the same result in several formats counts once."""
    accepts = is_tracks or holds_tracks
    best: dict[str, Path] = {}
    for path in sorted(result_files(video), key=native_first):
        if path.stem not in best and accepts(path):
            best[path.stem] = path
    runs = {f"{video_stem(video)}{project.run(name).scorer}": name for name in project.runs()}
    newest_first = sorted(best.values(), key=lambda path: path.stat().st_mtime_ns, reverse=True)
    return [TracksFile(path, runs.get(path.stem.removesuffix("_filtered"), "")) for path in newest_first]


def packed(tracks: Tracks) -> np.ndarray:
    """`(T, N, K, 4)` float32, little-endian: x, y, score, expected error of every point, NaN where not known.

    Raises:
        LabelsError: the tracks are three-dimensional.
    """
    if tracks.points.shape[-1] != 2:
        raise LabelsError("expected tracks in pixels (x, y), got 3D points; give the file of one camera")
    values = np.full((*tracks.score.shape, len(QUANTITIES)), np.nan, dtype="<f4")
    values[..., :2] = tracks.points
    values[..., 2] = tracks.score
    if tracks.error is not None:
        values[..., 3] = tracks.error
    values[~np.isfinite(tracks.points).all(axis=-1)] = np.nan
    return values


def traces(values: FloatArray, n_columns: int) -> np.ndarray:
    """`(4, columns, 2)` float32, little-endian: least and largest x, y, score, error of stretches of `(T, 4)`."""
    return np.stack([envelope(values[:, q], n_columns) for q in range(len(QUANTITIES))]).astype("<f4")
