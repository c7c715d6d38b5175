"""Frame i is frame i, whatever the file: every frame carries its number, which says more than self-consistency."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import islice
from pathlib import Path

import av
import numpy as np
import pytest
from av.packet import Packet
from av.video.frame import VideoFrame

from markerless.errors import VideoError
from markerless.video.color import RgbConverter
from markerless.video.decode import Decoder
from markerless.video.images import write_image
from markerless.video.reader import VideoReader, open_video
from video.clips import (
    HEIGHT,
    MPEG4_B,
    RATE,
    TICKS,
    TICKS_PER_S,
    WIDTH,
    X264,
    X264_OPEN,
    X264_PLAIN,
    X264_REFRESH,
    X265_OPEN,
    Clip,
    number_of,
    overwrite,
    picture,
    sample_positions,
    set_display_matrix,
    write,
    write_elementary,
)
from video.fields import write_fields

N = 40
BARE = {"global_header": False}
VFR_TIMES = np.cumsum(np.random.default_rng(1).integers(200, 5000, N)).tolist()
# 2000 frames a second: Matroska's milliseconds give several frames the same time.
FAST_TIMES = [15 * i for i in range(N)]

MUXED: dict[str, Clip] = {
    "h264-b-frames.mp4": Clip(options=X264),
    "h264-open-gop.mp4": Clip(options=X264_OPEN),
    "h264-open-gop.mkv": Clip(options=X264_OPEN),
    "h264-open-gop.ts": Clip(options=X264_OPEN, **BARE),
    "h264-b-frames.avi": Clip(options=X264, **BARE),
    "h264-open-gop.avi": Clip(options=X264_OPEN, **BARE),
    "h264-no-b-frames.mov": Clip(options=X264_PLAIN),
    "h264-intra-refresh.ts": Clip(options=X264_REFRESH, **BARE),
    "hevc-open-gop.mp4": Clip("libx265", options=X265_OPEN),
    "hevc-open-gop.mkv": Clip("libx265", options=X265_OPEN),
    "mpeg4-b-frames.avi": Clip("mpeg4", options=MPEG4_B, **BARE),
    "mpeg4-b-frames.mp4": Clip("mpeg4", options=MPEG4_B),
    "mpeg2.mpg": Clip("mpeg2video", options={"bf": "2", "g": "12"}, ticks_per_s=RATE, **BARE),
    "mjpeg.avi": Clip("mjpeg", pix_fmt="yuvj420p", **BARE),
    "vp9.webm": Clip("libvpx-vp9", options={"cpu-used": "8", "deadline": "realtime", "g": "12"}),
    "gray.avi": Clip("ffv1", pix_fmt="gray"),
    "gray-16-bit.mkv": Clip("ffv1", pix_fmt="gray16le"),
    "odd-size.avi": Clip("mpeg4", width=131, height=97, **BARE),
    "odd-size.mp4": Clip(width=131, height=97, pix_fmt="yuv444p", options=X264),
    "vfr.mp4": Clip(options=X264, times=VFR_TIMES),
    "vfr.mkv": Clip(options=X264, times=VFR_TIMES),
    "vfr.ts": Clip(options=X264, times=VFR_TIMES, **BARE),
    "same-times.mkv": Clip(options=X264_PLAIN, times=FAST_TIMES),
    "same-times-b-frames.mkv": Clip(options=X264, times=FAST_TIMES),
}
ELEMENTARY: dict[str, Clip] = {
    "bare.h264": Clip(options=X264_OPEN, **BARE),
    "bare-no-b-frames.h264": Clip(options=X264_PLAIN, **BARE),
    "bare.hevc": Clip("libx265", options=X265_OPEN, **BARE),
    "bare.mjpeg": Clip("mjpeg", pix_fmt="yuvj420p", **BARE),
}


def numbers(reader: VideoReader, start: int = 0, stop: int | None = None) -> list[int | None]:
    """What the frames say they are, None for broken ones; their indices are checked on the way."""
    found = []
    for expected, (index, rgb) in enumerate(reader.frames(start, stop), start):
        assert index == expected
        assert rgb is None or (rgb.dtype == np.uint8 and rgb.shape == (reader.video.height, reader.video.width, 3))
        found.append(None if rgb is None else number_of(rgb))
    return found


def check_identity(path: Path, expected: list[int]) -> None:
    """The frames are the expected ones in sequence, at random, backwards and from any start."""
    with open_video(path) as reader:
        assert len(reader) == len(expected)
        assert numbers(reader) == expected
        assert reader.broken == {}
        order = np.random.default_rng(0).permutation(len(expected))
        assert [number_of(reader[int(i)]) for i in order] == [expected[i] for i in order]
    with open_video(path) as reader:
        # Ascending with jumps over key frames, without ever having read in sequence.
        assert [number_of(reader[i]) for i in range(5, len(expected), 13)] == expected[5::13]
        for start in (17, 3):
            assert numbers(reader, start, start + 9) == expected[start : start + 9]


@pytest.mark.parametrize("name", MUXED)
def test_every_frame_is_where_it_belongs(tmp_path: Path, name: str) -> None:
    check_identity(write(tmp_path / name, MUXED[name]), list(range(N)))


@pytest.mark.parametrize("name", ELEMENTARY)
def test_every_frame_is_where_it_belongs_without_container(tmp_path: Path, name: str) -> None:
    check_identity(write_elementary(tmp_path / name, ELEMENTARY[name]), list(range(N)))


@pytest.mark.parametrize("name", ["fields.ts", "fields.mp4", "fields.h264"])
def test_two_fields_are_one_frame(tmp_path: Path, name: str) -> None:
    path = write_fields(tmp_path / name, 22)
    with av.open(str(path)) as container:
        assert sum(packet.size > 0 for packet in container.demux(video=0)) == 44, "the clip lost its point"
    check_identity(path, list(range(22)))
    with open_video(path) as reader:
        assert reader.video.fps == pytest.approx(25)


def test_the_numbers_tell_frames_apart(tmp_path: Path) -> None:
    """Negative control: the naive way, timestamps turned into indices, fails on variable frame rate."""
    path = write(tmp_path / "vfr.mp4", MUXED["vfr.mp4"])
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert stream.average_rate is not None
        frames = {int((frame.time or 0) * stream.average_rate): frame for frame in container.decode(stream)}
    assert [number_of(frame.to_ndarray(format="rgb24")) for frame in frames.values()] != list(frames)


def earlier(n_frames: int) -> Callable[[list[Packet]], list[Packet]]:
    """Move the packets so that the first frames lie before time zero, where players do not show them."""

    def change(packets: list[Packet]) -> list[Packet]:
        for packet in packets:
            assert packet.pts is not None and packet.dts is not None
            packet.pts -= n_frames * TICKS
            packet.dts -= n_frames * TICKS
        return packets

    return change


@pytest.mark.parametrize("options", [X264, X264_OPEN], ids=["closed", "open"])
@pytest.mark.parametrize("n_cut", [5, 14])
def test_frames_cut_by_an_edit_list_do_not_count(tmp_path: Path, options: dict[str, str], n_cut: int) -> None:
    muxing = {"avoid_negative_ts": "disabled", "use_editlist": "1"}
    path = write(tmp_path / "cut.mp4", Clip(options=options), earlier(n_cut), **muxing)
    with av.open(str(path)) as container:
        assert any(packet.is_discard for packet in container.demux(video=0)), "the clip lost its point"
    check_identity(path, list(range(n_cut, N)))
    with open_video(path) as reader:
        assert reader.video.container_n_frames == N
        assert any(f"claims {N} frames, it holds {N - n_cut}" in note for note in reader.notes)


@pytest.mark.parametrize("options", [X264, X264_PLAIN], ids=["b-frames", "no-b-frames"])
def test_files_joined_end_to_end_play_in_sequence(tmp_path: Path, options: dict[str, str]) -> None:
    part = write(tmp_path / "part.ts", Clip(options=options, global_header=False))
    joined = tmp_path / "joined.ts"
    joined.write_bytes(part.read_bytes() * 2)
    check_identity(joined, [*range(N), *range(N)])


def test_presentation_times_that_repeat_decoding_times_are_not_believed(tmp_path: Path) -> None:
    def flatten(packets: list[Packet]) -> list[Packet]:
        for packet in packets:
            packet.pts = packet.dts
        return packets

    check_identity(write(tmp_path / "flat.mkv", Clip(options=X264), flatten), list(range(N)))


def test_times_are_those_of_the_recording(tmp_path: Path) -> None:
    recorded = (np.array(VFR_TIMES) - VFR_TIMES[0]) / TICKS_PER_S
    for name, tolerance in (("vfr.mp4", 1e-9), ("vfr.mkv", 1e-3), ("vfr.ts", 1e-4)):
        with open_video(write(tmp_path / name, MUXED[name])) as reader:
            assert np.allclose(reader.times_s, recorded, atol=tolerance)
            # The last frame's duration is unknown, so two ways of counting are right.
            assert reader.video.fps == pytest.approx((N - 1) / recorded[-1], rel=0.03)
    with open_video(write_elementary(tmp_path / "bare.h264", ELEMENTARY["bare.h264"])) as reader:
        assert np.allclose(np.diff(reader.times_s), 1 / reader.video.fps)


def at_rate(fps: float, jitter_s: float = 0.0) -> list[int]:
    """Ticks of even times, rounded down, each of them later by up to `jitter_s`."""
    late = np.random.default_rng(2).uniform(0, jitter_s, N)
    return [int(tick) for tick in (np.arange(N) / fps + late) * TICKS_PER_S]


@pytest.mark.parametrize("name", ["vfr.mp4", "vfr.mkv", "vfr.ts"])
def test_a_variable_frame_rate_is_said(tmp_path: Path, name: str) -> None:
    intervals = np.diff(VFR_TIMES) / TICKS_PER_S * 1000
    with open_video(write(tmp_path / name, MUXED[name])) as reader:
        (note,) = reader.notes
        assert "variable frame rate" in note and f"count {reader.video.fps:.4g} frames per second" in note
        told = [float(number) for number in re.findall(r"([\d.]+) to ([\d.]+) ms", note)[0]]
        assert told == pytest.approx([intervals.min(), intervals.max()], abs=1.1)


@pytest.mark.parametrize("dropped", [[9], [5, 6, 17, 30], [20, 21, 22]])
def test_a_note_comes_from_more_than_one_frame_that_is_left_out(tmp_path: Path, dropped: list[int]) -> None:
    times = [i * TICKS for i in range(N + len(dropped)) if i not in dropped]
    with open_video(write(tmp_path / "dropped.mp4", Clip(options=X264, times=times))) as reader:
        assert len(reader.notes) == (len(dropped) > 1), reader.notes


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts"])
@pytest.mark.parametrize("times", [at_rate(29.97), at_rate(59.94), at_rate(240), at_rate(2000), at_rate(25, 0.001)])
def test_rounded_times_are_no_variable_frame_rate(tmp_path: Path, times: list[int], suffix: str) -> None:
    """Matroska counts in ms: 33 and 34 are 29.97 frames a second, 4 and 5 are 240; cameras are not quite even."""
    path = write(tmp_path / f"even{suffix}", Clip(options=X264_PLAIN, times=times, global_header=suffix != ".ts"))
    with open_video(path) as reader:
        assert reader.notes == ()


@pytest.mark.parametrize("fps", [30, 59.94, 120, 240])
def test_times_that_had_been_rounded_before_are_no_variable_frame_rate(tmp_path: Path, fps: float) -> None:
    """An mp4 made of a Matroska file: its unit is fine, its times are whole ms. Likewise QuickTime's 1/600 s."""
    ms, quicktime = ([unit * round(tick / unit) for tick in at_rate(fps)] for unit in (30, 50))
    with open_video(write(tmp_path / "ms.mp4", Clip(options=X264_PLAIN, times=ms))) as reader:
        assert reader.notes == ()
    path = write(tmp_path / "quicktime.mov", Clip(options=X264_PLAIN, times=quicktime), video_track_timescale="600")
    with open_video(path) as reader:
        assert np.allclose(np.diff(reader.times_s) * 600, np.diff(quicktime) / 50), "the clip lost its point"
        assert reader.notes == ()


