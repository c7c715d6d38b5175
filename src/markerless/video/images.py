"""Single pictures: read, write, measure. The only place where pictures meet cv2, so that BGR never leaves this file."""

from __future__ import annotations

import struct
from pathlib import Path

import cv2
import numpy as np

from markerless.core.storage import atomic_path
from markerless.core.video import IMAGE_SUFFIXES
from markerless.errors import VideoError

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
JPEG_START, JPEG_END, JPEG_SCAN = b"\xff\xd8\xff", b"\xff\xd9", b"\xff\xda"
JPEG_QUALITY = 95
# Start-of-frame markers hold the size; C4, C8 and CC in their range mean other things.
JPEG_SIZE_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
HEADER_BYTES = 1 << 16

# EXIF rotation is ignored on purpose: labeling tools ignore it, so their coordinates are of the stored pixels.
READ_FLAGS = cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH | cv2.IMREAD_IGNORE_ORIENTATION


def read_image(path: Path | str) -> np.ndarray:
    """A picture as (H, W, 3) uint8 RGB.

    Gray is repeated, 16 bits are scaled to 8, alpha is dropped, EXIF rotation is ignored.

    Raises:
        VideoError: the file is missing, empty, cut off or no picture.
    """
    path = Path(path)
    data = _read_bytes(path)
    if (problem := _cut_off(data)) is not None:
        raise VideoError(f"image {path} is cut off ({problem}); copy or export it again")
    bgr = _decode(data)
    if bgr is None:
        raise VideoError(f"{path} is no readable image: expected {', '.join(IMAGE_SUFFIXES)}; export it again")
    return np.ascontiguousarray(to_8_bit(bgr, path)[:, :, ::-1])


def to_8_bit(image: np.ndarray, path: Path) -> np.ndarray:
    """A uint8 or uint16 picture as uint8; 65535 becomes 255, rounded to the nearest.

    Raises:
        VideoError: another number type, whose range nobody knows.
    """
    if image.dtype == np.uint8:
        return image
    if image.dtype == np.uint16:
        return ((image.astype(np.uint32) + 128) // 257).astype(np.uint8)
    raise VideoError(f"image {path} holds {image.dtype} numbers, expected 8 or 16 bits; convert it to PNG")


def write_image(path: Path | str, rgb: np.ndarray) -> None:
    """Write (H, W, 3) uint8 RGB; the suffix names the format. Atomic.

    Raises:
        VideoError: an unknown suffix, or an array of another shape or type.
        StorageError: disk full or folder not writable.
    """
    path = Path(path)
    if path.suffix.lower() not in IMAGE_SUFFIXES:
        raise VideoError(f"cannot write image {path}: expected one of {', '.join(IMAGE_SUFFIXES)}, got {path.suffix!r}")
    check_rgb(rgb, path)
    quality = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY] if path.suffix.lower() in (".jpg", ".jpeg") else []
    encoded = cv2.imencode(path.suffix.lower(), np.ascontiguousarray(rgb[:, :, ::-1]), quality)[1]
    with atomic_path(path) as temporary:
        temporary.write_bytes(encoded.tobytes())


def jpeg_bytes(rgb: np.ndarray, quality: int = JPEG_QUALITY, width: int | None = None) -> bytes:
    """(H, W, 3) uint8 RGB as a JPEG file in memory, made smaller where it is more than `width` pixels across."""
    if width is not None and rgb.shape[1] > width:
        height = max(1, round(rgb.shape[0] * width / rgb.shape[1]))
        rgb = np.asarray(cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    options = [cv2.IMWRITE_JPEG_QUALITY, quality]
    return cv2.imencode(".jpg", np.ascontiguousarray(rgb[:, :, ::-1]), options)[1].tobytes()


def check_rgb(rgb: np.ndarray, path: Path) -> None:
    """Raises VideoError unless `rgb` is (H, W, 3) uint8 with at least one pixel."""
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8 or rgb.size == 0:
        raise VideoError(f"cannot write {path}: expected an RGB picture (H, W, 3) uint8, got {rgb.shape} {rgb.dtype}")


def image_size(path: Path | str) -> tuple[int, int]:
    """(width, height) of a picture, from its first bytes where the format allows.

    Raises:
        VideoError: the file is missing or no picture.
    """
    path = Path(path)
    head = _read_bytes(path, HEADER_BYTES)
    if head.startswith(PNG_SIGNATURE) and head[12:16] == b"IHDR" and len(head) >= 24:
        return struct.unpack(">II", head[16:24])
    if head.startswith(JPEG_START) and (size := _jpeg_size(head)) is not None:
        return size
    height, width = read_image(path).shape[:2]
    return width, height


def _decode(data: bytes) -> np.ndarray | None:
    """BGR, or None for what is no picture; OpenCV's remarks on stderr are held back, our error says it in one line."""
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        return cv2.imdecode(np.frombuffer(data, np.uint8), READ_FLAGS)
    except cv2.error:
        return None
    finally:
        cv2.utils.logging.setLogLevel(level)


def _read_bytes(path: Path, limit: int = -1) -> bytes:
    # Through Python and not cv2.imread, which cannot open names outside the ANSI code page on Windows.
    try:
        with path.open("rb") as file:
            data = file.read(limit)
    except OSError as error:
        raise VideoError(
            f"cannot read image {path}: {error.strerror or error}; check the name and the folder"
        ) from error
    if not data:
        raise VideoError(f"image {path} is empty (0 bytes); copy or export it again")
    return data


def _cut_off(data: bytes) -> str | None:
    """Why the picture's data end too early, or None; decoders fill the rest of such a picture with gray in silence."""
    if data.startswith(PNG_SIGNATURE) and b"IEND" not in data[-64:] and b"IEND" not in data:
        return "its end mark IEND is missing"
    if data.startswith(JPEG_START) and data.rfind(JPEG_END) < data.rfind(JPEG_SCAN):
        return "its end mark is missing"
    if data.startswith(b"BM") and len(data) >= 6 and (expected := struct.unpack("<I", data[2:6])[0]) > len(data):
        return f"expected {expected} bytes, got {len(data)}"
    return None


def _jpeg_size(head: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 9 <= len(head):
        if head[at] != 0xFF:
            return None
        marker = head[at + 1]
        if marker in JPEG_SIZE_MARKERS:
            height, width = struct.unpack(">HH", head[at + 5 : at + 9])
            return width, height
        # Fill bytes have no length; every other segment before the scan does.
        at += 1 if marker == 0xFF else 2 + struct.unpack(">H", head[at + 2 : at + 4])[0]
    return None
