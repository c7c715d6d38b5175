"""What a user means by a source."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from markerless.errors import VideoError
from markerless.video import source as sources
from markerless.video.live_source import Arrays, VideoFile
from markerless.video.source import open_source
from markerless.video.writer import VideoWriter


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Numbers of cameras and addresses that were to be opened."""
    found: list[object] = []
    monkeypatch.setattr(sources, "open_camera", found.append)
    monkeypatch.setattr(sources, "open_url", found.append)
    return found


@pytest.fixture
def video(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    with VideoWriter(tmp_path / "v.mp4", 10.0, (32, 32)) as writer:
        writer.write(np.zeros((32, 32, 3), np.uint8))
    return tmp_path / "v.mp4"


@pytest.mark.parametrize(
    ("source", "meant"),
    [
        (0, 0),
        ("2", 2),
        ("/dev/video3", 3),
        ("rtsp://10.0.0.7/a", "rtsp://10.0.0.7/a"),
        ("HTTP://h/x.mp4", "HTTP://h/x.mp4"),
        ("file:///x", "file:///x"),
    ],
)
def test_cameras_and_addresses(asked: list[object], source: Any, meant: object) -> None:
    open_source(source)
    assert asked == [meant]


@pytest.mark.parametrize("as_text", [True, False])
def test_files(asked: list[object], video: Path, as_text: bool) -> None:
    source = open_source(str(video) if as_text else video)
    assert isinstance(source, VideoFile)
    source.close()
    assert asked == []


def test_a_file_with_the_name_of_a_camera_is_a_file(asked: list[object], video: Path) -> None:
    video.rename("7")
    source = open_source("7")
    assert isinstance(source, VideoFile)
    source.close()
    open_source(7)
    assert asked == [7]


def test_frames_of_a_program() -> None:
    assert isinstance(open_source([np.zeros((4, 4), np.uint8)]), Arrays)


@pytest.mark.parametrize(
    ("source", "message"),
    [("no.mp4", "no video at no.mp4"), (None, "got None"), (True, "got True"), (1.5, "got 1.5")],
)
def test_anything_else_is_one_line(source: Any, message: str) -> None:
    with pytest.raises(VideoError, match=message):
        open_source(source)
