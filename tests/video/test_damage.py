"""Damaged files: every frame keeps its index, what is given out is right, and the rest is named."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

import av
import numpy as np
import pytest

from markerless.errors import VideoError
from markerless.video.reader import VideoReader, open_video
from video.clips import MPEG4_B, X264, X264_OPEN, Clip, number_of, overwrite, sample_positions, write

N = 40
GOP = 12
CLIPS = {
    "h264.mp4": Clip(options=X264),
    "h264-open.mp4": Clip(options=X264_OPEN),
    "h264.mkv": Clip(options=X264),
    "mpeg4.mp4": Clip("mpeg4", options=MPEG4_B),
    "mjpeg.avi": Clip("mjpeg", pix_fmt="yuvj420p", global_header=False),
    "ffv1.mkv": Clip("ffv1", pix_fmt="gray", options={"g": "12"}),
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The undamaged files."""
    folder = tmp_path_factory.mktemp("whole")
    return {name: write(folder / name, clip) for name, clip in CLIPS.items()}


def read_all(reader: VideoReader) -> list[int | None]:
    return [None if rgb is None else number_of(rgb) for _, rgb in reader.frames()]


def check_consistent(path: Path) -> list[int | None]:
    """Sequential and random reading agree, every given frame is the right one, broken ones are errors with a reason."""
    with open_video(path) as reader:
        found = read_all(reader)
        assert all(number in (None, index) for index, number in enumerate(found))
        assert list(reader.broken) == [index for index, number in enumerate(found) if number is None]
    with open_video(path) as reader:
        assert len(reader) == len(found)
        for index in np.random.default_rng(0).permutation(len(found)):
            if found[index] is None:
                with pytest.raises(VideoError, match=f"frame {index} of .* is broken: .*; choose another frame"):
                    reader[int(index)]
            else:
                assert number_of(reader[int(index)]) == index
    return found


