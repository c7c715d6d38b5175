"""Blocks side by side: the same rows whatever the number of lanes, and no thread left behind, however it ends."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path

import numpy as np
import pytest

from make_model import color_finder, dots, expected_errors
from markerless.core.view import View
from markerless.errors import RunError
from markerless.runtime.blocks import Block, BlockPrediction
from markerless.runtime.engine import EngineOptions, Session, open_session
from markerless.runtime.follow import FollowingModel, Sessions
from markerless.runtime.lanes import Crew, predict_in_region
from markerless.runtime.region import Region
from runtime.moving_dots import SIZE, STRONG, InMemory, dimmed, two_animals, walk

WHOLE = View.whole(*SIZE)
N_FRAMES = 120
# three stretches to decode, one of them of two blocks
BLOCKS = (Block(0, 31), Block(31, 50, restarts=False), Block(50, 90), Block(90, N_FRAMES))
MakeModels = Callable[..., Callable[[], FollowingModel]]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return color_finder(tmp_path_factory.mktemp("model") / "model.onnx")


@pytest.fixture(scope="module")
def path_with_errors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return color_finder(tmp_path_factory.mktemp("model") / "model.onnx", has_error=True)


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    yield
    assert not working_threads()


@pytest.fixture
def models(path: Path, path_with_errors: Path) -> Iterator[MakeModels]:
    """What gives every lane its model; one session for whole frames serves all lanes."""
    with ExitStack() as stack:

        def opened(path: Path, size: tuple[int, int], together: int, inline: bool) -> Session:
            options = EngineOptions(size[1], size[0], 3, together, "f32", 4, inline)
            return stack.enter_context(closing(open_session("openvino", path, options, 3)))

        def make(together: int = 1, view: View = WHOLE, has_error: bool = False) -> Callable[[], FollowingModel]:
            model = path_with_errors if has_error else path
            whole = opened(model, (view.width, view.height), 1, inline=False)
            region = Region(64, 64, 16, 4, together)
            return lambda: FollowingModel(
                Sessions(whole, opened(model, (64, 64), together, inline=True)), region, view, 3
            )

        yield make


def working_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith(("lane", "decoder"))]


def run(
    reader: InMemory,
    new_model: Callable[[], FollowingModel],
    todo: Sequence[Block] = BLOCKS,
    n_threads: int = 1,
    in_pairs: bool = False,
) -> dict[Block, BlockPrediction]:
    found = list(predict_in_region(reader, new_model, todo, WHOLE, Crew(n_threads, in_pairs), lambda n_frames: None))
    assert len(found) == len(todo)
    return {prediction.block: prediction for prediction in found}


def film(broken: Sequence[int] = ()) -> tuple[InMemory, np.ndarray]:
    """A walk in which green fades for a while, and where it is."""
    places = walk(N_FRAMES)
    frames = dimmed(dots(places, SIZE, STRONG), places, range(55, 75), point=1)
    return InMemory(frames, broken), places


def assert_equal(one: BlockPrediction, other: BlockPrediction) -> None:
    for name in ("xy", "score", "expected_error", "decoded", "whole"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=f"{name} of {one.block}")


class TestResults:
    @pytest.mark.parametrize("n_threads", [1, 2, 5])
    @pytest.mark.parametrize("together", [1, 4])
    def test_are_the_truth_and_begin_with_a_whole_frame_in_every_block(
        self, models: MakeModels, n_threads: int, together: int
    ) -> None:
        reader, places = film()
        found = run(reader, models(together), n_threads=n_threads)
        assert set(found) == set(BLOCKS)
        for block, prediction in found.items():
            seen = prediction.score >= 0.5
            np.testing.assert_array_equal(prediction.xy[seen], places[block.start : block.stop][seen])
            np.testing.assert_array_equal(~seen.all(1), [55 <= i < 75 for i in range(block.start, block.stop)])
            assert prediction.decoded.all()
            assert prediction.whole[:together].all()
            assert prediction.whole.sum() == together + (55 in range(block.start, block.stop))

    @pytest.mark.parametrize("n_threads", [1, 3])
    def test_expected_errors_are_in_the_rows_of_their_frames(self, models: MakeModels, n_threads: int) -> None:
        strengths = 130 + np.arange(N_FRAMES)
        reader = InMemory(dots(walk(N_FRAMES), SIZE, strengths), broken=[0, 60])
        found = run(reader, models(2, has_error=True), n_threads=n_threads)
        expected = expected_errors(strengths)
        expected[[0, 60]] = np.nan
        for block, prediction in found.items():
            np.testing.assert_array_equal(prediction.expected_error, expected[block.start : block.stop])

    @pytest.mark.parametrize("together", [1, 4])
    def test_do_not_depend_on_the_number_of_threads(self, models: MakeModels, together: int) -> None:
        """The second animal shows it: blocks that begin after it came find it, as they know of no others."""
        frames = two_animals(N_FRAMES, since=40)
        expected = run(InMemory(frames), models(together))
        for n_threads, in_pairs in ((2, False), (3, False), (8, False), (2, True), (5, True)):
            found = run(InMemory(frames), models(together), n_threads=n_threads, in_pairs=in_pairs)
            for block in BLOCKS:
                assert_equal(found[block], expected[block])
        everything_in_one = run(InMemory(frames), models(together), [Block(0, N_FRAMES)])[Block(0, N_FRAMES)]
        np.testing.assert_array_equal(everything_in_one.xy[40:50], expected[BLOCKS[1]].xy[9:])
        assert (everything_in_one.xy[50:] != expected[BLOCKS[2]].xy[0]).all()  # the blocks do begin afresh

    @pytest.mark.parametrize("asked", [[1], [0, 2], [1, 3], [2, 3], [3]])
    def test_do_not_depend_on_which_blocks_are_missing(self, models: MakeModels, asked: list[int]) -> None:
        """As when an interrupted analysis is taken up again."""
        frames = two_animals(N_FRAMES, since=20)
        whole = run(InMemory(frames), models(2), n_threads=2)
        todo = [BLOCKS[i] for i in asked]
        found = run(InMemory(frames), models(2), todo, n_threads=2)
        assert set(found) == set(todo)
        for block in todo:
            assert_equal(found[block], whole[block])

    @pytest.mark.parametrize(("n_threads", "in_pairs"), [(1, False), (2, False), (5, False), (2, True), (4, True)])
    @pytest.mark.parametrize("together", [1, 4])
    def test_of_broken_frames_are_nan_and_end_no_lane(
        self, models: MakeModels, n_threads: int, in_pairs: bool, together: int
    ) -> None:
        broken = (0, 30, 31, 49, *range(60, 69), *range(90, N_FRAMES))
        reader, places = film(broken)
        found = run(reader, models(together), n_threads=n_threads, in_pairs=in_pairs)
        xy, score, decoded = (
            np.concatenate([getattr(found[block], name) for block in BLOCKS]) for name in ("xy", "score", "decoded")
        )
        np.testing.assert_array_equal(np.flatnonzero(~decoded), broken)
        assert np.isnan(xy[~decoded]).all()
        assert np.isnan(score[~decoded]).all()
        seen = score >= 0.5
        np.testing.assert_array_equal(xy[seen], places[seen])
        assert seen[decoded][:, [0, 2]].all()
        assert not found[BLOCKS[3]].whole.any()

    def test_are_in_pixels_of_the_frame_for_a_part_of_it(self, models: MakeModels) -> None:
        view = View(20, 10, 120, 100)
        places = np.repeat(np.array([[[100, 60], [110, 64], [104, 70]]]), 20, axis=0)
        (found,) = predict_in_region(
            InMemory(dots(places, SIZE, STRONG)), models(1, view), [Block(0, 20)], view, Crew(2), lambda n: None
        )
        np.testing.assert_array_equal(found.xy, places)

    def test_of_nothing_are_nothing(self, models: MakeModels) -> None:
        assert run(film()[0], models(), []) == {}

    @pytest.mark.parametrize("n_threads", [1, 4])
    def test_every_frame_is_reported_once(self, models: MakeModels, n_threads: int) -> None:
        reported: list[int] = []
        reader, _ = film(broken=(3, 4))
        list(predict_in_region(reader, models(4), BLOCKS, WHOLE, Crew(n_threads), reported.append))
        assert sum(reported) == N_FRAMES
        assert min(reported) > 0


class TestLanes:
    @pytest.mark.parametrize(
        ("n_threads", "in_pairs", "n_lanes"),
        [(1, False, 1), (2, False, 2), (3, False, 3), (8, False, 3), (1, True, 1), (2, True, 1), (3, True, 2)],
    )
    def test_are_as_many_as_threads_or_pairs_or_stretches_to_decode(
        self, models: MakeModels, n_threads: int, in_pairs: bool, n_lanes: int
    ) -> None:
        reader, _ = film()
        made: list[FollowingModel] = []
        new_model = models()

        def counted() -> FollowingModel:
            made.append(new_model())
            return made[-1]

        run(reader, counted, n_threads=n_threads, in_pairs=in_pairs)
        assert len(made) == n_lanes
        assert len(reader.others) == n_lanes - 1
        assert all(other.is_closed for other in reader.others)
        assert not reader.is_closed  # it is the caller's


class TestEnds:
    @pytest.mark.parametrize("n_threads", [1, 2, 8])
    def test_an_error_of_the_source_reaches_the_caller(self, models: MakeModels, n_threads: int) -> None:
        reader, _ = film()
        reader.fails_at = 70
        with pytest.raises(OSError, match="the disk is gone"):
            run(reader, models(2), n_threads=n_threads)
        assert not working_threads()
        assert all(other.is_closed for other in reader.others)

    @pytest.mark.parametrize("n_threads", [1, 3])
    def test_an_error_of_a_model_reaches_the_caller(self, models: MakeModels, n_threads: int) -> None:
        new_model, made = models(), list[int]()

        def fails_last() -> FollowingModel:
            made.append(1)
            if len(made) == n_threads:
                raise RunError("no memory for another network")
            return new_model()

        with pytest.raises(RunError, match="no memory for another network"):
            run(film()[0], fails_last, n_threads=n_threads)
        assert not working_threads()

    def test_what_was_finished_before_an_error_was_given_out(self, models: MakeModels) -> None:
        reader, _ = film()
        reader.fails_at = 95
        found: list[Block] = []
        with pytest.raises(OSError, match="the disk is gone"):
            found.extend(
                prediction.block
                for prediction in predict_in_region(reader, models(), BLOCKS, WHOLE, Crew(1), lambda n: None)
            )
        assert found == list(BLOCKS[:3])

    @pytest.mark.parametrize("n_threads", [1, 2, 8])
    @pytest.mark.parametrize("length", [20, 2980], ids=["between blocks", "within a block"])
    def test_closing_early_ends_all_lanes(self, models: MakeModels, n_threads: int, length: int) -> None:
        reader = InMemory(dots(walk(3000), SIZE, STRONG))
        todo = [Block(0, 20), *(Block(start, start + length) for start in range(20, 3000, length))]
        iterator = predict_in_region(reader, models(), todo, WHOLE, Crew(n_threads), lambda n: None)
        next(iterator)
        assert working_threads()
        iterator.close()
        assert not working_threads()
        assert reader.n_read < 2000  # they did not go on to the end
        assert all(other.is_closed for other in reader.others)

    def test_an_error_of_the_caller_ends_all_lanes(self, models: MakeModels) -> None:
        def interrupted(n_frames: int) -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            list(predict_in_region(film()[0], models(), BLOCKS, WHOLE, Crew(3), interrupted))
        assert not working_threads()
