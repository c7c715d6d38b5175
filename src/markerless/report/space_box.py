"""The part of space that a picture of points shows: which way is up, how far it reaches, and where its ticks are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from markerless.core.instance import FloatArray
from markerless.errors import FormatError

UP = np.array([0.0, 0.0, 1.0])  # where nothing is known of the axes
_NEAR, _FAR = 0.5, 99.5  # percent of the points between which the box reaches: a wrong one must not make it huge
_ROOM = 0.06  # of the longest side, around the points
_THINNEST = 0.12  # of the longest side: an animal that stays in a plane still gets a box
_TICKS = 7  # about so many on the longest side
_AXES = "xyz"
_ALONG = 0.9999  # of the length of a direction that is taken for that of an axis
# Which world axes go right, back and up in the picture, and with which sign; right-handed, so that nothing is mirrored.
_TURNS = {
    (2, 1): ((0, 1), (1, 1), (2, 1)),
    (2, -1): ((0, 1), (1, -1), (2, -1)),
    (1, 1): ((0, 1), (2, -1), (1, 1)),
    (1, -1): ((0, 1), (2, 1), (1, -1)),
    (0, 1): ((1, 1), (2, 1), (0, 1)),
    (0, -1): ((2, 1), (1, 1), (0, -1)),
}


@dataclass(frozen=True)
class SpaceBox:
    """A box as it stands in the picture: its axes are right, back and up.

    Attributes:
        turn: `(3, 3)` rotation from world axes to those of the picture.
        low: `(3,)` its lower corner, in axes of the picture.
        high: `(3,)` its upper corner.
        names: Of its axes: the world axes that go right, back and up, where they do.
        step: Distance of ticks, in the unit of the points.
        unit: Of them; "" when the scale is not known.
    """

    turn: FloatArray
    low: FloatArray
    high: FloatArray
    names: tuple[str, str, str]
    step: float
    unit: str

    @classmethod
    def of(cls, points: FloatArray, up: FloatArray = UP, unit: str = "") -> SpaceBox:
        """The box of points `(..., 3)`, of which NaN are left out.

        Args:
            points: In world axes.
            up: `(3,)` upward. Where it is no world axis, the axes of the picture are named right, back and up.
            unit: Of the points.

        Raises:
            FormatError: there is not one point.
        """
        known = points.reshape(-1, 3)
        known = known[np.isfinite(known).all(axis=-1)]
        if not len(known):
            raise FormatError(
                "expected at least one point in space, all are missing; see what `markerless triangulate` tells of them"
            )
        turn, names = _turned(up)
        low, high = np.percentile(known @ turn.T, [_NEAR, _FAR], axis=0)
        longest = max(float((high - low).max()), 1e-9)
        thin = np.maximum(_THINNEST * longest - (high - low), 0) / 2
        low, high = low - thin - _ROOM * longest, high + thin + _ROOM * longest
        return cls(turn, low, high, names, _round_step(longest / _TICKS), unit)

    @property
    def middle(self) -> FloatArray:
        """`(3,)` in axes of the picture."""
        return (self.low + self.high) / 2

    def placed(self, points: FloatArray) -> FloatArray:
        """World points `(..., 3)` in axes of the picture."""
        return np.asarray(points @ self.turn.T)

    def ticks(self, axis: int) -> list[tuple[float, str]]:
        """Where an axis of the picture has its ticks, in axes of the picture, and what is written there."""
        sign = -1.0 if self.turn[axis].min() == -1 else 1.0  # of a world axis that goes the other way
        first, last = sorted((sign * self.low[axis], sign * self.high[axis]))
        values = np.arange(np.ceil(first / self.step), np.floor(last / self.step) + 0.5) * self.step
        return [(float(sign * value), f"{value + 0.0:.6g}") for value in values]

    def title(self, axis: int) -> str:
        """Name of an axis of the picture with its unit."""
        return f"{self.names[axis]} ({self.unit})" if self.unit else self.names[axis]


def _turned(up: FloatArray) -> tuple[FloatArray, tuple[str, str, str]]:
    """Axes right, back and up `(3, 3)`, and their names: world axes where one of them is up."""
    axis = int(np.abs(up).argmax())
    if abs(up[axis]) < _ALONG * np.linalg.norm(up):
        above = up / np.linalg.norm(up)
        right = np.eye(3)[np.abs(up).argmin()]
        right = right - (right @ above) * above
        right = right / np.linalg.norm(right)
        return np.stack([right, np.cross(above, right), above]), ("right", "back", "up")
    rows = _TURNS[(axis, 1 if up[axis] > 0 else -1)]
    turn = np.zeros((3, 3))
    for row, (column, sign) in enumerate(rows):
        turn[row, column] = sign
    return turn, (_AXES[rows[0][0]], _AXES[rows[1][0]], _AXES[rows[2][0]])


def _round_step(about: float) -> float:
    """A 1, 2 or 5 with zeros near a number."""
    ten = 10.0 ** np.floor(np.log10(about))
    return float(ten * min((1, 2, 5, 10), key=lambda factor: abs(np.log(factor * ten / about))))
