"""What is wrong with a study, and which labels are probably mistakes.

`GET projects/{key}/check` -> a slow answer (see refine): `{"state", "done", "total", "value": what `markerless check
    --suspects --json` prints, and "proposals": [{"rank", "folder", "picture", "size": [width, height] or null,
    "individual", "keypoint", "color", "xy": [x, y] or null, "kind", "message", "score", "suggested": [x, y] or null}]}`
    - `xy` is where the label is, `suggested` where the network would put it
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np
from fastapi import APIRouter

from markerless.core.labels import LabeledFrame
from markerless.core.progress import Progress
from markerless.errors import MarkerlessError
from markerless.pipeline.check import CheckReport, check
from markerless.pipeline.colors import colors_of
from markerless.pipeline.refine import folder_and_picture, labels_version
from markerless.pipeline.suspects import SuspectRequest
from markerless.project import Project
from markerless.server.slow_answers import SlowAnswers, as_json
from markerless.server.workspace import TheProject, TheWorkspace
from markerless.video.images import image_size

router = APIRouter()


@router.get("/projects/{key}/check")
def findings(workspace: TheWorkspace, project: TheProject) -> dict[str, Any]:
    """Look at config, labels, pictures, videos and runs, and rank likely label mistakes."""
    state = project.config_path.stat().st_mtime_ns
    key = ("check", project.root, state, project.runs(), labels_version(project))

    def find(progress: Progress) -> dict[str, Any]:
        return _report_json(project, check(project.root, progress, SuspectRequest()))

    return as_json(workspace.shared(SlowAnswers).ask(key, find))


def _report_json(project: Project, report: CheckReport) -> dict[str, Any]:
    ranking = report.ranking
    proposals = ranking.proposals if ranking is not None else ()
    labels = project.combine([project.folder_labels(folder) for folder in project.label_folders()])
    frames = {frame.image: frame for frame in labels.frames}
    names = project.skeleton.keypoints
    colors = dict(zip(names, colors_of(project).tolist(), strict=True))
    rows = []
    for proposal in proposals:
        suspect = report.suspects[proposal.suspect]
        folder, picture = folder_and_picture(proposal.image)
        frame, k = frames[proposal.image], names.index(proposal.keypoint)
        places = dict(zip(suspect.keypoints, suspect.suggested, strict=False))
        rows.append(
            {
                "rank": proposal.rank,
                "folder": folder,
                "picture": picture,
                "size": _size(frame),
                "individual": proposal.individual,
                "keypoint": proposal.keypoint,
                "color": colors[proposal.keypoint],
                "xy": _place(frame, proposal.individual, k),
                "kind": suspect.kind,
                "message": suspect.message,
                "score": suspect.score,
                "suggested": places.get(proposal.keypoint),
            }
        )
    return {**report.to_json(), "proposals": rows}


def _size(frame: LabeledFrame) -> tuple[int, int] | None:
    with suppress(MarkerlessError):  # a picture that is missing is one of the findings
        return image_size(frame.picture)
    return None


def _place(frame: LabeledFrame, individual: str, k: int) -> list[float] | None:
    """Where a label is; None of one that is missing."""
    for instance in frame.instances:
        if instance.individual == individual and np.isfinite(instance.xy[k]).all():
            return [float(value) for value in instance.xy[k]]
    return None
