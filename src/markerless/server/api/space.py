"""Space: results with points in space, a stretch at a time, beside the videos of the cameras that saw them.

`?file=` names a result of `triangulate`: a path below the project's folder, or one below the allowed folders.

`GET projects/{key}/space` -> `{"results": [{"file", "name", "folder"}], "folder"}`, the newest first
`GET projects/{key}/space/about?file=` -> `{"file", "name", "n_frames", "fps", "unit", "individuals", "keypoints",
    "edges", "limbs": [index or null], "palette", "is_pictures", "has_error", "counts": [n of each state], "states",
    "record", "bounds": [[x, y, z], [x, y, z]], "up": [x, y, z], "cameras": [{"name", "size", "center", "corners":
    [[x, y, z], 4 of them], "region": [left, top, width, height] or null, "mirrored", "has_points", "note", "video":
    {"path", "name", "n_frames", "size", "fps"} or null}]}`; `fps` is that of a video where the result does not say;
    `size`, `center` and `corners` (directions in world axes, of depth 1) are null when it is not known where the
    camera stands
`GET projects/{key}/space/window?file=&start=&stop=` -> little-endian float32 `(stop - start, record)`: see
    `pipeline.space.Space.packed`; headers `X-Start`, `X-Stop`
`GET projects/{key}/space/traces?file=&keypoint=NAME&individual=0&points=2000&start=&stop=` -> little-endian float32
    `(4, columns, 2)`: least and largest length of the keypoint's limb, expected error, largest distance in px from a
    camera that was used, state; columns and headers as of `projects/{key}/tracks/{video}/traces`
`GET projects/{key}/space/moment?file=&frame=&by=1` -> `{"frame": n or null}`: the next moment at which cameras begin to
    contradict each other, or the one before with `by=-1`
`GET projects/{key}/space/video?file=&path=` -> `{"path", "name", "n_frames", "size", "fps", "frames": [n, -1: none] or
    null}` of any video that may be shown; `frames` are those of all moments where pictures were labeled
`GET projects/{key}/space/frames/{index}?path=&width=W`, `GET projects/{key}/space/previews/{index}?path=` -> JPEG, as
    those of `projects/{key}/videos/{video}`
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from markerless.core.camera import Camera
from markerless.core.video import IMAGE_SUFFIXES, VIDEO_SUFFIXES
from markerless.core.views import STATES
from markerless.errors import FormatError, MarkerlessError, SettingsError, VideoError
from markerless.pipeline.colors import colors_of
from markerless.pipeline.space import Space, SpaceCamera, space_files
from markerless.pipeline.space_view import corners_of
from markerless.server.api.frames import Index, exact_picture, near_picture, still_wanted
from markerless.server.api.review import MOST_COLUMNS, MOST_FRAMES, MOST_VALUES, Frame, binary
from markerless.server.frames import Frames
from markerless.server.space_shelf import SpaceShelf
from markerless.server.workspace import TheProject, TheWorkspace, Workspace

router = APIRouter()
PathText = Annotated[str, Query(min_length=1, max_length=4096)]


def result_at(workspace: TheWorkspace, project: TheProject, file: PathText) -> Path:
    """The file of a result that the query names."""
    if "\0" in file:
        raise FormatError("expected the path of a result, got one with a null character")
    path = workspace.within(project.root / file)  # a whole path stays as it is
    if not path.is_file():
        raise FormatError(f"no such file: {path}; choose another result, or triangulate again")
    return path


AResult = Annotated[Path, Depends(result_at)]


def opened(workspace: TheWorkspace, project: TheProject, path: AResult) -> Space:
    """The result that the query names."""
    return workspace.shared(SpaceShelf).space(project, path, workspace.allows)


def video_at(workspace: TheWorkspace, path: PathText) -> Path:
    """The video that the query names."""
    found = workspace.within(path)
    if not found.is_dir() and found.suffix.lower() not in (*VIDEO_SUFFIXES, *IMAGE_SUFFIXES):
        raise VideoError(f"expected a video ({', '.join(VIDEO_SUFFIXES)}) or a folder of pictures, got {found.name}")
    return found


TheSpace = Annotated[Space, Depends(opened)]
AVideo = Annotated[Path, Depends(video_at)]


@router.get("/projects/{key}/space")
def results(workspace: TheWorkspace, project: TheProject) -> dict[str, Any]:
    """The results in the project and beside its videos."""
    root = project.root.resolve()
    shelf = workspace.shared(SpaceShelf)
    rows = []
    for path in space_files(project, shelf.is_space):
        if workspace.allows(path):
            inside = path.relative_to(root) if path.is_relative_to(root) else path
            rows.append({"file": inside.as_posix(), "name": path.stem, "folder": inside.parent.as_posix()})
    return {"results": rows, "folder": root}


@router.get("/projects/{key}/space/about")
def about(workspace: TheWorkspace, project: TheProject, path: AResult) -> dict[str, Any]:
    """What is known of a result and its cameras."""
    space = workspace.shared(SpaceShelf).space(project, path, workspace.allows, anew=True)
    file = space.file
    cameras = [_camera(workspace, one) for one in space.cameras]
    rates = [one["video"]["fps"] for one in cameras if one["video"] is not None and one["video"]["fps"]]
    return {
        "file": file.path,
        "name": file.path.stem,
        "n_frames": file.n_frames,
        "fps": file.fps if file.fps > 0 else next(iter(rates), None),
        "unit": file.unit,
        "individuals": list(file.individuals),
        "keypoints": list(file.keypoints),
        "edges": [list(edge) for edge in space.edges],
        "limbs": space.limbs,
        "palette": colors_of(project, file.keypoints).tolist(),
        "is_pictures": bool(space.images),
        "has_error": file.has("expected_error"),
        "counts": space.counts,
        "states": list(STATES),
        "record": space.record,
        "bounds": space.bounds.tolist(),
        "up": space.up.tolist(),
        "cameras": cameras,
    }


@router.get("/projects/{key}/space/window")
def window(space: TheSpace, start: Frame, stop: Frame) -> Response:
    """Some moments."""
    start, stop = _span(space, start, stop)
    if stop - start > MOST_FRAMES or (stop - start) * space.record > MOST_VALUES:
        most = min(MOST_FRAMES, MOST_VALUES // space.record)
        raise SettingsError(f"expected at most {most} frames at once, got {start} to {stop}; ask for fewer")
    return binary(space.packed(start, stop).tobytes(), {"X-Start": start, "X-Stop": stop})


@router.get("/projects/{key}/space/traces")
def traces(
    space: TheSpace,
    keypoint: Annotated[str, Query(max_length=100)],
    individual: Annotated[int, Query(ge=0, le=10_000)] = 0,
    points: Annotated[int, Query(ge=1, le=MOST_COLUMNS)] = 2000,
    start: Frame = 0,
    stop: Frame = 10**9,
) -> Response:
    """The course of one keypoint in a number of columns."""
    if keypoint not in space.file.keypoints:
        raise SettingsError(f"unknown keypoint '{keypoint}'; known: {', '.join(space.file.keypoints)}")
    if individual >= len(space.file.individuals):
        raise SettingsError(f"expected an animal below {len(space.file.individuals)}, got {individual}")
    start, stop = _span(space, start, stop)
    values = space.traces(individual, space.file.keypoints.index(keypoint), slice(start, stop), points)
    return binary(values.tobytes(), {"X-Start": start, "X-Stop": stop, "X-Columns": values.shape[1]})


@router.get("/projects/{key}/space/moment")
def moment(space: TheSpace, frame: Frame, by: Annotated[int, Query(ge=-1, le=1)] = 1) -> dict[str, Any]:
    """The next moment at which cameras begin to contradict each other."""
    return {"frame": space.next_moment(frame, by)}


@router.get("/projects/{key}/space/video")
def video(workspace: TheWorkspace, space: TheSpace, path: AVideo) -> dict[str, Any]:
    """What a video is, and which of its frames belong to the moments of a result."""
    found = _video(workspace, path)
    frames = space.frames_in(path)
    return {**found, "frames": None if frames is None else frames.astype(int).tolist()}


@router.get("/projects/{key}/space/frames/{index}", response_class=Response)
def exact(
    wanted: Annotated[Callable[[], bool], Depends(still_wanted)],
    workspace: TheWorkspace,
    path: AVideo,
    index: Index,
    width: Annotated[int, Query(ge=16, le=4096)] = 640,
) -> Response:
    """One frame, exactly."""
    return exact_picture(workspace.shared(Frames), path, index, width, wanted)


@router.get("/projects/{key}/space/previews/{index}", response_class=Response)
def preview(workspace: TheWorkspace, path: AVideo, index: Index) -> Response:
    """A frame near it, at once."""
    return near_picture(workspace.shared(Frames), path, index)


def _camera(workspace: Workspace, one: SpaceCamera) -> dict[str, Any]:
    camera, seen = one.camera, one.seen
    told: dict[str, Any] = {"name": one.name, "has_points": seen.has_points, "note": seen.note, "video": None}
    if seen.video is not None:
        try:
            told["video"] = _video(workspace, seen.video)
        except MarkerlessError as error:
            told["note"] = str(error)
    return {**told, **_place(camera)}


def _place(camera: Camera | None) -> dict[str, Any]:
    if camera is None:
        return {"size": None, "center": None, "corners": None, "region": None, "mirrored": False}
    region = camera.region
    return {
        "size": list(camera.size),
        "center": camera.center.tolist(),
        "corners": corners_of(camera).tolist(),
        "region": None if region is None else [region.left, region.top, region.width, region.height],
        "mirrored": camera.mirrored,
    }


def _video(workspace: Workspace, path: Path) -> dict[str, Any]:
    found = workspace.shared(Frames).reader(path).video
    size = [found.width, found.height]
    return {"path": path, "name": path.name, "n_frames": found.n_frames, "size": size, "fps": found.fps}


def _span(space: Space, start: int, stop: int) -> tuple[int, int]:
    """The part that there is of what was asked for."""
    if start >= stop:
        raise SettingsError(f"expected start before stop, got {start} and {stop}")
    return min(start, space.file.n_frames), min(stop, space.file.n_frames)
