"""Labels of a folder that may be mistakes, for a look while labeling.

`GET projects/{key}/labels/{folder}/suspects` -> `{"run": name or null, "suspects": [{"picture", "individual",
    "keypoints", "kind", "message"}]}`, the most suspicious first; without keypoints it is about the whole animal.
    `run` is whose cross-fitted predictions were used, null when the labels were compared with each other alone. Behind
    them those of kind "views", which are not where other views of the moment put them.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException
from fastapi import Path as InPath

from markerless.pipeline.suspects import suspects_at_hand
from markerless.server.books import Books
from markerless.server.views_shelf import ViewsShelf
from markerless.server.workspace import TheProject, TheWorkspace

router = APIRouter()


@router.get("/projects/{key}/labels/{folder}/suspects")
def suspects(
    workspace: TheWorkspace, project: TheProject, folder: Annotated[str, InPath(max_length=255)]
) -> dict[str, Any]:
    """What `markerless check --suspects` would say of the folder, from what is known already."""
    if folder not in project.label_folders():
        raise HTTPException(404, f"no folder labeled-data/{folder} in this project")
    run, found = suspects_at_hand(project, project.labels())
    rows = [
        {
            "picture": PurePosixPath(suspect.image).name,
            "individual": suspect.individual,
            "keypoints": list(suspect.keypoints),
            "kind": suspect.kind,
            "message": suspect.message,
        }
        for suspect in found
        if PurePosixPath(suspect.image).parent.name == folder
    ]
    odd = workspace.shared(ViewsShelf).odd_labels(project, workspace.shared(Books))
    rows += [
        {
            "picture": one.picture,
            "individual": one.individual,
            "keypoints": [one.keypoint],
            "kind": "views",
            "message": one.message,
        }
        for one in odd
        if one.folder == folder
    ]
    return {"run": run, "suspects": rows}
