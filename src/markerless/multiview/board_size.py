"""Which board is in the pictures when it is not the one that was named."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import product

import numpy as np

from markerless.core.instance import FloatArray
from markerless.multiview.boards import CHARUCO, Board
from markerless.multiview.detection import Gray, checkerboard_size, dictionary_of, find_board
from markerless.multiview.scene import IndexArray

_SIDES = range(3, 31)  # squares of a side that are tried
_FEWEST_MARKERS = 5  # four lie well in any layout


def board_that_fits(board: Board, pictures: Sequence[Gray]) -> Board | None:
    """The board of the same kind whose size fits the pictures best; None when no size does."""
    if board.kind != CHARUCO:
        sizes = Counter(size for gray in pictures if (size := checkerboard_size(gray)[0]) is not None)
        sizes += Counter(size for gray in pictures if (size := checkerboard_size(255 - gray)[0]) is not None)
        if not sizes:
            return None
        # a part of a board may be found, never more than the board; either side may come first
        size = max(sizes, key=lambda each: (each[0] * each[1], each == board.grid, sizes[each]))
        return board if size == board.grid[::-1] else board.of_size(max(size), min(size))
    seen = [markers_in(board, gray) for gray in pictures]
    largest = max((int(ids.max()) for ids, _ in seen if len(ids)), default=-1)
    fits = {
        (columns, rows): sum(_in_place(columns, rows, ids, centers) for ids, centers in seen)
        for columns, rows in product(_SIDES, _SIDES)
        if columns * rows // 2 == largest + 1
    }
    named = (board.columns, board.rows)  # of boards that fit as well: markers in a few rows lie so in several sizes
    best = max(fits, key=lambda each: (fits[each], each == named), default=None)
    return board.of_size(*best) if best is not None and fits[best] else None


def markers_in(board: Board, gray: Gray) -> tuple[IndexArray, FloatArray]:
    """Numbers `(n,)` and centers `(n, 2)` of the markers of the board's dictionary, dark on light or inverted."""
    import cv2

    detector = cv2.aruco.ArucoDetector(dictionary_of(board), cv2.aruco.DetectorParameters())
    none = (np.zeros(0, dtype=np.intp), np.zeros((0, 2)))
    found = [none]
    for picture in (gray, 255 - gray):
        corners, ids, _ = detector.detectMarkers(picture)
        if ids is not None and len(ids):
            found.append((ids.ravel().astype(np.intp), np.array([c.reshape(4, 2).mean(axis=0) for c in corners])))
    return max(found, key=lambda each: len(each[0]))


def _in_place(columns: int, rows: int, ids: IndexArray, centers: FloatArray) -> int:
    """How many markers lie where a board of that size has them, both patterns of OpenCV tried."""
    import cv2

    most = 0
    for odd in (0, 1):
        white: FloatArray = np.array(
            [(c, r) for r in range(rows) for c in range(columns) if (r + c) % 2 != odd], dtype=np.float64
        )
        on_it = ids < len(white)
        if on_it.sum() < _FEWEST_MARKERS:
            continue
        flat, xy = white[ids[on_it]], centers[on_it]
        step = np.sqrt(np.prod(np.ptp(xy, axis=0) + 1) / np.prod(np.ptp(flat, axis=0) + 1))
        found, inside = cv2.findHomography(flat, xy, cv2.RANSAC, float(0.3 * step), maxIters=500)
        most = max(most, int(inside.sum()) if found is not None else 0)
    return most


def looks_mirrored(board: Board, pictures: Sequence[Gray]) -> bool:
    """Whether the board is found in the flipped pictures: printed or recorded the wrong way round, or in a mirror."""
    return any(np.isfinite(find_board(board, np.ascontiguousarray(gray[:, ::-1]))).any() for gray in pictures)
