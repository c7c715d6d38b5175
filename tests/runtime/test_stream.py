from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from make_model import color_finder, dots, expected_errors, random_places
from markerless.core.view import View
from markerless.runtime.blocks import Block, BlockPrediction
from markerless.runtime.engine import EngineOptions, Session, open_session
from markerless.runtime.stream import predict
from markerless.video.raw import RgbFrame

SIZE = (40, 30)
N_FRAMES = 61


class Clip:
    """Frames in memory; those in `broken` cannot be decoded, and at `fails_at` the source itself breaks down."""

    def __init__(self, frames: npt.NDArray[np.uint8], broken: tuple[int, ...] = (), fails_at: int = -1) -> None:
        self.all = frames
        self.broken = broken
        self.fails_at = fails_at
        self.starts: list[int] = []
        self.n_read = 0

    def raw_frames(self, start: int = 0, stop: int | None = None) -> Iterator[tuple[int, RgbFrame | None]]:
        self.starts.append(start)
        for index in range(start, min(stop or len(self.all), len(self.all))):
            if index == self.fails_at:
                raise OSError("the disk is gone")
            self.n_read += 1
            yield index, None if index in self.broken else RgbFrame(self.all[index])


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return color_finder(tmp_path_factory.mktemp("model") / "model.onnx")


@pytest.fixture(scope="module")
def places() -> np.ndarray:
    return random_places(N_FRAMES, SIZE, seed=5)


def opened(model: Path, size: tuple[int, int] = SIZE, batch_size: int = 1, threads: int = 1) -> Session:
    options = EngineOptions(height=size[1], width=size[0], batch_size=batch_size, threads=threads)
    return open_session("openvino", model, options, 3)


def run(clip: Clip, session: Session, todo: list[Block], view: View | None = None) -> list[BlockPrediction]:
    return list(predict(clip, session, todo, view or View.whole(*SIZE), 3, lambda n_frames: None))


