"""The log of live numbers, row by row."""

from __future__ import annotations

import csv
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from markerless.errors import StorageError
from markerless.pipeline.live_log import LiveLog
from markerless.runtime.live import Arrival, Numbers
from markerless.video.raw import GrayFrame

FRAME = GrayFrame(np.zeros((2, 2), np.uint8))
XY = np.array([[1.5, 2.25], [300.12345, 0.0]])


def numbers(number: int = 0, ahead: np.ndarray | None = None, error: np.ndarray | None = None) -> Numbers:
    arrival, score = Arrival(number, FRAME, number / 4, 0.0), np.array([0.91234, 1.0])
    return Numbers(arrival, XY, score, number == 0, ahead, 0.00123, error)


class Clock:
    def __init__(self) -> None:
        self.now = 50.0

    def __call__(self) -> float:
        return self.now


def test_is_a_plain_table(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    with closing(LiveLog(path, ("nose", "tail"))) as log:
        log.add(numbers(0))
        log.add(numbers(7))
    assert path.read_text(encoding="utf-8") == (
        "timestamp_s,frame,latency_ms,whole_frame,nose_x,nose_y,nose_score,tail_x,tail_y,tail_score\n"
        "0.000000,0,1.23,1,1.500,2.250,0.9123,300.123,0.000,1.0000\n"
        "1.750000,7,1.23,0,1.500,2.250,0.9123,300.123,0.000,1.0000\n"
    )


def test_predicted_points_follow_the_found_ones_and_missing_ones_are_empty(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    with closing(LiveLog(path, ("nose", "tail"), has_ahead=True)) as log:
        log.add(numbers(0, np.array([[np.nan, np.nan], [5.0, 6.0]])))
    header, row = path.read_text(encoding="utf-8").splitlines()
    assert header.endswith(
        "nose_x,nose_y,nose_score,nose_x_ahead,nose_y_ahead,tail_x,tail_y,tail_score,tail_x_ahead,tail_y_ahead"
    )
    assert row.endswith("1.500,2.250,0.9123,,,300.123,0.000,1.0000,5.000,6.000")


def test_expected_errors_follow_the_scores(tmp_path: Path) -> None:
    path, error = tmp_path / "log.csv", np.array([1.8, np.nan])
    with closing(LiveLog(path, ("nose", "tail"), has_error=True)) as log:
        log.add(numbers(0, error=error))
    header, row = path.read_text(encoding="utf-8").splitlines()
    assert header.endswith("nose_x,nose_y,nose_score,nose_expected_error,tail_x,tail_y,tail_score,tail_expected_error")
    assert row.endswith("1.500,2.250,0.9123,1.800,300.123,0.000,1.0000,")
    with closing(LiveLog(path, ("nose",), has_ahead=True, has_error=True, overwrite=True)):
        assert path.read_text(encoding="utf-8").endswith("nose_score,nose_expected_error,nose_x_ahead,nose_y_ahead\n")


def test_names_with_commas_stay_one_column(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    LiveLog(path, ('ear, "left"', "ü")).close()
    with path.open(encoding="utf-8", newline="") as file:
        assert next(csv.reader(file))[4::3] == ['ear, "left"_x', "ü_x"]


def test_at_most_a_second_is_lost_when_the_program_dies(tmp_path: Path) -> None:
    clock, path = Clock(), tmp_path / "log.csv"
    log = LiveLog(path, ("nose", "tail"), clock=clock)
    assert path.read_text(encoding="utf-8").count("\n") == 1  # the header is there at once
    log.add(numbers())
    log.flush_when_due()
    assert path.read_text(encoding="utf-8").count("\n") == 1
    clock.now += 1.0
    log.flush_when_due()
    assert path.read_text(encoding="utf-8").count("\n") == 2
    log.close()


def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    for path in (tmp_path / "file" / "log.csv", tmp_path):
        with pytest.raises(StorageError, match=r"cannot write|exists"):
            LiveLog(path, ("nose",))
