"""Tracks: shapes are checked, scores decide what is present."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from markerless.core.skeleton import Skeleton
from markerless.core.tracks import Tracks
from markerless.errors import LabelsError

NAN = float("nan")


def tracks(**changes: Any) -> Tracks:
    values: dict[str, Any] = {
        "skeleton": Skeleton(("nose", "tail")),
        "points": np.zeros((5, 1, 2, 2)),
        "score": np.ones((5, 1, 2)),
    }
    return Tracks(**{**values, **changes})


def test_sizes() -> None:
    assert (tracks().n_frames, tracks().n_individuals) == (5, 1)


def test_three_dimensions_are_allowed() -> None:
    assert tracks(points=np.zeros((5, 1, 2, 3))).points.shape[-1] == 3


@pytest.mark.parametrize(
    "wrong",
    [
        {"points": np.zeros((5, 1, 2, 4))},
        {"points": np.zeros((5, 1, 3, 2))},
        {"points": np.zeros((5, 2, 2))},
        {"points": np.zeros((5, 2, 2, 2))},
        {"score": np.ones((4, 1, 2))},
        {"error": np.ones((5, 2))},
    ],
)
def test_shapes_that_contradict_each_other_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(LabelsError, match=r"expected .* got \("):
        tracks(**wrong)


def test_present_needs_a_point_and_enough_score() -> None:
    points = np.array([[[[1, 1], [2, 2]]], [[[NAN, NAN], [2, 2]]], [[[1, 1], [NAN, 3]]]])
    score = np.array([[[0.9, 0.4]], [[0.9, 0.5]], [[NAN, 0.9]]])
    result = tracks(points=points, score=score)
    assert result.present().tolist() == [[[True, True]], [[False, True]], [[True, False]]]
    assert result.present(0.5).tolist() == [[[True, False]], [[False, True]], [[True, False]]]
