"""Draws the picture of docs/filters.md: a made mouse, spoiled in a known way, and what filters make of it.

python docs/filters_picture.py    # writes docs/images/filters.png

"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from markerless.core.instance import FloatArray
from markerless.core.skeleton import Skeleton
from markerless.core.tracks import Tracks
from markerless.filters import interpolate, kalman, median
from markerless.filters._series import expected_distance
from markerless.report.page import figure_png
from markerless.report.style import figure_style, new_figure
from markerless.synthetic.motion import Arena, simulate

PATH = Path(__file__).resolve().parent / "images" / "filters.png"
FPS, N_FRAMES, SHOWN = 30.0, 1800, (240, 390)
BAND_90 = 1.6449  # standard deviations per axis
MEASURED, TRUTH, MEDIAN, SMOOTHER = "#8a94a3", "#1d2430", "#e69f00", "#0072b2"


def made() -> tuple[FloatArray, Tracks]:
    """`(T, 1, 3, 2)` snout, middle and tail base of a made mouse, and what a network might have measured."""
    rng = np.random.default_rng(3)
    motion = simulate(rng, N_FRAMES, FPS, 90.0, Arena((40, 40, 600, 440), np.zeros((0, 3))))
    truth = motion.spine[:, None, [0, 4, 7]]
    points = truth + rng.normal(0, 2.0, truth.shape)
    wild = rng.random(truth.shape[:3]) < 0.03
    points[wild] += rng.normal(0, 30, truth.shape)[wild]
    for k in range(3):
        for start in rng.integers(0, N_FRAMES - 12, 40):
            points[start : start + rng.integers(2, 12), 0, k] = np.nan
    score = np.where(np.isfinite(points[..., 0]), 0.9, np.nan)
    return truth, Tracks(Skeleton(("snout", "middle", "tailbase")), points, score, fps=FPS)


def _draw(axes: Axes, axis: int, truth: FloatArray, results: tuple[Tracks, Tracks, Tracks]) -> None:
    measured, of_median, smooth = results
    assert smooth.error is not None
    start, stop = SHOWN
    frames = np.arange(start, stop)
    time_s = frames / FPS
    value = smooth.points[frames, 0, 0, axis]
    half = BAND_90 * smooth.error[frames, 0, 0] / expected_distance(2)
    axes.fill_between(time_s, value - half, value + half, color=SMOOTHER, alpha=0.2, linewidth=0, label="90 % band")
    axes.plot(time_s, measured.points[frames, 0, 0, axis], ".", color=MEASURED, markersize=4.5, label="measured")
    axes.plot(time_s, of_median.points[frames, 0, 0, axis], color=MEDIAN, linewidth=1.0, label="median, interpolation")
    axes.plot(time_s, value, color=SMOOTHER, linewidth=1.4, label="kalman")
    axes.plot(time_s, truth[frames, 0, 0, axis], color=TRUTH, linewidth=0.9, linestyle=(0, (4, 2)), label="truth")
    low, high = truth[frames, 0, 0, axis].min(), truth[frames, 0, 0, axis].max()
    axes.set_ylim(low - 0.25 * (high - low), high + 0.25 * (high - low))
    axes.set(ylabel=f"snout {'xy'[axis]} (px)")
    axes.margins(x=0.01)


def main() -> int:
    """Write the picture."""
    truth, measured = made()
    of_median = interpolate.apply(median.apply(measured, median.Config()), interpolate.Config())
    smooth = kalman.apply(measured, kalman.Config())
    with figure_style():
        figure = new_figure(10.5, 5.6)
        upper, lower = figure.subplots(2, 1, sharex=True)
        for axis, axes in enumerate((upper, lower)):
            _draw(axes, axis, truth, (measured, of_median, smooth))
        lower.set_xlabel("time (s)")
        errors = [np.sqrt(np.nanmean((one.points - truth) ** 2) * 2) for one in (measured, of_median, smooth)]
        upper.set_title("RMSE measured {:.1f} px, median {:.1f} px, kalman {:.1f} px".format(*errors))
        upper.legend(loc="upper right", ncols=5, fontsize=7.5)
        PATH.write_bytes(figure_png(figure))
    print(f"wrote {PATH}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
