"""Figures of motion: where an animal is, how fast it is, and anything measured over time with its error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, PowerNorm
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from markerless.analysis.kinematics_quantity import PER_FRAME, Pace, Quantity
from markerless.core.instance import FloatArray
from markerless.report.style import INK, SOFT, keypoint_colors, legend_below, new_figure

MAX_PANELS = 4  # side by side
CELLS = 48  # along the longer side of a heat map
MOST_COLUMNS = 3_000  # of a course: a longer one is shown by medians over stretches of time
WHITE_TO_BLUE = LinearSegmentedColormap.from_list("stay", ["#dceaf5", "#7ab3dc", "#1f77b4", "#0d3b66", "#071d33"])
FEWEST_BINS, MOST_BINS = 20, 60  # of a histogram; between them the square root of the number of frames
HEADING = "heading"
SIGNED = (HEADING, "turning")


@dataclass(frozen=True)
class Place:
    """The picture that positions lie in.

    Attributes:
        low: x, y of its upper left corner in pixels.
        high: x, y of its lower right corner.
        outlines: Regions to draw: name -> `(M, 2)` px.
    """

    low: FloatArray
    high: FloatArray
    outlines: dict[str, FloatArray] = field(default_factory=dict)

    @classmethod
    def of(
        cls, points: FloatArray, size: tuple[int, int] | None, outlines: dict[str, FloatArray] | None = None
    ) -> Place:
        """The frame when its size is known, else the points with a margin.

        Args:
            points: `(..., 2)` px.
            size: Width and height of the frame.
            outlines: Regions to draw.
        """
        if size is not None:
            return cls(np.array([-0.5, -0.5]), np.array(size, dtype=np.float64) - 0.5, outlines or {})
        flat = [points[np.isfinite(points).all(axis=-1)], *(outlines or {}).values()]
        corners = np.concatenate(flat)
        if not len(corners):
            return cls(np.zeros(2), np.ones(2))
        low, high = corners.min(axis=0), corners.max(axis=0)
        margin = 0.05 * float((high - low).max()) + 1
        return cls(low - margin, high + margin, outlines or {})


def heat_map(points: FloatArray, names: Sequence[str], place: Place, pace: Pace) -> Figure:
    """Time in each part of the picture, a panel for each keypoint.

    Args:
        points: `(T, K, 2)` px, NaN where there is no point.
        names: Of the keypoints.
        place: What the axes show.
        pace: Frames in a unit of time.
    """
    width, height = place.high - place.low
    cell = max(width, height) / CELLS
    edges = [np.arange(low, high + cell, cell) for low, high in zip(place.low, place.high, strict=True)]
    n_rows = -(-len(names) // MAX_PANELS)
    n_columns = -(-len(names) // n_rows)
    figure = new_figure(9.6, n_rows * (min(8.4 / n_columns * height / width, 5.0) + 0.3) + 0.5)
    grid = figure.subplots(n_rows, n_columns, squeeze=False, sharex=True, sharey=True)
    times = [_times(points[:, k], edges, pace) for k in range(len(names))]
    # Square roots: an animal sleeps in one place for longer than it is in all others, which are to be seen too.
    norm = PowerNorm(0.5, 0, max((float(time.max()) for time in times), default=0) or 1)
    image = None
    for k, axes in enumerate(grid.flat):
        if k >= len(names):
            axes.set_axis_off()
            continue
        shown = np.ma.masked_equal(times[k].T, 0)
        image = axes.pcolormesh(edges[0], edges[1], shown, cmap=WHITE_TO_BLUE, norm=norm, rasterized=True)
        _draw_outlines(axes, place)
        axes.set_title(names[k])
        axes.set(xlim=(place.low[0], place.high[0]), ylim=(place.high[1], place.low[1]))
        axes.set_aspect("equal")
        axes.grid(visible=False)
    for axes in grid[:, 0]:
        axes.set_ylabel("y (px)")
    for axes in grid[-1]:
        axes.set_xlabel("x (px)")
    if image is not None:
        bar = figure.colorbar(image, ax=grid, shrink=0.8, pad=0.01, aspect=30)
        bar.set_label(f"time in a cell of {cell:.0f} px ({'s' if pace.unit == 's' else 'frames'})")
        bar.outline.set_visible(False)
    return figure


def speed_histogram(speeds: Quantity, animal: int) -> Figure:
    """How often a keypoint is how fast, as a share of the frames with a speed; the error of speeds as a mark."""
    figure = new_figure(9.6, 3.6)
    axes = figure.subplots()
    values = speeds.values[:, animal]
    moving = values[np.isfinite(values) & (values > 0)]
    if moving.size:
        # From a sitting animal's trembling to a jump are four orders of magnitude: only a logarithmic axis shows both.
        low = max(float(np.percentile(moving, 0.2)), float(moving.max()) * 1e-5)
        n_bins = int(np.clip(np.sqrt(len(values)), FEWEST_BINS, MOST_BINS))
        bins = np.geomspace(low, float(moving.max()) * 1.001, n_bins)
        for m, color in enumerate(keypoint_colors(len(speeds.of))):
            known = values[:, m][np.isfinite(values[:, m])]
            if not known.size:
                continue
            weights = np.full(known.size, 100 / known.size)
            axes.hist(np.maximum(known, low), list(bins), weights=weights, histtype="step", color=color, linewidth=1.4,
                      label=speeds.of[m])  # fmt: skip
            _mark_error(axes, speeds, (animal, m), color)
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter("{x:g}")
    axes.set(xlabel=f"speed ({speeds.unit})", ylabel="frames (%)")
    legend_below(figure, axes)
    return figure


def speed_caption(speeds: Quantity, of: str) -> str:
    """What a histogram of speeds shows; `of` says of whom."""
    mark = " A triangle marks the expected error: slower than that cannot be told from standing still."
    return f"How often body parts{of} are how fast." + (mark if speeds.error is not None else "")


def over_time(quantity: Quantity, animal: int, pace: Pace) -> Figure:
    """The course of a quantity, a panel for each thing it is of, with its expected error as a band to both sides.

    A course of very many frames is shown by medians over stretches of time, above a faint line of every frame.
    """
    n = len(quantity.of)
    figure = new_figure(9.6, max(2.2, (1.5 if n < 4 else 0.95) * n + 0.8))
    grid = figure.subplots(n, 1, sharex=True, squeeze=False)[:, 0]
    time = np.arange(len(quantity.values)) / pace.frames
    stretch = -(-len(time) // MOST_COLUMNS)
    for m, (axes, color) in enumerate(zip(grid, keypoint_colors(n), strict=True)):
        values = quantity.values[:, animal, m]
        error = None if quantity.error is None else quantity.error[:, animal, m]
        if quantity.name == HEADING:
            values = _unbridged(values)
            axes.set(ylim=(-185, 185), yticks=(-180, -90, 0, 90, 180))
        if stretch > 1:
            axes.plot(time, values, color=color, linewidth=0.4, alpha=0.25, rasterized=True)
        # Directions on both sides of 180 degrees have no median; the middle one in time stands for them.
        shown = values[stretch // 2 :: stretch] if quantity.name == HEADING else _medians(values, stretch)
        middle = _medians(time, stretch)[: len(shown)]
        axes.plot(middle, shown, color=color, linewidth=1.1)
        if error is not None:
            limits, around = axes.get_ylim(), _medians(error, stretch)[: len(shown)]
            low = shown - around if quantity.name in SIGNED else np.maximum(shown - around, 0)
            axes.fill_between(middle, low, shown + around, color=color, alpha=0.25, linewidth=0)
            axes.set_ylim(limits)  # those of the line: one doubtful frame must not make the others small
        if quantity.name in SIGNED:
            axes.axhline(0, color="#b4bbc6", linewidth=0.8, zorder=0)
        axes.set_title(quantity.of[m], pad=3)
        axes.margins(x=0.01)
    figure.supylabel(f"{quantity.name} ({quantity.unit})", fontsize=9.5, color=SOFT)
    grid[-1].set_xlabel("time (s)" if pace.unit != PER_FRAME else "frame")
    return figure


def _unbridged(degrees: FloatArray) -> FloatArray:
    """Without the frames where a direction goes through 180 degrees: a line there would cross the whole panel."""
    broken = degrees.copy()
    with np.errstate(invalid="ignore"):
        broken[1:][np.abs(np.diff(degrees)) > 180] = np.nan
    return broken


def _times(xy: FloatArray, edges: Sequence[FloatArray], pace: Pace) -> FloatArray:
    """`(columns, rows)` time in each cell."""
    xy = xy[np.isfinite(xy).all(axis=-1)]
    return np.asarray(np.histogram2d(xy[:, 0], xy[:, 1], bins=list(edges))[0] / pace.frames)


def _draw_outlines(axes: Axes, place: Place) -> None:
    for name, outline in place.outlines.items():
        axes.plot(*outline.T, color=INK, linewidth=1.1)
        middle = (outline.min(axis=0) + outline.max(axis=0)) / 2
        halo = [withStroke(linewidth=2.5, foreground="white")]
        axes.text(
            float(middle[0]),
            float(middle[1]),
            name,
            fontsize=8,
            color=INK,
            ha="center",
            va="center",
            path_effects=halo,
            clip_on=True,
        )


def _mark_error(axes: Axes, speeds: Quantity, which: tuple[int, int], color: tuple[float, float, float]) -> None:
    """A mark at the foot of the axes: slower than that cannot be told from standing still."""
    if speeds.error is None:
        return
    error = speeds.error[:, which[0], which[1]]
    if np.isfinite(error).any():
        at = float(np.nanmedian(error))
        axes.plot([at], [0], marker="^", color=color, markersize=6, clip_on=False, zorder=5)


def _medians(values: FloatArray, stretch: int) -> FloatArray:
    """Medians of stretches of so many values, NaN left out; NaN where there is nothing else."""
    if stretch <= 1:
        return values
    padded = np.full(-(-len(values) // stretch) * stretch, np.nan)
    padded[: len(values)] = values
    rows = padded.reshape(-1, stretch)
    medians = np.full(len(rows), np.nan)
    some = np.isfinite(rows).any(axis=1)
    medians[some] = np.nanmedian(rows[some], axis=1)
    return medians
