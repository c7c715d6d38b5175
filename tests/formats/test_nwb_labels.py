"""Labels in NWB: what we write we read again, and so does sleap-io; what sleap-io writes we read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from markerless.core.instance import Instance, Visibility
from markerless.core.labels import LabeledFrame, Labels
from markerless.core.skeleton import Skeleton
from markerless.errors import LabelsError
from markerless.formats import nwb, nwb_labels, sleap_labels
from markerless.formats._sniff import open_any
from markerless.pipeline.convert import convert
from markerless.video.images import write_image
from markerless.video.writer import VideoWriter

pytest.importorskip("ndx_pose", reason="writing NWB comes with the extra nwb")


def made_labels() -> Labels:
    """Two animals in two folders, one point hidden, one absent; a frame without an animal; two people."""
    skeleton = Skeleton(("nose", "earL", "earR"), ((0, 1), (0, 2)))
    one = Instance.from_xy([[1.25, 2.5], [3.0, 4.0], [np.nan, np.nan]], "ann")
    hidden = np.array([Visibility.VISIBLE, Visibility.OCCLUDED, Visibility.ABSENT], np.int8)
    two = Instance.from_xy([[7.0, 8.0], [9.0, 10.0], [11.0, 12.0]], "bob/x")
    frames = (
        LabeledFrame("labeled-data/v/img07.png", (replace(one, visibility=hidden), two), "Ann"),
        LabeledFrame("labeled-data/v/img03.png", (), "Ann"),
        LabeledFrame("labeled-data/w/img1.png", (two,), "Bo"),
    )
    return Labels(skeleton, frames, ("ann", "bob/x"))


def test_everything_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "a.nwb"
    nwb_labels.write(made_labels(), path)
    name, found = open_any(path)
    assert name == "nwb_labels" and isinstance(found, Labels)
    expected = made_labels()
    assert found.images == expected.images and found.skeleton == expected.skeleton
    assert found.individuals == ("ann", "bob_x")  # NWB allows no /
    np.testing.assert_array_equal(found.xy(), expected.xy())
    assert [frame.labeler for frame in found.frames] == ["Ann", "Ann", "Bo"] and found.frames[1].instances == ()
    for one, other in zip(found.frames, expected.frames, strict=True):
        for mine, theirs in zip(one.instances, other.instances, strict=True):
            assert mine.visibility.tolist() == theirs.visibility.tolist()


def test_a_file_of_both_gives_what_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "a.nwb"
    nwb_labels.write(made_labels(), path)
    with h5py.File(path, "r+") as file:
        pose = file.create_group("processing/behavior/PoseEstimation")
        pose.attrs["neurodata_type"] = "PoseEstimation"
        series = pose.create_group("nose")
        series.attrs["neurodata_type"] = "PoseEstimationSeries"
        series["data"], series["confidence"] = np.arange(6.0).reshape(3, 2), np.full(3, 0.5)
    assert open_any(path)[0] == "nwb" and open_any(path, "labels")[0] == "nwb_labels"
    assert nwb.read(path).points.shape == (3, 1, 1, 2) and len(nwb_labels.read(path)) == 3


def test_a_file_of_predictions_is_no_labels(shared_data: Path) -> None:
    path = shared_data / "interop" / "nwb" / "0.3.0_poseestimation_one_camera.nwb"
    assert nwb_labels.sniff(path) == 0 and open_any(path)[0] == "nwb"
    with pytest.raises(LabelsError, match="PoseTraining"):
        nwb_labels.read(path)


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        ("source_video_frame_index", "expected frames 0 to 0 of a list of pictures, got 99"),
        ("node_locations", "expected 3 places of x and y"),
        ("node_visibility", "expected 3 visibilities"),
        ("skeleton", "expected a skeleton"),
    ],
)
def test_what_does_not_fit_is_one_line(damage: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "a.nwb"
    nwb_labels.write(made_labels(), path)
    with h5py.File(path, "r+") as file:
        frame = file["processing/behavior/PoseTraining/training_frames/training_frame_0"]
        animal = frame["skeleton_instances/ann"]
        if damage == "source_video_frame_index":
            frame.attrs[damage] = 99
        else:
            del animal[damage]
        if damage == "node_locations":
            animal[damage] = np.zeros((2, 2))
        elif damage == "node_visibility":
            animal[damage] = np.ones(5, bool)
    with pytest.raises(LabelsError, match=says) as caught:
        nwb_labels.read(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def images_of(name: str | list[str]) -> list[str]:
    """What sleap-io calls the file of a video."""
    return [Path(one).as_posix() for one in ([name] if isinstance(name, str) else name)]


def test_sleap_io_reads_ours(tmp_path: Path) -> None:
    sio = pytest.importorskip("sleap_io", reason="the oracle sleap-io comes with the extra dev")
    labels = made_labels()
    for frame in labels.frames:  # it opens the pictures
        write_image(tmp_path / frame.image, np.zeros((20, 30, 3), np.uint8))
    nwb_labels.write(labels, tmp_path / "a.nwb")
    found = sio.load_nwb(str(tmp_path / "a.nwb"))
    assert [node.name for node in found.skeletons[0].nodes] == list(labels.skeleton.keypoints)
    assert len(found.labeled_frames) == len(labels)
    got = {
        (images_of(frame.video.filename)[frame.frame_idx], n): instance.numpy()
        for frame in found.labeled_frames
        for n, instance in enumerate(frame.instances)
    }
    for frame in labels.frames:
        for n, instance in enumerate(frame.instances):
            seen = (instance.visibility == Visibility.VISIBLE)[:, None]  # it takes hidden points for missing ones
            np.testing.assert_allclose(got[frame.image, n], np.where(seen, instance.xy, np.nan), rtol=0, atol=1e-6)


def test_we_read_what_sleap_io_writes(tmp_path: Path) -> None:
    sio = pytest.importorskip("sleap_io", reason="the oracle sleap-io comes with the extra dev")
    with VideoWriter(tmp_path / "side.mp4", 25.0, (64, 48)) as writer:
        for _ in range(12):
            writer.write(np.zeros((48, 64, 3), np.uint8))
    skeleton = sio.Skeleton(["nose", "tail"], edges=[("nose", "tail")])
    video = sio.load_video(str(tmp_path / "side.mp4"))
    places = {3: [[1.5, 2.0], [3.0, np.nan]], 11: [[4.0, 5.0], [6.0, 7.0]]}
    frames = [
        sio.LabeledFrame(video, k, [sio.Instance.from_numpy(np.array(xy) + n, skeleton) for n in (0, 10)])
        for k, xy in places.items()
    ]
    sio.save_nwb(sio.Labels(frames), str(tmp_path / "theirs.nwb"), nwb_format="annotations")
    found = nwb_labels.read(tmp_path / "theirs.nwb")
    assert found.images == ("labeled-data/side/img03.png", "labeled-data/side/img11.png")
    assert found.skeleton == Skeleton(("nose", "tail"), ((0, 1),)) and found.individuals == (
        "individual_0",
        "individual_1",
    )
    expected = [[[[1.5, 2.0], [np.nan] * 2], [[11.5, 12.0], [np.nan] * 2]], [[[4, 5], [6, 7]], [[14, 15], [16, 17]]]]
    np.testing.assert_allclose(found.xy(), expected, rtol=0, atol=1e-6)
    assert found.frames[0].instances[0].visibility.tolist() == [Visibility.VISIBLE, Visibility.ABSENT]


@pytest.mark.parametrize("name", ["dance.mp4.labels.slp", "labels.v002.rel_paths.slp"])
def test_real_labels_go_through_and_come_back(name: str, shared_data: Path, tmp_path: Path) -> None:
    source = shared_data / "interop" / "sleap" / name
    there = convert(source, tmp_path / "a.nwb", "nwb_labels")
    assert there.kind == "labels" and there.format == "nwb_labels"
    convert(tmp_path / "a.nwb", tmp_path / "b.slp", "sleap_labels")
    one, other = sleap_labels.read(source), sleap_labels.read(tmp_path / "b.slp")
    assert len(one) == len(other) > 2 and set(one.images) == set(other.images)
    np.testing.assert_array_equal(one.xy(), other.select(one.images).xy())
