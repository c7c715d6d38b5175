"""Jobs: work that takes minutes, started from a page and done by a process of its own (see `server/jobs.py`).

A job is `{"id", "kind", "title", "run", "state", "stopping", "stage", "done", "total", "status", "message", "left_s",
"started_s", "exit", "error", "command"}`; state "running", "done", "failed", "stopped", or "lost" for one that
ended without saying how. `status` says rate and time left in words; `done` and `total` are 0 before the work has said
how far it is.

`GET  projects/{key}/jobs` -> `{"jobs": [job]}`, the newest first
`POST projects/{key}/jobs` -> the job; 422 when another training runs. One of
    `{"kind": "train", "run", "from", "minutes", "split": "default" | "all", "choices": {"size", "variant", "weights",
    "width", "steps", "batch_size", "crossfits", "seed", "crop", "flip"}}`, of which all but the kind may be left out,
    `{"kind": "evaluate", "run"}`, `{"kind": "analyze", "videos": [path], "run"}`, `{"kind": "render" | "plot", "video":
    path, "tracks": path}`; run and tracks may be left out; videos are
    names or paths of videos of the project
`GET  projects/{key}/jobs/{id}` -> job
`GET  projects/{key}/jobs/{id}/log?since=BYTE` -> `{"text", "next"}`, at most the last 64 KB
`POST projects/{key}/jobs/{id}/stop` -> job; a training keeps what it has learned
`POST projects/{key}/jobs/{id}/resume` -> the new job that goes on with it
"""

from __future__ import annotations

import shlex
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, HTTPException, Query
from fastapi import Path as InPath

from markerless.server.job_orders import AnyJob
from markerless.server.jobs import Job, Jobs
from markerless.server.workspace import TheProject, TheWorkspace

router = APIRouter()
Id = Annotated[str, InPath(max_length=40)]


def jobs_of(workspace: TheWorkspace) -> Jobs:
    """The jobs of this machine."""
    return workspace.shared(Jobs)


TheBody = Annotated[AnyJob, Body()]
TheJobs = Annotated[Jobs, Depends(jobs_of)]


def job_of(jobs: TheJobs, project: TheProject, job_id: Id) -> Job:
    """The job of this project that the route's `{job_id}` names."""
    job = jobs.get(job_id)
    if job is None or job.record.order.project != str(project.root):
        raise HTTPException(404, f"no job {job_id!r} of this project; it may be too long ago")
    return job


TheJob = Annotated[Job, Depends(job_of)]


@router.get("/projects/{key}/jobs")
def jobs_list(jobs: TheJobs, project: TheProject) -> dict[str, Any]:
    """The jobs of a project."""
    return {"jobs": [as_json(job) for job in jobs.of(project.root)]}


@router.post("/projects/{key}/jobs")
def start(jobs: TheJobs, workspace: TheWorkspace, project: TheProject, body: TheBody) -> dict[str, Any]:
    """Begin one."""
    at_work = frozenset(job.record.order.run for job in jobs.of(project.root) if job.is_running)
    return as_json(jobs.start(body.order(project, workspace, at_work)))


@router.get("/projects/{key}/jobs/{job_id}")
def one(job: TheJob) -> dict[str, Any]:
    """What has become of it."""
    return as_json(job)


@router.get("/projects/{key}/jobs/{job_id}/log")
def log(jobs: TheJobs, job: TheJob, since: Annotated[int, Query(ge=0, le=2**53)] = 0) -> dict[str, Any]:
    """What it printed."""
    text, end = jobs.log(job, since)
    return {"text": text, "next": end}


@router.post("/projects/{key}/jobs/{job_id}/stop")
def stop(jobs: TheJobs, job: TheJob) -> dict[str, Any]:
    """Ask it to stop."""
    jobs.stop(job)
    return as_json(jobs.get(job.record.id) or job)


@router.post("/projects/{key}/jobs/{job_id}/resume")
def resume(jobs: TheJobs, job: TheJob) -> dict[str, Any]:
    """Go on with it."""
    return as_json(jobs.again(job))


def as_json(job: Job) -> dict[str, Any]:
    """A job for the page."""
    record, stage = job.record, job.stage
    return {
        "id": record.id,
        "kind": record.order.kind,
        "title": record.order.title,
        "run": record.order.run,
        "state": job.state,
        "stopping": job.stopping,
        "stage": stage.title if stage else "",
        "done": stage.done if stage else 0,
        "total": stage.total if stage else 0,
        "status": stage.status if stage else "",
        "message": stage.message if stage else "",
        "left_s": stage.left_s if stage else None,
        "started_s": record.started,
        "exit": job.exit_code,
        "error": job.error,
        "command": shlex.join(["markerless", *record.order.words]),
    }
