"""What a user means by a source of live frames: a camera's number, an address, a file, or a program's own frames."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from markerless.errors import VideoError
from markerless.video.capture import URL, open_camera, open_url
from markerless.video.live_source import Arrays, LiveSource, VideoFile
from markerless.video.reader import open_video

CAMERA = re.compile(r"(?:/dev/video)?(\d{1,4})")

Source = int | str | Path | Iterable[Any]


def open_source(source: Source, own_speed: bool = True) -> LiveSource:
    """Open a source of live frames.

    Args:
        source: Number of a camera (0 or "0"); an address such as "rtsp://192.168.0.7/stream"; a video file or a folder
            of images; or an iterable of frames: `(H, W, 3)` RGB or `(H, W)` gray arrays of uint8, or (seconds, array)
            pairs.
        own_speed: A file plays at its own speed; else as fast as it is decoded.

    Raises:
        VideoError: nothing of that kind is there, or it gives no frame.
    """
    if isinstance(source, bool) or not isinstance(source, int | str | Path | Iterable):
        raise VideoError(f"expected a camera's number, an address, a file or frames, got {source!r}")
    if isinstance(source, int):
        return open_camera(source)
    if not isinstance(source, str | Path):
        return Arrays(source)
    text = str(source)
    if isinstance(source, str) and URL.match(source):
        return open_url(source)
    if (camera := CAMERA.fullmatch(text)) and not (text.isdigit() and Path(text).exists()):
        return open_camera(int(camera[1]))
    return VideoFile(open_video(Path(source)), own_speed)
