"""Pictures: what goes in comes out, and what is damaged says so in one line."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from markerless.errors import MarkerlessError, StorageError, VideoError
from markerless.video.images import image_size, jpeg_bytes, read_image, write_image

RGB = np.random.default_rng(3).integers(0, 256, (37, 53, 3), dtype=np.uint8)


def write_png(path: Path, bit_depth: int, color_type: int, rows: bytes, size: tuple[int, int]) -> None:
    """An independent PNG encoder: unfiltered `rows`, each already led by its filter byte 0."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", *size, bit_depth, color_type, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif", ".tiff", ".PNG"])
def test_lossless_formats_give_back_every_pixel(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"Mäuse im Käfig 3{suffix}"
    write_image(path, RGB)
    assert np.array_equal(read_image(path), RGB)
    assert image_size(path) == (53, 37)


def test_jpeg_keeps_size_and_channel_order(tmp_path: Path) -> None:
    red = np.zeros((24, 40, 3), np.uint8)
    red[..., 0] = 250
    write_image(tmp_path / "red.jpg", red)
    assert np.abs(read_image(tmp_path / "red.jpg").astype(int) - red).max() <= 3
    assert image_size(tmp_path / "red.jpg") == (40, 24)


def test_jpeg_in_memory_is_the_picture(tmp_path: Path) -> None:
    red = np.zeros((24, 40, 3), np.uint8)
    red[..., 0] = 250
    path = tmp_path / "memory.jpg"
    path.write_bytes(jpeg_bytes(red))
    assert np.abs(read_image(path).astype(int) - red).max() < 6


def test_channels_are_red_green_blue(tmp_path: Path) -> None:
    write_png(tmp_path / "a.png", 8, 2, b"\x00" + bytes([1, 2, 3, 250, 0, 7]), (2, 1))
    assert read_image(tmp_path / "a.png").tolist() == [[[1, 2, 3], [250, 0, 7]]]


def test_sixteen_bits_are_scaled_to_the_nearest_of_eight(tmp_path: Path) -> None:
    values = [0, 128, 129, 257, 32896, 65535]
    write_png(tmp_path / "deep.png", 16, 0, b"\x00" + struct.pack(">6H", *values), (6, 1))
    # v / 257: 0, 0.498, 0.502, 1, 128, 255
    assert read_image(tmp_path / "deep.png")[0].tolist() == [[v] * 3 for v in (0, 0, 1, 1, 128, 255)]


def test_grey_is_repeated_and_alpha_is_dropped(tmp_path: Path) -> None:
    write_png(tmp_path / "gray.png", 8, 0, b"\x00" + bytes([9, 200]), (2, 1))
    write_png(tmp_path / "alpha.png", 8, 6, b"\x00" + bytes([10, 20, 30, 0, 40, 50, 60, 255]), (2, 1))
    assert read_image(tmp_path / "gray.png").tolist() == [[[9] * 3, [200] * 3]]
    assert read_image(tmp_path / "alpha.png").tolist() == [[[10, 20, 30], [40, 50, 60]]]


def test_exif_rotation_is_not_applied(tmp_path: Path) -> None:
    write_image(tmp_path / "plain.jpg", RGB)
    data = (tmp_path / "plain.jpg").read_bytes()
    # Orientation 6: "turn a quarter to the right to view".
    tiff = b"II*\x00\x08\x00\x00\x00" + struct.pack("<HHHIHHI", 1, 0x0112, 3, 1, 6, 0, 0)
    exif = b"Exif\x00\x00" + tiff
    turned = data[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + data[2:]
    (tmp_path / "turned.jpg").write_bytes(turned)
    stored = np.frombuffer(turned, np.uint8)
    understood = cv2.imdecode(stored, cv2.IMREAD_COLOR)
    assert understood is not None and understood.shape == (53, 37, 3)
    assert np.array_equal(read_image(tmp_path / "turned.jpg"), read_image(tmp_path / "plain.jpg"))
    assert image_size(tmp_path / "turned.jpg") == (53, 37)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".tif"])
@pytest.mark.parametrize("share", [0.3, 0.95])
def test_cut_off_images_are_errors(tmp_path: Path, suffix: str, share: float) -> None:
    path = tmp_path / f"whole{suffix}"
    write_image(path, RGB)
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(VideoError, match="whole") as caught:
        read_image(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"no picture at all", b"\x89PNG\r\n\x1a\n" + bytes(40) + b"IEND"])
def test_what_is_no_image_is_one_line(tmp_path: Path, content: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x.png").write_bytes(content)
    for read in (read_image, image_size):
        with pytest.raises(VideoError, match=r"x\.png") as caught:
            read(tmp_path / "x.png")
        assert "\n" not in str(caught.value)
    assert "grfmt" not in capfd.readouterr().err


def test_missing_image_is_named(tmp_path: Path) -> None:
    for read in (read_image, image_size):
        with pytest.raises(VideoError, match=r"gone\.png"):
            read(tmp_path / "gone.png")


@pytest.mark.parametrize(
    ("name", "rgb", "error"),
    [
        ("a.webm", RGB, VideoError),
        ("a.png", RGB[..., 0], VideoError),
        ("a.png", RGB.astype(np.float32), VideoError),
        ("file/a.png", RGB, StorageError),
    ],
)
def test_what_cannot_be_written_leaves_nothing_behind(
    tmp_path: Path, name: str, rgb: np.ndarray, error: type[MarkerlessError]
) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(error):
        write_image(tmp_path / name, rgb)
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]
