"""The look of every figure: calm, legible, the same colors per keypoint as in labeled videos."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from markerless.drawing import palette

Color = tuple[float, float, float]
Colors = npt.NDArray[np.uint8]
_CHOSEN: ContextVar[Colors | None] = ContextVar("colors of keypoints", default=None)

INK, SOFT, GRID = "#1d2430", "#5c6675", "#e6e9ee"
DPI = 150
SPLIT_COLORS = {"train": "#8a94a3", "validation": "#e69f00", "test": "#0072b2", "all": "#0072b2"}
YELLOW_ON_WHITE = 0.72  # bright colors are darkened to this much of their lightness on white paper

RC: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.edgecolor": "#b4bbc6",
    "axes.labelcolor": SOFT,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "text.color": INK,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "lines.linewidth": 1.2,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
}


@contextmanager
def figure_style(colors: Colors | None = None) -> Iterator[None]:
    """Draw figures inside this block; the user's own matplotlib settings are left alone.

    Args:
        colors: `(K, 3)` RGB of the study's keypoints; None takes those of the palette.
    """
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(RC)
        token = _CHOSEN.set(colors)
        try:
            yield
        finally:
            _CHOSEN.reset(token)


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of that many inches that needs no display and that pyplot does not keep."""
    figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def colors_on_pictures(n_keypoints: int) -> list[Color]:
    """RGB 0..1 of each keypoint: those of the study that is drawn, else of the palette."""
    chosen = _CHOSEN.get()
    rgb = (palette(n_keypoints) if chosen is None or len(chosen) != n_keypoints else chosen) / 255.0
    return [(float(red), float(green), float(blue)) for red, green, blue in rgb]


def keypoint_colors(n_keypoints: int) -> list[Color]:
    """The same, darkened where it would be too pale on white."""
    colors = []
    for rgb in np.array(colors_on_pictures(n_keypoints)):
        luminance = float(rgb @ np.array([0.2126, 0.7152, 0.0722]))
        red, green, blue = rgb * min(1.0, YELLOW_ON_WHITE / max(luminance, 1e-6)) if luminance > 0.55 else rgb
        colors.append((float(red), float(green), float(blue)))
    return colors


def legend_below(figure: Figure, axes: Axes, n_columns: int = 6) -> None:
    """One legend for the whole figure, under it."""
    handles, names = axes.get_legend_handles_labels()
    if handles:
        figure.legend(handles, names, loc="outside lower center", ncols=min(n_columns, len(names)))
