"""The verb `bench`: which rows there are, and what stands in them. How fast a machine is no test can know."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from markerless.errors import SettingsError, VideoError
from markerless.pipeline import bench as module
from markerless.pipeline.add import add
from markerless.pipeline.bench import DECODE, REGION, WHOLE, Row, bench
from markerless.pipeline.engine_rates import frames_per_second
from markerless.project import Project, Run
from markerless.runtime.engine import Session
from markerless.runtime.machine import processor
from pipeline.field import SIZE, make_field, settings, write_film

N_FRAMES = 40
ENGINES = ("onnxruntime", "openvino")
WAYS = [(engine, precision) for engine in ENGINES for precision in ("bf16", "f32")]


@pytest.fixture
def field(tmp_path: Path) -> Project:
    return make_field(tmp_path)


@pytest.fixture
def film(tmp_path: Path) -> Path:
    write_film(tmp_path / "film.mp4", N_FRAMES)
    return tmp_path / "film.mp4"


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are measured for a moment, of two engines, in this process."""

    def for_a_moment(session: Session, seconds: float) -> float:
        return frames_per_second(session, seconds / 100)

    monkeypatch.setattr(module, "SECONDS_PER_ROW", 0.05)
    monkeypatch.setattr(module, "LATENCY_REQUESTS", 5)
    monkeypatch.setattr(module, "frames_per_second", for_a_moment)
    monkeypatch.setattr(module, "ENGINES", SimpleNamespace(names=lambda: ENGINES))
    monkeypatch.setattr(module, "_in_own_process", module._measured)


def numbers(row: Row) -> tuple[float, ...]:
    return row.frames_per_s, row.in_memory_per_s, row.latency_ms, row.memory_mb


def are_positive(*values: float) -> bool:
    return all(math.isfinite(value) and value > 0 for value in values)


@pytest.mark.usefixtures("quick")
class TestRows:
    def test_of_whole_frames(self, field: Project, film: Path) -> None:
        result = bench(field, film, settings(region="off"))
        assert [(row.what, row.engine, row.precision) for row in result.rows] == [
            (DECODE, "", ""),
            *((WHOLE, *way) for way in WAYS),
        ]
        assert (result.video, result.size) == (film, SIZE)
        assert result.machine.endswith(f", {processor().n_usable} cores")
        assert (result.chosen.engine, result.chosen.precision, result.chosen.region) == ("openvino", "f32", None)
        decoding, *others = result.rows
        assert are_positive(decoding.frames_per_s, decoding.latency_ms)
        assert math.isnan(decoding.in_memory_per_s)
        for row in others:
            if row.precision == "f32":
                assert row.note == ""
                assert are_positive(row.frames_per_s, row.in_memory_per_s, row.latency_ms)

    def test_of_the_region_too_where_one_is_chosen(self, field: Project, film: Path) -> None:
        result = bench(field, film, settings(region="64x64"))
        assert result.chosen.region is not None
        assert [(row.what, row.engine, row.precision) for row in result.rows[1:]] == [
            (what, *way) for what in (WHOLE, REGION) for way in WAYS
        ]
        for row in result.rows:
            if row.what == REGION and row.precision == "f32":
                assert are_positive(row.frames_per_s, row.latency_ms)
                assert math.isnan(row.in_memory_per_s)  # which region to look at is known one after the other alone

    def test_that_cannot_be_measured_have_a_note_and_no_numbers(self, field: Project, film: Path) -> None:
        rows = bench(field, film, settings(region="off")).rows
        noted = {(row.engine, row.precision): row for row in rows if row.note}
        row = noted[("onnxruntime", "bf16")]
        assert "onnxruntime, got bf16" in row.note
        assert all(math.isnan(value) for row in noted.values() for value in numbers(row))
        assert ("onnxruntime", "f32") not in noted
        assert ("openvino", "f32") not in noted

    def test_are_told_one_by_one(self, field: Project, film: Path) -> None:
        told: list[tuple[int, int, str]] = []
        bench(field, film, settings(region="off"), progress=lambda *what: told.append(what))
        names = [DECODE, *(f"{WHOLE} {engine} {precision}" for engine, precision in WAYS), ""]
        assert told[-len(names) :] == [(i, len(WAYS) + 1, name) for i, name in enumerate(names)]

    def test_are_plain_values_as_json(self, field: Project, film: Path) -> None:
        values: dict[str, Any] = bench(field, film, settings(region="64x64")).to_json()
        again = json.loads(json.dumps({**values, "video": str(values["video"])}))
        assert again["size_px"] == list(SIZE)
        assert len(again["rows"]) == 1 + 2 * len(WAYS)
        assert set(again["rows"][0]) == {
            "what",
            "engine",
            "precision",
            "frames_per_s",
            "in_memory_per_s",
            "latency_ms",
            "memory_mb",
            "note",
        }
        assert again["chosen"]["engine"] == "openvino"


