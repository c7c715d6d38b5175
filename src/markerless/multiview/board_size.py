"""Which board is in the pictures when it is not the one that was named."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import product

import numpy as np

from markerless.multiview.boards import CHARUCO, Board
from markerless.multiview.detection import Gray, checkerboard_size, dictionary_of, find_board

_SIDES = range(3, 31)  # squares of a side that are tried


def board_that_fits(board: Board, pictures: Sequence[Gray]) -> Board | None:
    """The board of the same kind whose size fits the pictures best; None when no size does."""
    if board.kind != CHARUCO:
        sizes = Counter(size for gray in pictures if (size := checkerboard_size(gray)[0]) is not None)
        sizes += Counter(size for gray in pictures if (size := checkerboard_size(255 - gray)[0]) is not None)
        if not sizes:
            return None
        # a part of a board may be found, never more than the board; either side may come first
        size = max(sizes, key=lambda each: (each[0] * each[1], each == board.grid, sizes[each]))
        return board if size == board.grid[::-1] else board.of_size(*size)
    largest = max((int(ids.max()) for gray in pictures if len(ids := markers_in(board, gray))), default=-1)
    sizes_of_so_many = [(c, r) for c, r in product(_SIDES, _SIDES) if c * r // 2 == largest + 1]
    found: dict[tuple[int, int], int] = {}
    for size in sizes_of_so_many:
        tried = board.of_size(*size)
        found[size] = sum(int(np.isfinite(find_board(tried, gray)[:, 0]).sum()) for gray in pictures)
    best = max(found, key=lambda each: found[each], default=None)
    return board.of_size(*best) if best is not None and found[best] else None


def markers_in(board: Board, gray: Gray) -> np.ndarray:
    """Numbers `(n,)` of the markers of the board's dictionary in a picture, printed dark on light or inverted."""
    import cv2

    detector = cv2.aruco.ArucoDetector(dictionary_of(board), cv2.aruco.DetectorParameters())
    found = [detector.detectMarkers(picture)[1] for picture in (gray, 255 - gray)]
    numbers = [ids.ravel() for ids in found if ids is not None]
    return max(numbers, key=len) if numbers else np.zeros(0, dtype=np.intp)


def looks_mirrored(board: Board, pictures: Sequence[Gray]) -> bool:
    """Whether the board is found in the flipped pictures: printed or recorded the wrong way round, or in a mirror."""
    return any(np.isfinite(find_board(board, np.ascontiguousarray(gray[:, ::-1]))).any() for gray in pictures)
