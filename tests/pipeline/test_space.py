"""Results in space as somebody looks at them: a stretch of numbers, what each camera saw, videos, what is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from filmed_space import CONTRADICTED, KEYPOINTS, MadeSpace, body, make_space, measured, rig
from made_rig import looking_at, ring
from markerless.core.camera import Calibration, Camera
from markerless.core.tracks import Tracks
from markerless.core.views import CONTRADICTORY
from markerless.errors import FormatError
from markerless.formats import dlc, movement
from markerless.multiview.rotation import matrix_of
from markerless.pipeline import space as viewing
from markerless.pipeline.space import Space, limbs_of, open_space, space_files
from markerless.pipeline.space_view import corners_of, up_of
from markerless.pipeline.triangulate import triangulate
from markerless.project import Project

N_FRAMES, TIP = 80, KEYPOINTS.index("tail_tip")
MIRROR = (
    '[views.side]\nregion = [0, 0, 396, 203]\nkeypoints = "{}_top"\n'
    '[views.below]\nregion = [0, 203, 396, 203]\nkeypoints = "{}_bot"\nmirrored = true\n'
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> MadeSpace:
    return make_space(tmp_path_factory.mktemp("space"), N_FRAMES)


def opened(made: MadeSpace, path: Path | None = None, allows: Callable[[Path], bool] = lambda _: True) -> Space:
    return open_space(path or made.result, Project(made.root), allows)


def unpacked(space: Space, start: int, stop: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Frames `(T, C)`, points `(T, N, K, 6)`, views `(C, T, N, K, 6)` of what is sent."""
    values = space.packed(start, stop)
    assert values.dtype == np.dtype("<f4")
    assert values.shape == (stop - start, space.record)
    n_cameras, shape = len(space.cameras), (len(space.file.individuals), len(space.file.keypoints), 6)
    frames, points, views = np.split(values, [n_cameras, n_cameras + int(np.prod(shape))], axis=1)
    return frames, points.reshape(-1, *shape), views.reshape(-1, n_cameras, *shape).swapaxes(0, 1)


def test_a_part_that_does_not_say_its_frames_is_refused(made: MadeSpace, tmp_path: Path) -> None:
    tracks = replace(movement.read(made.result), error=None)
    part = movement.to_dataset(tracks).isel(time=slice(30, 40))
    part.to_netcdf(tmp_path / "part.nc", engine="h5netcdf")
    with pytest.raises(FormatError, match=r"part.nc: expected every moment .*, got 10 rows from frame 30 to 39"):
        open_space(tmp_path / "part.nc")
    whole = part.assign_coords(time=part["time"] - part["time"][0])
    whole.to_netcdf(tmp_path / "whole.nc", engine="h5netcdf")
    assert open_space(tmp_path / "whole.nc").file.n_frames == 10


def test_a_stretch_holds_what_the_files_hold(made: MadeSpace) -> None:
    space = opened(made)
    frames, points, views = unpacked(space, 50, 70)
    tracks, said = movement.read(made.result), movement.read_views(made.result)
    assert said is not None
    assert tracks.error is not None
    np.testing.assert_array_equal(frames, np.repeat(np.arange(50, 70)[:, None], 3, axis=1))
    np.testing.assert_allclose(points[..., :3], tracks.points[50:70], rtol=1e-6)
    np.testing.assert_allclose(points[..., 4], tracks.error[50:70], rtol=1e-6)
    np.testing.assert_array_equal(points[..., 5], said.state[50:70])
    assert (points[CONTRADICTED.start - 50 : CONTRADICTED.stop - 50, 0, TIP, 5] == CONTRADICTORY).any()
    for index, camera in enumerate(made.rig.cameras):
        seen = measured(made.rig, made.truth)[camera.name].points[50:70]
        np.testing.assert_allclose(views[index, ..., :2], seen, atol=1e-3)
        off = np.hypot(*np.moveaxis(views[index, ..., :2] - views[index, ..., 2:4], -1, 0))
        np.testing.assert_allclose(off, said.reprojection_px[index, 50:70], atol=1e-3)  # by its own projection
        np.testing.assert_array_equal(views[index, ..., 5], said.used[index, 50:70])


