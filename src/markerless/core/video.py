"""Metadata of a video: a file, or a folder of images in natural order. No decoding happens here."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import suppress
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
PICTURE_BYTES = 1 << 12


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
    """Sort key that puts img2 before img10; decimal digits of any script count, a superscript as in "10²" does not."""
    return tuple(
        (0, int(part), "") if part.isdecimal() else (1, 0, part.lower()) for part in re.split(r"(\d+)", name) if part
    )


def video_stem(video: Path) -> str:
    """The name that results of a video begin with: the file's without its suffix, or the folder's, dots and all."""
    is_file = video.is_file() or (video.suffix.lower() in VIDEO_SUFFIXES and not video.is_dir())
    return video.stem if is_file else video.name


def pictures_in(folder: Path) -> list[Path]:
    """The pictures of a folder in the order in which they are the frames of a video.

    Hidden files are none: macOS leaves a "._img0.png", which holds no picture, beside every "img0.png" that it copies.
    """
    pictures = [
        entry
        for entry in folder.iterdir()
        if entry.suffix.lower() in IMAGE_SUFFIXES and not entry.name.startswith(".") and entry.is_file()
    ]
    return sorted(pictures, key=lambda entry: natural_key(entry.name))


def fingerprint(path: Path) -> str:
    """Content fingerprint: size and SHA-256 of the first and last MiB.

    For a folder: of every picture's name, size, and first, middle and last 4 KiB.

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
            yield from parts_of_picture(image)
        return
    size = path.stat().st_size
    yield str(size).encode()
    with path.open("rb") as file:
        yield file.read(FINGERPRINT_BYTES)
        file.seek(max(FINGERPRINT_BYTES, size - FINGERPRINT_BYTES))
        yield file.read(FINGERPRINT_BYTES)


def parts_of_picture(image: Path) -> Iterator[bytes]:
    """What tells a picture from another one of its name: its size does not, where pictures are not compressed.

    Name, size, and the first, middle and last 4 KiB.
    """
    size = image.stat().st_size
    yield f"{image.name}:{size}\n".encode()
    # One that cannot be read is a broken frame, and no reason to refuse the others.
    with suppress(OSError), image.open("rb", buffering=0) as file:
        for start in (0, (size - PICTURE_BYTES) // 2, size - PICTURE_BYTES):
            file.seek(max(0, start))
            yield file.read(PICTURE_BYTES)
