"""A rectangle of a frame: what a model looks at."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from markerless.core.affine import Affine


@dataclass(frozen=True)
class View:
    """A part of the frame, in whole pixels.

    Attributes:
        left: First column.
        top: First row.
        width: Columns.
        height: Rows.
    """

    left: int
    top: int
    width: int
    height: int

    @classmethod
    def whole(cls, width: int, height: int) -> View:
        """All of a frame."""
        return cls(0, 0, width, height)

    def cut(self, frame: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """The view of a frame `(H, W, C)`, contiguous; the frame itself when the view is all of it."""
        bottom, right = self.top + self.height, self.left + self.width
        return np.ascontiguousarray(frame[self.top : bottom, self.left : right])

    @property
    def to_frame(self) -> Affine:
        """From pixels of the view to pixels of the frame."""
        return Affine.crop(self.left, self.top).inverse()
