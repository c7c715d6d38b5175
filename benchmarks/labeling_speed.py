"""How quick the label page is, in headless Chromium against a real server on loopback.

    python benchmarks/labeling_speed.py [--out FILE.json]

Measured in the page itself, where `js/label/timing.js` leaves entries for a PerformanceObserver: the work of the main
thread from a click to the painted point, and the time from the key for the next frame until the screen's frame after
the one in which it was painted, with pictures of 640 x 480 and of 3840 x 2160; fetched before (the usual case: one
looks at a frame before going on) and not fetched before (a jump). Then the same with 50 ms of delay on the line, and
how long a folder of 5,000 frames takes to open.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from markerless.project import NewProject, create_project
from markerless.synthetic.scene import Look, Scene
from markerless.video.images import write_image
from markerless.video.writer import VideoWriter

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from app_server import start
from label_page import LabelPage

if TYPE_CHECKING:
    from playwright.sync_api import Page

SMALL, LARGE = (640, 480), (3840, 2160)
N_FRAMES = 30
N_LONG = 5000
DELAY_MS = 50
LOOKED_AT_MS = 1500  # at a frame, before going on
WATCH = """() => {
  window.measured = {};
  new PerformanceObserver((list) => {
    for (const { name, duration } of list.getEntries()) (window.measured[name] ??= []).push(duration);
  }).observe({ type: 'measure' });
}"""


@dataclass(frozen=True)
class Figure:
    """Milliseconds of something that was done several times."""

    median: float
    p95: float
    most: float
    n: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Figure:
        rounded = [round(float(value), 1) for value in (*np.percentile(values, (50, 95)), max(values))]
        return cls(rounded[0], rounded[1], rounded[2], len(values))


def make_study(folder: Path, size: tuple[int, int], n_frames: int) -> tuple[Path, np.ndarray]:
    """A project with pictures of `size`, none labeled, and where the keypoints are."""
    folder.mkdir(parents=True)
    scene = Scene(3, SMALL, N_FRAMES, look=Look(coat="agouti"))
    video = folder / "cage.mp4"
    with VideoWriter(video, scene.fps, scene.size) as writer:
        writer.write(scene.frame(0)[0])
    project = create_project(NewProject("page", "ada", scene.skeleton.keypoints), folder, [video])
    pictures = project.root / "labeled-data" / "cage"
    for i in range(n_frames):
        picture = pictures / f"img{i:04d}.png"
        if i >= N_FRAMES:
            picture.hardlink_to(pictures / f"img{i % N_FRAMES:04d}.png")
            continue
        rgb = scene.frame(i)[0]
        write_image(picture, rgb if size == SMALL else noisy(rgb, size))
    factor = size[0] / SMALL[0]
    return project.root, (scene.truth() + 0.5) * factor - 0.5


def noisy(rgb: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The picture at another size with the noise of a camera, without which it would be far smaller as a file."""
    larger = cv2.resize(rgb, size, interpolation=cv2.INTER_CUBIC).astype(np.int16)
    noise = np.random.default_rng(0).normal(0, 3, larger.shape)
    return np.clip(larger + noise, 0, 255).astype(np.uint8)


@contextmanager
def opened(folder: Path, root: Path, size: tuple[int, int] = (1280, 800)) -> Iterator[LabelPage]:
    """The label page on a project."""
    from playwright.sync_api import sync_playwright

    server = start(folder, root)
    try:
        with sync_playwright() as playwright:
            path = shutil.which("chromium") or "/usr/bin/chromium"
            browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
            page = browser.new_context(viewport={"width": size[0], "height": size[1]}).new_page()
            page.set_default_timeout(60_000)
            yield LabelPage(page, server)
            browser.close()
    finally:
        server.kill()


def measured(page: Page, name: str) -> list[float]:
    """What has been measured under a name since it was asked last."""
    found: list[float] = page.evaluate("(name) => window.measured[name]?.splice(0) ?? []", name)
    return found


