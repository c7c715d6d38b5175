"""Draws the pictures of docs/videos_to_space.md: what four cameras see of the made mouse, and its points in space.

python docs/videos_to_space_picture.py    # writes docs/images/videos-to-space-*.{jpg,png}

True pixels with noise, of what nothing hides, stand for what a network finds; everything after it is real.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from markerless.core.instance import FloatArray
from markerless.core.tracks import Tracks
from markerless.multiview.rotation import fitted_motion
from markerless.multiview.world_axes import WorldAxes
from markerless.pipeline.triangulate import InSpace, TriangulateOptions, triangulate
from markerless.pipeline.world_axes import AxesRequest
from markerless.report.page import figure_png
from markerless.report.style import figure_style, new_figure
from markerless.synthetic.many_views import ManyViews, Seen
from markerless.synthetic.solid_mouse import PAW_MM, PAWS, SKELETON
from markerless.video.images import write_image

IMAGES = Path(__file__).resolve().parent / "images"
VIEWS, POINTS = IMAGES / "videos-to-space-views.jpg", IMAGES / "videos-to-space-points.png"
SEED, N_FRAMES, SD_PX = 24, 100, 1.0
SCALE = 2  # of the cameras' pictures
INK, SOFT = "#1d2430", "#8a94a3"
COLORS = ("#d55e00", "#0072b2", "#56b4e9", "#009e73", "#cc79a7", "#e69f00", "#f0e442", "#e69f00", "#f0e442")


def found(scene: ManyViews, seen: list[list[Seen]]) -> InSpace:
    """Points of the noisy pixels, by cameras in the axes of the first one, moved to those of the floor."""
    rng, files = np.random.default_rng(0), {}
    for camera, pictures in zip(scene.calibration.cameras, seen, strict=True):
        xy = np.stack([np.where(each.visible[:, None], each.xy, np.nan) for each in pictures])
        xy += rng.normal(0, SD_PX, xy.shape)
        score = np.where(np.isfinite(xy[..., 0]), 0.9, np.nan)
        files[camera.name] = Tracks(SKELETON, xy[:, None], score[:, None], fps=scene.fps)
    first = scene.calibration.cameras[0]
    rig = WorldAxes(first.rotation, first.translation, "of the first camera").calibration(scene.calibration)
    return triangulate(rig, files, options=TriangulateOptions(axes=AxesRequest(PAWS, floor=True)))


def draw_views(result: InSpace, seen: list[list[Seen]], frame: int) -> None:
    """One moment in all cameras, with the points in space where each camera should see them."""
    pictures = []
    for camera, own in zip(result.calibration.cameras, seen, strict=True):
        large = cv2.resize(own[frame].image, None, fx=SCALE, fy=SCALE, interpolation=cv2.INTER_CUBIC)
        xy = (camera.project(result.tracks.points[frame, 0]) + 0.5) * SCALE - 0.5
        pictures.append(with_points(np.asarray(large, np.uint8), xy, camera.name))
    rows = [np.hstack(pictures[at : at + 2]) for at in (0, 2)]
    write_image(VIEWS, np.vstack(rows))


def with_points(image: npt.NDArray[np.uint8], xy: FloatArray, name: str) -> npt.NDArray[np.uint8]:
    """The picture with skeleton and dots."""
    for a, b in SKELETON.edges:
        if np.isfinite(xy[[a, b]]).all():
            ends = [tuple(int(v) for v in np.rint(xy[k] * 16)) for k in (a, b)]
            cv2.line(image, ends[0], ends[1], (255, 255, 255), 1, cv2.LINE_AA, 4)
    for place, color in zip(xy, COLORS, strict=True):
        if np.isfinite(place).all():
            rgb = [int(color[at : at + 2], 16) for at in (1, 3, 5)]
            center = tuple(int(v) for v in np.rint(place * 16))
            cv2.circle(image, center, 5 * 16, rgb, -1, cv2.LINE_AA, 4)
            cv2.circle(image, center, 5 * 16, (20, 24, 34), 1, cv2.LINE_AA, 4)
    cv2.putText(image, name, (14, 30), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (255, 255, 255), 2, cv2.LINE_AA)
    return image


def draw_paths(axes: Any, points: FloatArray, truth: FloatArray, frames: slice) -> None:
    """Paths over the floor: thin lines are the truth, dots what was found."""
    for k in (0, 3, 4):
        axes.plot(*truth[frames, k].T, color=INK, linewidth=0.6)
        axes.plot(*points[frames, k].T, ".", color=COLORS[k], markersize=3.5, label=SKELETON.keypoints[k])
    axes.set(xlabel="x (mm)", ylabel="y (mm)", zlabel="z (mm)", title="Points found, and the true paths")
    low, high = np.nanmin(points[frames], axis=(0, 1)), np.nanmax(points[frames], axis=(0, 1))
    axes.set_box_aspect((*(high - low)[:2], 60.0), zoom=0.95)
    axes.set(zlim=(0, 40), zticks=(0, 20, 40))
    axes.view_init(26, -60)
    axes.legend(loc="upper left", frameon=False, fontsize=8)


def draw_heights(axes: Any, points: FloatArray, truth: FloatArray, fps: float) -> None:
    """Heights above the floor that was found, over time."""
    time = np.arange(len(points)) / fps
    for k in (1, 0, 7):
        axes.plot(time, truth[:, k, 2] - PAW_MM, color=INK, linewidth=0.6)
        axes.plot(time, points[:, k, 2], ".", color=COLORS[k], markersize=3.5, label=SKELETON.keypoints[k])
    axes.axhline(0, color=SOFT, linewidth=0.8)
    axes.set(xlabel="time (s)", ylabel="height (mm)", title="Height above the floor that was found")
    axes.set_ylim(None, 32)
    axes.legend(loc="upper right", frameon=False, fontsize=8, ncols=3)


def main() -> None:
    scene = ManyViews(SEED, N_FRAMES)
    seen = [[scene.frame(camera, i) for i in range(N_FRAMES)] for camera in range(len(scene.calibration.cameras))]
    result, truth = found(scene, seen), scene.truth()
    points, error = result.tracks.points[:, 0], result.tracks.error
    assert error is not None
    assert result.axes is not None
    rotation, translation = fitted_motion(truth.reshape(-1, 3), points.reshape(-1, 3))
    laid = truth @ rotation.T + translation
    off = np.linalg.norm(points - laid, axis=-1)
    print(
        f"{100 * np.isfinite(off).mean():.0f} % found; median {np.nanmedian(off):.2f} mm off, expected "
        f"{np.nanmedian(error):.2f} mm; floor tilted by {np.degrees(np.arccos(min(1.0, rotation[2, 2]))):.2f} degrees"
    )
    print(result.axes.how)
    frame = int(np.argmax(np.isfinite(points).all(axis=-1).sum(axis=-1) * 100 + truth[:, 0, 2]))
    draw_views(result, seen, frame)
    with figure_style():
        figure = new_figure(10.5, 4.4)
        draw_paths(figure.add_subplot(1, 2, 1, projection="3d"), points, laid, slice(0, len(points)))
        draw_heights(figure.add_subplot(1, 2, 2), points, truth, scene.fps)
        POINTS.write_bytes(figure_png(figure))
    print(f"wrote {VIEWS}, {POINTS}")


if __name__ == "__main__":
    main()
