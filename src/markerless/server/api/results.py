"""Results: runs with their evaluation, videos with their trajectories, and the files of both.

A file is known by an id of the list; no path comes from the page. Only what belongs to a video of the project is
listed: no other file, and no link that leads elsewhere.

`GET projects/{key}/results` -> `{"runs": [{"name", "start_from", "n_train", "keypoints", "split", "n_frames",
    "n_points", "mean_px", "median_px", "p95_px", "mean_px_interval", "doubt", "report": bool}], "videos": [{"id",
    "video", "path", "stem", "kind": "file" | "images", "file": id or null, "plays": bool, "note", "results": [{"name",
    "run", "scorer", "filtered", "tracks": file name, "path": of that file, "written_s", "files": [file], "tables":
    [file], "labeled": file or null}], "page": file or null, "figures": [file], "n_bytes"}]}`, the newest first; a file
    is `{"id", "name", "kind", "n_bytes"}`. Paths are for commands in a terminal; no route takes them
`GET projects/{key}/results/files/{id}` -> the file to be kept; with `?show=1` to be shown in the page; parts of it
    by the header Range
`GET projects/{key}/results/videos/{id}/zip` -> all files of a video in one archive
`GET projects/{key}/results/runs/{run}/report` -> the page of its evaluation; with `?keep=1` to be kept
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query
from fastapi import Path as InPath
from starlette.responses import FileResponse, StreamingResponse

from markerless.core.video import VIDEO_SUFFIXES, video_stem
from markerless.pipeline.result_list import RunSummary, VideoResults, all_runs, results_of, summary_of
from markerless.project import Project
from markerless.server.tracks_shelf import TracksShelf
from markerless.server.workspace import TheProject, TheWorkspace, Workspace
from markerless.server.zip_stream import zip_stream

router = APIRouter()
MEDIA = {
    ".h5": "application/x-hdf5",
    ".csv": "text/csv; charset=utf-8",
    ".nc": "application/x-netcdf",
    ".mp4": "video/mp4",
    ".m4v": "video/mp4",
    ".mov": "video/quicktime",
    ".webm": "video/webm",
    ".avi": "video/x-msvideo",
    ".mkv": "video/x-matroska",
    ".png": "image/png",
    ".html": "text/html; charset=utf-8",
}
ANY_MEDIA = "application/octet-stream"
PLAYED = {".mp4", ".m4v", ".mov", ".webm"}  # containers that browsers know; the codec decides in the end
# Pages that analyses wrote: pictures and styles are inside, and nothing in them may run or load anything.
PAGE_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; sandbox; frame-ancestors 'self'"
ERRORS_SHOWN = ("n_frames", "n_points", "mean_px", "median_px", "p95_px", "mean_px_interval", "doubt")
Id = Annotated[str, InPath(pattern=r"^[0-9a-f]{16}$")]


@router.get("/projects/{key}/results")
def results(workspace: TheWorkspace, project: TheProject) -> dict[str, Any]:
    """Everything that has come out of the study so far."""
    runs = [_run_json(workspace, summary_of(run)) for run in all_runs(project)]
    return {"runs": runs, "videos": [_video_json(workspace, found) for found in _found(workspace, project)]}


@router.get("/projects/{key}/results/files/{file_id}", response_class=FileResponse)
def file(
    workspace: TheWorkspace, project: TheProject, file_id: Id, show: Annotated[bool, Query()] = False
) -> FileResponse:
    """One file of the list."""
    for found in _found(workspace, project):
        for path in (found.video, *found.files):
            if id_of(path) == file_id and is_served(workspace, path, is_source=path == found.video):
                return _file(path, show)
    raise HTTPException(404, "no such file; it may be gone: load the page again")


@router.get("/projects/{key}/results/videos/{video_id}/zip", response_class=StreamingResponse)
def zipped(workspace: TheWorkspace, project: TheProject, video_id: Id) -> StreamingResponse:
    """All results of a video."""
    found = next((found for found in _found(workspace, project) if id_of(found.video) == video_id), None)
    if found is None:
        raise HTTPException(404, "no such video; it may be gone: load the page again")
    files = list(_zip_names(workspace, found))
    if not files:
        raise HTTPException(404, f"no results of {found.video.name} yet; analyze it first")
    name = f"{video_stem(found.video)}_results.zip"
    headers = {"Content-Disposition": kept_as(name), "Cache-Control": "no-store"}
    return StreamingResponse(zip_stream(files), media_type="application/zip", headers=headers)


@router.get("/projects/{key}/results/runs/{run}/report", response_class=FileResponse)
def report(
    workspace: TheWorkspace,
    project: TheProject,
    run: Annotated[str, InPath(max_length=24)],
    keep: Annotated[bool, Query()] = False,
) -> FileResponse:
    """The page of a run's evaluation."""
    found = summary_of(project.run(run))
    if found.report is None or not is_served(workspace, found.report):
        raise HTTPException(404, f"run '{run}' was not evaluated yet; evaluate it first")
    return _file(found.report, not keep, f"{project.name}_{run}_report.html")


