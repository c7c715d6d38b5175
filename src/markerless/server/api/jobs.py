"""Work that takes minutes, and networks that are being trained.

`GET  projects/{key}/jobs` -> `{"jobs": [{"id", "kind", "title", "state", "started_s", "done", "total", "status",
    "message"}]}`, newest first; state "running", "done", "failed", "stopped" or "lost"
`POST projects/{key}/jobs` with `{"kind": "train", "run", "from", "minutes", "all", "steps"}`, `{"kind": "evaluate",
    "run"}`, `{"kind": "analyze", "videos": [paths], "run"}` or `{"kind": "render" | "plot", "video", "tracks"}`
`GET  projects/{key}/jobs/{id}/log` -> `{"log"}`, the end of it
`POST projects/{key}/jobs/{id}/stop`
`GET  projects/{key}/training` -> `{"frames", "points", "can_train", "why_not",
    "runs": [{"name", "finished", "test_px"}]}`
`GET  projects/{key}/training/{run}/metrics` -> `{"step": [...], "loss": [...], ...}`, the columns of metrics.csv
"""

from __future__ import annotations

import csv
import importlib.util
import json
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException
from fastapi import Path as InPath
from pydantic import BaseModel, ConfigDict, Field

from markerless.errors import MarkerlessError, ProjectError
from markerless.project import Project
from markerless.server import jobs
from markerless.server.workspace import TheProject, TheWorkspace, Workspace

router = APIRouter()
RunName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_-]{0,23}$")]
PathText = Annotated[str, Field(min_length=1, max_length=4000)]
JobId = Annotated[str, InPath(pattern=r"^[0-9]{13}-[0-9a-f]{6}$")]


class Train(BaseModel):
    """A training."""

    model_config = ConfigDict(extra="forbid")
    kind: Literal["train"]
    run: RunName | None = None
    start_from: RunName | None = Field(None, alias="from")
    minutes: float | None = Field(None, ge=0.5, le=10_000, allow_inf_nan=False)
    steps: int | None = Field(None, ge=1, le=1_000_000)
    all: bool = False


class Evaluate(BaseModel):
    """Errors of a network on the project's labels."""

    model_config = ConfigDict(extra="forbid")
    kind: Literal["evaluate"]
    run: RunName


class Analyze(BaseModel):
    """Trajectories of videos."""

    model_config = ConfigDict(extra="forbid")
    kind: Literal["analyze"]
    videos: list[PathText] = Field(min_length=1, max_length=1000)
    run: RunName | None = None


class Draw(BaseModel):
    """A labeled video or figures."""

    model_config = ConfigDict(extra="forbid")
    kind: Literal["render", "plot"]
    video: PathText
    tracks: PathText


Wanted = Annotated[Train | Evaluate | Analyze | Draw, Field(discriminator="kind")]


@router.get("/projects/{key}/jobs")
def listed(project: TheProject) -> dict[str, Any]:
    """What is going on, and what has ended."""
    return {"jobs": [_described(project.root, job) for job in jobs.all_jobs(project.root)]}


@router.post("/projects/{key}/jobs")
def start(workspace: TheWorkspace, project: TheProject, wanted: Wanted) -> dict[str, Any]:
    """Begin a piece of work."""
    title, arguments = _command(workspace, project, wanted)
    return _described(project.root, jobs.start(project.root, wanted.kind, title, arguments))


@router.get("/projects/{key}/jobs/{job_id}/log")
def log(project: TheProject, job_id: JobId) -> dict[str, Any]:
    """The end of what a job printed."""
    return {"log": jobs.log_tail(project.root, jobs.find(project.root, job_id))}


@router.post("/projects/{key}/jobs/{job_id}/stop")
def stop(project: TheProject, job_id: JobId) -> dict[str, Any]:
    """Have a job end; a training can be gone on with."""
    job = jobs.find(project.root, job_id)
    jobs.stop(project.root, job)
    return _described(project.root, job)


