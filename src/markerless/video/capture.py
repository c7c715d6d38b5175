"""Cameras and network streams, through PyAV.

A camera is opened by the system's own interface: Video4Linux on Linux, AVFoundation on macOS, DirectShow on Windows.
Network protocols are allowed here alone, because the user named the address; what comes from it can name no local file.
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame

from markerless.errors import VideoError
from markerless.video.color import RgbConverter, orientation_of
from markerless.video.container import checked_stream
from markerless.video.live_source import Clock, LiveFrame, LiveSource
from markerless.video.raw import DecodedFrame

INTERFACES = {"linux": "v4l2", "darwin": "avfoundation", "win32": "dshow"}
PROTOCOLS = ("http", "https", "rtmp", "rtmps", "rtp", "rtsp", "rtsps", "srt", "tcp", "udp")
# What those are made of; "file" is not among them.
INNER_PROTOCOLS = "crypto,data,hls,httpproxy,rtmpt,tls"
URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
SILENCE_S = 10.0  # without a word from the source, to open it as to go on
DEVICES = Path("/dev")
MOST_ERRORS = 64  # in a row; single ones are broken frames
SECONDS_BETWEEN_LOOKS = 0.001


class Capture(LiveSource):
    """A camera or a network stream."""

    def __init__(self, container: InputContainer, name: str, clock: Clock = time.perf_counter) -> None:
        """Wait for the first frame, which tells the size.

        Args:
            container: Freshly opened, closed with the source.
            name: For messages.
            clock: Seconds, for frames without timestamps.

        Raises:
            VideoError: no frame comes.
        """
        self.name = name
        self._container = container
        self._clock = clock
        self._began: float | None = None
        self._tells_time = False
        self._time_s = 0.0
        self._stream = checked_stream(Path(name), container)
        # threads that take a frame each would give each one late
        self._stream.codec_context.thread_type = "SLICE"
        self._decoded = self._decode()
        first = next((frame for frame in self._decoded if frame is not None), None)
        if first is None:
            raise VideoError(f"expected a video from {name}, it ended without a frame; check it in a player")
        self._first = first
        self._size = first.width, first.height
        self._convert = RgbConverter(orientation_of(first))
        self.width, self.height = self._size[::-1] if self._convert.orientation[0] else self._size
        self.is_gray = first.format.name.startswith("gray")

    def frames(self) -> Iterator[LiveFrame]:
        """See `LiveSource`."""
        yield self._live(self._first)
        for frame in self._decoded:
            yield self._live(frame)

    def stop(self) -> None:
        """See `LiveSource`: the wait for a packet ends by itself."""

    def close(self) -> None:
        """See `LiveSource`."""
        self._container.close()

    def _live(self, frame: VideoFrame | None) -> LiveFrame:
        if frame is not None and (frame.width, frame.height) != self._size:
            raise VideoError(
                f"expected frames of {self._size[0]} x {self._size[1]} pixels from {self.name}, "
                f"got {frame.width} x {frame.height}; start again at the new size"
            )
        time_s = self._time_of(frame)
        return LiveFrame(None if frame is None else DecodedFrame(frame, self._convert), time_s)

    def _time_of(self, frame: VideoFrame | None) -> float:
        """Seconds since the first frame: by the source's clock when it told the time of the first one, else by ours."""
        now, told = self._clock(), None
        if frame is not None and frame.pts is not None and self._stream.time_base is not None:
            told = float(frame.pts * self._stream.time_base)  # frames from the decoder's end know no unit themselves
        if self._began is None:
            self._tells_time = told is not None
            self._began = now if told is None else told
        if not self._tells_time:
            self._time_s = now - self._began
        elif told is not None:
            self._time_s = told - self._began
        return self._time_s

    def _decode(self) -> Iterator[VideoFrame | None]:
        """Frames as the decoder gives them, None for what it cannot decode."""
        codec = self._stream.codec_context
        for packet in self._packets():
            try:
                frames = codec.decode(packet)
            except (av.FFmpegError, OSError):
                yield None
                continue
            for frame in frames:
                yield None if frame.is_corrupt else frame

    def _packets(self) -> Iterator[Packet | None]:
        """Packets of the stream, going on after errors, and None at the end."""
        n_errors, heard = 0, self._clock()
        while True:
            try:
                for packet in self._container.demux(self._stream):
                    if packet.size == 0:
                        continue
                    n_errors, heard = 0, self._clock()
                    yield packet
                yield None
                return
            except BlockingIOError as error:  # some cameras say so while the next frame is not there yet
                if self._clock() - heard > SILENCE_S:
                    raise self._silent() from error
                time.sleep(SECONDS_BETWEEN_LOOKS)
            except (av.FFmpegError, OSError) as error:
                n_errors += 1
                if isinstance(error, av.error.ExitError | TimeoutError):
                    raise self._silent() from error
                if n_errors >= MOST_ERRORS:
                    raise VideoError(
                        f"{self.name} gives no more frames ({error.strerror}); check its plug and its network"
                    ) from error

    def _silent(self) -> VideoError:
        return VideoError(f"{self.name} gave no frame for {SILENCE_S:.0f} s; check its plug and its network")


