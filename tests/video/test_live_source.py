"""Video files at their own speed, and frames that a program gives."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from markerless.errors import VideoError
from markerless.video.images import write_image
from markerless.video.live_source import Arrays, VideoFile
from markerless.video.reader import VideoReader, open_video
from runtime.moving_dots import InMemory

FRAMES = np.arange(5, dtype=np.uint8)[:, None, None, None] * np.ones((1, 6, 8, 3), dtype=np.uint8)


class Clock:
    """A clock that only waiting moves on, and the decoder, by `decoding_s` a frame."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Patient(VideoFile):
    """Waits on the clock of the test."""

    def __init__(self, reader: VideoReader, clock: Clock, own_speed: bool = True) -> None:
        super().__init__(reader, own_speed, clock)
        self.clock = clock
        self.waited: list[float] = []

    def _wait(self, seconds: float) -> None:
        self.waited.append(seconds)
        self.clock.now += seconds


class TestVideoFile:
    def test_plays_at_its_own_speed(self) -> None:
        clock = Clock()
        source = Patient(InMemory(FRAMES), clock)
        came = [(clock.now - 1000, live.timestamp_s) for live in source.frames()]
        np.testing.assert_allclose(came, np.repeat(np.arange(5)[:, None] / 30, 2, axis=1), atol=1e-9)

    def test_does_not_wait_for_frames_that_are_due(self) -> None:
        clock = Clock()
        source = Patient(InMemory(FRAMES), clock)
        frames = source.frames()
        next(frames)
        clock.now += 3.4 / 30
        rest = [clock.now for _ in frames]
        np.testing.assert_allclose(source.waited, [0.6 / 30], atol=1e-9)
        np.testing.assert_allclose(rest[-1], 1000 + 4 / 30)

    def test_plays_as_fast_as_it_is_read_when_told_to(self) -> None:
        source = Patient(InMemory(FRAMES), Clock(), own_speed=False)
        times = [live.timestamp_s for live in source.frames()]
        np.testing.assert_allclose(times, np.arange(5) / 30)
        assert source.waited == []

    def test_is_what_its_video_is(self) -> None:
        source = VideoFile(InMemory(FRAMES))
        assert (source.width, source.height, source.is_gray) == (8, 6, True)
        assert not VideoFile(InMemory(FRAMES + np.array([99, 0, 0], dtype=np.uint8))).is_gray

    def test_goes_on_after_a_broken_frame(self) -> None:
        source = VideoFile(InMemory(FRAMES, broken=(1,)), own_speed=False)
        assert [live.frame is None for live in source.frames()] == [False, True, False, False, False]

    def test_can_be_stopped_in_a_wait(self) -> None:
        source = VideoFile(InMemory(FRAMES))
        frames = source.frames()
        next(frames)
        source.stop()
        assert list(frames) == []

    def test_closes_its_reader(self) -> None:
        reader = InMemory(FRAMES)
        VideoFile(reader).close()
        assert reader.is_closed

    def test_of_pictures_in_a_folder_has_the_times_of_their_arrival(self, tmp_path: Path) -> None:
        for number in range(2):
            write_image(tmp_path / f"{number}.png", FRAMES[number])
        clock = Clock()
        source = Patient(open_video(tmp_path), clock)
        frames = source.frames()
        assert next(frames).timestamp_s == 0
        clock.now += 0.25
        assert next(frames).timestamp_s == 0.25
        assert source.waited == []


class TestArrays:
    def test_in_color(self) -> None:
        source = Arrays(iter(FRAMES), Clock())
        assert (source.width, source.height, source.is_gray) == (8, 6, False)
        np.testing.assert_array_equal([live.frame.rgb() for live in source.frames() if live.frame], FRAMES)

    @pytest.mark.parametrize("shape", [(5, 6, 8), (5, 6, 8, 1)])
    def test_without_color(self, shape: tuple[int, ...]) -> None:
        gray = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
        source = Arrays(list(gray))
        assert source.is_gray
        frames = [live.frame for live in source.frames() if live.frame]
        np.testing.assert_array_equal([frame.gray() for frame in frames], gray.reshape(5, 6, 8, 1))
        np.testing.assert_array_equal(frames[2].rgb(), np.repeat(gray[2].reshape(6, 8, 1), 3, axis=2))

    def test_times_are_those_of_arrival_or_those_given(self) -> None:
        clock = Clock()

        def slowly() -> Iterator[np.ndarray]:
            for image in FRAMES:
                yield image
                clock.now += 0.5

        assert [live.timestamp_s for live in Arrays(slowly(), clock).frames()] == [0, 0.5, 1.0, 1.5, 2.0]
        pairs = [(7.0 + 0.125 * number, image) for number, image in enumerate(FRAMES)]
        assert [live.timestamp_s for live in Arrays(pairs).frames()] == [0, 0.125, 0.25, 0.375, 0.5]

    def test_memory_that_is_used_again_does_no_harm(self) -> None:
        memory = np.zeros((6, 8), dtype=np.uint8)

        def camera() -> Iterator[np.ndarray]:
            for number in range(3):
                memory[:] = number
                yield memory

        frames = [live.frame for live in Arrays(camera()).frames()]
        assert [int(frame.gray()[0, 0, 0]) for frame in frames if frame] == [0, 1, 2]

    @pytest.mark.parametrize(
        ("items", "message"),
        [
            ([], "the iterator is empty"),
            ([[1, 2]], r"frame 0 of the iterator is a list"),
            ([FRAMES[0].astype(float)], r"float64 of shape \(6, 8, 3\)"),
            ([FRAMES], r"uint8 of shape \(5, 6, 8, 3\)"),
            ([np.zeros((0, 8), np.uint8)], r"uint8 of shape \(0, 8\)"),
            ([("now", FRAMES[0])], "got 'now' for the seconds"),
            ([(float("nan"), FRAMES[0])], "got nan for the seconds"),
            ([FRAMES[0], FRAMES[0, :3]], r"frame 1 of the iterator has \(3, 8, 3\)"),
        ],
    )
    def test_what_is_no_frame_is_one_line(self, items: list[Any], message: str) -> None:
        with pytest.raises(VideoError, match=message) as error:
            list(Arrays(items).frames())
        assert "\n" not in str(error.value)

    def test_none_is_no_end(self) -> None:
        gray = np.zeros((4, 5), np.uint8)
        frames = Arrays([gray, None, gray]).frames()
        next(frames)
        with pytest.raises(VideoError, match="frame 1 of the iterator is a NoneType"):
            next(frames)

    def test_an_iterator_that_fails_is_one_line(self) -> None:
        def camera() -> Iterator[np.ndarray]:
            yield FRAMES[0]
            raise ZeroDivisionError("no light")

        frames = Arrays(camera()).frames()
        next(frames)
        with pytest.raises(
            VideoError, match=r"failed before frame 1 \(ZeroDivisionError: no light, line \d+ of test_live_source.py\)"
        ):
            next(frames)

    def test_a_generator_is_closed_with_it(self) -> None:
        ended = []

        def camera() -> Iterator[np.ndarray]:
            try:
                yield from FRAMES
            finally:
                ended.append(True)

        Arrays(camera()).close()
        assert ended == [True]
