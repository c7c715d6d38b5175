"""From decoded frames to upright RGB: color matrix, color range, bit depth, rotation metadata."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import cast

import numpy as np
from av.sidedata.sidedata import SideData, Type
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter

# AVCOL_SPC_UNSPECIFIED: untagged video is BT.601, as ffmpeg and OpenCV read it, and so are pictures taken with them.
UNSPECIFIED = 2
# Luma of limited range goes from 16 to 235.
EXPAND_LIMITED = np.clip(np.rint((np.arange(256) - 16) * 255 / 219), 0, 255).astype(np.uint8)

Orientation = tuple[bool, bool, bool]
UPRIGHT: Orientation = (False, False, False)


class RgbConverter:
    """Turns decoded frames into (H, W, 3) uint8 RGB of full range."""

    def __init__(self, orientation: Orientation = UPRIGHT) -> None:
        self.orientation = orientation
        self._reformatter = VideoReformatter()

    def __call__(self, frame: VideoFrame) -> np.ndarray:
        """(H, W, 3) uint8 RGB, upright; gray is repeated, 16 bits are scaled to 8, alpha is dropped."""
        source = Colorspace.ITU601 if frame.colorspace == UNSPECIFIED else None
        rgb = self._reformatter.reformat(frame, format="rgb24", src_colorspace=source, threads=1).to_ndarray()
        if frame.format.name.startswith("gray") and frame.color_range == ColorRange.MPEG:
            # swscale takes gray for full range whatever the tag says.
            rgb = EXPAND_LIMITED[rgb]
        return turn(rgb, self.orientation)


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