def test_metadata(tmp_path: Path) -> None:
    with open_video(write(tmp_path / "a.mp4", MUXED["h264-b-frames.mp4"])) as reader:
        video = reader.video
        assert (video.n_frames, video.width, video.height, video.codec) == (N, WIDTH, HEIGHT, "h264")
        assert video.fps == RATE and video.container_n_frames == N
        assert reader.key_frames == (0, 12, 24, 36)
        assert reader.notes == ()
    with open_video(write(tmp_path / "a.mkv", Clip(options=X264))) as reader:
        assert reader.video.container_n_frames is None


def test_indices_outside_are_index_errors(tmp_path: Path) -> None:
    with open_video(write(tmp_path / "a.mp4", Clip(options=X264))) as reader:
        assert number_of(reader[-1]) == N - 1
        for index in (N, -N - 1):
            with pytest.raises(IndexError):
                reader[index]
        with pytest.raises(IndexError):
            next(reader.frames(-1))
        assert list(reader.frames(N)) == []
        assert numbers(reader, N - 2, N + 50) == [N - 2, N - 1]


def test_interleaved_readings_do_not_disturb_each_other(tmp_path: Path) -> None:
    with open_video(write(tmp_path / "a.mp4", Clip(options=X264_OPEN))) as reader:
        for (i, first), (j, second) in zip(reader.frames(), reader.frames(20), strict=False):
            assert first is not None and second is not None
            assert (number_of(first), number_of(second)) == (i, j)


