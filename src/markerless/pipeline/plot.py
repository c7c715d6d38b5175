"""`plot`: figures of the tracks of a video, as PNG files and as one HTML page."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from markerless.core.storage import atomic_path
from markerless.core.tracks import Tracks
from markerless.core.video import video_stem
from markerless.errors import FormatError
from markerless.pipeline.colors import colors_beside
from markerless.pipeline.results import PLOTS_FOLDER, length_note, open_tracks
from markerless.report.page import Page, figure_png
from markerless.report.trajectories import View, build_page, draw_figures
from markerless.video.reader import open_video

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PAGE_NAME = "plots.html"


@dataclass(frozen=True)
class Plots:
    """Figures that were written.

    Attributes:
        page: The HTML page with all of them.
        figures: PNG files.
        notes: One-line remarks for the user.
    """

    page: Path
    figures: tuple[Path, ...]
    notes: tuple[str, ...]


def plot(
    tracks: Tracks | Path | str | None, video: Path | str, out: Path | str | None = None, cutoff: float = 0.2
) -> Plots:
    """Draw paths, positions, heat maps, speeds, confidence and jumps of the tracks of a video.

    Args:
        tracks: Tracks, a file of any tool, or None for the newest result beside the video.
        video: The video that they belong to.
        out: Folder to write to; by default `plot-poses/<video>/` beside the video.
        cutoff: Points with a lower score are left out of paths, positions and jumps.

    Raises:
        FormatError: no tracks, or three-dimensional ones.
        VideoError: the video cannot be read.
        StorageError: the folder cannot be written.
    """
    video = Path(video)
    points, source = open_tracks(tracks, video)
    if points.points.shape[-1] != 2:
        raise FormatError(
            "expected tracks in pixels (x, y) to plot, got 3D points; give the file of one camera, or plot them in "
            "space with `markerless plot S.nc`"
        )
    with open_video(video) as reader:
        size, note = (reader.video.width, reader.video.height), length_note(points, reader.video)
        if not math.isfinite(points.fps):  # DeepLabCut's tables do not know it
            points = replace(points, fps=reader.video.fps)
    folder = Path(out) if out is not None else video.parent / PLOTS_FOLDER / video_stem(video)
    drawn = draw_figures(points, View(size, cutoff, colors_beside(video, points.skeleton.keypoints)))
    notes = (note,) if note else ()
    title = f"Trajectories of {video.name}" + (f" ({source.name})" if source is not None else "")
    return written(build_page(points, drawn, title, notes), drawn.figures, folder, notes)


def written(page: Page, figures: Mapping[str, Figure], folder: Path, notes: tuple[str, ...]) -> Plots:
    """Write each figure as a PNG file of its name, and the page with all of them.

    Raises:
        StorageError: the folder cannot be written.
    """
    files = []
    for name, figure in figures.items():
        with atomic_path(folder / f"{name}.png") as temporary:
            temporary.write_bytes(figure_png(figure))
        files.append(folder / f"{name}.png")
    page.write(folder / PAGE_NAME)
    return Plots(folder / PAGE_NAME, tuple(files), notes)
