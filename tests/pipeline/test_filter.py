"""Filtering files of any tool, and values in Python."""

from __future__ import annotations

import os
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import markerless as ml
from filters.made import restless, tracks_of
from markerless.errors import FormatError, SettingsError
from markerless.filters import FILTERS
from markerless.formats import dlc, movement
from markerless.pipeline.filter import FilterRequest, effect_of, filter_files, settings_class


def made(n_keypoints: int = 2) -> ml.Tracks:
    tracks = restless(0, (120, 1, n_keypoints, 2)).tracks
    return replace(tracks, individuals=("individual_0",), scorer="DLC_Net_run1", fps=30.0)


def test_the_result_lies_beside_its_source_in_all_three_formats(tmp_path: Path) -> None:
    source = tmp_path / "mouseDLC_Net_run1.h5"
    dlc.write(made(), source)
    (found,) = filter_files([source], FilterRequest())
    names = [f"mouseDLC_Net_run1_filtered{suffix}" for suffix in (".h5", ".csv", ".nc")]
    assert [path.name for path in found.written] == names
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        [source.name, *names]
    )  # nothing half-done is left
    h5, csv, native = dlc.read(found.written[0]), dlc.read(found.written[1]), movement.read(found.written[2])
    np.testing.assert_allclose(h5.points, native.points, atol=1e-9)
    np.testing.assert_allclose(csv.points, native.points, atol=1e-9)
    assert h5.scorer == "DLC_Net_run1"
    assert native.error is not None
    assert native.provenance["filtered_from"] == [source.name]
    assert native.provenance["filters"][0]["filter"] == "kalman"
    before = {path: path.read_bytes() for path in found.written}
    filter_files([source], FilterRequest())
    assert {path: path.read_bytes() for path in found.written} == before


def test_a_cropped_result_is_filtered_where_it_is(tmp_path: Path) -> None:
    """DeepLabCut counts its pixels from the corner of the crop, which a pickle beside it tells."""
    data = {"data": {"cropping": True, "cropping_parameters": [100, 500, 40, 300], "Scorer": "DLC_x"}}
    (tmp_path / "mouseDLC_Net_run1_meta.pickle").write_bytes(pickle.dumps(data))
    source = tmp_path / "mouseDLC_Net_run1.h5"
    dlc.write(made(), source)
    for _ in range(2):  # the second time in place of the first
        (found,) = filter_files([source], FilterRequest(methods=("median",)))
        h5, csv, native = dlc.read(found.written[0]), dlc.read(found.written[1]), movement.read(found.written[2])
        np.testing.assert_allclose(h5.points, native.points, atol=1e-9)
        np.testing.assert_allclose(csv.points, native.points, atol=1e-9)


def test_points_in_space_are_filtered_again(tmp_path: Path) -> None:
    """Their table has no likelihood, which is no change of it."""
    source = tmp_path / "S.nc"
    movement.write(replace(tracks_of(np.zeros((60, 1, 2, 3))), scorer="DLC_Net_run1", fps=30.0), source)
    first, second = (filter_files([source], FilterRequest(methods=("median",)))[0] for _ in range(2))
    assert first.written == second.written


def test_a_filled_point_has_not_the_score_of_the_one_that_was_there(tmp_path: Path) -> None:
    tracks = made()
    score = np.full(tracks.score.shape, 0.9)
    score[40:43, 0, 0] = 0.1
    source = tmp_path / "a.nc"
    movement.write(replace(tracks, score=score), source)
    (found,) = filter_files([source], FilterRequest(methods=("interpolate",), settings={"min_score": 0.6}))
    after = movement.read(found.written[2])
    assert np.isfinite(after.points[40:43]).all()
    assert np.isnan(after.score[40:43, 0, 0]).all()
    assert (after.score[:40] == 0.9).all()


