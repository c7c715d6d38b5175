"""NWB files of others: what stands in the place of something else is not searched."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest

from markerless.core.skeleton import Skeleton
from markerless.core.tracks import Tracks
from markerless.formats import nwb

FIELDS = (
    *("scorer", "description", "dimensions", "device", "nodes", "edges", "skeleton", "source_video", "labeled_video"),
    *("original_videos", "labeled_videos", "source_software", "source_software_version"),
    *("namespace", "neurodata_type", "object_id", "pose_estimation_series", "name"),
)


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


def of_keypoints(names: tuple[str, ...], individuals: tuple[str, ...]) -> Tracks:
    points = np.random.default_rng(0).normal(size=(3, len(individuals), len(names), 2))
    edges = ((0, 1), (1, 2)) if len(names) > 2 else ()
    score = np.abs(points[..., 0])
    return Tracks(Skeleton(names, edges), points, score, individuals=individuals, fps=25.0, video="a.mp4", scorer="S")


@pytest.mark.parametrize(
    "names",
    [
        *(("tail", name, "nose") for name in FIELDS),
        FIELDS[::-1],
        ("scorer_", "scorer", "scorer__"),
        ("b/c", "b_c", "b:c"),
    ],
)
@pytest.mark.parametrize("individuals", [("individual_0",), ("ann",), ("ann", "ben ♀"), ("Skeletons", "m/1", "m_1")])
def test_keypoints_may_have_the_names_of_fields(
    names: tuple[str, ...], individuals: tuple[str, ...], tmp_path: Path
) -> None:
    pytest.importorskip("ndx_pose", reason="writing NWB needs the extra nwb")
    tracks = of_keypoints(names, individuals)
    nwb.write(tracks, tmp_path / "a.nwb")
    again = nwb.read(tmp_path / "a.nwb")
    assert (again.skeleton, again.individuals) == (tracks.skeleton, individuals)
    assert (again.fps, again.video, again.scorer) == (25.0, "a.mp4", "S")
    np.testing.assert_array_equal(again.points, tracks.points)
    np.testing.assert_array_equal(again.score, tracks.score)


def test_a_series_with_another_name_is_named_so_among_the_nodes(tmp_path: Path) -> None:
    pytest.importorskip("ndx_pose", reason="writing NWB needs the extra nwb")
    nwb.write(of_keypoints(("nose", "scorer"), ("ann",)), tmp_path / "a.nwb")
    with h5py.File(tmp_path / "a.nwb") as file:
        pose = file["processing/behavior/PoseEstimation"]
        assert [node.decode() for node in pose["skeleton/nodes"][...]] == ["nose", "scorer_"]
        assert pose["scorer"].asstr()[()] == "S"
        assert pose["scorer_"].attrs["description"] == "Keypoint scorer from individual ann."
    nwb.write(of_keypoints(("nose", "tail"), ("ann",)), tmp_path / "b.nwb")
    with h5py.File(tmp_path / "b.nwb") as file:
        assert file["processing/behavior/PoseEstimation/nose"].attrs["description"] == "Keypoint nose"