def id_of(path: Path) -> str:
    """What a file is called in addresses."""
    return hashlib.sha256(os.fsencode(path.absolute())).hexdigest()[:16]


def is_served(workspace: Workspace, path: Path, is_source: bool = False) -> bool:
    """Whether a listed file may be sent: it is one, below the allowed folders, and what its name says.

    The video of a study may be a link to another folder, as `add` makes them; a result may not.
    """
    try:
        real = path.resolve(strict=True)
        is_here = is_source or real.parent == path.parent.resolve()
    except (OSError, RuntimeError):
        return False
    suffix = real.suffix.lower()
    return (
        real.is_file()
        and is_here
        and suffix == path.suffix.lower()
        and (suffix in VIDEO_SUFFIXES or not is_source)
        and workspace.allows(real)
    )


def kept_as(name: str) -> str:
    """The header that has a browser keep an answer under a name of any characters."""
    plain = "".join(c if c.isascii() and c.isprintable() and c not in '"\\%' else "_" for c in name)
    quoted = "".join(chr(b) if chr(b).isascii() and chr(b).isalnum() else f"%{b:02X}" for b in name.encode())
    return f"attachment; filename=\"{plain}\"; filename*=utf-8''{quoted}"


def _file(path: Path, is_shown: bool, name: str = "") -> FileResponse:
    suffix = path.suffix.lower()
    headers = {"Cache-Control": "private, no-cache"}
    if suffix == ".html":
        headers["Content-Security-Policy"] = PAGE_POLICY
    if not is_shown:
        headers["Content-Disposition"] = kept_as(name or path.name)
    return FileResponse(path, media_type=MEDIA.get(suffix, ANY_MEDIA), headers=headers)


def _found(workspace: Workspace, project: Project) -> list[VideoResults]:
    shelf = workspace.shared(TracksShelf)
    return [results_of(project, video, shelf.is_tracks) for video in project.videos()]


def _run_json(workspace: Workspace, found: RunSummary) -> dict[str, Any]:
    run = found.run
    return {
        "name": run.name,
        "start_from": run.settings["run"].get("start_from", ""),
        "n_train": len(run.split["train"]),
        "keypoints": list(run.skeleton.keypoints),
        "split": found.split,
        **{key: found.errors.get(key) for key in ERRORS_SHOWN},
        "report": found.report is not None and is_served(workspace, found.report),
    }


def _video_json(workspace: Workspace, found: VideoResults) -> dict[str, Any]:
    video = found.video
    is_shown = is_served(workspace, video, is_source=True)
    note = "" if is_shown or video.is_dir() else "lies outside of the folders that this server may show (--root)"
    rows = [
        {
            "name": one.name,
            "run": one.run,
            "scorer": one.scorer,
            "filtered": one.is_filtered,
            "tracks": one.files[0].name,
            "path": one.files[0],
            "written_s": one.newest_s,
            "files": _files_json(workspace, *one.files),
            "tables": _files_json(workspace, *one.tables),
            "labeled": next(iter(_files_json(workspace, one.labeled)), None),
        }
        for one in found.results
    ]
    return {
        "id": id_of(video),
        "video": video.name,
        "path": video,
        "stem": video_stem(video),
        "kind": "images" if video.is_dir() else "file",
        "file": id_of(video) if is_shown else None,
        "plays": is_shown and video.suffix.lower() in PLAYED,
        "note": note,
        "results": rows,
        "page": next(iter(_files_json(workspace, found.page)), None),
        "figures": _files_json(workspace, *found.figures),
        "n_bytes": sum(path.stat().st_size for _, path in _zip_names(workspace, found)),
    }


def _files_json(workspace: Workspace, *paths: Path | None) -> list[dict[str, Any]]:
    return [
        {"id": id_of(path), "name": path.name, "kind": path.suffix.lower()[1:], "n_bytes": path.stat().st_size}
        for path in paths
        if path is not None and is_served(workspace, path)
    ]


def _zip_names(workspace: Workspace, found: VideoResults) -> Iterator[tuple[str, Path]]:
    """Names in the archive, figures in a folder of their own."""
    in_plots = {*found.figures, found.page}
    for path in found.files:
        if is_served(workspace, path):
            yield (f"plots/{path.name}" if path in in_plots else path.name), path
