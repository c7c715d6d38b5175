"""Cameras and network streams; PyAV's `open` is the boundary, behind which videos stand in for cameras."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import pytest
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from markerless.errors import VideoError
from markerless.video import capture
from markerless.video.capture import Capture, open_camera, open_url, shown
from video.clips import RATE, X264, X264_PLAIN, Clip, number_of, write, write_elementary

N_FRAMES = 20


class Camera:
    """A container that interrupts itself: after so many packets it raises, or gives other packets."""

    def __init__(self, container: InputContainer, script: dict[int, list[Exception | Packet]]) -> None:
        self.container = container
        self.streams = container.streams
        self.is_closed = False
        self.script = script
        self.n_given = 0

    def demux(self, stream: VideoStream) -> Iterator[Packet]:
        while True:
            for event in self._due():
                if isinstance(event, Exception):
                    raise event
                yield event
            packet = next(self.container.demux(stream))
            yield packet
            if packet.size == 0:
                return
            self.n_given += 1

    def _due(self) -> Iterator[Exception | Packet]:
        events = self.script.get(self.n_given, [])
        while events:
            yield events.pop(0)

    def close(self) -> None:
        self.is_closed = True
        self.container.close()


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("clip") / "clip.mkv", Clip(n_frames=N_FRAMES, options=X264_PLAIN))


def camera(path: Path, script: dict[int, list[Exception | Packet]] | None = None) -> tuple[Capture, Camera]:
    container = Camera(av.open(str(path)), script or {})
    return Capture(container, "camera 0"), container


def numbers(source: Iterable[Any]) -> list[int | None]:
    return [None if live.frame is None else number_of(live.frame.rgb()) for live in source]


def error(kind: type[av.FFmpegError], text: str = "it is so") -> av.FFmpegError:
    return kind(1, text)


class TestCapture:
    @pytest.mark.parametrize("options", [X264_PLAIN, X264])
    def test_gives_every_frame_in_order_with_its_time(self, tmp_path: Path, options: dict[str, str]) -> None:
        path = write(tmp_path / "clip.mkv", Clip(n_frames=N_FRAMES, options=options))
        source, container = camera(path)
        assert (source.width, source.height, source.is_gray) == (128, 96, False)
        lives = list(source.frames())
        assert numbers(lives) == list(range(N_FRAMES))
        np.testing.assert_allclose([live.timestamp_s for live in lives], np.arange(N_FRAMES) / RATE, atol=1e-3)
        source.close()
        assert container.is_closed

    def test_times_begin_with_the_first_frame(self, tmp_path: Path) -> None:
        times = [900_000 + 1000 * number for number in range(N_FRAMES)]
        source, _ = camera(write(tmp_path / "c.mkv", Clip(n_frames=N_FRAMES, options=X264_PLAIN, times=times)))
        assert [live.timestamp_s for live in source.frames()][::19] == pytest.approx([0, 19 / 30], abs=1e-3)

    def test_without_times_those_of_arrival_are_taken(self, tmp_path: Path) -> None:
        now = iter(np.arange(1000) / 2)
        path = write_elementary(tmp_path / "clip.h264", Clip(options=X264_PLAIN, global_header=False))
        container = Camera(av.open(str(path)), {})
        source = Capture(container, "camera 0", lambda: float(next(now)))
        times = [live.timestamp_s for live in source.frames()]
        assert times[0] == 0
        assert (np.diff(times) >= 0.5).all()

    def test_waits_for_a_camera_that_is_not_ready(self, clip: Path) -> None:
        source, _ = camera(clip, {0: [BlockingIOError()] * 3, 5: [BlockingIOError()] * 100})
        assert numbers(source.frames()) == list(range(N_FRAMES))

    def test_goes_on_after_errors(self, clip: Path) -> None:
        source, _ = camera(clip, {5: [error(av.error.InvalidDataError)] * 63, 9: [OSError(5, "I/O")] * 63})
        assert numbers(source.frames()) == list(range(N_FRAMES))

    def test_a_packet_that_cannot_be_decoded_is_a_broken_frame(self, tmp_path: Path) -> None:
        path = write(tmp_path / "clip.mkv", Clip("mjpeg", n_frames=N_FRAMES, pix_fmt="yuvj420p", global_header=False))
        source, _ = camera(path, {5: [Packet(b"no picture at all")]})
        found = numbers(source.frames())
        assert found == [0, 1, 2, 3, 4, None, *range(5, N_FRAMES)]

    @pytest.mark.parametrize("first", [error(av.error.ExitError), error(av.error.TimeoutError)])
    def test_silence_is_one_line(self, clip: Path, first: Exception) -> None:
        source, _ = camera(clip, {5: [first]})
        with pytest.raises(VideoError, match=r"camera 0 gave no frame for 10 s; check its plug"):
            list(source.frames())

    def test_a_camera_that_is_never_ready_again_is_one_line(self, clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(capture, "SILENCE_S", 0.01)
        source, _ = camera(clip, {5: [BlockingIOError() for _ in range(10_000)]})
        with pytest.raises(VideoError, match="gave no frame"):
            list(source.frames())

    def test_a_camera_that_is_unplugged_is_one_line(self, clip: Path) -> None:
        source, _ = camera(clip, {5: [OSError(19, "No such device")] * 64})
        frames = source.frames()
        assert numbers(next(frames) for _ in range(4)) == [0, 1, 2, 3]
        with pytest.raises(VideoError, match=r"camera 0 gives no more frames \(No such device\)"):
            list(frames)

    def test_frames_of_another_size_are_one_line(self, clip: Path, tmp_path: Path) -> None:
        source, _ = camera(clip)
        other, _ = camera(write(tmp_path / "c.mkv", Clip(width=64, n_frames=3, options=X264_PLAIN)))
        source._decoded = other._decoded
        with pytest.raises(VideoError, match=r"expected frames of 128 x 96 pixels from camera 0, got 64 x 96"):
            list(source.frames())


class TestCameras:
    @pytest.fixture
    def opened(self, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
        """What PyAV was asked to open; it opens a clip. There are cameras 0 and 2."""
        asked: list[tuple[str, dict[str, Any]]] = []
        really_open = av.open

        def fake(place: str, **how: Any) -> InputContainer:
            asked.append((place, how))
            container = really_open(str(clip))
            assert isinstance(container, InputContainer)
            return container

        for name in ("video0", "video2", "video-none"):
            (tmp_path / name).touch()
        monkeypatch.setattr(capture, "DEVICES", tmp_path)
        monkeypatch.setattr(av, "open", fake)
        devices = [
            SimpleNamespace(name="m", description="Microphone", media_types=["audio"]),
            SimpleNamespace(name="a", description="Basler", media_types=["video"]),
            SimpleNamespace(name="b", description="Webcam HD", media_types=["video", "audio"]),
        ]
        monkeypatch.setattr(av, "enumerate_input_devices", lambda interface: devices, raising=False)
        return asked

    @pytest.mark.parametrize(
        ("platform", "number", "interface", "place"),
        [
            ("linux", 2, "v4l2", "video2"),
            ("darwin", 1, "avfoundation", "1"),
            ("win32", 1, "dshow", "video=Webcam HD"),
        ],
    )
    def test_are_opened_by_the_interface_of_the_system(
        self, opened: list[tuple[str, dict[str, Any]]], platform: str, number: int, interface: str, place: str
    ) -> None:
        source = open_camera(number, platform)
        assert numbers(source.frames()) == list(range(N_FRAMES))
        assert source.name == f"camera {number}"
        ((asked, how),) = opened
        assert (asked.rpartition("/")[2], how["format"], how["timeout"]) == (place, interface, (10.0, 10.0))

    @pytest.mark.parametrize(("platform", "known"), [("linux", "0, 2"), ("darwin", "0, 1"), ("win32", "0, 1")])
    def test_that_are_not_there_are_one_line(self, opened: list[Any], platform: str, known: str) -> None:
        with pytest.raises(VideoError, match=rf"no camera 3; cameras of this computer: {known};"):
            open_camera(3, platform)
        assert opened == []

    def test_where_there_are_none(self, opened: list[Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setattr(capture, "DEVICES", tmp_path / "nowhere")
        with pytest.raises(VideoError, match="cameras of this computer: none"):
            open_camera(0, "linux")

    def test_on_other_systems(self) -> None:
        with pytest.raises(VideoError, match="this is sunos5"):
            open_camera(0, "sunos5")

    def test_that_an_old_pyav_cannot_list(self, opened: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delattr(av, "enumerate_input_devices")
        with pytest.raises(VideoError, match="pip install --upgrade av"):
            open_camera(0, "win32")

    @pytest.mark.parametrize(
        ("reason", "message"),
        [
            (error(av.error.PermissionError, "Permission denied"), "Permission denied; allow programs"),
            (OSError(16, "Device or resource busy"), "busy; close other programs"),
        ],
    )
    def test_that_cannot_be_opened_are_one_line(
        self, opened: list[Any], monkeypatch: pytest.MonkeyPatch, reason: Exception, message: str
    ) -> None:
        def refuses(place: str, **how: Any) -> None:
            raise reason

        monkeypatch.setattr(av, "open", refuses)
        with pytest.raises(VideoError, match=f"cannot open camera 0: .*{message}"):
            open_camera(0, "linux")


class TestAddresses:
    @pytest.mark.parametrize("url", ["file:///etc/passwd", "concat://a|b", "foo://bar", "pipe://1", "cache:http://x"])
    def test_of_no_network_are_refused(self, url: str) -> None:
        with pytest.raises(VideoError, match="expected an address of http, https"):
            open_url(url)

    def test_where_nobody_answers_are_one_line_without_the_password(self) -> None:
        with pytest.raises(VideoError, match=r"^cannot open rtsp://127\.0\.0\.1:1/x: [^;]+; check the address") as info:
            open_url("rtsp://me:secret@127.0.0.1:1/x")
        assert "secret" not in str(info.value)

    def test_may_not_name_files_of_this_computer(self, clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        asked: dict[str, Any] = {}
        really_open = av.open

        def fake(place: str, **how: Any) -> Any:
            asked.update(how)
            return really_open(str(clip))

        monkeypatch.setattr(av, "open", fake)
        source = open_url("rtsp://me:secret@10.0.0.7/stream")
        assert source.name == "rtsp://10.0.0.7/stream"
        allowed = asked["options"]["protocol_whitelist"].split(",")
        assert "rtsp" in allowed
        assert not {"file", "concat", "subfile", "pipe", "fd"} & set(allowed)

    @pytest.mark.parametrize(
        ("url", "text"),
        [
            ("rtsp://u:p@h/x", "rtsp://h/x"),
            ("rtsp://u:p@w@h:554/x?a=b@c", "rtsp://h:554/x?a=b@c"),
            ("http://h/a@b", "http://h/a@b"),
        ],
    )
    def test_are_shown_without_name_and_password(self, url: str, text: str) -> None:
        assert shown(url) == text


def test_a_source_that_ends_without_a_frame_is_one_line_and_closed(
    tmp_path: Path, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    containers: list[Camera] = []
    really_open = av.open

    def fake(place: str, **how: Any) -> Any:
        containers.append(Camera(really_open(str(clip)), {0: [OSError(19, "No such device")] * 64}))
        return containers[-1]

    monkeypatch.setattr(av, "open", fake)
    with pytest.raises(VideoError, match="gives no more frames"):
        open_url("udp://127.0.0.1:9")
    assert containers[0].is_closed
