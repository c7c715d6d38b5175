"""Measures how animals move: open a project, train, evaluate, analyze, render.

    import markerless as ml
    project = ml.Project("openfield-Pranav-2018-10-30")

Names are loaded when they are first used (PEP 562), so that importing the package is quick and loads no heavy library.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from markerless.version import VERSION as __version__

if TYPE_CHECKING:
    from markerless.core.labels import Labels
    from markerless.core.skeleton import Skeleton
    from markerless.core.tracks import Tracks
    from markerless.errors import MarkerlessError
    from markerless.pipeline.analyze import analyze
    from markerless.pipeline.calibrate import calibrate
    from markerless.pipeline.evaluate import evaluate
    from markerless.pipeline.filter import filter
    from markerless.pipeline.kinematics import kinematics
    from markerless.pipeline.live import live
    from markerless.pipeline.merge import merge
    from markerless.pipeline.plot import plot
    from markerless.pipeline.render import render
    from markerless.pipeline.train import train
    from markerless.pipeline.triangulate import triangulate
    from markerless.project import Project, Run
    from markerless.runtime.live import Processor

__all__ = [
    "Labels",
    "MarkerlessError",
    "Processor",
    "Project",
    "Run",
    "Skeleton",
    "Tracks",
    "__version__",
    "analyze",
    "calibrate",
    "evaluate",
    "filter",
    "kinematics",
    "live",
    "merge",
    "plot",
    "render",
    "train",
    "triangulate",
]

_HOMES = {
    "Labels": "markerless.core.labels",
    "MarkerlessError": "markerless.errors",
    "Processor": "markerless.runtime.live",
    "Project": "markerless.project",
    "Run": "markerless.project",
    "Skeleton": "markerless.core.skeleton",
    "Tracks": "markerless.core.tracks",
    "analyze": "markerless.pipeline.analyze",
    "calibrate": "markerless.pipeline.calibrate",
    "evaluate": "markerless.pipeline.evaluate",
    "filter": "markerless.pipeline.filter",
    "kinematics": "markerless.pipeline.kinematics",
    "live": "markerless.pipeline.live",
    "merge": "markerless.pipeline.merge",
    "plot": "markerless.pipeline.plot",
    "render": "markerless.pipeline.render",
    "train": "markerless.pipeline.train",
    "triangulate": "markerless.pipeline.triangulate",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'markerless' has no attribute '{name}'; public names: {', '.join(__all__)}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
