"""Times of frames from tables in every unit, from videos and from rates; what is no time is refused in one line."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from markerless.errors import FormatError, LabelsError
from markerless.pipeline.camera_times import read_times

SECONDS = 1000.0 + np.arange(50) / 30


def table(folder: Path, rows: list[str], name: str = "times.csv") -> Path:
    path = folder / name
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(("unit", "size"), [("s", 1.0), ("ms", 1e-3), ("us", 1e-6), ("ns", 1e-9)])
def test_the_unit_is_the_one_that_makes_a_frame_rate(tmp_path: Path, unit: str, size: float) -> None:
    found = read_times("top", table(tmp_path, [f"{value / size:.6f}" for value in SECONDS]), 50)
    np.testing.assert_allclose(found.seconds, SECONDS, atol=1e-5)
    assert found.told == f"times.csv, read as {unit}"
    assert (found.source, found.own_clock) == ("timestamps", False)


def test_a_name_of_a_column_or_a_known_rate_tells_the_unit(tmp_path: Path) -> None:
    slow = np.arange(20) * 250.0  # 4 frames a second in ms, 250 s apart in s
    rows = ["frame,time_ms,gain", *(f"{i + 7},{value},{3.5 + i % 2}" for i, value in enumerate(slow))]
    assert read_times("a", table(tmp_path, rows), 20).seconds[1] == pytest.approx(0.25)
    rows = ["Timestamp [s];x", *(f"{value};1" for value in slow)]
    assert read_times("a", table(tmp_path, rows), 20).seconds[1] == 250.0
    fast = [f"{value}" for value in np.arange(20) * 1.0]  # a second or a millisecond?
    assert read_times("a", table(tmp_path, fast), 20, fps=1000.0).seconds[1] == pytest.approx(0.001)
    assert read_times("a", table(tmp_path, fast), 20, fps=1.0).seconds[1] == 1.0


def test_tables_as_they_come(tmp_path: Path) -> None:
    forms = {
        "a": [f"{value:.5f}" for value in SECONDS],
        "b": ["# camera 3", "time", *(f"{value:.5f}" for value in SECONDS)],
        "c": ["\ufeffframe,t", *(f"{i},{value:.5f}" for i, value in enumerate(SECONDS))],
        "d": [f"{i}\t{value:.5f}" for i, value in enumerate(SECONDS)],
        "e": ["1970-01-01T00:16:" + f"{40 + i / 30:08.5f}Z" for i in range(50)],
        "f": ["1970-01-01 02:16:" + f"{40 + i / 30:012.9f}+02:00" for i in range(50)],
        "g": [",timestamp", *(f"{i},{value:.5f}" for i, value in enumerate(SECONDS))],  # as pandas has it
        "h": [",value", *(f"{i},1970-01-01 00:16:{40 + i / 30:09.6f}" for i in range(50))],
    }
    for name, rows in forms.items():
        found = read_times("top", table(tmp_path, rows, f"{name}.txt"), 50)
        np.testing.assert_allclose(found.seconds, SECONDS, atol=2e-5, err_msg=name)


def test_large_times_keep_their_digits(tmp_path: Path) -> None:
    start = 1_764_000_000_123_456_789
    steps = np.arange(40) * 10_000_000
    found = read_times("a", table(tmp_path, [str(start + int(step)) for step in steps]), 40)
    np.testing.assert_allclose(np.diff(found.seconds), 0.01, atol=1e-6)


def test_a_rate_and_a_video(tmp_path: Path, shared_data: Path) -> None:
    for rate in (25, "25", Path("25")):
        found = read_times("a", rate, 10)
        np.testing.assert_allclose(found.seconds, np.arange(10) / 25)
        assert found.own_clock
    video = shared_data / "mouse-4cam" / "side" / "minimal_side.mp4"
    found = read_times("a", video, 120)
    np.testing.assert_allclose(found.seconds, np.arange(120) / 30, atol=1e-3)
    assert (found.source, found.own_clock) == ("video", True)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["1.0", "1.1", "1.1", "1.2"], r"rising times of camera 'top', got 1.100000 s for frame 2 after 1.100000 s"),
        (["1.0", "1.1", "1.05", "1.2"], r"got 1.050000 s for frame 2"),
        (["1.0", "1.1", "1.2"], r"a time for each of the 4 frames of camera 'top', got 3 from times.csv, read as s"),
        (["0", "1e12", "2e12", "3e12"], r"its rows are 1e\+12 apart, which is no frame rate in any of them; name the"),
        (["a,b", "1.5,2", "1.6,5", "1.7,3"], r"expected one column of times in .*, got a, b"),
        (["1.0", "soon", "1.2", "1.3"], r"a number, or a date and time as 2026-03-01T12:00:00.033, in row 1 of"),
        (["time"], "got only the header time"),
        (["time,x", "1,2", ",2", "3,4", "5,6"], "expected a time in every row of .*, got '' for frame 1"),
        ([""], "an empty file"),
        ([",", "0,1", "1,2", "2,3"], "expected one column of times in .*, got 2 columns without names"),
    ],
)
def test_what_is_no_table_of_these_frames_is_refused(tmp_path: Path, rows: list[str], message: str) -> None:
    with pytest.raises((FormatError, LabelsError), match=message):
        read_times("top", table(tmp_path, rows), 4)


def test_what_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"expected timestamps, a video or a frame rate for camera 'a', cannot read"):
        read_times("a", tmp_path / "none.csv", 4)
    for rate in ("-3", "0", math.inf):
        with pytest.raises(FormatError, match="a frame rate above 0 of camera 'a'"):
            read_times("a", rate, 4)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (np.zeros((3, 1)), "one time for each frame of camera 'a', got an array of shape"),
        (["x"] * 3, "numbers, in sec"),
    ],
)
def test_arrays_that_are_no_times_are_refused(source: Any, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        read_times("a", source, 3)


def test_a_list_is_as_good_as_an_array() -> None:
    np.testing.assert_array_equal(read_times("a", [0.0, 0.5, 1.5], 3).seconds, [0, 0.5, 1.5])
