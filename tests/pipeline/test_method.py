"""How an analysis is chosen: within what the settings leave open, and measured once."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from make_model import color_finder, dots
from markerless.cli.main import main
from markerless.core.progress import silent
from markerless.errors import RunError, SettingsError
from markerless.pipeline.analyze import analyze
from markerless.pipeline.engine_rates import engine_rates, frames_per_second, opened
from markerless.pipeline.method import Method, _fastest, _ms_to_decode, choose_method
from markerless.pipeline.region_check import RegionCheck
from markerless.project import Project
from markerless.runtime.engine import Session
from markerless.runtime.region import Region
from markerless.runtime.remembered import cache_folder
from markerless.video.images import write_image
from markerless.video.raw import RawFrame
from markerless.video.reader import open_video
from pipeline.field import SIZE, chosen, film, make_field, scene, settings, write_film
from runtime.moving_dots import STRONG, InMemory, walk


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MARKERLESS_CACHE", str(tmp_path / "cache"))


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rates need not be precise."""
    monkeypatch.setattr(
        "markerless.pipeline.engine_rates.frames_per_second", lambda session: frames_per_second(session, 0.02)
    )


@pytest.fixture
def field(tmp_path: Path) -> Project:
    return make_field(tmp_path)


def kept() -> list[Path]:
    return sorted((cache_folder() / "measured").glob("*"))


class TestWhatTheSettingsLeaveOpen:
    def test_off_measures_no_region(self, field: Project) -> None:
        method = chosen(field, film(), region="off")
        assert (method.engine, method.precision, method.batch_size, method.region) == ("openvino", "f32", 1, None)
        assert method.measured["region"] == {"use": "off", "why": "switched off"}
        (rate,) = method.measured["rates"]
        assert rate["frames_per_s"] > 0
        assert (rate["engine"], rate["precision"], rate["batch_size"]) == ("openvino", "f32", 1)

    @pytest.mark.parametrize(
        ("region", "size"), [("96x60", (96, 64)), ("50", (64, 64)), ("2000x90", (320, 96)), ("64x2000", (64, 240))]
    )
    def test_a_size_is_taken_rounded_up_to_the_grid_and_no_larger_than_the_frame(
        self, field: Project, region: str, size: tuple[int, int]
    ) -> None:
        method = chosen(field, film(), region=region)
        assert method.region is not None
        assert (method.region.width, method.region.height, method.region.grid) == (*size, 16)
        assert method.region.together in (1, 2, 4)
        assert method.measured["region"]["use"] == "on"
        assert method.measured["region"]["why"] == "asked for"
        assert method.measured["region"]["size_px"] == list(size)

    def test_on_takes_one_of_the_sizes_of_the_labeled_animals(self, field: Project) -> None:
        method = chosen(field, film(), region="on")
        assert method.region is not None
        assert (method.region.width, method.region.height) in [(16, 32), (32, 32), (48, 48)]

    def test_auto_follows_a_small_animal_in_a_large_frame(self, field: Project) -> None:
        method = chosen(field, film(), region="auto")
        assert method.region is not None
        assert method.measured["region"]["why"] == "faster and as accurate"
        assert method.speed_up > 1.05
        assert chosen(field, film(), region="off").speed_up != method.speed_up

    def test_all_ways_are_measured_where_nothing_is_said(self, field: Project) -> None:
        method = chosen(field, film(), region="off", engine="auto", precision="auto", batch_size=0)
        rows = method.measured["rates"]
        assert {row["batch_size"] for row in rows} == {1, 4}
        assert {row["precision"] for row in rows} >= {"f32"}
        best = max(row["frames_per_s"] for row in rows)
        taken = {"precision": method.precision, "batch_size": method.batch_size}
        rates = [row["frames_per_s"] for row in rows if taken.items() <= row.items()]
        assert rates == [best]
        if method.precision == "bf16":  # whole numbers below 256 are exact in it
            labeled = {"n_labeled": 2, "labeled_are_unseen": True}  # one frame tests the run, one validates it
            assert method.measured["bf16"] == {"error_bf16_px": 0.0, "error_f32_px": 0.0, **labeled}


