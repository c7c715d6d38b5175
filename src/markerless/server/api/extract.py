"""Choosing frames to label.

`GET    projects/{key}/extract` -> `{"state": "idle"|"running"|"done"|"failed", "done", "total", "message", "result":
    [{"video", "frames", "notes", "error"}], "error"}`
`POST   projects/{key}/extract` with `{"videos": [names], "method", "n", "start_s", "stop_s"}` starts it
`POST   projects/{key}/videos/{video}/extract` with `{"frames": [indices]}` -> `{"frames", "notes"}`, at once
`GET    projects/{key}/videos/{video}/extracted` -> `{"folder", "frames": [{"index", "picture", "decided"}]}`
`DELETE projects/{key}/videos/{video}/extracted/{picture}` takes a picture without labels, and without a row in a label
    table, away
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException
from fastapi import Path as InPath
from pydantic import BaseModel, ConfigDict, Field

from markerless.core.progress import Progress
from markerless.core.video import video_stem
from markerless.errors import LabelsError
from markerless.pipeline.extract import ExtractRequest, extract, extract_frames, extracted_frames
from markerless.project.label_files import DATA_FOLDER
from markerless.server.api.frames import TheVideo
from markerless.server.books import Books
from markerless.server.tasks import Task, Tasks
from markerless.server.workspace import TheProject, TheWorkspace

router = APIRouter()
Seconds = Annotated[float, Field(ge=0, le=1e7, allow_inf_nan=False)]


class Wanted(BaseModel):
    """What to extract, and how it is chosen."""

    model_config = ConfigDict(extra="forbid")
    videos: list[Annotated[str, Field(min_length=1, max_length=255)]] = Field(min_length=1, max_length=1000)
    method: Literal["kmeans", "uniform", "motion", "model"] = "kmeans"
    n: int = Field(20, ge=1, le=2000)
    start_s: Seconds | None = None
    stop_s: Seconds | None = None


class ByHand(BaseModel):
    """Frames chosen by a person."""

    model_config = ConfigDict(extra="forbid")
    frames: list[Annotated[int, Field(ge=0, le=10**9)]] = Field(min_length=1, max_length=500)


@router.get("/projects/{key}/extract")
def state(workspace: TheWorkspace, project: TheProject) -> dict[str, Any]:
    """Where the extraction stands."""
    task = workspace.shared(Tasks).state(f"extract {project.root}")
    return asdict(task or Task("idle"))


@router.post("/projects/{key}/extract")
def start(workspace: TheWorkspace, project: TheProject, wanted: Wanted) -> dict[str, Any]:
    """Begin; the videos must be those of the project."""
    known = {path.name: path for path in project.videos()}
    for name in wanted.videos:
        if name not in known:
            raise HTTPException(404, f"no video {name!r} in this project")
    request = ExtractRequest(wanted.n, wanted.method, wanted.start_s, wanted.stop_s)

    def work(progress: Progress) -> list[dict[str, Any]]:
        results = extract(project, wanted.videos, request, progress)
        return [
            {"video": r.video.name, "frames": list(r.frames), "notes": list(r.notes), "error": r.error} for r in results
        ]

    workspace.shared(Tasks).start(f"extract {project.root}", work)
    return state(workspace, project)


@router.post("/projects/{key}/videos/{video}/extract")
def by_hand(project: TheProject, video: TheVideo, body: ByHand) -> dict[str, Any]:
    """Make pictures of these frames."""
    done = extract_frames(project, video, body.frames)
    return {"frames": list(done.frames), "notes": list(done.notes)}


@router.get("/projects/{key}/videos/{video}/extracted")
def extracted(workspace: TheWorkspace, project: TheProject, video: TheVideo) -> dict[str, Any]:
    """The frames of a video that are pictures."""
    folder = video_stem(video)
    found = extracted_frames(project, video)
    counts = workspace.shared(Books).of(project, folder).counts() if folder in project.label_folders() else {}
    rows = [{"index": index, "picture": name, "decided": counts.get(name, 0)} for index, name in found.items()]
    return {"folder": folder, "frames": rows}


@router.delete("/projects/{key}/videos/{video}/extracted/{picture}")
def remove(
    workspace: TheWorkspace, project: TheProject, video: TheVideo, picture: Annotated[str, InPath(max_length=255)]
) -> dict[str, Any]:
    """Take a picture away that nobody has labeled."""
    folder = video_stem(video)
    if picture not in extracted_frames(project, video).values():
        raise HTTPException(404, f"no extracted frame {picture!r} of {video.name}")
    book = workspace.shared(Books).of(project, folder)
    if book.counts().get(picture, 0):
        raise LabelsError(f"{picture} has labels; remove them on the label page before its picture")
    if any(frame.image == f"{DATA_FOLDER}/{folder}/{picture}" for frame in project.folder_labels(folder).frames):
        raise LabelsError(
            f"{picture} has a row in a label table, which says that no animal is there; place a point in it on the "
            "label page and take it away again, and the row goes with it"
        )
    book.path(picture).unlink()
    return extracted(workspace, project, video)
