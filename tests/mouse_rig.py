"""The mouse-4cam study: its labels, and a calibration made anew from the corners that came with it."""

from __future__ import annotations

from pathlib import Path

import cv2
import h5py
import numpy as np

from made_rig import grid
from markerless.core.camera import Calibration, Camera
from markerless.core.instance import FloatArray
from markerless.core.skeleton import Skeleton
from markerless.core.tracks import Tracks
from markerless.multiview.bundle import Sightings, adjust
from markerless.multiview.lens_fit import Freedom
from markerless.multiview.rotation import matrix_of
from markerless.multiview.scene import RigidBoards

NAMES = ("back", "mid", "side", "top")
SIZE = (1280, 1024)


def mouse_labels(folder: Path, name: str) -> Tracks:
    """Labels of one camera: 120 frames of 15 keypoints."""
    with h5py.File(folder / name / f"minimal_{name}_proofread.analysis.h5") as file:
        points = file["tracks"][...].transpose(3, 0, 2, 1)  # tracks, xy, nodes, frames on disk
        names = tuple(node.decode() for node in file["node_names"][...])
        edges = tuple((int(a), int(b)) for a, b in file["edge_inds"][...])
    return Tracks(Skeleton(names, edges), points, np.ones(points.shape[:3]), fps=30.0, video=f"minimal_{name}.mp4")


def mouse_calibration(folder: Path) -> Calibration:
    """Cameras fitted to the corners of `calibration.metadata.h5`, of a board of 7 x 10 corners, 24 mm apart."""
    with h5py.File(folder / "calibration.metadata.h5") as file:
        corners = file["detected_corners"][...].astype(np.float64)
    corners[~np.isfinite(corners).all(axis=-1)] = np.nan
    shape = grid(7, 10, 24.0)
    inner = [_alone(seen, shape) for seen in corners]
    boards = np.stack(
        [[_pose(seen, shape, numbers) for seen in view] for view, numbers in zip(corners, inner, strict=True)]
    )
    cameras = []
    for name, numbers, poses in zip(NAMES, inner, boards, strict=True):
        relative = poses @ np.linalg.inv(boards[0])
        pose = relative[np.isfinite(relative).all(axis=(1, 2))]
        middle = pose[np.argmin([np.median(np.linalg.norm(pose[:, :3, 3] - one[:3, 3], axis=-1)) for one in pose])]
        cameras.append(Camera(name, SIZE, numbers[0], numbers[1], middle[:3, :3], middle[:3, 3]))
    camera, frame, point = np.nonzero(np.isfinite(corners).all(axis=-1) & np.isfinite(boards[:1, :, :1, 0]))
    sightings = Sightings(camera, frame, point, corners[camera, frame, point], np.ones(len(camera)))
    scene = RigidBoards(shape, boards[0, :, :3, :3], boards[0, :, :3, 3])
    inside = Freedom(focal=1, center=True, distortion=2)
    freedoms = [Freedom(False, 1, True, 2), *[inside] * 3]
    fit = adjust(cameras, freedoms, scene, sightings)
    return Calibration(fit.cameras, "mm", fit.rms_px)


def _alone(seen: FloatArray, shape: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Camera matrix and distortion from the boards of one camera."""
    whole = [one[np.isfinite(one).all(axis=-1)] for one in seen]
    known = [shape[np.isfinite(one).all(axis=-1)] for one in seen]
    use = [index for index, one in enumerate(whole) if len(one) >= 20]
    start = np.array([[800.0, 0, 639.5], [0, 800, 511.5], [0, 0, 1]])
    flags = cv2.CALIB_FIX_K3 | cv2.CALIB_ZERO_TANGENT_DIST | cv2.CALIB_FIX_ASPECT_RATIO | cv2.CALIB_USE_INTRINSIC_GUESS
    _, matrix, numbers, _, _ = cv2.calibrateCamera(
        [known[i].astype(np.float32) for i in use],
        [whole[i].astype(np.float32) for i in use],
        SIZE,
        start,
        None,
        flags=flags,
    )
    return np.asarray(matrix, dtype=np.float64), np.asarray(numbers, dtype=np.float64).ravel()


def _pose(seen: FloatArray, shape: FloatArray, inner: tuple[FloatArray, FloatArray]) -> FloatArray:
    """`(4, 4)` from the board's axes to the camera's; NaN where too few corners are seen."""
    known = np.isfinite(seen).all(axis=-1)
    pose = np.full((4, 4), np.nan)
    if known.sum() >= 12:
        _, turn, shift = cv2.solvePnP(shape[known], seen[known], *inner)
        pose = np.eye(4)
        pose[:3, :3], pose[:3, 3] = matrix_of(turn.ravel()), shift.ravel()
    return pose
