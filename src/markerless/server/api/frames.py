"""Videos of a project, and their frames.

`GET projects/{key}/videos` -> `{"videos": [{"name", "folder", "n_frames", "width", "height", "fps", "error"}]}`; `fps`
null for a folder of pictures
`GET projects/{key}/videos/{video}/frames/{index}?width=W` -> JPEG of exactly that frame
`GET projects/{key}/videos/{video}/previews/{index}` -> small JPEG of the key frame before it; the header `X-Frame` says
which one it is
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query
from fastapi import Path as InPath
from starlette.responses import Response

from markerless.errors import MarkerlessError
from markerless.pipeline.results import video_stem
from markerless.server.frames import Frames
from markerless.server.workspace import TheProject, TheWorkspace

router = APIRouter()
Index = Annotated[int, InPath(ge=0, le=10**9)]
KEPT = {"Cache-Control": "private, max-age=3600"}


def video_of(project: TheProject, video: Annotated[str, InPath(max_length=255)]) -> Path:
    """The video of the project that the route's `{video}` names."""
    for path in project.videos():
        if path.name == video:
            return path
    raise HTTPException(404, f"no video {video!r} in this project")


TheVideo = Annotated[Path, Depends(video_of)]


@router.get("/projects/{key}/videos")
def videos(workspace: TheWorkspace, project: TheProject) -> dict[str, Any]:
    """The videos and what they are."""
    return {"videos": [_described(workspace.shared(Frames), path) for path in project.videos()]}


@router.get("/projects/{key}/videos/{video}/frames/{index}", response_class=Response)
def exact(
    workspace: TheWorkspace, video: TheVideo, index: Index, width: Annotated[int, Query(ge=16, le=4096)] = 1280
) -> Response:
    """One frame, exactly."""
    data = workspace.shared(Frames).jpeg(video, index, width)
    return Response(data, media_type="image/jpeg", headers={**KEPT, "X-Frame": str(index)})


@router.get("/projects/{key}/videos/{video}/previews/{index}", response_class=Response)
def preview(workspace: TheWorkspace, video: TheVideo, index: Index) -> Response:
    """A frame near it, at once."""
    near, data = workspace.shared(Frames).preview(video, index)
    return Response(data, media_type="image/jpeg", headers={**KEPT, "X-Frame": str(near)})


def _described(frames: Frames, path: Path) -> dict[str, Any]:
    row: dict[str, Any] = {"name": path.name, "folder": video_stem(path), "error": None}
    try:
        video = frames.reader(path).video
    except MarkerlessError as error:
        return {**row, "n_frames": 0, "width": 0, "height": 0, "fps": None, "error": str(error)}
    return {**row, "n_frames": video.n_frames, "width": video.width, "height": video.height, "fps": video.fps}
