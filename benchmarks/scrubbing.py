"""How soon the extract page shows a frame, in headless Chromium against a real server on loopback.

    python benchmarks/scrubbing.py VIDEO [-n 40] [--out FILE.json]

From the movement of the slider until the screen's frame after the one in which the canvas got a picture: one nearby,
the exact frame, a frame that was visited before, a step back, and the exact frame after three seconds of wild dragging.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from labeling_speed import Figure, opened
from markerless.project import NewProject, create_project

if TYPE_CHECKING:
    from playwright.sync_api import Page

WAITS_S = 10
MOVED = """async ([frame, waits]) => {
  const slider = document.querySelector("input[aria-label='Frame']"), canvas = document.querySelector('#exact');
  const painted = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  const began = performance.now();
  let first = null;
  slider.value = frame;
  slider.dispatchEvent(new Event('input'));
  while (performance.now() - began < waits * 1000) {
    const isThere = canvas.dataset.exact === 'true' && Number(canvas.dataset.frame) === frame;
    const isNear = Math.abs(Number(canvas.dataset.frame) - frame) < 300;
    if (isThere || isNear) { if (first === null) { await painted(); first = performance.now() - began; } }
    if (isThere) { await painted(); return [first, performance.now() - began]; }
    await new Promise((done) => setTimeout(done, 1));
  }
  throw new Error(`frame ${frame} was not shown`);
}"""
DRAGGED = """async ([frames]) => {
  const slider = document.querySelector("input[aria-label='Frame']"), end = performance.now() + 3000;
  while (performance.now() < end) {
    slider.value = Math.floor(Math.random() * frames);
    slider.dispatchEvent(new Event('input'));
    await new Promise(requestAnimationFrame);
  }
}"""


def move(page: Page, frame: int) -> tuple[float, float]:
    """Milliseconds until a picture nearby, and until the exact one, was shown."""
    near, exact = page.evaluate(MOVED, [frame, WAITS_S])
    return near, exact


def measure(page: Page, n: int) -> dict[str, Figure]:
    """Random frames, far apart, each visited once more; neighbors are fetched while nobody moves."""
    n_frames = int(page.get_by_label("Frame", exact=True).get_attribute("max") or 0) + 1
    rng = np.random.default_rng(0)
    near, exact, again, back = [], [], [], []
    before = 0
    for _ in range(n):
        far = np.flatnonzero(np.abs(np.arange(n_frames) - before) > min(300, n_frames // 3))
        frame = int(rng.choice(far))
        first, whole = move(page, frame)
        near.append(first)
        exact.append(whole)
        page.wait_for_timeout(700)
        back.append(move(page, max(frame - 1, 0))[1])
        again.append(move(page, frame)[1])
        before = frame
    page.evaluate(DRAGGED, [n_frames])
    dragged = move(page, int(rng.integers(n_frames)))[1]
    return {
        "a frame nearby": Figure.of(near),
        "the exact frame": Figure.of(exact),
        "a visited frame": Figure.of(again),
        "a step back": Figure.of(back),
        "the exact frame after wild dragging": Figure.of([dragged]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", type=Path)
    parser.add_argument("-n", type=int, default=40, help="how many frames are gone to")
    parser.add_argument("--out", type=Path, help="where the figures are written as JSON")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        video = Path(shutil.copy(options.video, folder))
        project = create_project(NewProject("scrubbing", "ada", ("a", "b")), folder, [video])
        with opened(folder, project.root) as label:
            page = label.page
            page.get_by_role("link", name="Extract", exact=True).click()
            page.locator("#exact[data-frame='0'][data-exact='true']").wait_for()
            figures = measure(page, options.n)
    for what, figure in figures.items():
        print(f"{what}: median {figure.median} ms, 95 % {figure.p95} ms, most {figure.most} ms ({figure.n})")
    if options.out is not None:
        options.out.write_text(json.dumps({k: vars(v) for k, v in figures.items()}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