@pytest.mark.usefixtures("quick")
class TestWhatIsMeasured:
    @pytest.fixture
    def run_elsewhere(self, field: Project, tmp_path: Path) -> Callable[[], Path]:
        def move() -> Path:
            return field.run().folder.rename(tmp_path / "run1")

        return move

    def test_the_first_video_of_the_project_when_none_is_named(self, field: Project, film: Path) -> None:
        add(field, [film])
        assert bench(Project(field.root), None, settings(region="off")).video.name == "film.mp4"

    def test_without_any_video_is_one_line(self, field: Project) -> None:
        with pytest.raises(VideoError, match="name one: markerless bench PROJECT VIDEO"):
            bench(field, None, settings(region="off"))

    def test_a_run_outside_of_a_project(self, run_elsewhere: Callable[[], Path], film: Path) -> None:
        run = Run.open(run_elsewhere())
        rows = bench(run, film, settings(region="off")).rows
        assert [row.note == "" for row in rows if row.precision == "f32"] == [True, True]
        with pytest.raises(VideoError, match="name one"):
            bench(run, None, settings(region="off"))

    def test_a_part_of_the_frame(self, field: Project, film: Path) -> None:
        rows = bench(field, film, settings(region="off", crop="0,160,0,120")).rows
        assert [row.note == "" for row in rows if row.precision == "f32"] == [True, True]

    def test_a_video_that_is_no_video_is_one_line(self, field: Project, tmp_path: Path) -> None:
        (tmp_path / "empty.mp4").touch()
        with pytest.raises(VideoError, match=r"empty\.mp4 is empty"):
            bench(field, tmp_path / "empty.mp4", settings(region="off"))

    def test_a_part_beyond_the_frame_is_one_line(self, field: Project, film: Path) -> None:
        with pytest.raises(SettingsError, match="inside of the frame"):
            bench(field, film, settings(region="off", crop="0,9999,0,120"))


class Deadly(module._Task):
    """Ends the process that unpacks it, as the system does when memory runs out."""

    def __reduce__(self) -> tuple[Callable[[int], Any], tuple[int]]:
        return os._exit, (9,)


class TestOwnProcess:
    def test_has_its_own_memory(self, field: Project, film: Path) -> None:
        row = module._in_own_process(module._Task(field.run().folder, film, Row(DECODE)))
        assert (row.what, row.note) == (DECODE, "")
        assert are_positive(row.frames_per_s, row.latency_ms)
        assert row.latency_ms == pytest.approx(1000 / row.frames_per_s)

    def test_that_ends_by_itself_is_a_note(self, field: Project, film: Path) -> None:
        row = module._in_own_process(Deadly(field.run().folder, film, Row(WHOLE, "openvino", "f32")))
        assert (row.what, row.engine, row.precision) == (WHOLE, "openvino", "f32")
        assert "the process ended by itself" in row.note
        assert all(math.isnan(value) for value in numbers(row))
