"""Review: which tracks there are, points of a part of a video, traces of long videos, suspicious moments.

`{video}` is the file name of a video of the project. Tracks are those of `?run=NAME`, of `?file=NAME` (a file beside
the video, or a path below the allowed folders), else the newest beside the video.

`GET projects/{key}/tracks` -> `{"videos": [{"video", "stem", "files": [{"file", "run"}]}], "newest_run"}`; "" when none
    is finished
`GET projects/{key}/tracks/{video}` -> `{"video", "stem", "size": [width, height], "n_video_frames", "fps", "file",
    "run", "scorer", "n_frames", "individuals", "keypoints", "edges", "palette", "has_score", "has_error", "note"}`
`GET projects/{key}/tracks/{video}/window?start=&stop=` -> little-endian float32 `(stop - start, individuals, keypoints,
    4)`: x, y, score, expected error in px; NaN where not known. `stop` is cut at the last frame; the headers `X-Start`
    and `X-Stop` say what was sent
`GET projects/{key}/tracks/{video}/traces?keypoint=NAME&individual=0&points=2000&start=&stop=` -> little-endian float32
    `(4, columns, 2)`: least and largest x, y, score, expected error of each column; column `c` is of the frames from
    `start + n * c // columns` to before `start + n * (c + 1) // columns`; headers `X-Start`, `X-Stop`, `X-Columns`
`GET projects/{key}/tracks/{video}/moments` -> `{"moments": [{"start", "stop", "worst", "individual", "reason",
    "keypoints", "words", "severity", "also": [{"reason", "words"}]}], "n_found": {reason: n}, "n_left_out"}`, in the
    order of time
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from markerless.core.tracks import Tracks
from markerless.core.video import video_stem
from markerless.errors import SettingsError
from markerless.pipeline.colors import colors_of
from markerless.pipeline.outliers import said, tracks_file
from markerless.pipeline.results import length_note, result_files
from markerless.pipeline.review import TracksFile, traces, tracks_files
from markerless.project import Project
from markerless.server.api.frames import TheVideo
from markerless.server.frames import Frames
from markerless.server.tracks_shelf import Shelved, TracksShelf
from markerless.server.workspace import TheProject, TheWorkspace, Workspace

router = APIRouter()
MOST_FRAMES = 20_000  # in one window
MOST_VALUES = 1 << 22  # in one window: 16 MB
MOST_COLUMNS = 8000
MOST_MOMENTS = 1000
Frame = Annotated[int, Query(ge=0, le=10**9)]


@dataclass(frozen=True)
class Reviewed:
    """The video and the tracks that a route is about."""

    video: Path
    file: Path
    shelved: Shelved

    @property
    def tracks(self) -> Tracks:
        return self.shelved.tracks


def reviewed(
    workspace: TheWorkspace,
    project: TheProject,
    video: TheVideo,
    run: Annotated[str | None, Query(max_length=24)] = None,
    file: Annotated[str | None, Query(max_length=4096)] = None,
) -> Reviewed:
    """The tracks that the query names."""
    if run is not None and file is not None:
        raise SettingsError("expected run or file, got both; leave one of them out")
    path = tracks_file(project, video, run) if file is None else _file_named(workspace, video, file)
    return Reviewed(video, path, workspace.shared(TracksShelf).tracks(project, path, video))


TheReviewed = Annotated[Reviewed, Depends(reviewed)]


@router.get("/projects/{key}/tracks")
def videos(workspace: TheWorkspace, project: TheProject) -> dict[str, Any]:
    """The videos of the project with the tracks beside them."""
    rows = [
        {
            "video": path.name,
            "stem": video_stem(path),
            "files": [_as_json(one) for one in _files(workspace, project, path)],
        }
        for path in project.videos()
    ]
    return {"videos": rows, "newest_run": (project.runs() or ("",))[-1]}


@router.get("/projects/{key}/tracks/{video}")
def about(workspace: TheWorkspace, project: TheProject, on: TheReviewed) -> dict[str, Any]:
    """What is known of a video and its tracks."""
    video = workspace.shared(Frames).reader(on.video).video
    skeleton, values = on.tracks.skeleton, on.shelved.packed
    run = next((one.run for one in _files(workspace, project, on.video) if one.path == on.file), "")
    return {
        "video": on.video.name,
        "stem": video_stem(on.video),
        "size": [video.width, video.height],
        "n_video_frames": video.n_frames,
        "fps": video.fps,
        "file": on.file.name,
        "run": run,
        "scorer": on.tracks.scorer,
        "n_frames": on.tracks.n_frames,
        "individuals": list(on.tracks.individuals),
        "keypoints": list(skeleton.keypoints),
        "edges": [list(edge) for edge in skeleton.edges],
        "palette": colors_of(project, skeleton.keypoints).tolist(),
        "has_score": bool((values[..., 2] == values[..., 2]).any()),
        "has_error": on.tracks.error is not None,
        "note": length_note(on.tracks, video),
    }


@router.get("/projects/{key}/tracks/{video}/window")
def window(on: TheReviewed, start: Frame, stop: Frame) -> Response:
    """The points of some frames."""
    start, stop = _span(on, start, stop)
    values = on.shelved.packed[start:stop]
    if stop - start > MOST_FRAMES or values.size > MOST_VALUES:
        raise SettingsError(f"expected at most {MOST_FRAMES} frames at once, got {start} to {stop}; ask for fewer")
    return binary(values.tobytes(), {"X-Start": start, "X-Stop": stop})


@router.get("/projects/{key}/tracks/{video}/traces")
def keypoint_traces(
    on: TheReviewed,
    keypoint: Annotated[str, Query(max_length=100)],
    individual: Annotated[int, Query(ge=0, le=10_000)] = 0,
    points: Annotated[int, Query(ge=1, le=MOST_COLUMNS)] = 2000,
    start: Frame = 0,
    stop: Frame = 10**9,
) -> Response:
    """The course of one keypoint in a number of columns."""
    k = on.tracks.skeleton.index(keypoint)
    if individual >= on.tracks.n_individuals:
        raise SettingsError(f"expected an animal below {on.tracks.n_individuals}, got {individual}")
    start, stop = _span(on, start, stop)
    values = traces(on.shelved.packed[start:stop, individual, k], points)
    return binary(values.tobytes(), {"X-Start": start, "X-Stop": stop, "X-Columns": values.shape[1]})


@router.get("/projects/{key}/tracks/{video}/moments")
def moments(project: TheProject, on: TheReviewed) -> dict[str, Any]:
    """What is suspicious, in the order of time."""
    found = on.shelved.outliers(project)
    kept = sorted(found.ranked[:MOST_MOMENTS], key=lambda moment: (moment.start, moment.stop))
    return {
        "moments": [said(moment, on.tracks.skeleton) for moment in kept],
        "n_found": dict(found.n_found),
        "n_left_out": len(found.moments) - len(kept),
    }


def _file_named(workspace: Workspace, video: Path, file: str) -> Path:
    beside = [path for path in result_files(video) if path.name == file]
    return beside[0] if beside else workspace.within(file)


def _files(workspace: Workspace, project: Project, video: Path) -> list[TracksFile]:
    return tracks_files(project, video, workspace.shared(TracksShelf).is_tracks)


def _as_json(file: TracksFile) -> dict[str, str]:
    return {"file": file.path.name, "run": file.run}


def _span(on: Reviewed, start: int, stop: int) -> tuple[int, int]:
    """The part that there is of what was asked for."""
    if start >= stop:
        raise SettingsError(f"expected start before stop, got {start} and {stop}")
    return min(start, on.tracks.n_frames), min(stop, on.tracks.n_frames)


def binary(body: bytes, headers: dict[str, int]) -> Response:
    """Numbers as they are, with headers that say which."""
    shown = {name: str(value) for name, value in headers.items()} | {"Cache-Control": "no-store"}
    return Response(body, media_type="application/octet-stream", headers=shown)
