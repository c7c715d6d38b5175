"""The tracks that a server has read lately, with what was found in them; a file that changes is read again."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np

from markerless.analysis.outliers import Outliers, find_outliers
from markerless.core.tracks import Tracks
from markerless.errors import FormatError
from markerless.pipeline.outliers import labels_or_none, with_edges
from markerless.pipeline.results import open_tracks
from markerless.pipeline.review import holds_tracks, packed
from markerless.project import Project

MOST_KEPT = 4  # files; an hour of ten keypoints takes 20 MB
MOST_REMEMBERED = 2000  # files of which it is known what they are

K = TypeVar("K")
V = TypeVar("V")
Version = tuple[Path, int, int]  # path, time of change, size


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
        self._files: OrderedDict[tuple[Version, Path], Shelved] = OrderedDict()
        self._kinds: OrderedDict[Version, bool] = OrderedDict()
        self._lock = threading.RLock()

    def tracks(self, project: Project, path: Path, video: Path) -> Shelved:
        """The tracks in a file.

        Raises:
            FormatError: there is no such file, or it is not tracks.
            LabelsError: they are three-dimensional.
        """
        with self._lock:
            key = (version_of(path), project.root)
            if key not in self._files:
                tracks = with_edges(open_tracks(path, video)[0], project)
                self._files[key] = Shelved(tracks, packed(tracks))
                drop_oldest(self._files, MOST_KEPT)
            self._files.move_to_end(key)
            return self._files[key]

    def is_tracks(self, path: Path) -> bool:
        """Whether a file looks like tracks."""
        with self._lock:
            key = version_of(path)
            if key not in self._kinds:
                self._kinds[key] = holds_tracks(path)
                drop_oldest(self._kinds, MOST_REMEMBERED)
            return self._kinds[key]

    def close(self) -> None:
        """Let go of everything."""
        self._files.clear()


def version_of(path: Path) -> Version:
    """What changes when a file does.

    Raises:
        FormatError: there is no such file.
    """
    try:
        state = path.stat()
    except OSError as error:
        raise FormatError(f"no such file: {path}; analyze the video again, or choose other tracks") from error
    return path.resolve(), state.st_mtime_ns, state.st_size


def drop_oldest(kept: OrderedDict[K, V], most: int) -> None:
    """Let the entries that were put in first go until `most` are left."""
    while len(kept) > most:
        kept.popitem(last=False)
