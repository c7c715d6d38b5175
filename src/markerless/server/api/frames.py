"""Videos of a project, and their frames.

`GET projects/{key}/videos` -> `{"videos": [{"name", "folder"}]}`
`GET projects/{key}/videos/{video}` -> `{"name", "folder", "n_frames", "width", "height", "fps"}`; `fps` null for a
folder of pictures
`GET projects/{key}/videos/{video}/frames/{index}?width=W` -> JPEG of exactly that frame
`GET projects/{key}/videos/{video}/previews/{index}` -> small JPEG of the key frame before it; the header `X-Frame` says
which one it is
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from fastapi import Path as InPath
from starlette.responses import Response

from markerless.core.video import video_stem
from markerless.server.frames import Frames
from markerless.server.workspace import TheProject, TheWorkspace

router = APIRouter()
Index = Annotated[int, InPath(ge=0, le=10**9)]
TOLD_WITHIN_S = 10.0
KEPT = {"Cache-Control": "private, max-age=3600"}


def video_of(project: TheProject, video: Annotated[str, InPath(max_length=255)]) -> Path:
    """The video of the project that the route's `{video}` names."""
    for path in project.videos():
        if path.name == video:
            return path
    raise HTTPException(404, f"no video {video!r} in this project")


TheVideo = Annotated[Path, Depends(video_of)]


async def still_wanted(request: Request) -> Callable[[], bool]:
    """Tells a thread whether somebody still waits for the answer."""
    loop = asyncio.get_running_loop()

    def is_wanted() -> bool:
        try:
            return not asyncio.run_coroutine_threadsafe(request.is_disconnected(), loop).result(TOLD_WITHIN_S)
        except TimeoutError:  # the server is ending
            return False

    return is_wanted


@router.get("/projects/{key}/videos")
def videos(project: TheProject) -> dict[str, Any]:
    """What the videos are called; none is opened, which takes a while where they are long and many."""
    return {"videos": [{"name": path.name, "folder": video_stem(path)} for path in project.videos()]}


@router.get("/projects/{key}/videos/{video}")
def about(workspace: TheWorkspace, video: TheVideo) -> dict[str, Any]:
    """What a video is."""
    found = workspace.shared(Frames).reader(video).video
    names = {"name": video.name, "folder": video_stem(video)}
    return {**names, "n_frames": found.n_frames, "width": found.width, "height": found.height, "fps": found.fps}


@router.get("/projects/{key}/videos/{video}/frames/{index}", response_class=Response)
def exact(
    wanted: Annotated[Callable[[], bool], Depends(still_wanted)],
    workspace: TheWorkspace,
    video: TheVideo,
    index: Index,
    width: Annotated[int, Query(ge=16, le=4096)] = 1280,
) -> Response:
    """One frame, exactly."""
    return exact_picture(workspace.shared(Frames), video, index, width, wanted)


@router.get("/projects/{key}/videos/{video}/previews/{index}", response_class=Response)
def preview(workspace: TheWorkspace, video: TheVideo, index: Index) -> Response:
    """A frame near it, at once."""
    return near_picture(workspace.shared(Frames), video, index)


def exact_picture(frames: Frames, video: Path, index: int, width: int, wanted: Callable[[], bool]) -> Response:
    """The answer that holds one frame of a video; empty when nobody waits for it any more."""
    data = frames.jpeg(video, index, width, wanted)
    if not data:
        return Response(status_code=204)
    return Response(data, media_type="image/jpeg", headers={**KEPT, "X-Frame": str(index)})


def near_picture(frames: Frames, video: Path, index: int) -> Response:
    """The answer that holds a frame near that one, and says which."""
    near, data = frames.preview(video, index)
    return Response(data, media_type="image/jpeg", headers={**KEPT, "X-Frame": str(near)})
