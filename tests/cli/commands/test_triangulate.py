"""`markerless triangulate` and `markerless check CALIBRATION --labels` as they are typed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from markerless.cli.main import main
from markerless.formats import dlc
from markerless.multiview.files import anipose_toml
from pipeline.test_triangulate import made, mirror_study


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    """The calibration and `CAMERA=FILE` of each camera."""
    rig, seen, _ = made()
    anipose_toml.write(rig, tmp_path / "rig.toml")
    for name, tracks in seen.items():
        dlc.write(tracks, tmp_path / f"{name}.h5")
    return [str(tmp_path / "rig.toml"), *(f"{name}={tmp_path / name}.h5" for name in seen)]


def test_it_says_how_well_each_camera_fits(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["triangulate", *words, "--out", str(tmp_path / "S")]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0].split() == ["camera", "reprojection", "expected", "error", "used"]
    assert [line.split()[0] for line in out[1:4]] == ["cam0", "cam1", "cam2"]
    assert "80 frames, 3 keypoints; points: " in out[4]
    assert out[5].startswith("expected error in space: median 0.")
    assert out[5].endswith(" mm")
    assert out[-1].startswith("wrote ")
    assert (tmp_path / "S.nc").is_file()
    assert (tmp_path / "S.csv").is_file()


def test_json_and_all_options(words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    more = ["--out", str(tmp_path / "S"), "--cutoff", "0.5", "--length", "nose,tailbase,4", "--smooth", "--limbs"]
    assert main(["triangulate", *words, *more, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["refined"]["median"] > 0
    assert [Path(path).name for path in told["files"]] == ["S.nc", "S.csv", "S.calibration.toml"]
    assert main(["triangulate", *words, *more]) == 0
    assert "refined: points moved by 0." in capsys.readouterr().out


def test_cameras_that_were_moved_are_named(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["triangulate", *words, "--repair"]) == 0
    assert "moved camera cam1: turned by 0." in capsys.readouterr().out


def test_a_mirror_needs_one_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    views, file, _ = mirror_study(tmp_path)
    assert main(["triangulate", str(views), f"all={file}"]) == 0
    out = capsys.readouterr().out
    assert "side " in out
    assert "below " in out


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (["left=x.h5"], "unknown camera 'left'; cameras of this calibration: cam0, cam1, cam2"),
        (["--length", "nose,4"], "for example nose,tail,80"),
        (["--length", "nose,nose,4"], "for example nose,tail,80"),
        (["--length", "nose,tailbase,-4"], "for example nose,tail,80"),
        (["--length", "nose,whisker,4"], "whisker"),
        (["--cutoff", "2"], "0<=x<=1"),
    ],
)
def test_what_is_wrong_is_one_line(
    words: list[str], change: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["triangulate", *words, *change]) != 0
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error


def test_a_calibration_is_checked(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    calibration, *files = words
    assert main(["check", calibration, "--labels", *files]) == 0
    out = capsys.readouterr().out
    assert "from where the others put them" in out
    assert out.splitlines()[-1] == "the cameras agree with their points"
    assert main(["check", calibration, "--labels", *files, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["wrong"] is None
    assert [one["name"] for one in told["cameras"]] == ["cam0", "cam1", "cam2"]


def test_cameras_out_of_step(words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cut = dlc.read(tmp_path / "cam1.h5")
    dlc.write(replace(cut, points=cut.points[3:], score=cut.score[3:], error=None), tmp_path / "cam1.h5")
    assert main(["triangulate", *words]) == 2
    assert "got cam0 80, cam1 77, cam2 80: " in capsys.readouterr().err
    for index in range(3):
        rows = "".join(f"{(frame + 3 * (index == 1)) / 0.03:.4f}\n" for frame in range(80 - 3 * (index == 1)))
        (tmp_path / f"t{index}.txt").write_text(rows, encoding="utf-8")
    times = [word for index in range(3) for word in ("--times", f"cam{index}={tmp_path / f't{index}.txt'}")]
    for more, source in ((["--sync"], "motion"), (times, "timestamps")):
        assert main(["triangulate", *words, *more, "--out", str(tmp_path / "S")]) == 0
        out = capsys.readouterr().out
        (line,) = [line for line in out.splitlines() if line.startswith("in step: cam1: frame t of cam0 is frame t - ")]
        assert float(line.split(" t - ")[1].split()[0].strip(",")) == pytest.approx(3, abs=0.1)
        assert line.endswith(f", by {source}")
    assert main(["triangulate", *words, "--times", "cam0=30", "--json"]) == 2
    assert "the times of all cameras or of none, got none of cam1, cam2" in capsys.readouterr().err
