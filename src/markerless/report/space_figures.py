"""Figures of points in space: lengths of bones over time, how far cameras and points disagree, positions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from markerless.core.file_names import file_parts
from markerless.core.instance import FloatArray
from markerless.core.tracks import Tracks
from markerless.core.views import GOOD, STATES, Views
from markerless.report.page import Page
from markerless.report.style import SOFT, figure_style, keypoint_colors, legend_below, new_figure
from markerless.report.trajectories import (
    TrackFigures,
    duration,
    number,
    rolling_median,
    thinned,
    time_axis,
)

_ROBUST = 1.4826  # standard deviation of a normal distribution over its median absolute deviation
_BAND = 0.1  # of a bone's median length, drawn to both sides
_MOST_BONES = 12
_SEEN = 98.0  # percent of the lengths and distances that a panel shows
_WINDOW_S, _WINDOW_FRAMES = 0.5, 25  # of running medians
_AXIS_SD = 0.627  # of a mean distance in space, for one axis: sqrt(pi / 8)


@dataclass(frozen=True)
class Bone:
    """A pair of keypoints and how far apart they are.

    Attributes:
        name: Of both.
        individual: Index of the animal.
        ends: Indices of the keypoints.
        length: `(T,)` in the unit of the points; NaN where one is missing.
    """

    name: str
    individual: int
    ends: tuple[int, int]
    length: FloatArray

    @property
    def median(self) -> float:
        """Median length; NaN without one."""
        known = self.length[np.isfinite(self.length)]
        return float(np.median(known)) if known.size else float("nan")

    @property
    def spread(self) -> float:
        """Standard deviation over the mean."""
        known = self.length[np.isfinite(self.length)]
        return float(known.std() / known.mean()) if known.size > 1 and known.mean() > 0 else float("nan")

    @property
    def robust_spread(self) -> float:
        """As `spread`, of the middle of the lengths: a few wrong ones do not count."""
        known = self.length[np.isfinite(self.length)]
        if known.size < 2 or not self.median > 0:
            return float("nan")
        return float(_ROBUST * np.median(np.abs(known - self.median)) / self.median)


def bones_of(tracks: Tracks, present: npt.NDArray[np.bool_]) -> list[Bone]:
    """The edges of the skeleton; without edges, those pairs of keypoints that keep their distance best and connect all.

    Args:
        tracks: Points in space.
        present: `(T, N, K)` which of them count.
    """
    points = np.where(present[..., None], tracks.points, np.nan)
    found = []
    for n in range(tracks.n_individuals):
        pairs = tracks.skeleton.edges or _steady_pairs(points[:, n])
        for a, b in pairs:
            name = " - ".join(tracks.skeleton.keypoints[k] for k in (a, b))
            name = f"{tracks.individuals[n]} {name}" if tracks.n_individuals > 1 else name
            found.append(Bone(name, n, (a, b), np.linalg.norm(points[:, n, a] - points[:, n, b], axis=-1)))
    return found


def draw_space_figures(tracks: Tracks, views: Views | None, unit: str, cutoff: float = 0.0) -> TrackFigures:
    """All figures of a result in space.

    Args:
        tracks: Points `(T, N, K, 3)`.
        views: What the cameras say of them; None draws none of that.
        unit: Of the points; "" when the scale is not known.
        cutoff: Points with a lower score are left out.
    """
    present = tracks.present(cutoff)
    figures: dict[str, Figure] = {}
    captions: dict[str, str] = {}
    with figure_style():
        bones = bones_of(tracks, present)
        if bones:
            figures["bones"] = _bones(tracks, bones[:_MOST_BONES], unit)
            captions["bones"] = (
                "Lengths over time. Dots are moments, the line is their running median, the band 10 % about the median "
                "of all. Bones keep their length: what varies is error, or a body part that bends."
                + ("" if tracks.skeleton.edges else " There is no skeleton: the pairs are those that vary least.")
                + (f" The first {_MOST_BONES} of {len(bones)} bones." if len(bones) > _MOST_BONES else "")
            )
        if views is not None and np.isfinite(views.reprojection_px).any():
            figures["reprojection"] = _reprojection(tracks, views, present)
            captions["reprojection"] = (
                "Distance between what a camera saw and where it should have seen the point, over time: median of the "
                "keypoints, in the band half of them. Where one camera rises, it was pushed or its frames are late."
            )
            figures["reprojection-histogram"] = _histogram(views, present)
            captions["reprojection-histogram"] = (
                "The same distances of all points that were made of the camera; a line at the median."
            )
        parts = file_parts(tracks.individuals)
        for n, individual in enumerate(tracks.individuals):
            several = tracks.n_individuals > 1
            name = f"position-{parts[n]}" if several else "position"
            figures[name] = _positions(tracks, present, n, unit)
            captions[name] = (
                f"Position{f' of {individual}' if several else ''} along each axis over time. Gaps are missing points."
                + ("" if tracks.error is None else " The band around a line is the expected error.")
            )
    return TrackFigures(figures, captions)


def build_space_page(
    tracks: Tracks, views: Views | None, drawn: TrackFigures, title: str, words: tuple[str, tuple[str, ...], float]
) -> Page:
    """One HTML page of all figures, with tables of bones, keypoints and cameras.

    Args:
        tracks: Points in space.
        views: What the cameras say of them.
        drawn: The figures.
        title: Of the page.
        words: Unit of the points, remarks for the user, and the cut-off.
    """
    unit, notes, cutoff = words
    page = Page(title, ", ".join(views.names) if views is not None else "")
    if notes:
        page.items(notes)
    present = tracks.present(cutoff)
    error = np.full(0, np.nan) if tracks.error is None else tracks.error[present]
    page.cards(
        [
            (f"{tracks.n_frames:,}", "moments"),
            (duration(tracks), "duration"),
            (f"{100 * present.mean():.1f} %" if present.size else "-", "of points in space"),
            (number(error, np.nanmedian, "{:.3g} " + unit).strip(), "median expected error"),
        ]
    )
    bones = bones_of(tracks, present)
    if bones:
        page.heading("Bones")
        page.text(
            "How much a length varies is the robust standard deviation over the median, and with outliers the standard "
            "deviation over the mean; beside it what the expected errors of both ends alone would make of it."
        )
        page.table(
            ["bone", "moments", f"median length{_in(unit)}", "varies by", "with outliers", "expected of errors"],
            [_bone_row(tracks, bone) for bone in bones],
        )
    page.heading("Keypoints")
    names = views.names if views is not None else ()
    page.table(
        ["keypoint", "in space", "contradictory", f"expected error{_in(unit)}", *(f"{name} (px)" for name in names)],
        _keypoint_rows(tracks, views, present),
    )
    page.heading("Figures")
    for name, figure in drawn.figures.items():
        page.figure(figure, drawn.captions[name])
    return page


def _in(unit: str) -> str:
    return f" ({unit})" if unit else ""


def _bone_row(tracks: Tracks, bone: Bone) -> list[str]:
    expected = "-"
    if tracks.error is not None and np.isfinite(bone.median) and bone.median > 0:
        ends = tracks.error[:, bone.individual, list(bone.ends)]
        both = np.hypot(ends[:, 0], ends[:, 1])[np.isfinite(bone.length)]
        expected = f"{100 * _AXIS_SD * float(np.median(both)) / bone.median:.1f} %" if both.size else "-"
    return [
        bone.name,
        f"{int(np.isfinite(bone.length).sum()):,}",
        f"{bone.median:.4g}" if np.isfinite(bone.median) else "-",
        f"{100 * bone.robust_spread:.1f} %" if np.isfinite(bone.robust_spread) else "-",
        f"{100 * bone.spread:.1f} %" if np.isfinite(bone.spread) else "-",
        expected,
    ]


def _keypoint_rows(tracks: Tracks, views: Views | None, present: npt.NDArray[np.bool_]) -> list[list[str]]:
    rows = []
    for n, individual in enumerate(tracks.individuals):
        for k, name in enumerate(tracks.skeleton.keypoints):
            error = np.full(1, np.nan) if tracks.error is None else tracks.error[:, n, k]
            state = views.state[:, n, k] if views is not None else np.full(0, GOOD)
            torn = f"{100 * np.mean(state == STATES.index('contradictory')):.1f} %" if state.size else "-"
            off = (
                [] if views is None else [number(one[:, n, k], np.nanmedian, "{:.2f}") for one in views.reprojection_px]
            )
            rows.append(
                [
                    f"{individual} {name}" if tracks.n_individuals > 1 else name,
                    f"{100 * present[:, n, k].mean():.1f} %",
                    torn,
                    number(error, np.nanmedian, "{:.3g}"),
                    *off,
                ]
            )
    return rows


def _steady_pairs(points: FloatArray) -> tuple[tuple[int, int], ...]:
    """Pairs that connect all keypoints of `(T, K, 3)`, those first whose distance varies least (Prim's tree)."""
    n_keypoints = points.shape[1]
    spread = np.full((n_keypoints, n_keypoints), np.inf)
    for a in range(n_keypoints):
        for b in range(a + 1, n_keypoints):
            length = Bone("", 0, (a, b), np.linalg.norm(points[:, a] - points[:, b], axis=-1))
            if np.isfinite(length.robust_spread):
                spread[a, b] = spread[b, a] = length.robust_spread
    if not np.isfinite(spread).any():
        return ()
    reached = [int(np.unravel_index(spread.argmin(), spread.shape)[0])]
    pairs: list[tuple[int, int]] = []
    while len(reached) < n_keypoints:
        rest = [k for k in range(n_keypoints) if k not in reached]
        part = spread[np.ix_(reached, rest)]
        if not np.isfinite(part).any():
            break
        row, column = (int(index) for index in np.unravel_index(part.argmin(), part.shape))
        pairs.append((reached[row], rest[column]))
        reached.append(rest[column])
    return tuple(sorted((min(pair), max(pair)) for pair in pairs))


def _window(tracks: Tracks, keep: npt.NDArray[np.int64]) -> int:
    """Of running medians, in the moments of `keep`."""
    known = np.isfinite(tracks.fps) and tracks.fps > 0
    window = _WINDOW_S * tracks.fps if known else _WINDOW_FRAMES
    return max(3, round(window / (keep[1] - keep[0]))) if len(keep) > 1 else 3


def _bones(tracks: Tracks, bones: list[Bone], unit: str) -> Figure:
    n_columns = 2 if len(bones) > 3 else 1
    n_rows = -(-len(bones) // n_columns)
    figure = new_figure(9.6, 1.55 * n_rows + 0.6)
    grid = figure.subplots(n_rows, n_columns, sharex=True, squeeze=False)
    time, label = time_axis(tracks)
    keep = thinned(len(time))
    colors = keypoint_colors(tracks.skeleton.n_keypoints)
    for axes, bone in zip(grid.flat, bones, strict=False):
        color = colors[bone.ends[1]]
        axes.plot(time[keep], bone.length[keep], ".", color=color, markersize=1.8, alpha=0.45)
        median = rolling_median(bone.length[keep], _window(tracks, keep))
        axes.plot(time[keep], median, color=color, linewidth=1.4)
        told = f"{bone.name}: {bone.median:.3g} {unit}".rstrip() if np.isfinite(bone.median) else bone.name
        if np.isfinite(bone.median):
            axes.axhspan((1 - _BAND) * bone.median, (1 + _BAND) * bone.median, color=color, alpha=0.1, linewidth=0)
            low, high = np.nanpercentile(bone.length, [(100 - _SEEN) / 2, (100 + _SEEN) / 2])
            room = max(0.5 * _BAND * bone.median, 0.1 * (high - low))
            axes.set_ylim(
                max(0.0, min(low, (1 - _BAND) * bone.median) - room), max(high, (1 + _BAND) * bone.median) + room
            )
            told += f", varies by {100 * bone.robust_spread:.1f} %"
        axes.set_title(told)
        axes.margins(x=0.01)
    for axes in list(grid.flat)[len(bones) :]:
        axes.set_visible(False)
    for axes in list(grid.flat)[: len(bones)][-n_columns:]:
        axes.xaxis.set_tick_params(labelbottom=True)
        axes.set_xlabel(label)
    figure.supylabel(f"length{_in(unit)}", color=SOFT, fontsize=9.5)
    return figure


def _reprojection(tracks: Tracks, views: Views, present: npt.NDArray[np.bool_]) -> Figure:
    figure = new_figure(9.6, 1.5 * len(views.names) + 0.6)
    grid = figure.subplots(len(views.names), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    time, label = time_axis(tracks)
    keep = thinned(len(time))
    top = 0.0
    for axes, color, name, off in zip(
        grid, keypoint_colors(len(views.names)), views.names, views.reprojection_px, strict=True
    ):
        whole = np.where(present, off, np.nan).reshape(len(off), -1)
        values = whole[keep]
        low, middle, high = (np.full(len(keep), np.nan) for _ in range(3))
        some = np.isfinite(values).any(axis=1)
        low[some], middle[some], high[some] = np.nanpercentile(values[some], [25, 50, 75], axis=1)
        axes.fill_between(time[keep], low, high, color=color, alpha=0.25, linewidth=0)
        axes.plot(time[keep], middle, color=color, linewidth=0.7, alpha=0.7)
        axes.plot(time[keep], rolling_median(middle, _window(tracks, keep)), color=color, linewidth=1.6)
        axes.set_title(f"{name}: median {number(whole, np.nanmedian, '{:.2f} px')}")
        axes.set_ylabel("px")
        axes.margins(x=0.01)
        top = max(top, float(np.nanpercentile(high[some], _SEEN)) if some.any() else 0.0)
    grid[0].set_ylim(0, 1.15 * top if top > 0 else 1.0)
    grid[-1].set_xlabel(label)
    return figure


def _histogram(views: Views, present: npt.NDArray[np.bool_]) -> Figure:
    figure = new_figure(9.6, 3.4)
    axes = figure.subplots()
    of_camera = [
        off[used & present & np.isfinite(off)] for off, used in zip(views.reprojection_px, views.used, strict=True)
    ]
    every = np.concatenate(of_camera)
    top = float(np.percentile(every, 99)) if every.size else 1.0
    bins = list(np.linspace(0, max(top, 1e-3), 60))
    for color, name, off in zip(keypoint_colors(len(views.names)), views.names, of_camera, strict=True):
        axes.hist(np.minimum(off, bins[-1]), bins=bins, histtype="step", color=color, linewidth=1.4, label=name)
        if off.size:
            axes.axvline(float(np.median(off)), color=color, linewidth=1.0, linestyle=":")
    axes.set(xlabel="distance in the picture (px); the last bin holds the rest", ylabel="points", xlim=(0, bins[-1]))
    legend_below(figure, axes)
    return figure


def _positions(tracks: Tracks, present: npt.NDArray[np.bool_], n: int, unit: str) -> Figure:
    figure = new_figure(9.6, 6.2)
    rows = figure.subplots(3, 1, sharex=True)
    time, label = time_axis(tracks)
    keep = thinned(len(time))
    points = np.where(present[:, n, :, None], tracks.points[:, n], np.nan)
    for axis, axes in enumerate(rows):
        for k, color in enumerate(keypoint_colors(tracks.skeleton.n_keypoints)):
            values = points[keep, k, axis]
            axes.plot(time[keep], values, color=color, label=tracks.skeleton.keypoints[k], linewidth=1.0)
            if tracks.error is not None:
                error = tracks.error[keep, n, k]
                axes.fill_between(time[keep], values - error, values + error, color=color, alpha=0.2, linewidth=0)
        known = points[..., axis][np.isfinite(points[..., axis])]
        if known.size:  # those of nearly all points: one doubtful point must not make the others small
            low, high = np.percentile(known, [0.3, 99.7])
            room = 0.08 * max(high - low, 1e-9)
            axes.set_ylim(low - room, high + room)
        axes.set_ylabel(f"{'xyz'[axis]}{_in(unit)}")
    rows[0].margins(x=0.01)
    rows[-1].set_xlabel(label)
    legend_below(figure, rows[0])
    return figure
