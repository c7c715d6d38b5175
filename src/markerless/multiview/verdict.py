"""How good a calibration is, in words with numbers: what is seen to be wrong is refused, what is weak is named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from markerless.core.instance import FloatArray
from markerless.errors import CalibrationError
from markerless.multiview.calibrate import BoardViews, Calibrated

CELLS = (8, 6)  # of the coverage map, across and down

GOOD, USABLE = "good", "usable"
_GOOD_PX, _GOOD_SHARE = 0.5, 4e-4  # a good error: pixels, or a share of the picture's diagonal
_WORST_PX, _WORST_SHARE = 1.0, 1e-3  # an error above both is refused
_GOOD_COVERAGE = 0.5
_GOOD_BOARDS = 10
_GOOD_FOCAL, _WORST_FOCAL = 0.005, 0.05  # standard deviation of the focal length, as a share of it
_WHERE = (("upper left", "top", "upper right"), ("left", "middle", "right"), ("lower left", "bottom", "lower right"))


@dataclass(frozen=True)
class CameraVerdict:
    """What is to be said of one camera.

    Attributes:
        name: The camera's.
        word: `GOOD` or `USABLE`.
        rms_px: Reprojection error.
        boards: Pictures that took part.
        coverage: Share of the picture's cells with corners, 0 to 1.
        empty: Parts of the picture, thirds by thirds, without a corner.
        focal_sd: Standard deviation of the focal length as a share of it.
        why: What keeps it from being good; "" when nothing does.
    """

    name: str
    word: str
    rms_px: float
    boards: int
    coverage: float
    empty: tuple[str, ...]
    focal_sd: float
    why: str

    def __str__(self) -> str:
        line = (
            f"{self.name}: {self.word}: {self.rms_px:.2f} px over {self.boards} boards, corners in "
            f"{100 * self.coverage:.0f} % of the picture, focal length known to {100 * self.focal_sd:.2g} %"
        )
        return f"{line}; {self.why}" if self.why else line


def judge(found: Calibrated, views: BoardViews) -> list[CameraVerdict]:
    """A verdict of each camera.

    Raises:
        CalibrationError: the calibration is too bad to be used; the message says why, and what to do.
    """
    verdicts = [_of_camera(index, found, views) for index in range(len(views.names))]
    for verdict, size in zip(verdicts, views.sizes, strict=True):
        most = _limit(size, _WORST_PX, _WORST_SHARE)
        if verdict.rms_px > most:
            raise CalibrationError(
                f"refused: the boards of camera '{verdict.name}' are {verdict.rms_px:.1f} px from where they should "
                f"be, and at most {most:.1f} px would do; check the size of the board, that it is flat, that the "
                "camera did not move, and that the pictures are of the same moments"
            )
        if verdict.focal_sd > _WORST_FOCAL:
            raise CalibrationError(
                f"refused: the focal length of camera '{verdict.name}' is known to {100 * verdict.focal_sd:.0f} % "
                "only; show it the board tilted in several directions, and close enough to fill the picture"
            )
    return verdicts


def cells_seen(corners: FloatArray, size: tuple[int, int]) -> np.ndarray:
    """How many corners lie in each cell of the picture, `(CELLS[1], CELLS[0])`; corners `(..., 2)`, NaN left out."""
    return _counts(corners, size, CELLS)


def overall(verdicts: Sequence[CameraVerdict], rms_px: float) -> str:
    """The verdict of the rig in one line."""
    weak = [verdict.name for verdict in verdicts if verdict.word != GOOD]
    if weak:
        return f"{USABLE}: joint reprojection error {rms_px:.2f} px; weak: {', '.join(weak)}"
    return f"{GOOD}: joint reprojection error {rms_px:.2f} px"


def _limit(size: tuple[int, int], pixels: float, share: float) -> float:
    return max(pixels, share * float(np.hypot(*size)))


def _of_camera(index: int, found: Calibrated, views: BoardViews) -> CameraVerdict:
    size = views.sizes[index]
    corners = np.where(np.isfinite(found.off_px[index]), views.corners[index], np.nan)
    coverage = float((cells_seen(corners, size) > 0).mean())
    thirds = _counts(corners, size, (3, 3))
    empty = tuple(_WHERE[row][column] for row, column in np.argwhere(thirds == 0))
    rms, boards = found.rms_px(index), int(found.used[index].sum())
    reasons = []
    if rms > _limit(size, _GOOD_PX, _GOOD_SHARE):
        reasons.append(f"the error is above {_limit(size, _GOOD_PX, _GOOD_SHARE):.1f} px")
    if boards < _GOOD_BOARDS:
        reasons.append(f"fewer than {_GOOD_BOARDS} boards")
    if found.focal_sd[index] > _GOOD_FOCAL:
        reasons.append("tilt the board more")
    if coverage < _GOOD_COVERAGE:
        named = " and ".join(filter(None, [", ".join(empty[:-1]), *empty[-1:]]))
        where = f", none in the {named}" if 0 < len(empty) <= 4 else ""
        reasons.append(f"boards in half of the picture or less{where}")
    word = USABLE if reasons else GOOD
    return CameraVerdict(
        views.names[index], word, rms, boards, coverage, empty, found.focal_sd[index], "; ".join(reasons)
    )


def _counts(corners: FloatArray, size: tuple[int, int], cells: tuple[int, int]) -> np.ndarray:
    xy = corners.reshape(-1, 2)
    xy = xy[np.isfinite(xy).all(axis=1)]
    edges = [np.linspace(-0.5, side - 0.5, n + 1) for side, n in zip(size, cells, strict=True)]
    return np.histogram2d(xy[:, 1], xy[:, 0], bins=(edges[1], edges[0]))[0]
