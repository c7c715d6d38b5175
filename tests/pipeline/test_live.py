"""The verb `live` with a network whose answers are known."""

from __future__ import annotations

import csv
import math
import shutil
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from make_model import COLORS, color_finder, dots, expected_errors, random_places
from make_run import MadeRun, blurred_dots
from markerless.errors import ProcessorError, SettingsError, StorageError, VideoError
from markerless.pipeline.live import LiveSummary, live
from markerless.project import Project
from pipeline.field import SIZE, make_field, write_film
from runtime.moving_dots import STRONG, walk

N_FRAMES = 40
QUICK = {"engine": "openvino", "precision": "f32", "threads": 1, "region": "off"}
ALL = {"every_frame": True}


@pytest.fixture
def field(tmp_path: Path) -> Project:
    return make_field(tmp_path)


class Diary:
    """A processor that writes down everything."""

    def __init__(self) -> None:
        self.events: list[Any] = []
        self.points: list[np.ndarray] = []
        self.scores: list[np.ndarray] = []
        self.times: list[float] = []

    def start(self, keypoints: tuple[str, ...]) -> None:
        self.events.append(keypoints)

    def process(self, points: np.ndarray, score: np.ndarray, timestamp_s: float) -> None:
        self.points.append(points)
        self.scores.append(score)
        self.times.append(timestamp_s)

    def stop(self) -> None:
        self.events.append("stop")


def pictures(n_frames: int = N_FRAMES) -> np.ndarray:
    return dots(walk(n_frames, SIZE), SIZE, STRONG)


def timed(frames: np.ndarray) -> Iterator[tuple[float, np.ndarray]]:
    """As a camera's program gives them, 50 a second."""
    for number, frame in enumerate(frames):
        yield number / 50, frame


def run(
    field: Project, camera: Any, processor: Any = None, values: dict[str, Any] | None = None, **analyze: Any
) -> LiveSummary:
    return live(field, camera, processor, {"live": {**ALL, **(values or {})}, "analyze": {**QUICK, **analyze}})


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("region", ["off", "64x64"])
def test_a_processor_gets_the_truth_of_every_frame(field: Project, region: str) -> None:
    diary = Diary()
    summary = run(field, timed(pictures()), diary, region=region)
    np.testing.assert_array_equal(diary.points, walk(N_FRAMES, SIZE))
    np.testing.assert_allclose(diary.scores, STRONG / 255, rtol=1e-6)
    np.testing.assert_allclose(diary.times, np.arange(N_FRAMES) / 50)
    assert diary.events == [COLORS, "stop"]
    assert (summary.ended, summary.error, summary.file) == ("the source ended", "", None)
    assert (summary.n_seen, summary.n_predicted, summary.n_dropped, summary.n_broken) == (N_FRAMES, N_FRAMES, 0, 0)
    assert (
        0 < summary.latency_ms["p50"] <= summary.latency_ms["p99"] <= math.ceil(summary.latency_ms["max"] * 100) / 100
    )
    if region == "off":
        assert (summary.n_whole, summary.how["region"]) == (N_FRAMES, None)
    else:
        assert summary.n_whole < N_FRAMES / 2
        assert summary.how["region"] == [64, 64]


def test_a_video_file_plays(field: Project, tmp_path: Path) -> None:
    places = write_film(tmp_path / "film.mp4", 20)
    diary = Diary()
    summary = run(field, tmp_path / "film.mp4", diary)
    assert summary.n_predicted == 20
    off = np.array(diary.points) - places
    assert (off > -2).all() and (off < 9).all()  # in its square of 8 px, as far as the codec keeps the color there
    np.testing.assert_allclose(diary.times, np.arange(20) / 30, atol=1e-3)


def test_a_region_is_measured_on_a_video_of_the_project(field: Project) -> None:
    (field.root / "videos").mkdir(exist_ok=True)
    write_film(field.root / "videos" / "film.mp4", 60)
    asked_for = run(Project(field.root), timed(pictures(3)), region="on")
    assert asked_for.how["region"] is not None


