"""Text in pictures of videos: the font of the figures, drawn once for each text and then blended in."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from matplotlib.font_manager import FontProperties, findfont
from matplotlib.ft2font import FT2Font

from markerless.core.instance import FloatArray

Image = npt.NDArray[np.uint8]
Color = tuple[int, int, int]
Mask = npt.NDArray[np.float32]

_MOST_KEPT = 4096  # texts; the times of a long video are many
_DPI = 72  # a point is a pixel


@dataclass(frozen=True)
class Lettering:
    """How text looks.

    Attributes:
        size: Of the letters in px, as fonts count it.
        color: RGB.
        anchor: The place in the text that is put where it is told: (0, 0) its upper left corner, (1, 1) its lower
            right one.
        bold: In bold letters.
    """

    size: int
    color: Color
    anchor: tuple[float, float] = (0.0, 0.0)
    bold: bool = False


def write(image: Image, text: str, xy: tuple[float, float], look: Lettering) -> None:
    """Write text into `image` `(H, W, 3)` in place; what lies outside of it is cut off.

    Args:
        image: The picture.
        text: One line.
        xy: Where: the place of the text's anchor, in px.
        look: How.
    """
    mask = _mask(text, look.size, look.bold)
    height, width = mask.shape
    left = round(xy[0] - look.anchor[0] * width)
    top = round(xy[1] - look.anchor[1] * height)
    x, y = max(left, 0), max(top, 0)
    right, bottom = min(left + width, image.shape[1]), min(top + height, image.shape[0])
    if x >= right or y >= bottom:
        return
    part = image[y:bottom, x:right]
    weight = mask[y - top : bottom - top, x - left : right - left, None]
    part[:] = np.rint(part + weight * (np.array(look.color, np.float32) - part))


def text_size(text: str, look: Lettering) -> tuple[int, int]:
    """Width and height of a text in px."""
    height, width = _mask(text, look.size, look.bold).shape
    return width, height


@lru_cache(maxsize=4)
def _font(size: int, bold: bool) -> FT2Font:
    path = findfont(FontProperties(family="DejaVu Sans", weight="bold" if bold else "normal"))
    font = FT2Font(path)
    font.set_size(size, _DPI)
    return font


@lru_cache(maxsize=_MOST_KEPT)
def _mask(text: str, size: int, bold: bool) -> Mask:
    """Coverage of each pixel, 0..1. As high as every other text of this size, so that lines do not dance."""
    if not text.strip():
        return np.zeros((size, 1), np.float32)
    font = _font(size, bold)
    font.set_text("Åg")
    _, whole = font.get_width_height()
    below = font.get_descent()
    font.set_text(text)
    font.draw_glyphs_to_bitmap(antialiased=True)
    glyphs = np.asarray(font.get_image(), dtype=np.float32) / 255
    height = round(whole / 64)
    top = height - round(below / 64) - (len(glyphs) - round(font.get_descent() / 64))
    room: FloatArray | Mask = np.zeros((max(height, top + len(glyphs)), glyphs.shape[1]), np.float32)
    start = max(top, 0)
    room[start : start + len(glyphs)] = glyphs[: len(room) - start]
    return np.asarray(room, dtype=np.float32)