class MadeCheck:
    """What `RegionCheck` gives, from a table: width of the region -> passes, fallback share, ms per frame."""

    def __init__(self, rows: dict[int, tuple[bool, float, float]], of_together: dict[int, float]) -> None:
        self._rows = rows
        self._of_together = of_together

    def shrink(self, region: Region) -> int:
        return 2

    def compare(self, region: Region) -> dict[str, Any]:
        passes, fallback_share, ms = self._rows[region.width]
        ms *= self._of_together.get(region.together, 1.0) if region.shrink == 2 else 1.0
        return {
            "size_px": [region.width, region.height],
            "passes": passes,
            "fallback_share": fallback_share,
            "ms_per_frame": ms,
            "ms_per_whole_frame": 10.0,
        }


class TestWhichRegion:
    REGIONS = tuple(Region(width, 64, 32, 8) for width in (64, 96, 128))
    SLOW, FAST = {2: 1.1, 4: 1.2}, {2: 0.5, 4: 0.9}

    def fastest(
        self,
        rows: tuple[tuple[bool, float, float], ...],
        of_together: dict[int, float] = SLOW,
        is_asked_for: bool = False,
    ) -> tuple[Region | None, dict[str, Any]]:
        table = {region.width: row for region, row in zip(self.REGIONS, rows, strict=True)}
        check = cast(RegionCheck, MadeCheck(table, of_together))
        return _fastest(check, self.REGIONS, is_asked_for)

    def test_is_the_smallest_that_passes(self) -> None:
        region, row = self.fastest(((False, 0.0, 2.0), (True, 0.1, 3.0), (True, 0.0, 1.0)))
        assert region == Region(96, 64, 32, 8, together=1, shrink=2)
        assert (row["use"], row["why"], row["ms_per_frame"]) == ("on", "faster and as accurate", 3.0)
        assert [one["size_px"][0] for one in row["tried"]] == [64, 96, 96, 96, 96]

    def test_is_not_one_so_small_that_it_passes_by_looking_at_whole_frames(self) -> None:
        region, row = self.fastest(((True, 1.0, 11.0), (True, 0.51, 6.0), (True, 0.5, 5.5)))
        assert region is not None
        assert region.width == 128
        assert len(row["tried"]) == 6

    def test_is_the_largest_that_passes_where_all_fall_back_often(self) -> None:
        region, _ = self.fastest(((True, 0.9, 9.0), (True, 0.6, 7.0), (False, 0.1, 2.0)))
        assert region is not None
        assert region.width == 96
        assert self.fastest(((True, 1.0, 11.0),) * 3)[1]["why"] == "the whole frame is as fast"

    def test_takes_as_many_frames_together_as_is_fastest(self) -> None:
        region, row = self.fastest(((True, 0.0, 2.0),) * 3, self.FAST)
        assert region == Region(64, 64, 32, 8, together=2, shrink=2)
        assert row["ms_per_frame"] == 1.0

    def test_is_none_where_none_passes_unless_it_is_asked_for(self) -> None:
        rows = ((False, 0.0, 2.0),) * 3
        region, row = self.fastest(rows)
        assert region is None
        assert (row["use"], row["why"]) == ("off", "no region is as accurate as the whole frame")
        assert len(row["tried"]) == 3
        region, row = self.fastest(rows, is_asked_for=True)
        assert region == Region(128, 64, 32, 8, together=1, shrink=2)
        assert (row["use"], row["why"], row["passes"]) == ("on", "asked for", False)

    def test_is_none_where_it_is_hardly_faster_unless_it_is_asked_for(self) -> None:
        rows = ((True, 0.3, 9.6),) * 3  # 9.6 * 1.05 > 10
        region, row = self.fastest(rows)
        assert (region, row["use"], row["why"]) == (None, "off", "the whole frame is as fast")
        assert self.fastest(rows, is_asked_for=True)[1]["use"] == "on"
        assert self.fastest(((True, 0.3, 9.5),) * 3)[1]["use"] == "on"


