"""What we write, movement and sleap-io read with equal numbers; what they and other tools wrote, we read as they do."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from markerless.core.instance import Instance, Visibility
from markerless.core.labels import LabeledFrame, Labels
from markerless.core.skeleton import Skeleton
from markerless.core.tracks import Tracks
from markerless.formats import anipose, coco, dlc, movement, nwb, sleap, sleap_analysis, sleap_json, sleap_labels, tidy
from markerless.formats._sniff import open_any
from markerless.video.images import write_image

TOLERANCE = 1e-6  # px
SINGLE = 5e-5  # px, of readers that hand out float32 whatever is in the file

sio = pytest.importorskip("sleap_io", reason="the oracle sleap-io comes with the extra dev")
load_poses = pytest.importorskip("movement.io.load_poses", reason="the oracle movement comes with the extra dev")


def made_tracks(n_individuals: int = 2, n_axes: int = 2) -> Tracks:
    """Five frames of animals with gaps: a missing point, and an animal that is away in a frame."""
    rng = np.random.default_rng(3)
    shape = (5, n_individuals, 3)
    points, score = rng.normal(300, 90, (*shape, n_axes)), rng.random(shape)
    points[1, 0, 2], score[1, 0, 2] = np.nan, np.nan
    points[3, -1], score[3, -1] = np.nan, np.nan
    names = ("ann", "bob")[:n_individuals]
    skeleton = Skeleton(("nose", "earL", "earR"), ((0, 1), (0, 2)), ((1, 2),))
    return Tracks(skeleton, points, score, individuals=names, fps=30.0, video="v.mp4", scorer="S")


def assert_same(got: object, expected: np.ndarray, tolerance: float = TOLERANCE) -> None:
    np.testing.assert_allclose(np.asarray(got), expected, rtol=0, atol=tolerance)


def sleap_io_values(found: Any, tracks: Tracks) -> tuple[np.ndarray, np.ndarray]:
    """Points and scores in the shape of `tracks` from sleap-io's instances, which are float64 (its `numpy` is not)."""
    points, score = np.full(tracks.points.shape, np.nan), np.full(tracks.score.shape, np.nan)
    for frame in found.labeled_frames:
        for instance in frame.instances:
            place = frame.frame_idx, tracks.individuals.index(instance.track.name)
            stored = instance.points
            points[place] = np.where(stored["visible"][:, None], stored["xy"], np.nan)
            score[place] = stored["score"]
    return points, score


def assert_movement_agrees(dataset: object, tracks: Tracks, tolerance: float = TOLERANCE) -> None:
    """`dataset` of movement has the points and scores of `tracks`, matched by name."""
    for n, individual in enumerate(tracks.individuals):
        for k, keypoint in enumerate(tracks.skeleton.keypoints):
            position, confidence = values_of(dataset, keypoint, individual)
            assert_same(position, tracks.points[:, n, k], tolerance)
            known = np.isfinite(tracks.points[:, n, k]).all(axis=-1)  # of a missing point its score says nothing
            assert_same(confidence[known], tracks.score[:, n, k][known], tolerance)


