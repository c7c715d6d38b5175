"""Anipose's calibration files: the real ones, round trips, damage."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from markerless.core.camera import Calibration, Camera
from markerless.core.view import View
from markerless.errors import CalibrationError, FormatError
from markerless.multiview.files import anipose_toml
from markerless.multiview.rotation import matrix_of, vector_of


def some_rig() -> Calibration:
    rng = np.random.default_rng(0)
    matrix = np.array([[800.0, 0, 320], [0, 810, 240], [0, 0, 1]])
    first = Camera(
        "back", (640, 480), matrix, rng.normal(0, 0.1, 5), matrix_of(rng.normal(0, 1, 3)), rng.normal(0, 9, 3)
    )
    mirror = replace(first, name="mirror 尾", region=View(5, 6, 640, 480), mirrored=True)
    fish = replace(first, name="fish", fisheye=True, distortion=rng.normal(0, 0.1, 4))
    bent = replace(first, name="bent", distortion=rng.normal(0, 0.1, 8))
    return Calibration(
        (first, mirror, fish, bent),
        unit="cm",
        error_px=0.25,
        provenance=(("board", "checkerboard"), ('made "by"', "尾")),
    )


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    rig = some_rig()
    anipose_toml.write(rig, tmp_path / "calibration.toml")
    again = anipose_toml.read(tmp_path / "calibration.toml")
    assert (again.unit, again.error_px, again.provenance, again.names) == ("cm", 0.25, rig.provenance, rig.names)
    for got, expected in zip(again.cameras, rig.cameras, strict=True):
        assert (got.size, got.region, got.mirrored, got.fisheye) == (
            expected.size,
            expected.region,
            expected.mirrored,
            expected.fisheye,
        )
        for name in ("matrix", "distortion", "translation"):
            np.testing.assert_array_equal(getattr(got, name), getattr(expected, name))
        np.testing.assert_allclose(got.rotation, expected.rotation, atol=1e-14)


def test_real_files_open(shared_data: Path) -> None:
    fly = anipose_toml.read(shared_data / "interop" / "lightning-pose-3cam-fly" / "calibration.toml")
    assert fly.names == ("Cam-A", "Cam-B", "Cam-C") and fly.error_px == pytest.approx(2.105956142962366)
    mouse = anipose_toml.read(shared_data / "mouse-4cam" / "calibration.toml")
    assert mouse.names == ("back", "mid", "side", "top") and np.isnan(mouse.error_px)
    np.testing.assert_allclose(vector_of(mouse.camera("mid").rotation)[1], -1.4541149329590473)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('name = "back"', 'name = "fish"', "'fish' twice"),
        ("matrix = [[", "matrix = [[[", "cannot read"),
        ("size = [640, 480]", "size = [640]", "'size' of finite numbers"),
        ("translation = ", "translated = ", "expected 'translation' in table"),
        ("rotation = [", 'rotation = ["x", ', "expected numbers in 'rotation'"),
    ],
)
def test_damage_is_one_line(old: str, new: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "calibration.toml"
    anipose_toml.write(some_rig(), path)
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises((FormatError, CalibrationError), match=says) as caught:
        anipose_toml.read(path)
    assert "\n" not in str(caught.value) and path.name in str(caught.value)


def test_another_toml_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "board.toml"
    path.write_text("squares = 8\n", encoding="utf-8")
    with pytest.raises(FormatError, match=r"expected tables \[cam_0\].* found squares"):
        anipose_toml.read(path)


def test_zeros_of_further_terms_of_a_lens_are_cut_and_others_are_refused(tmp_path: Path) -> None:
    numbers = [0.1, -0.05, 0.001, 0.002, 0.01, 0.02, -0.03, 0.004]
    path = tmp_path / "calibration.toml"
    rig = some_rig()
    anipose_toml.write(replace(rig, cameras=(replace(rig.cameras[0], distortion=np.array(numbers)),)), path)
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("0.004]", "0.004, 0, 0, 0, 0, 0, 0]"), encoding="utf-8")
    np.testing.assert_array_equal(anipose_toml.read(path).cameras[0].distortion, numbers)
    path.write_text(text.replace("0.004]", "0.004, 0, 0, 0, 0.1]"), encoding="utf-8")
    with pytest.raises(CalibrationError, match="at most 8 finite distortion numbers"):
        anipose_toml.read(path)