@router.get("/projects/{key}/training")
def training(project: TheProject) -> dict[str, Any]:
    """What there is to train on, and what has been trained."""
    why_not, n_frames, n_points = "", 0, 0
    try:
        labels = project.labels()
        n_frames, n_points = sum(frame.n_points > 0 for frame in labels.frames), labels.n_points
    except MarkerlessError as error:
        why_not = str(error)
    if not why_not and importlib.util.find_spec("torch") is None:
        why_not = "training needs torch, which is not installed here: pip install 'markerless[train]'"
    folder = project.root / "runs"
    names = sorted(entry.name for entry in folder.iterdir() if entry.is_dir()) if folder.is_dir() else []
    finished = project.runs()
    order = [*reversed(finished), *(name for name in names if name not in finished and _is_run(folder / name))]
    runs = [{"name": name, "finished": name in finished, "test_px": _test_px(folder / name)} for name in order]
    return {"frames": n_frames, "points": n_points, "can_train": not why_not, "why_not": why_not, "runs": runs}


@router.get("/projects/{key}/training/{run}/metrics")
def metrics(project: TheProject, run: Annotated[str, InPath(pattern=r"^[A-Za-z0-9_-]{1,24}$")]) -> dict[str, Any]:
    """How a training has gone so far."""
    path = project.root / "runs" / run / "metrics.csv"
    if not path.is_file():
        raise HTTPException(404, f"the run '{run}' has no metrics yet")
    columns: dict[str, list[float]] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            for name, text in row.items():
                try:
                    columns.setdefault(str(name), []).append(float(text))
                except (TypeError, ValueError):
                    columns.setdefault(str(name), []).append(float("nan"))
    return dict(columns)


def _command(workspace: Workspace, project: Project, wanted: Wanted) -> tuple[str, list[str]]:
    """What is done in words, and the arguments of the verb."""
    root = str(project.root)
    if isinstance(wanted, Train):
        given = {"--run": wanted.run, "--from": wanted.start_from, "--minutes": wanted.minutes}
        options = [str(word) for name, value in given.items() if value is not None for word in (name, value)]
        options += ["--all"] * wanted.all + ["--set", f"train.steps={wanted.steps}"] * (wanted.steps is not None)
        return f"training {wanted.run or ''}".strip(), [root, *options]
    if isinstance(wanted, Evaluate):
        return f"evaluating {wanted.run}", [root, "--run", wanted.run]
    if isinstance(wanted, Analyze):
        videos = [str(_own_video(project, path)) for path in wanted.videos]
        what = Path(videos[0]).name if len(videos) == 1 else f"{len(videos)} videos"
        return f"analyzing {what}", [root, *videos, *(["--run", wanted.run] if wanted.run else [])]
    video, tracks = _own_video(project, wanted.video), workspace.within(wanted.tracks)
    if not tracks.is_file():
        raise ProjectError(f"no trajectories at {tracks}; analyze the video first")
    words = {"render": "drawing the labeled video of", "plot": "drawing figures of"}
    return f"{words[wanted.kind]} {video.name}", [str(video), "--tracks", str(tracks)]


def _own_video(project: Project, path: str) -> Path:
    for video in project.videos():
        if path in (video.name, str(video)):
            return video
    raise ProjectError(f"expected a video of this project, got {path}; add it to the project first")


def _described(root: Path, job: jobs.Job) -> dict[str, Any]:
    said = jobs.progress(root, job)
    base = {"id": job.id, "kind": job.verb, "title": job.title, "state": jobs.state(root, job)}
    numbers = {name: said[name] for name in ("done", "total", "status", "message")}
    return {**base, "started_s": job.started_s, **numbers}


def _is_run(folder: Path) -> bool:
    return (folder / "run.toml").is_file() or (folder / "metrics.csv").is_file()


def _test_px(folder: Path) -> float | None:
    """Mean error on the test frames, as the run's own evaluation has it."""
    try:
        splits = json.loads((folder / "evaluation.json").read_text(encoding="utf-8"))["splits"]
        return float(splits["test"]["mean_px"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
