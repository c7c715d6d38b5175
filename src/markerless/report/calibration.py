"""The part of the page of an evaluation that says whether stated errors are true."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from markerless.analysis.calibration import Bins, Calibration
from markerless.report.page import Page
from markerless.report.style import SOFT, SPLIT_COLORS, legend_below, new_figure

COLOR = SPLIT_COLORS["test"]


def add_calibration(page: Page, calibration: Calibration, split: str) -> None:
    """Words and figures; call it inside `figure_style()`.

    Args:
        page: Where they go.
        calibration: What was found.
        split: Name of the frames, for captions.
    """
    page.heading(f"Are the stated errors true? ({split})")
    page.items([f"{line[0].upper()}{line[1:]}." for line in calibration.lines()])
    page.figure(
        reliability_figure(calibration),
        f"Stated probability of being within {calibration.tolerance_px:.1f} px against the share of points that are, "
        "in groups of equal numbers of points. True probabilities lie on the dotted line, and by chance in the bars.",
    )
    page.figure(
        expected_error_figure(calibration.expected),
        "Expected against actual mean error, in groups of equal numbers of points. On the dotted line both are equal.",
    )
    page.figure(
        risk_figure(calibration),
        "Errors of the points that are left when the least certain ones are dropped. A curve that falls says that the "
        "network knows which of its points are bad.",
    )


def reliability_figure(calibration: Calibration) -> Figure:
    """Share of points within the tolerance against the stated probability, beside what chance gives."""
    bins = calibration.reliability
    figure = new_figure(9.6, 4.2)
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color=SOFT, linestyle=":", linewidth=1.2, label="true probabilities")
    low, high = calibration.by_chance.T
    axes.vlines(bins.stated, low, high, color=SOFT, alpha=0.35, linewidth=7, label="their range by chance (95 %)")
    axes.plot(bins.stated, bins.found, "o-", color=COLOR, markersize=6, linewidth=1.6, label=_found(bins))
    axes.set(
        xlim=(-0.02, 1.02),
        ylim=(-0.03, 1.08),
        xlabel=f"stated probability of being within {calibration.tolerance_px:.1f} px",
        ylabel="share of points that are",
    )
    legend_below(figure, axes)
    return figure


def expected_error_figure(bins: Bins) -> Figure:
    """Actual against expected mean error."""
    figure = new_figure(9.6, 4.2)
    axes = figure.subplots()
    values = np.concatenate([bins.stated, bins.found])
    limits = [0.0, 1.12 * float(values.max()) or 1.0]
    axes.plot(limits, limits, color=SOFT, linestyle=":", linewidth=1.2, label="expected = actual")
    axes.plot(bins.stated, bins.found, "o-", color=COLOR, markersize=6, linewidth=1.6, label=_found(bins))
    axes.set(xlim=limits, ylim=limits, xlabel="expected error (px)", ylabel="actual mean error (px)")
    legend_below(figure, axes)
    return figure


def risk_figure(calibration: Calibration) -> Figure:
    """Mean and 95th percentile of the errors that are left, against the share of points dropped."""
    risk = calibration.risk
    dropped = 100 * (1 - risk.kept)
    figure = new_figure(9.6, 3.6)
    panels = figure.subplots(1, 2)
    panels[0].plot(dropped, risk.mean_px, "o-", color=COLOR, markersize=3.5, linewidth=1.6)
    panels[0].set(title="Mean", ylabel="mean error (px)")
    panels[1].plot(dropped, risk.p95_px, "o-", color=COLOR, markersize=3.5, linewidth=1.6)
    panels[1].set(title="95 % of the points are within", ylabel="error (px)")
    for axes, values in zip(panels, (risk.mean_px, risk.p95_px), strict=True):
        axes.axhline(values[0], color=SOFT, linestyle=":", linewidth=1.2)
        axes.set(xlabel="least certain points dropped (%)", ylim=(0, 1.1 * float(values.max()) or 1.0))
    return figure


def _found(bins: Bins) -> str:
    """What a dot stands for."""
    least, most = int(bins.count.min()), int(bins.count.max())
    return f"found, {least:,} points each" if least == most else f"found, {least:,} to {most:,} points each"
