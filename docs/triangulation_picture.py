"""Draws the picture of docs/triangulation.md: a made mouse before three made cameras, and how far its points are off.

python docs/triangulation_picture.py    # writes docs/images/triangulation.png

"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from markerless.core.camera import Calibration, Camera
from markerless.core.instance import FloatArray
from markerless.core.skeleton import Skeleton
from markerless.core.tracks import Tracks
from markerless.pipeline.triangulate import InSpace, triangulate
from markerless.report.page import figure_png
from markerless.report.style import figure_style, new_figure
from markerless.synthetic.motion import Arena, simulate

PATH = Path(__file__).resolve().parent / "images" / "triangulation.png"
FPS, N_FRAMES, SHOWN = 30.0, 900, 180
KEYPOINTS = ("snout", "body", "tailbase")
SD_PX, WRONG, UNSEEN = 1.0, 0.1, 0.15  # noise; share of pixels far off; share not seen
INK, SOFT, COLORS = "#1d2430", "#8a94a3", ("#0072b2", "#e69f00", "#009e73")


def made() -> FloatArray:
    """`(T, 1, 3, 3)` mm: a made mouse that runs on a table, and rears its snout now and then."""
    rng = np.random.default_rng(5)
    spine = simulate(rng, N_FRAMES, FPS, 90.0, Arena((40, 40, 600, 440), np.zeros((0, 3)))).spine[:, [0, 4, 7]]
    flat = (spine - [320.0, 240.0]) * 0.6
    time = np.arange(N_FRAMES)[:, None] / FPS
    height = np.array([22.0, 26.0, 20.0]) + np.array([25.0, 6.0, 0.0]) * np.maximum(np.sin(1.3 * time), 0.0)
    points: FloatArray = np.concatenate([flat, height[..., None]], axis=-1)[:, None]
    return points


def cameras() -> Calibration:
    """Three cameras around the table, which look at its middle."""
    found = []
    for name, angle in (("left", 0.5), ("middle", 1.5), ("right", 2.6)):
        place = 650.0 * np.array([np.cos(angle), np.sin(angle), 0.8])
        forward = -place / np.linalg.norm(place)
        right = np.cross(forward, [0.0, 0.0, 1.0])
        right /= np.linalg.norm(right)
        rotation = np.stack([right, np.cross(forward, right), forward])
        matrix = np.array([[900.0, 0, 640], [0, 900, 512], [0, 0, 1]])
        found.append(Camera(name, (1280, 1024), matrix, np.array([-0.2, 0.05]), rotation, -rotation @ place))
    return Calibration(tuple(found))


def seen(rig: Calibration, points: FloatArray) -> dict[str, Tracks]:
    """What a network might have measured in each camera."""
    rng = np.random.default_rng(1)
    files = {}
    for camera in rig.cameras:
        xy = camera.project(points) + rng.normal(0, SD_PX, (*points.shape[:3], 2))
        wrong = rng.random(xy.shape[:3]) < WRONG
        xy[wrong] += rng.normal(0, 60, xy.shape)[wrong]
        xy[rng.random(xy.shape[:3]) < UNSEEN] = np.nan
        score = np.where(np.isfinite(xy[..., 0]), 0.9, np.nan)
        files[camera.name] = Tracks(Skeleton(KEYPOINTS), xy, score, fps=FPS)
    return files


def draw_paths(axes: Any, points: FloatArray, result: InSpace) -> None:
    """Paths in space: lines are the truth, dots what was found."""
    for keypoint, (name, color) in enumerate(zip(KEYPOINTS, COLORS, strict=True)):
        axes.plot(*points[:SHOWN, 0, keypoint].T, color=INK, linewidth=0.6)
        axes.plot(*result.tracks.points[:SHOWN, 0, keypoint].T, ".", color=color, markersize=4, label=name)
    axes.set(xlabel="x (mm)", ylabel="y (mm)", zlabel="z (mm)", title="Points found, and the true paths")
    axes.set_box_aspect((2, 2, 1), zoom=0.95)
    axes.view_init(28, -125)
    axes.legend(loc="upper left", frameon=False, fontsize=8)


def draw_errors(axes: Any, points: FloatArray, result: InSpace) -> None:
    """How far the snout is off, and how far it is expected to be, over time; what is missing, below."""
    assert result.tracks.error is not None
    time = np.arange(SHOWN) / FPS
    off = np.linalg.norm(result.tracks.points - points, axis=-1)[:SHOWN, 0, 0]
    expected, missing = result.tracks.error[:SHOWN, 0, 0], np.isnan(off)
    axes.plot(time, off, ".", color=COLORS[0], markersize=4, label="distance from the truth")
    axes.plot(time, expected, "_", color=INK, markersize=4, label="expected error")
    axes.plot(time[missing], np.full(missing.sum(), -0.15), "|", color=SOFT, markersize=8, label="missing")
    axes.set(xlabel="time (s)", ylabel="mm", title="Snout: one measurement in ten is far off", ylim=(-0.4, None))
    axes.legend(loc="upper right", frameon=False, fontsize=8, ncols=3)


def main() -> None:
    points, rig = made(), cameras()
    result = triangulate(rig, seen(rig, points))
    off = np.linalg.norm(result.tracks.points - points, axis=-1)
    there = np.isfinite(off)
    assert result.tracks.error is not None
    print(", ".join(f"{n} {name}" for name, n in result.states.items()))
    expected, n_used = result.tracks.error[there], result.views.used.sum(axis=0)[there]
    for n in (2, 3):
        own = off[there][n_used == n]
        print(
            f"of {n} cameras: {len(own)} points, distance from the truth: mean {own.mean():.2f} mm, expected "
            f"{expected[n_used == n].mean():.2f} mm, {(own > 10).sum()} above 10 mm"
        )
    with figure_style():
        figure = new_figure(10.5, 4.4)
        draw_paths(figure.add_subplot(1, 2, 1, projection="3d"), points, result)
        draw_errors(figure.add_subplot(1, 2, 2), points, result)
        PATH.write_bytes(figure_png(figure))
    print(f"wrote {PATH}")


if __name__ == "__main__":
    main()
