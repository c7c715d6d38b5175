"""Where results in space go, what they never replace, and what they leave beside them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from made_rig import ring
from markerless.core.camera import Calibration
from markerless.core.skeleton import Skeleton
from markerless.core.tracks import Tracks
from markerless.errors import StorageError
from markerless.formats import anipose, movement
from markerless.multiview.calibration_file import read_calibration
from markerless.multiview.files import anipose_toml
from markerless.multiview.files.views_toml import KnownLength
from markerless.pipeline.space_files import Target, target_of
from markerless.pipeline.triangulate import TriangulateOptions, triangulate

RIG = Calibration(ring(3), "mm")
SCALED = TriangulateOptions(length=KnownLength("nose", "tail", 1.0))


def seen_by(n_frames: int = 60, animals: tuple[str, ...] = ("individual0",)) -> dict[str, Tracks]:
    rng, t = np.random.default_rng(0), np.arange(n_frames)[:, None, None] / 15
    place = 20 * np.arange(len(animals))[:, None] + np.arange(2)
    points = np.stack([60 * np.sin(t + place), 50 * np.cos(t + 0 * place), 20 * place + 0 * t], axis=-1)
    seen = {}
    for camera in RIG.cameras:
        xy = camera.project(points) + rng.normal(0, 0.3, (*points.shape[:3], 2))
        score = np.full(xy.shape[:3], 0.9)
        seen[camera.name] = Tracks(Skeleton(("nose", "tail")), xy, score, 0 * score + 0.4, animals, fps=30.0)
    return seen


def written(
    folder: Path, session: str, n_frames: int = 60, animals: tuple[str, ...] = ("individual0",)
) -> dict[str, Path]:
    """A file of each camera."""
    files = {name: folder / f"{name}{session}.nc" for name in RIG.names}
    for name, tracks in seen_by(n_frames, animals).items():
        movement.write(tracks, files[name])
    return files


@pytest.mark.parametrize(
    ("stems", "name"),
    [
        (("walk_cam0", "walk_cam1"), "walk_cam_3d"),
        (("cam0_session1", "cam1_session1"), "cam_session1_3d"),
        (("cam0session1", "cam10session1"), "cam_session1_3d"),
        (("back_m1", "side_m1"), "points_3d"),  # m1 alone tells too little
        (("back_mouse1", "mid_mouse1", "side_mouse1"), "mouse1_3d"),
        (("mouse_left", "mouse_right"), "mouse_3d"),  # the t of both is no word
        (("2026-01-02 back", "2026-01-02 side"), "2026-01-02_3d"),
        (("a_b_day2", "a_day2"), "a_day2_3d"),
        (("mouse", "mouse_side"), "mouse_3d"),
        (("mouse", "mouse"), "mouse_3d"),
        (("s1_c10", "s1_c0"), "s1_c_3d"),
        (("top", "side"), "points_3d"),
    ],
)
def test_the_name_is_what_the_files_have_in_common(stems: tuple[str, ...], name: str) -> None:
    files = {f"cam{index}": Path("there") / f"{stem}.nc" for index, stem in enumerate(stems)}
    assert target_of(None, files) == Target(Path("there") / name, may_replace=False)


def test_sessions_in_one_folder_do_not_replace_each_other(tmp_path: Path) -> None:
    first = triangulate(RIG, written(tmp_path, "_session1", 60))
    second = triangulate(RIG, written(tmp_path, "_session2", 50))
    assert [path.name for path in first.files] == ["cam_session1_3d.nc", "cam_session1_3d.csv"]
    assert [path.name for path in second.files] == ["cam_session2_3d.nc", "cam_session2_3d.csv"]
    assert movement.read(first.files[0]).n_frames == 60


def test_a_result_of_other_files_is_not_replaced(tmp_path: Path) -> None:
    one = written(tmp_path, "")
    first = triangulate(RIG, one)
    assert first.files[0] == tmp_path / "cam_3d.nc"
    assert triangulate(RIG, one).files == first.files  # of the same ones it is made anew
    before = first.files[0].read_bytes()
    others = {name: path.rename(tmp_path / f"{name}x.nc") for name, path in written(tmp_path, "").items()}
    alike = {name: path.rename(tmp_path / f"cam{index + 7}.nc") for index, (name, path) in enumerate(others.items())}
    with pytest.raises(StorageError, match=r"cam_3d.nc is there already, .*\(cam0.nc, cam1.nc, cam2.nc\); .* --out"):
        triangulate(RIG, alike)
    assert first.files[0].read_bytes() == before
    assert triangulate(RIG, alike, tmp_path / "cam_3d").files == first.files  # who names the place, means it


def test_a_folder_names_no_result(tmp_path: Path) -> None:
    (tmp_path / "made").mkdir()
    one, two = (
        {name: path.rename(tmp_path / f"{name[-1]}{m}.nc") for name, path in written(tmp_path, m).items()}
        for m in ("x", "y")
    )
    first = triangulate(RIG, one, tmp_path / "made")
    assert triangulate(RIG, one, f"{tmp_path / 'made'}/").files == first.files
    with pytest.raises(StorageError, match=r"points_3d.nc is there already, .*\(0x.nc, 1x.nc, 2x.nc\)"):
        triangulate(RIG, two, tmp_path / "made")
    assert triangulate(RIG, two, tmp_path / "made" / "points_3d").files == first.files


def test_files_of_others_are_not_replaced_by_a_name_that_nobody_chose(tmp_path: Path) -> None:
    files, native, table = written(tmp_path, ""), tmp_path / "cam_3d.nc", tmp_path / "cam_3d.csv"
    table.write_text("my table", encoding="utf-8")
    with pytest.raises(StorageError, match=r"cam_3d.csv is there already, without cam_3d.nc; name .* --out"):
        triangulate(RIG, files)
    table.rename(tmp_path / "kept")
    (rig := tmp_path / "cam_3d.calibration.toml").write_text("my cameras", encoding="utf-8")
    with pytest.raises(StorageError, match=r"cam_3d.calibration.toml is there already, without cam_3d.nc"):
        triangulate(RIG, files)
    anipose_toml.write(RIG, rig)
    assert len(triangulate(rig, files).files) == 2  # as it is the calibration of the result
    native.unlink()
    rig.unlink()
    (tmp_path / "kept").rename(table)
    movement.write(seen_by(7)["cam0"], native)
    with pytest.raises(StorageError, match=r"cam_3d.nc is there already, and .* \(not known which\); name .* --out"):
        triangulate(RIG, files)
    assert (table.read_text(encoding="utf-8"), movement.read(native).n_frames) == ("my table", 7)


def test_tables_of_animals_are_not_replaced_by_a_name_that_nobody_chose(tmp_path: Path) -> None:
    files = written(tmp_path, "", animals=("m1", "m2"))
    (table := tmp_path / "cam_3d_m1.csv").write_text("my table", encoding="utf-8")
    with pytest.raises(StorageError, match=r"cam_3d_m1.csv is there already, without cam_3d.nc"):
        triangulate(RIG, files)
    assert table.read_text(encoding="utf-8") == "my table" and not (tmp_path / "cam_3d.nc").exists()
    assert table in triangulate(RIG, files, tmp_path / "cam_3d").files


def test_one_file_of_all_views_is_the_same_again(tmp_path: Path) -> None:
    """Its result names it once for each view, and once for all."""
    width, height = RIG.cameras[0].size
    seen = seen_by()
    xy = np.concatenate([seen["cam0"].points, seen["cam1"].points + np.array([width, 0])], axis=2)
    both = Tracks(Skeleton(("nose_0", "tail_0", "nose_1", "tail_1")), xy, np.full((60, 1, 4), 0.9))
    movement.write(both, tmp_path / "both.nc")
    anipose_toml.write(RIG, tmp_path / "rig.toml")
    views = "".join(
        f'[views.cam{n}]\nregion = [{n * width}, 0, {width}, {height}]\nkeypoints = "{{}}_{n}"\n' for n in (0, 1)
    )
    (tmp_path / "views.toml").write_text(f'calibration = "rig.toml"\n{views}', encoding="utf-8")
    for _ in range(2):
        result = triangulate(tmp_path / "views.toml", {"all": tmp_path / "both.nc"})
    assert [path.name for path in result.files] == ["both_3d.nc", "both_3d.csv"]
    plain = triangulate(RIG, {name: replace(seen[name], error=None) for name in ("cam0", "cam1")})
    np.testing.assert_allclose(result.tracks.points, plain.tracks.points, atol=1e-6)
    assert np.isfinite(result.tracks.points).all(axis=-1).mean() > 0.98


def test_a_folder_takes_the_result_under_its_default_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "in").mkdir()
    monkeypatch.chdir(tmp_path / "in")
    for out in (".", "../in", "..", f"{tmp_path / 'in'}/", "new/", tmp_path):
        result = triangulate(RIG, seen_by(), out)
        assert [path.name for path in result.files] == ["points_3d.nc", "points_3d.csv"]
        assert result.files[0].parent.resolve() == (tmp_path / "in" / out).resolve()
        assert result.files[0].is_file()
    assert not list(tmp_path.glob("in.*"))


def test_a_place_that_cannot_be_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    missing = {name: tmp_path / f"{name}.nc" for name in RIG.names}
    (tmp_path / "file").write_text("", encoding="utf-8")
    (tmp_path / "taken.csv").mkdir()
    with pytest.raises(StorageError, match=r"cannot write .*S.nc: choose a writable folder"):
        triangulate(RIG, missing, tmp_path / "file" / "S")
    with pytest.raises(StorageError, match=r"cannot write .*taken.csv: it is a folder"):
        triangulate(RIG, missing, tmp_path / "taken")
    with pytest.raises(StorageError, match=r"cannot write .*cam0.nc: the points are made of it"):
        triangulate(RIG, missing, tmp_path / "cam0")


def test_names_of_animals_become_names_of_files(tmp_path: Path) -> None:
    result = triangulate(RIG, seen_by(animals=("m/1", "m_1", "M_1", "anna")), tmp_path / "S")
    assert [path.name for path in result.files] == ["S.nc", "S_m_1.csv", "S_m_1_2.csv", "S_M_1_3.csv", "S_anna.csv"]
    np.testing.assert_allclose(anipose.read(result.files[3]).points[:, 0], result.tracks.points[:, 2])


def test_no_cameras_of_another_result_stay_beside_it(tmp_path: Path) -> None:
    rig, seen = tmp_path / "S.calibration.toml", seen_by()
    triangulate(RIG, seen, tmp_path / "S", SCALED)
    scaled = read_calibration(rig).cameras[0].center
    result = triangulate(RIG, seen, tmp_path / "S")
    assert result.files[-1] == rig
    found = read_calibration(rig).cameras[0].center
    np.testing.assert_allclose(found, RIG.cameras[0].center)
    assert np.linalg.norm(found - scaled) > 100


def test_the_calibration_that_was_given_stays(tmp_path: Path) -> None:
    rig, seen = tmp_path / "S.calibration.toml", seen_by()
    anipose_toml.write(RIG, rig)
    before = rig.read_bytes()
    two = {name: seen[name] for name in RIG.names[:2]}  # the third camera is not lost
    result = triangulate(rig, two, tmp_path / "S")
    assert rig not in result.files
    assert rig.read_bytes() == before


def test_the_calibration_that_was_given_is_not_changed_in_place(tmp_path: Path) -> None:
    rig, seen = tmp_path / "S.calibration.toml", seen_by()
    anipose_toml.write(RIG, rig)
    before = rig.read_bytes()
    for options in (SCALED, TriangulateOptions(repair=True)):
        with pytest.raises(StorageError, match=r"cannot write .*S.calibration.toml: the cameras are read from it"):
            triangulate(rig, seen, tmp_path / "S", options)
    triangulate(read_calibration(rig), {name: seen[name] for name in RIG.names[:2]}, tmp_path / "S")
    assert rig.read_bytes() == before  # it has the two cameras that were used, and one more
    assert rig in triangulate(RIG, seen, tmp_path / "S", SCALED).files


def test_rows_of_the_table_are_frames_of_the_first_camera(tmp_path: Path) -> None:
    """It started 5 frames before the others, and ended 3 before them: what only they saw has no row, and is told."""
    seen = seen_by(80)
    files = {name: cut(tracks, slice(5, 80) if name != "cam0" else slice(0, 77)) for name, tracks in seen.items()}
    times = {name: np.arange(0, 77) / 30 if name == "cam0" else np.arange(5, 80) / 30 for name in files}
    result = triangulate(RIG, files, tmp_path / "S", TriangulateOptions(times=times))
    assert result.tracks.n_frames == 75
    table = anipose.read(tmp_path / "S.csv")
    assert table.n_frames == 77
    assert np.isnan(table.points[:5]).all()
    np.testing.assert_allclose(table.points[5:], result.tracks.points[:72])
    assert "no row in the table: 3 moments without a frame of 'cam0'" in result.notes


def cut(tracks: Tracks, rows: slice) -> Tracks:
    assert tracks.error is not None
    return replace(tracks, points=tracks.points[rows], score=tracks.score[rows], error=tracks.error[rows])
