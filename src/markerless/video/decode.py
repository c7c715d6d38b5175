"""Decoding from any key packet on, each frame with the number of the packet it came from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from markerless.video.index import NO_TIME, PacketIndex, demux, open_container, video_stream

# After a seek into the middle of a byte stream the first packets may be fragments that are in no index.
MAX_FRAGMENTS = 16
# A frame is lost when more later ones than this have come out; decoders give frames in order, so 0 would nearly do.
OUT_OF_ORDER = 4


class Decoder:
    """The decoding state over one file.

    Frames are told apart by stamping each packet's number on it as its presentation time: decoders hand that value
    through, whatever they reorder, merge or drop, and do not look at it themselves.

    Attributes:
        position: Number of the packet that is sent next.
        n_threads: Threads of the decoder; with 1, errors belong to exactly one packet, whatever the timing.
        damaged: Why the frame of a packet is damaged or does not come out, by packet number; known once it is settled.
    """

    def __init__(self, path: Path, index: PacketIndex | None, n_threads: int) -> None:
        self._path = path
        self._index = index
        self.n_threads = n_threads
        self.position = 0
        self.damaged: dict[int, str] = {}
        # Packets whose frame is still inside the decoder, with the number of later frames that came out since.
        self._waiting: dict[int, int] = {}
        self._first_rank = -1
        self._ended = False
        self._can_seek = index is not None
        self._container, self._stream = _open(path)
        self._packets: Iterator[tuple[int, Packet]] = self._from_start(0)
        self._codec: VideoCodecContext = self._stream.codec_context
        self._codec.thread_type = "AUTO"
        self._codec.thread_count = n_threads

    def close(self) -> None:
        """Give the file back."""
        self._packets = iter(())
        self._codec.flush_buffers()
        self._container.close()

    def start(self, number: int) -> None:
        """Forget everything inside the decoder and send packet `number` next."""
        self._codec.flush_buffers()
        self._ended = False
        self.position = number
        self._waiting.clear()
        # What is shown before the first key frame but decoded after it is not expected to come out.
        self._first_rank = int(self._index.rank[number]) if self._index is not None and number > 0 else -1
        self._packets = self._seek(number) or self._from_start(number)

    def is_settled(self, number: int) -> bool:
        """Whether the fate of packet `number`, and of all packets sent before it, is known."""
        return number < self.position and not any(waiting <= number for waiting in self._waiting)

    def step(self) -> list[tuple[int, VideoFrame]] | None:
        """Send one packet; the (packet number, frame) that came out, in the decoder's order. None: nothing is left."""
        if self._ended:
            return None
        number, packet = next(self._packets, (-1, None))
        if packet is None:
            self._ended = True
            frames = self._decode(None)
            self._give_up(list(self._waiting))
            return frames
        self.position = number + 1
        if self._is_expected(number):
            self._waiting[number] = 0
        if self._index is not None and self._index.damaged[number]:
            self.damaged[number] = "its data in the file are incomplete"
        if packet.size == 0:
            # An empty packet would tell the decoder that the stream has ended.
            self._fail(number, "its packet is empty")
            return []
        packet.pts = number
        return self._decode(packet)

    def _is_expected(self, number: int) -> bool:
        index = self._index
        return index is not None and bool(index.row[number] >= 0 and index.rank[number] >= self._first_rank)

    def _decode(self, packet: Packet | None) -> list[tuple[int, VideoFrame]]:
        try:
            frames = self._codec.decode(packet)
        except (av.FFmpegError, OSError) as error:
            if packet is not None:
                self._fail(self.position - 1, f"its packet cannot be decoded ({error.strerror})")
            return []
        return [(self._arrived(frame), frame) for frame in frames]

    def _arrived(self, frame: VideoFrame) -> int:
        """Cross the frame's packet off the list and return its number."""
        number = self.position - 1 if frame.pts is None else frame.pts
        self._waiting.pop(number, None)
        if frame.is_corrupt:
            self.damaged.setdefault(number, "its data are damaged")
        if self._index is not None:
            for waiting in self._waiting:
                self._waiting[waiting] += bool(self._index.rank[waiting] < self._index.rank[number])
            self._give_up([waiting for waiting, later in self._waiting.items() if later > OUT_OF_ORDER])
        return number

    def _give_up(self, numbers: list[int]) -> None:
        for number in numbers:
            self._fail(number, "the decoder gives no frame for it")

    def _fail(self, number: int, reason: str) -> None:
        self._waiting.pop(number, None)
        self.damaged.setdefault(number, reason)

    def _from_start(self, number: int) -> Iterator[tuple[int, Packet]]:
        """Packets from `number` on, counted from the beginning of the file: slow for late frames, always right."""
        self._container.close()
        self._container, self._stream = _open(self._path)
        for count, packet in enumerate(demux(self._container, self._stream)):
            if count >= number:
                yield count, packet

    def _seek(self, number: int) -> Iterator[tuple[int, Packet]] | None:
        """Packets from `number` on by seeking; None when the container cannot land there."""
        if not self._can_seek or self._index is None or number == 0:
            return None
        for timestamp in _seek_targets(self._index, number):
            try:
                self._container.seek(timestamp, stream=self._stream)
            except (av.FFmpegError, OSError):
                break
            packets = demux(self._container, self._stream)
            found = self._first_known(packets)
            if found is not None and found[0] <= number:
                return self._verified(found, packets, number)
        # What failed once would fail at every jump and cost a search each time.
        self._can_seek = False
        return None

    def _first_known(self, packets: Iterator[Packet]) -> tuple[int, Packet] | None:
        assert self._index is not None
        for _ in range(MAX_FRAGMENTS):
            packet = next(packets, None)
            if packet is None:
                return None
            if (number := self._index.find(packet)) is not None:
                return number, packet
        return None

    def _verified(
        self, first: tuple[int, Packet], packets: Iterator[Packet], number: int
    ) -> Iterator[tuple[int, Packet]]:
        """Packets from `number` on, each checked against the index; when they disagree, counted from the beginning."""
        assert self._index is not None
        count, packet = first
        while True:
            if count >= number:
                yield count, packet
            count += 1
            following = next(packets, None)
            if following is None and count >= len(self._index.pos):
                return
            if following is None or not self._index.is_packet(count, following):
                self._can_seek = False
                yield from self._from_start(max(count, number))
                return
            packet = following


def decoded_order(path: Path, n_packets: int | None = None) -> list[int]:
    """Numbers of the first `n_packets` packets (default: all) in the order in which the decoder shows them."""
    decoder = Decoder(path, None, n_threads=1)
    order: dict[int, None] = {}
    try:
        while n_packets is None or decoder.position < n_packets:
            frames = decoder.step()
            if frames is None:
                break
            order.update((number, None) for number, _ in frames)
    finally:
        decoder.close()
    return list(order)


def _open(path: Path) -> tuple[InputContainer, VideoStream]:
    container = open_container(path)
    stream = video_stream(container)
    assert stream is not None  # the reader looked before it made an index
    return container, stream


def _seek_targets(index: PacketIndex, number: int) -> list[int]:
    """Timestamps to try, so that demuxing resumes at the packet or before it, the nearest first."""
    keys = np.flatnonzero(index.key[:number])
    numbers = [number, *keys[::-1][[0, 3, 15]].tolist()] if len(keys) > 15 else [number, *keys[::-1][:2].tolist()]
    times = [int(times[n]) for n in numbers for times in (index.pts, index.dts)]
    return list(dict.fromkeys(time for time in times if time != NO_TIME))
