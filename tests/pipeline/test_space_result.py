"""A result in space finds its cameras, what they measured, and their videos; what is not there is told."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import pytest

from made_mirror import PARTS, mirror_scene
from made_space import N_FRAMES, SpaceStudy, make_space_study, store_frames, write_gray_video
from markerless.core.skeleton import Skeleton
from markerless.core.tracks import Tracks
from markerless.core.video import pictures_in
from markerless.errors import CalibrationError, FormatError, VideoError
from markerless.formats import movement
from markerless.pipeline.space_result import open_space_result, seen_by_cameras
from markerless.pipeline.triangulate import triangulate


@pytest.fixture
def study(tmp_path: Path) -> SpaceStudy:
    return make_space_study(tmp_path)


def test_everything_is_found_beside_the_result(study: SpaceStudy) -> None:
    result = open_space_result(study.result)
    assert result.unit == "mm"
    seen = seen_by_cameras(result)
    for one, camera in zip(seen, study.cameras, strict=True):
        assert one.camera.name == camera.name
        assert one.video == study.videos[camera.name] and one.notes == ()
        assert one.measured is not None
        np.testing.assert_allclose(one.measured[:, 0], camera.project(study.points), rtol=1e-6)
        np.testing.assert_array_equal(one.frames, np.arange(N_FRAMES))
        # the cameras in the result see its points where they were measured
        assert one.camera.camera is not None
        np.testing.assert_allclose(one.camera.camera.project(result.tracks.points), one.measured, atol=0.05)


def test_synchronized_cameras_have_their_own_frames(study: SpaceStudy) -> None:
    frames = np.stack([np.arange(N_FRAMES), np.arange(N_FRAMES) - 2.0], axis=-1)
    frames[5, 1] = np.nan
    store_frames(study.result, frames)
    result = open_space_result(study.result)
    own = seen_by_cameras(result)[1]
    expected = np.arange(N_FRAMES) - 2
    expected[[0, 1, 5]] = -1
    np.testing.assert_array_equal(own.frames, expected)
    assert own.measured is not None
    assert np.isnan(own.measured[[0, 1, 5]]).all()
    np.testing.assert_allclose(own.measured[10, 0], study.cameras[1].project(study.points[8]), rtol=1e-6)


def test_what_is_not_there_is_told(study: SpaceStudy) -> None:
    study.videos["cam0"].unlink()
    (study.result.parent / "cam1DLC.nc").unlink()
    first, second = seen_by_cameras(open_space_result(study.result))
    assert first.video is None and "cam0=VIDEO" in first.notes[0] and first.measured is not None
    assert second.measured is None and "cam1DLC.nc is not where it was" in second.notes[0]


def test_videos_are_found_above_a_folder_of_results(study: SpaceStudy, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    for path in (study.result, tmp_path / "cam0DLC.nc", tmp_path / "cam1DLC.nc"):
        path.rename(folder / path.name)
    found = seen_by_cameras(open_space_result(folder / study.result.name))
    assert [one.video for one in found] == list(study.videos.values())
    assert all(one.measured is not None for one in found)


def test_videos_can_be_named(study: SpaceStudy, tmp_path: Path) -> None:
    other = write_gray_video(tmp_path / "moved" / "left.mp4")
    result = open_space_result(study.result)
    first, second = seen_by_cameras(result, {"cam0": other})
    assert first.video == other and second.video == study.videos["cam1"]
    assert [one.video for one in seen_by_cameras(result, {"all": other})] == [other, other]
    with pytest.raises(CalibrationError, match=r"unknown camera 'back'; cameras of walk\.nc: cam0, cam1"):
        seen_by_cameras(result, {"back": other})
    with pytest.raises(VideoError, match="no such video"):
        seen_by_cameras(result, {"cam0": tmp_path / "nothing.mp4"})


def test_views_of_one_picture_know_their_keypoints(tmp_path: Path) -> None:
    scene = mirror_scene(n_points=90)
    xy = scene.xy.reshape(2, 45, 2, 2)  # 45 moments, 2 keypoints
    names = ("nose_top", "tail_top", "nose_bot", "tail_bot")
    points = np.concatenate([xy[0], xy[1]], axis=1)[:, None]
    tracks = Tracks(Skeleton(names), points, np.full(points.shape[:3], 0.9), fps=30.0, video="mouse.mp4")
    movement.write(tracks, tmp_path / "mouse.nc")
    lines = []
    for part, ending in zip(PARTS, ("top", "bot"), strict=True):
        region = part.region
        lines += [f"[views.{part.name}]", f"region = [{region.left}, {region.top}, {region.width}, {region.height}]"]
        lines += [f'keypoints = "{{}}_{ending}"', f"mirrored = {str(part.mirrored).lower()}"]
    (tmp_path / "views.toml").write_text("\n".join(lines), encoding="utf-8")
    made = triangulate(tmp_path / "views.toml", {"all": tmp_path / "mouse.nc"}, tmp_path / "S")
    result = open_space_result(made.files[0])
    for one, measured in zip(seen_by_cameras(result), xy, strict=True):
        assert one.measured is not None
        np.testing.assert_allclose(one.measured[:, 0], measured, rtol=1e-6)
        assert one.camera.camera is not None and one.camera.camera.region is not None
        assert one.camera.camera.region.height == 240
        asked = f"the video of all views was not found; `markerless render {made.files[0]} all=VIDEO` draws it as well"
        assert one.notes == (asked,)


def test_results_of_before_are_opened_by_the_files_beside_them(study: SpaceStudy) -> None:
    with h5py.File(study.result, "r+") as file:
        stored = json.loads(file.attrs["provenance"])
        del stored["rig"], stored["sources"]
        file.attrs["provenance"] = json.dumps(stored)
    result = open_space_result(study.result)
    for one in seen_by_cameras(result):
        assert one.camera.camera is None  # no calibration was written beside it
        assert one.measured is not None and one.video is not None


def test_other_files_are_no_points_in_space(study: SpaceStudy, tmp_path: Path) -> None:
    text = tmp_path / "text.nc"
    text.write_text("hello", encoding="utf-8")
    for other, told in (
        (tmp_path / "cam0DLC.nc", "got pixels"),
        (text, "text.nc"),
        (tmp_path / "none.nc", "no such file"),
    ):
        with pytest.raises(FormatError, match=told):
            open_space_result(other)


def test_labeled_pictures_are_the_moments_of_a_result_of_labels(shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "mirror-mouse"
    views = (
        '[views.side]\nregion = [0, 0, 396, 168]\nkeypoints = "{}_top"\n[views.below]\nregion = [0, 168, 396, 238]\n'
    )
    (tmp_path / "views.toml").write_text(f'{views}keypoints = "{{}}_bot"\nmirrored = true\n', encoding="utf-8")
    made = triangulate(tmp_path / "views.toml", {"all": folder / "CollectedData.csv"}, tmp_path / "S")
    result = open_space_result(made.files[0])
    images = result.tracks.provenance["images"]
    on_disk = sorted(path.name for path in (folder / "labeled-data").iterdir())
    side, below = seen_by_cameras(result)
    for one in (side, below):
        assert one.video is not None and one.video.samefile(folder / "labeled-data") and one.notes == ()
        assert [on_disk[frame] for frame in one.frames] == images
    moved = tmp_path / "moved"  # with a picture that was not labeled, before the others
    moved.mkdir()
    for name in on_disk:
        (moved / name).symlink_to(folder / "labeled-data" / name)
    (moved / f"0{on_disk[0]}").symlink_to(folder / "labeled-data" / on_disk[0])
    pictures = pictures_in(moved)
    given = seen_by_cameras(result, {"all": moved})[0]
    assert given.video == moved and [pictures[frame].name for frame in given.frames] == images
    with pytest.raises(VideoError, match=r"folder of the pictures that were labeled .img"):
        seen_by_cameras(result, {"side": folder / "videos"})
    with pytest.raises(VideoError, match="name the folder in which they are"):
        seen_by_cameras(result, {"side": write_gray_video(tmp_path / "a.mp4", 5)})
    assert side.measured is not None and below.measured is not None
    seen_below = below.measured[np.isfinite(below.measured).all(axis=-1)]
    assert (seen_below[:, 1] > 168).all() and len(seen_below) > 300
    assert side.camera.camera is not None
    off = side.camera.camera.project(result.tracks.points) - side.measured
    assert np.nanmedian(np.hypot(off[..., 0], off[..., 1])) < 3
