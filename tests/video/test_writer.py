"""Videos we write: what others expect of them, and nothing half-written."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest

from markerless.errors import StorageError, VideoError
from markerless.video.reader import open_video
from markerless.video.writer import VideoWriter
from video.clips import number_of, picture


def write_numbers(path: Path, n_frames: int, width: int = 128, height: int = 96, fps: float = 30) -> Path:
    with VideoWriter(path, fps, (width, height)) as writer:
        for number in range(n_frames):
            writer.write(picture(number, width, height))
    return path


@pytest.mark.parametrize(
    "name", ["plain.mp4", "mouse 3 (left), day 2.mp4", "Mäuse 老鼠 🐭.mp4", "a:b%03d.m4v", "c.mov"]
)
def test_frames_come_back_under_their_numbers(tmp_path: Path, name: str) -> None:
    path = write_numbers(tmp_path / name, 70)
    with open_video(path) as reader:
        assert reader.video.n_frames == reader.video.container_n_frames == 70
        assert [number_of(rgb) for _, rgb in reader.frames() if rgb is not None] == list(range(70))
        assert reader.times_s[-1] == pytest.approx(69 / 30)
    assert [entry.name for entry in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize(("size", "matrix"), [((640, 480), 6), ((1280, 720), 1)], ids=["sd", "hd"])
def test_browsers_can_play_it(tmp_path: Path, size: tuple[int, int], matrix: int) -> None:
    path = write_numbers(tmp_path / "a.mp4", 3, *size)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        context = stream.codec_context
        assert (context.name, context.pix_fmt) == ("h264", "yuv420p")
        # Limited range; matrix, primaries and transfer of BT.601 or BT.709 as the size makes players expect.
        assert (context.color_range, context.colorspace) == (1, matrix)
        assert (context.color_primaries, context.color_trc) == (matrix, matrix)
    data = path.read_bytes()
    assert data.find(b"moov") < data.find(b"mdat"), "the index must come first, so that playing starts at once"


@pytest.mark.parametrize("size", [(641, 479), (640, 479), (3, 3), (2, 1)])
def test_odd_sizes_are_padded_with_their_edge(tmp_path: Path, size: tuple[int, int]) -> None:
    width, height = size
    rgb = np.full((height, width, 3), (30, 90, 160), np.uint8)
    with VideoWriter(tmp_path / "odd.mp4", 25, size) as writer:
        writer.write(rgb)
    with open_video(tmp_path / "odd.mp4") as reader:
        assert reader[0].shape == (height + height % 2, width + width % 2, 3)
        assert np.abs(reader[0].astype(int) - rgb[0, 0]).max() <= 4


@pytest.mark.parametrize("size", [(64, 64), (960, 720)], ids=["bt601", "bt709"])
def test_colors_survive(tmp_path: Path, size: tuple[int, int]) -> None:
    colors = [(200, 40, 60), (20, 180, 90), (60, 50, 220), (255, 255, 255), (0, 0, 0)]
    with VideoWriter(tmp_path / "a.mp4", 30, size) as writer:
        for color in colors:
            writer.write(np.full((size[1], size[0], 3), color, np.uint8))
    with open_video(tmp_path / "a.mp4") as reader:
        for index, color in enumerate(colors):
            assert np.abs(reader[index].astype(int) - color).max() <= 5


@pytest.mark.parametrize("fps", [29.97, 1000 / 33.333, 0.5, 250.0])
def test_rates_are_kept(tmp_path: Path, fps: float) -> None:
    with open_video(write_numbers(tmp_path / "a.mp4", 8, fps=fps)) as reader:
        assert reader.video.fps == pytest.approx(fps, rel=1e-4)
        assert reader.times_s[-1] == pytest.approx(7 / fps, rel=1e-4)


@pytest.mark.parametrize(
    ("name", "fps", "size"),
    [
        ("a.avi", 30, (64, 64)),
        ("a.mp4", 0, (64, 64)),
        ("a.mp4", float("nan"), (64, 64)),
        ("a.mp4", 30, (0, 64)),
    ],
)
def test_impossible_videos_are_refused(tmp_path: Path, name: str, fps: float, size: tuple[int, int]) -> None:
    with pytest.raises(VideoError, match="cannot write video"):
        VideoWriter(tmp_path / name, fps, size)


def test_frames_of_another_shape_are_refused_and_nothing_is_left(tmp_path: Path) -> None:
    for rgb in (np.zeros((60, 64, 3), np.uint8), np.zeros((64, 64), np.uint8), np.zeros((64, 64, 3))):
        with pytest.raises(VideoError, match=r"a\.mp4"), VideoWriter(tmp_path / "a.mp4", 30, (64, 64)) as writer:
            writer.write(rgb)
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_video_keeps_the_old_one(tmp_path: Path) -> None:
    path = write_numbers(tmp_path / "a.mp4", 5)
    before = path.read_bytes()
    with pytest.raises(KeyboardInterrupt), VideoWriter(path, 30, (128, 96)) as writer:
        writer.write(picture(0))
        raise KeyboardInterrupt
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_video_without_frames_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match="no frame was written"), VideoWriter(tmp_path / "a.mp4", 30, (64, 64)):
        pass
    assert list(tmp_path.iterdir()) == []


def test_an_unwritable_folder_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with (
        pytest.raises(StorageError, match="choose a writable folder"),
        VideoWriter(tmp_path / "file" / "a.mp4", 30, (64, 64)),
    ):
        pass


FULL_DISK = """
import resource, sys
from pathlib import Path
import numpy as np
from markerless.errors import StorageError
from markerless.video.writer import VideoWriter

noise = np.random.default_rng(0)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
try:
    with VideoWriter(Path(sys.argv[1]), 30, (320, 240)) as writer:
        for _ in range(int(sys.argv[3])):
            writer.write(noise.integers(0, 256, (240, 320, 3), dtype=np.uint8))
except StorageError as error:
    sys.exit(f"StorageError {error}")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on file size to stand in for a full disk")
@pytest.mark.parametrize("n_frames", [120, 8], ids=["while-writing", "while-finishing"])
def test_a_full_disk_is_a_storage_error(tmp_path: Path, n_frames: int) -> None:
    command = [sys.executable, "-c", FULL_DISK, str(tmp_path / "a.mp4"), "100000", str(n_frames)]
    result = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=120, check=False)
    assert result.returncode == 1, result.stderr
    assert result.stderr.splitlines()[-1].startswith("StorageError no space left to write"), result.stderr
    assert list(tmp_path.iterdir()) == []
