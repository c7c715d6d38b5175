"""Frames for scrubbing: nobody waits for somebody else's video, and what is given up costs nothing."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest
import uvicorn

from markerless.errors import VideoError
from markerless.server import frames as server_frames
from markerless.server.app import AppOptions, create_app
from markerless.server.command import _listen
from markerless.server.frames import Frames
from markerless.server.workspace import key_of
from markerless.video.reader import VideoReader, open_video
from video.clips import X264_PLAIN, Clip, number_of, write

KEY_EVERY, N_FRAMES = 12, 60
SOON_S = 10.0


@pytest.fixture
def frames() -> Iterator[Frames]:
    kept = Frames()
    yield kept
    kept.close()


@pytest.fixture
def video(tmp_path: Path) -> Path:
    return write(tmp_path / "numbers.mp4", Clip(n_frames=N_FRAMES, options=X264_PLAIN))


def number(jpeg: bytes) -> int:
    """The number that the picture shows."""
    decoded = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert decoded is not None
    return number_of(decoded)


def test_frames_and_previews_show_what_they_say(frames: Frames, video: Path) -> None:
    for index in (37, 36, 59, 0, 11, 12):
        near, preview = frames.preview(video, index)
        assert near == number(preview) == index // KEY_EVERY * KEY_EVERY
        assert number(frames.jpeg(video, index, 640)) == index


def test_what_was_decoded_on_the_way_is_there_at_once(
    frames: Frames, video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames.jpeg(video, 35, 640)
    frames._later.submit(lambda: None).result(SOON_S)  # what was submitted before is done
    monkeypatch.setattr(VideoReader, "raw_frames", lambda *_: pytest.fail("decoded again"))
    assert [number(frames.jpeg(video, index, 640)) for index in range(24, 36)] == list(range(24, 36))


@pytest.fixture
def slow_decoder(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[threading.Event, threading.Event]]:
    """(begun, go on): whoever decodes exact frames waits in between."""
    begun, go_on = threading.Event(), threading.Event()
    real = server_frames._Open.on_the_way_to

    def waits(self: server_frames._Open, index: int) -> int:
        begun.set()
        assert go_on.wait(SOON_S)
        return real(self, index)

    monkeypatch.setattr(server_frames._Open, "on_the_way_to", waits)
    yield begun, go_on
    go_on.set()


def test_a_preview_does_not_wait_for_an_exact_frame(
    frames: Frames, video: Path, slow_decoder: tuple[threading.Event, threading.Event]
) -> None:
    begun, go_on = slow_decoder
    with ThreadPoolExecutor(1) as pool:
        exact = pool.submit(frames.jpeg, video, 59, 640)
        assert begun.wait(SOON_S)
        assert frames.preview(video, 30)[0] == 24
        assert not exact.done()
        go_on.set()
        assert number(exact.result(SOON_S)) == 59


def test_what_nobody_wants_any_more_is_not_decoded(
    frames: Frames, video: Path, slow_decoder: tuple[threading.Event, threading.Event]
) -> None:
    begun, go_on = slow_decoder
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(frames.jpeg, video, 50, 640)
        assert begun.wait(SOON_S)
        given_up = pool.submit(frames.jpeg, video, 20, 640, lambda: False)
        go_on.set()
        assert number(first.result(SOON_S)) == 50
        assert given_up.result(SOON_S) == b""
    assert frames._of(video).at == 50


def ask(port: int, token: str, path: str) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=SOON_S)
    connection.sendall(
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
    )
    return connection


def test_a_browser_that_gives_a_frame_up_spares_the_server(
    options: AppOptions, slow_decoder: tuple[threading.Event, threading.Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = slow_decoder
    assert options.project is not None
    decoded: list[int] = []
    waits = server_frames._Open.on_the_way_to

    def noted(self: server_frames._Open, index: int) -> int:
        decoded.append(index)
        return waits(self, index)

    monkeypatch.setattr(server_frames._Open, "on_the_way_to", noted)
    listening = _listen("127.0.0.1", 0)
    port = listening.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(create_app(options), log_level="error"))
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    try:
        path = f"/api/projects/{key_of(options.project.resolve())}/videos/cage1.mp4/frames"
        first = ask(port, options.token, f"{path}/50")
        assert begun.wait(SOON_S)
        given_up, kept = ask(port, options.token, f"{path}/20"), ask(port, options.token, f"{path}/40")
        time.sleep(0.3)  # both wait for their turn
        given_up.close()
        time.sleep(0.3)  # which the server has noticed
        go_on.set()
        for connection in (first, kept):
            assert connection.recv(12) == b"HTTP/1.1 200"
            connection.close()
        assert sorted(decoded) == [40, 50]
    finally:
        go_on.set()
        server.should_exit = True
        thread.join()


def test_a_video_that_takes_long_to_open_keeps_nobody_waiting(
    frames: Frames, video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = write(tmp_path / "hours.mp4", Clip(n_frames=30, options=X264_PLAIN))
    begun, go_on = threading.Event(), threading.Event()

    def opened(path: Path) -> VideoReader:
        if path == other:
            begun.set()
            assert go_on.wait(SOON_S)
        return open_video(path)

    monkeypatch.setattr(server_frames, "open_video", opened)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(frames.jpeg, other, 3, 640)
        assert begun.wait(SOON_S)
        assert number(frames.jpeg(video, 5, 640)) == 5
        go_on.set()
        assert number(waiting.result(SOON_S)) == 3


def test_many_videos_at_once_by_many_threads(frames: Frames, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """More videos than stay open: each is opened again when it is needed, and none is closed below a reader."""
    monkeypatch.setattr(server_frames, "MOST_READERS", 2)
    videos = [write(tmp_path / f"v{n}.mp4", Clip(n_frames=30, options=X264_PLAIN)) for n in range(5)]
    wanted = [(videos[step % 5], step * 7 % 30, 600 + step % 3) for step in range(60)]
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda one: number(frames.jpeg(*one)), wanted))
    assert found == [index for _, index, _ in wanted]
    assert len(frames._open) <= 2


def test_what_is_kept_is_bounded(frames: Frames, video: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    n_bytes = len(frames.jpeg(video, 0, 640))
    monkeypatch.setattr(server_frames, "MOST_BYTES", 5 * n_bytes)
    for index in range(N_FRAMES):
        frames.jpeg(video, index, 640)
    frames._later.submit(lambda: None).result(SOON_S)
    assert frames._bytes == sum(len(data) for data in frames._kept.values()) <= 5 * n_bytes


def test_a_video_that_was_replaced_is_read_anew(frames: Frames, video: Path, tmp_path: Path) -> None:
    assert number(frames.jpeg(video, 5, 640)) == 5
    longer = write(tmp_path / "longer.mp4", Clip(n_frames=80, options=X264_PLAIN))
    longer.replace(video)
    assert number(frames.jpeg(video, 79, 640)) == 79


def test_frames_that_are_not_there(frames: Frames, video: Path) -> None:
    for index in (-1, N_FRAMES):
        with pytest.raises(VideoError, match="0 to 59"):
            frames.jpeg(video, index, 640)
        with pytest.raises(VideoError, match="0 to 59"):
            frames.preview(video, index)
