"""`markerless views` as a person types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from made_views import make_mirror, make_views
from markerless.cli.main import main


def test_cameras_are_named_and_pictures_of_their_moments_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = make_views(tmp_path, 3, 6)
    assert main(["views", str(made.root)]) == 2
    assert "it has no views yet" in capsys.readouterr().err
    assert main(["views", str(made.root), str(made.calibration), "--videos", "{session}_{camera}"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "views: cam0, cam1, cam2 (calibrated); 5 keypoints in two or more of them"
    assert out[1] == (
        "session cam0=day1_cam0, cam1=day1_cam1, cam2=day1_cam2: 6 moments, 6 in two or more views; "
        "not yet pictures: 6 in cam2 (--extract makes them)"
    )
    assert out[2].startswith("expected error of a label: cam0 1.")
    assert out[2].endswith("(learned from 30 points in two views)")
    assert out[-1].startswith(f"wrote {made.root / 'views.toml'}")
    assert main(["views", str(made.root), "--extract", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [len(one["frames"]) for one in told["extracted"]] == [6]
    assert told["sessions"][0]["missing"] == {"cam0": [], "cam1": [], "cam2": []}


def test_a_mirror_needs_no_calibration(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project = make_mirror(tmp_path)
    assert main(["views", str(project.root)]) == 0
    out = capsys.readouterr().out
    assert out.startswith("views: side, below (found from the labels); 5 keypoints in two or more of them\n")
    assert "session" not in out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--videos", "{camera}"], "--videos says how the videos of a CALIBRATION are named"),
        (["gone.toml", "--videos", "{camera}"], "no such calibration: gone.toml"),
        (["{rig}"], "expected --videos with the names of the cameras' videos"),
        (["{rig}", "--videos", "day1"], "expected the name of a video with {camera} once"),
    ],
)
def test_what_is_missing_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], told: str
) -> None:
    made = make_views(tmp_path, 2, 2)
    assert main(["views", str(made.root), *(word.replace("{rig}", str(made.calibration)) for word in words)]) == 2
    err = capsys.readouterr().err
    assert told in err
    assert len(err.splitlines()) == 1
    assert not (made.root / "views.toml").exists()
