"""Which regions are tried, on what, and how they are compared with the whole frame."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from make_model import dots
from markerless.core.view import View
from markerless.pipeline.region_check import (
    Model,
    RegionCheck,
    Still,
    _timed,
    candidates,
    explicit_region,
    grid_of,
    stills,
    stretch,
)
from markerless.project import Project, Run
from markerless.runtime.engine import EngineOptions
from markerless.runtime.follow import Found
from markerless.runtime.region import Region
from markerless.video.images import write_image
from markerless.video.raw import RawFrame, RgbFrame
from pipeline.field import SIZE, film, make_field, make_run, places_of_labels, squares
from runtime.moving_dots import ANIMAL, STRONG, walk

WHOLE = View.whole(*SIZE)
N_UNSEEN = 2  # labeled frames of the field that test or validate its run


@pytest.fixture
def field(tmp_path: Path) -> Project:
    return make_field(tmp_path)


def with_grid_of_8(run: Run, net: str = "") -> Run:
    """The same run of a network with other maps."""
    file = run.folder / "run.toml"
    text = file.read_text(encoding="utf-8").replace("grid_px = 16", "grid_px = 8").replace("[net]", f"[net]\n{net}")
    file.write_text(text, encoding="utf-8")
    return Run.open(run.folder)


def model_of(run: Run) -> Model:
    return Model(run, "openvino", EngineOptions(SIZE[1], SIZE[0], precision="f32", threads=1), WHOLE)


class TestStills:
    def test_are_those_that_tested_the_run_then_those_that_validated_it_with_their_labels(self, field: Project) -> None:
        found = stills(field.run(), field, WHOLE)
        np.testing.assert_array_equal([still.xy for still in found], places_of_labels()[:N_UNSEEN])
        np.testing.assert_array_equal(found[0].frame.rgb(), dots(places_of_labels()[:1], SIZE, STRONG)[0])
        assert all(still.is_unseen for still in found)
        (first,) = stills(field.run(), field, WHOLE, most=1)
        np.testing.assert_array_equal(first.xy, places_of_labels()[0])

    def test_are_those_that_trained_the_run_where_there_are_no_others(self, field: Project) -> None:
        images = [frame.image for frame in field.labels().frames]
        run = make_run(field.run_folder("all"), {"train": images, "validation": [], "test": []})
        found = stills(run, field, WHOLE)
        np.testing.assert_array_equal([still.xy for still in found], places_of_labels())
        assert not any(still.is_unseen for still in found)
        assert len(stills(run, field, WHOLE, most=4)) == 4

    def test_of_another_size_or_another_part_are_left_out(self, field: Project) -> None:
        first = field.labels().frames[0].picture
        write_image(first, np.zeros((48, 64, 3), dtype=np.uint8))
        assert len(stills(field.run(), field, WHOLE)) == N_UNSEEN - 1
        assert stills(field.run(), field, View(1, 0, *SIZE)) == []
        assert len(stills(field.run(), field, View.whole(64, 48))) == 1

    def test_that_cannot_be_read_are_left_out(self, field: Project) -> None:
        field.labels().frames[0].picture.write_bytes(b"no picture")
        assert len(stills(field.run(), field, WHOLE)) == N_UNSEEN - 1

    def test_there_are_none_without_a_project(self, field: Project) -> None:
        assert stills(field.run(), None, WHOLE) == []


class TestCandidates:
    def test_grow_around_the_largest_animal(self, field: Project) -> None:
        """A box of 12 x 14 and a size of 18.4 px: with margins of 0.1 to 0.8 of it 15.7 x 17.7 to 41.5 x 43.5 px."""
        np.testing.assert_array_equal(field.labels().animal_extents_px(), [[12, 14]] * 6)
        found = candidates(field.run(), field, WHOLE)
        assert found == [Region(32, 32, 16, 4), Region(48, 48, 16, 4)]

    @pytest.mark.parametrize(("net", "least"), [("", 32), ("stride = 4\nshrink = 2", 32), ("stride = 16", 64)])
    def test_are_no_smaller_than_four_cells_of_the_maps(self, field: Project, net: str, least: int) -> None:
        """OpenVINO takes no smaller image; without that rule the first would be 16 x 24 on a grid of 8."""
        run = with_grid_of_8(field.run(), net)
        found = candidates(run, field, WHOLE)
        assert found[0] == Region(least, least, 8, 4)
        assert explicit_region(run, (24, 70)) == Region(least, 72, 8, 4)

    def test_are_at_most_half_of_the_frame(self, field: Project) -> None:
        """32 x 32 is half of 64 x 32; 48 x 48, cut to 48 x 32, is more."""
        assert candidates(field.run(), field, View.whole(64, 32)) == [Region(32, 32, 16, 4)]
        assert candidates(field.run(), field, View.whole(30, 30)) == []

    def test_there_are_none_without_labels(self, field: Project) -> None:
        run = field.run()
        for table in (field.root / "labeled-data" / "m1").glob("CollectedData_*"):
            table.unlink()
        assert candidates(run, Project(field.root), WHOLE) == []

    def test_explicit_ones_are_rounded_up_to_the_grid(self, field: Project, tmp_path: Path) -> None:
        assert explicit_region(field.run(), (100, 48)) == Region(112, 48, 16, 4)
        old = make_run(tmp_path / "old", {"train": []})
        (old.folder / "run.toml").write_text(
            (old.folder / "run.toml").read_text(encoding="utf-8").replace("grid_px = 16", ""), encoding="utf-8"
        )
        old = Run.open(old.folder)  # of a version that had one grid
        assert grid_of(old) == 32
        assert explicit_region(old, (100, 48)) == Region(128, 64, 32, 8)


class TestStretch:
    def test_is_of_four_places_that_begin_at_key_frames(self) -> None:
        """12 key frames, one every 10: places 2.2, 4.4, 6.6 and 8.8 of 0 to 11."""
        reader = film(120)
        reader.damaged = (21, 119)
        found = stretch(reader)
        assert [len(frames) for frames in found] == [95, 79, 49, 29]  # up to 96, those before the end, whole ones only
        for frames, start in zip(found, (20, 40, 70, 90), strict=True):
            np.testing.assert_array_equal(frames[0].rgb(), reader.pictures[start])

    def test_of_a_short_video_is_all_there_is(self) -> None:
        assert [len(frames) for frames in stretch(film(5))] == [5]


class TestRegionCheck:
    REGION = Region(64, 64, 16, 4)

    @staticmethod
    def compared(run: Run, labeled: Sequence[Still], frames: np.ndarray, region: Region = REGION) -> dict[str, Any]:
        stretches: list[list[RawFrame]] = [[RgbFrame(frame) for frame in frames]]
        with closing(RegionCheck(model_of(run), labeled, stretches)) as check:
            return check.compare(region)

    @pytest.mark.parametrize("together", [1, 4])
    def test_a_region_that_changes_nothing_passes(self, field: Project, together: int) -> None:
        frames = dots(walk(40, SIZE), SIZE, STRONG)
        row = self.compared(field.run(), stills(field.run(), field, WHOLE), frames, Region(96, 80, 16, 4, together))
        assert row["passes"]
        assert (row["size_px"], row["together"], row["shrink"]) == ([96, 80], together, 1)
        assert (row["same_share"], row["same_px"], row["n_frames"], row["n_labeled"]) == (1.0, 1.0, 40, N_UNSEEN)
        assert (row["error_px"], row["error_whole_px"]) == (0.0, 0.0)
        assert row["fallback_share"] == pytest.approx(together / 40)

    def test_errors_are_distances_to_the_labels(self, tmp_path: Path) -> None:
        field = make_field(tmp_path, off=(3, 4))
        frames = dots(walk(3, SIZE), SIZE, STRONG)
        row = self.compared(field.run(), stills(field.run(), field, WHOLE), frames)
        assert (row["error_px"], row["error_whole_px"], row["passes"]) == (5.0, 5.0, True)

    @pytest.mark.parametrize("is_unseen", [True, False])
    def test_it_is_told_whether_labeled_frames_trained_the_network(self, field: Project, is_unseen: bool) -> None:
        labeled = [replace(still, is_unseen=is_unseen) for still in stills(field.run(), field, WHOLE)]
        row = self.compared(field.run(), labeled, dots(walk(3, SIZE), SIZE, STRONG))
        assert row["labeled_are_unseen"] is is_unseen

    def test_without_labels_the_video_decides(self, field: Project) -> None:
        row = self.compared(field.run(), [], dots(walk(9, SIZE), SIZE, STRONG))
        assert (row["error_px"], row["error_whole_px"], row["n_labeled"], row["passes"]) == (None, None, 0, True)

    def test_a_region_that_stays_with_another_animal_does_not_pass(self, field: Project) -> None:
        """From frame 24 of 40 on the whole frame shows the other animal: 60 % are the same."""
        stays = dots(np.repeat((np.array([200, 100]) + ANIMAL)[None], 40, axis=0), SIZE, STRONG)
        stays[24:] = np.maximum(stays[24:], dots((np.array([30, 30]) + ANIMAL)[None], SIZE, STRONG))
        row = self.compared(field.run(), stills(field.run(), field, WHOLE), stays)
        assert (row["same_share"], row["passes"]) == (0.6, False)

    def test_where_nothing_is_seen_nothing_passes(self, field: Project) -> None:
        row = self.compared(field.run(), [], np.zeros((5, SIZE[1], SIZE[0], 3), dtype=np.uint8))
        assert (row["fallback_share"], row["passes"]) == (1.0, False)

    def test_without_frames_nothing_passes(self, field: Project) -> None:
        row = self.compared(field.run(), [], np.zeros((0, SIZE[1], SIZE[0], 3), dtype=np.uint8))
        assert (row["n_frames"], row["passes"]) == (0, False)

    @pytest.mark.parametrize(
        ("side", "shrink"), [(1, 1), (8, 4)], ids=["a quarter of a pixel is lost", "squares of 8 hold whole ones of 4"]
    )
    def test_the_animal_is_looked_for_in_the_smallest_frame_that_shows_it(
        self, tmp_path: Path, side: int, shrink: int
    ) -> None:
        field = make_field(tmp_path, square=side)
        labeled = stills(field.run(), field, WHOLE)
        with closing(RegionCheck(model_of(field.run()), labeled, [])) as check:
            assert check.shrink(self.REGION) == shrink

    @pytest.mark.parametrize(("height", "shrink"), [(96, 3), (99, 3), (100, 4)])
    def test_a_smaller_frame_has_four_cells_of_the_maps_in_each_direction(
        self, field: Project, height: int, shrink: int
    ) -> None:
        """On a grid of 8 a quarter of 96 to 99 px is seen as 24 px, three cells; of 100 px as 32."""
        run, xy = with_grid_of_8(field.run()), 24 + ANIMAL
        labeled = [Still(RgbFrame(squares(xy[None], 8)[0][:height]), xy)]
        options = EngineOptions(height, SIZE[0], precision="f32", threads=1)
        with closing(RegionCheck(Model(run, "openvino", options, View.whole(SIZE[0], height)), labeled, [])) as check:
            assert check.shrink(Region(64, 64, 8, 4)) == shrink

    def test_without_labels_it_is_looked_for_in_the_frame_as_it_is(self, tmp_path: Path) -> None:
        field = make_field(tmp_path, square=8)
        with closing(RegionCheck(model_of(field.run()), [], [])) as check:
            assert check.shrink(self.REGION) == 1


class TestTimed:
    FRAME = RgbFrame(np.zeros((2, 2, 3), np.uint8))

    @pytest.fixture
    def look(self, monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[int, float]], tuple[float, int]]:
        """Looks at two stretches of six frames by twos; 2 ms for a frame, but for some looks; the third is whole."""

        def look(odd: dict[int, float]) -> tuple[float, int]:
            now, n_looks, n_restarts = 0.0, 0, 0

            def one(frames: Sequence[RawFrame]) -> list[Found]:
                nonlocal now, n_looks
                now += odd.get(n_looks, 0.002) * len(frames)
                n_looks += 1
                xy, score = np.zeros((1, 2)), np.ones(1)
                return [Found(xy, score, n_looks - 1 == 2 and i == 0, None) for i, _ in enumerate(frames)]

            def restart() -> None:
                nonlocal n_restarts
                n_restarts += 1

            monkeypatch.setattr("markerless.pipeline.region_check.time.perf_counter", lambda: now)
            found, ms = _timed([[self.FRAME] * 6] * 2, one, 2, restart)
            assert [len(some) for some in found] == [6, 6]
            return ms, n_restarts

        return look

    def test_a_busy_moment_does_not_change_the_time_of_a_frame(
        self, look: Callable[[dict[int, float]], tuple[float, int]]
    ) -> None:
        ms, n_restarts = look({})
        assert ms == pytest.approx(2.0)
        assert n_restarts == 2
        assert look({4: 9.0})[0] == pytest.approx(2.0)

    def test_frames_that_are_looked_at_whole_count_as_often_as_they_come(
        self, look: Callable[[dict[int, float]], tuple[float, int]]
    ) -> None:
        assert look({2: 0.014})[0] == pytest.approx(5 / 6 * 2.0 + 1 / 6 * 14.0)

    def test_without_a_video_no_time_is_known(self) -> None:
        assert _timed([], lambda frames: []) == ([], 0)
