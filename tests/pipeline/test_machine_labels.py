"""Predictions as starting labels: the files are DeepLabCut's, as pandas sees them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from made_study import MadeStudy, make_study
from markerless.formats import dlc
from markerless.pipeline.machine_labels import write_machine_labels
from reviewed import tracks_with_mistakes


@pytest.fixture
def study(tmp_path: Path) -> MadeStudy:
    return make_study(tmp_path / "study", n_frames=60, n_labeled=0)


def test_the_files_are_as_deeplabcut_writes_them(study: MadeStudy) -> None:
    tracks = tracks_with_mistakes(study)
    h5, csv = write_machine_labels(study.project, "cage1", tracks, {7: "img07.png", 31: "img31.png"})
    assert (h5.name, csv.name) == ("machinelabels-iter0.h5", "machinelabels.csv")
    table = pd.read_hdf(h5)
    assert isinstance(table, pd.DataFrame)
    assert list(table.columns.names) == ["scorer", "bodyparts", "coords"]
    assert list(table.index) == [("labeled-data", "cage1", "img07.png"), ("labeled-data", "cage1", "img31.png")]
    values = table.to_numpy().reshape(2, -1, 3)
    np.testing.assert_allclose(values[..., :2], tracks.points[[7, 31], 0])
    np.testing.assert_allclose(values[..., 2], tracks.score[[7, 31], 0])
    again = pd.read_csv(csv, header=[0, 1, 2], index_col=[0, 1, 2])
    np.testing.assert_allclose(again.to_numpy(), table.to_numpy())


def test_other_rows_stay_and_the_same_picture_is_replaced(study: MadeStudy) -> None:
    tracks = tracks_with_mistakes(study)
    write_machine_labels(study.project, "cage1", tracks, {7: "img07.png", 31: "img31.png"})
    moved = replace(tracks, points=tracks.points + 3)
    h5, csv = write_machine_labels(study.project, "cage1", moved, {31: "img31.png", 9: "img09.png"})
    for path in (h5, csv):
        rows = dlc.read(path)
        assert [name[-9:] for name in rows.provenance["images"]] == ["img07.png", "img09.png", "img31.png"]
        expected = [tracks.points[7], moved.points[9], moved.points[31]]
        np.testing.assert_allclose(rows.points, np.stack(expected))


def test_rows_of_other_keypoints_give_way(study: MadeStudy) -> None:
    tracks = tracks_with_mistakes(study)
    write_machine_labels(study.project, "cage1", tracks, {7: "img07.png"})
    names = study.project.skeleton.keypoints[:2]
    fewer = replace(
        tracks,
        skeleton=type(tracks.skeleton)(names),
        points=tracks.points[:, :, :2],
        score=tracks.score[:, :, :2],
        error=None,
    )
    h5, _ = write_machine_labels(study.project, "cage1", fewer, {9: "img09.png"})
    assert dlc.read(h5).skeleton.keypoints == names


def test_the_iteration_of_the_config_is_in_the_name(study: MadeStudy) -> None:
    project = study.project
    project.config["iteration"] = 3
    h5, _ = write_machine_labels(project, "cage1", tracks_with_mistakes(study), {7: "img07.png"})
    assert h5.name == "machinelabels-iter3.h5"