def test_each_camera_has_its_video_and_its_place(made: MadeSpace) -> None:
    space = opened(made)
    assert [one.name for one in space.cameras] == ["left", "middle", "right"]
    for one, camera in zip(space.cameras, made.rig.cameras, strict=True):
        assert one.seen.video is not None
        assert one.seen.video.name == f"{one.name}.mp4"
        assert one.seen.note == ""
        assert one.camera is not None
        np.testing.assert_allclose(one.camera.center, camera.center)


def test_frames_of_videos_that_did_not_start_together(made: MadeSpace, tmp_path: Path) -> None:
    """Moment t is frame t + 3 of the middle camera; its last frames are missing."""
    path = made.root / "shifted.nc"
    path.write_bytes(made.result.read_bytes())
    frames = np.repeat(np.arange(N_FRAMES)[:, None], 3, axis=1)
    frames[:, 1] = np.where(frames[:, 1] + 3 < N_FRAMES, frames[:, 1] + 3, -1)
    said = np.where(frames < 0, np.nan, frames + np.array([0.0, 0.0, 0.3]))  # a fraction lies between two frames
    with h5py.File(path, "r+") as file:
        file["camera_frame"][:] = said  # (time, view), as the motion or timestamps would have it
    found, _, views = unpacked(opened(made, path), 70, 80)
    few, _, _ = unpacked(opened(made, path), 70, 73)  # as many moments as cameras
    path.unlink()
    np.testing.assert_array_equal(found, frames[70:80])
    np.testing.assert_array_equal(few, frames[70:73])
    seen = measured(made.rig, made.truth)["middle"].points
    np.testing.assert_allclose(views[1, :7, ..., :2], seen[73:80], atol=1e-3)
    assert np.isnan(views[1, 7:, ..., :2]).all()
    np.testing.assert_allclose(views[0, ..., :2], measured(made.rig, made.truth)["left"].points[70:80], atol=1e-3)


def test_traces_are_the_extremes_of_each_column(made: MadeSpace) -> None:
    space, tracks, said = opened(made), movement.read(made.result), movement.read_views(made.result)
    assert said is not None
    snout, other = 0, space.limbs[0]
    assert other is not None
    limb, error, off, state = space.traces(0, snout, slice(0, N_FRAMES), 10)
    length = np.linalg.norm(tracks.points[:, 0, snout] - tracks.points[:, 0, other], axis=-1).reshape(10, -1)
    np.testing.assert_allclose(limb, np.stack([np.nanmin(length, 1), np.nanmax(length, 1)], 1), rtol=1e-6)
    worst = np.where(said.used, said.reprojection_px, np.nan)[:, :, 0, snout]
    np.testing.assert_allclose(off[:, 1], np.nanmax(worst.reshape(3, 10, -1), axis=(0, 2)), rtol=1e-6)
    assert tracks.error is not None
    np.testing.assert_allclose(error[:, 0], np.nanmin(tracks.error[:, 0, snout].reshape(10, -1), axis=1), rtol=1e-6)
    np.testing.assert_array_equal(state[:, 1], said.state[:, 0, snout].reshape(10, -1).max(axis=1))
    exact = space.traces(0, snout, slice(20, 25), 100)
    assert exact.shape == (4, 5, 2)
    np.testing.assert_allclose(exact[0, :, 0], length.ravel()[20:25], rtol=1e-6)


def test_moments_of_contradiction_are_found_in_both_directions(made: MadeSpace) -> None:
    space, said = opened(made), movement.read_views(made.result)
    assert said is not None
    wrong = said.state[:, 0] == CONTRADICTORY
    starts = [t for t in range(N_FRAMES) if any(wrong[t, k] and not (t and wrong[t - 1, k]) for k in range(12))]
    assert any(start in starts for start in range(CONTRADICTED.start, CONTRADICTED.stop))
    forward, frame = [], -1
    while (found := space.next_moment(frame, 1)) is not None:
        forward.append(frame := found)
    assert forward == starts
    assert space.next_moment(starts[-1], -1) == (starts[-2] if len(starts) > 1 else None)
    assert space.next_moment(0, -1) is None


