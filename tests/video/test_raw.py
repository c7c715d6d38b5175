from __future__ import annotations

from pathlib import Path
from typing import cast

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace

from markerless.core.view import View
from markerless.video.color import TINT, RgbConverter
from markerless.video.images import write_image
from markerless.video.raw import DecodedFrame, GrayFrame, RawFrame, RgbFrame
from markerless.video.reader import open_video
from video.clips import HEIGHT, WIDTH, X264_PLAIN, Clip, picture, set_display_matrix, write

SIZE = (130, 98)
VIEWS = [View(0, 0, 130, 98), View(16, 24, 64, 40), View(33, 17, 51, 47), View(97, 65, 33, 33)]
PLANAR = ["yuv420p", "yuvj420p", "yuv422p", "yuv444p"]


def colorful() -> np.ndarray:
    """(98, 130, 3) smooth colors, so that chroma is the same whether it is interpolated or not."""
    x, y = np.meshgrid(np.linspace(0, 1, SIZE[0]), np.linspace(0, 1, SIZE[1]))
    return np.rint(np.stack((40 + 170 * x, 40 + 170 * y, 200 - 100 * x), axis=-1)).astype(np.uint8)


def decoded(rgb: np.ndarray, pix_fmt: str) -> DecodedFrame:
    frame = VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format=pix_fmt)
    return DecodedFrame(frame, RgbConverter())


def neutral(luma: np.ndarray, pix_fmt: str, chroma: int = 128) -> VideoFrame:
    """A frame of that luma, all of whose chroma has one value."""
    frame = VideoFrame(luma.shape[1], luma.shape[0], pix_fmt)
    for i, plane in enumerate(frame.planes):
        rows = np.frombuffer(cast(bytes, plane), dtype=np.uint8).reshape(-1, plane.line_size)
        rows[:, :] = chroma
        if i == 0:
            rows[: luma.shape[0], : luma.shape[1]] = luma
    return frame


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("pix_fmt", [*PLANAR, "rgb24", "gray", "yuv420p10le"])
def test_a_part_is_what_the_whole_shows_there(pix_fmt: str, view: View) -> None:
    raw = decoded(colorful(), pix_fmt)
    part = raw.rgb(view)
    assert part.shape == (view.height, view.width, 3)
    assert part.flags.c_contiguous
    assert np.abs(part.astype(int) - view.cut(raw.rgb()).astype(int)).max() <= 2
    assert not np.array_equal(part, RgbFrame(raw.rgb()).rgb(View(0, 0, view.width, view.height))) or view.left == 0


def test_a_part_follows_the_color_matrix_and_range_of_its_frame() -> None:
    raw = decoded(colorful(), "yuv444p")
    view = VIEWS[1]
    plain = raw.rgb(view).astype(int)
    raw._frame.colorspace = Colorspace.ITU709
    assert np.abs(raw.rgb(view).astype(int) - plain).max() > 3
    assert np.abs(raw.rgb(view).astype(int) - view.cut(raw.rgb())).max() <= 2
    raw._frame.color_range = ColorRange.JPEG
    assert np.abs(raw.rgb(view).astype(int) - view.cut(raw.rgb())).max() <= 2


@pytest.mark.parametrize("view", [None, *VIEWS])
@pytest.mark.parametrize("pix_fmt", [*PLANAR, "gray"])
def test_luma_of_a_frame_without_color_is_its_red_green_and_blue(pix_fmt: str, view: View | None) -> None:
    luma = np.random.default_rng(0).integers(16, 236, (SIZE[1], SIZE[0])).astype(np.uint8)
    raw = DecodedFrame(neutral(luma, pix_fmt), RgbConverter())
    assert raw.is_gray
    gray = raw.gray(view)
    assert gray.shape[2] == 1
    assert gray.flags.c_contiguous
    assert np.abs(gray.astype(int) - raw.rgb(view)).max() <= 1


def test_limited_luma_is_expanded_and_full_luma_is_not() -> None:
    luma = np.full((16, 16), 235, dtype=np.uint8)
    assert DecodedFrame(neutral(luma, "yuv420p"), RgbConverter()).gray()[0, 0, 0] == 255
    assert DecodedFrame(neutral(luma, "yuvj420p"), RgbConverter()).gray()[0, 0, 0] == 235
    assert DecodedFrame(neutral(luma, "gray"), RgbConverter()).gray()[0, 0, 0] == 235


def test_rounding_of_an_encoder_is_no_color_but_more_is() -> None:
    luma = np.full((16, 16), 120, dtype=np.uint8)
    assert DecodedFrame(neutral(luma, "yuv420p", 128 + TINT), RgbConverter()).is_gray
    assert not DecodedFrame(neutral(luma, "yuv420p", 128 + TINT + 1), RgbConverter()).is_gray
    tinted = np.full((16, 16, 3), 120, dtype=np.uint8)
    tinted[8, 8, 0] += 4 * TINT
    assert RgbFrame(tinted).is_gray
    tinted[8, 8, 0] += 1
    assert not RgbFrame(tinted).is_gray


