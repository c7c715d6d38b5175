"""Chosen frames: different pictures, lively moments, even in time; never broken, black or taken."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from markerless.errors import VideoError
from markerless.video.reader import VideoReader, open_video
from markerless.video.sampling import METHODS, Method, Sampling, choose_frames
from markerless.video.writer import VideoWriter

N_FRAMES, SIZE = 120, (96, 64)
MOVES = range(72, 84)


def picture(i: int) -> np.ndarray:
    """Three rooms of 40 frames each, a black moment, and something that jumps about in some frames."""
    width, height = SIZE
    image = np.full((height, width, 3), 40, np.uint8)
    image[:, (i // 40) * 32 : (i // 40) * 32 + 32] = 220
    if 50 <= i < 56:
        return np.zeros_like(image)
    if i in MOVES:
        at = 10 + 37 * (i % 2)
        image[20:44, at : at + 30] = 128
    return image


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("video") / "rooms.mp4"
    with VideoWriter(path, 25.0, SIZE) as writer:
        for i in range(N_FRAMES):
            writer.write(picture(i))
    return path


def chosen(path: Path, n: int, method: Method, taken: set[int] | None = None, **more: int) -> list[int]:
    with open_video(path) as reader:
        return choose_frames(reader, Sampling(n, method, **more), taken or set())


@pytest.mark.parametrize("method", METHODS)
def test_as_many_as_asked_ascending_and_the_same_again(video: Path, method: Method) -> None:
    frames = chosen(video, 12, method)
    assert frames == sorted(set(frames)) and len(frames) == 12
    assert chosen(video, 12, method) == frames


@pytest.mark.parametrize("method", METHODS)
def test_what_is_taken_is_not_chosen_again(video: Path, method: Method) -> None:
    first = chosen(video, 10, method)
    assert not set(first) & set(chosen(video, 10, method, set(first)))
    left = {7, 31, 90}
    assert set(chosen(video, 10, method, set(range(N_FRAMES)) - left)) == left
    assert chosen(video, 10, method, set(range(N_FRAMES))) == []


def test_uniform_frames_are_the_middles_of_equal_stretches(video: Path) -> None:
    assert chosen(video, 4, "uniform") == [15, 45, 75, 105]
    assert chosen(video, 2, "uniform", start=10, stop=30) == [15, 25]


def test_appearance_gives_every_room(video: Path) -> None:
    assert {i // 40 for i in chosen(video, 3, "kmeans")} == {0, 1, 2}


def test_motion_gives_the_lively_moment(video: Path) -> None:
    (frame,) = chosen(video, 1, "motion", start=56)
    assert frame in range(MOVES.start - 3, MOVES.stop)


@pytest.mark.parametrize("method", ["kmeans", "motion"])
def test_black_pictures_are_not_worth_a_label(video: Path, method: Method) -> None:
    assert not set(range(50, 56)) & set(chosen(video, 40, method))


@pytest.mark.parametrize("part", [(0, 0), (200, None), (30, 20)])
def test_an_empty_part_is_refused(video: Path, part: tuple[int, int | None]) -> None:
    with pytest.raises(VideoError, match="start and stop"), open_video(video) as reader:
        choose_frames(reader, Sampling(5, "kmeans", *part))


def test_long_videos_are_not_decoded_as_a_whole(video: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("markerless.video.sampling.READ_THROUGH", 10)
    looked: list[int] = []
    real = VideoReader.raw_frames

    def counted(self: VideoReader, start: int = 0, stop: int | None = None) -> object:
        looked.append(start)
        return real(self, start, stop)

    monkeypatch.setattr(VideoReader, "raw_frames", counted)
    with open_video(video) as reader:
        keys = reader.key_frames
        frames = choose_frames(reader, Sampling(3, "kmeans"))
    assert len(frames) == 3
    assert all(any(0 <= index - key < 32 for key in keys) for index in looked)
