"""What a page needs first: the version, and which projects there are.

`GET /api/session` -> `{"version", "first": key or "", "recent": [{"key", "name", "folder"}], "roots": [...]}`
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from markerless.server.workspace import TheWorkspace
from markerless.version import VERSION

router = APIRouter()


@router.get("/session")
def session(workspace: TheWorkspace) -> dict[str, Any]:
    """The version, the project the server was started with, and those opened before."""
    recent = [{"key": key, "name": folder.name, "folder": str(folder)} for key, folder in workspace.recent().items()]
    roots = [str(root) for root in workspace.roots]
    return {"version": VERSION, "first": workspace.first, "recent": recent, "roots": roots}
