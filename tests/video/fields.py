"""H.264 coded in fields, two packets a frame, as interlaced camcorders write it; no encoder at hand makes it.

ITU-T H.264 section 7.3 with the simplest choices: baseline slices of I_PCM macroblocks, which hold plain samples.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.packet import Packet
from av.video.stream import VideoStream

from video.clips import picture

BLOCKS_WIDE, BLOCKS_HIGH = 8, 6  # macroblocks of a field
WIDTH, HEIGHT = BLOCKS_WIDE * 16, BLOCKS_HIGH * 32
GROUP = 5
SPS, PPS, IDR_SLICE, SLICE = 0x67, 0x68, 0x65, 0x61


class Bits:
    """A bit string under construction."""

    def __init__(self) -> None:
        self._text: list[str] = []
        self._length = 0

    def fixed(self, *pairs: tuple[int, int]) -> Bits:
        """Append (value, number of bits) pairs."""
        for value, n_bits in pairs:
            self._text.append(f"{value:0{n_bits}b}")
            self._length += n_bits
        return self

    def golomb(self, *values: int) -> Bits:
        """Append unsigned Exp-Golomb codes, ue(v)."""
        for value in values:
            self.fixed((value + 1, 2 * (value + 1).bit_length() - 1))
        return self

    def align(self) -> Bits:
        """Append zeros up to a whole byte."""
        return self.fixed((0, -self._length % 8)) if self._length % 8 else self

    def samples(self, values: np.ndarray) -> Bits:
        """Append bytes."""
        self._text.append("".join(f"{value:08b}" for value in values.tolist()))
        self._length += 8 * len(values)
        return self

    def unit(self, kind: int) -> bytes:
        """The NAL unit: start code, header, payload with its stop bit and emulation prevention."""
        text = "".join(self.fixed((1, 1)).align()._text)
        payload, zeros = bytearray(), 0
        for byte in int(text, 2).to_bytes(len(text) // 8, "big"):
            if zeros >= 2 and byte <= 3:
                payload.append(3)
                zeros = 0
            payload.append(byte)
            zeros = zeros + 1 if byte == 0 else 0
        return b"\x00\x00\x00\x01" + bytes([kind]) + bytes(payload)


def headers() -> bytes:
    """Sequence and picture parameter sets: main profile, fields allowed, output in decoding order."""
    sps = Bits().fixed((77, 8), (0, 8), (30, 8)).golomb(0, 0, 2, 1).fixed((0, 1))
    sps.golomb(BLOCKS_WIDE - 1, BLOCKS_HIGH - 1).fixed((0, 1), (0, 1), (1, 1), (0, 1), (0, 1))
    pps = Bits().golomb(0, 0).fixed((0, 1), (0, 1)).golomb(0, 0, 0).fixed((0, 1), (0, 2)).golomb(0, 0, 0)
    return sps.unit(SPS) + pps.fixed((0, 1), (0, 1), (0, 1)).unit(PPS)


def field(rows: np.ndarray, number: int, bottom: bool) -> bytes:
    """One field of frame `number`; the top field of every GROUP-th frame is a key frame."""
    key = number % GROUP == 0 and not bottom
    bits = Bits().golomb(0, 7, 0).fixed((number % GROUP, 4), (1, 1), (int(bottom), 1))
    if key:
        bits.golomb(number // GROUP % 2).fixed((0, 1))
    bits.fixed((0, 1)).golomb(0)
    chroma = np.full(128, 128, np.uint8)
    for top in range(0, BLOCKS_HIGH * 16, 16):
        for left in range(0, WIDTH, 16):
            block = rows[top : top + 16, left : left + 16].ravel()
            bits.golomb(25).align().samples(np.concatenate([block, chroma]))
    return (headers() if key else b"") + bits.unit(IDR_SLICE if key else SLICE)


def write_fields(path: Path, n_frames: int) -> Path:
    """A numbered video, one packet a field."""
    images = [picture(number, WIDTH, HEIGHT)[:, :, 0] for number in range(n_frames)]
    fields = [field(image[half::2], number, bool(half)) for number, image in enumerate(images) for half in (0, 1)]
    if path.suffix == ".h264":
        path.write_bytes(b"".join(fields))
        return path
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height = WIDTH, HEIGHT
        for half, data in enumerate(fields):
            packet = Packet(data)
            packet.stream, packet.time_base = stream, Fraction(1, 50)
            packet.pts = packet.dts = half
            packet.is_keyframe = half % (2 * GROUP) == 0
            container.mux_one(packet)
    return path
