"""A study on disk: the project folder, its `config.yaml`, labels, journal and training results."""

from markerless.project.run import Run, scorer_name
from markerless.project.study import Project

__all__ = ["Project", "Run", "scorer_name"]
