"""Chosen frames: different pictures, lively moments, even in time; never broken, black or taken."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from markerless.core.view import View
from markerless.errors import VideoError
from markerless.video import sampling
from markerless.video.images import write_image
from markerless.video.reader import VideoReader, open_video
from markerless.video.sampling import METHODS, Method, Sampling, choose_frames
from markerless.video.writer import VideoWriter
from video import clips

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


@pytest.mark.parametrize("method", METHODS)
def test_black_pictures_are_not_worth_a_label(video: Path, method: Method) -> None:
    for n in (40, 120):
        frames = chosen(video, n, method)
        assert not set(range(50, 56)) & set(frames)
        assert len(frames) == min(n, 114)


@pytest.mark.parametrize("part", [(0, 0), (200, None), (30, 20)])
def test_an_empty_part_is_refused(video: Path, part: tuple[int, int | None]) -> None:
    with pytest.raises(VideoError, match="start and stop"), open_video(video) as reader:
        choose_frames(reader, Sampling(5, "kmeans", *part))


def looked_at(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Fills with the frames that are decoded from now on."""
    looked: list[int] = []
    real = VideoReader.raw_frames

    def counted(self: VideoReader, start: int = 0, stop: int | None = None) -> object:
        looked.append(start)
        return real(self, start, stop)

    monkeypatch.setattr(VideoReader, "raw_frames", counted)
    return looked


def test_long_videos_are_not_decoded_as_a_whole(video: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "READ_THROUGH", 10)
    monkeypatch.setattr(sampling, "MOST_BEHIND", 60)
    looked = looked_at(monkeypatch)
    with open_video(video) as reader:
        keys = reader.key_frames
        frames = choose_frames(reader, Sampling(3, "kmeans"))
    assert len(frames) == 3
    assert all(any(0 <= index - key < 60 // len(keys) for key in keys) for index in looked)
    assert len(set(looked)) > len(keys)  # frames behind them as well


@pytest.mark.parametrize("method", ["kmeans", "motion"])
def test_nothing_is_decoded_twice(video: Path, method: Method, monkeypatch: pytest.MonkeyPatch) -> None:
    looked = looked_at(monkeypatch)
    assert len(chosen(video, 10, method)) == 10
    assert looked == sorted(set(looked))


@pytest.mark.parametrize("method", METHODS)
def test_a_long_video_with_one_key_frame_is_chosen_from_all_over(
    tmp_path: Path, method: Method, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampling, "READ_THROUGH", 10)
    monkeypatch.setattr(sampling, "MOST_BEHIND", 20)
    clip = clips.write(
        tmp_path / "one.mp4", clips.Clip(n_frames=120, options={"x264-params": "keyint=1000:scenecut=0"})
    )
    with open_video(clip) as reader:
        assert reader.key_frames == (0,)
    frames = chosen(clip, 6, method)
    assert len(frames) == 6 and frames[0] < 60 <= frames[-1]


@pytest.mark.parametrize("method", METHODS)
def test_new_frames_keep_away_from_those_that_are_taken(video: Path, method: Method) -> None:
    taken = set(range(0, 120, 12))
    frames = chosen(video, 2, method, taken)
    assert len(frames) == 2
    assert all(abs(frame - other) > 2 for frame in frames for other in taken)


def test_lively_frames_are_not_neighbors(video: Path) -> None:
    frames = chosen(video, 6, "motion", start=56)
    assert min(np.diff(frames)) > (119 - 56) // 12
    assert set(frames) & set(range(MOVES.start - 3, MOVES.stop))


def test_a_still_video_gives_as_many_frames_as_any(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "still.mp4", 25.0, SIZE) as writer:
        for _ in range(30):
            writer.write(picture(0))
    for method in METHODS:
        assert len(chosen(tmp_path / "still.mp4", 8, method)) == 8


def folder_of(path: Path, pictures: list[np.ndarray]) -> Path:
    path.mkdir()
    for number, pixels in enumerate(pictures):
        write_image(path / f"img{number:03d}.png", pixels)
    return path


@pytest.mark.parametrize("method", METHODS)
def test_a_fly_on_a_plain_ground_is_something_to_see(tmp_path: Path, method: Method) -> None:
    """Every picture is plain here; those without the fly are the ones that show nothing."""
    rng = np.random.default_rng(3)
    pictures = []
    for number in range(60):
        pixels = np.full((200, 200, 3), 90, np.uint8)
        if number % 3:
            x, y = rng.integers(10, 180, 2)
            pixels[y : y + 8, x : x + 8] = 140
        pictures.append(pixels)
    frames = chosen(folder_of(tmp_path / "fly", pictures), 15, method)
    assert len(frames) == 15 and all(frame % 3 for frame in frames)


@pytest.mark.parametrize("method", METHODS)
def test_broken_frames_are_not_chosen(tmp_path: Path, method: Method) -> None:
    folder = folder_of(tmp_path / "pictures", [picture(number) for number in range(40)])
    for number in range(10, 30):
        (folder / f"img{number:03d}.png").write_bytes(b"no picture")
    assert not set(range(10, 30)) & set(chosen(folder, 12, method))
    assert chosen(folder, 30, method) == [*range(10), *range(30, 40)]


def test_only_the_part_that_counts_is_looked_at(tmp_path: Path) -> None:
    """Something jumps about on the left all the time; on the right, in frames 30 to 33 alone."""
    pictures = []
    for number in range(60):
        pixels = np.full((64, 96, 3), 60, np.uint8)
        pixels[5:60, 5 + 20 * (number % 2) : 25 + 20 * (number % 2)] = 230
        pixels[20:40, 70:80] = 120
        if 30 <= number < 34:
            pixels[20:40, 60 + 15 * (number % 2) : 80 + 15 * (number % 2)] = 180
        pictures.append(pixels)
    folder = folder_of(tmp_path / "pictures", pictures)
    with open_video(folder) as reader:
        (frame,) = choose_frames(reader, Sampling(1, "motion", view=View(48, 0, 48, 64)))
    assert 29 <= frame <= 33
