"""Labels: folders of pictures, the points in a frame, and changes of them.

A point is `{"xy": [x, y] or null, "visibility": 0..3, "who", "time"}`; what nothing is known of is left out.
Coordinates are pixels of the picture, (0, 0) the center of the top-left pixel.

`GET  projects/{key}/labels` -> `{"folders": [{"name", "pictures", "labeled"}]}`
`GET  projects/{key}/labels/{folder}` -> `{"keypoints", "edges", "palette", "individuals", "scorer", "runs", "sequence",
    "listing", "views", "frames": [{"picture", "decided"}]}`, frames in natural order, finished runs the newest first;
    `listing` changes when pictures or folders come or go, `views` when labels of other views do (null without views)
`GET  projects/{key}/labels/{folder}/frames/{picture}` -> `{"size": [width, height], "points": {individual: {keypoint:
    point}}, "sequence"}`
`POST projects/{key}/labels/{folder}/changes` with `{"who", "changes": [{"id", "picture", "individual", "keypoint",
    "was": {"xy", "visibility"}, "to": {"xy", "visibility"}}]}` -> `{"outcomes": [{"id", "state", "now": point}],
    "sequence"}`; state "done", "already there" or "conflict"
`GET  projects/{key}/labels/{folder}/changes?since=N` -> `{"changes": [{"picture", "individual", "keypoint", "now"}],
    "sequence", "listing", "views"}`
`GET  projects/{key}/labels/{folder}/history/{picture}` -> `{"entries": [...]}`, as in the journal
`GET  projects/{key}/pictures/{folder}/{picture}` -> the file; with `?width=W` a JPEG of at most that width
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from fastapi import Path as InPath
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import FileResponse, Response

from markerless.core.instance import Visibility
from markerless.pipeline.colors import colors_of
from markerless.project.clicks import Said
from markerless.project.journal import Point
from markerless.project.label_book import LabelBook, PointChange
from markerless.server.books import Books
from markerless.server.views_shelf import ViewsShelf
from markerless.server.workspace import TheProject, TheWorkspace, Workspace
from markerless.video.images import jpeg_bytes, read_image

router = APIRouter()
SMALL_QUALITY = 82  # of pictures that are shown as thumbnails
MOST_CHANGES = 500  # in one request
Name = Annotated[str, InPath(max_length=255)]


def book_of(workspace: TheWorkspace, project: TheProject, folder: Name) -> LabelBook:
    """The label book that the route's `{folder}` names."""
    if folder not in project.label_folders():
        raise HTTPException(404, f"no folder labeled-data/{folder} in this project")
    return workspace.shared(Books).of(project, folder)


TheBook = Annotated[LabelBook, Depends(book_of)]
Coordinate = Annotated[float, Field(allow_inf_nan=False, ge=-1e6, le=1e6)]


class Place(BaseModel):
    """A point or its absence."""

    model_config = ConfigDict(extra="forbid")
    xy: tuple[Coordinate, Coordinate] | None
    visibility: Literal[0, 1, 2, 3]

    def value(self) -> tuple[Point, Visibility]:
        return self.xy, Visibility(self.visibility)


class Change(BaseModel):
    """One change of one point."""

    model_config = ConfigDict(extra="forbid")
    id: str = Field(min_length=1, max_length=64)
    picture: str = Field(max_length=255)
    individual: str = Field(max_length=100)
    keypoint: str = Field(max_length=100)
    was: Place
    to: Place
    began: int | None = None


class Changes(BaseModel):
    """Changes of one folder, in order."""

    model_config = ConfigDict(extra="forbid")
    who: str = Field(min_length=1, max_length=60)
    changes: list[Change] = Field(max_length=MOST_CHANGES)


@router.get("/projects/{key}/labels")
def folders(workspace: TheWorkspace, project: TheProject) -> dict[str, Any]:
    """The folders of `labeled-data` with how many pictures each has, and how many of them hold a label."""
    books = [workspace.shared(Books).of(project, name) for name in project.label_folders()]
    rows = []
    for book in books:
        counts = book.counts()
        labeled = sum(1 for picture in book.pictures() if counts.get(picture, 0) > 0)
        rows.append({"name": book.video, "pictures": len(book.pictures()), "labeled": labeled})
    return {"folders": rows}


@router.get("/projects/{key}/labels/{folder}")
def frames(workspace: TheWorkspace, book: TheBook) -> dict[str, Any]:
    """What labeling a folder needs to begin."""
    skeleton, counts = book.project.skeleton, book.counts()
    sequence, pictures = book.sequence(), book.pictures()
    return {
        "keypoints": list(skeleton.keypoints),
        "edges": [list(edge) for edge in skeleton.edges],
        "palette": colors_of(book.project).tolist(),
        "began": book.began(),
        "individuals": list(book.individuals),
        "scorer": book.project.scorer,
        "runs": list(reversed(book.project.runs())),
        "sequence": sequence,
        "listing": _listing(book, pictures),
        "views": workspace.shared(ViewsShelf).version(book.project, book.video, workspace.shared(Books)),
        "frames": [{"picture": picture, "decided": counts.get(picture, 0)} for picture in pictures],
    }


