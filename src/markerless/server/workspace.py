"""What a server has open: projects by key, and the folders that it may show and open projects in."""

from __future__ import annotations

import hashlib
import json
import os
import re
import threading
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Protocol, TypeVar

import platformdirs
from fastapi import Depends, HTTPException, Request

from markerless.core.storage import write_text
from markerless.errors import ProjectError, StorageError
from markerless.project import Project

MOST_RECENT = 12
RECENT_FILE = "recent-projects.json"


class Closing(Protocol):
    """What is made without arguments and closed at the end."""

    def close(self) -> None: ...


T = TypeVar("T", bound=Closing)


class Workspace:
    """The projects of a server. A project is known by a key made of its folder's name and place, which stays the same
    when the server starts again.

    Attributes:
        roots: Folders, resolved, below which files are listed and projects are opened.
        first: Key of the project that the server was started with; "" for none.
    """

    def __init__(self, roots: tuple[Path, ...], state: Path | None = None) -> None:
        self.roots = tuple(dict.fromkeys(root.resolve() for root in roots))
        self.first = ""
        self._state = state or state_folder()
        self._folders: dict[str, Path] = {}
        self._shared: dict[type[Closing], Closing] = {}
        self._making = threading.Lock()
        for folder in self._remembered():
            if self.allows(folder):
                self._folders[key_of(folder)] = folder

    def start_with(self, path: Path) -> str:
        """Open the project that the user named on the command line, wherever it is.

        Raises:
            ProjectError: there is none.
        """
        study = Project(path)
        root = study.root.resolve()
        self.roots = (*self.roots, *((root,) if not self.allows(root) else ()))
        self.first = self.open(root)
        return self.first

    def open(self, path: Path | str) -> str:
        """The key of the project at `path`, its folder or its config.yaml.

        Raises:
            ProjectError: there is none, or it lies outside the allowed folders.
        """
        study = Project(self.within(path))
        folder = study.root.resolve()
        key = key_of(folder)
        self._folders.pop(key, None)
        self._folders[key] = folder
        self._remember()
        return key

    def project(self, key: str) -> Project:
        """The project called `key`, read anew.

        Raises:
            HTTPException: 404, there is no such key.
            ProjectError: its folder cannot be read as a project any more.
        """
        if key not in self._folders:
            raise HTTPException(404, f"no project '{key}' is open; open it on the start page")
        return Project(self._folders[key])

    def recent(self) -> dict[str, Path]:
        """Key and folder of the projects that were opened, the last one first; those that are gone are left out."""
        return {key: folder for key, folder in reversed(self._folders.items()) if folder.is_dir()}

    def allows(self, path: Path) -> bool:
        """True when `path`, links followed, lies below an allowed folder."""
        try:
            real = path.resolve()
        except (OSError, ValueError, RuntimeError):
            return False
        return any(real.is_relative_to(root) for root in self.roots)

    def within(self, path: Path | str) -> Path:
        """`path`, made absolute, when it lies below an allowed folder.

        Raises:
            ProjectError: it does not.
        """
        text = str(path)
        if "\0" in text:
            raise ProjectError("expected a path, got one with a zero byte in it")
        whole = Path(text).expanduser() if not text.startswith("~") or text[1:2] in ("", "/") else Path(text)
        if not whole.is_absolute():
            whole = self.roots[0] / whole
        if not self.allows(whole):
            roots = ", ".join(str(root) for root in self.roots)
            raise ProjectError(
                f"expected a path below {roots}, got {whole}; start the app with --root FOLDER to allow more"
            )
        return whole

    def shared(self, kind: type[T]) -> T:
        """The one object of `kind` that all requests share, made when it is first asked for; its `close` is called
        when the server stops."""
        with self._making:
            if kind not in self._shared:
                self._shared[kind] = kind()
            found = self._shared[kind]
        assert isinstance(found, kind)
        return found

    def close(self) -> None:
        """Let everything that is shared write what it has and end."""
        while self._shared:
            self._shared.popitem()[1].close()

    def _remembered(self) -> list[Path]:
        try:
            entries = json.loads((self._state / RECENT_FILE).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return []
        entries = entries if isinstance(entries, list) else []
        return [Path(entry) for entry in entries if isinstance(entry, str) and "\0" not in entry]

    def _remember(self) -> None:
        others = [folder for folder in self._remembered() if key_of(folder) not in self._folders]
        folders = [*others, *self._folders.values()][-MOST_RECENT:]
        with suppress(StorageError):  # a comfort alone: without it the start page lists fewer projects
            write_text(self._state / RECENT_FILE, json.dumps([str(folder) for folder in folders], indent=1) + "\n")


def key_of(folder: Path) -> str:
    """Key of the project in `folder`: readable, safe in addresses, the same at every start."""
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", folder.name).strip("-")[:40] or "project"
    return f"{name}-{hashlib.sha256(os.fsencode(folder)).hexdigest()[:6]}"


def state_folder() -> Path:
    """Where the app keeps its token and its list of projects: MARKERLESS_STATE, else the system's place for it."""
    return Path(os.environ.get("MARKERLESS_STATE") or platformdirs.user_state_path("markerless", appauthor=False))


def workspace_of(request: Request) -> Workspace:
    """The workspace of the server that got the request."""
    workspace: Workspace = request.app.state.workspace
    return workspace


def project_of(key: str, workspace: Annotated[Workspace, Depends(workspace_of)]) -> Project:
    """The project that the route's `{key}` names."""
    return workspace.project(key)


TheWorkspace = Annotated[Workspace, Depends(workspace_of)]
TheProject = Annotated[Project, Depends(project_of)]