class TestPredict:
    def test_finds_the_truth_in_every_frame(self, model: Path, places: np.ndarray) -> None:
        found = run(Clip(dots(places, SIZE)), opened(model), [Block(0, 30), Block(30, N_FRAMES)])
        assert [prediction.block.start for prediction in found] == [0, 30]
        np.testing.assert_array_equal(np.concatenate([prediction.xy for prediction in found]), places)
        assert all(prediction.decoded.all() for prediction in found)
        np.testing.assert_allclose(found[0].score, 250 / 255, rtol=1e-6)
        assert np.isnan(found[0].expected_error).all()  # this model gives none

    @pytest.mark.parametrize("batch_size", [1, 4, 7])
    @pytest.mark.parametrize("threads", [1, 2])
    def test_broken_frames_are_nan_and_the_others_as_they_were(
        self, model: Path, places: np.ndarray, batch_size: int, threads: int
    ) -> None:
        broken = (0, 9, 10, 29, 30, 60)
        clip = Clip(dots(places, SIZE), broken)
        session = opened(model, batch_size=batch_size, threads=threads)
        found = run(clip, session, [Block(0, 30), Block(30, N_FRAMES)])
        xy = np.concatenate([prediction.xy for prediction in found])
        expected = places.astype(np.float64)
        expected[list(broken)] = np.nan
        np.testing.assert_array_equal(xy, expected)
        decoded = np.concatenate([prediction.decoded for prediction in found])
        np.testing.assert_array_equal(np.flatnonzero(~decoded), broken)
        np.testing.assert_array_equal(np.isnan(found[0].score), np.isnan(found[0].xy[..., 0]))

    @pytest.mark.parametrize(("batch_size", "threads"), [(1, 1), (4, 2)])
    def test_expected_errors_are_in_the_rows_of_their_frames(
        self, tmp_path: Path, places: np.ndarray, batch_size: int, threads: int
    ) -> None:
        strengths = 180 + np.arange(N_FRAMES)
        session = opened(color_finder(tmp_path / "model.onnx", has_error=True), SIZE, batch_size, threads)
        found = run(Clip(dots(places, SIZE, strengths), (9, 60)), session, [Block(0, 30), Block(30, N_FRAMES)])
        expected = expected_errors(strengths)
        expected[[9, 60]] = np.nan
        np.testing.assert_array_equal(np.concatenate([one.expected_error for one in found]), expected)

    def test_a_block_of_broken_frames_only(self, model: Path, places: np.ndarray) -> None:
        (found,) = run(Clip(dots(places[:3], SIZE), (0, 1, 2)), opened(model), [Block(0, 3)])
        assert found.xy.shape == (3, 3, 2)
        assert np.isnan(found.xy).all()
        assert not found.decoded.any()

    def test_a_source_that_ends_early_leaves_nan(self, model: Path, places: np.ndarray) -> None:
        (found,) = run(Clip(dots(places[:5], SIZE)), opened(model), [Block(0, 8)])
        np.testing.assert_array_equal(found.decoded, [True] * 5 + [False] * 3)

    def test_results_of_a_view_are_in_pixels_of_the_frame(self, model: Path) -> None:
        view = View(left=11, top=7, width=20, height=16)
        inside = random_places(6, (20, 16), seed=3)
        clip = Clip(dots(inside + np.array([11, 7]), SIZE))
        clip.all[:, 0, 0] = 255  # outside of the view, and brighter than what is in it
        (found,) = run(clip, opened(model, (20, 16)), [Block(0, 6)], view)
        np.testing.assert_array_equal(found.xy, inside + np.array([11, 7]))

    def test_decoding_starts_afresh_at_key_frames_only(self, model: Path, places: np.ndarray) -> None:
        clip = Clip(dots(places, SIZE))
        todo = [Block(0, 10), Block(10, 20, restarts=False), Block(20, 30), Block(40, 50, restarts=False)]
        found = run(clip, opened(model), todo)
        assert clip.starts == [0, 20, 40]
        np.testing.assert_array_equal(np.concatenate([p.xy for p in found]), places[[*range(30), *range(40, 50)]])

    def test_reports_every_frame_once(self, model: Path, places: np.ndarray) -> None:
        reported: list[int] = []
        clip = Clip(dots(places, SIZE), broken=(3,))
        list(predict(clip, opened(model), [Block(0, N_FRAMES)], View.whole(*SIZE), 3, reported.append))
        assert sum(reported) == N_FRAMES

    def test_an_error_of_the_source_reaches_the_caller(self, model: Path, places: np.ndarray) -> None:
        clip = Clip(dots(places, SIZE), fails_at=20)
        iterator = predict(clip, opened(model), [Block(0, 10), Block(10, 30)], View.whole(*SIZE), 3, lambda n: None)
        assert next(iterator).block == Block(0, 10)
        with pytest.raises(OSError, match="the disk is gone"):
            next(iterator)

    def test_decoding_runs_ahead_but_not_without_bound(self, model: Path) -> None:
        n_frames = 400
        clip = Clip(np.zeros((n_frames, 30, 40, 3), dtype=np.uint8))
        session = opened(model)
        todo = [Block(0, 5), Block(5, n_frames)]
        with closing(predict(clip, session, todo, View.whole(*SIZE), 3, lambda n: None)) as iterator:
            next(iterator)
            settled = _settled(clip)
        assert 5 < settled <= 5 + 32 + session.in_flight + 3

    def test_closing_in_the_middle_stops_the_decoder(self, model: Path, places: np.ndarray) -> None:
        clip = Clip(dots(places, SIZE))
        iterator = predict(clip, opened(model), [Block(0, 5), Block(5, 61)], View.whole(*SIZE), 3, lambda n: None)
        next(iterator)
        iterator.close()
        assert "decoder" not in {thread.name for thread in threading.enumerate()}


def _settled(clip: Clip) -> int:
    """Frames read when the decoder has stopped reading for a while."""
    before = -1
    while before != clip.n_read:
        before = clip.n_read
        time.sleep(0.3)
    return before
