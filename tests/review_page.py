"""The review page as a person uses it: where image points lie on the screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markerless.core.instance import FloatArray

if TYPE_CHECKING:
    from playwright.sync_api import Page

MARGIN_PX = 20  # around a picture that is fitted


def canvas_place(page: Page, xy: FloatArray, size: tuple[int, int] = (320, 240)) -> tuple[float, float]:
    """Where an image point is on the page, with the picture fitted."""
    box = page.locator(".review-picture").bounding_box()
    assert box is not None
    scale = min((box["width"] - MARGIN_PX) / size[0], (box["height"] - MARGIN_PX) / size[1])
    left = box["x"] + (box["width"] - size[0] * scale) / 2
    top = box["y"] + (box["height"] - size[1] * scale) / 2
    return left + (xy[0] + 0.5) * scale, top + (xy[1] + 0.5) * scale


def drag(page: Page, start: FloatArray, end: FloatArray) -> None:
    """Take what lies at an image point to another one."""
    page.mouse.move(*canvas_place(page, start))
    page.mouse.down()
    page.mouse.move(*canvas_place(page, end + 8), steps=4)
    page.mouse.move(*canvas_place(page, end), steps=4)
    page.mouse.up()