class TestRates:
    def test_a_busy_moment_decides_nothing(self, field: Project, monkeypatch: pytest.MonkeyPatch) -> None:
        """All ways are measured by turns, and the fastest turn of each counts."""
        busy, first = iter((1, 90, 2)), iter((100, 80, 3))

        def measured(session: Session) -> float:
            return next(busy if session.options.batch_size == 1 else first)

        monkeypatch.setattr("markerless.pipeline.engine_rates.frames_per_second", measured)
        rows = engine_rates(scene(field, film()), settings(engine="openvino", precision="f32", batch_size=0))
        assert [(row["batch_size"], row["frames_per_s"]) for row in rows] == [(1, 90.0), (4, 100.0)]

    def test_every_way_is_closed(self, field: Project, monkeypatch: pytest.MonkeyPatch) -> None:
        seen: list[Any] = []

        def failing(session: Session) -> float:
            seen.append(session)
            if len(seen) == 2:
                raise RunError("no more")
            return 1.0

        monkeypatch.setattr("markerless.pipeline.engine_rates.frames_per_second", failing)
        with pytest.raises(RunError, match="no more"):
            engine_rates(scene(field, film()), settings(engine="openvino", precision="f32", batch_size=0))
        assert [session._compiled for session in seen] == [None, None]

    def test_a_way_that_fails_later_is_not_taken(self, field: Project, monkeypatch: pytest.MonkeyPatch) -> None:
        """As a graphics card may, whose memory another program takes meanwhile."""
        calls: list[str] = []

        def measured(session: Session) -> float:
            calls.append(session.name)
            if session.name == "onnxruntime" and calls.count("onnxruntime") == 2:
                raise RunError("no memory")
            return {"onnxruntime": 9.0, "openvino": 5.0}[session.name]

        monkeypatch.setattr("markerless.pipeline.engine_rates.frames_per_second", measured)
        monkeypatch.setattr("markerless.pipeline.engine_rates._engines", lambda wanted: ("openvino", "onnxruntime"))
        rows = engine_rates(scene(field, film()), settings(engine="auto"))
        assert [(row["engine"], row["frames_per_s"]) for row in rows] == [("openvino", 5.0)]
        assert calls == ["openvino", "onnxruntime", "openvino", "onnxruntime", "openvino"]


class TestWhereNothingRuns:
    @pytest.mark.parametrize("engine", ["auto", "openvino", "onnxruntime"])
    @pytest.mark.parametrize("precision", ["auto", "f32"])
    def test_a_damaged_network_is_said(self, field: Project, engine: str, precision: str) -> None:
        field.run().model.write_bytes(b"damaged")
        with pytest.raises(RunError, match="train again"):
            chosen(field, film(), engine=engine, precision=precision)

    def test_a_precision_that_the_engine_lacks_is_said(self, field: Project, monkeypatch: pytest.MonkeyPatch) -> None:
        """ONNX Runtime has no bf16, and stands for a processor without it."""
        monkeypatch.setattr("markerless.pipeline.engine_rates._engines", lambda wanted: ("onnxruntime",))
        with pytest.raises(SettingsError, match="f32 or auto"):
            chosen(field, film(), engine="auto", precision="bf16")
        assert chosen(field, film(), engine="auto", precision="auto", region="off").precision == "f32"


class TestWhereThereCanBeNoRegion:
    def test_a_run_on_its_own_has_no_labels(self, field: Project) -> None:
        method = chosen(field.run(), film())
        assert method.region is None
        assert "the run is in no project" in method.measured["region"]["why"]
        with pytest.raises(SettingsError, match=r"analyze\.region=on: the run is in no project.*give a size") as told:
            chosen(field.run(), film(), region="on")
        assert "\n" not in str(told.value)
        assert chosen(field.run(), film(), region="64").region is not None

    def test_pictures_need_not_follow_each_other(self, field: Project, tmp_path: Path) -> None:
        pictures(tmp_path / "m1", 3)
        reader = open_video(tmp_path / "m1")
        assert "pictures in a folder" in chosen(field, reader).measured["region"]["why"]
        with pytest.raises(SettingsError, match=r"analyze\.region=on: pictures in a folder"):
            chosen(field, reader, region="on")

    def test_what_holds_for_pictures_is_not_said_of_videos(self, field: Project, tmp_path: Path) -> None:
        """Nor the other way round, whichever is analyzed first."""
        pictures(tmp_path / "m1", 3)
        assert chosen(field, open_video(tmp_path / "m1")).region is None
        assert chosen(field, film()).region is not None
        assert chosen(field, open_video(tmp_path / "m1")).region is None
        assert len(kept()) == 2

    def test_an_animal_that_fills_the_frame_leaves_nothing_to_gain(self, field: Project) -> None:
        reader = film()
        wanted = settings(crop="0,24,0,30")
        method = choose_method(scene(field, reader, wanted), wanted, silent)
        assert "fill half of the frame" in method.measured["region"]["why"]
        with pytest.raises(SettingsError, match="fill half of the frame"):
            asked = settings(crop="0,24,0,30", region="on")
            choose_method(scene(field, reader, asked), asked, silent)


