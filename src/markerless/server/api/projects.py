"""Projects: what is there, opening one, making one, taking in videos, and looking for files on the server's disk.

`GET  browse?path=` -> `{"path", "parent": path or null, "folders": [...], "videos": [...], "projects": [...],
    "results": [...], "more"}`, names only (results: netCDF files); without `path` the first allowed folder
`POST projects/open` with `{"path"}` -> `{"key"}`
`POST projects` with `{"name", "scorer", "keypoints", "folder", "videos"}` -> `{"key"}`
`GET  projects/{key}` -> `{"name", "scorer", "root", "keypoints", "edges", "palette", "pose", "notes", "runs",
    "videos": [{"name", "folder", "extracted", "labeled", "results"}], "labeled", "colors", "mirror_pairs", "guessed",
    "revision"}`;
    `pose` is a clear labeled pose, `[[x, y] or null, ...]`; `labeled` counts points by keypoint; `colors` are the
    chosen ones by name; mirror pairs are names, `guessed` from those of the keypoints or chosen; `revision` is of all
    that `skeleton` changes
`PUT  projects/{key}/skeleton` with `{"keypoints": [{"name", "was": name or null, "color": "#rrggbb" or null}],
    "edges": [[name, name]], "mirror_pairs": [[name, name]] or null, "revision"}` -> what the change did; `was` is the
    name until now; a present keypoint that no `was` names is removed; 409 when `revision` is not of now
`POST projects/{key}/videos` with `{"paths"}` -> `{"added": [{"name", "how"}]}`
"""

from __future__ import annotations

import warnings
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from markerless.core.video import VIDEO_SUFFIXES, natural_key, video_stem
from markerless.errors import MarkerlessError, ProjectError, RevisionError
from markerless.pipeline.add import add
from markerless.pipeline.colors import colors_of
from markerless.pipeline.keypoints import label_counts
from markerless.pipeline.new import NewRequest, new
from markerless.pipeline.results import result_files
from markerless.project import NewProject, Project, skeleton_settings
from markerless.project.keypoints import Plan, change_keypoints
from markerless.project.skeleton_settings import Drawn
from markerless.server.books import Books
from markerless.server.workspace import TheProject, TheWorkspace, Workspace

router = APIRouter()
MOST_LISTED = 1000
Text = Annotated[str, Field(min_length=1, max_length=100)]
PathText = Annotated[str, Field(min_length=1, max_length=4000)]


class Opened(BaseModel):
    """A project to open."""

    model_config = ConfigDict(extra="forbid")
    path: PathText


class Made(BaseModel):
    """A project to make."""

    model_config = ConfigDict(extra="forbid")
    name: Text
    scorer: Text
    keypoints: list[Text] = Field(min_length=1, max_length=500)
    folder: PathText
    videos: list[PathText] = Field(default=[], max_length=1000)


class KeypointBody(BaseModel):
    """One keypoint of a study as it shall be."""

    model_config = ConfigDict(extra="forbid")
    name: Text
    was: Text | None = None
    color: Annotated[str, Field(max_length=7)] | None = None


class SkeletonBody(BaseModel):
    """The keypoints of a study as they shall be, and what is drawn of them."""

    model_config = ConfigDict(extra="forbid")
    keypoints: list[KeypointBody] = Field(min_length=1, max_length=500)
    edges: list[tuple[Text, Text]] = Field(default=[], max_length=2000)
    mirror_pairs: list[tuple[Text, Text]] | None = Field(default=None, max_length=500)
    revision: Text


class Videos(BaseModel):
    """Videos to take in."""

    model_config = ConfigDict(extra="forbid")
    paths: list[PathText] = Field(min_length=1, max_length=1000)


@router.get("/browse")
def browse(workspace: TheWorkspace, path: Annotated[str, Query(max_length=4000)] = "") -> dict[str, Any]:
    """What lies in a folder on the server's disk, as far as it may be shown."""
    folder = workspace.within(path or workspace.roots[0]).resolve()
    if not folder.is_dir():
        raise ProjectError(f"expected a folder, got {folder}; it may have been moved")
    found: dict[str, list[str]] = {"folders": [], "videos": [], "projects": [], "results": []}
    try:
        entries = sorted(folder.iterdir(), key=lambda entry: natural_key(entry.name))
    except OSError as error:
        raise ProjectError(f"cannot look into {folder}: {error.strerror}; choose another folder") from error
    for entry in entries:
        kind = _kind(entry, workspace)
        if kind:
            found[kind].append(entry.name)
    parent = folder.parent if folder.parent != folder and workspace.allows(folder.parent) else None
    more = max(0, *(len(names) - MOST_LISTED for names in found.values()))
    return {
        "path": folder,
        "parent": parent,
        **{kind: names[:MOST_LISTED] for kind, names in found.items()},
        "more": more,
    }


