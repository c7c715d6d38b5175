"""The results with points in space that a server has open; a file that changes is opened again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from markerless.pipeline.space import Space, is_space, open_space
from markerless.project import Project
from markerless.server.kept import Kept, Version, version_of

MOST_OPEN = 4
MOST_REMEMBERED = 2000  # files of which it is known what they are


class SpaceShelf:
    """See the module; safe to use from several threads."""

    def __init__(self) -> None:
        self._open: Kept[tuple[Version, Path], Space] = Kept(MOST_OPEN)
        self._kinds: Kept[Version, bool] = Kept(MOST_REMEMBERED)

    def space(self, project: Project, path: Path, allows: Callable[[Path], bool], anew: bool = False) -> Space:
        """The result in a file; `anew` looks again for what its cameras saw, which may have been put there meanwhile.

        Raises:
            FormatError: there is no such file, or it holds no points in space.
        """
        return self._open.get((version_of(path), project.root), lambda: open_space(path, project, allows), anew)

    def is_space(self, path: Path) -> bool:
        """Whether a file holds points in space."""
        return self._kinds.get(version_of(path), lambda: is_space(path))

    def close(self) -> None:
        """Let go of everything."""
        self._open.clear()