class TestMeasuredOnce:
    @staticmethod
    def told(field: Project, **values: Any) -> tuple[Method, list[str]]:
        """The method, and what was told while it was chosen: nothing, where nothing was measured."""
        messages: list[str] = []
        wanted = settings(**{"region": "off", **values})
        at = scene(field, film(), wanted)
        return choose_method(at, wanted, lambda done, total, message: messages.append(message)), messages

    def test_the_same_question_is_not_measured_again(self, field: Project) -> None:
        first, messages = self.told(field)
        assert messages == ["measuring what is fastest here (once for each network)"]
        assert first.measuring_s == first.measured["seconds"]
        second, messages = self.told(field, threads=2)
        assert (second, messages) == (first, [])
        assert np.isnan(second.measuring_s)
        assert len(kept()) == 1

    @pytest.mark.parametrize("change", ["view", "region", "precision", "model"])
    def test_another_question_is(self, field: Project, change: str) -> None:
        self.told(field)
        values = {"view": {"crop": "0,100,0,100"}, "region": {"region": "64"}, "precision": {"precision": "auto"}}
        if change == "model":
            color_finder(field.run().model, {"markerless.contract": "1", "trained": "once more"})
        assert self.told(field, **values.get(change, {}))[1] != []
        assert len(kept()) == 2

    def test_a_region_is_remembered_as_well(self, field: Project) -> None:
        first, _ = self.told(field, region="64")
        second, messages = self.told(field, region="64")
        assert (second, messages) == (first, [])
        assert isinstance(second.region, Region)
        assert second.effect() == first.effect()

    @pytest.mark.parametrize(
        "content",
        ["", "{", "{}", '{"engine": "openvino"}', '{"region": {"wide": 3}}', "[]", '{"region": null, "x": 1}'],
    )
    def test_a_damaged_file_is_measured_again(self, field: Project, content: str) -> None:
        self.told(field)
        (file,) = kept()
        file.write_text(content, encoding="utf-8")
        method, messages = self.told(field)
        assert messages != []
        assert method.region is None
        assert self.told(field) == (method, [])

    def test_a_folder_that_cannot_be_written_does_no_harm(
        self, field: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "file").write_text("", encoding="utf-8")
        monkeypatch.setenv("MARKERLESS_CACHE", str(tmp_path / "file" / "cache"))
        assert self.told(field)[1] != []
        assert self.told(field)[1] != []


class TestMethod:
    @pytest.mark.parametrize("region", [None, Region(64, 48, 16, 4, 2, 3)])
    def test_plain_values_and_back(self, region: Region | None) -> None:
        method = Method("openvino", "bf16", 4, region, {"rates": [], "region": {"use": "off", "why": "so"}})
        assert Method.from_json(method.to_json()) == method

    def test_its_effect_holds_no_speeds(self) -> None:
        measured = {"use": "on", "why": "asked for", "same_share": 1.0, "ms_per_frame": 2.0, "ms_per_whole_frame": 9.0}
        measured["ms_to_decode"] = 0.8
        method = Method("openvino", "f32", 1, Region(64, 64, 16, 4), {"region": measured, "seconds": 3.1})
        assert method.speed_up == pytest.approx((9.0 + 0.8) / (2.0 + 0.8))  # decoding is part of it
        effect = {"use": "on", "why": "asked for", "same_share": 1.0}
        assert method.effect() == {"bf16": None, "region": effect}
        assert np.isnan(replace(method, measured={"region": {"use": "off"}}).speed_up)

    @pytest.mark.parametrize(
        ("to_decode", "in_region", "beside"),
        [(0.42, 0.46, True), (0.46, 0.42, True), (0.2, 0.46, False), (0.46, 0.2, False), (None, 0.46, False)],
    )
    def test_decoding_has_a_thread_of_its_own_where_it_takes_as_long_as_the_region(
        self, to_decode: float | None, in_region: float, beside: bool
    ) -> None:
        measured = {"ms_per_frame": in_region, **({} if to_decode is None else {"ms_to_decode": to_decode})}
        method = Method("openvino", "f32", 1, Region(64, 64, 16, 4), {"region": measured})
        assert method.decodes_beside is beside
        assert replace(method, region=None, measured={"region": {"use": "off"}}).decodes_beside is False

    def test_the_time_to_decode_is_measured_with_the_region(self, field: Project) -> None:
        assert chosen(field, film()).measured["region"]["ms_to_decode"] > 0

    @pytest.mark.parametrize("seconds", [0.0, 0.004])
    def test_it_is_that_of_many_frames_though_the_last_key_frame_is_near_the_end(
        self, monkeypatch: pytest.MonkeyPatch, seconds: float
    ) -> None:
        class Slow(InMemory):
            @property
            def key_frames(self) -> tuple[int, ...]:
                return 0, len(self) - 2

            def _read(self, row: int) -> RawFrame | None:
                time.sleep(seconds)
                return super()._read(row)

        monkeypatch.setattr("markerless.pipeline.method.SECONDS_TO_DECODE", 0.1 if seconds else 60.0)
        reader = Slow(np.zeros((500, 2, 2, 3), dtype=np.uint8))
        ms = _ms_to_decode(reader)
        if seconds:  # no longer than it is worth
            assert ms >= 1000 * seconds
            assert reader.n_read <= 2 + 0.1 / seconds
        else:
            assert reader.n_read == 201

    def test_a_busy_moment_does_not_change_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        now = 0.0

        class Disturbed(InMemory):
            def _read(self, row: int) -> RawFrame | None:
                nonlocal now
                now += 0.2 if 50 < row < 55 else 0.002
                return super()._read(row)

        monkeypatch.setattr("markerless.pipeline.method.time.perf_counter", lambda: now)
        assert _ms_to_decode(Disturbed(np.zeros((300, 2, 2, 3), dtype=np.uint8))) == pytest.approx(2.0)

    def test_a_rate_counts_images_and_not_requests(self, field: Project) -> None:
        """A quarter of the work in each image makes no request slower, but there are more images in it."""
        at = scene(field, film(2))
        rates = []
        for batch_size in (1, 8):
            with opened("openvino", at, at.options(batch_size=batch_size, threads=1)) as session:
                rates.append(frames_per_second(session, 0.1))
        assert rates[1] > rates[0] / 4


