"""`triangulate` of cameras out of step: they are brought into step, or warned of; what cannot be known is refused."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from made_step import Recorder, Scene, animal, recorded
from markerless.core.camera import Calibration
from markerless.core.instance import Instance
from markerless.core.labels import LabeledFrame, Labels
from markerless.core.skeleton import Skeleton
from markerless.core.tracks import Tracks
from markerless.errors import CalibrationError, LabelsError
from markerless.formats import movement
from markerless.pipeline.synchronize import describe
from markerless.pipeline.triangulate import InSpace, TriangulateOptions, triangulate
from pipeline.test_triangulate import made, mirror_study

SKELETON = Skeleton(("nose", "mid", "tail"), ((0, 1), (1, 2)))
SYNC = TriangulateOptions(sync=True)


def study(recorders: Sequence[Recorder], error: float | None = None, **how: float) -> tuple[Scene, dict[str, Tracks]]:
    """What cameras recorded, and their results."""
    scene = recorded(recorders, **{"n_frames": 700, "noise": 0.5, "gross": 0.02, **how})
    tracks = {}
    for camera, xy in zip(scene.cameras, scene.xy, strict=True):
        shape = (len(xy), 1, 3)
        given = None if error is None else np.full(shape, error)
        tracks[camera.name] = Tracks(SKELETON, xy[:, None], np.full(shape, 0.9), error=given, fps=30.0)
    return scene, tracks


def rig(scene: Scene) -> Calibration:
    return Calibration(scene.cameras, "mm")


def off(result: InSpace, speed: float = 1.0) -> np.ndarray:
    """`(T, 3)` mm from where the animal was when the first camera recorded its frame."""
    when = result.views.camera_frame[:, 0]
    return np.asarray(np.linalg.norm(result.tracks.points[:, 0] - animal(when, speed=speed), axis=-1))


def is_as_good_as_it_says(result: InSpace, speed: float = 1.0) -> bool:
    """Whether the points are as far off as expected; and are expected to be as near as cameras in step allow."""
    assert result.tracks.error is not None
    expected, actual = np.nanmedian(result.tracks.error), np.nanmedian(off(result, speed))
    return bool(0.6 < actual / expected < 1.3 and actual < 0.9)


def test_the_motion_brings_cameras_into_step_and_the_result_says_which_frames_belong_together(tmp_path: Path) -> None:
    scene, seen = study([Recorder(), Recorder(3, 1, {400: 3}), Recorder(-7.4)])
    result = triangulate(rig(scene), seen, tmp_path / "S", SYNC)
    assert is_as_good_as_it_says(result)
    frames = result.views.camera_frame
    assert frames.shape == (result.tracks.n_frames, 3)
    np.testing.assert_array_equal(frames[:, 0], np.arange(700))
    lost = result.steps[1].lost
    assert [(one.count, abs(one.before - 400) < 4) for one in lost] == [(3, True)]
    # frames 397 to 399 are the three lost ones, counted by the first camera
    gap = np.isnan(frames[:, 1])
    assert gap[:690].sum() == 3
    np.testing.assert_allclose(frames[:380, 1], np.arange(380) + 3, atol=0.1)
    np.testing.assert_allclose(frames[420:690, 1], np.arange(420, 690), atol=0.1)
    np.testing.assert_allclose(frames[20:, 2], np.arange(20, 700) - 7.4, atol=0.1)
    assert np.isnan(frames[:7, 2]).all()
    assert not result.views.used[1, gap].any()
    written = movement.read_views(result.files[0])
    assert written is not None
    np.testing.assert_array_equal(written.camera_frame, frames)
    told = movement.read(result.files[0]).provenance["synchronization"]
    assert told["cam1"]["lost"][0]["count"] == 3
    assert told["cam2"]["offset"] == pytest.approx(-7.4, abs=0.1)
    assert json.loads(json.dumps(result.to_json()))["synchronization"]["cam2"]["source"] == "motion"
    lines = describe(result.steps)
    assert any(line.startswith("cam2: frame t of cam0 is frame t - 7.") for line in lines)
    assert any(line.startswith("cam1: lost 3 frames before its frame ") for line in lines)


def test_without_it_the_same_result_is_worse_and_you_are_warned() -> None:
    scene, seen = study([Recorder(), Recorder(3), Recorder()])
    result = triangulate(rig(scene), seen)
    assert result.notes[0] == (
        "camera 'cam1' is 3 frames late: its frame t + 3 shows what frame t of cam0, cam2 shows; pass --sync to bring "
        "the cameras into step"
    )
    np.testing.assert_array_equal(result.views.camera_frame, np.repeat(np.arange(700.0)[:, None], 3, axis=1))
    better = triangulate(rig(scene), seen, options=SYNC)
    assert is_as_good_as_it_says(better)
    assert result.noise_px["cam1"] > 5 * better.noise_px["cam1"]
    assert not any("pass --sync" in note for note in better.notes)


def test_the_first_camera_may_be_the_one_that_is_out_of_step() -> None:
    scene, seen = study([Recorder(), Recorder(4), Recorder(4)])
    (warning,) = [note for note in triangulate(rig(scene), seen).notes if "--sync" in note]
    assert warning.startswith("camera 'cam0' is 4 frames early: its frame t - 4 shows what frame t of cam1, cam2 shows")


def test_frames_lost_on_the_way_are_warned_of() -> None:
    scene, seen = study([Recorder(), Recorder(0, 1, {300: 5})])
    short = {name: replace(one, points=one.points[:690], score=one.score[:690]) for name, one in seen.items()}
    notes = triangulate(rig(scene), short).notes
    assert any(
        "'cam1' does not keep step: it is +0 frames late at the beginning, -5 at the end" in note for note in notes
    )


def test_cameras_in_step_are_not_warned_of() -> None:
    scene, seen = study([Recorder(), Recorder(), Recorder()], noise=2.0)
    assert triangulate(rig(scene), seen).notes == ()
    calm = triangulate(rig(scene), seen, options=SYNC)
    np.testing.assert_array_equal(calm.views.camera_frame[:, 1:], np.repeat(np.arange(700.0)[:, None], 2, axis=1))


def test_timestamps_of_any_unit_say_it_without_motion(tmp_path: Path) -> None:
    scene, seen = study([Recorder(), Recorder(3, 1, {400: 3}), Recorder(-7.4)])
    times = {}
    for index, (name, when) in enumerate(zip(seen, scene.times, strict=True)):
        unit = (1.0, 1e3, 1e6)[index]
        times[name] = tmp_path / f"{name}.txt"
        rows = [f"{unit * (50 + value / 30):.9f}" for value in when]
        times[name].write_text("\n".join(rows), encoding="utf-8")
    result = triangulate(rig(scene), seen, options=TriangulateOptions(times=times))
    assert is_as_good_as_it_says(result)
    assert [step.source for step in result.steps] == ["timestamps"] * 3
    assert [(one.before, one.count) for one in result.steps[1].lost] == [(400, 3)]
    assert result.steps[2].offset == pytest.approx(-7.4, abs=1e-3)
    assert [note for note in result.notes if "read as" in note] == [
        "times of 'cam0': cam0.txt, read as s",
        "times of 'cam1': cam1.txt, read as ms",
        "times of 'cam2': cam2.txt, read as us",
    ]
    assert result.tracks.fps == pytest.approx(30, abs=1e-3)


def test_rates_alone_assume_a_common_start_and_the_motion_checks_it() -> None:
    scene, seen = study([Recorder(), Recorder(0, 2.0), Recorder(5.0)], n_frames=600)
    rates = {"cam0": 30.0, "cam1": 60.0, "cam2": 30.0}
    told = triangulate(rig(scene), seen, options=TriangulateOptions(times=rates))
    assert any("taken to have started together" in note for note in told.notes)
    assert any("'cam2' is 5 frames late" in note for note in told.notes)
    np.testing.assert_array_equal(told.views.camera_frame[:200, 1], 2 * np.arange(200))
    both = triangulate(rig(scene), seen, options=TriangulateOptions(sync=True, times=rates))
    assert both.steps[2].offset == pytest.approx(5, abs=0.1)
    assert both.steps[1].rate == pytest.approx(2, abs=1e-3)
    assert is_as_good_as_it_says(both)


def test_rates_in_the_files_are_used_when_the_motion_is_asked() -> None:
    scene, seen = study([Recorder(), Recorder(9.0, 2.0)], n_frames=600)
    seen["cam1"] = replace(seen["cam1"], fps=60.0)
    result = triangulate(rig(scene), seen, options=SYNC)
    assert result.steps[1].offset == pytest.approx(9, abs=0.2)
    assert "frame rates as the files give them: cam0 30, cam1 60" in result.notes
    assert triangulate(rig(scene), seen).notes[0].startswith("camera 'cam1'") or any(
        "different frame rates" in note for note in triangulate(rig(scene), seen).notes
    )


def test_points_made_of_two_frames_have_larger_errors() -> None:
    expected = []
    for speed in (1.0, 6.0):
        scene, seen = study([Recorder(), Recorder(0.5), Recorder()], error=0.63, speed=speed)
        result = triangulate(rig(scene), seen, options=SYNC)
        assert result.steps[1].offset == pytest.approx(0.5, abs=0.1)
        assert result.tracks.error is not None
        expected.append(np.nanmedian(result.tracks.error))
        assert np.nanmedian(off(result, speed)) < 1.3 * expected[-1]
    assert expected[1] > 1.05 * expected[0]  # the line between two frames is farther from the path of a fast animal


def test_an_animal_that_stands_still_is_refused_but_only_when_asked() -> None:
    scene, seen = study([Recorder(), Recorder()], speed=0.0)
    with pytest.raises(CalibrationError, match=r"the motion does not tell how camera 'cam1' runs beside the others: "):
        triangulate(rig(scene), seen, options=SYNC)
    triangulate(rig(scene), seen)


def test_a_camera_that_cannot_be_told_is_left_as_it_is_and_you_are_told() -> None:
    scene, seen = study([Recorder(), Recorder(3), Recorder()])
    seen["cam2"] = replace(seen["cam2"], points=seen["cam2"].points[::-1])  # of other moments: fits nowhere
    result = triangulate(rig(scene), seen, options=SYNC)
    (note,) = [note for note in result.notes if "does not tell" in note]
    assert note.startswith("the motion does not tell how camera 'cam2' runs beside the others: ")
    assert note.endswith("; it is taken to have started with 'cam0': leave the camera out if that may be wrong")
    assert [step.source for step in result.steps] == ["frame numbers", "motion", "frame numbers"]
    assert result.steps[1].offset == pytest.approx(3, abs=0.1)
    np.testing.assert_array_equal(result.views.camera_frame[:, 2], np.arange(result.tracks.n_frames))
    seen["cam2"] = cut(seen["cam2"], 650)  # when it started is not known at all
    with pytest.raises(CalibrationError, match="does not tell how camera 'cam2' runs"):
        triangulate(rig(scene), seen, options=SYNC)
    times = {name: np.arange(one.n_frames) / 30 for name, one in seen.items()}  # of one clock: these do tell
    timed = triangulate(rig(scene), seen, options=TriangulateOptions(sync=True, times=times))
    assert any("its times are taken as they are" in note for note in timed.notes)


def cut(tracks: Tracks, n_frames: int) -> Tracks:
    error = None if tracks.error is None else tracks.error[:n_frames]
    return replace(tracks, points=tracks.points[:n_frames], score=tracks.score[:n_frames], error=error)


@pytest.mark.parametrize("n_frames", [20, 40, 100])
def test_short_recordings_are_not_said_to_drift(n_frames: int) -> None:
    scene, seen = study([Recorder(), Recorder(3), Recorder(-7.4)], n_frames=500)
    notes = triangulate(rig(scene), {name: cut(one, n_frames) for name, one in seen.items()}).notes
    assert not any("keep step" in note for note in notes)


def test_of_a_long_recording_stretches_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("markerless.pipeline.synchronize._STRETCH", 20)
    scene, seen = study([Recorder(), Recorder(3), Recorder(0, 1, {700: 5})], n_frames=1500)
    notes = triangulate(rig(scene), {name: cut(one, 1490) for name, one in seen.items()}).notes
    assert any("camera 'cam1' is 3 frames late" in note for note in notes)
    assert any(
        "'cam2' does not keep step: it is +0 frames late at the beginning, -5 at the end" in one for one in notes
    )


def test_no_number_is_told_of_a_lag_at_which_nothing_overlaps() -> None:
    scene, seen = study([Recorder(), Recorder(3), Recorder()], n_frames=500)
    result = triangulate(rig(scene), {**seen, "cam1": cut(seen["cam1"], 30)}, options=SYNC)
    assert not any("nan" in line for line in describe(result.steps))


def test_files_without_frames_and_times_that_are_none_are_refused() -> None:
    scene, seen = study([Recorder(), Recorder()], n_frames=60)
    for options in (SYNC, TriangulateOptions()):
        with pytest.raises(LabelsError, match="expected frames of every camera, got none of cam1: give a file"):
            triangulate(rig(scene), {**seen, "cam1": cut(seen["cam1"], 0)}, options=options)
    paused = np.arange(60) / 30 + 1e6 * (np.arange(60) > 40)
    with pytest.raises(LabelsError, match="moments from the first to the last of at most 60 frames: look for a wrong"):
        triangulate(rig(scene), seen, options=TriangulateOptions(times={"cam0": paused, "cam1": paused}))


def test_what_does_not_go_together_is_refused(tmp_path: Path) -> None:
    scene, seen = study([Recorder(), Recorder()])
    cut = {**seen, "cam1": replace(seen["cam1"], points=seen["cam1"].points[9:], score=seen["cam1"].score[9:])}
    with pytest.raises(
        LabelsError, match=r"got cam0 700, cam1 691: .*pass --sync to find out from the motion, --times"
    ):
        triangulate(rig(scene), cut)
    assert triangulate(rig(scene), cut, options=SYNC).steps[1].offset == pytest.approx(-9, abs=0.1)
    for times, message in (
        ({"cam0": 30.0}, "times of all cameras or of none, got none of cam1"),
        ({"cam0": 30.0, "cam1": 30.0, "top": 30.0}, "expected times of cam0, cam1, got some of 'top'"),
        ({"cam0": np.arange(700.0), "cam1": np.arange(650.0)}, "each of the 691 frames of camera 'cam1', got 650"),
        ({"cam0": np.arange(700.0), "cam1": 5000 + np.arange(691.0)}, "no two overlap by 2 frames"),
    ):
        with pytest.raises(LabelsError, match=message):
            triangulate(rig(scene), cut, options=TriangulateOptions(times=times))
    late = {"cam0": np.arange(700.0), "cam1": 600 + np.arange(691.0)}
    assert any(
        "only 100 of 700 frames of camera 'cam0' have another" in note
        for note in triangulate(rig(scene), cut, options=TriangulateOptions(times=late)).notes
    )


def test_views_of_one_picture_and_labels_need_no_step(tmp_path: Path) -> None:
    views, file, _ = mirror_study(tmp_path)
    with pytest.raises(LabelsError, match="views of one picture, which are of the same moment; leave --sync"):
        triangulate(views, {"all": file}, options=SYNC)
    cameras, tracks, _ = made()
    labels = {name: as_labels(one) for name, one in tracks.items()}
    triangulate(cameras, labels)
    with pytest.raises(LabelsError, match="got labels of cam0, cam1, cam2: pictures are matched by their names; leave"):
        triangulate(cameras, labels, options=SYNC)


def as_labels(tracks: Tracks) -> Labels:
    """Every frame as a labeled picture."""
    frames = [
        LabeledFrame(f"labeled-data/a/img{index:03d}.png", (Instance.from_xy(xy[0]),))
        for index, xy in enumerate(tracks.points)
    ]
    return Labels(tracks.skeleton, tuple(frames))


@pytest.mark.parametrize("n_frames", [1, 2, 3, 5, 7, 9])
def test_of_a_recording_too_short_to_tell_nothing_is_said_and_step_is_refused(n_frames: int) -> None:
    scene, seen = study([Recorder()] * 4, error=1.0, gross=0.0)
    short = {name: cut(tracks, n_frames) for name, tracks in seen.items()}
    assert not any("--sync" in note for note in triangulate(rig(scene), short).notes)
    with pytest.raises(
        CalibrationError,
        match=rf"at least 10 frames of every camera.*, got {n_frames} of camera 'cam0'; give a longer",
    ):
        triangulate(rig(scene), short, options=SYNC)
    one = {**seen, "cam2": short["cam2"]}
    with pytest.raises(CalibrationError, match=rf"got {n_frames} of camera 'cam2'"):
        triangulate(rig(scene), one, options=SYNC)


def test_many_frames_in_no_time_are_too_short_to_tell() -> None:
    scene, seen = study([Recorder(), Recorder()], error=1.0)
    times = {"cam0": np.arange(700) / 30, "cam1": 1.01 + np.arange(700) / 100_000}  # within one frame of cam0
    with pytest.raises(CalibrationError, match="got 1 of camera 'cam1'"):
        triangulate(rig(scene), seen, options=TriangulateOptions(sync=True, times=times))


@pytest.mark.parametrize("pace", [0.5, 1.0, 2.0, 4.0])
def test_the_overlap_of_cameras_of_other_rates_is_one_of_time(pace: float) -> None:
    scene, seen = study([Recorder(), Recorder(0, pace), Recorder(0, pace)], n_frames=800)
    first, fast = cut(seen["cam0"], 200), cut(seen["cam1"], int(200 * pace))
    times = {"cam0": np.arange(200) / 30, "cam1": np.arange(fast.n_frames) / (30 * pace)}
    two = replace(rig(scene), cameras=scene.cameras[:2])
    whole = triangulate(two, {"cam0": first, "cam1": fast}, options=TriangulateOptions(times=times))
    assert not any("have another camera beside" in note for note in whole.notes)
    late = {**times, "cam1": times["cam1"] + 160 / 30}  # 40 of the 200 moments are common
    notes = triangulate(two, {"cam0": first, "cam1": fast}, options=TriangulateOptions(times=late)).notes
    told = [
        re.fullmatch(r"only (\d+) of (\d+) frames of camera '(cam\d)' have another camera beside", note)
        for note in notes
    ]
    found = {match[3]: (int(match[1]), int(match[2])) for match in told if match is not None}
    assert {name: n_frames for name, (_, n_frames) in found.items()} == {"cam0": 200, "cam1": fast.n_frames}
    assert found["cam0"][0] == pytest.approx(40, abs=1)
    assert found["cam1"][0] == pytest.approx(40 * pace, abs=max(pace, 1))
