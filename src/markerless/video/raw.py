"""Frames before conversion: a part of one can be had as RGB or gray without converting the rest."""

from __future__ import annotations

from typing import Protocol

import cv2
import numpy as np
from av.video.frame import VideoFrame

from markerless.core.view import View
from markerless.video.color import UPRIGHT, RgbConverter, gray_part, is_gray, rgb_is_gray


class RawFrame(Protocol):
    """A frame as it came out of the decoder.

    Attributes:
        is_gray: Whether it has no color, so that `gray` shows all that `rgb` does.
    """

    @property
    def is_gray(self) -> bool: ...

    def rgb(self, view: View | None = None) -> np.ndarray:
        """(h, w, 3) uint8 RGB, upright, contiguous: the part `view` of the frame, None for all of it."""

    def gray(self, view: View | None = None, out: np.ndarray | None = None) -> np.ndarray:
        """(h, w, 1) uint8 of full range, likewise; of a frame with color, its brightness. `out` takes it if given.

        Raises:
            ValueError: `out` has another shape.
        """


class DecodedFrame:
    """A frame of a video file."""

    def __init__(self, frame: VideoFrame, convert: RgbConverter) -> None:
        self._frame = frame
        self._convert = convert

    @property
    def is_gray(self) -> bool:
        known = is_gray(self._frame)
        return rgb_is_gray(self.rgb()) if known is None else known

    def rgb(self, view: View | None = None) -> np.ndarray:
        """See `RawFrame`."""
        return self._convert(self._frame) if view is None else self._convert.part(self._frame, view)

    def gray(self, view: View | None = None, out: np.ndarray | None = None) -> np.ndarray:
        """See `RawFrame`."""
        if self._convert.orientation == UPRIGHT:
            view = view or View.whole(self._frame.width, self._frame.height)
            _require_fit(out, (view.height, view.width))
            luma = gray_part(self._frame, view, out)
            if luma is not None:
                return luma
        return _brightness(self.rgb(view), out)


class GrayFrame:
    """A frame without color, as a scientific camera gives it."""

    def __init__(self, gray: np.ndarray) -> None:
        """Take `gray (H, W)` uint8."""
        self._gray = gray[:, :, np.newaxis]

    @property
    def is_gray(self) -> bool:
        return True

    def rgb(self, view: View | None = None) -> np.ndarray:
        """See `RawFrame`."""
        return np.repeat(self.gray(view), 3, axis=2)

    def gray(self, view: View | None = None, out: np.ndarray | None = None) -> np.ndarray:
        """See `RawFrame`."""
        gray = self._gray if view is None else view.cut(self._gray)
        if out is None:
            return gray
        _require_fit(out, gray.shape[:2])
        out[:] = gray
        return out


class RgbFrame:
    """A frame that is RGB already: a picture, or what a camera gave."""

    def __init__(self, rgb: np.ndarray) -> None:
        self._rgb = rgb

    @property
    def is_gray(self) -> bool:
        return rgb_is_gray(self._rgb)

    def rgb(self, view: View | None = None) -> np.ndarray:
        """See `RawFrame`."""
        return self._rgb if view is None else view.cut(self._rgb)

    def gray(self, view: View | None = None, out: np.ndarray | None = None) -> np.ndarray:
        """See `RawFrame`."""
        return _brightness(self.rgb(view), out)


def _brightness(rgb: np.ndarray, out: np.ndarray | None) -> np.ndarray:
    """Luma by the weights of BT.601, as video has it; where red, green and blue are equal, that very number."""
    _require_fit(out, rgb.shape[:2])
    if out is None:
        out = np.empty((*rgb.shape[:2], 1), np.uint8)
    cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY, dst=out[:, :, 0])
    return out


def _require_fit(out: np.ndarray | None, size: tuple[int, ...]) -> None:
    """Raise ValueError for an `out` of another height and width: OpenCV writes elsewhere then and says nothing."""
    if out is not None and out.shape != (*size, 1):
        raise ValueError(f"expected an array of {(*size, 1)} for the gray picture, got one of {out.shape}")
