"""Which packets of a video file are frames, and in which order they are shown.

A frame is a demuxed video packet without the discard flag. The order comes from the presentation timestamps; where they
are missing or contradict themselves (raw H.264, AVI with B-frames, files joined end to end) the decoder is asked once.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

NO_TIME = np.iinfo(np.int64).min
# A damaged container may give an error for a packet and go on after it; this many in a row are the end.
MAX_DEMUX_ERRORS = 64
# Enough to see B-frames, which recur every few frames, and quick to decode.
PROBE_PACKETS = 100
# AV_FIELD_PROGRESSIVE; anything else may be interlaced.
PROGRESSIVE = 1
# Containers that store no presentation times; FFmpeg makes them up from the decoding order.
WITHOUT_PTS = frozenset({"avi"})

DecodedOrder = Callable[[int | None], list[int]]


@dataclass(frozen=True)
class PacketIndex:
    """Every video packet of a file in decoding order (P of them), and the T frames they make.

    Attributes:
        pts: (P,) int64 presentation timestamps in units of the stream, NO_TIME where there is none.
        dts: (P,) int64 decoding timestamps, likewise.
        pos: (P,) int64 byte positions in the file, -1 where unknown.
        size: (P,) int64 bytes.
        key: (P,) bool, decoding can start here.
        damaged: (P,) bool, the container itself says that the packet is incomplete.
        rank: (P,) int64 place in the order of presentation among all packets, discarded ones included.
        row: (P,) int64 frame index of the packet, -1 for discarded ones and second fields of a frame.
        packet: (T,) int64 packet of each frame, -1 for a frame whose packet lies beyond the end of a cut-off file.
    """

    pts: np.ndarray
    dts: np.ndarray
    pos: np.ndarray
    size: np.ndarray
    key: np.ndarray
    damaged: np.ndarray
    rank: np.ndarray
    row: np.ndarray
    packet: np.ndarray

    def find(self, packet: Packet) -> int | None:
        """Number of a packet that was demuxed after a seek; None when it cannot be told."""
        same = np.flatnonzero(
            (self.pos == _position(packet)) & (self.size == packet.size) & (self.pts == _time(packet.pts))
        )
        return int(same[0]) if len(same) == 1 else None

    def is_packet(self, number: int, packet: Packet) -> bool:
        """Whether the demuxed packet is the one with this number."""
        return number < len(self.pos) and (
            bool(self.pos[number] == _position(packet))
            and bool(self.size[number] == packet.size)
            and bool(self.pts[number] == _time(packet.pts))
        )


def open_container(path: Path) -> InputContainer:
    """Open for reading; only local files, so that a playlist cannot make us fetch anything. Raises av.FFmpegError."""
    # An absolute path cannot be mistaken for a protocol ("a:b.mp4").
    return av.open(str(path.absolute()), options={"protocol_whitelist": "file"})


def video_stream(container: InputContainer) -> VideoStream | None:
    """The first video stream that is no cover picture."""
    for stream in container.streams.video:
        if not stream.disposition & av.stream.Disposition.attached_pic:
            return stream
    return None


def demux(container: InputContainer, stream: VideoStream) -> Iterator[Packet]:
    """The packets of the stream, going on after errors; the empty packet that PyAV adds at the end is left out."""
    errors = 0
    while errors < MAX_DEMUX_ERRORS:
        try:
            for packet in container.demux(stream):
                if packet.size == 0 and packet.pts is None and packet.dts is None:
                    return
                errors = 0
                yield packet
        except (av.FFmpegError, OSError):
            errors += 1


def build_index(container: InputContainer, stream: VideoStream, decoded_order: DecodedOrder) -> PacketIndex:
    """Demux the whole file once.

    Args:
        container: Freshly opened.
        stream: The video stream of it.
        decoded_order: Gives the numbers of the first n packets (None: all) in the order in which the decoder shows
            them; called only when the timestamps cannot be trusted.
    """
    # Bare integers: a list of tuples would take five times the memory, which counts for a day of recording.
    rows = array("q")
    for p in demux(container, stream):
        rows.extend((_time(p.pts), _time(p.dts), _position(p), p.size, p.is_keyframe, p.is_corrupt, p.is_discard))
    table = np.frombuffer(rows, dtype=np.int64).reshape(-1, 7)
    pts, dts, pos, size = (np.ascontiguousarray(table[:, column]) for column in range(4))
    key, damaged, discarded = (table[:, column].astype(bool) for column in range(4, 7))
    # At the seam of two MPEG-TS files whole packets carry the mark; there the decoder judges better.
    damaged &= stream.container.format.name != "mpegts"
    if _is_coded_in_fields(stream, len(pts), decoded_order):
        # The second half of a picture is no frame of its own, and nothing can start there.
        second = _second_fields(decoded_order(None), len(pts))
        discarded |= second
        key &= ~second
    rank = _presentation_rank(pts, dts, ~discarded, stream, decoded_order)
    shown = np.argsort(rank, kind="stable")
    shown = shown[~discarded[shown]]
    row = np.full(len(pts), -1, dtype=np.int64)
    row[shown] = np.arange(len(shown))
    n_lost = _count_beyond_end(stream, pos, container.size)
    packet = np.concatenate([shown, np.full(n_lost, -1, dtype=np.int64)])
    return PacketIndex(pts, dts, pos, size, key, damaged, rank, row, packet)


def _time(value: int | None) -> int:
    return NO_TIME if value is None else value


def _position(packet: Packet) -> int:
    return -1 if packet.pos is None else packet.pos


def _presentation_rank(
    pts: np.ndarray,
    dts: np.ndarray,
    kept: np.ndarray,
    stream: VideoStream,
    decoded_order: DecodedOrder,
) -> np.ndarray:
    """(P,) place of each packet in the order of presentation."""
    container_name = stream.container.format.name
    reorders = bool(stream.codec_context.codec.reorder) and stream.codec_context.reorder_depth > 0
    if _are_trustworthy(pts, dts, kept) and not (reorders and _hides_b_frames(pts, container_name, decoded_order)):
        return _rank(np.argsort(pts, kind="stable"))
    if not reorders:
        return np.arange(len(pts))
    return _rank(_with_missing(decoded_order(None), len(pts)))


def _are_trustworthy(pts: np.ndarray, dts: np.ndarray, kept: np.ndarray) -> bool:
    """Every frame has its own presentation time and decoding times never go back."""
    known = dts[dts != NO_TIME]
    shown = pts[kept]
    return bool((pts != NO_TIME).all() and (np.diff(known) >= 0).all() and len(np.unique(shown)) == len(shown))


def _hides_b_frames(pts: np.ndarray, container_name: str, decoded_order: DecodedOrder) -> bool:
    """Whether presentation times that merely follow the decoding order do so against the decoder."""
    if (np.diff(pts) < 0).any():
        return False
    if container_name in WITHOUT_PTS:
        return True
    order = decoded_order(PROBE_PACKETS)
    return order != sorted(order)


def _is_coded_in_fields(stream: VideoStream, n_packets: int, decoded_order: DecodedOrder) -> bool:
    """Whether two packets make one frame, as interlaced camcorders write H.264."""
    context = stream.codec_context
    if context.codec.canonical_name != "h264" or context.field_order == PROGRESSIVE:
        return False
    return len(decoded_order(PROBE_PACKETS)) < 0.75 * min(PROBE_PACKETS, n_packets)


def _second_fields(order: list[int], n_packets: int) -> np.ndarray:
    """(P,) bool, packets that gave no frame right after one that did."""
    gave = np.zeros(n_packets, dtype=bool)
    gave[order] = True
    return ~gave & np.concatenate([[False], gave[:-1]])


def _rank(order: np.ndarray) -> np.ndarray:
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return rank


def _with_missing(order: list[int], n_packets: int) -> np.ndarray:
    """`order` with the packets that gave no frame put before the first later one, so that every packet has a place."""
    missing = sorted(set(range(n_packets)) - set(order))
    result: list[int] = []
    for number in order:
        while missing and missing[0] < number:
            result.append(missing.pop(0))
        result.append(number)
    return np.array(result + missing, dtype=np.int64)


def _count_beyond_end(stream: VideoStream, pos: np.ndarray, file_size: int) -> int:
    """Frames that the container's table lists although the file was cut off before their data."""
    entries = stream.index_entries
    if len(entries) <= len(pos):
        return 0
    seen = set(pos.tolist())
    return sum(
        not entry.is_discard and entry.pos + entry.size > file_size and entry.pos not in seen
        for entry in (entries[i] for i in range(len(entries)))
    )
