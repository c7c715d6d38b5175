"""What a filtered result may replace."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from filters.made import restless
from markerless.core.tracks import Tracks
from markerless.formats import dlc, movement
from markerless.pipeline.filter import FilterRequest, filter_files
from markerless.pipeline.filtered_before import fingerprint_of_points

MEDIAN = FilterRequest(("median",))


@pytest.fixture
def tracks() -> Tracks:
    made = restless(0, (60, 1, 2, 2)).tracks
    return replace(made, individuals=("individual_0",), scorer="DLC_Net_run1", fps=30.0)


@pytest.fixture
def source(tmp_path: Path, tracks: Tracks) -> Path:
    path = tmp_path / "a.h5"
    dlc.write(tracks, path)
    return path


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if "_filtered" in path.name}


def refused(source: Path, request: FilterRequest = MEDIAN) -> str:
    """What is said; nothing may have changed."""
    before = contents(source.parent)
    (found,) = filter_files([source], request)
    assert found.error
    assert not found.written
    assert contents(source.parent) == before
    return found.error


def test_what_can_be_made_again_is_replaced_and_that_is_said(source: Path) -> None:
    (first,) = filter_files([source], MEDIAN)
    assert first.notes == ()
    (again,) = filter_files([source], FilterRequest(("interpolate", "savgol")))
    assert again.notes == ("replaces a_filtered of median",)
    assert movement.read(source.with_name("a_filtered.nc")).provenance["filters"][0]["filter"] == "interpolate"
    source.with_name("a_filtered.csv").unlink()
    (third,) = filter_files([source], MEDIAN)
    assert third.notes == ("replaces a_filtered of interpolate, savgol",)


def test_what_somebody_changed_since_stays(source: Path, tracks: Tracks) -> None:
    filter_files([source], MEDIAN)
    points = movement.read(source.with_name("a_filtered.nc")).points.copy()
    points[20] += 2  # put right by hand
    assert np.isfinite(points[20]).all()
    dlc.write(replace(tracks, points=points), source.with_name("a_filtered.csv"))
    assert "a_filtered.csv was changed since" in refused(source)


def test_a_score_that_somebody_changed_since_stays(source: Path) -> None:
    filter_files([source], MEDIAN)
    made = movement.read(source.with_name("a_filtered.nc"))
    score = made.score.copy()
    score[20] = 0.1  # not to be trusted, says somebody
    dlc.write(replace(made, score=score), source.with_name("a_filtered.csv"))
    assert "a_filtered.csv was changed since" in refused(source)


@pytest.mark.parametrize("suffix", [".h5", ".csv"])
def test_what_another_tool_made_stays_until_told_otherwise(source: Path, tracks: Tracks, suffix: str) -> None:
    """DeepLabCut gives its filtered results the same name."""
    dlc.write(tracks, source.with_name(f"a_filtered{suffix}"))
    said = refused(source)
    assert f"a_filtered{suffix} is there already" in said
    assert "--overwrite" in said
    (found,) = filter_files([source], replace(MEDIAN, overwrite=True))
    assert not found.error
    assert len(contents(source.parent)) == 3


def test_files_that_cannot_be_read_stay(source: Path) -> None:
    source.with_name("a_filtered.nc").write_bytes(b"\x89HDF\r\n\x1a\nnonsense")
    assert "cannot be read" in refused(source)
    source.with_name("a_filtered.nc").unlink()
    source.with_name("a_filtered.csv").write_text("my notes\n", encoding="utf-8")
    assert "a_filtered.csv is there already" in refused(source)


def test_results_of_other_points_stay(source: Path, tracks: Tracks, tmp_path: Path) -> None:
    filter_files([source], MEDIAN)
    dlc.write(replace(tracks, points=tracks.points + 1), source)
    assert "was made of points that a.h5 does not hold now" in refused(source)
    other = tmp_path / "other" / "a.csv"
    other.parent.mkdir()
    dlc.write(tracks, other)
    (found,) = filter_files([other], replace(MEDIAN, out=tmp_path))
    assert "was made of a.h5" in found.error


def test_tracks_that_are_no_filtered_result_stay(source: Path, tracks: Tracks) -> None:
    movement.write(tracks, source.with_name("a_filtered.nc"))
    assert "not made by `markerless filter`" in refused(source)


def test_the_fingerprint_tells_points_apart(tracks: Tracks) -> None:
    moved = tracks.points.copy()
    moved[3, 0, 1, 0] += 0.01
    assert fingerprint_of_points(replace(tracks, points=moved)) != fingerprint_of_points(tracks)
