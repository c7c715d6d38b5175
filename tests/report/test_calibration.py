"""Figures on stated errors show the numbers they are given."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

from markerless.analysis.calibration import Calibration, StatedErrors, judge
from markerless.report.calibration import add_calibration, expected_error_figure, reliability_figure, risk_figure
from markerless.report.page import Page
from markerless.report.style import figure_style


@pytest.fixture
def calibration() -> Calibration:
    """Forty points, ten each of 1, 2, 3 and 4 px, that say so; the first twenty are within 2.5 px."""
    error = np.repeat([1.0, 2.0, 3.0, 4.0], 10)
    probability = np.repeat([0.9, 0.8, 0.3, 0.6], 10)
    return judge(StatedErrors(error, probability, 2.5, error, error + 0.5))


def line(figure: Figure, panel: int, label: str | None = None) -> tuple[list[float], list[float]]:
    """Points of a line by the beginning of its label; the first without one."""
    lines = figure.axes[panel].get_lines()
    chosen = next(entry for entry in lines if label is None or str(entry.get_label()).startswith(label))
    return list(np.asarray(chosen.get_xdata())), list(np.asarray(chosen.get_ydata()))


def test_figures_show_what_was_found(calibration: Calibration) -> None:
    with figure_style():
        stated, found = line(reliability_figure(calibration), 0, "found, 10 points each")
        assert stated == pytest.approx([0.3, 0.6, 0.8, 0.9])
        assert found == pytest.approx([0, 0, 1, 1])
        expected, actual = line(expected_error_figure(calibration.expected), 0, "found")
        assert expected == actual == pytest.approx([1, 2, 3, 4])
        dropped, mean = line(risk_figure(calibration), 0)
        assert (min(dropped), max(dropped)) == pytest.approx((0, 75))  # equal expected errors stay together
        assert (mean[0], mean[-1]) == pytest.approx((2.5, 1))


def test_the_page_has_words_and_figures(calibration: Calibration) -> None:
    page = Page("Evaluation")
    with figure_style():
        add_calibration(page, calibration, "test")
    html = page.html()
    assert "Are the stated errors true? (test)" in html
    assert html.count("<img") == 3
    assert "<li>Probabilities of being within 2.5 px are off by" in html
    assert "<li>100 % of the errors are within their 90 % bound.</li>" in html


def test_a_perfect_model_without_errors_has_figures_too() -> None:
    told = judge(StatedErrors(np.zeros(4), np.ones(4), 1.0, np.zeros(4), np.zeros(4)))
    with figure_style():
        for figure in (reliability_figure(told), expected_error_figure(told.expected), risk_figure(told)):
            assert figure.axes[0].get_ylim()[1] > 0
