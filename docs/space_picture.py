"""Draws the pictures of a result in space: a made mouse before three made cameras, as a user's commands draw it.

python docs/space_picture.py    # writes docs/images/space-video.jpg and docs/images/space-bones.png

"""

from __future__ import annotations

import itertools
import shutil
import tempfile
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from markerless.core.camera import Calibration, Camera
from markerless.core.instance import FloatArray
from markerless.core.skeleton import Skeleton
from markerless.core.tracks import Tracks
from markerless.formats import movement
from markerless.pipeline.plot_space import plot_space
from markerless.pipeline.render_space import render_space
from markerless.pipeline.triangulate import triangulate
from markerless.synthetic.motion import Arena, simulate
from markerless.video.reader import open_video
from markerless.video.writer import VideoWriter

Image = npt.NDArray[np.uint8]

IMAGES = Path(__file__).resolve().parent / "images"
FPS, N_FRAMES, SHOWN = 30.0, 240, 75
SIZE = (640, 480)
KEYPOINTS = {"snout": 0, "neck": 2, "body": 4, "tailbase": 7, "tailmid": 15, "tailend": 22}  # joints of the mouse
EDGES = ((0, 1), (1, 2), (2, 3), (3, 4), (4, 5))
RADIUS_MM = np.concatenate([[4, 8, 11, 14, 16, 17, 15, 10], np.linspace(3.5, 1.0, 15)])
SD_PX, WRONG, UNSEEN = 0.8, 0.02, 0.05  # noise; share of pixels far off; share not seen
TABLE_MM, TILE_MM = 220, 40


def mouse() -> FloatArray:
    """`(T, 23, 3)` mm: joints of a made mouse on a table, from the snout to the end of the tail."""
    motion = simulate(np.random.default_rng(8), N_FRAMES, FPS, 90.0, Arena((140, 90, 500, 390), np.zeros((0, 3))))
    flat = (np.concatenate([motion.spine, motion.tail[:, 1:]], axis=1) - [320.0, 240.0]) * 0.9
    seen = np.linalg.norm(np.diff(flat[:, :8], axis=1), axis=-1)  # of the spine, from above
    rise = np.sqrt(np.maximum(seen.max(axis=0) ** 2 - seen**2, 0.0))  # what is shorter from above has been raised
    spine = 18.0 + np.cumsum(rise[:, ::-1], axis=1)[:, ::-1]
    height = np.concatenate([spine, np.broadcast_to(np.linspace(18, 4, 16), (N_FRAMES, 16))], axis=1)
    return np.concatenate([flat, height[..., None]], axis=-1)


def cameras() -> Calibration:
    """Three cameras around the table and above it, which look at its middle."""
    found = []
    for name, angle, height in (("left", 3.6, 0.55), ("right", 5.6, 0.7), ("above", 4.6, 2.2)):
        place = 420.0 * np.array([np.cos(angle), np.sin(angle), height])
        forward = -place / np.linalg.norm(place)
        right = np.cross(forward, [0.0, 0.0, 1.0])
        right /= np.linalg.norm(right)
        rotation = np.stack([right, np.cross(forward, right), forward])
        matrix = np.array([[620.0, 0, 319.5], [0, 620, 239.5], [0, 0, 1]])
        found.append(Camera(name, SIZE, matrix, np.array([-0.15, 0.03]), rotation, -rotation @ place))
    return Calibration(tuple(found))


def picture(camera: Camera, joints: FloatArray) -> Image:
    """What a camera sees: a table with tiles, and the mouse made of balls."""
    image = np.full((SIZE[1], SIZE[0], 3), (74, 78, 84), np.uint8)
    for x in range(-TABLE_MM, TABLE_MM, TILE_MM):
        for y in range(-TABLE_MM, TABLE_MM, TILE_MM):
            corners = np.array([[x, y, 0], [x + TILE_MM, y, 0], [x + TILE_MM, y + TILE_MM, 0], [x, y + TILE_MM, 0]])
            seen = camera.project(corners.astype(np.float64))
            if np.isfinite(seen).all():
                gray = 128 if (x + y) // TILE_MM % 2 else 116
                cv2.fillPoly(image, [np.round(seen * 16).astype(np.int32)], (gray, gray, gray - 6), cv2.LINE_AA, 4)
    places = [np.linspace(a, b, 5)[:-1] for a, b in itertools.pairwise(joints)]
    radii = [np.linspace(a, b, 5)[:-1] for a, b in itertools.pairwise(RADIUS_MM)]
    balls, sizes = np.concatenate(places), np.concatenate(radii)
    shadow = camera.project(balls * [1, 1, 0])
    xy, depth = camera.project(balls), camera.to_camera(balls)[:, 2]
    scale = camera.matrix[0, 0] / depth * sizes
    for center, radius in zip(shadow, scale, strict=True):
        cv2.circle(
            image, np.round(center * 16).astype(int).tolist(), int(radius * 16), (84, 85, 84), -1, cv2.LINE_AA, 4
        )
    for index in np.argsort(-depth):
        for share, gray in ((1.0, 38), (0.8, 52), (0.5, 66)):
            center = xy[index] - (1 - share) * scale[index] * np.array([0.25, 0.5])
            spot = np.round(center * 16).astype(int).tolist()
            cv2.circle(image, spot, int(share * scale[index] * 16), (gray + 8, gray + 3, gray), -1, cv2.LINE_AA, 4)
    noise = np.random.default_rng(int(abs(joints[0, 0]) * 1000)).normal(0, 2, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


def measured(camera: Camera, points: FloatArray) -> Tracks:
    """What a network might have measured."""
    rng = np.random.default_rng(len(camera.name))
    xy = camera.project(points)[:, None] + rng.normal(0, SD_PX, (len(points), 1, len(KEYPOINTS), 2))
    wrong = rng.random(xy.shape[:3]) < WRONG
    xy[wrong] += rng.normal(0, 40, xy.shape)[wrong]
    xy[rng.random(xy.shape[:3]) < UNSEEN] = np.nan
    score = np.where(np.isfinite(xy[..., 0]), 0.95, np.nan)
    return Tracks(Skeleton(tuple(KEYPOINTS), EDGES), xy, score, fps=FPS, video=f"{camera.name}.mp4")


def main() -> None:
    rig, joints = cameras(), mouse()
    with tempfile.TemporaryDirectory() as temporary:
        folder, files = Path(temporary), {}
        for camera in rig.cameras:
            with VideoWriter(folder / f"{camera.name}.mp4", FPS, SIZE) as writer:
                for frame in joints:
                    writer.write(picture(camera, frame))
            files[camera.name] = folder / f"{camera.name}.nc"
            movement.write(measured(camera, joints[:, list(KEYPOINTS.values())]), files[camera.name])
        result = triangulate(rig, files, folder / "mouse")
        video = render_space(result.files[0]).path
        with open_video(video) as reader:
            _, frame = next(reader.frames(SHOWN, SHOWN + 1))
            assert frame is not None
            encoded = cv2.imencode(".jpg", frame[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])[1]
            (IMAGES / "space-video.jpg").write_bytes(encoded.tobytes())
        plots = plot_space(result.files[0])
        shutil.copyfile(next(path for path in plots.figures if path.stem == "bones"), IMAGES / "space-bones.png")
    print(", ".join(f"{n} {name}" for name, n in result.states.items()))
    print(f"wrote {IMAGES / 'space-video.jpg'}, {IMAGES / 'space-bones.png'}")


if __name__ == "__main__":
    main()
