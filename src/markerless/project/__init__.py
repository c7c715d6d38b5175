"""A study on disk: the project folder, its `config.yaml`, labels, journal and training results."""

from markerless.project.create import (
    AddedVideo,
    LabelSource,
    NewProject,
    add_videos,
    create_from_labels,
    create_project,
)
from markerless.project.run import Run, scorer_name
from markerless.project.study import Project

__all__ = [
    "AddedVideo",
    "LabelSource",
    "NewProject",
    "Project",
    "Run",
    "add_videos",
    "create_from_labels",
    "create_project",
    "scorer_name",
]
