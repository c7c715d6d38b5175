"""Figures of the page of an evaluation; draw them inside `figure_style()`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke

from markerless.core.instance import FloatArray
from markerless.core.skeleton import Skeleton
from markerless.report.style import SOFT, SPLIT_COLORS, colors_on_pictures, keypoint_colors, legend_below, new_figure

SMALLEST_PX = 0.1  # errors below are drawn there: logarithmic axes have no zero
COLUMNS = 3  # example pictures side by side
CROP_SHARE = 0.15  # margin around the animal, of its size
LEAST_SHARE = 0.5  # half the height of a picture is at least this much of the animal's size


@dataclass(frozen=True)
class Example:
    """One frame with labels and predictions.

    Attributes:
        name: The image.
        image: `(H, W, 3)` uint8 RGB.
        labeled: `(K, 2)` px, NaN where missing.
        predicted: `(K, 2)` px, NaN where missing.
        mean_error_px: Mean over the frame's labeled points.
    """

    name: str
    image: npt.NDArray[np.uint8]
    labeled: FloatArray
    predicted: FloatArray
    mean_error_px: float


def cumulative_figure(errors: Mapping[str, FloatArray], labels: Mapping[str, str], animal_size_px: float) -> Figure:
    """Share of points within an error, a line per split; `errors` maps a split to px of any shape, NaN left out."""
    figure = new_figure(9.6, 3.5)
    axes = figure.subplots()
    for name, values in errors.items():
        flat = np.sort(values[np.isfinite(values)])
        if flat.size:
            share = 100 * np.arange(1, flat.size + 1) / flat.size
            axes.step(
                np.maximum(flat, SMALLEST_PX),
                share,
                where="post",
                label=f"{labels[name]} (median {np.median(flat):.2f} px)",
                linewidth=2.2 if name in ("test", "all") else 1.3,
                color=SPLIT_COLORS.get(name, SOFT),
            )
    if animal_size_px > 0:
        axes.axvline(0.05 * animal_size_px, color=SOFT, linestyle=":", linewidth=1.2)
    axes.set(xscale="log", ylim=(0, 101), xlabel="error (px)", ylabel="points within that error (%)")
    axes.xaxis.set_major_formatter("{x:g}")
    legend_below(figure, axes)
    return figure


def keypoint_figure(errors: FloatArray, keypoints: Sequence[str]) -> Figure:
    """Every error of every keypoint; `errors` is `(F, K)` px."""
    figure = new_figure(9.6, 0.36 * len(keypoints) + 0.9)
    axes = figure.subplots()
    rng = np.random.default_rng(0)  # spreads dots that would lie on one another
    for k, color in enumerate(keypoint_colors(len(keypoints))):
        values = errors[np.isfinite(errors[:, k]), k]
        if values.size:
            heights = k + rng.uniform(-0.26, 0.26, values.size)
            axes.scatter(np.maximum(values, SMALLEST_PX), heights, s=11, color=color, alpha=0.55, linewidths=0)
            median = max(float(np.median(values)), SMALLEST_PX)
            axes.plot([median, median], [k - 0.36, k + 0.36], color="#1d2430", linewidth=2, solid_capstyle="butt")
    axes.set(xscale="log", xlabel="error (px)", yticks=range(len(keypoints)), yticklabels=keypoints)
    axes.set_ylim(len(keypoints) - 0.45, -0.55)
    axes.grid(False, axis="y")
    axes.xaxis.set_major_formatter("{x:g}")
    return figure


def confidence_figure(errors: FloatArray, score: FloatArray, keypoints: Sequence[str]) -> Figure:
    """Error against confidence, a dot per point; both `(F, K)`."""
    figure = new_figure(9.6, 3.6)
    axes = figure.subplots()
    for k, color in enumerate(keypoint_colors(len(keypoints))):
        known = np.isfinite(errors[:, k]) & np.isfinite(score[:, k])
        axes.scatter(
            score[known, k],
            np.maximum(errors[known, k], SMALLEST_PX),
            s=14,
            color=color,
            alpha=0.6,
            linewidths=0,
            label=keypoints[k],
        )
    known = np.isfinite(errors) & np.isfinite(score)
    centers, medians = _binned_median(score[known], errors[known])
    axes.plot(centers, np.maximum(medians, SMALLEST_PX), color="#1d2430", linewidth=1.8)
    axes.set(yscale="log", xlim=(-0.02, 1.02), xlabel="confidence (0 to 1)", ylabel="error (px)")
    axes.yaxis.set_major_formatter("{x:g}")
    legend_below(figure, axes)
    return figure


def learning_figure(rows: Sequence[tuple[float, float, float]]) -> Figure:
    """Loss and validation error over the steps; rows of (step, loss, error px), NaN where not measured."""
    step, loss, error = np.array(rows, dtype=np.float64).T
    measured = np.isfinite(error)
    figure = new_figure(9.6, 3.2)
    panels = figure.subplots(1, 2 if measured.any() else 1, squeeze=False)[0]
    known = np.isfinite(loss)
    panels[0].plot(step[known], loss[known], color=SPLIT_COLORS["train"], linewidth=1.4)
    panels[0].set(title="Loss on training frames", xlabel="step", ylabel="loss")
    if (loss[known] > 0).all() and known.any():
        panels[0].set_yscale("log")
    if measured.any():
        panels[1].plot(step[measured], error[measured], color=SPLIT_COLORS["test"], marker="o", markersize=3.5)
        panels[1].set(title="Error on validation frames", xlabel="step", ylabel="mean error (px)", ylim=(0, None))
    return figure


def examples_figure(examples: Sequence[Example], skeleton: Skeleton, animal_size_px: float) -> Figure:
    """Pictures cropped around the animal; labels as +, predictions as o, a line between the two."""
    n_columns = min(COLUMNS, len(examples))
    n_rows = -(-len(examples) // n_columns)
    side = 9.6 / n_columns
    figure = new_figure(9.6, n_rows * (0.8 * side + 0.28) + 0.35)
    grid = figure.subplots(n_rows, n_columns, squeeze=False)
    for axes, example in zip(grid.flat, examples, strict=False):
        _example(axes, example, animal_size_px)
    for axes in grid.flat[len(examples) :]:
        axes.set_axis_off()
    colors = colors_on_pictures(skeleton.n_keypoints)
    handles = [
        Line2D([], [], marker="+", color="#1d2430", linestyle="none", markersize=8, label="label"),
        Line2D([], [], marker="o", color="#1d2430", linestyle="none", markersize=6, mfc="none", label="prediction"),
        *(
            Line2D([], [], marker="s", color=color, linestyle="none", markersize=6, label=name)
            for name, color in zip(skeleton.keypoints, colors, strict=True)
        ),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=min(8, len(handles)))
    return figure


def _example(axes: Axes, example: Example, animal_size_px: float) -> None:
    left, top, right, bottom = crop_box(example, animal_size_px)
    # The picture is cut before it is shown, so that the file does not grow with the size of the frames.
    extent = (left - 0.5, right - 0.5, bottom - 0.5, top - 0.5)
    axes.imshow(example.image[top:bottom, left:right], extent=extent, interpolation="bilinear")
    outline = [withStroke(linewidth=2.6, foreground=(0, 0, 0, 0.55))]
    for k, color in enumerate(colors_on_pictures(len(example.labeled))):
        label, prediction = example.labeled[k], example.predicted[k]
        if np.isfinite(label).all() and np.isfinite(prediction).all():
            axes.plot(*zip(label, prediction, strict=True), color=color, linewidth=1.0, path_effects=outline)
        axes.plot(*label, "+", color=color, markersize=9, markeredgewidth=1.6, path_effects=outline)
        axes.plot(*prediction, "o", color=color, mfc="none", markersize=6.5, markeredgewidth=1.5, path_effects=outline)
    axes.set(xlim=(left - 0.5, right - 0.5), ylim=(bottom - 0.5, top - 0.5), xticks=[], yticks=[])
    axes.grid(False)
    axes.spines[:].set_visible(False)
    path = PurePosixPath(example.name)
    name = f"{path.parent.name}/{path.name}"
    axes.set_title(f"{name if len(name) <= 34 else '…' + name[-33:]}: {example.mean_error_px:.1f} px", fontsize=8.5)


def crop_box(example: Example, animal_size_px: float) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of the part to show: all labels and predictions with a margin, in the shape 5 : 4."""
    height, width = example.image.shape[:2]
    points = np.concatenate([example.labeled, example.predicted])
    points = points[np.isfinite(points).all(axis=-1)]
    points = np.clip(points, 0, (width - 1, height - 1))
    low, high = points.min(axis=0), points.max(axis=0)
    size = animal_size_px if animal_size_px > 0 else float((high - low).max())
    half = np.maximum((high - low) / 2 + CROP_SHARE * size, LEAST_SHARE * size)
    half = np.maximum(half, [1.25 * half[1], half[0] / 1.25])
    half = np.minimum(half, [width / 2, height / 2])
    center = np.clip((low + high) / 2 + 0.5, half, (width, height) - half)
    left, top = np.floor(center - half).astype(int)
    right, bottom = np.ceil(center + half).astype(int)
    return max(0, int(left)), max(0, int(top)), min(width, int(right)), min(height, int(bottom))


def _binned_median(score: FloatArray, error: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Median error of ten groups of equal numbers of points, ordered by score; fewer when there are few points."""
    order = np.argsort(score, kind="stable")
    groups = [group for group in np.array_split(order, min(10, max(1, len(order) // 8))) if len(group)]
    centers = np.array([np.median(score[group]) for group in groups])
    return centers, np.array([np.median(error[group]) for group in groups])
