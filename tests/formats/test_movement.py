"""Our own result file, and that the movement package opens it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import xarray as xr

from markerless.core.skeleton import Skeleton
from markerless.core.tracks import Tracks
from markerless.core.views import Views
from markerless.errors import FormatError
from markerless.formats import movement


def example() -> Tracks:
    rng = np.random.default_rng(1)
    points, score = rng.normal(size=(7, 2, 3, 2)), rng.random((7, 2, 3))
    points[3], score[3] = np.nan, np.nan
    return Tracks(
        Skeleton(("snout", "öhr/links", "尾"), edges=((0, 1),), mirror_pairs=((1, 2),)),
        points,
        score,
        error=rng.random((7, 2, 3)),
        individuals=("Anna", "Ƀen"),
        fps=25.0,
        video="vidéo 1.mp4",
        scorer="DLC_Net_run1",
        provenance={"frames": [0, 7], "likelihood_definition": "height of the map"},
    )


def assert_same(got: Tracks, expected: Tracks) -> None:
    np.testing.assert_array_equal(got.points, expected.points)
    np.testing.assert_array_equal(got.score, expected.score)
    assert (got.error is None) == (expected.error is None)
    if got.error is not None and expected.error is not None:
        np.testing.assert_array_equal(got.error, expected.error)
    assert got.skeleton == expected.skeleton
    assert (got.individuals, got.video, got.scorer) == (expected.individuals, expected.video, expected.scorer)
    assert got.provenance == expected.provenance
    np.testing.assert_equal(got.fps, expected.fps)


@pytest.mark.parametrize("change", [{}, {"error": None}, {"fps": float("nan")}, {"provenance": {}}])
def test_round_trip(tmp_path: Path, change: dict[str, Any]) -> None:
    tracks = replace(example(), **change)
    movement.write(tracks, tmp_path / "a.nc")
    assert_same(movement.read(tmp_path / "a.nc"), tracks)


def test_three_dimensional_round_trip(tmp_path: Path) -> None:
    flat = example()
    tracks = replace(flat, points=np.concatenate([flat.points, flat.points[..., :1] + 1], axis=-1))
    movement.write(tracks, tmp_path / "a.nc")
    assert_same(movement.read(tmp_path / "a.nc"), tracks)


def test_layout_is_movements_of_today(tmp_path: Path) -> None:
    tracks = example()
    movement.write(tracks, tmp_path / "a.nc")
    with xr.open_dataset(tmp_path / "a.nc", engine="h5netcdf") as dataset:
        assert dataset["position"].dims == ("time", "space", "keypoint", "individual")
        assert dataset["confidence"].dims == ("time", "keypoint", "individual")
        assert dataset["expected_error"].dims == ("time", "keypoint", "individual")
        assert dataset["space"].values.tolist() == ["x", "y"]
        assert dataset["time"].values.tolist() == [i / 25 for i in range(7)]
        assert (
            dataset["position"].sel(space="y", keypoint="尾", individual="Ƀen", time=0.04) == tracks.points[1, 1, 2, 1]
        )
        attributes = dict(dataset.attrs)
    assert attributes["ds_type"] == "poses"
    assert attributes["fps"] == 25.0
    assert attributes["time_unit"] == "seconds"
    assert attributes["source_software"] == "markerless"
    assert attributes["likelihood_definition"] == "height of the map"
    assert "calibration" not in attributes


def test_calibration_is_an_attribute_too(tmp_path: Path) -> None:
    table = {"upper_90": 2.25, "tolerance_px": 6.1}
    movement.write(replace(example(), provenance={"calibration": table}), tmp_path / "a.nc")
    with xr.open_dataset(tmp_path / "a.nc", engine="h5netcdf") as dataset:
        assert json.loads(dataset.attrs["calibration"]) == table
    assert movement.read(tmp_path / "a.nc").provenance == {"calibration": table}


def as_stored(path: Path) -> dict[str, Any]:
    """All that is in a file, as plain values: type, shape, filling and attributes of every variable."""
    found: dict[str, Any] = {}
    links = ("DIMENSION_LIST", "REFERENCE_LIST")  # places in the file
    with h5py.File(path) as file:
        for name, variable in file.items():
            attributes = {key: repr(value) for key, value in variable.attrs.items() if key not in links}
            shape = variable.shape, variable.maxshape, variable.chunks
            dims = movement.dims_of(variable) if "DIMENSION_LIST" in variable.attrs else ()
            values = repr(variable[...].tolist())
            found[name] = (variable.dtype, shape, repr(variable.fillvalue), attributes, dims, values)
        found["/"] = {key: repr(value) for key, value in file.attrs.items()}
    return found


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"fps": float("nan"), "video": "", "scorer": ""},
        {"error": None, "provenance": {"calibration": {"upper_90": 2.25}, "unit": "mm"}},
        {"points": np.zeros((0, 2, 3, 2)), "score": np.zeros((0, 2, 3)), "error": None},
    ],
)
@pytest.mark.parametrize("with_views", [False, True])
def test_it_is_what_xarray_writes(tmp_path: Path, change: dict[str, Any], with_views: bool) -> None:
    tracks = replace(example(), **change)
    views = seen_by_two(tracks) if with_views else None
    movement.write(tracks, tmp_path / "ours.nc", views)
    dataset = movement.to_dataset(tracks, views)
    dataset.to_netcdf(tmp_path / "xarray.nc", engine="h5netcdf", encoding={"time": {"_FillValue": None}})
    assert as_stored(tmp_path / "ours.nc") == as_stored(tmp_path / "xarray.nc")


def test_without_a_frame_rate_time_counts_frames(tmp_path: Path) -> None:
    movement.write(replace(example(), fps=float("nan")), tmp_path / "a.nc")
    with xr.open_dataset(tmp_path / "a.nc", engine="h5netcdf") as dataset:
        assert dataset["time"].values.tolist() == list(range(7))
        assert dataset.attrs["time_unit"] == "frames"
        assert "fps" not in dataset.attrs


@pytest.mark.parametrize("n_axes", [2, 3])
def test_the_movement_package_accepts_it(tmp_path: Path, n_axes: int) -> None:
    datasets = pytest.importorskip(
        "movement.validators.datasets", reason="movement is not installed; it checks our files"
    )
    validator = getattr(datasets, "ValidPosesInputs", None)
    if validator is None:
        pytest.skip("this movement has no ValidPosesInputs to check with")
    tracks, views = example(), None
    if n_axes == 3:
        tracks = replace(tracks, points=np.concatenate([tracks.points, tracks.points[..., :1]], axis=-1))
        seen = np.ones((2, *tracks.score.shape))
        views = Views(("a", "b"), seen, seen > 0, np.zeros(tracks.score.shape, dtype=np.int8))
    movement.write(tracks, tmp_path / "a.nc", views)
    with xr.open_dataset(tmp_path / "a.nc", engine="h5netcdf") as dataset:
        assert dataset.sizes["space"] == n_axes
        # movement named its dimensions in the plural up to 0.15.
        old = {"keypoint": "keypoints", "individual": "individuals"}
        dataset = dataset.rename({new: name for new, name in old.items() if name in validator.DIM_NAMES})
        validator.validate(dataset)


def test_files_of_the_movement_package_open(tmp_path: Path) -> None:
    load_poses = pytest.importorskip("movement.io.load_poses", reason="movement is not installed; it checks our files")
    tracks = example()
    dataset = load_poses.from_numpy(
        tracks.points.transpose(0, 3, 2, 1),
        tracks.score.transpose(0, 2, 1),
        individual_names=list(tracks.individuals),
        keypoint_names=list(tracks.skeleton.keypoints),
        fps=25.0,
        source_software="other",
    )
    dataset.to_netcdf(tmp_path / "theirs.nc", engine="h5netcdf")
    again = movement.read(tmp_path / "theirs.nc")
    np.testing.assert_array_equal(again.points, tracks.points)
    np.testing.assert_array_equal(again.score, tracks.score)
    assert (again.individuals, again.fps) == (tracks.individuals, 25.0)
    assert again.provenance["source_software"] == "other"


def test_damaged_and_foreign_files(tmp_path: Path) -> None:
    movement.write(example(), tmp_path / "a.nc")
    whole = (tmp_path / "a.nc").read_bytes()
    (tmp_path / "cut.nc").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.nc").write_text("no netCDF", encoding="utf-8")
    xr.Dataset({"rain": ("day", [1.0, 2.0])}).to_netcdf(tmp_path / "rain.nc", engine="h5netcdf")
    for name in ("cut.nc", "text.nc", "rain.nc", "none.nc"):
        with pytest.raises(FormatError) as caught:
            movement.read(tmp_path / name)
        assert name in str(caught.value)
        assert "\n" not in str(caught.value)
    assert movement.sniff(tmp_path / "rain.nc") == 0
    assert movement.sniff(tmp_path / "a.nc") == 1


def seen_by_two(tracks: Tracks) -> Views:
    shape = (2, *tracks.points.shape[:3])
    rng = np.random.default_rng(2)
    return Views(("left", "rechts ü"), rng.random(shape), rng.random(shape) < 0.5, np.zeros(shape[1:], dtype=np.int8))


def test_views_round_trip_and_results_without_them_have_none(tmp_path: Path) -> None:
    tracks = example()
    views = seen_by_two(tracks)
    movement.write(tracks, tmp_path / "a.nc", views)
    again = movement.read_views(tmp_path / "a.nc")
    assert again is not None
    assert again.names == views.names
    np.testing.assert_array_equal(again.reprojection_px, views.reprojection_px)
    np.testing.assert_array_equal(again.used, views.used)
    np.testing.assert_array_equal(again.state, views.state)
    movement.write(tracks, tmp_path / "b.nc")
    assert movement.read_views(tmp_path / "b.nc") is None


def test_damaged_views_are_one_line_that_names_the_file(tmp_path: Path) -> None:
    movement.write(example(), tmp_path / "part.nc", seen_by_two(example()))
    with h5py.File(tmp_path / "part.nc", "r+") as file:
        del file["state"]
    movement.write(example(), tmp_path / "huge.nc", seen_by_two(example()))
    with h5py.File(tmp_path / "huge.nc", "r+") as file:  # terabytes promised, nothing stored
        del file["reprojection_error"]
        file.create_dataset("reprojection_error", (2, 10**7, 10**3, 10**2), "f8", chunks=(1, 1000, 10, 10))
    movement.write(example(), tmp_path / "turned.nc", seen_by_two(example()))
    with h5py.File(tmp_path / "turned.nc", "r+") as file:
        used = file["view_used"][...].swapaxes(0, 1)
        del file["view_used"]
        file["view_used"] = used
    for name in ("part.nc", "huge.nc", "turned.nc", "none.nc"):
        with pytest.raises(FormatError) as caught:
            movement.read_views(tmp_path / name)
        assert name in str(caught.value)
        assert "\n" not in str(caught.value)


def saved(tmp_path: Path, dataset: xr.Dataset) -> Path:
    dataset.to_netcdf(tmp_path / "saved.nc", engine="h5netcdf")
    return tmp_path / "saved.nc"


@pytest.mark.parametrize("fps", [25.0, float("nan")])
@pytest.mark.parametrize("rows", [[0, 1, 2, 5, 6], [4, 5], [3], [0, 1, 2]])
def test_rows_lie_where_their_times_are(rows: list[int], fps: float, tmp_path: Path) -> None:
    tracks = replace(example(), fps=fps)
    again = movement.read(saved(tmp_path, movement.to_dataset(tracks).isel(time=rows)))
    assert again.n_frames == rows[-1] + 1
    missing = np.setdiff1d(np.arange(rows[-1] + 1), rows)
    for got, expected in ((again.points, tracks.points), (again.score, tracks.score), (again.error, tracks.error)):
        assert got is not None and expected is not None
        np.testing.assert_array_equal(got[rows], expected[rows])
        assert np.isnan(got[missing]).all()


@pytest.mark.parametrize(
    "times",
    [
        [0.0, 0.04, 0.06, 0.5, 0.6, 0.7, 0.8],  # not of 25 frames a second
        [0.02, 0.06, 0.1, 0.14, 0.18, 0.22, 0.26],  # half a frame late
        [0.0, 0.04, 0.08, 0.12, 0.12, 0.2, 0.24],  # one twice
        [0.4, 0.36, 0.32, 0.28, 0.24, 0.2, 0.16],  # backwards
        [-0.08, -0.04, 0.0, 0.04, 0.08, 0.12, 0.16],  # before the video
        [0.0, 0.04, np.nan, 0.12, 0.16, 0.2, 0.24],
        [0.0, 1e300, 1e308, 1.1e308, 1.2e308, 1.3e308, 1.4e308],
    ],
)
def test_times_that_are_no_frames_are_left_alone(times: list[float], tmp_path: Path) -> None:
    dataset = movement.to_dataset(example()).assign_coords(time=times)
    assert_same(movement.read(saved(tmp_path, dataset)), example())


@pytest.mark.parametrize("change", [{"units": "days since 1970-01-01"}, {"time": None}])
def test_times_of_another_unit_or_none_are_left_alone(change: dict[str, str | None], tmp_path: Path) -> None:
    movement.write(example(), tmp_path / "a.nc")
    with h5py.File(tmp_path / "a.nc", "r+") as file:
        file["time"][...] = np.arange(7) * 4 if "units" in change else 0.0
        file["time"].attrs.update({name: value for name, value in change.items() if value})
    assert_same(movement.read(tmp_path / "a.nc"), example())


def test_rounded_times_are_frames(tmp_path: Path) -> None:
    dataset = movement.to_dataset(replace(example(), fps=30.0)).isel(time=slice(4, None))
    rounded = dataset.assign_coords(time=np.round(dataset["time"].values, 3).astype(np.float32))
    assert movement.read(saved(tmp_path, rounded)).n_frames == 7


def test_views_say_themselves_which_frames_moments_have(tmp_path: Path) -> None:
    tracks = example()
    views = replace(seen_by_two(tracks), camera_frame=np.tile(np.arange(7.0)[:, None], 2))
    path = saved(tmp_path, movement.to_dataset(tracks, views).isel(time=[4, 5]))
    again = movement.read_views(path)
    assert again is not None and again.camera_frame[:, 0].tolist() == [4, 5]
    assert movement.read(path).n_frames == 2 == again.used.shape[1]


def test_times_of_the_clock_are_refused_in_one_line(tmp_path: Path) -> None:
    """The first of January 2026 would be frame 44 billion."""
    dataset = movement.to_dataset(example())
    path = saved(tmp_path, dataset.assign_coords(time=dataset["time"].values + 1_767_225_600))
    with pytest.raises(
        FormatError, match=r"saved\.nc: expected times from the start of .* to frame 44180640006"
    ) as caught:
        movement.read(path)
    assert "\n" not in str(caught.value)