def values_of(dataset: Any, keypoint: str, individual: str | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Positions and confidences of one point; movement named its dimensions in the plural up to 0.15."""
    plural = "s" if "keypoints" in dataset.dims else ""
    chosen = {f"keypoint{plural}": keypoint}
    place = {f"individual{plural}": 0} if individual is None else {}
    if individual is not None:
        chosen[f"individual{plural}"] = individual
    return dataset.position.sel(chosen).isel(place).values, dataset.confidence.sel(chosen).isel(place).values


@pytest.mark.parametrize("suffix", [".h5", ".csv"])
def test_movement_reads_our_deeplabcut_files(suffix: str, tmp_path: Path) -> None:
    tracks = made_tracks()
    dlc.write(tracks, tmp_path / f"a{suffix}")
    assert_movement_agrees(load_poses.from_dlc_file(tmp_path / f"a{suffix}", fps=30), tracks)


def test_movement_reads_our_sleap_files(tmp_path: Path) -> None:
    tracks = made_tracks()
    sleap_analysis.write(tracks, tmp_path / "a.analysis.h5")
    assert_movement_agrees(load_poses.from_sleap_file(tmp_path / "a.analysis.h5", fps=30), tracks, SINGLE)
    sleap.write(tracks, tmp_path / "a.slp")
    assert_movement_agrees(load_poses.from_sleap_file(tmp_path / "a.slp", fps=30), tracks, SINGLE)


def test_movement_reads_our_nwb_files(tmp_path: Path) -> None:
    tracks = made_tracks()
    nwb.write(tracks, tmp_path / "two.nwb")
    for n, name in enumerate(tracks.individuals):
        dataset = load_poses.from_nwb_file(tmp_path / "two.nwb", pose_estimation_key=name)
        assert dataset.fps == 30
        for k, keypoint in enumerate(tracks.skeleton.keypoints):
            assert_same(values_of(dataset, keypoint)[0], tracks.points[:, n, k])
    alone = replace(tracks, points=tracks.points[:, :1], score=tracks.score[:, :1], individuals=("ann",))
    nwb.write(alone, tmp_path / "one.nwb")
    assert_movement_agrees(load_poses.from_nwb_file(tmp_path / "one.nwb"), alone)
    assert nwb.read(tmp_path / "one.nwb").individuals == ("ann",)


def test_movement_reads_our_anipose_files(tmp_path: Path) -> None:
    tracks = made_tracks(1, 3)
    anipose.write(tracks, tmp_path / "a.csv")
    dataset = load_poses.from_anipose_file(tmp_path / "a.csv", fps=30, individual_name="ann")
    assert_movement_agrees(dataset, tracks)


def test_sleap_io_reads_our_projects(tmp_path: Path) -> None:
    tracks = made_tracks()
    sleap.write(tracks, tmp_path / "a.slp")
    found = sio.load_slp(str(tmp_path / "a.slp"), open_videos=False)
    points, score = sleap_io_values(found, tracks)
    assert_same(points, tracks.points)
    known = np.isfinite(tracks.points).all(axis=-1)
    assert_same(score[known], tracks.score[known])
    assert found.skeleton.node_names == list(tracks.skeleton.keypoints)
    assert list(found.skeleton.edge_inds) == list(tracks.skeleton.edges)
    assert [track.name for track in found.tracks] == list(tracks.individuals)
    assert {tuple(sorted(pair)) for pair in found.skeleton.symmetry_inds} == set(tracks.skeleton.mirror_pairs)
    sleap_analysis.write(tracks, tmp_path / "a.analysis.h5")
    analysis = sio.load_analysis_h5(str(tmp_path / "a.analysis.h5"))
    assert_same(sleap_io_values(analysis, tracks)[0], tracks.points)


def made_labels() -> Labels:
    """Two pictures of two animals; the last keypoint of one is occluded, another is absent."""
    rng = np.random.default_rng(5)
    first = Instance.from_xy([[10.25, 20.5], [30, 40], [np.nan, np.nan]], "ann")
    second = Instance.from_xy(rng.normal(100, 20, (3, 2)), "bob")
    occluded = np.array([2, 2, 1], dtype=np.int8)
    frames = (
        LabeledFrame("labeled-data/v/img0.png", (first, replace(second, visibility=occluded)), "Ada"),
        LabeledFrame("labeled-data/v/img7.png", (second,), "Ada"),
    )
    return Labels(Skeleton(("nose", "earL", "earR"), ((0, 1), (0, 2))), frames, ("ann", "bob"))


def test_sleap_io_reads_our_labels(tmp_path: Path) -> None:
    labels = made_labels()
    sleap_labels.write(labels, tmp_path / "a.slp")
    found = sio.load_slp(str(tmp_path / "a.slp"), open_videos=False)
    assert [str(name) for name in found.video.filename] == list(labels.images)
    for frame, theirs in zip(labels.frames, found.labeled_frames, strict=True):
        by_name = {instance.track.name: instance.points["xy"] for instance in theirs.user_instances}
        assert set(by_name) == {instance.individual for instance in frame.instances}
        for instance in frame.instances:
            assert_same(by_name[instance.individual], instance.xy)


def test_sleap_io_reads_our_coco_files(tmp_path: Path) -> None:
    labels = made_labels()
    coco.write(labels, tmp_path / "a.json")
    for image in labels.images:  # sleap-io passes over pictures that are not there
        (tmp_path / image).parent.mkdir(parents=True, exist_ok=True)
        write_image(tmp_path / image, np.zeros((8, 8, 3), np.uint8))
    found = sio.load_coco(str(tmp_path / "a.json"))
    assert found.skeleton.node_names == list(labels.skeleton.keypoints)
    theirs = [instance.points["xy"] for frame in found.labeled_frames for instance in frame.instances]
    ours = [instance.xy for frame in labels.frames for instance in frame.instances]
    assert len(theirs) == 3
    for got, expected in zip(theirs, ours, strict=True):
        assert_same(got, expected, SINGLE)
    stored = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))["annotations"][0]["keypoints"]
    assert stored == [10.25, 20.5, 2, 30.0, 40.0, 2, 0, 0, 0]
    again = coco.read(tmp_path / "a.json")
    marks = [i.visibility.tolist() for frame in again.frames for i in frame.instances]
    assert marks == [[2, 2, Visibility.NOT_LABELED], [2, 2, Visibility.OCCLUDED], [2, 2, 2]]
    assert again.individuals == ("ann", "bob")


def test_keypoint_moseq_and_pandas_read_our_deeplabcut_file(tmp_path: Path) -> None:
    # keypoint-moseq calls read_hdf without a key, which needs exactly one table, and looks levels up by name
    tracks = made_tracks()
    dlc.write(tracks, tmp_path / "a.h5")
    table = pd.read_hdf(tmp_path / "a.h5")
    assert table.columns.names == ["scorer", "individuals", "bodyparts", "coords"]
    assert_same(table.xs("ann", axis=1, level="individuals").to_numpy()[:, :2], tracks.points[:, 0, 0])
    lines = pd.read_csv(_csv(tracks, tmp_path), header=[0, 1, 2, 3], index_col=0)
    np.testing.assert_allclose(lines.to_numpy(), table.to_numpy(), rtol=0, atol=TOLERANCE)


def _csv(tracks: Tracks, folder: Path) -> Path:
    dlc.write(tracks, folder / "a.csv")
    assert (folder / "a.csv").read_text(encoding="utf-8").splitlines()[1].startswith("individuals")
    return folder / "a.csv"


def test_pandas_reads_our_tidy_table(tmp_path: Path) -> None:
    tracks = made_tracks()
    tidy.write(tracks, tmp_path / "a.csv")
    table = pd.read_csv(tmp_path / "a.csv")
    assert list(table.columns) == ["frame", "time_s", "individual", "keypoint", "x", "y", "score"]
    row = table[(table.frame == 2) & (table.individual == "bob") & (table.keypoint == "earR")].iloc[0]
    assert_same([row.x, row.y, row.score], [*tracks.points[2, 1, 2], tracks.score[2, 1, 2]])
    assert row.time_s == pytest.approx(2 / 30)
    shuffled = table.sample(frac=1, random_state=0).rename(columns={"score": "likelihood", "keypoint": "bodypart"})
    shuffled.to_csv(tmp_path / "b.csv", index=False)
    again = tidy.read(tmp_path / "b.csv")
    order = [again.individuals.index(name) for name in tracks.individuals]
    keypoints = [again.skeleton.keypoints.index(name) for name in tracks.skeleton.keypoints]
    assert_same(again.points[:, order][:, :, keypoints], tracks.points)
    assert again.fps == 30


SLP = (
    "flies-courtship/clip13/clip.slp",
    "flies-courtship/centered_pair/centered_pair_predictions.slp",
    "flies-courtship/centered_pair/centered_pair_predictions.clean.slp",
    "interop/sleap/dance.mp4.labels.slp",
    *(f"mouse-4cam/{camera}/minimal_{camera}_proofread.slp" for camera in ("back", "mid", "side", "top")),
)


@pytest.mark.data
@pytest.mark.parametrize("name", SLP)
def test_we_read_projects_as_sleap_io_does(name: str, shared_data: Path, tmp_path: Path) -> None:
    tracks = sleap.read(shared_data / name)
    found = sio.load_slp(str(shared_data / name), open_videos=False)
    values = found.numpy(return_confidence=True)
    assert_same(values[..., :2], tracks.points, SINGLE)
    known = np.isfinite(tracks.points).all(axis=-1)  # of a missing point its score says nothing
    assert_same(values[known][:, 2], tracks.score[known])
    assert list(found.skeleton.edge_inds) == list(tracks.skeleton.edges)
    for module, suffix in ((sleap, ".slp"), (sleap_analysis, ".h5"), (movement, ".nc"), (tidy, ".csv"), (dlc, ".h5")):
        module.write(tracks, tmp_path / f"a{suffix}")
        again = module.read(tmp_path / f"a{suffix}")
        np.testing.assert_array_equal(again.points, tracks.points)
        assert again.individuals == tracks.individuals


@pytest.mark.data
@pytest.mark.parametrize("name", ["simple_matlab", "simple_standard", "untracked_multi_standard"])
def test_we_read_both_orders_of_axes(name: str, shared_data: Path) -> None:
    folder = shared_data / "interop" / "sleap" / "analysis-h5"
    tracks = sleap_analysis.read(folder / f"{name}.analysis.h5")
    expected = json.loads((folder / f"{name}.expected.json").read_text(encoding="utf-8"))
    assert tracks.n_frames == expected["nFrames"]
    assert list(tracks.skeleton.keypoints) == expected["nodeNames"]
    assert [list(edge) for edge in tracks.skeleton.edges] == expected["edgeInds"]
    assert tracks.video == expected["videoFilename"]
    for frame in expected["frames"]:
        for n, instance in enumerate(frame["instances"]):
            points = np.array(instance["points"], dtype=np.float64)
            assert_same(tracks.points[frame["frameIdx"], n], points[:, :2])
            assert_same(tracks.score[frame["frameIdx"], n], points[:, 2])


@pytest.mark.data
def test_we_read_old_axes_without_their_names(shared_data: Path) -> None:
    for camera in ("back", "side"):
        folder = shared_data / "mouse-4cam" / camera
        old = sleap_analysis.read(folder / f"minimal_{camera}_proofread.analysis.h5")
        assert_same(old.points, sleap.read(folder / f"minimal_{camera}_proofread.slp").points)


@pytest.mark.data
def test_old_json_and_slp_of_the_same_labels_agree(shared_data: Path) -> None:
    folder = shared_data / "interop" / "sleap"
    old = sleap_json.read(folder / "minimal_instance.json")
    for name in ("minimal_instance.slp", "minimal_instance.pkg.slp"):
        new = sleap_labels.read(folder / name)
        assert new.images == ("labeled-data/centered_pair_low_quality/img0.png",)
        assert_same(new.matching(old.skeleton).xy(), old.xy())


@pytest.mark.data
@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            "dlc-single/m3v1mp4DLC_resnet50_openfieldAug20shuffle1_30000.h5",
            "nwb/m3v1mp4DLC_resnet50_openfieldAug20shuffle1_30000.nwb",
        ),
        ("dlc-video-and-predictions/cropped_video.csv", "nwb/cropped_video.nwb"),
    ],
)
def test_nwb_files_hold_what_deeplabcut_wrote(one: str, other: str, shared_data: Path) -> None:
    source, exported = dlc.read(shared_data / "interop" / one), nwb.read(shared_data / "interop" / other)
    order = [exported.skeleton.keypoints.index(name) for name in source.skeleton.keypoints]
    assert_same(exported.points[:, :, order], source.points)
    assert_same(exported.score[:, :, order], source.score)


@pytest.mark.data
def test_we_read_coco_as_sleap_io_does(shared_data: Path) -> None:
    for path in sorted((shared_data / "interop" / "coco").rglob("*.json")):
        labels = coco.read(path)
        stored = json.loads(path.read_text(encoding="utf-8"))
        assert list(labels.images) == [image["file_name"] for image in stored["images"]]
        assert labels.n_points == sum(annotation["num_keypoints"] for annotation in stored["annotations"])


@pytest.mark.data
def test_every_file_opens_or_is_refused_by_name(shared_data: Path) -> None:
    from markerless.errors import MarkerlessError

    refused = {}
    for path in sorted((shared_data / "interop").rglob("*")):
        if not path.is_file() or path.suffix in (".png", ".jpg", ".jpeg", ".md", ".mp4"):
            continue
        try:
            open_any(path)
        except MarkerlessError as error:
            refused[path.name] = str(error)
    words = {
        "madlc_230_config.yaml": "DeepLabCut",
        "config_openfieldAug20.yaml": "DeepLabCut",
        "raw_clip1DLC_resnet50_OpenFieldHighResApr8shuffle1_1030000includingmetadata.pickle": "DeepLabCut",
        "calibration.toml": "Anipose",
        "simple_matlab.expected.json": "SLEAP",
        "simple_standard.expected.json": "SLEAP",
        "untracked_multi_standard.expected.json": "SLEAP",
    }
    assert refused.keys() == words.keys()
    assert all(words[name] in message for name, message in refused.items())
