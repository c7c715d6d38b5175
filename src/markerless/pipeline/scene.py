"""What is analyzed by what: a network, a video, and the part of its frames to look at."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markerless.core.video import Video
from markerless.core.view import View
from markerless.errors import RunError, SettingsError, VideoError
from markerless.pipeline.analyze_settings import AnalyzeSettings, Crop
from markerless.runtime.engine import EngineOptions
from markerless.video.reader import VideoReader

if TYPE_CHECKING:
    from markerless.project import Project, Run


@dataclass(frozen=True)
class Scene:
    """What is to be analyzed by what.

    Attributes:
        run: The network.
        project: The study it belongs to; None for a run on its own, which has no labeled frames to measure on.
        reader: The video; None for a camera, of which there is nothing to measure on beforehand.
        view: The part of its frames to look at.
        channels: 1 for a video without color, else 3.
        model_sha256: Of the network's file.
    """

    run: Run
    project: Project | None
    reader: VideoReader | None
    view: View
    channels: int
    model_sha256: str

    def options(self, **changes: Any) -> EngineOptions:
        """Options of an engine for the whole view."""
        return EngineOptions(self.view.height, self.view.width, self.channels, **changes)


def scene_of(run: Run, project: Project | None, reader: VideoReader, settings: AnalyzeSettings) -> Scene:
    """A video as the settings, else the project, want it to be looked at.

    Raises:
        RunError: the network cannot be read.
        SettingsError: the region reaches beyond the frame, and the user asked for it.
        VideoError: the project's region has nothing in common with the frame.
    """
    video = reader.video
    view = view_of(video, crop_of(video.path, project, settings), strict=settings.crop is not None)
    return Scene(run, project, reader, view, 1 if reader.is_gray else 3, model_sha256(run))


def crop_of(video: Path, project: Project | None, settings: AnalyzeSettings) -> Crop | None:
    """The region to look at: the user's, else the project's. Pictures extracted from videos are cropped already."""
    if settings.crop is not None or project is None or video.is_dir():
        return settings.crop
    return project.crop_of(video)


def view_of(video: Video, crop: Crop | None, strict: bool) -> View:
    """The part of the frame to look at.

    Raises:
        SettingsError: the region reaches beyond the frame, and the user asked for it (`strict`).
        VideoError: the project's region has nothing in common with the frame.
    """
    if crop is None:
        return View.whole(video.width, video.height)
    left, right, top, bottom = crop
    frame = f"{video.path.name} is {video.width} x {video.height} pixels"
    if strict and (right > video.width or bottom > video.height):
        raise SettingsError(
            f"expected a crop x1,x2,y1,y2 inside of the frame, got {left},{right},{top},{bottom}; {frame}"
        )
    right, bottom = min(right, video.width), min(bottom, video.height)
    if left >= right or top >= bottom:
        raise VideoError(
            f"expected the project's crop x1,x2,y1,y2 to lie in the frame, got {crop}; {frame}; fix config.yaml"
        )
    return View(left, top, right - left, bottom - top)


def model_sha256(run: Run) -> str:
    """Hash of a run's network.

    Raises:
        RunError: it cannot be read.
    """
    try:
        with run.model.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise RunError(
            f"expected a trained network at {run.model}, cannot read it ({error.strerror}); "
            "train again, or choose another --run"
        ) from error