def place_points(label: LabelPage, truth: np.ndarray, frames: Sequence[int]) -> Figure:
    """Label some frames, a click for each keypoint."""
    for i in frames:
        label.open("cage", f"img{i:04d}.png")
        for xy in truth[i]:
            label.click(xy)
    return Figure.of(measured(label.page, "label:place"))


def go_on(label: LabelPage, n: int) -> Figure:
    """Go through frames one after the other, looking at each."""
    label.open("cage", "img0000.png")
    label.page.wait_for_timeout(LOOKED_AT_MS)
    measured(label.page, "label:frame")
    for i in range(1, n + 1):
        label.press_to("d", f"img{i:04d}.png")
        label.page.wait_for_timeout(LOOKED_AT_MS)
    return Figure.of(measured(label.page, "label:frame"))


def jump(label: LabelPage, n: int) -> Figure:
    """Go to frames that were not fetched before."""
    label.page.reload()
    label.page.wait_for_selector(".label-stage[data-frame]")
    label.page.evaluate(WATCH)
    for i in range(n):
        name = f"img{N_FRAMES - 1 - 5 * i if i % 2 else 2 + 5 * i:04d}.png"
        label.page.click(f'.label-row[title="{name}"]')
        label.page.wait_for_selector(f'.label-stage[data-frame="{name}"]:not([data-waits])')
        label.page.wait_for_timeout(LOOKED_AT_MS)
    return Figure.of(measured(label.page, "label:frame"))


def of_size(folder: Path, size: tuple[int, int]) -> dict[str, Figure]:
    root, truth = make_study(folder, size, N_FRAMES)
    with opened(folder, root, (1920, 1080)) as label:
        label.open("cage", "img0000.png")
        label.page.evaluate(WATCH)
        figures = {
            "place a point": place_points(label, truth, (0, 1, 2)),
            "next frame, fetched before": go_on(label, 8),
        }
        return {**figures, "a jump to another frame": jump(label, 4)}


def over_a_slow_line(folder: Path) -> dict[str, Figure]:
    """With a delay before every answer of the server, as over ssh."""
    root, truth = make_study(folder, SMALL, N_FRAMES)
    with opened(folder, root) as label:
        session = label.page.context.new_cdp_session(label.page)
        line = {"offline": False, "latency": DELAY_MS, "downloadThroughput": -1, "uploadThroughput": -1}
        session.send("Network.enable")
        session.send("Network.emulateNetworkConditions", line)
        label.open("cage", "img0000.png")
        label.page.evaluate(WATCH)
        return {"place a point": place_points(label, truth, (0, 1, 2)), "next frame, fetched before": go_on(label, 8)}


def long_folder(folder: Path) -> dict[str, Figure]:
    """From the address to the painted first frame."""
    root, _ = make_study(folder, SMALL, N_LONG)
    with opened(folder, root) as label:
        label.open("cage", "img0000.png")
        seconds = []
        for _ in range(3):
            label.page.reload()
            label.page.wait_for_selector(".label-stage[data-frame]")
            label.settle()
            seconds.append(label.page.evaluate("performance.now()"))
        return {"open the page": Figure.of(seconds)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="where the figures are written as JSON")
    options = parser.parse_args()
    parts: dict[str, Callable[[Path], dict[str, Figure]]] = {
        "640 x 480": lambda folder: of_size(folder, SMALL),
        "3840 x 2160": lambda folder: of_size(folder, LARGE),
        f"640 x 480, {DELAY_MS} ms away": over_a_slow_line,
        f"{N_LONG} frames": long_folder,
    }
    found: dict[str, Any] = {}
    for name, part in parts.items():
        with tempfile.TemporaryDirectory() as folder:
            for what, figure in part(Path(folder) / "study").items():
                found[f"{name}: {what}"] = vars(figure)
                print(f"{name}: {what}: median {figure.median} ms, 95 % {figure.p95} ms, most {figure.most} ms")
    if options.out is not None:
        options.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