def test_without_such_a_video_a_region_is_not_chosen_and_it_says_why(field: Project) -> None:
    summary = run(field, timed(pictures(3)), region="auto")
    assert (summary.how["region"], summary.how["region_why"]) == (None, "there is no video of this size to measure on")
    with pytest.raises(SettingsError, match="give a size such as 192x192"):
        run(field, timed(pictures(3)), region="on")


def test_numbers_are_of_the_full_frame_with_a_crop(field: Project) -> None:
    diary = Diary()
    places = walk(N_FRAMES, (SIZE[0] - 100, SIZE[1] - 80)) + np.array([64, 48])
    run(field, timed(dots(places, SIZE, STRONG)), diary, crop="60,320,40,240")
    np.testing.assert_array_equal(diary.points, places)


def test_frames_without_color(field: Project, made_run: MadeRun) -> None:
    """As frames of equal channels; with a trained network, as the other one knows colors only."""
    shutil.copy(made_run.model, field.run().model)
    gray = blurred_dots(random_places(3, (96, 72)))[:, :, :, 0]
    with_color, without = Diary(), Diary()
    run(field, (np.repeat(frame[:, :, None], 3, axis=2) for frame in gray), with_color)
    run(field, gray, without)
    assert len(without.points) == 3
    np.testing.assert_allclose(without.points, with_color.points, atol=0.05)


class TestLog:
    def test_has_a_row_for_every_frame(self, field: Project, tmp_path: Path) -> None:
        out = tmp_path / "new" / "log.csv"
        summary = run(field, timed(pictures()), None, {"out": str(out)})
        assert summary.file == out
        rows = rows_of(out)
        columns = [f"{name}_{kind}" for name in COLORS for kind in ("x", "y", "score")]
        assert list(rows[0]) == ["timestamp_s", "frame", "latency_ms", "whole_frame", *columns]
        found = [[float(row[name]) for name in columns] for row in rows]
        expected = np.concatenate([walk(N_FRAMES, SIZE), np.full((N_FRAMES, 3, 1), 0.9804)], axis=2)
        np.testing.assert_allclose(found, expected.reshape(N_FRAMES, 9))
        assert [int(row["frame"]) for row in rows] == list(range(N_FRAMES))
        assert [float(row["timestamp_s"]) for row in rows] == pytest.approx(np.arange(N_FRAMES) / 50)
        assert all(float(row["latency_ms"]) > 0 for row in rows)

    def test_has_predicted_points_beside_the_found_ones(self, field: Project, tmp_path: Path) -> None:
        places = (
            np.array([[20, 40]]) + 4 * np.arange(N_FRAMES)[:, None, None] * [1, 0] + np.array([[0, 0], [9, 3], [2, 8]])
        )
        diary = Diary()
        run(
            field, timed(dots(places, SIZE, STRONG)), diary, {"out": tmp_path / "a.csv", "ahead_ms": 40, "noise": 0.001}
        )
        np.testing.assert_allclose(diary.points[-1], places[-1] + [8, 0], atol=0.05)  # two frames on
        last = rows_of(tmp_path / "a.csv")[-1]
        assert [float(last["red_x"]), float(last["red_y"])] == places[-1, 0].tolist()
        assert float(last["red_x_ahead"]) == pytest.approx(diary.points[-1][0, 0], abs=1e-3)

    @pytest.mark.parametrize("region", ["off", "64x64"])
    def test_has_expected_errors_of_a_model_that_gives_them(self, field: Project, tmp_path: Path, region: str) -> None:
        color_finder(field.run().model, has_error=True)
        strengths = 200 + np.arange(N_FRAMES)
        diary = Diary()
        frames = dots(walk(N_FRAMES, SIZE), SIZE, strengths)
        summary = run(field, timed(frames), diary, {"out": tmp_path / "log.csv", "ahead_ms": 20}, region=region)
        rows = rows_of(tmp_path / "log.csv")
        kinds = ("x", "y", "score", "expected_error", "x_ahead", "y_ahead")
        assert list(rows[0])[4:] == [f"{name}_{kind}" for name in COLORS for kind in kinds]
        found = [[float(row[f"{name}_expected_error"]) for name in COLORS] for row in rows]
        np.testing.assert_array_equal(found, expected_errors(strengths))
        np.testing.assert_allclose(diary.scores, np.repeat(strengths[:, None] / 255, 3, axis=1), rtol=1e-6)
        assert "score map" in summary.how["likelihood_definition"]  # this run's file has no table on its calibration

    def test_never_replaces_another_one_unless_told_to(self, field: Project, tmp_path: Path) -> None:
        out = tmp_path / "log.csv"
        out.write_text("precious", encoding="utf-8")
        with pytest.raises(StorageError, match=r"log\.csv exists.*live\.overwrite"):
            run(field, timed(pictures(3)), None, {"out": out})
        assert out.read_text(encoding="utf-8") == "precious"
        run(field, timed(pictures(3)), None, {"out": out, "overwrite": True})
        assert len(rows_of(out)) == 3