def test_files_in_other_layouts_are_read_as_well(made: MadeSpace) -> None:
    """One that netCDF tools have written in pieces, and squeezed."""
    path = made.root / "squeezed.nc"
    path.write_bytes(made.result.read_bytes())
    with h5py.File(path, "r+") as file:
        for name in ("position", "reprojection_error", "state"):
            old = file[name]
            new = file.create_dataset("new", data=old[...], chunks=True, compression="gzip")
            for axis, dim in enumerate(old.dims):
                new.dims[axis].attach_scale(dim[0])
            del file[name]
            file.move("new", name)
    squeezed = opened(made, path).packed(10, 40)
    path.unlink()
    np.testing.assert_array_equal(squeezed, opened(made).packed(10, 40))


def test_what_is_not_there_is_said_in_plain_words(made: MadeSpace, tmp_path: Path) -> None:
    alone = tmp_path / "alone.nc"
    alone.write_bytes(made.result.read_bytes())
    seen = opened(made, alone).cameras[0].seen
    assert seen.note == "leftDLC_made.nc is not where it was; put it beside alone.nc"
    assert not seen.has_points
    assert np.isnan(unpacked(opened(made, alone), 0, 5)[2][..., :2]).all()
    beside = tmp_path / "leftDLC_made.nc"
    beside.write_bytes((made.root / "videos" / "leftDLC_made.nc").read_bytes())
    moved = opened(made, alone).cameras[0].seen
    assert moved.has_points
    assert moved.video is not None  # of the study, by the name that the tracks give
    locked = opened(made, allows=lambda path: path.suffix == ".mp4").cameras[0].seen
    assert "may not be shown; start the app with --root" in locked.note
    assert not locked.has_points
    no_video = opened(made, allows=lambda path: path.suffix == ".nc").cameras[0].seen
    assert (no_video.has_points, no_video.video) == (True, None)


def test_results_of_before_show_what_they_know(made: MadeSpace, tmp_path: Path) -> None:
    tracks, said = movement.read(made.result), movement.read_views(made.result)
    assert said is not None
    old = {key: value for key, value in tracks.provenance.items() if key not in ("rig", "sources", "files")}
    movement.write(replace(tracks, provenance=old), tmp_path / "old.nc", said)
    space = opened(made, tmp_path / "old.nc")
    assert [one.camera for one in space.cameras] == [None, None, None]
    assert "triangulate again" in space.cameras[0].seen.note
    _, points, views = unpacked(space, 0, 3)
    np.testing.assert_allclose(points[..., :3], tracks.points[:3], rtol=1e-6)
    assert np.isnan(views[..., :4]).all()
    np.testing.assert_allclose(views[..., 4], said.reprojection_px[:, :3], rtol=1e-6)
    movement.write(tracks, tmp_path / "bare.nc")
    bare = opened(made, tmp_path / "bare.nc")
    assert (bare.file.views, bare.counts) == ((), [])
    assert [one.name for one in bare.cameras] == ["left", "middle", "right"]
    there = np.isfinite(tracks.points).all(axis=-1)
    np.testing.assert_array_equal(np.isnan(unpacked(bare, 0, N_FRAMES)[1][..., 5]), ~there)


def test_other_files_are_refused(made: MadeSpace, tmp_path: Path) -> None:
    with pytest.raises(
        FormatError, match=r"expected points in space .x, y, z., got x, y; make them of several cameras"
    ):
        opened(made, made.root / "videos" / "leftDLC_made.nc")
    with pytest.raises(FormatError, match="no such file"):
        opened(made, tmp_path / "none.nc")
    torn = tmp_path / "torn.nc"
    torn.write_bytes(made.result.read_bytes()[:4000])
    with pytest.raises(FormatError, match=r"torn\.nc"):
        opened(made, torn)
    assert not viewing.is_space(torn)
    tracks = movement.read(made.result)
    empty = tmp_path / "empty.nc"
    movement.write(replace(tracks, points=np.full_like(tracks.points, np.nan)), empty)
    with pytest.raises(FormatError, match="expected at least one point in space in empty"):
        _ = opened(made, empty).bounds


