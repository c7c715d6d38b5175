"""`triangulate` on made files: what is written, what is refused, what the terms and a known length do."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from made_mirror import PARTS, mirror_scene
from made_rig import ring
from markerless.core.camera import Calibration
from markerless.core.skeleton import Skeleton
from markerless.core.tracks import Tracks
from markerless.core.views import GOOD
from markerless.errors import CalibrationError, LabelsError
from markerless.formats import anipose, dlc, movement
from markerless.multiview.files import anipose_toml
from markerless.multiview.files.views_toml import KnownLength
from markerless.multiview.rotation import matrix_of
from markerless.pipeline.triangulate import TriangulateOptions, triangulate

NAMES = ("nose", "tailbase", "tailend")
EDGES = ((0, 1), (1, 2))
LIMB_MM = 40.0


def truth(n_frames: int = 80) -> np.ndarray:
    """`(T, 3, 3)`: an animal of three points, `LIMB_MM` apart, that walks a curve."""
    t = np.arange(n_frames) / 15
    middle = np.stack([90 * np.sin(t), 70 * np.cos(t), 12 * np.sin(2 * t)], axis=-1)
    way = LIMB_MM * np.stack([np.cos(t), -np.sin(t), 0 * t], axis=-1)
    return np.stack([middle + way, middle, middle - way], axis=1)


def made(n_views: int = 3, noise: float = 0.5, seed: int = 0) -> tuple[Calibration, dict[str, Tracks], np.ndarray]:
    rng = np.random.default_rng(seed)
    rig, points = Calibration(ring(n_views), "mm"), truth()
    seen = {}
    for camera in rig.cameras:
        xy = camera.project(points) + rng.normal(0, noise, (*points.shape[:2], 2))
        seen[camera.name] = Tracks(Skeleton(NAMES, EDGES), xy[:, None], np.full((len(xy), 1, 3), 0.9), fps=30.0)
    return rig, seen, points


@pytest.fixture
def study(tmp_path: Path) -> tuple[Path, dict[str, Path], np.ndarray]:
    """A calibration file, a DeepLabCut table of each camera, and the truth."""
    rig, seen, points = made()
    anipose_toml.write(rig, tmp_path / "calibration.toml")
    files = {}
    for name, tracks in seen.items():
        files[name] = tmp_path / f"walk_{name}.h5"
        dlc.write(tracks, files[name])
    return tmp_path / "calibration.toml", files, points


def test_files_become_points_in_space(study: tuple[Path, dict[str, Path], np.ndarray], tmp_path: Path) -> None:
    calibration, files, points = study
    result = triangulate(calibration, files)
    assert result.files == (tmp_path / "walk_cam_3d.nc", tmp_path / "walk_cam_3d.csv")
    off = np.linalg.norm(result.tracks.points[:, 0] - points, axis=-1)
    assert np.nanmedian(off) < 1
    assert np.isfinite(off).mean() > 0.98
    assert result.tracks.error is not None
    assert 0.8 < np.nanmean(off) / np.nanmean(result.tracks.error) < 1.25
    for name in files:  # 0.5 px per axis are 0.63 px
        assert result.noise_px[name] == pytest.approx(0.627, rel=0.25)
    again = movement.read(result.files[0])
    np.testing.assert_allclose(again.points, result.tracks.points)
    np.testing.assert_allclose(again.error, result.tracks.error)
    assert again.provenance["files"] == {name: path.name for name, path in files.items()}
    views = movement.read_views(result.files[0])
    assert views is not None
    assert views.names == tuple(files)
    np.testing.assert_array_equal(views.state, result.views.state)
    np.testing.assert_array_equal(views.used, result.views.used)
    np.testing.assert_allclose(views.reprojection_px, result.views.reprojection_px)
    table = anipose.read(result.files[1])
    np.testing.assert_allclose(table.points, result.tracks.points)


def test_it_writes_where_it_is_told(study: tuple[Path, dict[str, Path], np.ndarray], tmp_path: Path) -> None:
    calibration, files, _ = study
    for out in ("there", "there.nc", "there.csv"):
        result = triangulate(calibration.parent, files, tmp_path / out)
        assert [path.name for path in result.files] == ["there.nc", "there.csv"]


def test_what_it_tells_is_plain(study: tuple[Path, dict[str, Path], np.ndarray]) -> None:
    calibration, files, points = study
    told = json.loads(json.dumps(triangulate(calibration, files).to_json()))
    assert told["unit"] == "mm"
    assert sum(told["points"].values()) == points.size // 3
    assert told["points"]["good"] > 0.98 * points.size // 3
    assert set(told["cameras"]) == set(files)
    assert told["refined"] is None


def test_from_memory_nothing_is_written() -> None:
    rig, seen, _ = made()
    assert triangulate(rig, seen).files == ()


def test_points_of_low_score_are_left_out() -> None:
    rig, seen, _ = made(4)
    score = seen["cam1"].score.copy()
    score[10:20, 0, 1] = 0.1
    points = seen["cam1"].points.copy()
    points[10:20, 0, 1] += 300
    seen["cam1"] = replace(seen["cam1"], points=points, score=score)
    result = triangulate(rig, seen)
    assert not result.views.used[1, 10:20, 0, 1].any()
    assert np.isnan(result.views.reprojection_px[1, 10:20, 0, 1]).all()
    kept = triangulate(rig, seen, options=TriangulateOptions(cutoff=0.0))
    assert (kept.views.reprojection_px[1, 10:20, 0, 1] > 100).all()  # looked at, and found to be wrong
    assert not kept.views.used[1, 10:20, 0, 1].any()


def test_given_errors_weigh_the_views() -> None:
    rig, seen, points = made(3, noise=0.5)
    rng = np.random.default_rng(3)
    error = dict.fromkeys(seen, 0.63) | {"cam2": 6.3}
    for name, tracks in seen.items():
        extra = rng.normal(0, 5, tracks.points.shape) if name == "cam2" else 0.0
        given = np.full(tracks.score.shape, error[name])
        seen[name] = replace(tracks, points=tracks.points + extra, error=given)
    weighted = triangulate(rig, seen)
    alike = triangulate(
        rig, {name: replace(tracks, error=np.full(tracks.score.shape, 6.3)) for name, tracks in seen.items()}
    )
    off = [np.nanmean(np.linalg.norm(one.tracks.points[:, 0] - points, axis=-1)) for one in (weighted, alike)]
    assert off[0] < 0.7 * off[1]
    assert weighted.noise_px["cam2"] > 5 * weighted.noise_px["cam0"]


def test_terms_are_off_unless_asked_for_and_say_how_far_they_moved() -> None:
    rig, seen, points = made(3, noise=2.0)
    plain = triangulate(rig, seen)
    assert plain.refined is None
    drawn = triangulate(rig, seen, options=TriangulateOptions(smooth=True, limbs=True))
    assert drawn.refined is not None
    moved = np.linalg.norm(drawn.tracks.points - plain.tracks.points, axis=-1)
    assert drawn.refined == pytest.approx((np.nanmedian(moved), np.nanmax(moved)))
    off = [np.nanmean(np.linalg.norm(one.tracks.points[:, 0] - points, axis=-1)) for one in (plain, drawn)]
    assert off[1] < 0.8 * off[0]
    bare = {name: replace(tracks, skeleton=Skeleton(NAMES)) for name, tracks in seen.items()}
    without = triangulate(rig, bare, options=TriangulateOptions(limbs=True))
    assert any("no skeleton" in note for note in without.notes)


def test_a_known_length_sets_the_scale(tmp_path: Path) -> None:
    rig, seen, _ = made()
    options = TriangulateOptions(length=KnownLength("nose", "tailbase", 4.0))
    result = triangulate(rig, seen, tmp_path / "S", options)
    lengths = np.linalg.norm(result.tracks.points[:, 0, 0] - result.tracks.points[:, 0, 1], axis=-1)
    assert np.nanmedian(lengths) == pytest.approx(4.0, rel=1e-6)
    assert [path.name for path in result.files] == ["S.nc", "S.csv", "S.calibration.toml"]
    scaled = anipose_toml.read(result.files[2])
    np.testing.assert_allclose(scaled.cameras[0].center, rig.cameras[0].center * 4.0 / LIMB_MM, rtol=0.02)


def test_a_camera_that_drifted_is_put_back() -> None:
    rig, seen, points = made(4)
    turn = matrix_of(np.array([0.0, 0.03, 0.0]))
    turned = rig.cameras[3].moved(turn @ rig.cameras[3].rotation, turn @ rig.cameras[3].translation)
    drifted = replace(rig, cameras=(*rig.cameras[:3], turned))
    repaired = triangulate(drifted, seen, options=TriangulateOptions(repair=True))
    assert {move.name for move in repaired.moves} == set(seen)
    assert max(repaired.moves, key=lambda move: move.angle_deg).name == "cam3"
    assert repaired.views.used[3].mean() > 0.9 > 0.5 > triangulate(drifted, seen).views.used[3].mean()
    off = np.linalg.norm(repaired.tracks.points[:, 0] - points, axis=-1)
    assert np.nanmedian(off) < 1.5


def test_two_animals_are_kept_apart(tmp_path: Path) -> None:
    rig, seen, points = made()
    other = points + np.array([0.0, 0.0, 60.0])
    both = {}
    for camera in rig.cameras:
        xy = np.stack([seen[camera.name].points[:, 0], camera.project(other)], axis=1)
        both[camera.name] = replace(
            seen[camera.name], points=xy, score=np.ones(xy.shape[:3]), individuals=("anna", "bert")
        )
    # the order of the animals in a file does not matter, their names do
    turned = both["cam1"]
    both["cam1"] = replace(turned, points=turned.points[:, ::-1], individuals=("bert", "anna"))
    result = triangulate(rig, both, tmp_path / "S")
    assert [path.name for path in result.files] == ["S.nc", "S_anna.csv", "S_bert.csv"]
    assert np.nanmedian(np.linalg.norm(result.tracks.points[:, 1] - other, axis=-1)) < 1
    table = anipose.read(tmp_path / "S_bert.csv")
    np.testing.assert_allclose(table.points[:, 0], result.tracks.points[:, 1])


def test_keypoints_are_matched_by_name() -> None:
    rig, seen, points = made()
    two = Skeleton(("tailend", "nose"))
    seen["cam2"] = replace(
        seen["cam2"], skeleton=two, points=seen["cam2"].points[:, :, [2, 0]], score=seen["cam2"].score[:, :, :2]
    )
    result = triangulate(rig, seen)
    assert result.tracks.skeleton.keypoints == NAMES
    assert np.nanmedian(np.linalg.norm(result.tracks.points[:, 0] - points, axis=-1)) < 1.5
    assert not result.views.used[2, :, :, 1].any()
    assert any("cam2" in note and "tailbase" in note for note in result.notes)
    strangers = {
        name: replace(tracks, skeleton=Skeleton(tuple(f"{name}_{k}" for k in NAMES)))
        for name, tracks in seen.items()
        if name != "cam2"
    }
    with pytest.raises(LabelsError, match="keypoints of the same names in two cameras, found none"):
        triangulate(rig, strangers)


def test_what_does_not_go_together_is_refused(study: tuple[Path, dict[str, Path], np.ndarray], tmp_path: Path) -> None:
    calibration, files, _ = study
    rig, seen, _ = made()
    with pytest.raises(CalibrationError, match="unknown camera 'left'; cameras of this calibration: cam0, cam1, cam2"):
        triangulate(calibration, {**files, "left": files["cam0"]})
    with pytest.raises(CalibrationError, match="at least two cameras, got cam0"):
        triangulate(calibration, {"cam0": files["cam0"]})
    with pytest.raises(CalibrationError, match="expected CAMERA=FILE for each camera"):
        triangulate(calibration, {"all": files["cam0"]})
    with pytest.raises(CalibrationError, match=r"no such calibration: .*make one with"):
        triangulate(tmp_path / "none.toml", files)
    short = replace(seen["cam1"], points=seen["cam1"].points[:70], score=seen["cam1"].score[:70])
    with pytest.raises(LabelsError, match="equally many frames of every camera, got cam0 80, cam1 70, cam2 80"):
        triangulate(rig, {**seen, "cam1": short})
    copied = replace(rig, cameras=(*rig.cameras[:2], replace(rig.cameras[1], name="cam2")))
    with pytest.raises(CalibrationError, match="cameras 'cam1' and 'cam2' have the very same numbers"):
        triangulate(copied, seen)
    with pytest.raises(LabelsError, match="frames with both"):
        gone = {
            name: replace(one, points=np.where(np.arange(3)[:, None] == 0, np.nan, one.points))
            for name, one in seen.items()
        }
        triangulate(rig, gone, options=TriangulateOptions(length=KnownLength("nose", "tailbase", 4.0)))


MIRROR = """known_length = ["a", "b", 55.0]
frame = [640, 480]
[views.side]
region = [0, 0, 640, 240]
keypoints = "{}_top"
[views.below]
region = [0, 240, 640, 240]
keypoints = "{}_bot"
mirrored = true
"""


def mirror_study(folder: Path) -> tuple[Path, Path, np.ndarray]:
    """A file of views, one table of both views' keypoints, and the truth `(T, 2, 3)` of points a and b."""
    scene = mirror_scene(600)
    (folder / "views.toml").write_text(MIRROR, encoding="utf-8")
    xy = np.concatenate([view.reshape(300, 2, 2) for view in scene.xy], axis=1)
    names = Skeleton(("a_top", "b_top", "a_bot", "b_bot"))
    dlc.write(Tracks(names, xy[:, None], np.ones((300, 1, 4))), folder / "both.h5")
    return folder / "views.toml", folder / "both.h5", scene.points.reshape(300, 2, 3)


