"""The results with points in space that a server has open; a file that changes is opened again."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

from markerless.pipeline.space import Space, is_space, open_space
from markerless.project import Project
from markerless.server.tracks_shelf import Version, drop_oldest, version_of

MOST_OPEN = 4
MOST_REMEMBERED = 2000  # files of which it is known what they are


class SpaceShelf:
    """See the module; safe to use from several threads."""

    def __init__(self) -> None:
        self._open: OrderedDict[tuple[Version, Path], Space] = OrderedDict()
        self._kinds: OrderedDict[Version, bool] = OrderedDict()
        self._lock = threading.Lock()

    def space(self, project: Project, path: Path, allows: Callable[[Path], bool], anew: bool = False) -> Space:
        """The result in a file; `anew` looks again for what its cameras saw, which may have been put there meanwhile.

        Raises:
            FormatError: there is no such file, or it holds no points in space.
        """
        key = (version_of(path), project.root)
        with self._lock:
            if anew or key not in self._open:
                self._open[key] = open_space(path, project, allows)
                drop_oldest(self._open, MOST_OPEN)
            self._open.move_to_end(key)
            return self._open[key]

    def is_space(self, path: Path) -> bool:
        """Whether a file holds points in space."""
        key = version_of(path)
        with self._lock:
            if key not in self._kinds:
                self._kinds[key] = is_space(path)
                drop_oldest(self._kinds, MOST_REMEMBERED)
            return self._kinds[key]

    def close(self) -> None:
        """Let go of everything."""
        self._open.clear()