@pytest.mark.parametrize(
    "said",
    [
        {"rig": "x", "sources": [1], "files": 3, "images": 5},
        {"rig": [1, {"name": "left"}], "sources": {"left": 1}, "files": {"left": 2}},
        {"rig": [{"size": [1, 1], "matrix": np.zeros((3, 3)).tolist()}], "sources": {"left": {"file": 2}}},
        {"sources": {"left": {"file": "videos/leftDLC_made.nc", "keypoints": {"snout": [], "neck": "neck"}}}},
        {"sources": {"left": {"file": "../" * 40 + "etc/passwd"}, "right": {"file": "a\0"}}},
        {"sources": {"left": {"file": "a" * 300}, "middle": {"file": "odd.nc"}, "right": {"file": "."}}},
    ],
)
def test_odd_provenance_hides_no_point(made: MadeSpace, said: dict[str, object]) -> None:
    """A file may come from anywhere."""
    tracks, path = movement.read(made.result), made.root / "odd.nc"
    movement.write(replace(tracks, provenance={**tracks.provenance, **said}), path, movement.read_views(made.result))
    space = opened(made, path)
    _, points, _ = unpacked(space, 0, 10)
    assert len(space.cameras) == 3
    path.unlink()
    np.testing.assert_allclose(points[..., :3], tracks.points[:10], rtol=1e-6)


def test_numbers_of_other_files_are_not_read(made: MadeSpace, tmp_path: Path) -> None:
    path = tmp_path / "linked.nc"
    path.write_bytes(made.result.read_bytes())
    with h5py.File(path, "r+") as file:
        del file["position"]
        file["position"] = h5py.ExternalLink(str(made.result), "position")
    with pytest.raises(FormatError, match="expected a variable position"):
        opened(made, path)


@pytest.mark.parametrize(
    ("dims", "shape", "told"),
    [
        (("time", "view"), (N_FRAMES, 2), "expected 3 along view of camera_frame, got 2"),
        (("time", "view"), (5, 3), f"expected {N_FRAMES} along time of camera_frame, got 5"),
        (("view",), (3,), "expected view, time as axes of /camera_frame, got view"),
        (("time", "keypoint"), (N_FRAMES, 12), "expected view, time as axes of /camera_frame, got time, keypoint"),
    ],
)
def test_variables_that_do_not_fit_the_cameras_are_refused(
    made: MadeSpace, tmp_path: Path, dims: tuple[str, ...], shape: tuple[int, ...], told: str
) -> None:
    path = tmp_path / "odd.nc"
    path.write_bytes(made.result.read_bytes())
    with h5py.File(path, "r+") as file:
        del file["camera_frame"]
        stored = file.create_dataset("camera_frame", data=np.zeros(shape))
        for axis, (name, length) in enumerate(zip(dims, shape, strict=True)):
            stored.dims[axis].attach_scale(file.create_dataset(f"other/{name}", data=np.arange(length)))
    with pytest.raises(FormatError, match=told):
        opened(made, path)


