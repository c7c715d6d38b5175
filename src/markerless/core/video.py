"""Metadata of a video: a file, or a folder of images in natural order. No decoding happens here."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from markerless.errors import VideoError

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")
VIDEO_SUFFIXES = (
    ".mp4",
    ".avi",
    ".mov",
    ".mkv",
    ".mpg",
    ".mpeg",
    ".m4v",
    ".webm",
    ".wmv",
    ".mjpeg",
    ".mjpg",
    ".ts",
    ".h264",
    ".hevc",
)
FINGERPRINT_BYTES = 1 << 20


@dataclass(frozen=True)
class Video:
    """What is known of a video without decoding it.

    Attributes:
        path: The file, or the folder of images.
        n_frames: Number of frames = demuxed packets without the discard flag; this many rows every result has.
        width: Frame width in pixels, after rotation metadata has been applied.
        height: Frame height in pixels, likewise.
        fps: Average frames per second; NaN for a folder of images.
        codec: Name of the codec ("h264"), "images" for a folder.
        container_n_frames: What the container claims; None when it claims nothing.
    """

    path: Path
    n_frames: int
    width: int
    height: int
    fps: float
    codec: str
    container_n_frames: int | None = None


def natural_key(name: str) -> tuple[tuple[int, int, str], ...]:
    """Sort key that puts img2 before img10."""
    return tuple(
        (0, int(part), "") if part.isdigit() else (1, 0, part.lower()) for part in re.split(r"(\d+)", name) if part
    )


def pictures_in(folder: Path) -> list[Path]:
    """The pictures of a folder in the order in which they are the frames of a video."""
    pictures = [entry for entry in folder.iterdir() if entry.suffix.lower() in IMAGE_SUFFIXES and entry.is_file()]
    return sorted(pictures, key=lambda entry: natural_key(entry.name))


def fingerprint(path: Path) -> str:
    """Content fingerprint: size and SHA-256 of the first and last MiB; for a folder, of every picture's name and size.

    It re-finds moved videos and tells whether a result is still up to date; it is no protection against tampering.

    Raises:
        VideoError: it cannot be read.
    """
    digest = hashlib.sha256()
    try:
        for part in _parts_of_fingerprint(path):
            digest.update(part)
    except OSError as error:
        raise VideoError(
            f"cannot read {path}: {error.strerror or error}; check the file and its permissions"
        ) from error
    return digest.hexdigest()[:32]


def _parts_of_fingerprint(path: Path) -> Iterator[bytes]:
    if path.is_dir():
        for image in pictures_in(path):
            yield f"{image.name}:{image.stat().st_size}\n".encode()
        return
    size = path.stat().st_size
    yield str(size).encode()
    with path.open("rb") as file:
        yield file.read(FINGERPRINT_BYTES)
        file.seek(max(FINGERPRINT_BYTES, size - FINGERPRINT_BYTES))
        yield file.read(FINGERPRINT_BYTES)
