"""The scale of a picture as a person gives it: pixels per millimeter, or a length that is known.

`12.5`, `12.5px/cm`: so many pixels are a millimeter, a centimeter. `10,20,410,20=400mm`: from the point (10, 20) to the
point (410, 20) it is 400 mm. `leftear,rightear=18mm`: so far are these keypoints apart, in the median of all frames.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from markerless.analysis.kinematics_scale import Scale
from markerless.core.tracks import Tracks
from markerless.errors import SettingsError

ScaleOf = Callable[[Tracks], Scale]
EXAMPLES = "12.5 (px per mm), 12.5px/cm, leftear,rightear=18mm or 10,20,410,20=400mm (x1,y1,x2,y2)"
RATIO = re.compile(r"([0-9.]+(?:e[+-]?\d+)?)\s*(?:px\s*/\s*([^\W\d_]{1,12}))?", re.IGNORECASE)
LENGTH = re.compile(r"([0-9.]+(?:e[+-]?\d+)?)\s*([^\W\d_]{1,12})?", re.IGNORECASE)
UNIT = "mm"


def parse_scale(text: str) -> ScaleOf:
    """How to find the scale of tracks.

    Raises:
        SettingsError: the text is none of the forms.
    """
    what, equals, length = text.strip().rpartition("=")
    if not equals:
        ratio, unit = _number(RATIO, text)
        fixed = Scale(ratio, unit)
        return lambda tracks: fixed
    value, unit = _number(LENGTH, length)
    parts = [part.strip() for part in what.split(",")]
    if len(parts) == 4:
        try:
            x1, y1, x2, y2 = (float(part) for part in parts)
        except ValueError:
            raise _unknown(text) from None
        fixed = Scale.of_points((x1, y1), (x2, y2), value, unit)
        return lambda tracks: fixed
    if len(parts) != 2:
        raise _unknown(text)
    pair = parts[0], parts[1]
    return lambda tracks: Scale.of_keypoints(tracks, pair, value, unit)


def _number(form: re.Pattern[str], text: str) -> tuple[float, str]:
    match = form.fullmatch(text.strip())
    try:
        if match is not None:
            return float(match[1]), match[2] or UNIT
    except ValueError:
        pass
    raise _unknown(text)


def _unknown(text: str) -> SettingsError:
    return SettingsError(f"expected a scale such as {EXAMPLES}, got '{text}'")