def test_reading_in_sequence_by_index_does_not_seek(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_video(write(tmp_path / "a.mp4", Clip(options=X264_OPEN))) as reader:
        starts: list[int] = []
        start = Decoder.start

        def counted(decoder: Decoder, number: int) -> None:
            starts.append(number)
            start(decoder, number)

        monkeypatch.setattr(Decoder, "start", counted)
        assert [number_of(reader[i]) for i in range(N)] == list(range(N))
        assert starts == []
        reader[0]
        assert starts == [0]


def test_more_threads_give_the_same_frames(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", Clip(options=X264_OPEN))
    with open_video(path) as one, open_video(path, threads=3) as three:
        assert all(np.array_equal(a, b) for (_, a), (_, b) in zip(one.frames(), three.frames(), strict=True))
        assert [number_of(three[i]) for i in (30, 11, 12, 39)] == [30, 11, 12, 39]


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("name", ["h264-open-gop.mp4", "mpeg4-b-frames.avi", "h264-intra-refresh.ts", "pictures"])
def test_another_reader_gives_the_same_frames_while_the_first_is_read(tmp_path: Path, name: str, threads: int) -> None:
    """Both are in the middle of something else; what one has read moves the other nowhere."""
    with open_video(video_or_pictures(tmp_path / name), threads) as reader:
        first = reader.frames()
        assert [number_of(rgb) for _, rgb in islice(first, 7) if rgb is not None] == list(range(7))
        other = reader.again()
        assert (other.video, other.key_frames, other.notes) == (reader.video, reader.key_frames, reader.notes)
        np.testing.assert_array_equal(other.times_s, reader.times_s)
        pairs = zip(first, other.frames(25), strict=False)
        found = [(number_of(a), number_of(b)) for (_, a), (_, b) in pairs if a is not None and b is not None]
        assert found == list(zip(range(7, 22), range(25, N), strict=True))
        assert numbers(other) == numbers(reader) == list(range(N))
        other.close()
        assert number_of(reader[13]) == 13  # closing one leaves the other open


def test_readers_in_several_threads_do_not_disturb_each_other(tmp_path: Path) -> None:
    with open_video(write(tmp_path / "a.mp4", MUXED["h264-open-gop.mp4"])) as reader:
        readers = [reader, reader.again(), reader.again()]
        readers.append(readers[-1].again())  # of a second one as well
        with ThreadPoolExecutor(len(readers)) as pool:
            for _ in range(3):
                found = [pool.submit(numbers, one, start) for start, one in enumerate(readers)]
                assert [one.result() for one in found] == [list(range(start, N)) for start in range(len(readers))]
        for other in readers[1:]:
            other.close()


def test_another_reader_knows_the_rotation_and_what_is_broken(tmp_path: Path) -> None:
    path = write(tmp_path / "phone.mp4", Clip(options=X264))
    position, size = sample_positions(path)[26]
    overwrite(path, position + 8, size - 8)
    set_display_matrix(path, 0, 1, -1, 0)
    with open_video(path) as reader:
        expected = [None if rgb is None else fingerprint(rgb) for _, rgb in reader.frames()]
        assert 0 < expected.count(None) < N  # the damage was noticed
        other = reader.again()
        assert [None if rgb is None else fingerprint(rgb) for _, rgb in other.frames()] == expected
        assert other.broken == reader.broken
        other.close()


def video_or_pictures(path: Path) -> Path:
    """One of `MUXED`, or a folder of the same pictures."""
    if path.suffix:
        return write(path, MUXED[path.name])
    for number in range(N):
        write_image(path / f"{number}.png", picture(number))
    return path


# Rotation: the matrix says where the stored picture's x and y axes point when it is shown.
@pytest.mark.parametrize(
    ("matrix", "upright"),
    [
        ((0, 1, -1, 0), lambda stored: np.rot90(stored, -1)),
        ((0, -1, 1, 0), lambda stored: np.rot90(stored, 1)),
        ((-1, 0, 0, -1), lambda stored: np.rot90(stored, 2)),
        ((-1, 0, 0, 1), lambda stored: stored[:, ::-1]),
    ],
    ids=["quarter-right", "quarter-left", "half", "mirrored"],
)
def test_rotation_metadata_is_applied(
    tmp_path: Path, matrix: tuple[int, int, int, int], upright: Callable[[np.ndarray], np.ndarray]
) -> None:
    path = write(tmp_path / "phone.mp4", Clip(options=X264))
    with open_video(path) as reader:
        stored = reader[7]
    set_display_matrix(path, *matrix)
    with open_video(path) as reader:
        assert np.array_equal(reader[7], upright(stored))
        assert (reader.video.height, reader.video.width) == upright(stored).shape[:2]


COLORS = [(200, 60, 40), (30, 160, 90), (40, 60, 210), (128, 128, 128), (250, 250, 250), (5, 5, 5)]


def to_yuv(rgb: tuple[int, int, int], kr: float, kb: float, full: bool) -> list[int]:
    """ITU-R BT.601 and BT.709, equations 3.2 to 3.4, written out; an independent way from RGB to YCbCr."""
    r, g, b = (value / 255 for value in rgb)
    y = kr * r + (1 - kr - kb) * g + kb * b
    u, v = (b - y) / (2 - 2 * kb), (r - y) / (2 - 2 * kr)
    return [round(255 * y), round(128 + 255 * u), round(128 + 255 * v)] if full else [
        round(16 + 219 * y), round(128 + 224 * u), round(128 + 224 * v)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("pix_fmt", "matrix", "color_range", "weights"),
    [
        ("yuv420p", 1, 1, (0.2126, 0.0722)),
        ("yuv420p", 6, 1, (0.299, 0.114)),
        ("yuv420p", 2, 0, (0.299, 0.114)),
        ("yuv420p", 1, 2, (0.2126, 0.0722)),
        ("yuvj420p", 2, 2, (0.299, 0.114)),
        ("yuv444p", 5, 2, (0.299, 0.114)),
    ],
    ids=["bt709", "bt601", "untagged", "bt709-full", "yuvj", "bt601-full-444"],
)
def test_colors_are_those_that_were_filmed(
    tmp_path: Path, pix_fmt: str, matrix: int, color_range: int, weights: tuple[float, float]
) -> None:
    path = tmp_path / "colors.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"crf": "1"})
        stream.width, stream.height, stream.pix_fmt = 64, 64, pix_fmt
        stream.codec_context.colorspace, stream.codec_context.color_range = matrix, color_range
        for rgb in COLORS:
            frame = VideoFrame(64, 64, pix_fmt)
            for plane, value in zip(frame.planes, to_yuv(rgb, *weights, full=color_range == 2), strict=True):
                plane.update(bytes([value]) * plane.buffer_size)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with open_video(path) as reader:
        for index, rgb in enumerate(COLORS):
            # Two roundings to integers and swscale's own: up to 3 of 255. The wrong range or matrix is 10 and more off.
            assert np.abs(reader[index].astype(int) - rgb).max() <= 3


@pytest.mark.parametrize(("pix_fmt", "dtype", "scale"), [("gray", np.uint8, 1), ("gray16le", np.uint16, 257)])
def test_grey_and_sixteen_bit_values(tmp_path: Path, pix_fmt: str, dtype: type[np.generic], scale: int) -> None:
    levels = np.arange(0, 256, 15)
    path = tmp_path / "gray.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = 32, 16, pix_fmt
        for level in levels:
            frame = VideoFrame.from_ndarray(np.full((16, 32), level * scale, dtype), format=pix_fmt)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with open_video(path) as reader:
        for index, level in enumerate(levels):
            assert np.abs(reader[index].astype(int) - level).max() <= 1


def test_a_folder_of_images_is_a_video_in_natural_order(tmp_path: Path) -> None:
    for number in (10, 9, 1, 100, 2):
        write_image(tmp_path / f"img{number}.png", picture(number))
    (tmp_path / "notes.txt").write_text("no picture", encoding="utf-8")
    with open_video(tmp_path) as reader:
        assert numbers(reader) == [1, 2, 9, 10, 100]
        assert number_of(reader[-1]) == 100
        assert (reader.video.codec, reader.video.width, reader.video.height) == ("images", WIDTH, HEIGHT)
        assert math.isnan(reader.video.fps) and np.isnan(reader.times_s).all()
        assert reader.key_frames == (0, 1, 2, 3, 4)


def test_bad_images_in_a_folder_are_broken_frames(tmp_path: Path) -> None:
    for number in range(4):
        write_image(tmp_path / f"{number}.png", picture(number))
    (tmp_path / "1.png").write_bytes(b"damaged")
    write_image(tmp_path / "2.png", picture(2, WIDTH + 8))
    with open_video(tmp_path) as reader:
        assert numbers(reader) == [0, None, None, 3]
        assert list(reader.broken) == [1, 2]
        assert f"{WIDTH + 8} x {HEIGHT}" in reader.broken[2]
        with pytest.raises(VideoError, match="frame 1 of"):
            reader[1]


def test_a_size_that_changes_within_the_video_is_a_broken_frame(tmp_path: Path) -> None:
    big = write_elementary(tmp_path / "big.mjpeg", replace(ELEMENTARY["bare.mjpeg"], n_frames=3))
    small = write_elementary(
        tmp_path / "small.mjpeg", replace(ELEMENTARY["bare.mjpeg"], n_frames=2, height=HEIGHT - 16)
    )
    (tmp_path / "both.mjpeg").write_bytes(big.read_bytes() + small.read_bytes())
    with open_video(tmp_path / "both.mjpeg") as reader:
        assert numbers(reader) == [0, 1, 2, None, None]
        assert f"{WIDTH} x {HEIGHT - 16}" in reader.broken[3]


VIDEOS = (
    "flies-courtship/centered_pair/centered_pair_small.mp4",
    "flies-courtship/clip13/clip.mp4",
    "interop/dlc-video-and-predictions/cropped_video.mp4",
    "mirror-mouse/videos/test_vid.mp4",
    "mouse-4cam/back/minimal_back.mp4",
    "mouse-4cam/mid/minimal_mid.mp4",
    "mouse-4cam/side/minimal_side.mp4",
    "mouse-4cam/top/minimal_top.mp4",
    "openfield-Pranav-2018-10-30/videos/m3v1mp4.mp4",
)


@pytest.mark.slow
@pytest.mark.parametrize("name", VIDEOS)
def test_real_videos_at_random_frames(shared_data: Path, name: str) -> None:
    """Random access against FFmpeg's plain sequential decoding, without our index."""
    with open_video(shared_data / name) as reader:
        chosen = np.random.default_rng(5).choice(len(reader), 50, replace=False).tolist()
        to_rgb = RgbConverter()
        with av.open(str(shared_data / name)) as container:
            decoded = enumerate(container.decode(video=0))
            wanted = {index: fingerprint(to_rgb(frame)) for index, frame in decoded if index in chosen}
        assert sorted(wanted) == sorted(chosen)
        assert {index: fingerprint(reader[index]) for index in chosen} == wanted
        # Negative control: neighbors differ, so that a frame off by one would be noticed.
        assert all(fingerprint(reader[max(index - 1, 0)]) != wanted[index] for index in chosen[:5] if index > 0)


def fingerprint(rgb: np.ndarray) -> bytes:
    return hashlib.sha256(rgb.tobytes()).digest()