def test_one_file_and_a_mirror_are_two_cameras(tmp_path: Path) -> None:
    views, file, points = mirror_study(tmp_path)
    result = triangulate(views, {"all": file})
    assert result.tracks.skeleton.keypoints == ("a", "b")
    assert result.views.names == tuple(part.name for part in PARTS)
    found = result.tracks.points[:, 0]
    good = (result.views.state[:, 0] == GOOD).all(axis=-1)
    assert good.mean() > 0.95
    lengths, real = (np.linalg.norm(one[:, 0] - one[:, 1], axis=-1) for one in (found, points))
    assert np.nanmedian(lengths) == pytest.approx(55.0, rel=1e-6)
    ratio = (lengths / real)[good]
    assert np.std(ratio) / np.mean(ratio) < 0.05
    assert result.files[-1].name.endswith(".calibration.toml")
    # the cameras found there serve the next video without a fit
    again = triangulate(
        result.files[-1], {"side": named(file, "_top", tmp_path), "below": named(file, "_bot", tmp_path)}
    )
    np.testing.assert_allclose(again.tracks.points, result.tracks.points, atol=0.05)


def named(file: Path, end: str, folder: Path) -> Path:
    """The keypoints of one view in a file of their own, under their common names."""
    tracks = dlc.read(file)
    places = [index for index, name in enumerate(tracks.skeleton.keypoints) if name.endswith(end)]
    names = tuple(tracks.skeleton.keypoints[index].removesuffix(end) for index in places)
    path = folder / f"of{end}.h5"
    dlc.write(Tracks(Skeleton(names), tracks.points[:, :, places], tracks.score[:, :, places]), path)
    return path
