"""How well cameras are known, whatever their axes and scale; and that it stays with them, in memory and in files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from made_rig import in_the_first, ring
from markerless.core.camera import Calibration, Camera, CameraSpread
from markerless.errors import CalibrationError, FormatError
from markerless.multiview.files import anipose_toml
from markerless.multiview.lens_fit import Freedom, moved
from markerless.multiview.mirror import scaled
from markerless.multiview.pose_spread import (
    at_same_size,
    numbers_between,
    pose_spread,
    rig_size,
    root,
    with_spread,
)
from markerless.multiview.rotation import matrix_of

FREE = [Freedom()] * 3


def changes(before: tuple[Camera, ...], after: list[Camera], freedoms: list[Freedom]) -> np.ndarray:
    return np.concatenate([numbers_between(*each) for each in zip(before, after, freedoms, strict=True)])[:, None]


def test_what_all_cameras_have_in_common_is_no_error_of_a_pose() -> None:
    rig, small = ring(3), 1e-6
    turn, shift, scale = matrix_of(small * np.array([0.3, -0.2, 0.5])), small * np.array([1.0, 2.0, 3.0]), 1 + small
    after = [
        camera.moved(camera.rotation @ turn.T, -camera.rotation @ turn.T @ (scale * turn @ camera.center + shift))
        for camera in rig
    ]
    for spread in pose_spread(rig, FREE, changes(rig, after, FREE) / small):
        assert spread.place < 1e-6
        assert spread.turn_deg < 1e-5
        assert spread.focal is None


def test_a_camera_that_is_off_is_told_with_the_others() -> None:
    rig = ring(6)
    after = list(rig)
    after[2] = rig[2].moved(rig[2].rotation, rig[2].translation - rig[2].rotation @ [1.0, 0.0, 0.0])  # 1 mm along x
    spreads = pose_spread(rig, [Freedom()] * 6, changes(rig, after, [Freedom()] * 6))
    assert max(spreads, key=lambda one: one.place) is spreads[2]
    assert 0.4 / rig_size(rig) < spreads[2].place < 1 / rig_size(rig)  # a part of it is taken for a common shift


def test_the_change_of_a_focal_length_is_a_share_of_it() -> None:
    rig, freedoms = ring(3), [Freedom(), Freedom(focal=1), Freedom()]
    factor = np.zeros((19, 1))
    factor[12] = 0.01 * rig[1].matrix[0, 0]
    spreads = pose_spread(rig, freedoms, factor)
    assert [spread.focal for spread in spreads] == [None, pytest.approx(0.01), None]
    assert all(spread.place == 0 for spread in spreads)


def test_numbers_between_are_the_step_that_was_taken() -> None:
    camera, freedom = ring(1)[0], Freedom(focal=2, center=True, distortion=3)
    step = np.random.default_rng(0).normal(0, 0.05, freedom.size)
    np.testing.assert_allclose(numbers_between(camera, moved(camera, freedom, step), freedom), step, atol=1e-12)


@pytest.mark.parametrize("rank", [3, 5])
def test_the_root_of_a_covariance(rank: int) -> None:
    half = np.random.default_rng(0).normal(size=(5, rank)) * np.array([[1e-3], [1], [1e4], [1], [1]])
    found = root(half @ half.T)
    np.testing.assert_allclose(
        found @ found.T / np.outer(*[np.linalg.norm(half, axis=1)] * 2),
        np.eye(5) * 0 + (half @ half.T / np.outer(*[np.linalg.norm(half, axis=1)] * 2)),
        atol=1e-9,
    )
    assert np.triu(found, 1).max() == 0


def test_at_the_same_size_nothing_grows() -> None:
    rig = in_the_first(ring(3))
    freedoms = [Freedom(pose=index > 0) for index in range(3)]
    factor = 1e-5 * np.random.default_rng(0).normal(size=(12, 4)) * np.tile([1, 1, 1, 700, 700, 700], 2)[:, None]
    kept = at_same_size(rig, freedoms, factor)

    def sizes(columns: np.ndarray) -> np.ndarray:
        after = [
            (rig[0], moved(rig[1], freedoms[1], one[:6]), moved(rig[2], freedoms[2], one[6:])) for one in columns.T
        ]
        return np.array([rig_size(cameras) for cameras in after]) / rig_size(rig) - 1

    assert np.abs(sizes(factor)).max() > 1e-6
    assert np.abs(sizes(kept)).max() < 1e-8


def known(rig: tuple[Camera, ...]) -> Calibration:
    freedoms = [Freedom(False, 1, True, 2), Freedom(True, 1, True, 2)]
    factor = np.tril(np.random.default_rng(1).normal(size=(16, 16)))
    return Calibration(with_spread(rig, freedoms, factor))


def test_a_file_keeps_it(tmp_path: Path) -> None:
    rig, path = known(ring(2)), tmp_path / "rig.toml"
    anipose_toml.write(rig, path)
    assert path.stat().st_size < 5000
    for found, camera in zip(anipose_toml.read(path).cameras, rig.cameras, strict=True):
        assert found.spread is not None
        assert camera.spread is not None
        assert found.spread.free == camera.spread.free
        written = camera.spread.factor[:, : found.spread.factor.shape[1]]
        np.testing.assert_allclose(found.spread.factor, written, rtol=1e-3)
        assert not camera.spread.factor[:, found.spread.factor.shape[1] :].any()


def test_a_file_without_it_is_as_before(tmp_path: Path) -> None:
    anipose_toml.write(Calibration(ring(2)), tmp_path / "rig.toml")
    assert "spread" not in (tmp_path / "rig.toml").read_text(encoding="utf-8")
    assert all(camera.spread is None for camera in anipose_toml.read(tmp_path / "rig.toml").cameras)


@pytest.mark.parametrize(
    ("old", "new", "error", "message"),
    [
        ("free = [0, 1, 1, 2]", "free = [0, 1, 1, 1]", CalibrationError, r"finite numbers \(4, r\), got \(5, 5\)"),
        ("free = [0, 1, 1, 2]", "free = [0, 7, 1, 2]", CalibrationError, "pose, focal, center and distortion"),
        ("free = [0, 1, 1, 2]", "", FormatError, r"expected 'free' in table \[cam_0\]"),
        ("spread = [[", 'spread = [["a", ', FormatError, r"rows of numbers in 'spread' of \[cam_0\]"),
    ],
)
def test_a_damaged_file_is_named(tmp_path: Path, old: str, new: str, error: type[Exception], message: str) -> None:
    path = tmp_path / "rig.toml"
    anipose_toml.write(known(ring(2)), path)
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(error, match=message):
        anipose_toml.read(path)


def test_another_unit_and_another_place() -> None:
    rig = known(ring(2))
    second = scaled(rig, 10, "cm").cameras[1]
    assert second.spread is not None
    assert rig.cameras[1].spread is not None
    expected = rig.cameras[1].spread.factor.copy()
    expected[3:6] *= 10
    np.testing.assert_array_equal(second.spread.factor, expected)
    assert second.moved(second.rotation, second.translation).spread is None


def test_a_spread_is_of_its_numbers() -> None:
    with pytest.raises(CalibrationError, match=r"expected a spread of finite numbers \(6, r\), got \(5, 2\)"):
        CameraSpread((1, 0, 0, 0), np.zeros((5, 2)))
    with pytest.raises(CalibrationError, match="finite numbers"):
        replace(CameraSpread((1, 0, 0, 0), np.zeros((6, 2))), factor=np.full((6, 2), np.nan))