@pytest.mark.parametrize("raw", [RgbFrame(colorful()), decoded(colorful(), "yuv420p"), decoded(colorful(), "rgb24")])
def test_a_frame_with_color_says_so(raw: RawFrame) -> None:
    assert not raw.is_gray


def test_a_video_is_gray_when_no_frame_looked_at_has_color(tmp_path: Path) -> None:
    plain = write(tmp_path / "gray.mp4", Clip(options=X264_PLAIN))
    with open_video(plain) as reader:
        assert reader.is_gray
        index, raw = next(reader.raw_frames(7))
        assert index == 7
        assert raw is not None
        assert np.abs(raw.gray().astype(int) - reader[7]).max() <= 1


def test_a_folder_is_gray_until_one_picture_has_color(tmp_path: Path) -> None:
    for i in range(5):
        write_image(tmp_path / f"{i}.png", picture(i))
    with open_video(tmp_path) as reader:
        assert reader.is_gray
    write_image(tmp_path / "4.png", np.resize(colorful(), picture(0).shape))
    with open_video(tmp_path) as reader:
        assert not reader.is_gray


def test_gray_of_a_turned_video_is_upright(tmp_path: Path) -> None:
    path = write(tmp_path / "turned.mp4", Clip(options=X264_PLAIN))
    set_display_matrix(path, 0, 1, -1, 0)
    with open_video(path) as reader:
        (_, raw), rgb = next(reader.raw_frames()), reader[0]
        assert raw is not None
        assert raw.gray().shape[:2] == rgb.shape[:2] == (reader.video.height, reader.video.width)
        view = View(8, 40, 32, 24)
        assert np.abs(raw.gray(view).astype(int) - view.cut(rgb)).max() <= 1


@pytest.mark.parametrize(("name", "luma"), [("red", 76), ("green", 150), ("blue", 29)])
def test_gray_of_a_frame_with_color_is_its_brightness(tmp_path: Path, name: str, luma: int) -> None:
    """0.299, 0.587 and 0.114 of 255 (ITU-R BT.601): a red frame is no black one."""
    rgb = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    rgb[:, :, ("red", "green", "blue").index(name)] = 255
    turned = DecodedFrame(VideoFrame.from_ndarray(rgb, format="rgb24"), RgbConverter((True, False, False)))
    for raw in (RgbFrame(rgb), decoded(rgb, "rgb24"), decoded(rgb, "yuv420p10le"), turned):
        assert np.abs(raw.gray().astype(int) - luma).max() <= 1
        out = np.zeros((2, 10, 12, 1), np.uint8)
        raw.gray(View(3, 5, 8, 6), out[1, :6, :8])
        assert np.abs(out[1, :6, :8].astype(int) - luma).max() <= 1
        assert not out[0].any() and not out[1, 6:].any() and not out[1, :, 8:].any()


@pytest.mark.parametrize(
    "raw",
    [
        RgbFrame(colorful()),
        decoded(colorful(), "rgb24"),
        decoded(colorful(), "yuv420p"),
        decoded(colorful(), "yuvj420p"),
        GrayFrame(colorful()[:, :, 0]),
    ],
)
@pytest.mark.parametrize("shape", [(5, 8, 1), (6, 9, 1), (6, 8)])
def test_an_array_of_another_size_is_refused(raw: RawFrame, shape: tuple[int, ...]) -> None:
    """OpenCV would leave it as it was."""
    with pytest.raises(ValueError, match=r"expected an array of \(6, 8, 1\)"):
        raw.gray(View(3, 5, 8, 6), np.zeros(shape, np.uint8))
    assert raw.gray(View(3, 5, 8, 6), np.zeros((6, 8, 1), np.uint8)).any()


def test_gray_of_a_frame_without_color_is_that_number() -> None:
    levels = np.arange(256, dtype=np.uint8).reshape(8, 32)
    raw = RgbFrame(np.repeat(levels[:, :, None], 3, axis=2))
    np.testing.assert_array_equal(raw.gray()[:, :, 0], levels)
    np.testing.assert_array_equal(raw.gray(View(3, 1, 17, 5))[:, :, 0], levels[1:6, 3:20])


def test_the_planes_are_read_without_their_padding() -> None:
    frame = av.VideoFrame(SIZE[0], SIZE[1], "yuv420p")
    for plane in frame.planes:  # 130 columns lie in lines of 192 bytes; whatever is behind them is not looked at
        rows = np.frombuffer(cast(bytes, plane), dtype=np.uint8).reshape(-1, plane.line_size)
        rows[:] = 7
        rows[: plane.height, : plane.width] = 128
    assert DecodedFrame(frame, RgbConverter()).is_gray
