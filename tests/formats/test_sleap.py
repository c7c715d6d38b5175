"""SLEAP's project files: whose points count, where the first pixel is, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import pytest

from markerless.core.skeleton import Skeleton
from markerless.errors import FormatError, LabelsError
from markerless.formats import sleap, sleap_analysis, sleap_labels
from markerless.formats._sleap_file import (
    NO_TRACK,
    SleapFile,
    SleapFrame,
    SleapInstance,
    SleapVideo,
    read_skeleton,
    read_slp,
)
from markerless.formats._sleap_write import write_slp
from markerless.formats._sniff import rank

SKELETON = Skeleton(("nose", "earL", "earR"), ((0, 1), (0, 2)), ((1, 2),))
VIDEO = SleapVideo("C:\\data\\m1.mp4", n_frames=4)


def animal(value: float, track: int = NO_TRACK, is_user: bool = False) -> SleapInstance:
    """Three points at `value`, the last not visible."""
    score = np.full(3, 1.0 if is_user else 0.5)
    return SleapInstance(np.full((3, 2), value), score, np.array([True, True, False]), track, is_user)


def project(path: Path, frames: tuple[SleapFrame, ...], tracks: tuple[str, ...] = ()) -> Path:
    write_slp(path, SleapFile(SKELETON, (VIDEO, SleapVideo("m2.mp4")), tracks, frames, {}), {})
    return path


def test_a_person_overrules_the_model_in_the_same_track(tmp_path: Path) -> None:
    own = (animal(5, 0, True), animal(7, 0), animal(9, 1))
    path = project(tmp_path / "a.slp", (SleapFrame(0, 1, own),), ("ann", "bob"))
    tracks = sleap.read(path)
    assert tracks.individuals == ("ann", "bob")
    assert tracks.video == "m1.mp4"
    np.testing.assert_array_equal(tracks.points[1, :, 0, 0], [5, 9])
    np.testing.assert_array_equal(tracks.score[1, :, 0], [1, 0.5])
    assert np.isnan(tracks.points[1, :, 2]).all()  # marked as not visible
    assert np.isnan(tracks.points[0]).all()


def test_without_tracks_the_animals_are_numbered_within_a_frame(tmp_path: Path) -> None:
    frames = (SleapFrame(0, 0, (animal(1), animal(2))), SleapFrame(0, 2, (animal(3, is_user=True), animal(4))))
    tracks = sleap.read(project(tmp_path / "a.slp", frames))
    assert tracks.individuals == ("individual_0", "individual_1")
    np.testing.assert_array_equal(tracks.points[:, :, 0, 0], [[1, 2], [np.nan, np.nan], [3, np.nan]])


def test_format_1_0_counts_from_the_corner_of_the_first_pixel(tmp_path: Path) -> None:
    path = project(tmp_path / "a.slp", (SleapFrame(0, 0, (animal(5),)),))
    with h5py.File(path, "r+") as file:
        file["metadata"].attrs["format_id"] = 1.0
    np.testing.assert_array_equal(sleap.read(path).points[0, 0, 0], [4.5, 4.5])
    np.testing.assert_array_equal(sleap_labels.read(path).xy()[0, 0, 0], [4.5, 4.5])


def test_labels_are_what_people_placed(tmp_path: Path) -> None:
    frames = (
        SleapFrame(0, 3, (animal(5, is_user=True), animal(7))),
        SleapFrame(0, 1, (animal(9),)),
        SleapFrame(1, 12, (animal(2, is_user=True),)),
        SleapFrame(1, 13, ()),
    )
    labels = sleap_labels.read(project(tmp_path / "a.slp", frames))
    assert labels.images == ("labeled-data/m1/img3.png", "labeled-data/m2/img12.png", "labeled-data/m2/img13.png")
    assert labels.notes == ("a.slp: 1 frames left out that a model predicted and nobody corrected",)
    assert [len(frame.instances) for frame in labels.frames] == [1, 1, 0]
    assert labels.frames[0].instances[0].visibility.tolist() == [2, 2, 3]
    with pytest.raises(FormatError, match=r"one video in .*, got 2 \(m1.mp4, m2.mp4\)"):
        sleap.read(tmp_path / "a.slp")


def test_what_nobody_placed_is_said_to_be_a_models(tmp_path: Path) -> None:
    labels = sleap_labels.read(project(tmp_path / "a.slp", (SleapFrame(0, 3, (animal(5),)),)))
    assert [instance.source for frame in labels.frames for instance in frame.instances] == ["model"]
    assert labels.notes == ("a.slp: all animals were placed by a model, none by a person",)


def test_a_project_of_labels_is_told_from_one_of_predictions(tmp_path: Path) -> None:
    few = project(tmp_path / "a.slp", (SleapFrame(0, 900, (animal(5, is_user=True), animal(1), animal(2))),))
    many = project(tmp_path / "b.slp", tuple(SleapFrame(0, t, (animal(t, is_user=t == 0),)) for t in range(9)))
    assert (rank(few)[0][0], rank(many)[0][0]) == ("sleap_labels", "sleap")


def test_links_are_numbered_by_their_first_appearance() -> None:
    first = {"py/reduce": [{"py/type": "sleap.skeleton.EdgeType"}, {"py/tuple": [2]}]}
    second = {"py/reduce": [{"py/type": "sleap.skeleton.EdgeType"}, {"py/tuple": [1]}]}
    links = [
        {"source": 2, "target": 1, "type": first},
        {"source": 0, "target": 1, "type": second},
        {"source": 0, "target": 2, "type": {"py/id": 2}},
        {"source": 1, "target": 2, "type": {"py/id": 1}},
    ]
    nodes = [{"name": "earR"}, {"name": "nose"}, {"name": "earL"}]
    meta = {"nodes": nodes, "skeletons": [{"nodes": [{"id": 1}, {"id": 2}, {"id": 0}], "links": links}]}
    # nodes of the skeleton: 1 nose, 2 earL, 0 earR
    assert read_skeleton(meta, 0) == Skeleton(("nose", "earL", "earR"), ((2, 0), (2, 1)), ((0, 1),))


def test_a_frame_number_out_of_all_proportion_is_refused(tmp_path: Path) -> None:
    path = project(tmp_path / "a.slp", (SleapFrame(0, 10**9, (animal(5),)),))
    with pytest.raises(FormatError, match="got 3 points for 1000000001 frames"):
        sleap.read(path)


def test_damage_is_one_line(tmp_path: Path) -> None:
    path = project(tmp_path / "a.slp", (SleapFrame(0, 0, (animal(5),)),))
    with h5py.File(path, "r+") as file:
        file["metadata"].attrs["json"] = b"{"
    with pytest.raises(FormatError, match="expected JSON in metadata"):
        read_slp(path)
    with pytest.raises(LabelsError, match="expected JSON in metadata"):
        sleap_labels.read(path)


@pytest.mark.parametrize("standard", [False, True])
def test_an_analysis_file_without_names_of_its_axes(standard: bool, tmp_path: Path) -> None:
    points = np.arange(4 * 3 * 5 * 2, dtype=np.float64).reshape(4, 3, 5, 2)  # frames, tracks, nodes, xy
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["track_occupancy"] = np.ones((4, 3))
        file["node_names"] = np.array([b"a", b"b", b"c", b"d", b"e"])
        file["tracks"] = points if standard else points.transpose(1, 3, 2, 0)
    np.testing.assert_array_equal(sleap_analysis.read(tmp_path / "a.h5").points, points)
    with h5py.File(tmp_path / "a.h5", "r+") as file:
        file["tracks"].attrs["dims"] = json.dumps(["frame", "track", "node", "node"])
    with pytest.raises(FormatError, match="expected the axes"):
        sleap_analysis.read(tmp_path / "a.h5")
