"""The tracks that a server has read lately, with what was found in them; a file that changes is read again."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from markerless.analysis.outliers import Outliers, find_outliers
from markerless.core.tracks import Tracks
from markerless.pipeline.outliers import labels_or_none, with_edges
from markerless.pipeline.results import holds_tracks, open_tracks
from markerless.pipeline.review import packed
from markerless.project import Project
from markerless.server.kept import Kept, Version, version_of

MOST_KEPT = 4  # files; an hour of ten keypoints takes 20 MB
MOST_REMEMBERED = 2000  # files of which it is known what they are


@dataclass
class Shelved:
    """One file of tracks.

    Attributes:
        tracks: What it holds, with the edges of the project.
        packed: `(T, N, K, 4)` float32, see `pipeline.review.packed`.
    """

    tracks: Tracks
    packed: np.ndarray
    _outliers: Outliers | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def outliers(self, project: Project) -> Outliers:
        """Its suspicious moments, found when first asked for."""
        with self._lock:
            if self._outliers is None:
                self._outliers = find_outliers(self.tracks, labels_or_none(project))
            return self._outliers


class TracksShelf:
    """See the module; safe to use from several threads."""

    def __init__(self) -> None:
        self._files: Kept[tuple[Version, Path], Shelved] = Kept(MOST_KEPT)
        self._kinds: Kept[Version, bool] = Kept(MOST_REMEMBERED)

    def tracks(self, project: Project, path: Path, video: Path) -> Shelved:
        """The tracks in a file.

        Raises:
            FormatError: there is no such file, or it is not tracks.
            LabelsError: they are three-dimensional.
        """

        def read() -> Shelved:
            tracks = with_edges(open_tracks(path, video)[0], project)
            return Shelved(tracks, packed(tracks))

        return self._files.get((version_of(path), project.root), read)

    def is_tracks(self, path: Path) -> bool:
        """Whether a file looks like tracks."""
        return self._kinds.get(version_of(path), lambda: holds_tracks(path))

    def close(self) -> None:
        """Let go of everything."""
        self._files.clear()
