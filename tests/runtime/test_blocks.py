"""Blocks: where they begin and end, which are decoded in one go, and how their predictions are gathered."""

from __future__ import annotations

import numpy as np
import pytest

from markerless.core.affine import Affine
from markerless.runtime.blocks import Block, Gathering, blocks, spans, within
from markerless.runtime.engine import Prediction


class TestBlocks:
    def test_start_at_the_first_key_frame_500_frames_after_the_start_before(self) -> None:
        keys = (0, 182, 366, 548, 797, 985, 1173, 1383, 1588, 1794, 2016, 2219)
        found = blocks(keys, 2330)
        assert [(block.start, block.stop) for block in found] == [(0, 548), (548, 1173), (1173, 1794), (1794, 2330)]
        assert all(block.restarts for block in found)

    def test_where_every_frame_is_a_key_frame(self) -> None:
        found = blocks(range(1200), 1200)
        assert [(block.start, block.stop) for block in found] == [(0, 500), (500, 1000), (1000, 1200)]

    def test_a_key_frame_exactly_500_frames_later_counts(self) -> None:
        assert [block.start for block in blocks((0, 499, 500), 600)] == [0, 500]

    def test_end_after_2000_frames_without_key_frame_and_decoding_goes_on(self) -> None:
        assert blocks((0, 3000), 4000) == (
            Block(0, 2000, restarts=True),
            Block(2000, 3000, restarts=False),
            Block(3000, 4000, restarts=True),
        )

    def test_of_a_short_video_are_one(self) -> None:
        assert blocks((0,), 3) == (Block(0, 3),)

    @pytest.mark.parametrize("keys", [(0,), (0, 1, 2, 700, 2650, 9000), tuple(range(0, 10_000, 250)), ()])
    def test_cover_every_frame_once(self, keys: tuple[int, ...]) -> None:
        rows = [row for block in blocks(keys, 10_000) for row in range(block.start, block.stop)]
        assert rows == list(range(10_000))

    def test_within_cuts_the_ends_and_leaves_out_the_rest(self) -> None:
        whole = (Block(0, 500), Block(500, 1000, restarts=False), Block(1000, 1500))
        assert within(whole, 600, 1001) == (Block(600, 1000, restarts=False), Block(1000, 1001))
        assert within(whole, 500, 500) == ()


class TestSpans:
    def test_a_block_that_goes_on_is_decoded_with_the_one_before(self) -> None:
        first, second, third = Block(0, 10), Block(10, 20, restarts=False), Block(20, 30)
        assert spans([first, second, third]) == [[first, second], [third]]

    def test_but_not_where_the_one_before_is_not_asked_for(self) -> None:
        first, third = Block(0, 10), Block(20, 30, restarts=False)
        assert spans([first, third]) == [[first], [third]]

    def test_of_nothing_are_none(self) -> None:
        assert spans([]) == []


class TestGathering:
    def test_rows_are_in_the_order_of_frames_whatever_comes_first(self) -> None:
        gathering = Gathering(Block(100, 103), Affine.crop(0, 0), 1)
        for frame in (102, 100, 101):
            gathering.add_one(frame, np.array([[frame, 2.0 * frame]]), np.array([frame / 1000]), whole=frame == 100)
        found = gathering.finish()
        assert found.block == Block(100, 103)
        np.testing.assert_array_equal(found.xy, [[[100, 200]], [[101, 202]], [[102, 204]]])
        np.testing.assert_array_equal(found.score, [[0.1], [0.101], [0.102]])
        np.testing.assert_array_equal(found.whole, [True, False, False])
        assert found.decoded.all()

    def test_frames_that_never_come_are_nan_and_not_decoded(self) -> None:
        gathering = Gathering(Block(5, 8), Affine.crop(0, 0), 2)
        gathering.add_one(6, np.ones((2, 2)), np.ones(2), whole=True)
        found = gathering.finish()
        np.testing.assert_array_equal(found.decoded, [False, True, False])
        np.testing.assert_array_equal(found.whole, [False, True, False])
        np.testing.assert_array_equal(np.isnan(found.xy).all((1, 2)), [True, False, True])
        np.testing.assert_array_equal(np.isnan(found.score).all(1), [True, False, True])

    def test_images_that_only_filled_a_batch_up_are_left_out(self) -> None:
        gathering = Gathering(Block(0, 4), Affine.crop(0, 0), 1)
        xy = np.arange(8, dtype=np.float32).reshape(4, 1, 2)
        gathering.add((1, 3), Prediction(xy, np.full((4, 1), 0.5, dtype=np.float32)))
        found = gathering.finish()
        np.testing.assert_array_equal(found.xy[[1, 3], 0], [[0, 1], [2, 3]])
        np.testing.assert_array_equal(found.decoded, [False, True, False, True])
        np.testing.assert_array_equal(found.whole, found.decoded)  # batches are of whole frames

    def test_expected_errors_are_nan_where_there_are_none(self) -> None:
        gathering = Gathering(Block(5, 9), Affine.crop(0, 0), 2)
        gathering.add_one(6, np.ones((2, 2)), np.ones(2), whole=True, expected_error=np.array([1.5, 3.0]))
        gathering.add_one(7, np.ones((2, 2)), np.ones(2), whole=True)
        error = np.array([[2.0, 4.0], [9.0, 9.0]], dtype=np.float32)  # the second one only filled the batch up
        gathering.add((8,), Prediction(np.ones((2, 2, 2), np.float32), np.ones((2, 2), np.float32), error))
        nothing = [np.nan, np.nan]
        np.testing.assert_array_equal(gathering.finish().expected_error, [nothing, [1.5, 3.0], nothing, [2.0, 4.0]])

    def test_expected_errors_grow_with_the_pixels(self) -> None:
        """Half a pixel of an image of half the size is a pixel of the frame."""
        gathering = Gathering(Block(0, 1), Affine.resize(2), 1)
        gathering.add_one(0, np.zeros((1, 2)), np.ones(1), whole=True, expected_error=np.array([0.5]))
        np.testing.assert_array_equal(gathering.finish().expected_error, [[1.0]])

    def test_points_are_mapped_to_the_frame_once(self) -> None:
        """Of a view that begins at (7, 3), pixel (1, 2) is pixel (8, 5) of the frame."""
        gathering = Gathering(Block(0, 1), Affine.crop(7, 3).inverse(), 1)
        gathering.add_one(0, np.array([[1.0, 2.0]]), np.ones(1), whole=False)
        np.testing.assert_array_equal(gathering.finish().xy, [[[8, 5]]])
