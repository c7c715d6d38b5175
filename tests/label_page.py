"""The label page as a person uses it: image points instead of screen positions, keys, and what is painted where."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from app_server import Server
from markerless.core.instance import FloatArray
from markerless.project import Project
from markerless.video.images import write_image
from markerless.video.reader import open_video

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

Point = Sequence[float] | FloatArray
FRAMES = (2, 20, 40)  # of the made video: without labels in the made study
SAVED_WITHIN_MS = 15_000
WHEEL_PX = 120  # one notch of a mouse
MOST_TURNS = 60


class LabelPage:
    """`page` on a folder of a project; `who` labels."""

    def __init__(self, page: Page, server: Server, who: str = "ada") -> None:
        self.page = page
        self.base = server.url.partition("?")[0]
        page.add_init_script(
            f"localStorage.getItem('markerless-who') || localStorage.setItem('markerless-who', '{who}')"
        )
        page.goto(server.url)
        page.wait_for_selector("#pages a")
        self.key = page.evaluate("location.hash.split('/')[1]")

    @classmethod
    def shown_in(cls, page: Page) -> LabelPage:
        """The label page that a person has come to, with its first frame in sight."""
        label = cls.__new__(cls)
        label.page = page
        label.key = page.evaluate("location.hash.split('/')[1]")
        page.wait_for_selector(".label-stage[data-frame]:not([data-waits])")
        label.settle()
        return label

    def open(self, folder: str = "", frame: str = "") -> LabelPage:
        """Show a frame; by default the first one with something to label."""
        self.page.evaluate(f"location.hash = '#/{self.key}/label?video={folder}&frame={frame}'")
        which = f'[data-frame="{frame}"]' if frame else "[data-frame]"
        self.page.wait_for_selector(f".label-stage{which}:not([data-waits])")
        self.settle()
        return self

    def settle(self) -> None:
        """Wait until what was done is painted."""
        self.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")

    @property
    def frame(self) -> str:
        return self.page.get_attribute(".label-stage", "data-frame") or ""

    @property
    def view(self) -> tuple[float, float, float]:
        """Scale, left and top of the picture in the canvas."""
        scale, left, top = (self.page.get_attribute(".label-stage", "data-view") or "").split()
        return float(scale), float(left), float(top)

    def on_canvas(self, xy: Point) -> tuple[float, float]:
        """Where an image point lies in the canvas: the center of pixel (0, 0) is half a pixel from its corner."""
        scale, left, top = self.view
        return (float(xy[0]) + 0.5) * scale + left, (float(xy[1]) + 0.5) * scale + top

    def on_screen(self, xy: Point) -> tuple[float, float]:
        box = self.page.locator(".label-marks").bounding_box()
        assert box is not None
        x, y = self.on_canvas(xy)
        return box["x"] + x, box["y"] + y

    def click(self, xy: Point, button: Literal["left", "right"] = "left", held: str = "") -> None:
        """Click on an image point, with a key held down or without."""
        if held:
            self.page.keyboard.down(held)
        self.page.mouse.click(*self.on_screen(xy), button=button)
        if held:
            self.page.keyboard.up(held)
        self.settle()

    def drag(self, start: Point, end: Point) -> None:
        self.page.mouse.move(*self.on_screen(start))
        self.page.mouse.down()
        self.page.mouse.move(*self.on_screen(end), steps=4)
        self.page.mouse.up()
        self.settle()

    def zoom_to(self, xy: Point, scale: float) -> None:
        """Turn the wheel above an image point until the picture is at least `scale` times as large."""
        for _ in range(MOST_TURNS):
            if self.view[0] >= scale:
                return
            self.page.mouse.move(*self.on_screen(xy))
            self.page.mouse.wheel(0, -WHEEL_PX)
            self.settle()
        raise AssertionError(f"the wheel does not make the picture {scale} times as large, only {self.view[0]:.2f}")

    def point_away(self) -> None:
        """Take the mouse from the picture, so that no mark is pointed at."""
        self.page.mouse.move(0, 0)
        self.settle()

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)
        self.settle()

    def press_to(self, key: str, frame: str) -> None:
        """Press a key that leads to another frame, and wait until it is shown."""
        self.page.keyboard.press(key)
        self.page.wait_for_selector(f'.label-stage[data-frame="{frame}"]:not([data-waits])')
        self.settle()

    @property
    def state(self) -> str:
        return self.page.inner_text("#save-state")

    def wait_state(self, start: str) -> None:
        told = "(start) => document.getElementById('save-state')?.textContent.startsWith(start)"
        self.page.wait_for_function(told, arg=start, timeout=SAVED_WITHIN_MS)

    def wait_saved(self) -> None:
        self.wait_state("saved")

    def keypoint(self, name: str) -> str:
        """State of a keypoint in the list beside the picture: "open", "placed", "hidden" or "absent"."""
        return self.page.get_attribute(f'.label-keypoint[title="{name}"]', "data-state") or ""

    def wait_keypoint(self, name: str, state: str) -> None:
        self.page.wait_for_selector(f'.label-keypoint[title="{name}"][data-state="{state}"]')

    def painted(self, rgb: Sequence[int]) -> tuple[float, float] | None:
        """Center of everything painted in one color above the picture, in canvas pixels; None for nothing."""
        data = self.page.evaluate(
            """([red, green, blue]) => {
              const canvas = document.querySelector('.label-marks');
              const { data, width } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
              let [n, x, y] = [0, 0, 0];
              for (let i = 0; i < data.length; i += 4) {
                const far = Math.abs(data[i] - red) + Math.abs(data[i + 1] - green) + Math.abs(data[i + 2] - blue);
                if (data[i + 3] < 250 || far > 6) continue;
                n++; x += (i / 4) % width + 0.5; y += Math.floor(i / 4 / width) + 0.5;
              }
              return n ? [x / n / devicePixelRatio, y / n / devicePixelRatio] : null;
            }""",
            [int(value) for value in rgb],
        )
        return None if data is None else (data[0], data[1])


def new_page(context: BrowserContext, server: Server, who: str = "ada") -> LabelPage:
    """A page of another person."""
    page = context.new_page()
    page.set_default_timeout(15_000)
    return LabelPage(page, server, who)


def add_pictures(root: Path, video: Path, frames: Sequence[int]) -> list[str]:
    """Take frames of a video as pictures to label; their file names."""
    names = [f"img{i:02d}.png" for i in frames]
    with open_video(video) as reader:
        for i, name in zip(frames, names, strict=True):
            write_image(root / "labeled-data" / video.stem / name, reader[i])
    return names


def points_of(root: Path, folder: str, picture: str) -> tuple[FloatArray, np.ndarray]:
    """xy `(K, 2)` and visibility `(K,)` of the first animal as a program finds them in the project."""
    for frame in Project(root).labels_of(folder).frames:
        if frame.image == f"labeled-data/{folder}/{picture}":
            return frame.instances[0].xy, frame.instances[0].visibility
    raise AssertionError(f"no labels of {picture} in {root}")
