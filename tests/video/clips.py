"""Small videos of every awkward kind; each frame carries its own number, so that tests know which frame they got.

The number is drawn as 16 black or white blocks in the upper part of the picture, robust against any codec. Below it a
ramp moves, so that encoders make predicted frames.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

WIDTH, HEIGHT, BLOCK = 128, 96, 16
DARK, BRIGHT = 40, 215
RATE = 30
TICKS_PER_S = 30_000
TICKS = TICKS_PER_S // RATE


def picture(number: int, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """(height, width, 3) uint8 gray picture that carries `number` (below 65536)."""
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    image = (90 + (2 * x + 3 * y + 5 * number) % 80).astype(np.uint8)
    for bit in range(16):
        row, column = divmod(bit, 8)
        block = slice(row * BLOCK, (row + 1) * BLOCK), slice(column * BLOCK, (column + 1) * BLOCK)
        image[block] = BRIGHT if number >> bit & 1 else DARK
    return np.repeat(image[:, :, None], 3, axis=2)


def number_of(rgb: np.ndarray) -> int:
    """The number a decoded picture carries; fails when a block is neither dark nor bright."""
    number = 0
    for bit in range(16):
        row, column = divmod(bit, 8)
        inner = rgb[row * BLOCK + 4 : (row + 1) * BLOCK - 4, column * BLOCK + 4 : (column + 1) * BLOCK - 4]
        value = float(inner.mean())
        assert abs(value - DARK) < 40 or abs(value - BRIGHT) < 40, f"bit {bit} is unreadable: {value:.0f}"
        number |= int(value > 128) << bit
    return number


@dataclass(frozen=True)
class Clip:
    """How to encode a test video."""

    codec: str = "libx264"
    n_frames: int = 40
    width: int = WIDTH
    height: int = HEIGHT
    pix_fmt: str = "yuv420p"
    options: dict[str, str] = field(default_factory=dict)
    # Presentation time of each frame in ticks; evenly spaced when empty.
    times: Sequence[int] = ()
    # MPEG-2 and AVI count frames: RATE.
    ticks_per_s: int = TICKS_PER_S
    global_header: bool = True


X264 = {"preset": "veryfast", "crf": "18", "x264-params": "keyint=12:min-keyint=12:scenecut=0:bframes=3:b-adapt=0"}
X264_OPEN = {**X264, "x264-params": X264["x264-params"] + ":open-gop=1"}
X264_PLAIN = {**X264, "x264-params": "keyint=12:min-keyint=12:scenecut=0:bframes=0"}
X264_REFRESH = {**X264, "x264-params": "keyint=12:intra-refresh=1:bframes=0"}
X265_OPEN = {
    "preset": "ultrafast",
    "x265-params": "keyint=12:min-keyint=12:scenecut=0:bframes=3:b-adapt=0:open-gop=1:log-level=none:pools=1",
}
MPEG4_B = {"bf": "2", "g": "12", "b": "2000000"}


def encode(clip: Clip) -> tuple[list[Packet], av.VideoCodecContext]:
    """Encode the numbered pictures; packets in decoding order with times in ticks."""
    context = av.CodecContext.create(clip.codec, "w")
    assert isinstance(context, av.VideoCodecContext)
    context.width, context.height, context.pix_fmt = clip.width, clip.height, clip.pix_fmt
    context.time_base, context.framerate = Fraction(1, clip.ticks_per_s), Fraction(RATE)
    context.options = dict(clip.options)
    if clip.global_header:
        context.flags |= av.codec.context.Flags.global_header
    packets: list[Packet] = []
    for number in range(clip.n_frames):
        frame = VideoFrame.from_ndarray(picture(number, clip.width, clip.height), format="rgb24")
        frame = frame.reformat(format=clip.pix_fmt)
        frame.pts = clip.times[number] if clip.times else number * clip.ticks_per_s // RATE
        frame.time_base = context.time_base
        packets += context.encode(frame)
    return packets + context.encode(None), context


def write(
    path: Path,
    clip: Clip,
    change: Callable[[list[Packet]], Iterable[Packet]] = lambda packets: packets,
    **options: str,
) -> Path:
    """Encode and put into the container that the suffix names; `change` may alter the packets before."""
    packets, _ = encode(clip)
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream(clip.codec, rate=RATE)
        assert isinstance(stream, VideoStream)
        stream.codec_context.width, stream.codec_context.height = clip.width, clip.height
        stream.codec_context.pix_fmt = clip.pix_fmt
        stream.codec_context.time_base = Fraction(1, RATE if path.suffix == ".avi" else clip.ticks_per_s)
        stream.codec_context.options = dict(clip.options)
        if clip.global_header:
            stream.codec_context.flags |= av.codec.context.Flags.global_header
        for packet in change(packets):
            packet.stream = stream
            packet.time_base = Fraction(1, clip.ticks_per_s)
            container.mux_one(packet)
    return path


def write_elementary(path: Path, clip: Clip) -> Path:
    """The bare packets one after another: raw H.264, without any timestamp."""
    packets, _ = encode(clip)
    path.write_bytes(b"".join(bytes(packet) for packet in packets))
    return path


def sample_positions(path: Path) -> list[tuple[int, int]]:
    """(byte position, size) of every packet of the video in decoding order."""
    with av.open(str(path)) as container:
        return [(packet.pos or 0, packet.size) for packet in container.demux(video=0) if packet.size]


def overwrite(path: Path, position: int, size: int, seed: int = 0) -> None:
    """Replace bytes by noise."""
    data = bytearray(path.read_bytes())
    data[position : position + size] = np.random.default_rng(seed).bytes(size)
    path.write_bytes(data)


def set_display_matrix(path: Path, a: int, b: int, c: int, d: int) -> None:
    """Patch the 2 x 2 part of the track's display matrix in an MP4; entries -1, 0 or 1."""
    data = bytearray(path.read_bytes())
    at = data.find(b"tkhd")
    assert at > 0 and data[at + 4] == 0, "expected a version 0 track header"
    # After type and version: two times, track, reserved, duration, two reserved, layer, group, volume, reserved.
    matrix = at + 4 + 40
    one = 1 << 16
    data[matrix : matrix + 20] = struct.pack(">5i", a * one, b * one, 0, c * one, d * one)
    path.write_bytes(data)
