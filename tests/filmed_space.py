"""A study of a made mouse that three made cameras film: videos, what was measured in them, points in space."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from made_rig import looking_at
from made_study import DAY, SCORER
from markerless.core.camera import Calibration, Camera
from markerless.core.instance import FloatArray
from markerless.core.skeleton import Skeleton
from markerless.core.tracks import Tracks
from markerless.formats import movement
from markerless.multiview.files import anipose_toml
from markerless.pipeline.triangulate import triangulate
from markerless.project import NewProject, create_project
from markerless.synthetic.motion import Arena, Motion, simulate
from markerless.video.writer import VideoWriter

KEYPOINTS = (
    *("snout", "ear_left", "ear_right", "neck", "back", "tail_base", "tail_mid", "tail_tip"),
    *("forepaw_left", "forepaw_right", "hindpaw_left", "hindpaw_right"),
)
EDGES = ((0, 1), (0, 2), (0, 3), (3, 4), (4, 5), (5, 6), (6, 7), (3, 8), (3, 9), (5, 10), (5, 11))
FPS, SIZE, TABLE_MM = 30.0, (400, 320), 150.0  # the table is a square of +- so much
FUR, FLOOR, AROUND = (96, 84, 74), (203, 198, 188), (58, 64, 74)
CONTRADICTED = slice(60, 68)  # moments at which two cameras see a tail tip elsewhere, and the third does not


@dataclass(frozen=True)
class MadeSpace:
    """Such a study on disk.

    Attributes:
        root: The project.
        result: S.nc.
        truth: `(T, K, 3)` mm.
        rig: The cameras.
    """

    root: Path
    result: Path
    truth: FloatArray
    rig: Calibration


@dataclass(frozen=True)
class Body:
    """A mouse in space.

    Attributes:
        points: `(T, K, 3)` mm of its keypoints.
        spine: `(T, 8, 3)` mm from snout to tail base.
        tail: `(T, 16, 3)` mm.
    """

    points: FloatArray
    spine: FloatArray
    tail: FloatArray


def rig() -> Calibration:
    """Three cameras around the table."""
    found = []
    for name, angle in (("left", 0.6), ("middle", 1.75), ("right", 3.0)):
        place = 430.0 * np.array([np.cos(angle), np.sin(angle), 0.85])
        rotation, translation = looking_at(place, np.array([0.0, 0.0, 10.0]))
        matrix = np.array([[440.0, 0, 199.5], [0, 440, 159.5], [0, 0, 1]])
        found.append(Camera(name, SIZE, matrix, np.array([-0.15, 0.03]), rotation, translation))
    return Calibration(tuple(found))


def body(n_frames: int, seed: int = 11) -> Body:
    """A mouse that runs on the table, and rears now and then."""
    rng = np.random.default_rng(seed)
    motion = simulate(rng, n_frames, FPS, 75.0, Arena((35, 35, 265, 265), np.zeros((0, 3))))
    spine = _raised(motion.spine, motion, [14, 19, 22, 24, 25, 24, 20, 14], [55, 44, 34, 24, 14, 6, 2, 0])
    tail = _raised(motion.tail, motion, np.linspace(14, 5, 16), np.zeros(16))
    ahead = motion.spine[:, 0] - motion.spine[:, 7]
    ahead /= np.linalg.norm(ahead, axis=-1, keepdims=True)
    aside = np.stack([-ahead[:, 1], ahead[:, 0], 0 * ahead[:, 0]], axis=-1)
    swing = np.stack([np.sin(motion.gait), np.sin(motion.gait + np.pi)], axis=-1)
    ahead = np.concatenate([ahead, 0 * ahead[:, :1]], axis=-1)
    ears = [spine[:, 1] + side * 8.0 * aside + [0, 0, 8.0] for side in (1, -1)]
    paws = []
    for joint, lift in ((3, 30.0 * motion.rear), (6, 0 * motion.rear)):
        for side in (0, 1):
            step = swing[:, side] if joint == 3 else swing[:, 1 - side]
            paw = spine[:, joint] + (11.0 if side == 0 else -11.0) * aside + 7.0 * step[:, None] * ahead
            paw[:, 2] = 2.0 + 3.0 * np.maximum(step, 0) + lift
            paws.append(paw)
    named = [spine[:, 0], *ears, spine[:, 2], spine[:, 4], spine[:, 7], tail[:, 8], tail[:, 15], *paws]
    return Body(np.stack(named, axis=1), spine, tail)


def _raised(flat: FloatArray, motion: Motion, height: object, reared: object) -> FloatArray:
    z = np.asarray(height, dtype=float) + motion.rear[:, None] * np.asarray(reared, dtype=float)
    return np.concatenate([flat - 150.0, z[..., None]], axis=-1)


def picture(camera: Camera, mouse: Body, frame: int) -> np.ndarray:
    """`(H, W, 3)` what a camera sees: a table, and a mouse of balls on it."""
    image = np.full((SIZE[1], SIZE[0], 3), AROUND, np.uint8)
    corners = TABLE_MM * np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]])
    cv2.fillPoly(image, [_fixed(camera.project(corners))], FLOOR, cv2.LINE_AA, 4)
    shade = image.copy()
    joints = np.concatenate([_dense(mouse.spine[frame], 40), _dense(mouse.tail[frame], 60)])
    radii = np.concatenate(
        [np.interp(np.linspace(0, 1, 40), [0, 0.15, 0.5, 0.8, 1], [4, 8, 12, 13, 7]), np.full(60, 2)]
    )
    _balls(shade, camera, joints * [1, 1, 0], radii, (150, 146, 138))
    image = np.asarray(cv2.addWeighted(shade, 0.7, image, 0.3, 0), dtype=np.uint8)
    paws = mouse.points[frame, 8:]
    _balls(image, camera, paws, np.full(len(paws), 3.2), (196, 156, 146))
    _balls(image, camera, joints[40:], radii[40:], (176, 140, 132))
    order = np.argsort(-camera.to_camera(joints[:40])[:, 2])
    for light in (0.0, 0.35, 0.7):  # lit from above
        color = tuple(int(one + 46 * light) for one in FUR)
        _balls(image, camera, joints[:40][order] + [0, 0, 5 * light], radii[:40][order] * (1 - 0.45 * light), color)
    _balls(image, camera, mouse.points[frame, 1:3], np.full(2, 5.0), (168, 132, 126))
    _balls(image, camera, mouse.points[frame, :1], np.full(1, 2.0), (60, 44, 44))
    return image


def _balls(image: np.ndarray, camera: Camera, points: FloatArray, radii: FloatArray, color: tuple[int, ...]) -> None:
    depth = camera.to_camera(points)[:, 2]
    for place, radius, z in zip(_fixed(camera.project(points)), radii, depth, strict=True):
        size = max(int(16 * radius * camera.matrix[0, 0] / z), 8)
        cv2.circle(image, (int(place[0]), int(place[1])), size, color, -1, cv2.LINE_AA, 4)


def _fixed(xy: FloatArray) -> np.ndarray:
    """Pixels with four fractional bits, as cv2 draws them."""
    return np.round(xy * 16).astype(np.int32)


def _dense(line: FloatArray, n: int) -> FloatArray:
    at = np.linspace(0, len(line) - 1, n)
    return np.stack([np.interp(at, np.arange(len(line)), line[:, axis]) for axis in range(3)], axis=-1)


def measured(cameras: Calibration, truth: FloatArray, seed: int = 3) -> dict[str, Tracks]:
    """What a network might have measured: a pixel off, some far off, some missing; a contradiction of two cameras."""
    rng = np.random.default_rng(seed)
    found = {}
    for index, camera in enumerate(cameras.cameras):
        xy = camera.project(truth) + rng.normal(0, 0.7, (*truth.shape[:2], 2))
        wrong = rng.random(xy.shape[:2]) < 0.03
        xy[wrong] += rng.normal(0, 25, xy.shape)[wrong]
        xy[rng.random(xy.shape[:2]) < 0.05] = np.nan
        tip = KEYPOINTS.index("tail_tip")
        xy[CONTRADICTED, tip] = np.nan if index == 2 else camera.project(truth[CONTRADICTED, tip]) + 30 * (index - 0.5)
        score = np.where(np.isfinite(xy[..., 0]), 0.95, np.nan)[:, None]
        error = np.where(np.isfinite(score), 0.9, np.nan)
        found[camera.name] = Tracks(Skeleton(KEYPOINTS, EDGES), xy[:, None], score, error, fps=FPS, scorer="DLC_made")
    return found


def make_space(folder: Path, n_frames: int = 150) -> MadeSpace:
    """The whole study in `folder`: videos in the project, results beside them, S.nc in the project."""
    folder.mkdir(parents=True, exist_ok=True)
    cameras, mouse = rig(), body(n_frames)
    videos = []
    for camera in cameras.cameras:
        videos.append(folder / f"{camera.name}.mp4")
        with VideoWriter(videos[-1], FPS, SIZE) as writer:
            for frame in range(n_frames):
                writer.write(picture(camera, mouse, frame))
    edges = tuple((KEYPOINTS[a], KEYPOINTS[b]) for a, b in EDGES)
    project = create_project(NewProject("table", SCORER, KEYPOINTS, edges, DAY), folder, videos)
    files = {}
    for name, tracks in measured(cameras, mouse.points).items():
        files[name] = project.root / "videos" / f"{name}DLC_made.nc"
        movement.write(replace(tracks, video=f"{name}.mp4"), files[name])
    anipose_toml.write(cameras, project.root / "calibration.toml")
    result = triangulate(project.root / "calibration.toml", files, project.root / "points")
    return MadeSpace(project.root, result.files[0], mouse.points, cameras)