class TestThroughTheCommandLine:
    def test_off_gives_the_numbers_of_whole_frames_and_on_the_same(self, field: Project, tmp_path: Path) -> None:
        places = write_film(tmp_path / "m1.mp4", 60)
        found = {}
        for region in ("off", "96", "auto"):
            arguments = ["analyze", str(field.root), str(tmp_path / "m1.mp4"), "--out", str(tmp_path / region)]
            values = {"region": region, "threads": 1, "precision": "f32", "batch_size": 1}
            sets = [word for key, value in values.items() for word in ("--set", f"analyze.{key}={value}")]
            assert main([*arguments, *sets]) == 0
            (result,) = analyze(
                field, [tmp_path / "m1.mp4"], settings(engine="auto", region=region), out=tmp_path / region
            )
            assert result.status == "unchanged"
            found[region] = result
        whole = found["off"].tracks()
        assert whole.provenance["region"] is None
        assert whole.provenance["n_whole_frames"] == 60
        assert found["96"].provenance["region"] == [96, 96]
        assert found["96"].provenance["n_whole_frames"] < 10
        assert found["96"].fallback_share == found["96"].provenance["n_whole_frames"] / 60
        off = whole.points[:, 0] - places
        assert (off > -2).all() and (off < 9).all()  # in its square of 8 px
        for region in ("96", "auto"):
            np.testing.assert_array_equal(found[region].tracks().points, whole.points)
            np.testing.assert_array_equal(found[region].tracks().score, whole.score)

    @pytest.mark.parametrize(
        ("region", "reason"),
        [
            ("big", "setting analyze.region: expected auto, on, off or a size in pixels"),
            ("on", "analyze.region=on: pictures in a folder need not follow each other; give a size such as"),
        ],
    )
    def test_what_cannot_be_is_one_line_and_code_2(
        self, field: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str], region: str, reason: str
    ) -> None:
        pictures(tmp_path / "m1", 2)
        arguments = ["analyze", str(field.root), str(tmp_path / "m1"), "--set", f"analyze.region={region}"]
        assert main([*arguments, "--set", "analyze.precision=f32", "--set", "analyze.batch_size=1"]) == 2
        errors = capsys.readouterr().err.strip().splitlines()
        assert reason in errors[-1]
        assert "Traceback" not in "".join(errors)


def pictures(folder: Path, n: int) -> None:
    """The walk as pictures in a folder."""
    for i, frame in enumerate(dots(walk(n, SIZE), SIZE, STRONG)):
        write_image(folder / f"{i}.png", frame)
