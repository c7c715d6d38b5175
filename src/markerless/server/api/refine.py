"""The refine loop: suspicious frames, corrections, and two runs before and after.

A slow answer is `{"state": "waiting" | "running" | "done", "done", "total", "value": null until it is done}`; ask again
until it is done.

`GET  projects/{key}/refine` -> `{"run", "before", "runs": [{"name", "start_from", "n_train"}], "n_labeled",
    "fresh": [image], "changed": [image], "waiting": [image], "n_fresh", "n_changed", "n_waiting"}`; an image is
    `{"folder", "picture"}`, the newest first, at most 200
`GET  projects/{key}/refine/suspicious?video=&n=20` -> slow: `{"video", "file", "n_frames", "n_moments", "frames":
    [{"frame", "words", "reason", "taken"}], "notes"}`
`POST projects/{key}/refine/frames` with `{"video", "frames": [index]}` -> `{"folder", "pictures", "n_new",
    "notes"}`
`GET  projects/{key}/refine/comparison?before=&after=` -> slow: what `markerless compare --json` prints, and "palette",
    "edges"
`GET  projects/{key}/refine/comparison/frames?before=&after=&image=&image=` -> `{"frames": [{"image", "size", "labeled",
    "before", "after", "errors_before", "errors_after"}]}`, points `[x, y]` or null by keypoint; 409 before the
    comparison is done
`GET  projects/{key}/refine/crops/{folder}/{picture}?left=&top=&width=&height=&to=` -> a JPEG of a part of a picture, at
    most `to` pixels wide
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import cv2
import numpy as np
from fastapi import APIRouter, HTTPException, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from markerless.core.instance import FloatArray
from markerless.core.progress import Progress
from markerless.errors import SettingsError
from markerless.pipeline.colors import colors_of
from markerless.pipeline.compare import compare
from markerless.pipeline.comparison import Comparison
from markerless.pipeline.extract import extracted_frames
from markerless.pipeline.outliers import OutlierRequest, VideoOutliers, outliers, tracks_file
from markerless.pipeline.refine import decided_in, folder_and_picture, labels_version, standing, take_frames
from markerless.pipeline.results import open_tracks
from markerless.project import Project
from markerless.project.run import RUN_FILE
from markerless.server.api.frames import video_of
from markerless.server.api.labels import TheBook, require_picture
from markerless.server.books import Books
from markerless.server.kept import version_of
from markerless.server.slow_answers import SlowAnswers, as_json
from markerless.server.workspace import TheProject, TheWorkspace
from markerless.video.images import image_size, jpeg_bytes, read_image

router = APIRouter()
MOST_SHOWN = 200
MOST_AT_ONCE = 24
RunName = Annotated[str, Query(max_length=24, pattern=r"^[A-Za-z0-9_-]+$")]
Pixels = Annotated[int, Field(ge=0, le=100_000)]


class Wanted(BaseModel):
    """Frames of a video to be labeled."""

    model_config = ConfigDict(extra="forbid")
    video: str = Field(min_length=1, max_length=255)
    frames: list[Annotated[int, Field(ge=0, le=10**9)]] = Field(min_length=1, max_length=500)


class Part(BaseModel):
    """A rectangle of a picture in pixels, and how wide it is to be shown."""

    model_config = ConfigDict(extra="forbid")
    left: Pixels
    top: Pixels
    width: Annotated[int, Field(ge=1, le=100_000)]
    height: Annotated[int, Field(ge=1, le=100_000)]
    to: Annotated[int, Field(ge=16, le=2048)] = 640


@router.get("/projects/{key}/refine")
def state(workspace: TheWorkspace, project: TheProject) -> dict[str, Any]:
    """Where the study stands since its last run."""
    books = workspace.shared(Books)
    found = standing(project, decided_in(project, lambda folder: books.of(project, folder)))
    runs = [project.run(name) for name in project.runs()]
    lists = {"fresh": found.fresh, "changed": found.changed, "waiting": found.waiting}
    return {
        "run": found.run.name if found.run is not None else None,
        "before": found.before.name if found.before is not None else None,
        "runs": [
            {"name": r.name, "start_from": r.settings["run"].get("start_from", ""), "n_train": len(r.split["train"])}
            for r in runs
        ],
        "n_labeled": found.n_labeled,
        **{name: [_named(image) for image in images[:MOST_SHOWN]] for name, images in lists.items()},
        **{f"n_{name}": len(images) for name, images in lists.items()},
    }


@router.get("/projects/{key}/refine/suspicious")
def suspicious(
    workspace: TheWorkspace,
    project: TheProject,
    video: Annotated[str, Query(max_length=255)],
    n: Annotated[int, Query(ge=1, le=200)] = 20,
) -> dict[str, Any]:
    """Frames of an analyzed video that are worth correcting."""
    path = video_of(project, video)
    source = tracks_file(project, path, None)
    known = tuple(extracted_frames(project, path))
    key = ("suspicious", project.root, version_of(source), n, known, labels_version(project))

    def find(_progress: Progress) -> dict[str, Any]:
        found = outliers(project, [path], OutlierRequest(n, tracks=(source,), list_only=True))[0]
        if found.error:
            raise SettingsError(found.error)
        return _suspicious_json(found)

    return as_json(workspace.shared(SlowAnswers).ask(key, find))


@router.post("/projects/{key}/refine/frames")
def frames(project: TheProject, body: Wanted) -> dict[str, Any]:
    """Take frames out of a video, with what is predicted there as starting labels."""
    path = video_of(project, body.video)
    tracks, _ = open_tracks(tracks_file(project, path, None), path)
    taken = take_frames(project, path, body.frames, tracks)
    return {"folder": taken.folder, "pictures": list(taken.pictures), "n_new": taken.n_new, "notes": list(taken.notes)}


@router.get("/projects/{key}/refine/comparison")
def comparison(workspace: TheWorkspace, project: TheProject, before: RunName, after: RunName) -> dict[str, Any]:
    """Two runs on the same labeled frames."""
    key = _key_of_comparison(project, before, after)
    answer = workspace.shared(SlowAnswers).ask(key, lambda progress: compare(project, before, after, progress))
    return as_json(answer, lambda found: _comparison_json(project, found))


@router.get("/projects/{key}/refine/comparison/frames")
def compared_frames(
    workspace: TheWorkspace,
    project: TheProject,
    before: RunName,
    after: RunName,
    image: Annotated[list[Annotated[str, Query(max_length=600)]], Query(max_length=MOST_AT_ONCE)],
) -> dict[str, Any]:
    """Labels and both predictions of some frames of a comparison."""
    found = workspace.shared(SlowAnswers).found(_key_of_comparison(project, before, after))
    if not isinstance(found, Comparison):
        raise HTTPException(409, "labels or runs have changed since the comparison; ask for it again")
    rows = {name: row for row, name in enumerate(found.images)}
    unknown = [name for name in image if name not in rows]
    if unknown:
        raise HTTPException(404, f"no frame {unknown[0]!r} in this comparison")
    return {"frames": [_frame_json(project, found, rows[name]) for name in image]}


@router.get("/projects/{key}/refine/crops/{folder}/{picture}")
def crop(workspace: TheWorkspace, book: TheBook, picture: str, part: Annotated[Part, Query()]) -> Response:
    """A part of a picture."""
    path = require_picture(workspace, book, picture)
    if not path.is_file():
        raise HTTPException(404, f"the picture {picture} is missing; put it back")
    image = read_image(path)[part.top : part.top + part.height, part.left : part.left + part.width]
    if not image.size:
        raise SettingsError(f"expected a part inside of {picture}, got one that begins at {part.left}, {part.top}")
    if image.shape[1] > part.to:
        size = (part.to, max(1, round(image.shape[0] * part.to / image.shape[1])))
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    headers = {"Cache-Control": "private, no-cache"}
    return Response(jpeg_bytes(np.ascontiguousarray(image)), media_type="image/jpeg", headers=headers)


def _key_of_comparison(project: Project, before: str, after: str) -> tuple[Any, ...]:
    """Everything that a comparison depends on."""
    runs = [(name, _version(project.run(name).folder / RUN_FILE)) for name in (before, after)]
    return ("comparison", project.root, *runs, labels_version(project))


def _version(path: Path) -> int:
    return path.stat().st_mtime_ns


def _named(image: str) -> dict[str, str]:
    folder, picture = folder_and_picture(image)
    return {"folder": folder, "picture": picture}


def _suspicious_json(found: VideoOutliers) -> dict[str, Any]:
    moments = found.outliers.ranked if found.outliers is not None else []
    rows = []
    for frame in found.chosen:
        moment = next((m for m in moments if m.start <= frame < m.stop), None)
        words, reason = (moment.words, moment.reason) if moment is not None else ("", "")
        rows.append({"frame": frame, "words": words, "reason": reason})
    return {
        "video": found.video.name,
        "file": found.source.name if found.source is not None else "",
        "n_frames": found.tracks.n_frames if found.tracks is not None else 0,
        "n_moments": len(moments),
        "frames": rows,
        "notes": list(found.notes),
    }


def _comparison_json(project: Project, found: Comparison) -> dict[str, Any]:
    colors = colors_of(project, found.keypoints).tolist()
    return {**found.to_json(), "palette": colors, "edges": [list(edge) for edge in found.edges]}


def _frame_json(project: Project, found: Comparison, row: int) -> dict[str, Any]:
    image = found.images[row]
    before, after = found.predicted
    return {
        "image": image,
        **_named(image),
        "group": found.group_of[row],
        "size": list(image_size(project.root / image)),
        "labeled": _points(found.labeled[row]),
        "before": _points(before[row]),
        "after": _points(after[row]),
        "errors_before": found.errors[0][row].tolist(),
        "errors_after": found.errors[1][row].tolist(),
    }


def _points(xy: FloatArray) -> Sequence[list[float] | None]:
    return [[float(x), float(y)] if np.isfinite(x + y) else None for x, y in xy]
