"""Make a study: the verb `new`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from markerless.errors import ProjectError
from markerless.pipeline.add import videos_of
from markerless.project import LabelSource, NewProject, Project, create_from_labels, create_project


@dataclass(frozen=True)
class NewRequest:
    """Where a study is made, and of what.

    Attributes:
        parent: Folder that the project folder is made in.
        videos: Files, folders of videos or of images, globs.
        labels: Labels that exist already, to make the study of.
        copy: Copy the videos instead of linking them.
    """

    parent: Path = Path()
    videos: Sequence[str | Path] = ()
    labels: LabelSource | None = None
    copy: bool = False


def new(project: NewProject, request: NewRequest) -> Project:
    """Make a project folder `<name>-<scorer>-<date>` that DeepLabCut opens too.

    Args:
        project: Its name, scorer and keypoints; the last two may come from the labels.
        request: Where, with which videos, of which labels.

    Raises:
        ProjectError: something is missing, a name is impossible, or the folder exists already.
        LabelsError: the labels are malformed, or their pictures missing.
        VideoError: a video cannot be read.
        StorageError: the folder cannot be written.
    """
    videos = videos_of(request.videos)
    if request.labels is not None:
        return create_from_labels(project, request.labels, request.parent, videos, request.copy)
    if not project.scorer:
        raise ProjectError("expected the name of who labels, got none; give it with --scorer")
    return create_project(project, request.parent, videos, request.copy)