@router.post("/projects/open")
def open_project(workspace: TheWorkspace, body: Opened) -> dict[str, Any]:
    """Open a project by its folder."""
    return {"key": workspace.open(body.path)}


@router.post("/projects")
def make(workspace: TheWorkspace, body: Made) -> dict[str, Any]:
    """Make a project and open it."""
    folder = workspace.within(body.folder)
    videos = [workspace.within(path) for path in body.videos]
    project = new(NewProject(body.name, body.scorer, tuple(body.keypoints)), NewRequest(folder, videos))
    return {"key": workspace.open(project.root)}


@router.get("/projects/{key}")
def overview(workspace: TheWorkspace, project: TheProject) -> dict[str, Any]:
    """The state of a study at a glance."""
    skeleton, drawn = project.skeleton, skeleton_settings.read(project)
    books = {name: workspace.shared(Books).of(project, name) for name in project.label_folders()}
    videos = [_video(path, books) for path in project.videos()]
    known = {video["folder"] for video in videos}
    lone = [_folder(name, book) for name, book in books.items() if name not in known]
    return {
        "name": project.name,
        "scorer": project.scorer,
        "root": project.root,
        "keypoints": list(skeleton.keypoints),
        "edges": [list(edge) for edge in skeleton.edges],
        "palette": colors_of(project).tolist(),
        "colors": drawn.colors,
        "mirror_pairs": skeleton.names_of(skeleton.mirror_pairs),
        "removed": asdict(skeleton_settings.removed(project)),
        "guessed": drawn.mirror_pairs is None,
        "revision": skeleton_settings.revision(project),
        "labeled": label_counts(project),
        "pose": _clear_pose(project),
        "notes": list(project.notes),
        "videos": videos + lone,
        "runs": list(project.runs()),
    }


@router.put("/projects/{key}/skeleton")
def change_skeleton(project: TheProject, body: SkeletonBody) -> dict[str, Any]:
    """Give a study other keypoints, edges, mirror pairs or colors."""
    if body.revision != skeleton_settings.revision(project):
        raise RevisionError(
            f"the keypoints of {project.root.name} have been changed since this page was loaded; load it again and "
            "repeat the change"
        )
    new = Plan(tuple(item.name for item in body.keypoints), tuple(item.was for item in body.keypoints))
    colors = {item.name: item.color for item in body.keypoints if item.color is not None}
    pairs = None if body.mirror_pairs is None else tuple(body.mirror_pairs)
    return asdict(change_keypoints(project, new, Drawn(tuple(body.edges), pairs, colors)))


@router.post("/projects/{key}/videos")
def add_to(workspace: TheWorkspace, project: TheProject, body: Videos) -> dict[str, Any]:
    """Take videos into a study."""
    added = add(project, [workspace.within(path) for path in body.paths])
    return {"added": [{"name": video.path.name, "how": video.how} for video in added]}


def _kind(entry: Path, workspace: Workspace) -> str:
    """Under which heading an entry of a folder is shown; "" for one that is not."""
    if entry.name.startswith(".") or not workspace.allows(entry):
        return ""
    try:
        if entry.is_dir():
            return "projects" if (entry / "config.yaml").is_file() else "folders"
        kind = "videos" if entry.suffix.lower() in VIDEO_SUFFIXES else "results" if entry.suffix == ".nc" else ""
        return kind if entry.is_file() else ""
    except OSError:
        return ""


def _video(path: Path, books: dict[str, Any]) -> dict[str, Any]:
    stem = video_stem(path)
    row = _folder(stem, books.get(stem))
    return {**row, "name": path.name, "results": sorted(result.name for result in result_files(path))}


def _folder(name: str, book: Any) -> dict[str, Any]:
    counts = book.counts() if book is not None else {}
    pictures = book.pictures() if book is not None else ()
    labeled = sum(1 for picture in pictures if counts.get(picture, 0) > 0)
    return {"name": None, "folder": name, "extracted": len(pictures), "labeled": labeled, "results": []}


def _clear_pose(project: Project) -> list[list[float] | None] | None:
    """The most complete labeled pose, and of those the most stretched one, `[[x, y] or None, ...]` px; None without
    labels."""
    try:
        labels = project.labels()
    except MarkerlessError:
        return None
    xy = labels.xy().reshape(-1, labels.skeleton.n_keypoints, 2)
    complete = np.isfinite(xy).all(-1).sum(-1)
    if len(xy) == 0 or complete.max() < 2:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # keypoints that are never labeled
        best = xy[complete == complete.max()]
        spread = np.nanmax(best, axis=1) - np.nanmin(best, axis=1)
    pose = best[int(np.argmax(np.hypot(*spread.T)))]
    return [[float(x), float(y)] if np.isfinite(x) else None for x, y in pose]
