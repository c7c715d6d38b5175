"""The page of `check --labelers`: how far apart people place the same points, and the pictures where it is farthest."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from markerless.analysis.label_agreement import Agreement, PointAgreement
from markerless.core.instance import FloatArray
from markerless.drawing import Image, zoomed
from markerless.report.page import Page, Picture
from markerless.report.style import SOFT, figure_style, keypoint_colors, new_figure
from markerless.report.suspects import WIDTH, box_around, mark_pairs, rgb_of
from markerless.video.images import jpeg_bytes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HEADER = ("keypoint", "points", "median px", "mean", "95 %", "largest", "offset x", "y", "only {0}", "only {1}")
SMALLEST_PX = 0.1  # distances below are drawn there: logarithmic axes have no zero
Colors = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class ApartPicture:
    """A frame that two people have labeled.

    Attributes:
        title: For the user, "1. m4s1/img07.png".
        text: Below it.
        image: `(H, W, 3)` uint8 RGB.
        xy: `(2, K, 2)` px: the points of either, NaN where missing.
    """

    title: str
    text: str
    image: Image
    xy: FloatArray


def agreement_page(
    heading: tuple[str, str],
    pairs: Sequence[Agreement],
    pictures: Sequence[Iterable[ApartPicture]],
    notes: Sequence[str],
    look: tuple[float, Colors],
) -> Page:
    """The page, to be written.

    Args:
        heading: Title and a line below it.
        pairs: Every two people who are compared.
        pictures: For each pair the frames where they are farthest apart; each is forgotten once it is drawn.
        notes: Remarks for the user.
        look: Usual size of the animal in px, and `(K, 3)` RGB of the keypoints.
    """
    page = Page(*heading)
    for note in notes:
        page.text(note)
    size, colors = look
    for pair, shown in zip(pairs, pictures, strict=True):
        one, other = pair.people
        whole = pair.all
        if len(pairs) > 1:
            page.heading(f"{one} and {other}")
        page.cards(_cards(pair, whole, size))
        page.text(
            f"Offsets are those of {other} as seen from {one}. If both are equally careful, each of them is off by "
            f"about {whole.mean_px / np.sqrt(2):.1f} px: a network that is measured against one of them can hardly "
            "come closer than that, however good it is."
        )
        rows = [_cells(point) for point in (*pair.by_keypoint(), whole)]
        page.table([cell.format(*pair.people) for cell in HEADER], rows)
        if any(point.is_systematic for point in (*pair.by_keypoint(), whole)):
            page.text("A star: the offset is systematic, chance alone would hardly make it.")
        with figure_style(colors):
            page.figure(
                agreement_figure(pair),
                f"Left: every point that {one} and {other} have both placed; the bar "
                f"is the median. Right: where {other} places it as seen from {one}; the cross is the mean.",
            )
        page.text(f"Where they are farthest apart: a cross is the label of {one}, a ring that of {other}.")
        page.gallery(_drawn(picture, pair.keypoints, size, colors) for picture in shown)
    return page


def agreement_figure(pair: Agreement) -> Figure:
    """Distances by keypoint, and offsets; draw it inside `figure_style()`."""
    names = [point.keypoint for point in pair.by_keypoint()]
    figure = new_figure(9.6, max(0.36 * len(names) + 1.0, 3.9))
    left, right = figure.subplots(1, 2, width_ratios=(1.45, 1))
    colors = keypoint_colors(len(pair.keypoints))
    _draw_distances(left, pair, names, colors)
    _draw_offsets(right, pair, names, colors)
    return figure


def _draw_distances(axes: Axes, pair: Agreement, names: Sequence[str], colors: Sequence[tuple[float, ...]]) -> None:
    rng = np.random.default_rng(0)  # spreads dots that would lie on one another
    for row, name in enumerate(names):
        k = pair.keypoints.index(name)
        apart = pair.distance_px[:, k]
        apart = np.maximum(apart[np.isfinite(apart)], SMALLEST_PX)
        if len(apart):
            heights = row + rng.uniform(-0.26, 0.26, len(apart))
            axes.scatter(apart, heights, s=12, color=colors[k], alpha=0.55, linewidths=0)
            median = float(np.median(apart))
            axes.plot([median, median], [row - 0.36, row + 0.36], color="#1d2430", linewidth=2, solid_capstyle="butt")
    axes.set(xscale="log", xlabel="distance (px)", yticks=range(len(names)), yticklabels=names)
    axes.set_ylim(len(names) - 0.45, -0.55)
    axes.grid(False, axis="y")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter(lambda value, _: f"{value:g}" if f"{value:e}"[0] in "25" else "")


def _draw_offsets(axes: Axes, pair: Agreement, names: Sequence[str], colors: Sequence[tuple[float, ...]]) -> None:
    moved = pair.xy[1] - pair.xy[0]
    axes.axhline(0, color=SOFT, linewidth=0.8)
    axes.axvline(0, color=SOFT, linewidth=0.8)
    for name in names:
        k = pair.keypoints.index(name)
        known = moved[:, k][np.isfinite(moved[:, k]).all(axis=-1)]
        if len(known):
            axes.scatter(known[:, 0], known[:, 1], s=10, color=colors[k], alpha=0.45, linewidths=0)
            x, y = known.mean(axis=0)
            axes.scatter(x, y, marker="+", s=110, color="#1d2430", linewidths=3.6, zorder=3)
            axes.scatter(x, y, marker="+", s=90, color=colors[k], linewidths=1.8, zorder=4)
    apart = pair.distance_px[np.isfinite(pair.distance_px)]
    reach = max(1.1 * float(np.percentile(apart, 98)), SMALLEST_PX) if len(apart) else 1.0
    axes.set(xlim=(-reach, reach), ylim=(reach, -reach), aspect="equal")
    axes.set(xlabel=f"{pair.people[1]} right of {pair.people[0]} (px)", ylabel="below (px)")


def _cards(pair: Agreement, whole: PointAgreement, size: float) -> list[tuple[str, str]]:
    share = f", {100 * whole.median_px / size:.1f} % of the animal" if size > 0 else ""
    return [
        (f"{whole.median_px:.1f} px", f"median distance{share}"),
        (f"{whole.mean_px:.1f} px", "mean distance"),
        (f"{whole.p95_px:.1f} px", "95 of 100 points are closer"),
        (f"{pair.n_frames}", f"frames labeled by both, {whole.n_points} points"),
        (f"{100 * whole.share_only_one:.1f} %", "of points placed by only one of them"),
    ]


def _cells(point: PointAgreement) -> list[str]:
    mark = " *" if point.is_systematic else ""
    numbers = (point.median_px, point.mean_px, point.p95_px, point.max_px)
    return [
        f"{point.keypoint}{mark}",
        f"{point.n_points}",
        *(f"{value:.2f}" if np.isfinite(value) else "-" for value in numbers),
        *(f"{value:+.2f}" if np.isfinite(value) else "-" for value in point.offset_px),
        *(f"{n}" for n in point.n_only),
    ]


def _drawn(picture: ApartPicture, keypoints: Sequence[str], size: float, colors: Colors) -> Picture:
    both = np.isfinite(picture.xy).all(axis=(0, 2))
    box = box_around(picture.xy[:, both].reshape(-1, 2), picture.image.shape[:2], size)
    canvas, to_canvas = zoomed(picture.image, box, WIDTH)
    known = [int(k) for k in np.flatnonzero(np.isfinite(picture.xy).all(axis=-1).any(axis=0))]
    marks = zip(
        to_canvas.apply(picture.xy[0, known]),
        to_canvas.apply(picture.xy[1, known]),
        [rgb_of(colors[k]) for k in known],
        strict=True,
    )
    mark_pairs(canvas, list(marks))
    names = tuple((keypoints[k], rgb_of(colors[k])) for k in known)
    return Picture(jpeg_bytes(canvas), picture.title, picture.text, names)