@router.get("/projects/{key}/labels/{folder}/frames/{picture}")
def frame(workspace: TheWorkspace, book: TheBook, picture: Name) -> dict[str, Any]:
    """What is known of one frame."""
    require_picture(workspace, book, picture)
    sequence = book.sequence()
    points = {
        individual: {keypoint: as_json(said) for keypoint, said in known.items()}
        for individual, known in book.frame(picture).items()
    }
    return {"size": list(book.size(picture)), "points": points, "sequence": sequence}


@router.post("/projects/{key}/labels/{folder}/changes")
def change(workspace: TheWorkspace, book: TheBook, body: Changes) -> dict[str, Any]:
    """Take changes; what is "done" is on the disk."""
    for one in body.changes:
        require_picture(workspace, book, one.picture)
    changes = [
        PointChange(one.id, one.picture, one.individual, one.keypoint, one.was.value(), *one.to.value(), one.began)
        for one in body.changes
    ]
    outcomes = book.apply(changes, body.who)
    if any(outcome.state == "done" for outcome in outcomes):
        workspace.shared(Books).changed(book)
    answers = [{"id": outcome.id, "state": outcome.state, "now": as_json(outcome.now)} for outcome in outcomes]
    return {"outcomes": answers, "sequence": book.sequence()}


@router.get("/projects/{key}/labels/{folder}/changes")
def changes_since(
    workspace: TheWorkspace, book: TheBook, since: Annotated[int, Query(ge=0, le=10**9)] = 0
) -> dict[str, Any]:
    """What others (and you) have changed after `since`."""
    sequence = book.sequence()
    changed = [
        {"picture": image.rpartition("/")[2], "individual": individual, "keypoint": keypoint, "now": as_json(said)}
        for (image, individual, keypoint), said in book.changes_since(since)
    ]
    views = workspace.shared(ViewsShelf).version(book.project, book.video, workspace.shared(Books))
    return {"changes": changed, "sequence": sequence, "listing": _listing(book, book.pictures()), "views": views}


@router.get("/projects/{key}/labels/{folder}/history/{picture}")
def history(workspace: TheWorkspace, book: TheBook, picture: Name) -> dict[str, Any]:
    """Who did what to a frame, and when."""
    require_picture(workspace, book, picture)
    return {"entries": book.history(picture)}


@router.get("/projects/{key}/pictures/{folder}/{picture}", response_class=FileResponse)
def picture_file(
    request: Request,
    workspace: TheWorkspace,
    book: TheBook,
    picture: Name,
    width: Annotated[int | None, Query(ge=16, le=4096)] = None,
) -> Response:
    """The picture itself, or a smaller copy."""
    path = require_picture(workspace, book, picture)
    if not path.is_file():
        raise HTTPException(404, f"the picture {picture} is missing; put it back")
    stat = path.stat()
    tag = f'"{stat.st_mtime_ns:x}-{stat.st_size:x}-{width or 0}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    if width is None:
        return FileResponse(path, headers=headers)
    return Response(jpeg_bytes(read_image(path), SMALL_QUALITY, width), media_type="image/jpeg", headers=headers)


def require_picture(workspace: Workspace, book: LabelBook, picture: str) -> Path:
    """The path of a picture of the book.

    Args:
        workspace: The picture, or the folder, may be a link to what it allows.
        book: Of its folder.
        picture: Its file name.

    Raises:
        HTTPException: 404, it is none of the folder's pictures or rows, or leads to what the server may not show.
    """
    if picture not in book.pictures():
        raise HTTPException(404, f"no picture {picture!r} in labeled-data/{book.video}")
    path = book.folder / picture
    if not path.exists() or path.resolve().is_relative_to(book.project.root.resolve()):
        return path
    if not workspace.allows(path):
        raise HTTPException(
            404,
            f"labeled-data/{book.video}/{picture} is reached by a link that leads out of the folders that the server "
            "may show; start it with --root FOLDER to allow more",
        )
    return path


def _listing(book: LabelBook, pictures: tuple[str, ...]) -> str:
    """What changes when a picture of the folder or a folder of the project comes or goes, or a keypoint changes."""
    keypoints = (f"{name} {n}" for name, n in book.began().items())
    names = (*pictures, "", *book.project.label_folders(), "", *keypoints)
    return hashlib.blake2s("\n".join(names).encode(), digest_size=8).hexdigest()


def as_json(said: Said) -> dict[str, Any]:
    """A point for the page."""
    return {"xy": said.to, "visibility": int(said.visibility), "who": said.who, "time": said.time}
