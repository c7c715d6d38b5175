"""Draws the pictures of docs/calibration.md: a made board before three made cameras, and the map of a calibration.

python docs/calibration_picture.py    # writes calibration-views.jpg and calibration-coverage.png in docs/images

"""

from __future__ import annotations

import tempfile
from pathlib import Path

import cv2
import numpy as np

from markerless.core.camera import Camera
from markerless.core.instance import FloatArray
from markerless.multiview.boards import parse_board
from markerless.multiview.rotation import matrix_of
from markerless.pipeline.calibrate import CalibrateRequest, calibrate
from markerless.synthetic.board import BoardScene

FOLDER = Path(__file__).resolve().parent / "images"
BOARD = "charuco:8x6:30:22:DICT_4X4_50"
SIZE = (640, 480)
N_MOMENTS = 16
SHOWN = 3


def cameras() -> tuple[Camera, ...]:
    """Three cameras half a meter before the place where the board is shown; the first is the world."""
    matrix = np.array([[560.0, 0, 318], [0, 560, 243], [0, 0, 1]])
    found = []
    for name, angle in (("left", 0.45), ("middle", 0.0), ("right", -0.45)):
        turn = matrix_of([0.0, angle, 0.0])
        way = np.array([0.0, 0.0, 520.0]) - turn @ [0.0, 0.0, 520.0]
        found.append(Camera(name, SIZE, matrix, np.array([-0.22, 0.06]), turn, way))
    return tuple(found)


def pose(rng: np.random.Generator, middle: FloatArray) -> tuple[FloatArray, FloatArray]:
    """A board somewhere before the cameras, tilted at random."""
    rotation = matrix_of(rng.uniform(-1, 1, 3) * [0.45, 0.45, 0.6])
    place = rng.uniform(-1, 1, 3) * [110, 80, 60] + [0, 0, 520]
    return rotation, place - rotation @ middle


def main() -> None:
    board, rng = parse_board(BOARD), np.random.default_rng(2)
    poses = [pose(rng, board.points.mean(axis=0)) for _ in range(N_MOMENTS)]
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for camera in cameras():
            scene = BoardScene(board, camera, fineness=2)
            for index, place in enumerate(poses):
                gray = scene.gray(*place, seed=index)
                (folder / camera.name).mkdir(exist_ok=True)
                cv2.imwrite(str(folder / camera.name / f"{index:02d}.png"), gray)
                if index == SHOWN:
                    rows.append(gray)
        result = calibrate(folder, CalibrateRequest(BOARD))
        (FOLDER / "calibration-coverage.png").write_bytes(result.coverage.read_bytes())
    for verdict in result.cameras:
        print(verdict)
    print(result.verdict)
    gap = np.full((SIZE[1], 8), 255, dtype=np.uint8)
    side_by_side = np.hstack([rows[0], gap, rows[1], gap, rows[2]])
    small = cv2.resize(side_by_side, None, fx=0.75, fy=0.75, interpolation=cv2.INTER_AREA)
    cv2.imwrite(str(FOLDER / "calibration-views.jpg"), small, [cv2.IMWRITE_JPEG_QUALITY, 88])


if __name__ == "__main__":
    main()
