"""Which camera of a calibration disagrees, on made rigs and on the real one that is known to be wrong."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from markerless.cli.commands.check import _echo_cameras
from markerless.core.camera import Calibration
from markerless.core.instance import Instance, Visibility
from markerless.core.labels import LabeledFrame, Labels
from markerless.core.skeleton import Skeleton
from markerless.core.tracks import Tracks
from markerless.errors import CalibrationError
from markerless.multiview.rotation import matrix_of
from markerless.pipeline.check_views import check_views
from mouse_rig import NAMES, mouse_calibration, mouse_labels
from pipeline.test_triangulate import made


def turned(rig: Calibration, index: int, angle: float) -> Calibration:
    camera = rig.cameras[index]
    turn = matrix_of(np.array([angle, angle, 0.0]))
    other = camera.moved(turn @ camera.rotation, turn @ camera.translation)
    return replace(rig, cameras=tuple(other if at == index else one for at, one in enumerate(rig.cameras)))


def test_cameras_that_agree() -> None:
    rig, seen, _ = made(4)
    result = check_views(rig, seen)
    assert result.wrong is None
    assert {finding.level for finding in result.findings} <= {"note"}  # of 960 labels, one or two are odd by chance
    assert len(result.findings) <= 2
    assert result.together_px < 1.5
    assert [one.name for one in result.cameras] == list(seen)
    assert all(one.off_px < 3 for one in result.cameras)


@pytest.mark.parametrize("index", [0, 2])
def test_the_camera_that_was_turned_is_named(index: int) -> None:
    rig, seen, _ = made(4)
    result = check_views(turned(rig, index, 0.05), seen)
    assert result.wrong == f"cam{index}"
    found = [finding for finding in result.findings if finding.level == "error"]
    assert [finding.where for finding in found] == [f"camera cam{index}"]
    one = result.cameras[index]
    assert one.off_px > 20
    assert one.others_px < 1.5
    assert f"{one.off_px:.0f} px" in found[0].message


def test_files_of_the_wrong_camera_are_found_as_well() -> None:
    rig, seen, _ = made(4)
    rng = np.random.default_rng(0)
    wrong = seen["cam3"].points[rng.permutation(seen["cam3"].n_frames)]
    assert check_views(rig, {**seen, "cam3": replace(seen["cam3"], points=wrong)}).wrong == "cam3"


def test_with_two_cameras_nobody_can_say() -> None:
    rig, seen, _ = made(2)
    assert check_views(rig, seen).findings == ()
    result = check_views(turned(rig, 1, 0.05), seen)
    assert result.wrong is None
    assert [finding.kind for finding in result.findings] == ["disagreement"]
    assert "nobody can say which" in result.findings[0].message


def test_a_label_that_is_odd_is_named() -> None:
    rig, seen, _ = made(4)
    points = seen["cam2"].points.copy()
    points[7, 0, 1] += 80
    result = check_views(rig, {**seen, "cam2": replace(seen["cam2"], points=points)})
    assert result.wrong is None
    finding = result.findings[0]  # the farthest off first
    assert (finding.level, finding.kind, finding.where) == ("note", "odd label", "cam2, frame 7")
    assert finding.message.startswith("tailbase is 11")  # 80 px to the right and down are 113 px


def test_labels_are_matched_by_the_names_of_their_pictures() -> None:
    rig, seen, _ = made(3)
    files = {}
    for index, (name, tracks) in enumerate(seen.items()):
        images = [f"labeled-data/{name}/img{frame:03d}.png" for frame in range(tracks.n_frames)]
        order = np.random.default_rng(index).permutation(tracks.n_frames)
        files[name] = labels_of(tracks, [images[frame] for frame in order], tracks.points[order])
    result = check_views(rig, files)
    assert result.wrong is None
    assert result.together_px < 1.5


def labels_of(tracks: Tracks, images: list[str], points: np.ndarray) -> Labels:
    visible = np.full(tracks.skeleton.n_keypoints, int(Visibility.VISIBLE), dtype=np.int8)
    frames = [
        LabeledFrame(image, (Instance(xy[0], visible, np.ones(len(visible))),))
        for image, xy in zip(images, points, strict=True)
    ]
    return Labels(tracks.skeleton, tuple(frames))


def test_what_cannot_be_checked_is_refused() -> None:
    rig, seen, _ = made(3)
    with pytest.raises(CalibrationError, match="'left'"):
        check_views(rig, {**seen, "left": seen["cam0"]})
    few = {}
    for name, tracks in seen.items():
        points = tracks.points.copy()
        points[2:] = np.nan
        few[name] = replace(tracks, points=points)
    with pytest.raises(CalibrationError, match="at least 10 points that two cameras see, got 6"):
        check_views(rig, few)


def test_the_wrong_camera_of_the_mouse_study_is_named(shared_data: Path) -> None:
    folder = shared_data / "mouse-4cam"
    labels = {name: mouse_labels(folder, name) for name in NAMES}
    files = {name: folder / name / f"minimal_{name}_proofread.analysis.h5" for name in NAMES}
    result = check_views(folder / "calibration.toml", files)
    assert result.wrong == "side"
    told = [finding.message for finding in result.findings if finding.level == "error"]
    assert any("'side' and 'top' have the very same numbers" in message for message in told)
    off = {one.name: one.off_px for one in result.cameras}
    assert off["side"] == pytest.approx(92, abs=3)  # as the data's README has it
    # negative control: calibrated anew, no camera is wrong
    anew = check_views(mouse_calibration(folder), labels)
    assert anew.wrong is None
    assert not [finding for finding in anew.findings if finding.level == "error"]


def test_skeletons_need_not_be_the_same() -> None:
    rig, seen, _ = made(3)
    seen["cam1"] = replace(seen["cam1"], skeleton=Skeleton(("x", "tailbase", "tailend")), points=seen["cam1"].points)
    assert check_views(rig, seen).wrong is None


def test_a_camera_that_cannot_be_one_is_named_and_the_others_are_compared(capsys: pytest.CaptureFixture[str]) -> None:
    rig, seen, _ = made(4)
    flat = replace(rig.cameras[1], matrix=np.diag([0.0, 0.0, 1.0]))
    result = check_views(replace(rig, cameras=(rig.cameras[0], flat, *rig.cameras[2:])), seen)
    first = result.findings[0]
    assert (first.level, first.kind) == ("error", "camera")
    assert first.message.startswith("camera 'cam1' has focal lengths of 0 and 0 px")
    assert {finding.level for finding in result.findings[1:]} <= {"note"}
    assert result.wrong is None
    assert result.together_px < 1.5
    assert [one.name for one in result.cameras] == list(seen)
    assert [one.n_points > 0 for one in result.cameras] == [True, False, True, True]
    two = Calibration((rig.cameras[0], flat))
    alone = check_views(two, {name: seen[name] for name in two.names})
    assert [finding.message for finding in alone.findings] == [first.message]
    assert np.isnan(alone.together_px)
    _echo_cameras(alone)
    said = capsys.readouterr().out
    assert "the cameras are not compared" in said
    assert "nan" not in said
