"""`plot` of points in space: bones, cameras that disagree, positions, as PNG files and as one HTML page."""

from __future__ import annotations

from pathlib import Path

from markerless.pipeline.plot import Plots, written
from markerless.pipeline.results import PLOTS_FOLDER
from markerless.pipeline.space_result import open_space_result
from markerless.report.space_figures import build_space_page, draw_space_figures


def plot_space(source: Path | str, out: Path | str | None = None, cutoff: float = 0.2) -> Plots:
    """Draw lengths of bones and reprojection errors over time, their histogram, and positions with expected errors.

    Args:
        source: A result of `triangulate`, S.nc.
        out: Folder to write to; by default `plot-poses/S/` beside it.
        cutoff: Points with a lower score are left out.

    Raises:
        FormatError: not points in space.
        StorageError: the folder cannot be written.
    """
    result = open_space_result(Path(source))
    folder = Path(out) if out is not None else result.path.parent / PLOTS_FOLDER / result.path.stem
    drawn = draw_space_figures(result.tracks, result.views, result.unit, cutoff)
    notes = []
    if result.views is None:
        notes.append(f"{result.path.name} does not say what the cameras saw: no reprojection errors are drawn")
    title = f"Points in space of {result.path.name}"
    page = build_space_page(result.tracks, result.views, drawn, title, (result.unit, tuple(notes), cutoff))
    return written(page, drawn.figures, folder, tuple(notes))
