"""Where the labels of a picture belong, from what was labeled in the other views of its moment.

A keypoint that two or more other views agree on has a place, one that a single other view has (or that others
contradict each other on) has lines. The picture's own labels do not enter: how far they are from there tells mistakes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from markerless.core.instance import FloatArray
from markerless.multiview.expected_view import (
    ExpectedLine,
    ExpectedPlaces,
    expected_line,
    expected_places,
    is_in_picture,
)
from markerless.pipeline.study_views import StudyViews
from markerless.pipeline.view_labels import Placed, ViewRig, points_of

FAR = 4.0
"""Expected errors from where the other views put a label, beyond which it is far off."""

_MOST_LINES = 5000


@dataclass(frozen=True)
class Suggestion:
    """Where the other views put a keypoint in a picture.

    Attributes:
        views: Names of those that say so.
        xy: `(2,)` px; None where two views do not agree on a place.
        error: px, expected distance of `xy` from where the keypoint really is.
        spread: px, expected distance of a label from `xy`.
        is_inside: Whether `xy` lies in the view's picture.
        is_torn: Whether others contradict each other.
        lines: View -> where it must lie by that view alone; of views that have no place together.
    """

    views: tuple[str, ...]
    xy: FloatArray | None
    error: float
    spread: float
    is_inside: bool
    is_torn: bool
    lines: Mapping[str, ExpectedLine]


@dataclass
class Suggester:
    """Makes suggestions with one rig; lines that were worked out are kept, as each takes milliseconds."""

    views: StudyViews
    rig: ViewRig
    _lines: dict[tuple[int, int, int, float, float], ExpectedLine] = field(default_factory=dict)

    def suggest(
        self, placed: Placed, pictures: Mapping[int, tuple[str, str]], view: int | None, individuals: Sequence[str]
    ) -> dict[str, dict[int, Suggestion]]:
        """Animal -> index of the study's keypoint -> where the other views put it; without those that none has.

        Args:
            placed: Labels of the moment's pictures.
            pictures: View -> folder and picture.
            view: The one to suggest for; None for all of a picture that shows all of them.
            individuals: Names of the animals.
        """
        xy = points_of(self.views, placed, [pictures], individuals)[:, 0]
        xy = xy.reshape(len(xy), -1, 2)
        error = np.tile(self.rig.error, (1, len(individuals)))
        found: dict[str, dict[int, Suggestion]] = {name: {} for name in individuals}
        for here in range(len(self.views.names)) if view is None else (view,):
            places = expected_places(self.rig.calibration.cameras, xy, error, here)
            for column in range(xy.shape[1]):
                animal, keypoint = divmod(column, len(self.views.keypoints))
                index = int(self.views.index[here, keypoint])
                one = self._of(places, xy, here, column) if index >= 0 else None
                if one is not None:
                    found[individuals[animal]][index] = one
        return found

    def _of(self, places: ExpectedPlaces, xy: FloatArray, here: int, column: int) -> Suggestion | None:
        names = self.views.names
        if np.isfinite(places.xy[column]).all():
            used = tuple(name for name, use in zip(names, places.used[:, column], strict=True) if use)
            inside = bool(is_in_picture(self.rig.calibration.cameras[here], places.xy[column]))
            errors = float(places.error[column]), float(places.spread[column])
            return Suggestion(used, places.xy[column], *errors, inside, False, {})
        others = [view for view in range(len(names)) if view != here and np.isfinite(xy[view, column]).all()]
        lines = {names[view]: self._line(here, view, column, xy[view, column]) for view in others}
        lines = {name: line for name, line in lines.items() if len(line.xy)}
        if not lines:
            return None
        return Suggestion(tuple(lines), None, float("nan"), float("nan"), False, bool(places.torn[column]), lines)

    def _line(self, here: int, other: int, column: int, xy: FloatArray) -> ExpectedLine:
        key = here, other, column, float(xy[0]), float(xy[1])
        if key not in self._lines:
            if len(self._lines) >= _MOST_LINES:
                self._lines.clear()
            cameras, keypoint = self.rig.calibration.cameras, column % len(self.views.keypoints)
            errors = float(self.rig.error[here, keypoint]), float(self.rig.error[other, keypoint])
            self._lines[key] = expected_line(cameras[here], cameras[other], xy, errors)
        return self._lines[key]
