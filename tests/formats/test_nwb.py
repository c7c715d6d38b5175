"""NWB files of others: what stands in the place of something else is not searched."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest

from markerless.formats import nwb


def small_file(path: Path) -> Path:
    """One animal of one keypoint, three frames, as ndx-pose lays it out."""
    with h5py.File(path, "w") as file:
        file.attrs["nwb_version"] = "2.7.0"
        pose = file.create_group("processing/behavior/PoseEstimation")
        pose.attrs["neurodata_type"] = "PoseEstimation"
        series = pose.create_group("nose")
        series.attrs["neurodata_type"] = "PoseEstimationSeries"
        series["data"] = np.arange(6.0).reshape(3, 2)
        series["confidence"] = np.full(3, 0.5)
        series["timestamps"] = np.arange(3) / 25
    return path


@pytest.mark.parametrize("name", ["skeleton", "source_video", "series"])
def test_an_array_in_the_place_of_a_group_is_not_searched(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = small_file(tmp_path / "a.nwb")
    expected = nwb.read(path)
    assert expected.fps == pytest.approx(25)
    with h5py.File(path, "r+") as file:
        node = file["processing/behavior/PoseEstimation"].create_dataset(name, (10**12,), "f8", chunks=(1000,))
        node.attrs["neurodata_type"] = "PoseEstimationSeries" if name == "series" else "Skeleton"

    def searched(_node: h5py.Dataset) -> Iterator[float]:
        raise AssertionError("h5py walks through all numbers of an array")

    monkeypatch.setattr(h5py.Dataset, "__iter__", searched)
    np.testing.assert_array_equal(nwb.read(path).points, expected.points)