def test_expected_errors_come_from_the_native_file_of_the_same_analysis(tmp_path: Path) -> None:
    tracks = replace(made(), error=np.full((120, 1, 2), 6.0))
    dlc.write(tracks, tmp_path / "a.h5")
    movement.write(tracks, tmp_path / "a.nc")
    (found,) = filter_files([tmp_path / "a.h5"], FilterRequest())
    assert found.notes == ("expected errors are from a.nc",)
    with_errors = movement.read(found.written[2]).error
    movement.write(replace(tracks, points=tracks.points + 1), tmp_path / "a.nc")
    (found,) = filter_files([tmp_path / "a.h5"], FilterRequest())
    assert "other points" in found.notes[0]
    without = movement.read(found.written[2]).error
    assert with_errors is not None
    assert without is not None
    assert np.nanmedian(with_errors) > np.nanmedian(without) + 0.5  # an error of 6 px is more than the noise of 1 px


def test_a_video_stands_for_its_newest_result_that_is_not_filtered(tmp_path: Path) -> None:
    (tmp_path / "mouse.mp4").touch()
    dlc.write(made(), tmp_path / "mouseDLC.h5")
    (first,) = filter_files([tmp_path / "mouse.mp4"], FilterRequest())
    (again,) = filter_files([tmp_path / "mouse.mp4"], FilterRequest(("median",)))
    assert again.sources == first.sources == (tmp_path / "mouseDLC.h5",)


def test_a_video_stands_for_no_copy_in_another_format_and_for_no_table(tmp_path: Path) -> None:
    """Whatever lies there since, the native file of the analysis is taken."""
    (tmp_path / "mouse.mp4").touch()
    for name in ("mouseDLC.h5", "mouseDLC.csv"):
        dlc.write(made(), tmp_path / name)
    movement.write(made(), tmp_path / "mouseDLC.nc")
    (tmp_path / "mouse_timestamps.csv").write_text("frame,time\n0,0.0\n1,0.033\n", encoding="utf-8")
    for i, name in enumerate(("mouse.nwb", "mouse.slp", "mouse.parquet", "mouse_timestamps.csv")):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (2e9 + i, 2e9 + i))
    (found,) = filter_files([tmp_path / "mouse.mp4"], FilterRequest(("median",)))
    assert (found.error, found.sources) == ("", (tmp_path / "mouseDLC.nc",))


def test_a_video_stands_for_no_newer_file_of_another_kind(tmp_path: Path) -> None:
    (tmp_path / "mouse.mp4").touch()
    movement.write(made(), tmp_path / "mouseDLC.nc")
    os.utime(tmp_path / "mouseDLC.nc", (1e9, 1e9))
    pd.DataFrame({"signal": [1.0, 2.0]}).to_hdf(tmp_path / "mouse_photometry.h5", key="data", format="table")
    (found,) = filter_files([tmp_path / "mouse.mp4"], FilterRequest(("median",)))
    assert (found.error, found.sources) == ("", (tmp_path / "mouseDLC.nc",))


def test_a_video_without_tracks_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mouse.mp4").touch()
    (tmp_path / "mouse_timestamps.csv").write_text("frame,time\n0,0.0\n", encoding="utf-8")
    with pytest.raises(FormatError, match=r"no tracks of mouse\.mp4"):
        filter_files([tmp_path / "mouse.mp4"], FilterRequest())


def test_files_of_one_analysis_are_one_source(tmp_path: Path) -> None:
    for name in ("a.h5", "a.csv", "b.csv"):
        dlc.write(made(), tmp_path / name)
    found = filter_files([tmp_path / name for name in ("a.h5", "a.csv", "b.csv")], FilterRequest(("median",)))
    assert [result.sources[0].name for result in found] == ["a.h5", "b.csv"]


def test_one_bad_file_stops_no_other(tmp_path: Path) -> None:
    dlc.write(made(), tmp_path / "good.h5")
    (tmp_path / "bad.h5").write_bytes(b"\x89HDF\r\n\x1a\nnonsense")
    bad, good = filter_files([tmp_path / "bad.h5", tmp_path / "good.h5"], FilterRequest(("median",)))
    assert "bad.h5" in bad.error
    assert not bad.written
    assert good.effect is not None


