"""From decoded frames to upright pixels: color matrix, color range, bit depth, rotation metadata.

A frame, or a part of it, is converted to RGB, or to gray where it has no color: then its luma plane is all there is.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import cast

import cv2
import numpy as np
from av.sidedata.sidedata import SideData, Type
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter

from markerless.core.view import View

# AVCOL_SPC_UNSPECIFIED: untagged video is BT.601, as ffmpeg and OpenCV read it, and so are pictures taken with them.
UNSPECIFIED = 2
# Luma of limited range goes from 16 to 235.
BLACK, WHITE = 16, 235
# Planar formats of 8 bits: how often width and height of their chroma planes have been halved.
CHROMA_HALVED = {
    "yuv420p": (1, 1),
    "yuvj420p": (1, 1),
    "yuv422p": (1, 0),
    "yuvj422p": (1, 0),
    "yuv444p": (0, 0),
    "yuvj444p": (0, 0),
}
NEUTRAL = 128
# Chroma this near to neutral is the rounding of an encoder; it moves red, green and blue by 3 to 4 of 255 levels.
TINT = 2
ROWS_BETWEEN_LOOKS = 4

Orientation = tuple[bool, bool, bool]
UPRIGHT: Orientation = (False, False, False)


class RgbConverter:
    """Turns decoded frames into (H, W, 3) uint8 RGB of full range."""

    def __init__(self, orientation: Orientation = UPRIGHT) -> None:
        self.orientation = orientation
        self._reformatter = VideoReformatter()
        self._small: VideoFrame | None = None

    def __call__(self, frame: VideoFrame) -> np.ndarray:
        """(H, W, 3) uint8 RGB, upright; gray is repeated, 16 bits are scaled to 8, alpha is dropped."""
        source = Colorspace.ITU601 if frame.colorspace == UNSPECIFIED else None
        rgb = self._reformatter.reformat(frame, format="rgb24", src_colorspace=source, threads=1).to_ndarray()
        if frame.format.name.startswith("gray") and frame.color_range == ColorRange.MPEG:
            # swscale takes gray for full range whatever the tag says.
            rgb = expand_limited(rgb, np.empty_like(rgb))
        return turn(rgb, self.orientation)

    def part(self, frame: VideoFrame, view: View) -> np.ndarray:
        """(view.height, view.width, 3) uint8 RGB: what `view.cut` would leave of the whole, to within rounding."""
        halved = CHROMA_HALVED.get(frame.format.name)
        if halved is None or self.orientation != UPRIGHT:
            return view.cut(self(frame))
        left, top = view.left & -2, view.top & -2  # where chroma samples begin
        width, height = view.left + view.width - left, view.top + view.height - top
        small = self._frame_like(frame, width + width % 2, height + height % 2)
        for i, (x, y) in enumerate([(0, 0), halved, halved]):
            source, target = _plane(frame, i), _plane(small, i)
            cut = source[top >> y : (top >> y) + len(target), left >> x : (left >> x) + target.shape[1]]
            target[: len(cut), : cut.shape[1]] = cut
        return View(view.left - left, view.top - top, view.width, view.height).cut(self(small))

    def _frame_like(self, frame: VideoFrame, width: int, height: int) -> VideoFrame:
        """A frame of another size whose pixels mean the same; made once for all frames of a kind."""
        kind = (width, height, frame.format.name, frame.colorspace, frame.color_range)
        small = self._small
        if small is None or kind != (small.width, small.height, small.format.name, small.colorspace, small.color_range):
            small = VideoFrame(width, height, frame.format.name)
            small.colorspace, small.color_range = frame.colorspace, frame.color_range
            self._small = small
        return small


def gray_part(frame: VideoFrame, view: View, out: np.ndarray | None = None) -> np.ndarray | None:
    """(view.height, view.width, 1) uint8, full range: the luma of an upright frame, None where it is not at hand.

    `out` of the same shape takes it, if given.
    """
    name = frame.format.name
    if name not in CHROMA_HALVED and name != "gray":
        return None
    luma = _plane(frame, 0)[view.top : view.top + view.height, view.left : view.left + view.width]
    if out is None:
        out = np.empty((view.height, view.width, 1), dtype=np.uint8)
    limited = frame.color_range == ColorRange.MPEG if name == "gray" else not _has_full_range(frame)
    if limited:
        expand_limited(luma, out[:, :, 0])
    else:
        out[:, :, 0] = luma
    return out


def expand_limited(luma: np.ndarray, out: np.ndarray) -> np.ndarray:
    """Stretch limited range to 0..255, into `out`, an array of the same shape; twice as fast as a table."""
    scale = 255 / (WHITE - BLACK)
    cv2.addWeighted(luma, scale, luma, 0, -BLACK * scale, dst=out)  # what is blacker than black or whiter is cut off
    return out


def is_gray(frame: VideoFrame) -> bool | None:
    """Whether the frame has no color; None where only its RGB can tell."""
    if frame.format.name.startswith("gray"):
        return True
    if frame.format.name not in CHROMA_HALVED:
        return None
    return all(_is_neutral(_plane(frame, i)) for i in (1, 2))


def rgb_is_gray(rgb: np.ndarray) -> bool:
    """Whether red, green and blue are as near to each other as those of a frame of neutral chroma."""
    some = rgb[::ROWS_BETWEEN_LOOKS].astype(np.int16)
    return bool((some.max(-1) - some.min(-1)).max(initial=0) <= 4 * TINT)


def turn(image: np.ndarray, orientation: Orientation) -> np.ndarray:
    """Apply an orientation: transpose first, then flip left-right, then top-bottom; the result is contiguous."""
    transposed, flip_x, flip_y = orientation
    if transposed:
        image = image.swapaxes(0, 1)
    if flip_x:
        image = image[:, ::-1]
    if flip_y:
        image = image[::-1]
    return np.ascontiguousarray(image)


def orientation_of(frame: VideoFrame) -> Orientation:
    """How the frame must be turned to stand upright (its display matrix); odd angles go to the nearest quarter."""
    side_data = cast(Mapping[object, object], frame.side_data).get(Type.DISPLAYMATRIX)
    if not isinstance(side_data, SideData):
        return UPRIGHT
    # Row vectors: x' = a x + c y, y' = b x + d y, as ISO 14496-12 has it.
    a, b, _, c, d = struct.unpack("=5i", bytes(side_data)[:20])
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return False, a < 0, d < 0
    return True, c < 0, b < 0


def _plane(frame: VideoFrame, i: int) -> np.ndarray:
    """(h, w) uint8, one plane of a frame of 8 bits; its memory is the frame's."""
    plane = frame.planes[i]
    rows = np.frombuffer(cast(bytes, plane), dtype=np.uint8).reshape(-1, plane.line_size)
    return rows[: plane.height, : plane.width]


def _is_neutral(chroma: np.ndarray) -> bool:
    some = chroma[::ROWS_BETWEEN_LOOKS]
    return bool(some.max(initial=NEUTRAL) <= NEUTRAL + TINT and some.min(initial=NEUTRAL) >= NEUTRAL - TINT)


def _has_full_range(frame: VideoFrame) -> bool:
    return frame.format.name.startswith("yuvj") or frame.color_range == ColorRange.JPEG
