"""What is wrong with a study, and which labels are probably mistakes.

`GET projects/{key}/check` -> a slow answer (see refine): `{"state", "done", "total", "value": what `markerless check
    --suspects --json` prints, and "proposals": [{"rank", "folder", "picture", "individual", "keypoint", "kind",
    "message", "score", "suggested": [x, y] or null}]}`
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from markerless.core.progress import Progress
from markerless.pipeline.check import CheckReport, check
from markerless.pipeline.refine import folder_and_picture, labels_version
from markerless.pipeline.suspects import SuspectRequest
from markerless.server.slow_answers import SlowAnswers, as_json
from markerless.server.workspace import TheProject, TheWorkspace

router = APIRouter()


@router.get("/projects/{key}/check")
def findings(workspace: TheWorkspace, project: TheProject) -> dict[str, Any]:
    """Look at config, labels, pictures, videos and runs, and rank likely label mistakes."""
    state = project.config_path.stat().st_mtime_ns
    key = ("check", project.root, state, project.runs(), labels_version(project))

    def find(progress: Progress) -> dict[str, Any]:
        return _report_json(check(project.root, progress, SuspectRequest()))

    return as_json(workspace.shared(SlowAnswers).ask(key, find))


def _report_json(report: CheckReport) -> dict[str, Any]:
    told = report.to_json()
    ranking = report.ranking
    rows = []
    for proposal in ranking.proposals if ranking is not None else ():
        suspect = report.suspects[proposal.suspect]
        folder, picture = folder_and_picture(proposal.image)
        places = dict(zip(suspect.keypoints, suspect.suggested, strict=False))
        rows.append(
            {
                "rank": proposal.rank,
                "folder": folder,
                "picture": picture,
                "individual": proposal.individual,
                "keypoint": proposal.keypoint,
                "kind": suspect.kind,
                "message": suspect.message,
                "score": suspect.score,
                "suggested": places.get(proposal.keypoint),
            }
        )
    return {**told, "proposals": rows}