def test_runs_of_one_video_are_taken_together(tmp_path: Path) -> None:
    for i in range(3):
        tracks = made()
        noise = np.random.default_rng(i).normal(size=tracks.points.shape)
        dlc.write(replace(tracks, points=tracks.points + noise, scorer=f"run{i}"), tmp_path / f"m{i}.h5")
    files = [tmp_path / f"m{i}.h5" for i in range(3)]
    (found,) = filter_files(files, FilterRequest(together=True, out=tmp_path / "out"))
    assert found.written[0] == tmp_path / "out" / "m0_filtered.h5"
    tracks = movement.read(found.written[2])
    assert tracks.provenance["ensemble"]["runs"] == ["run0", "run1", "run2"]
    np.testing.assert_array_equal(ml.filter(files).points, tracks.points)


def test_what_was_changed_is_counted() -> None:
    before = np.zeros((4, 1, 2, 2))
    before[:, 0, 1, 0] = 100  # an animal of 100 px
    before[0, 0, 0] = np.nan
    after = before.copy()
    after[0, 0, 0] = 0
    after[1, 0, 0] = [3, 4]  # a twentieth is not more than a twentieth
    after[2, 0, 0] = [0, 6]
    after[3, 0, 0] = np.nan
    found = effect_of(tracks_of(before), tracks_of(after))
    assert (found.n_points, found.n_filled, found.n_dropped, found.n_moved) == (7, 1, 1, 1)
    assert (found.far, found.median_move, found.largest_move, found.unit) == (5.0, 0.0, 6.0, "px")


def test_lengths_in_space_are_in_the_unit_of_the_calibration() -> None:
    tracks = replace(tracks_of(np.zeros((5, 1, 2, 3))), provenance={"unit": "mm"})
    assert effect_of(tracks, tracks).unit == "mm"


def test_filters_in_a_row_and_their_settings() -> None:
    tracks = made()
    tracks.score[5] = 0.1
    found = ml.filter(tracks, ["interpolate", "median"], {"window": 3, "max_gap": 2, "min_score": 0.5})
    assert [said["filter"] for said in found.provenance["filters"]] == ["interpolate", "median"]
    assert found.provenance["filters"][0]["max_gap"] == 2
    assert found.provenance["filter_min_score"] == 0.5
    unmasked = ml.filter(tracks, ["interpolate", "median"], {"window": 3, "max_gap": 2})
    assert not np.array_equal(found.points[5], unmasked.points[5])


@pytest.mark.parametrize(
    ("method", "settings", "message"),
    [
        ("medan", {}, "unknown filter 'medan'; did you mean 'median'"),
        ("median", {"windw": 3}, r"unknown setting 'filter\.windw'; did you mean 'filter\.window'"),
        ("median", {"max_gap": 3}, r"unknown setting 'filter\.max_gap'"),
        ("kalman", {"max_gap": -1}, r"setting filter\.max_gap"),
        ("kalman", {"motion": "fast"}, r"setting filter\.motion"),
        ("median", {"min_score": 2}, r"setting filter\.min_score"),
        ([], {}, "at least one filter"),
    ],
)
def test_what_cannot_be_done_is_said(method: str, settings: dict[str, object], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        ml.filter(made(), method, settings)


def test_filtered_results_are_not_filtered_again_by_accident(tmp_path: Path) -> None:
    dlc.write(made(), tmp_path / "a_filtered.h5")
    with pytest.raises(SettingsError, match="give their source"):
        filter_files([tmp_path / "a_filtered.h5"], FilterRequest())


def test_every_setting_of_every_filter_can_be_given() -> None:
    keys = {key for name in FILTERS.names() for key in FILTERS.get(name).Config.model_fields}
    assert set(settings_class().model_fields) == keys | {"min_score"}
