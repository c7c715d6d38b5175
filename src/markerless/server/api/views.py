"""What other views of the same moment say of a picture that is being labeled: other cameras, or mirrors.

`GET  projects/{key}/labels/{folder}/views/{picture}` -> `{"version", "views": [{"name", "folder", "picture", "is_here",
    "can_extract"}], "points": {individual: {keypoint: {"views", "xy", "error", "spread", "is_inside", "is_torn",
    "lines": [{"view", "xy": [[x, y], ...], "spread": [...]}]}}}, "far", "note"}`
    - `views` is empty in a project without views, or in a folder that belongs to no session of them
    - `picture` is null where that view has none of the moment; `can_extract` where its video is there
    - `xy` is where the other views put the keypoint, with the error expected of that and the distance `spread` that is
      expected of a label, both in pixels; null where two of them do not agree on a place: then there are `lines`, each
      where it must lie by one view, with the expected distance of a label
    - `far` is how many times `spread` a label is away when it is far off; `note` is why nothing is suggested
`POST projects/{key}/labels/{folder}/views/{picture}/extract` -> the same, after pictures of the moment were made for
    the views that had none
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from markerless.core.video import video_stem
from markerless.errors import MarkerlessError, VideoError
from markerless.pipeline.study_views import StudyViews
from markerless.pipeline.view_suggestions import FAR, Suggestion
from markerless.pipeline.views import extract_partners
from markerless.project.label_book import LabelBook
from markerless.server.api.labels import Name, TheBook, require_picture
from markerless.server.books import Books
from markerless.server.views_shelf import ViewsShelf, pictures_of_moment, placed_in
from markerless.server.workspace import TheProject, TheWorkspace, Workspace

router = APIRouter()


@router.get("/projects/{key}/labels/{folder}/views/{picture}")
def views(workspace: TheWorkspace, book: TheBook, picture: Name) -> dict[str, Any]:
    """Where the other views put the keypoints of a picture."""
    require_picture(workspace, book, picture)
    shelf, books = workspace.shared(ViewsShelf), workspace.shared(Books)
    version = shelf.version(book.project, book.video, books)
    found = shelf.views(book.project)
    here = found.session_of(book.video) if found is not None else None
    if found is None or here is None:
        return {"version": version, "views": [], "points": {}, "far": FAR, "note": ""}
    moment = pictures_of_moment(book.project, found, books, (book.video, picture))
    answer = {"version": version, "views": _views_json(book, found, moment, here[1]), "far": FAR}
    try:
        points = _points(workspace, book, found, moment, here[1])
        return {**answer, "points": points, "note": ""}
    except MarkerlessError as error:
        return {**answer, "points": {}, "note": str(error)}


@router.post("/projects/{key}/labels/{folder}/views/{picture}/extract")
def extract(workspace: TheWorkspace, project: TheProject, book: TheBook, picture: Name) -> dict[str, Any]:
    """Make pictures of the same moment in the other views."""
    require_picture(workspace, book, picture)
    found = workspace.shared(ViewsShelf).views(project)
    if found is not None:
        done = extract_partners(project, found, only=(book.video, picture))
        if done and not any(one.frames for one in done):
            raise VideoError("; ".join(f"{one.video.name}: {one.error or ', '.join(one.notes)}" for one in done))
    return views(workspace, book, picture)


def _views_json(
    book: LabelBook, found: StudyViews, moment: dict[int, tuple[str, str | None]], here: int | None
) -> list[dict[str, Any]]:
    videos = {video_stem(path) for path in book.project.videos()}
    return [
        {
            "name": found.names[view],
            "folder": folder,
            "picture": picture,
            "is_here": here is None or view == here,
            "can_extract": picture is None and folder in videos,
        }
        for view, (folder, picture) in moment.items()
    ]


def _points(
    workspace: Workspace,
    book: LabelBook,
    found: StudyViews,
    moment: dict[int, tuple[str, str | None]],
    here: int | None,
) -> dict[str, Any]:
    """Individual -> keypoint -> where the other views put it."""
    books = workspace.shared(Books)
    suggester = workspace.shared(ViewsShelf).suggester(book.project, books)
    pictures = {view: (folder, picture) for view, (folder, picture) in moment.items() if picture is not None}
    placed = {}
    for view, (folder, picture) in pictures.items():
        other = books.of(book.project, folder)
        placed[folder, picture] = placed_in(other, picture)
        if other.path(picture).is_file():
            cameras = suggester.rig.calibration.cameras
            found.require_size(cameras, None if here is None else view, other.size(picture), f"{folder}/{picture}")
    names = book.project.skeleton.keypoints
    said = suggester.suggest(placed, pictures, here, book.individuals)
    return {
        animal: {names[index]: _suggestion_json(one) for index, one in points.items()}
        for animal, points in said.items()
    }


def _suggestion_json(one: Suggestion) -> dict[str, Any]:
    lines = [
        {"view": view, "xy": line.xy.round(2).tolist(), "spread": line.spread.round(3).tolist()}
        for view, line in one.lines.items()
    ]
    return {
        "views": list(one.views),
        "xy": None if one.xy is None else one.xy.round(3).tolist(),
        "error": one.error,
        "spread": one.spread,
        "is_inside": one.is_inside,
        "is_torn": one.is_torn,
        "lines": lines,
    }