def test_a_file_of_several_views_is_read_once(
    made: MadeSpace, shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from markerless.formats import _sniff

    read: list[Path] = []
    reader = _sniff.open_any

    def counted(path: Path) -> object:
        read.append(path)
        return reader(path)

    monkeypatch.setattr(_sniff, "open_any", counted)
    (tmp_path / "views.toml").write_text(MIRROR, encoding="utf-8")
    labels = shared_data / "mirror-mouse" / "CollectedData.csv"
    result = triangulate(tmp_path / "views.toml", {"all": labels}, tmp_path / "S")
    read.clear()
    assert [one.seen.has_points for one in opened(made, result.files[0]).cameras] == [True, True]
    assert len(read) == 1


def test_results_of_a_project_are_found(made: MadeSpace) -> None:
    assert space_files(Project(made.root)) == [made.result.resolve()]  # and none of the 2D ones beside the videos


def test_labels_of_pictures_lead_to_the_pictures(made: MadeSpace, shared_data: Path, tmp_path: Path) -> None:
    """The mirror mouse: one picture, two views; names of keypoints end in _top and _bot."""
    (tmp_path / "views.toml").write_text(MIRROR, encoding="utf-8")
    labels = shared_data / "mirror-mouse" / "CollectedData.csv"
    result = triangulate(tmp_path / "views.toml", {"all": labels}, tmp_path / "S")
    space = opened(made, result.files[0])
    frames, _, views = unpacked(space, 0, result.tracks.n_frames)
    for one in space.cameras:
        assert one.seen.video == shared_data.resolve() / "mirror-mouse" / "labeled-data"
        assert one.camera is not None
        assert one.camera.region is not None
    names = sorted(path.name for path in (shared_data / "mirror-mouse" / "labeled-data").iterdir())
    assert [names[int(frame)] for frame in frames[:, 0]] == list(result.tracks.provenance["images"])
    off = np.hypot(*np.moveaxis(views[..., :2] - views[..., 2:4], -1, 0))
    there = np.isfinite(result.views.reprojection_px)
    np.testing.assert_allclose(off[there], result.views.reprojection_px[there], atol=1e-3)


def test_sources_are_named_as_seen_from_the_result(tmp_path: Path) -> None:
    cameras, mouse = rig(), body(20)
    (tmp_path / "in").mkdir()
    files = {}
    for name, tracks in measured(cameras, mouse.points).items():
        files[name] = tmp_path / "in" / f"{name}.h5"
        dlc.write(Tracks(tracks.skeleton, tracks.points, tracks.score, fps=30.0), files[name])
    result = triangulate(cameras, files, tmp_path / "out" / ".." / "S")
    stored = movement.read(result.files[0]).provenance["sources"]
    assert stored == {name: {"file": f"in/{name}.h5", "keypoints": "{}"} for name in files}


def test_limbs_lead_away_from_the_first_keypoint() -> None:
    assert limbs_of(6, ((2, 0), (2, 1), (1, 3))) == [2, 2, 0, 1, None, None]
    assert limbs_of(4, ((0, 1), (2, 3))) == [1, 0, 3, 2]


@pytest.mark.parametrize("turn", [0.0, 0.2, 0.7])
def test_up_is_what_upright_cameras_agree_on(turn: float) -> None:
    """World axes that are turned by `turn` about x; what is within 30 degrees of an axis is taken to be that axis."""
    tilt = np.array([[1, 0, 0], [0, np.cos(turn), np.sin(turn)], [0, -np.sin(turn), np.cos(turn)]])
    cameras = []
    for angle in (0.2, 1.1, 1.9):  # all from one side, looking down steeply
        rotation, translation = looking_at(700 * np.array([np.cos(angle), np.sin(angle), 1.4]), np.zeros(3))
        cameras.append(replace(ring(1)[0], name=str(angle), rotation=rotation @ tilt, translation=translation))
    expected = tilt.T @ [0, 0, 1] if turn > np.deg2rad(30) else [0, 0, 1]
    np.testing.assert_allclose(up_of(cameras), expected, atol=1e-9)
    np.testing.assert_allclose(up_of([]), [0, 0, 1])


def test_up_is_nearly_right_where_cameras_are_held_aslant() -> None:
    """Rolled by 20 degrees in turn, world axes aslant: what was not snapped is within 15 degrees."""
    tilt = matrix_of(np.array([[0.7, 0.4, 0.2]]))[0]
    cameras = []
    for index, angle in enumerate((0.2, 1.1, 1.9, 3.0)):
        rotation, translation = looking_at(700 * np.array([np.cos(angle), np.sin(angle), 1.2]), np.zeros(3))
        roll = matrix_of(np.array([[0, 0, np.deg2rad(20) * (-1) ** index]]))[0]
        turned = roll @ rotation @ tilt
        cameras.append(replace(ring(1)[0], name=str(index), rotation=turned, translation=translation))
    assert up_of(cameras) @ tilt.T @ [0, 0, 1] > np.cos(np.deg2rad(15))


def test_up_in_axes_of_the_first_camera_is_minus_y() -> None:
    eye = np.eye(3)
    camera = Camera("a", (640, 480), np.diag([500.0, 500.0, 1.0]), np.zeros(5), eye, np.zeros(3))
    mirror = replace(camera, name="m", rotation=np.diag([1.0, -1.0, -1.0]), mirrored=True)
    np.testing.assert_allclose(up_of([camera, mirror]), [0, -1, 0])


def test_corners_of_a_picture_are_seen_at_its_corners() -> None:
    for camera in (replace(one, distortion=np.zeros(5)) for one in Calibration(ring(3)).cameras):
        places = camera.project(camera.center + 300 * corners_of(camera))
        width, height = camera.size
        expected = [(-0.5, -0.5), (width - 0.5, -0.5), (width - 0.5, height - 0.5), (-0.5, height - 0.5)]
        np.testing.assert_allclose(places, expected, atol=1e-6)