@pytest.mark.parametrize("packet", [13, 14, 17, 24, 39])
@pytest.mark.parametrize("name", CLIPS)
def test_one_damaged_packet(whole: dict[str, Path], tmp_path: Path, name: str, packet: int) -> None:
    path = tmp_path / name
    shutil.copy(whole[name], path)
    position, size = sample_positions(path)[packet]
    overwrite(path, position + min(8, size // 4), size - min(8, size // 4), seed=4)
    found = check_consistent(path)
    assert len(found) == N
    broken = [index for index, number in enumerate(found) if number is None]
    assert broken
    # The damage ends at the next key frame, in MJPEG at the next frame.
    assert len(broken) <= (1 if name.startswith("mjpeg") else GOP)
    assert 0 not in broken


def test_damage_at_the_start_hides_only_the_first_group(whole: dict[str, Path], tmp_path: Path) -> None:
    path = tmp_path / "h264.mp4"
    shutil.copy(whole["h264.mp4"], path)
    overwrite(path, *sample_positions(path)[0])
    assert check_consistent(path) == [None] * GOP + list(range(GOP, N))


def test_what_is_predicted_from_a_broken_frame_is_broken(whole: dict[str, Path], tmp_path: Path) -> None:
    path = tmp_path / "h264.mp4"
    shutil.copy(whole["h264.mp4"], path)
    position, size = sample_positions(path)[13]
    overwrite(path, position, size)
    # FFmpeg itself goes on with remnants of older pictures: frames that show another number than their own.
    shown = []
    with av.open(str(path)) as container:
        for packet in container.demux(video=0):
            with contextlib.suppress(av.FFmpegError):
                shown += [(round((f.time or 0) * 30), number_of(f.to_ndarray(format="rgb24"))) for f in packet.decode()]
    assert any(index != number for index, number in shown)
    with open_video(path) as reader:
        read_all(reader)
        assert "predicted from frame 16, which is broken" in reader.broken[20]


def test_more_threads_find_the_same_damage(whole: dict[str, Path], tmp_path: Path) -> None:
    path = tmp_path / "mjpeg.avi"
    shutil.copy(whole["mjpeg.avi"], path)
    for packet in (5, 20):
        overwrite(path, *sample_positions(path)[packet])
    with open_video(path, threads=3) as reader:
        assert read_all(reader) == [None if index in (5, 20) else index for index in range(N)]


def test_cut_off_with_the_index_in_front(tmp_path: Path) -> None:
    path = write(tmp_path / "download.mp4", Clip(options=X264), movflags="+faststart")
    positions = sample_positions(path)
    # In the middle of the packet of the third key frame.
    end = positions[2 * GOP][0] + positions[2 * GOP][1] // 2
    path.write_bytes(path.read_bytes()[:end])
    found = check_consistent(path)
    assert found == [*range(2 * GOP), *[None] * (N - 2 * GOP)]
    with open_video(path) as reader:
        assert reader.video.container_n_frames == N
        assert len(reader.times_s) == N and np.isfinite(reader.times_s).all()
        assert any("cut off" in note and f"of {N} frames" in note for note in reader.notes)
        with pytest.raises(VideoError, match="beyond the end of the file"):
            reader[N - 1]


@pytest.mark.parametrize("name", ["mjpeg.avi", "h264.mkv"])
def test_cut_off_streams_give_what_is_there(whole: dict[str, Path], tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    data = whole[name].read_bytes()
    path.write_bytes(data[: int(0.6 * len(data))])
    found = check_consistent(path)
    assert 20 <= len(found) < N
    assert found[:18] == list(range(18))


def silent_movie(path: Path) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44_100)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 44_100), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 44_100
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def no_frames(path: Path) -> None:
    with av.open(str(path), "w", format="avi") as container:
        stream = container.add_stream("mjpeg", rate=30)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuvj420p"
        container.start_encoding()


def cut_off(path: Path) -> None:
    write(path, Clip(options=X264))
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


BAD_FILES = {
    "empty.mp4": (lambda path: path.write_bytes(b""), r"is empty \(0 bytes\)"),
    "text.mp4": (lambda path: path.write_bytes(b"dear diary,\n" * 100), "is no video"),
    "text.txt": (lambda path: path.write_bytes(b"dear diary,\n" * 100), "is text, expected a video"),
    "noise.mp4": (lambda path: path.write_bytes(np.random.default_rng(0).bytes(50_000)), "is no video"),
    "list.m3u8": (lambda path: path.write_bytes(b"#EXTM3U\n#EXTINF:10,\nhttp://example.org/a.ts\n"), "is a playlist"),
    "sound.mp4": (silent_movie, "only sound"),
    "nothing.avi": (no_frames, "has no frames"),
    "half.mp4": (cut_off, "cut off: its index"),
    "missing.mp4": (lambda path: None, "no video at"),
    "folder": (lambda path: path.mkdir(), "no images in folder"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_what_is_no_video_is_one_line(tmp_path: Path, name: str) -> None:
    make, message = BAD_FILES[name]
    make(tmp_path / name)
    with pytest.raises(VideoError, match=message) as caught:
        open_video(tmp_path / name)
    assert name in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("path", ["m\udce9.mp4", "f\udce9/m.mp4"])
def test_a_name_that_cannot_be_written_is_one_line_that_can(path: str) -> None:
    """As old systems wrote accents; every result would have to name the video."""
    with pytest.raises(VideoError, match="expected a name in UTF-8") as caught:
        open_video(path)
    assert str(caught.value).isascii()


def test_a_video_without_one_good_frame_is_an_error(whole: dict[str, Path], tmp_path: Path) -> None:
    path = tmp_path / "mjpeg.avi"
    shutil.copy(whole["mjpeg.avi"], path)
    for position, size in sample_positions(path):
        overwrite(path, position, size)
    with pytest.raises(VideoError, match="no frame can be decoded"):
        open_video(path)
