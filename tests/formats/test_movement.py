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
