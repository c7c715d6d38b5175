"""The demo of several cameras: films with truth, labels of what is seen, and the way from videos to points in space."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from markerless.cli.main import main
from markerless.core.tracks import Tracks
from markerless.core.views import Views
from markerless.errors import CalibrationError, ProjectError, SettingsError
from markerless.formats import tidy
from markerless.pipeline.space_demo import SpaceDemoSettings, SpaceStudy, film_study, in_space, space_demo
from markerless.pipeline.triangulate import InSpace, TriangulateOptions
from markerless.pipeline.world_axes import AxesRequest
from markerless.synthetic.many_views import ManyViews, rig
from markerless.synthetic.solid_mouse import SKELETON
from markerless.video.reader import open_video

TINY = SpaceDemoSettings(cameras=2, width=96, height=80, boards=2, labeled=10, unseen=3)
QUICK: dict[str, dict[str, int | str]] = {
    "train": {"steps": 240, "batch_size": 8, "crossfits": 0},
    "net": {"size": "small"},
}
SHORT = SpaceDemoSettings(cameras=3, boards=16, labeled=24, unseen=60, training=QUICK)


def test_films_labels_and_truth(tmp_path: Path) -> None:
    study = film_study(tmp_path / "d", TINY)
    assert sorted(path.name for path in study.boards.iterdir()) == ["east.mp4", "north.mp4"]
    assert sorted(path.name for path in study.animal.iterdir()) == ["mouse_east.mp4", "mouse_north.mp4"]
    for video, n_frames in ((study.boards / "east.mp4", 2), (study.animal / "mouse_north.mp4", 3)):
        with open_video(video) as reader:
            assert (len(reader), reader.video.width, reader.video.height) == (n_frames, 96, 80)
    truth = tidy.read(tmp_path / "d" / "truth_3d.csv")
    np.testing.assert_allclose(truth.points[:, 0], study.truth)
    labels = study.project.labels()
    assert len(labels) == 20
    assert labels.skeleton.keypoints == SKELETON.keypoints
    assert labels.skeleton.mirror_pairs == SKELETON.mirror_pairs  # all: views are flipped in training
    # labels are where the camera sees the keypoint, and hidden ones have none
    cameras = rig((96, 80), ("north", "east"))
    scene = ManyViews(12, 40, calibration=cameras)
    place = labels.images.index("labeled-data/mouse_east/img0008.png")
    seen = scene.frame(1, 8)
    np.testing.assert_allclose(labels.xy()[place, 0], np.where(seen.visible[:, None], seen.xy, np.nan), atol=1e-6)
    assert not seen.visible.all()
    parts = json.loads(study.split.read_text(encoding="utf-8"))
    assert {part: len(images) for part, images in parts.items()} == {"train": 16, "validation": 2, "test": 2}
    assert {image.split("/")[1] for image in parts["test"]} == {"mouse_north", "mouse_east"}
    # nothing is filmed or labeled twice
    before = {path: path.stat().st_mtime_ns for path in study.folder.rglob("*.mp4")}
    assert len(film_study(tmp_path / "d", TINY).project.labels()) == 20
    assert {path: path.stat().st_mtime_ns for path in before} == before
    with pytest.raises(ProjectError, match="demo of other settings"):
        film_study(tmp_path / "d", SHORT)


def test_impossible_numbers_of_cameras(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for n in (1, 9):
        with pytest.raises(SettingsError, match=f"expected 2 to 8 cameras, got {n}"):
            film_study(tmp_path, TINY.model_copy(update={"cameras": n}))
        assert main(["demo", "--cameras", str(n), "--out", str(tmp_path / "d")]) == 2
    assert not list(tmp_path.iterdir())
    capsys.readouterr()


def test_a_network_that_finds_no_floor_still_gives_points(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[AxesRequest | None] = []

    def from_videos(boards: Path, films: object, target: Path, options: TriangulateOptions, *_: object) -> InSpace:
        asked.append(options.axes)
        if options.axes is not None:
            raise CalibrationError("the points do not determine a floor")
        return made

    points = np.zeros((4, 1, SKELETON.n_keypoints, 3))
    shape = points.shape[:3]
    tracks = Tracks(SKELETON, points, np.ones(shape), error=np.ones(shape))
    views = Views(("north",), np.zeros((1, *shape)), np.ones((1, *shape), np.bool_), np.zeros(shape, np.int8))
    made = InSpace(tracks, views, rig((96, 80), ("north",)), {})
    monkeypatch.setattr("markerless.pipeline.space_demo.from_videos", from_videos)
    nothing = cast(Any, None)  # of the network and the study only the films are looked at
    found = in_space(SpaceStudy(tmp_path, tmp_path, tmp_path, nothing, tmp_path, points[:, 0]), nothing)
    assert [axes is None for axes in asked] == [False, True]
    assert found.notes[-1] == "no world axes, after so short a training: the points do not determine a floor"


@pytest.mark.slow
def test_from_films_to_points_near_the_truth(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = space_demo(tmp_path / "a demo", SHORT)
    # of a mouse of 90 mm, after a training of some seconds, which exchanges left and right paws now and then
    clear = [SKELETON.index(name) for name in ("snout", "tailbase", "tailtip")]
    assert np.nanmedian(made.off_mm[:, clear]) < 10
    assert np.nanmedian(np.abs(made.height_off_mm[:, clear])) < 10
    assert np.isfinite(made.off_mm[:, clear]).mean() > 0.5
    assert made.result.axes is not None
    told = "\n".join(made.lines())
    assert "against the truth of all 60 frames" in told
    # the command that it names does the same, and makes nothing again
    words = shlex.split(made.command())
    assert main(words[1:]) == 0
    out = capsys.readouterr().out
    assert "is of this board and newer than its pictures" in out
    assert out.count("the results are up to date") == 3
