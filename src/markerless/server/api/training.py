"""Training: what there is to train on, all runs at a glance, and how a run learns while it trains.

Trainings are started, stopped and resumed as jobs, see `jobs.py`.

`GET projects/{key}/training` -> `{"labels": {"frames", "points", "videos": {folder: frames}, "split": {"train",
    "validation", "test"}, "problem"}, "machine": {"missing": [library], "install", "processors", "variants": [name]},
    "minutes": {"new", "from"}, "next_run", "runs": [run], "busy": title of a training of another project, or ""}`; a
    run is `{"name", "state": "finished" | "unfinished" | "training" | "damaged", "start_from", "step", "total",
    "frames": {part: n}, "written": seconds or null, "evaluation": {part: {"n_frames", "n_points", "mean_px",
    "median_px", "mean_px_interval", "doubt"}}, "problem", "job": the last job that trained it, or null}`, newest first
`GET projects/{key}/training/{run}?since=STEP` -> `{"run", "rows": {"step": [...], "loss": [...],
    "seconds_per_step": [...]}, "examples": null or {"part": "validation" | "train", "keypoints", "palette", "edges",
    "frames": [{"folder", "picture", "size", "label": [[x, y] or null]}]}, "looks": [{"step", "mean_px",
    "xy": [frame][keypoint][x, y], "score": [frame][keypoint]}]}`: rows and looks after that step
"""

from __future__ import annotations

import math
import os
from dataclasses import asdict
from pathlib import PurePosixPath
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query
from fastapi import Path as InPath

from markerless.core.instance import FloatArray
from markerless.pipeline import training_outlook
from markerless.pipeline.colors import colors_of
from markerless.pipeline.example_file import Examples, Look, read_examples
from markerless.pipeline.metrics_file import METRICS_FILE, read_metrics
from markerless.pipeline.run_files import free_name
from markerless.pipeline.run_overview import RunOverview, overview, overviews
from markerless.project import Project
from markerless.project.run import EXAMPLES_FILE
from markerless.server.api.jobs import TheJobs, as_json
from markerless.server.jobs import TRAIN, Job
from markerless.server.workspace import TheProject

router = APIRouter()
RunName = Annotated[str, InPath(pattern=r"^[A-Za-z0-9_-]{1,24}$")]


@router.get("/projects/{key}/training")
def training(jobs: TheJobs, project: TheProject) -> dict[str, Any]:
    """What the page begins with."""
    outlook = training_outlook.outlook(project)
    trainings = [job for job in jobs.all() if job.record.order.kind == TRAIN]
    own = {job.record.order.run: job for job in reversed(trainings) if job.record.order.project == str(project.root)}
    busy = [job for job in trainings if job.is_running and job.record.order.project != str(project.root)]
    at_work = [name for name, job in own.items() if job.is_running]
    return {
        "labels": {
            "frames": outlook.n_frames,
            "points": outlook.n_points,
            "videos": outlook.videos,
            "split": {part: len(images) for part, images in outlook.split.items()},
            "problem": outlook.problem,
        },
        "machine": machine(),
        "minutes": {"new": training_outlook.DEFAULT_MINUTES, "from": training_outlook.ADAPTATION_MINUTES},
        "next_run": free_name(project.root, at_work),
        "runs": runs_json(project, own),
        "busy": busy[0].record.order.title if busy else "",
    }


def machine() -> dict[str, Any]:
    """Whether this machine can train, and with what."""
    return {
        "missing": list(training_outlook.missing_libraries()),
        "install": training_outlook.INSTALL,
        "processors": os.cpu_count() or 1,
        "variants": list(training_outlook.installed_variants()),
    }


def runs_json(project: Project, jobs: dict[str, Job]) -> list[dict[str, Any]]:
    """All runs, and trainings that have not made a run yet."""
    runs = overviews(project)
    known = {run.name for run in runs}
    fresh = [name for name, job in jobs.items() if job.is_running and name not in known]
    begun = [RunOverview(name, "training", written_s=math.inf) for name in fresh]
    return [{**_run_json(run), "job": as_json(jobs[run.name]) if run.name in jobs else None} for run in begun + runs]


@router.get("/projects/{key}/training/{run}")
def learning(project: TheProject, run: RunName, since: Annotated[int, Query(ge=0, le=2**53)] = 0) -> dict[str, Any]:
    """How a run learns or has learned."""
    folder = project.run_folder(run)
    if not folder.is_dir():
        raise HTTPException(404, f"no run {run!r} in this project")
    rows = [row for row in read_metrics(folder / METRICS_FILE) if row.step > since]
    examples = read_examples(folder / EXAMPLES_FILE)
    columns = ("step", "loss", "seconds_per_step")
    return {
        "run": _run_json(overview(folder)),
        "rows": {column: [getattr(row, column) for row in rows] for column in columns},
        "examples": _examples_json(examples, project) if examples is not None else None,
        "looks": [_look_json(look) for look in examples.looks if look.step > since] if examples is not None else [],
    }


def _run_json(run: RunOverview) -> dict[str, Any]:
    values = asdict(run)
    written = values.pop("written_s")
    return {**values, "written": written}


def _examples_json(examples: Examples, project: Project) -> dict[str, Any]:
    frames = []
    for frame in examples.frames:
        path = PurePosixPath(frame.image)
        place = {"folder": path.parent.name, "picture": path.name}
        frames.append({**place, "size": list(frame.size), "label": _points(frame.label)})
    names = examples.keypoints
    named_edges = [tuple(project.skeleton.keypoints[k] for k in edge) for edge in project.skeleton.edges]
    edges = [[names.index(a), names.index(b)] for a, b in named_edges if a in names and b in names]
    return {
        "part": examples.part,
        "keypoints": list(names),
        "palette": colors_of(project, names).tolist(),
        "edges": edges,
        "frames": frames,
    }


def _look_json(look: Look) -> dict[str, Any]:
    return {
        "step": look.step,
        "mean_px": look.mean_px,
        "xy": [_points(xy) for xy in look.xy],
        "score": look.score.tolist(),
    }


def _points(xy: FloatArray) -> list[list[float] | None]:
    """Points, None where there is none."""
    return [None if point[0] != point[0] else point.tolist() for point in xy]
