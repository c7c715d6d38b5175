"""Lightning Pose's prediction tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from markerless.core.skeleton import Skeleton
from markerless.core.tracks import Tracks
from markerless.errors import FormatError
from markerless.formats import lightning_pose

PREDICTIONS = """scorer,heatmap_tracker,heatmap_tracker,heatmap_tracker,set
bodyparts,nose,nose,nose,
coords,x,y,likelihood,
labeled-data/v/img1.png,1.5,2.5,0.9,train
labeled-data/v/img2.png,3.5,4.5,0.8,test
"""


def test_predictions_of_images(tmp_path: Path) -> None:
    path = tmp_path / "predictions.csv"
    path.write_text(PREDICTIONS, encoding="utf-8")
    tracks = lightning_pose.read(path)
    assert tracks.skeleton.keypoints == ("nose",)
    assert tracks.points[:, 0, 0].tolist() == [[1.5, 2.5], [3.5, 4.5]]
    assert tracks.provenance == {
        "images": ["labeled-data/v/img1.png", "labeled-data/v/img2.png"],
        "sets": ["train", "test"],
    }
    lightning_pose.write(tracks, tmp_path / "again.csv")
    again = lightning_pose.read(tmp_path / "again.csv")
    assert again.provenance == tracks.provenance
    np.testing.assert_array_equal(again.points, tracks.points)


def test_results_of_a_video_have_no_set(tmp_path: Path) -> None:
    tracks = Tracks(Skeleton(("nose",)), np.ones((2, 1, 1, 2)), np.ones((2, 1, 1)), individuals=("mouse",), scorer="S")
    lightning_pose.write(tracks, tmp_path / "v.csv")
    assert (tmp_path / "v.csv").read_text(encoding="utf-8") == (
        "scorer,S,S,S\nbodyparts,nose,nose,nose\ncoords,x,y,likelihood\n0,1.0,1.0,1.0\n1,1.0,1.0,1.0\n"
    )


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    two = Tracks(Skeleton(("nose",)), np.ones((2, 2, 1, 2)), np.ones((2, 2, 1)), individuals=("a", "b"))
    with pytest.raises(FormatError, match="one animal"):
        lightning_pose.write(two, tmp_path / "v.csv")
    with pytest.raises(FormatError, match=r"\.csv"):
        lightning_pose.write(two, tmp_path / "v.h5")
