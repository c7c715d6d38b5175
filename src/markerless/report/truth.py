"""The picture of the demo: a labeled frame beside how far predictions are from the known truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from markerless.core.instance import FloatArray
from markerless.core.tracks import Tracks
from markerless.report.style import figure_style, keypoint_colors, new_figure

SMALLEST_PX = 0.1  # errors below are drawn there: logarithmic axes have no zero
PICTURE_INCHES = 6.6


@dataclass(frozen=True)
class Comparison:
    """Predictions of one animal and the truth.

    Attributes:
        tracks: The predictions.
        truth: `(T, K, 2)` px.
        error: `(T, K)` px.
        picture: `(H, W, 3)` uint8 RGB of a labeled frame, any size.
        shown_keypoint: Whose path is drawn over time.
    """

    tracks: Tracks
    truth: FloatArray
    error: FloatArray
    picture: npt.NDArray[np.uint8]
    shown_keypoint: int = 0


def truth_figure(comparison: Comparison) -> Figure:
    """The labeled frame at the left; errors of each keypoint and one path with its truth at the right."""
    height, width = comparison.picture.shape[:2]
    with figure_style():
        figure = new_figure(PICTURE_INCHES + 4.6, PICTURE_INCHES * height / width)
        grid = figure.add_gridspec(2, 2, width_ratios=(PICTURE_INCHES, 4.4), height_ratios=(1.35, 1))
        picture = figure.add_subplot(grid[:, 0])
        picture.imshow(comparison.picture, interpolation="antialiased")
        picture.set_axis_off()
        _errors(figure.add_subplot(grid[0, 1]), comparison)
        _path(figure.add_subplot(grid[1, 1]), comparison)
    return figure


def _errors(axes: Axes, comparison: Comparison) -> None:
    names = comparison.tracks.skeleton.keypoints
    for k, color in enumerate(keypoint_colors(len(names))):
        values = np.sort(comparison.error[:, k][np.isfinite(comparison.error[:, k])])
        share = 100 * np.arange(1, len(values) + 1) / max(1, len(values))
        median = float(np.median(values)) if len(values) else float("nan")
        label = f"{names[k]}, median {median:.1f} px"
        axes.step(np.maximum(values, SMALLEST_PX), share, where="post", color=color, label=label, linewidth=1.5)
    axes.set(xscale="log", ylim=(0, 101), xlabel="error against the truth (px)", ylabel="frames within it (%)")
    axes.set_xlim(left=SMALLEST_PX / 4)  # room for the legend
    axes.set_title(f"{len(comparison.error):,} frames of a video it never saw")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.legend(loc="upper left", fontsize=7.5, handlelength=1.2, borderaxespad=0.2)


def _path(axes: Axes, comparison: Comparison) -> None:
    tracks, k = comparison.tracks, comparison.shown_keypoint
    known = np.isfinite(tracks.fps) and tracks.fps > 0
    time = np.arange(tracks.n_frames) / (tracks.fps if known else 1.0)
    color = keypoint_colors(tracks.skeleton.n_keypoints)[k]
    axes.plot(time, comparison.truth[:, k, 0], color="#1d2430", linewidth=1.0, label="truth")
    axes.plot(time, tracks.points[:, 0, k, 0], ".", color=color, markersize=3.2, label="prediction")
    axes.set(xlabel="time (s)" if known else "frame", ylabel="x (px)")
    axes.set_title(f"{tracks.skeleton.keypoints[k]} over time")
    axes.margins(x=0.01, y=0.12)
    axes.legend(loc="best", ncols=2, fontsize=7.5)
