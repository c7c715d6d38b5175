"""The demo's picture shows the medians it was given, also with missing predictions."""

from __future__ import annotations

import numpy as np

from markerless.core.skeleton import Skeleton
from markerless.core.tracks import Tracks
from markerless.report.truth import Comparison, truth_figure


def test_medians_and_both_paths_are_shown() -> None:
    truth = np.zeros((20, 2, 2)) + np.arange(20)[:, None, None]
    predicted = truth + np.array([3.0, 4.0])
    predicted[5:7, 1] = np.nan
    tracks = Tracks(Skeleton(("nose", "tail")), predicted[:, None], np.ones((20, 1, 2)), fps=10.0)
    error = np.linalg.norm(predicted - truth, axis=-1)
    figure = truth_figure(Comparison(tracks, truth, error, np.zeros((60, 80, 3), np.uint8)))
    _, errors, path = figure.axes
    legend = errors.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["nose, median 5.0 px", "tail, median 5.0 px"]
    true_line, predicted_line = (np.array(line.get_xydata(), dtype=np.float64) for line in path.lines)
    np.testing.assert_allclose(true_line, np.stack([np.arange(20) / 10, np.arange(20)], axis=-1))
    np.testing.assert_allclose(predicted_line[:, 1] - true_line[:, 1], 3.0)
