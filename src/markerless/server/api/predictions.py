"""What a trained network says about a picture that is being labeled: starting points, with the error expected of each.

`GET projects/{key}/labels/{folder}/predictions/{picture}?run=NAME` -> `{"run", "points": {keypoint: {"xy", "score",
    "error"}}}`; `error` in pixels, null from a network that gives none. Without a name the newest finished run answers;
    where there is none, `run` is null and there are no points.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query

from markerless.pipeline.predict import PicturePredictor
from markerless.project import Run
from markerless.runtime.engine import Prediction
from markerless.server.api.labels import Name, TheBook, require_picture
from markerless.server.workspace import TheWorkspace

router = APIRouter()


class Predictors:
    """The network that was asked last, kept ready: whoever labels asks the same one for picture after picture."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ready: tuple[tuple[Path, int], PicturePredictor] | None = None

    def predict(self, run: Run, picture: Path) -> Prediction:
        """What the network of `run` says about a picture; see `PicturePredictor`."""
        key = (run.model, run.model.stat().st_mtime_ns if run.model.is_file() else 0)
        with self._lock:
            if self._ready is None or self._ready[0] != key:
                self._free()
                self._ready = (key, PicturePredictor(run))
            return self._ready[1].predict(picture)

    def close(self) -> None:
        """Free the network's memory."""
        with self._lock:
            self._free()

    def _free(self) -> None:
        if self._ready is not None:
            self._ready[1].close()
            self._ready = None


@router.get("/projects/{key}/labels/{folder}/predictions/{picture}")
def predictions(
    workspace: TheWorkspace, book: TheBook, picture: Name, run: Annotated[str | None, Query(max_length=24)] = None
) -> dict[str, Any]:
    """The network's points in one picture, of the keypoints that the project has."""
    path = require_picture(workspace, book, picture)
    if not path.is_file():
        raise HTTPException(404, f"the picture {picture} is missing; put it back")
    if run is None and not book.project.runs():
        return {"run": None, "points": {}}
    network = book.project.run(run)
    said = workspace.shared(Predictors).predict(network, path)
    points = {}
    for k, name in enumerate(network.skeleton.keypoints):
        if name in book.project.skeleton.keypoints:
            error = None if said.expected_error is None else float(said.expected_error[0, k])
            points[name] = {"xy": said.xy[0, k].tolist(), "score": float(said.score[0, k]), "error": error}
    return {"run": network.name, "points": points}