def open_camera(number: int, platform: str = sys.platform) -> Capture:
    """A camera of this computer.

    Args:
        number: 0 for the first one.
        platform: As `sys.platform`.

    Raises:
        VideoError: no such camera, or another program uses it.
    """
    interface = INTERFACES.get(platform)
    if interface is None:
        raise VideoError(f"expected Linux, macOS or Windows to open camera {number}, this is {platform}; give a URL")
    try:
        cameras = _cameras(interface)
    except AttributeError as error:
        raise VideoError(f"PyAV {av.__version__} cannot list cameras; run: pip install --upgrade av") from error
    except (ValueError, OSError, av.FFmpegError):  # an FFmpeg without this interface
        cameras = {}
    place = cameras.get(number)
    if place is None:
        known = ", ".join(str(one) for one in sorted(cameras)) or "none"
        raise VideoError(
            f"no camera {number}; cameras of this computer: {known}; plug it in, or give another number, file or URL"
        )
    # macOS refuses FFmpeg's own choice of 29.97 frames a second
    options = {"framerate": "30"} if interface == "avfoundation" else {}
    return _opened(place, f"camera {number}", _advice_for_camera, interface, options)


def open_url(url: str) -> Capture:
    """A network stream.

    Raises:
        VideoError: a protocol that is no network's, nobody answers, or what comes is no video.
    """
    name = shown(url)
    match = URL.match(url)
    if match is None or match[1].lower() not in PROTOCOLS:
        raise VideoError(f"expected an address of {', '.join(PROTOCOLS)}, got {name}; of a file, give its path")
    allowed = ",".join([*PROTOCOLS, INNER_PROTOCOLS])
    options = {"protocol_whitelist": allowed}
    return _opened(url, name, _advice_for_url, None, options)


def shown(url: str) -> str:
    """An address without user name and password, which have no place on a screen or in a log."""
    return re.sub(r"://[^/?#]*@", "://", url)


def _opened(
    place: str,
    name: str,
    advice: Callable[[OSError | av.FFmpegError], str],
    interface: str | None,
    options: dict[str, str],
) -> Capture:
    try:
        container = av.open(place, format=interface, options=options, timeout=(SILENCE_S, SILENCE_S))
    except (av.FFmpegError, OSError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise VideoError(f"cannot open {name}: {reason}; {advice(error)}") from error
    try:
        return Capture(container, name)
    except BaseException:
        container.close()
        raise


def _advice_for_camera(error: OSError | av.FFmpegError) -> str:
    if isinstance(error, PermissionError):
        return "allow programs to use the camera (on Linux: join the group 'video')"
    return "close other programs that use it, and check its plug"


def _advice_for_url(error: OSError | av.FFmpegError) -> str:
    return "check the address in a player"


def _cameras(interface: str) -> dict[int, str]:
    """Number -> what FFmpeg opens, of every camera of this computer."""
    if interface == "v4l2":
        return _video_devices(DEVICES)
    names = [device.description for device in av.enumerate_input_devices(interface) if "video" in device.media_types]
    if interface == "avfoundation":
        return {number: str(number) for number in range(len(names))}
    return {number: f"video={name}" for number, name in enumerate(names)}


def _video_devices(folder: Path) -> dict[int, str]:
    """Video4Linux names cameras by number."""
    numbers = (re.fullmatch(r"video(\d+)", entry.name) for entry in folder.glob("video*"))
    return {int(match[1]): str(folder / match[0]) for match in numbers if match}
