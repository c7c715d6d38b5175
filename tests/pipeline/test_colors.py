"""The colors that somebody chose for a study are those of all that is drawn of it."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from made_study import MadeStudy
from markerless.core.skeleton import Skeleton
from markerless.core.tracks import Tracks
from markerless.drawing import palette
from markerless.pipeline.colors import colors_beside, colors_for_run, colors_of
from markerless.project import Project
from markerless.report.style import colors_on_pictures, figure_style, keypoint_colors
from markerless.report.trajectories import View, draw_figures
from recalled import two_runs

CHOSEN = (18, 52, 86)


@pytest.fixture
def colored(study: MadeStudy) -> MadeStudy:
    """The second keypoint has a color of its own."""
    name = study.project.skeleton.keypoints[1]
    with (study.root / "config.yaml").open("a", encoding="utf-8") as config:
        config.write(f"\nkeypoint_colors:\n  {name}: '#123456'\n")
    return study


def test_a_chosen_color_goes_with_the_name(colored: MadeStudy, tmp_path: Path) -> None:
    names = colored.project.skeleton.keypoints
    expected = palette(len(names))
    expected[1] = CHOSEN
    project = Project(colored.root)
    np.testing.assert_array_equal(colors_of(project), expected)
    np.testing.assert_array_equal(colors_beside(colored.video, names), expected)
    np.testing.assert_array_equal(colors_for_run(two_runs(colored)[1])[1], CHOSEN)
    np.testing.assert_array_equal(colors_of(project, names[::-1])[-2], CHOSEN)
    alone = shutil.copy(colored.video, tmp_path / "alone.mp4")
    np.testing.assert_array_equal(colors_beside(Path(alone), names), palette(len(names)))


def test_figures_are_drawn_with_them() -> None:
    tracks = Tracks(Skeleton(("a", "b")), np.random.default_rng(0).random((9, 1, 2, 2)), np.ones((9, 1, 2)), fps=5.0)
    colors = np.array([(200, 30, 10), CHOSEN], np.uint8)
    figure = draw_figures(tracks, View(colors=colors)).figures["position"]
    assert line_colors(figure) == [tuple(color / 255) for color in colors]
    assert line_colors(draw_figures(tracks, View()).figures["position"]) == keypoint_colors(2)


def test_colors_end_with_their_figures_and_pale_ones_are_darkened_on_white() -> None:
    yellow = np.array([(255, 255, 0)], np.uint8)
    with figure_style(yellow):
        assert colors_on_pictures(1) == [(1.0, 1.0, 0.0)]
        red, green, blue = keypoint_colors(1)[0]
        assert (red, blue) == (green, 0.0) and red < 0.8
        assert colors_on_pictures(2) == [tuple(color) for color in palette(2) / 255.0], "of something else"
    assert colors_on_pictures(1) == [tuple(palette(1)[0] / 255.0)]


def line_colors(figure: Figure) -> list[tuple[float, float, float]]:
    return [to_rgb(line.get_color()) for line in figure.axes[0].lines]
