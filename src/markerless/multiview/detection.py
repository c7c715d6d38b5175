"""Finding a board in a picture: its corners to a fraction of a pixel, and in the same order in every picture.

Several settings of OpenCV's detectors are tried, also on inverted gray values. Corners whose place does not fit the
flat grid are left out; a grid that does not fit as a whole is not a board.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from markerless.core.instance import FloatArray
from markerless.multiview.boards import CHARUCO, Board

Gray = npt.NDArray[np.uint8]

FEWEST = 6  # corners: fewer cannot tell a board's pose from chance
_FITS = 0.3  # of the distance to the next corner: how far a lens may bend a flat grid
_WINDOW = 11  # pixels: half the largest window in which a corner is refined
_ALMOST_ALL = 0.8  # of the corners: no further setting is tried


def find_board(board: Board, gray: Gray) -> FloatArray:
    """Where the corners of a board are in a picture.

    Args:
        board: Which.
        gray: `(H, W)`.

    Returns:
        `(n_corners, 2)` pixels in the order of `board.points`, (0, 0) the center of the top-left pixel; NaN for
        corners that were not found, all NaN when the board was not.
    """
    best = np.full((board.n_corners, 2), np.nan)
    for found in _charuco(board, gray) if board.kind == CHARUCO else _checkerboard(board, gray):
        refined = fitting(board, _refined(gray, board, found))
        if _count(refined) > _count(best):
            best = refined
        if _count(best) >= _ALMOST_ALL * board.n_corners:
            break
    return best


def fitting(board: Board, corners: FloatArray) -> FloatArray:
    """The corners that lie where a flat board can be; all NaN when too few do, or it is seen from behind."""
    import cv2

    none = np.full_like(corners, np.nan)
    seen = np.flatnonzero(np.isfinite(corners).all(axis=1))
    across = board.grid[0]
    if len(seen) < FEWEST or len(np.unique(seen % across)) < 2 or len(np.unique(seen // across)) < 2:
        return none
    flat = board.points[seen, :2] / board.square_mm
    xy = corners[seen]
    step = float(np.sqrt(_area(xy) / max(_area(flat), 1e-9)))  # pixels of a square, as a rule
    found: Any = cv2.findHomography(flat, xy, cv2.RANSAC, max(_FITS * step, 2.0), maxIters=500)[0]
    if found is None:
        return none
    center = flat.mean(axis=0)
    if _turned_over(found, center):
        return none
    mapped = np.c_[flat, np.ones(len(flat))] @ found.T
    off = np.linalg.norm(mapped[:, :2] / mapped[:, 2:] - xy, axis=1)
    good = off < max(_FITS * step, 2.0)
    if good.sum() < max(FEWEST, 0.6 * len(seen)):
        return none
    none[seen[good]] = xy[good]
    return none


def dictionary_of(board: Board) -> Any:
    """OpenCV's dictionary of the board's markers."""
    import cv2

    return cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, board.dictionary))


def _area(xy: FloatArray) -> float:
    import cv2

    return float(cv2.contourArea(cv2.convexHull(xy.astype(np.float32))))


def _turned_over(homography: FloatArray, center: FloatArray) -> bool:
    """Whether the map turns left and right over, as a look in a mirror or through the paper does."""
    x, y = center
    a, b, c = homography @ [x, y, 1.0]
    slope = (homography[:2, :2] * c - np.outer([a, b], homography[2, :2])) / c**2
    return bool(np.linalg.det(slope) <= 0)


def _count(corners: FloatArray) -> int:
    return int(np.isfinite(corners).all(axis=1).sum())


def _charuco(board: Board, gray: Gray) -> Iterator[FloatArray]:
    for detector in _charuco_detectors(board):
        for picture in (gray, 255 - gray):
            corners, ids, *_ = detector.detectBoard(picture)
            found = np.full((board.n_corners, 2), np.nan)
            if ids is not None and len(ids):
                found[ids.ravel()] = corners.reshape(-1, 2)
            yield found


@lru_cache(maxsize=8)
def _charuco_detectors(board: Board) -> tuple[Any, ...]:
    """From the usual settings to ones for small and dark boards, and for the pattern of OpenCV before 4.6."""
    import cv2

    usual, careful = cv2.aruco.DetectorParameters(), cv2.aruco.DetectorParameters()
    careful.adaptiveThreshWinSizeMin, careful.adaptiveThreshWinSizeMax, careful.adaptiveThreshWinSizeStep = 3, 63, 6
    careful.adaptiveThreshConstant = 4
    careful.minMarkerPerimeterRate = 0.01
    careful.errorCorrectionRate = 0.8
    detectors = []
    for legacy in (False, True):
        for parameters in (usual, careful):
            pattern = cv2.aruco.CharucoBoard(
                (board.columns, board.rows), board.square_mm, board.marker_mm, dictionary_of(board)
            )
            pattern.setLegacyPattern(legacy)
            detectors.append(cv2.aruco.CharucoDetector(pattern, cv2.aruco.CharucoParameters(), parameters))
    # a board of an odd number of rows is the same in both patterns
    return tuple(detectors if board.rows % 2 == 0 else detectors[:2])


def checkerboard_size(gray: Gray, at_least: tuple[int, int] = (3, 3)) -> tuple[tuple[int, int] | None, Any]:
    """Inner corners across and down of the checkerboard in a picture, None when none is found; and its corners."""
    import cv2

    flags = cv2.CALIB_CB_NORMALIZE_IMAGE | cv2.CALIB_CB_ACCURACY | cv2.CALIB_CB_LARGER
    found, corners, kinds = cv2.findChessboardCornersSBWithMeta(gray, at_least, flags)
    return ((kinds.shape[1], kinds.shape[0]) if found else None), corners


def _checkerboard(board: Board, gray: Gray) -> Iterator[FloatArray]:
    for picture in (gray, 255 - gray):
        size, corners = checkerboard_size(picture, board.grid)
        if size == board.grid:
            yield _ordered(board, gray, corners.reshape(-1, 2).astype(np.float64))
        elif size is not None:
            return  # a larger board: a part of it would be taken for the whole, another part in every picture
    for search in (_quads, _sectors_thoroughly):
        for picture in (gray, 255 - gray):
            found, corners = search(picture, board.grid)
            if found:
                yield _ordered(board, gray, corners.reshape(-1, 2).astype(np.float64))


def _quads(gray: Gray, grid: tuple[int, int]) -> tuple[bool, Any]:
    import cv2

    flags = cv2.CALIB_CB_ADAPTIVE_THRESH | cv2.CALIB_CB_NORMALIZE_IMAGE | cv2.CALIB_CB_FAST_CHECK
    return cv2.findChessboardCorners(gray, grid, flags=flags)


def _sectors_thoroughly(gray: Gray, grid: tuple[int, int]) -> tuple[bool, Any]:
    import cv2

    flags = cv2.CALIB_CB_NORMALIZE_IMAGE | cv2.CALIB_CB_EXHAUSTIVE | cv2.CALIB_CB_ACCURACY
    return cv2.findChessboardCornersSB(gray, grid, flags=flags)


def _ordered(board: Board, gray: Gray, corners: FloatArray) -> FloatArray:
    """Corners from the same one on in every picture: the board from its front, its first inner square dark.

    Where the board looks the same after half a turn (`Board.turns`), either end comes first.
    """
    across, down = board.grid
    grid = corners.reshape(down, across, 2)
    (x1, y1), (x2, y2) = grid[0, -1] - grid[0, 0], grid[-1, 0] - grid[0, 0]
    if x1 * y2 < x2 * y1:
        grid = grid[:, ::-1]
    if not board.turns and _shade(gray, grid[:2, :2]) > _shade(gray, grid[-2:, -2:]):
        grid = grid[::-1, ::-1]
    return grid.reshape(-1, 2)


def _shade(gray: Gray, square: FloatArray) -> float:
    """The mean gray value around the middle of four corners."""
    x, y = np.rint(square.reshape(-1, 2).mean(axis=0)).astype(int)
    reach = max(1, int(np.sqrt(max(_area(square.reshape(-1, 2)), 1.0)) / 6))
    part = gray[max(y - reach, 0) : y + reach + 1, max(x - reach, 0) : x + reach + 1]
    return float(part.mean()) if part.size else 255.0


def _refined(gray: Gray, board: Board, corners: FloatArray) -> FloatArray:
    """Corners to a fraction of a pixel, in windows that hold no neighbor and, with markers, none of these."""
    import cv2

    seen = np.flatnonzero(np.isfinite(corners).all(axis=1))
    if len(seen) < FEWEST:
        return corners
    from scipy.spatial import cKDTree

    step = float(np.median(cKDTree(corners[seen]).query(corners[seen], k=2)[0][:, 1]))
    free = (board.square_mm - board.marker_mm) / 2 / board.square_mm if board.kind == CHARUCO else 0.5
    window = int(np.clip(0.9 * free * step, 2, _WINDOW))
    stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_MAX_ITER, 50, 1e-3)
    start = np.ascontiguousarray(corners[seen, None], dtype=np.float32)
    refined = cv2.cornerSubPix(gray, start, (window, window), (-1, -1), stop).reshape(-1, 2).astype(np.float64)
    near = np.linalg.norm(refined - corners[seen], axis=1) < max(1.0, 0.1 * step)
    found = corners.copy()
    found[seen[near]] = refined[near]
    return found
