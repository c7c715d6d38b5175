"""Figures of the tracks of one video: paths, positions over time, where and how fast, confidence, jumps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from markerless.analysis.kinematics_motion import speed
from markerless.analysis.kinematics_quantity import Pace
from markerless.core.file_names import file_parts
from markerless.core.instance import FloatArray
from markerless.core.tracks import Tracks
from markerless.report.motion_figures import Place, heat_map, speed_caption, speed_histogram
from markerless.report.page import Page
from markerless.report.style import Colors, figure_style, keypoint_colors, legend_below, new_figure

MAX_POINTS = 20_000  # per line; a figure of a long video is thinned to it
MAX_PANELS = 4  # side by side
DENSE = 3_000  # frames from which a path is drawn faintly


@dataclass(frozen=True)
class TrackFigures:
    """Figures of one video.

    Attributes:
        figures: File stem -> figure, in the order of the page.
        captions: File stem -> one line about it.
    """

    figures: dict[str, Figure]
    captions: dict[str, str]


@dataclass(frozen=True)
class View:
    """What the figures need to know of the video and its study.

    Attributes:
        size: Width and height of the frame in pixels; None when unknown.
        cutoff: Points with a lower score are left out of positions and jumps; gaps stay gaps.
        colors: `(K, 3)` RGB of the keypoints; None takes those of the palette.
    """

    size: tuple[int, int] | None = None
    cutoff: float = 0.0
    colors: Colors | None = None


def draw_figures(tracks: Tracks, view: View) -> TrackFigures:
    """All figures of one video.

    Args:
        tracks: Two-dimensional tracks of any number of animals.
        view: Frame size and cut-off.
    """
    shown = np.where(tracks.present(view.cutoff)[..., None], tracks.points, np.nan)
    pace = Pace.of(tracks) if np.isfinite(tracks.fps) and tracks.fps > 0 else Pace.per_frame()
    speeds = speed(replace(tracks, points=shown), pace)
    figures: dict[str, Figure] = {}
    captions: dict[str, str] = {}
    parts = file_parts(tracks.individuals)
    with figure_style(view.colors):
        for n, individual in enumerate(tracks.individuals):
            several = tracks.n_individuals > 1
            suffix, of = (f"-{parts[n]}", f" of {individual}") if several else ("", "")
            figures[f"trajectory{suffix}"] = _paths(tracks, shown[:, n], view)
            captions[f"trajectory{suffix}"] = f"Path{of} in the frame, one panel for each body part. Darker is later."
            figures[f"position{suffix}"] = _over_time(tracks, shown[:, n], n)
            captions[f"position{suffix}"] = (
                f"Position{of} over time. Gaps are frames without a point"
                + (f" or with a confidence below {view.cutoff:g}." if view.cutoff > 0 else ".")
                + ("" if tracks.error is None else " The band around a line is the expected error to both sides.")
            )
            place = Place.of(shown[:, n], view.size)
            figures[f"heatmap{suffix}"] = heat_map(shown[:, n], tracks.skeleton.keypoints, place, pace)
            captions[f"heatmap{suffix}"] = f"Where body parts{of} spend their time. White is where they never are."
            figures[f"speed{suffix}"] = speed_histogram(speeds, n)
            captions[f"speed{suffix}"] = speed_caption(speeds, of)
            figures[f"confidence{suffix}"] = _confidence(tracks, n)
            captions[f"confidence{suffix}"] = (
                f"Confidence{of} over time: the thin line is every frame, the thick one the median over a second."
            )
            figures[f"jumps{suffix}"] = _jumps(tracks, shown[:, n])
            captions[f"jumps{suffix}"] = (
                f"How far body parts{of} move from one frame to the next. A long tail hints at jumps of the tracker."
            )
    return TrackFigures(figures, captions)


def build_page(tracks: Tracks, drawn: TrackFigures, title: str, notes: tuple[str, ...] = ()) -> Page:
    """One HTML page of all figures with a table of each body part."""
    page = Page(title, tracks.scorer)
    if notes:
        page.items(notes)
    page.cards(
        [
            (f"{tracks.n_frames:,}", "frames"),
            (duration(tracks), "duration"),
            (str(tracks.n_individuals), "animals" if tracks.n_individuals > 1 else "animal"),
            (f"{100 * tracks.share_present:.1f} %" if tracks.points.size else "-", "of points present"),
        ]
    )
    columns = ["body part", "present", "median confidence", "median step", "99th percentile of steps"]
    page.table(columns if tracks.error is None else [*columns, "median expected error"], _rows(tracks))
    for name, figure in drawn.figures.items():
        page.figure(figure, drawn.captions[name])
    return page


def steps_px(points: FloatArray) -> FloatArray:
    """`(T - 1, ...)` px moved from one frame to the next of `(T, ..., 2)`; NaN beside a gap."""
    return np.asarray(np.linalg.norm(np.diff(points, axis=0), axis=-1))


def _rows(tracks: Tracks) -> list[list[str]]:
    rows = []
    for n, individual in enumerate(tracks.individuals):
        for k, name in enumerate(tracks.skeleton.keypoints):
            present = np.isfinite(tracks.points[:, n, k]).all(axis=-1)
            steps = steps_px(tracks.points[:, n, k])
            row = [
                f"{individual} {name}" if tracks.n_individuals > 1 else name,
                f"{100 * present.mean():.1f} %",
                number(tracks.score[:, n, k], np.nanmedian, "{:.2f}"),
                number(steps, np.nanmedian, "{:.2f} px"),
                number(steps, lambda v: np.nanpercentile(v, 99), "{:.1f} px"),
            ]
            if tracks.error is not None:
                row.append(number(tracks.error[:, n, k], np.nanmedian, "{:.2f} px"))
            rows.append(row)
    return rows


def _paths(tracks: Tracks, points: FloatArray, view: View) -> Figure:
    """A panel per body part; a single panel would hide one path under another."""
    n_keypoints = tracks.skeleton.n_keypoints
    place = Place.of(points, view.size)
    low, high = place.low, place.high
    aspect = (high[1] - low[1]) / max(high[0] - low[0], 1e-9)
    n_rows = -(-n_keypoints // MAX_PANELS)
    n_columns = -(-n_keypoints // n_rows)
    panel = 9.0 / n_columns  # what the labels of the axes leave
    figure = new_figure(9.6, n_rows * (min(panel * aspect, 5.0) + 0.3) + 0.4)
    grid = figure.subplots(n_rows, n_columns, squeeze=False, sharex=True, sharey=True)
    opacity = 0.85 if len(points) < DENSE else 0.4
    for k, axes in enumerate(grid.flat):
        if k >= n_keypoints:
            axes.set_axis_off()
            continue
        _path(axes, points[:, k], keypoint_colors(n_keypoints)[k], opacity)
        axes.set_title(tracks.skeleton.keypoints[k])
        axes.set(xlim=(low[0], high[0]), ylim=(high[1], low[1]))
        axes.set_aspect("equal")
    for axes in grid[:, 0]:
        axes.set_ylabel("y (px)")
    for axes in grid[-1]:
        axes.set_xlabel("x (px)")
    return figure


def _path(axes: Axes, xy: FloatArray, color: tuple[float, float, float], opacity: float) -> None:
    """A line that darkens with time; no segment is drawn across a gap."""
    xy = xy[thinned(len(xy))]
    segments = np.stack([xy[:-1], xy[1:]], axis=1)
    whole = np.isfinite(segments).all(axis=(1, 2))
    age = np.linspace(0, 1, len(segments))[whole, None]
    rgb = (1 - age) * (0.45 + 0.55 * np.array(color)) + age * 0.85 * np.array(color)
    axes.add_collection(LineCollection(list(segments[whole]), colors=rgb, linewidths=0.9, alpha=opacity))


def _over_time(tracks: Tracks, points: FloatArray, n: int) -> Figure:
    """`points (T, K, 2)` of animal `n`, with a band of their expected error where there is one."""
    figure = new_figure(9.6, 4.6)
    upper, lower = figure.subplots(2, 1, sharex=True)
    time, label = time_axis(tracks)
    keep = thinned(len(time))
    colors = keypoint_colors(tracks.skeleton.n_keypoints)
    for axis, axes in enumerate((upper, lower)):
        for k, color in enumerate(colors):
            name = tracks.skeleton.keypoints[k]
            axes.plot(time[keep], points[keep, k, axis], color=color, label=name, linewidth=1.0)
        if tracks.error is not None:
            limits = axes.get_ylim()  # those of the lines: one doubtful point must not make the others small
            for k, color in enumerate(colors):
                values, error = points[keep, k, axis], tracks.error[keep, n, k]
                axes.fill_between(time[keep], values - error, values + error, color=color, alpha=0.25, linewidth=0)
            axes.set_ylim(limits)
    upper.set_ylabel("x (px)")
    lower.set(ylabel="y (px)", xlabel=label)
    lower.invert_yaxis()
    upper.margins(x=0.01)
    legend_below(figure, upper)
    return figure


def _confidence(tracks: Tracks, n: int) -> Figure:
    n_keypoints = tracks.skeleton.n_keypoints
    figure = new_figure(9.6, max(1.8, 0.62 * n_keypoints + 0.8))
    grid = figure.subplots(n_keypoints, 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    time, label = time_axis(tracks)
    window = round(tracks.fps) if np.isfinite(tracks.fps) and tracks.fps >= 1 else 25
    keep = thinned(len(time))
    for k, (axes, color) in enumerate(zip(grid, keypoint_colors(n_keypoints), strict=True)):
        score = tracks.score[:, n, k]
        axes.plot(time[keep], score[keep], color=color, linewidth=0.6, alpha=0.45)
        axes.plot(time[keep], rolling_median(score, window)[keep], color=color, linewidth=1.5)
        axes.set(ylim=(-0.04, 1.04), yticks=(0, 1))
        axes.set_ylabel(tracks.skeleton.keypoints[k], rotation=0, ha="right", va="center")
    grid[0].margins(x=0.01)
    grid[-1].set_xlabel(label)
    grid[0].set_title("Confidence (0 to 1)")
    return figure


def _jumps(tracks: Tracks, points: FloatArray) -> Figure:
    steps = steps_px(points)
    figure = new_figure(9.6, 3.4)
    axes = figure.subplots()
    finite = steps[np.isfinite(steps) & (steps > 0)]
    if finite.size:
        # Steps span from a tenth of a pixel to the whole frame: only a logarithmic axis shows both.
        low = max(float(np.percentile(finite, 0.5)), 1e-2)
        bins = np.geomspace(low, max(float(finite.max()), 10 * low) * 1.001, 60)
        for k, color in enumerate(keypoint_colors(tracks.skeleton.n_keypoints)):
            values = steps[:, k][np.isfinite(steps[:, k])]
            axes.hist(np.maximum(values, low), bins=list(bins), histtype="step", color=color, linewidth=1.3,
                      label=tracks.skeleton.keypoints[k])  # fmt: skip
        axes.set(xscale="log", yscale="log")
        axes.xaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_major_formatter("{x:g}")
    axes.set(xlabel="distance from one frame to the next (px)", ylabel="frames")
    legend_below(figure, axes)
    return figure


def rolling_median(values: FloatArray, window: int) -> FloatArray:
    """Median over a centered window, NaN left out; the ends use what there is."""
    half = window // 2
    padded = np.concatenate([np.full(half, np.nan), values, np.full(half, np.nan)])
    views = np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1)
    medians = np.full(len(values), np.nan)
    some = np.isfinite(views).any(axis=-1)
    medians[some] = np.nanmedian(views[some], axis=-1)
    return medians


def time_axis(tracks: Tracks) -> tuple[FloatArray, str]:
    """`(T,)` where each frame is on the axis of time, and the name of that axis."""
    frames = np.arange(tracks.n_frames, dtype=np.float64)
    if np.isfinite(tracks.fps) and tracks.fps > 0:
        return frames / tracks.fps, "time (s)"
    return frames, "frame"


def thinned(n_frames: int) -> npt.NDArray[np.int64]:
    """Frames to draw: all, or evenly some of a long video (a figure has only some thousand columns)."""
    step = -(-n_frames // MAX_POINTS)
    return np.arange(0, n_frames, max(1, step))


def duration(tracks: Tracks) -> str:
    """How long a video is, in words."""
    if not (np.isfinite(tracks.fps) and tracks.fps > 0):
        return "unknown"
    seconds = tracks.n_frames / tracks.fps
    return f"{seconds:.1f} s" if seconds < 120 else f"{int(seconds // 60)} min {int(seconds % 60):02d} s"


def number(values: FloatArray, statistic: Callable[[FloatArray], float], form: str) -> str:
    """A number for a table; "-" where there is none."""
    if not np.isfinite(values).any():
        return "-"
    return form.format(float(statistic(values)))
