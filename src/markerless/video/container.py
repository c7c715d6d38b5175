"""Opens a video file and reads off what its container says; every refusal is one line that says what to do."""

from __future__ import annotations

import math
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream

from markerless.core.video import Video
from markerless.errors import VideoError
from markerless.video.index import NO_TIME, PacketIndex, open_container, video_stream

# Demuxers and decoders of FFmpeg that make "video" of plain text.
TEXT_CODECS = frozenset({"ansi", "bintext", "xbin", "idf"})
# FFmpeg would wait for the parts of a stream that never come.
PLAYLIST_MARKS = (b"#EXTM3U", b"ffconcat", b"<MPD")
PLAYLIST_BYTES = 512
# A frame rate is variable where more than this share of the intervals is farther from the mean than this share of it.
NEGLIGIBLE, UNEVEN = 0.01, 0.05
ROUNDED_TO_MS_S = 7e-5  # times in units of 1/15360 s, or finer ones, that had been in ms before


def open_checked(path: Path) -> InputContainer:
    """Open, or say in one line what is wrong with the file."""
    try:
        if path.stat().st_size == 0:
            raise VideoError(f"video {path} is empty (0 bytes); copy or record it again")
        with path.open("rb") as file:
            head = file.read(PLAYLIST_BYTES)
        if any(mark in head for mark in PLAYLIST_MARKS):
            raise VideoError(f"{path} is a playlist, expected a video; choose the video files it names")
        return open_container(path)
    except av.FFmpegError as error:
        if isinstance(error, OSError) and not isinstance(error, ValueError):
            raise VideoError(f"cannot read video {path}: {error.strerror}") from error
        if _lacks_moov(path):
            raise VideoError(
                f"video {path} is cut off: its index (moov) at the end is missing; copy it again"
            ) from error
        raise VideoError(
            f"{path} is no video that can be read: {error.strerror}; check the file in a player"
        ) from error
    except OSError as error:
        raise VideoError(f"cannot read video {path}: {error.strerror or error}") from error


def _lacks_moov(path: Path) -> bool:
    """Whether the file is an MP4 or MOV whose top-level boxes end before the index."""
    size = path.stat().st_size
    at, first = 0, True
    with path.open("rb") as file:
        while at + 8 <= size:
            file.seek(at)
            head = file.read(16)
            kind, length = head[4:8], int.from_bytes(head[:4], "big")
            if first and kind not in (b"ftyp", b"wide", b"mdat", b"free", b"skip"):
                return False
            if kind == b"moov" and at + length <= size:
                return False
            if length == 1:
                length = int.from_bytes(head[8:16], "big")
            if length < 8:
                break
            at, first = at + length, False
    return not first


def checked_stream(path: Path, container: InputContainer) -> VideoStream:
    stream = video_stream(container)
    if stream is None:
        what = "only sound" if container.streams.audio else "no video stream"
        raise VideoError(f"{path} has {what}, expected a video; choose another file")
    if stream.codec_context is None:
        raise VideoError(f"video {path} has a codec that FFmpeg cannot decode; convert it to H.264")
    if stream.codec_context.codec.canonical_name in TEXT_CODECS:
        raise VideoError(f"{path} is text, expected a video; choose another file")
    return stream


def claimed_frames(stream: VideoStream) -> int | None:
    """The container's own count; None when it has none."""
    tag = stream.metadata.get("NUMBER_OF_FRAMES", "")
    return stream.frames or (int(tag) if tag.isdigit() else None)


def times_s(index: PacketIndex, stream: VideoStream) -> np.ndarray:
    """(T,) seconds since the first frame."""
    n_frames = len(index.packet)
    rate = float(stream.average_rate or stream.guessed_rate or 25)
    present = index.packet[index.packet >= 0]
    stamps = index.pts[present]
    if (stamps == NO_TIME).any() or (np.diff(stamps) < 0).any() or stream.time_base is None or len(stamps) == 0:
        return np.arange(n_frames) / rate
    times = (stamps - stamps[0]) * float(stream.time_base)
    beyond = times[-1] + np.arange(1, n_frames - len(times) + 1) / rate
    return np.concatenate([times, beyond])


def frames_per_second(stream: VideoStream, times_s: np.ndarray) -> float:
    """Average frames per second: the container's exact fraction where the timestamps bear it out, else theirs."""
    claimed = float(stream.average_rate or 0)
    span = float(times_s[-1]) if len(times_s) > 1 else 0.0
    measured = (len(times_s) - 1) / span if span > 0 else claimed
    if claimed > 0 and abs(claimed - measured) <= 0.02 * measured:
        return claimed
    return measured or math.nan


def odd_things(video: Video, index: PacketIndex, times_s: np.ndarray) -> tuple[str, ...]:
    """One line for each thing that is odd; `times_s (T,)` are those of the frames."""
    notes = []
    if (lost := int((index.packet < 0).sum())) > 0:
        notes.append(
            f"{video.path.name} is cut off: the data of its last {lost} of {video.n_frames} frames are missing"
        )
    if video.container_n_frames not in (None, video.n_frames):
        notes.append(
            f"{video.path.name}: its container claims {video.container_n_frames} frames, it holds {video.n_frames}"
        )
    shown = index.packet >= 0
    if (uneven := _uneven_interval_ms(times_s[shown], index.pts[index.packet[shown]])) is not None:
        shortest, longest = (f"{ms:.0f}" if ms >= 10 else f"{ms:.2g}" for ms in uneven)
        notes.append(
            f"{video.path.name}: its frames are {shortest} to {longest} ms apart (variable frame rate); times and "
            f"speeds in results count {video.fps:.4g} frames per second"
        )
    return tuple(notes)


def _uneven_interval_ms(times_s: np.ndarray, stamps: np.ndarray) -> tuple[float, float] | None:
    """The shortest and the longest time between two frames, where many differ from the mean; else None.

    Args:
        times_s: `(T,)` seconds since the first frame.
        stamps: `(T,)` the timestamps that they come from.
    """
    if len(times_s) < 3 or times_s[-1] <= 0:
        return None
    intervals = np.diff(times_s)
    mean = float(intervals.mean())
    step = _step_s(times_s, stamps)
    if np.abs(times_s - mean * np.arange(len(times_s))).max() <= 1.01 * step:
        return None  # even times, rounded
    # Rounded times of a clock that is not quite even: 33 and 34 ms.
    allowed = max(UNEVEN * mean, 1.01 * step if 2 * step < mean else 0.0)
    n_uneven = int((np.abs(intervals - mean) > allowed).sum())
    if n_uneven <= max(1, NEGLIGIBLE * len(intervals)):
        return None
    return 1000 * float(intervals.min()), 1000 * float(intervals.max())


def _step_s(times_s: np.ndarray, stamps: np.ndarray) -> float:
    """What times are multiples of: the container's unit, or the millisecond of the container they were copied from."""
    unit = float(times_s[-1]) / max(float(stamps[-1]) - float(stamps[0]), 1.0)
    to_ms = np.abs(times_s - np.round(times_s, 3)).max() <= ROUNDED_TO_MS_S
    return max(unit, 0.001) if to_ms else unit