class TestEndings:
    def test_ctrl_c_is_a_good_end(self, field: Project, tmp_path: Path) -> None:
        diary = Diary()

        def pressed(points: np.ndarray, score: np.ndarray, timestamp_s: float) -> None:
            diary.process(points, score, timestamp_s)
            if len(diary.points) == 5:
                signal.raise_signal(signal.SIGINT)

        summary = run(field, timed(pictures()), pressed, {"out": tmp_path / "log.csv"})
        assert (summary.ended, summary.error) == ("interrupted", "")
        # the fifth was being handed over
        assert (len(diary.points), summary.n_predicted, len(rows_of(tmp_path / "log.csv"))) == (5, 4, 4)
        assert summary.n_seen == 5 + summary.n_dropped

    def test_the_time_is_up(self, field: Project) -> None:
        def endless() -> Iterator[np.ndarray]:
            while True:
                yield pictures(1)[0]

        summary = run(field, endless(), None, {"seconds": 0.05})
        assert summary.ended == "the time is up"
        assert summary.seconds >= 0.05

    def test_a_source_that_fails_keeps_what_was_measured(self, field: Project, tmp_path: Path) -> None:
        def camera() -> Iterator[np.ndarray]:
            yield from pictures(4)
            raise OSError("unplugged")

        diary = Diary()
        summary = run(field, camera(), diary, {"out": tmp_path / "log.csv"})
        assert summary.ended == "the source failed"
        assert "failed before frame 4 (OSError: unplugged, line " in summary.error
        assert len(rows_of(tmp_path / "log.csv")) == len(diary.points) == 4
        assert diary.events[-1] == "stop"

    def test_a_processor_that_fails_is_one_line_and_ends_it(self, field: Project, tmp_path: Path) -> None:
        ended = threading.Event()

        def camera() -> Iterator[np.ndarray]:
            try:
                yield from pictures()
            finally:
                ended.set()

        def fails(points: np.ndarray, score: np.ndarray, timestamp_s: float) -> float:
            return 1 / (2 - round(timestamp_s * 50)) if timestamp_s else 0.0

        with pytest.raises(ProcessorError, match=r"at its frame \d+, .*ZeroDivisionError: division by zero"):
            run(field, timed(pictures()), fails, {"out": tmp_path / "log.csv"})
        assert len(rows_of(tmp_path / "log.csv")) == 2
        with pytest.raises(ProcessorError):
            run(field, camera(), lambda *numbers: 1 / 0)
        assert ended.wait(20)


class TestWhatCanGoWrong:
    def test_a_source_that_is_none(self, field: Project) -> None:
        with pytest.raises(VideoError, match="the iterator is empty"):
            run(field, [])

    def test_a_processor_that_is_none(self, field: Project) -> None:
        with pytest.raises(ProcessorError, match="expected a processor with process"):
            run(field, timed(pictures(1)), "laser")

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({"live": {"aheadms": 3}}, r"did you mean 'live\.ahead_ms'"),
            ({"live": {"ahead_ms": -1}}, r"live\.ahead_ms"),
            ({"analyze": {"start_s": 3}}, r"expected no analyze\.start_s with live frames"),
            ({"analyze": {"batch_size": 4}}, r"expected no analyze\.batch_size"),
            ({"analyze": {**QUICK, "crop": "0,999,0,10"}}, "320 x 240 pixels"),
        ],
    )
    def test_settings(self, field: Project, settings: dict[str, Any], message: str) -> None:
        with pytest.raises(SettingsError, match=message):
            live(field, timed(pictures(1)), None, settings)
