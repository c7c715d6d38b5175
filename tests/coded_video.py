"""A video whose pictures say in stripes which frame they are, and what a canvas shows of it and of a dot on it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from app_server import Server
from markerless.video.writer import VideoWriter

if TYPE_CHECKING:
    from playwright.sync_api import Page

N_FRAMES, N_BITS, WIDTH, HEIGHT = 120, 8, 320, 240
FPS = 25.0
STRIPE = WIDTH // N_BITS

# Of a canvas in which the picture lies in the middle, `margin` px from the nearer edges of its box: the frame of the
# picture, and where in its px the middle of what has the color of the dot is in a row.
READ_CANVAS = f"""(canvas, margin, row, color, alike) => {{
  const [width, height, bits] = [{WIDTH}, {HEIGHT}, {N_BITS}];
  const box = canvas.parentElement;
  const ratio = devicePixelRatio;
  const scale = Math.min((box.clientWidth - margin) / width, (box.clientHeight - margin) / height);
  const left = (box.clientWidth - width * scale) / 2, top = (box.clientHeight - height * scale) / 2;
  const context = canvas.getContext('2d');
  const at = (x, y) => [(left + (x + 0.5) * scale) * ratio, (top + (y + 0.5) * scale) * ratio];
  let picture = 0;
  for (let bit = 0; bit < bits; bit++) {{
    const [x, y] = at((bit + 0.5) * width / bits - 0.5, 20);
    if (context.getImageData(x, y, 1, 1).data[0] > 127) picture |= 1 << bit;
  }}
  const [, y] = at(0, row);
  const line = context.getImageData(0, Math.round(y), canvas.width, 1).data;
  let sum = 0, n = 0;
  for (let x = 0; x < canvas.width; x++) {{
    const far = [0, 1, 2].reduce((sum, c) => sum + Math.abs(line[4 * x + c] - color[c]), 0);
    if (far < alike) {{ sum += x + 0.5; n += 1; }}
  }}
  return {{picture, overlay: n ? (sum / n / ratio - left) / scale - 0.5 : null}};
}}"""
SLOW_FRAMES = """(() => {
  const real = window.fetch;
  window.fetch = async (path, options) => {
    if (String(path).includes('/frames/')) {
      await new Promise((resolve) => setTimeout(resolve, 60 + 240 * Math.random()));
    }
    return real(path, options);
  };
})()"""


def film(path: Path) -> None:
    """Write the video."""
    with VideoWriter(path, FPS, (WIDTH, HEIGHT)) as writer:
        for frame in range(N_FRAMES):
            image = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
            for bit in range(N_BITS):
                image[:STRIPE, bit * STRIPE : (bit + 1) * STRIPE] = 235 if frame >> bit & 1 else 20
            writer.write(image)


def open_player(page: Page, server: Server, where: str) -> None:
    """Open a page that plays videos, such as `review?frame=3`, and wait until it names a frame."""
    page.goto(server.url)
    page.wait_for_selector("#pages a")
    key = page.evaluate("location.hash.split('/')[1]")
    page.evaluate(f"location.hash = '#/{key}/{where}'")
    page.wait_for_selector(".review-transport")
    page.locator(".review-frame", has_text=re.compile(r"frame \d")).wait_for()


def wait_for_frame(page: Page, frame: int) -> None:
    """Until the page names this frame as the one that is shown."""
    page.locator(".review-frame", has_text=re.compile(rf"^frame {frame} of")).wait_for()
