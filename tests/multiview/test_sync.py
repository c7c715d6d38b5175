"""Offsets, rates and lost frames of made cameras, found from the motion; refused where it does not tell."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from made_step import Recorder, Scene, recorded
from markerless.multiview.calibration_file import read_calibration
from markerless.multiview.sync import InStep, put_in_step
from markerless.pipeline.seen_points import read_seen
from mouse_rig import NAMES, mouse_calibration, mouse_labels

FLY = "05272019_fly4_0_R1C24_Cam-{}_rot-ccw-0.06_sec.rng={}.csv"


def found(scene: Scene, quick: bool = False) -> InStep:
    return put_in_step(scene.cameras, scene.xy, [np.arange(len(xy), dtype=float) for xy in scene.xy], quick)


def offset_of(step: InStep, camera: int) -> float:
    evidence = step.evidence[camera]
    assert evidence is not None
    assert evidence.reason == ""
    return evidence.offset


@pytest.mark.parametrize(("offset", "noise"), [(0, 2.0), (3, 0.5), (7.4, 0.5), (7.4, 2.0), (-12, 1.0)])
def test_an_offset_is_found_to_a_tenth_of_a_frame(offset: float, noise: float) -> None:
    step = found(recorded([Recorder(), Recorder(offset), Recorder(-2.5)], noise=noise))
    for camera, truth in ((1, offset), (2, -2.5)):
        assert offset_of(step, camera) == pytest.approx(truth, abs=0.1)
        evidence = step.evidence[camera]
        assert evidence is not None
        assert abs(evidence.offset - truth) < 2 * evidence.interval
        assert evidence.interval < 0.1
        assert evidence.next_misfit_px > 4 * evidence.misfit_px
    assert step.lost == ((), (), ())
    np.testing.assert_allclose(step.times[1], np.arange(1500) - offset, atol=0.1)


def test_two_cameras_are_enough() -> None:
    step = found(recorded([Recorder(), Recorder(7.4)], noise=1.0, seed=3))
    assert offset_of(step, 1) == pytest.approx(7.4, abs=0.1)


def test_rates_are_found_to_a_ten_thousandth() -> None:
    step = found(recorded([Recorder(), Recorder(5, 0.999), Recorder(0, 29.97 / 30)], n_frames=2500))
    for camera, rate in ((1, 0.999), (2, 29.97 / 30)):
        evidence = step.evidence[camera]
        assert evidence is not None
        assert evidence.rate == pytest.approx(rate, abs=1e-4)
        assert abs(evidence.rate - rate) < 2 * evidence.rate_interval
    np.testing.assert_allclose(step.times[1], (np.arange(2500) - 5) / 0.999, atol=0.1)


@pytest.mark.parametrize(("count", "seed"), [(1, 1), (2, 2), (3, 3), (4, 4), (5, 5)])
def test_lost_frames_are_named(count: int, seed: int) -> None:
    place = 400 + 130 * count
    recorders = [Recorder(), Recorder(3, 1, {place: count}), Recorder(-12)]
    scene = recorded(recorders, noise=1.0, seed=seed)
    step = found(scene)
    ((lost,),) = step.lost[1:2]
    assert lost.count == count
    assert lost.between[0] - 2 <= place <= lost.between[1] + 2
    assert abs(lost.before - place) <= 5
    assert step.lost[0] == step.lost[2] == ()
    off = np.abs(step.times[1] - scene.times[1])
    assert np.quantile(off, 0.99) < 0.1  # all but the few frames beside a gap put a little too early or late


def test_where_the_animal_is_fast_the_place_is_exact() -> None:
    recorders = [Recorder(), Recorder(0, 1, {500: 3}), Recorder(0, 1, {900: 1})]
    step = found(recorded(recorders, noise=0.5, gross=0.0, speed=4.0, n_frames=1200))
    assert [(lost.before, lost.count) for lost in step.lost[1]] == [(500, 3)]
    assert [(lost.before, lost.count) for lost in step.lost[2]] == [(900, 1)]


def test_frames_that_the_first_camera_lost_are_its_own() -> None:
    recorders = [Recorder(0, 1, {600: 4}), Recorder(3), Recorder(-12)]
    scene = recorded(recorders, noise=0.5)
    step = found(scene)
    ((lost,),) = step.lost[:1]
    assert (lost.count, abs(lost.before - 600) <= 5) == (4, True)
    assert step.lost[1] == step.lost[2] == ()
    np.testing.assert_allclose(step.times[2], scene.times[2], atol=0.1)


def test_all_at_once() -> None:
    recorders = [Recorder(), Recorder(7.4, 0.999, {1500: 1, 2200: 2}), Recorder(-3)]
    scene = recorded(recorders, n_frames=3000, noise=2.0)
    step = found(scene)
    assert [lost.count for lost in step.lost[1]] == [1, 2]
    assert np.quantile(np.abs(step.times[1] - scene.times[1]), 0.98) < 0.1
    np.testing.assert_allclose(step.times[2], scene.times[2], atol=0.1)


def test_a_camera_of_another_rate_is_laid_on_its_times() -> None:
    scene = recorded([Recorder(), Recorder(9.0, 2.0), Recorder(4.0)], n_frames=1200, noise=1.0)
    times = [np.arange(1200.0), np.arange(1200.0) / 2, np.arange(1200.0)]
    step = put_in_step(scene.cameras, scene.xy, times)
    assert offset_of(step, 1) == pytest.approx(9.0, abs=0.2)
    evidence = step.evidence[1]
    assert evidence is not None
    assert evidence.rate == pytest.approx(2.0, abs=2e-4)
    np.testing.assert_allclose(step.times[1], scene.times[1], atol=0.1)


def test_an_animal_that_does_not_move_tells_nothing() -> None:
    step = found(recorded([Recorder(), Recorder(3), Recorder()], speed=0.0))
    for camera in (1, 2):
        evidence = step.evidence[camera]
        assert evidence is not None
        assert evidence.reason != ""
    np.testing.assert_array_equal(step.times[1], np.arange(1500))  # what was known stays


def test_a_slow_animal_with_noisy_points_is_refused_rather_than_told_wrong() -> None:
    step = found(recorded([Recorder(), Recorder(), Recorder()], n_frames=500, noise=2.0, seed=1, speed=0.02))
    assert all(evidence is not None and evidence.reason for evidence in step.evidence[1:])


@pytest.mark.parametrize("lasting", [15, 30])
def test_an_offset_of_a_slow_animal_with_errors_that_last_is_within_what_is_told(lasting: int) -> None:
    """Errors of 4 px that last, of an animal at 1.5 px a frame."""
    rng = np.random.default_rng(104)
    scene = recorded([Recorder(), Recorder(3)], noise=0.5, seed=4, speed=0.25)
    shape = np.exp(-0.5 * (np.arange(-4 * lasting, 4 * lasting + 1) / lasting) ** 2)
    drawn = [np.apply_along_axis(np.convolve, 0, rng.normal(size=xy.shape), shape, "same") for xy in scene.xy]
    wrong = tuple(xy + 4 * one / one.std() for xy, one in zip(scene.xy, drawn, strict=True))
    evidence = found(Scene(scene.cameras, wrong, scene.times)).evidence[1]
    assert evidence is not None
    assert evidence.reason or abs(evidence.offset - 3) <= evidence.interval


def test_films_of_other_moments_tell_nothing() -> None:
    scene = recorded([Recorder(), Recorder(), Recorder()], noise=1.0)
    backwards = Scene(scene.cameras, (scene.xy[0], scene.xy[1][::-1], scene.xy[2]), scene.times)
    step = found(backwards)
    assert step.evidence[1] is not None
    assert step.evidence[1].reason != ""
    assert offset_of(step, 2) == pytest.approx(0, abs=0.1)  # the others are not held up by it


def test_a_camera_that_sees_nothing_of_the_others_is_refused() -> None:
    scene = recorded([Recorder(), Recorder(), Recorder(3)], noise=1.0)
    blind = Scene(scene.cameras, (scene.xy[0], np.full_like(scene.xy[1], np.nan), scene.xy[2]), scene.times)
    step = found(blind)
    assert step.evidence[1] is not None
    assert "shares fewer than 40 points" in step.evidence[1].reason
    assert offset_of(step, 2) == pytest.approx(3, abs=0.1)


def test_a_quick_look_sees_what_is_out_of_step() -> None:
    step = found(recorded([Recorder(), Recorder(3), Recorder()]), quick=True)
    assert [offset_of(step, camera) for camera in (1, 2)] == [3.0, 0.0]
    drifting = found(recorded([Recorder(), Recorder(0, 1, {700: 5})]), quick=True).evidence[1]
    assert drifting is not None
    assert drifting.ends == (0.0, -5.0)


def test_four_cameras_of_a_mouse_are_in_step_and_a_shift_is_found(shared_data: Path) -> None:
    folder = shared_data / "mouse-4cam"
    cameras = mouse_calibration(folder).cameras
    xy = [mouse_labels(folder, name).points[:, 0] for name in NAMES]
    step = put_in_step(cameras, xy, [np.arange(len(one), dtype=float) for one in xy])
    assert [offset_of(step, camera) for camera in (1, 2, 3)] == [0, 0, 0]
    xy[2] = xy[2][2:]
    step = put_in_step(cameras, xy, [np.arange(len(one), dtype=float) for one in xy])
    assert [offset_of(step, camera) for camera in (1, 2, 3)] == [0, -2, 0]


@pytest.mark.parametrize("part", [0, 1])
def test_a_shift_of_a_camera_of_the_fly_is_found(shared_data: Path, part: int) -> None:
    """The fly moves by 0.15 px a frame and labels are off by 1.5: a frame is all that can be told, and of B only."""
    folder = shared_data / "interop" / "lightning-pose-3cam-fly"
    seen = read_seen({f"Cam-{letter}": folder / FLY.format(letter, part) for letter in "AB"}, cutoff=0.9)
    rig = read_calibration(folder / "calibration.toml")
    cameras = [rig.camera(name) for name in seen.views]
    offsets = []
    for cut in (0, 2):
        xy = [seen.flat_xy[0], seen.flat_xy[1, cut:]]
        step = put_in_step(cameras, xy, [np.arange(len(one), dtype=float) for one in xy])
        offsets.append(offset_of(step, 1))
    assert abs(offsets[0]) <= 1
    assert offsets[1] - offsets[0] == pytest.approx(-2, abs=0.3)


@pytest.mark.parametrize("n_frames", [1, 3, 5, 9, 10])
@pytest.mark.parametrize("quick", [True, False])
def test_a_recording_of_few_frames_is_no_crash(n_frames: int, quick: bool) -> None:
    scene = recorded([Recorder()] * 4, n_frames=10, noise=0.1, gross=0.0)
    many = tuple(np.tile(xy[:n_frames], (1, 20, 1)) for xy in scene.xy)  # enough values to be looked at
    step = found(Scene(scene.cameras, many, scene.times), quick)
    assert len(step.evidence) == 4
    assert all(not step.lost[camera] for camera in range(4))
