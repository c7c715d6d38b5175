"""Take more videos into a study: the verb `add`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from markerless.project import AddedVideo, Project, add_videos
from markerless.video.listing import find_videos


def add(project: Project | Path | str, videos: Sequence[str | Path], copy: bool = False) -> list[AddedVideo]:
    """Hard-link videos into `videos/`, else link them symbolically, else refer to them in `config.yaml`.

    Args:
        project: The study, its folder or its config.yaml.
        videos: Files, folders of videos or of images, globs.
        copy: Copy them instead.

    Returns:
        How each of them came in. Either all are added or none.

    Raises:
        ProjectError: no such project, or it has another video of that name.
        VideoError: a video cannot be found or read.
        StorageError: the project cannot be written.
    """
    study = project if isinstance(project, Project) else Project(project)
    return add_videos(study, videos_of(videos), copy)


def videos_of(inputs: Sequence[str | Path]) -> list[Path]:
    """The videos behind what a user named.

    Raises:
        VideoError: one of them stands for no video.
    """
    found, errors = find_videos(inputs)
    for error in errors.values():
        raise error
    return found
