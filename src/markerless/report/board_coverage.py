"""Where the board was seen: a map for each camera, corners colored by how far they are from where they should be."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from markerless.core.instance import FloatArray
from markerless.multiview.calibrate import BoardViews, Calibrated
from markerless.multiview.verdict import CameraVerdict, cells_seen
from markerless.report.style import figure_style, new_figure

_COLUMNS = 4
_WIDTH = 3.4  # inches of a panel


def coverage_figure(found: Calibrated, views: BoardViews, verdicts: Sequence[CameraVerdict]) -> Figure:
    """One panel for each camera; cells without a corner are gray."""
    n = len(views.names)
    columns = min(n, _COLUMNS)
    rows = -(-n // columns)
    worst = max(float(np.nanpercentile(np.linalg.norm(found.off_px, axis=-1), 99)), 0.1)
    with figure_style():
        figure = new_figure(_WIDTH * columns + 0.6, 3.1 * rows + 0.3)
        grid = figure.subplots(rows, columns, squeeze=False)
        drawn = None
        for index, axes in enumerate(grid.ravel()):
            if index >= n:
                axes.set_axis_off()
                continue
            corners = np.where(np.isfinite(found.off_px[index]), views.corners[index], np.nan)
            _empty_cells(axes, corners, views.sizes[index])
            off = np.linalg.norm(found.off_px[index], axis=-1)
            drawn = axes.scatter(
                corners[..., 0].ravel(), corners[..., 1].ravel(), c=off.ravel(), s=3, cmap="viridis", vmin=0, vmax=worst
            )
            width, height = views.sizes[index]
            axes.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5), aspect="equal")
            verdict = verdicts[index]
            axes.set_title(
                f"{verdict.name}: {verdict.rms_px:.2f} px, {verdict.boards} boards, "
                f"{100 * verdict.coverage:.0f} % covered",
                fontsize=8,
            )
            axes.tick_params(labelsize=7)
        if drawn is not None:
            figure.colorbar(drawn, ax=grid.ravel().tolist(), label="distance (px)", shrink=0.8)
    return figure


def _empty_cells(axes: Axes, corners: FloatArray, size: tuple[int, int]) -> None:
    seen = cells_seen(corners, size) > 0
    shade = np.where(seen[..., None], 1.0, 0.88) * np.ones(3)
    axes.imshow(shade, extent=(-0.5, size[0] - 0.5, size[1] - 0.5, -0.5), interpolation="nearest", zorder=0)
