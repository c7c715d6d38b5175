"""How a frame looks, in four numbers that have a name, and what is still like the training frames.

Limits are those of a prediction: training frames are taken in the groups they came in (a video, a tracked animal, a
stretch of time), and a new group is to stay within them nine times out of ten, all quantities together. The fewer the
groups and the more they differ, the wider the limits (Student's prediction interval for a mean; Student 1908, with the
spread within groups added). They are never narrower than what training views are varied by anyhow.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import PurePosixPath

import numpy as np
import numpy.typing as npt

from markerless.core.familiar import QUANTITIES, Familiar, Span, Sureness
from markerless.core.instance import FloatArray
from markerless.core.video import natural_key

FEWEST_FRAMES = 6
FEWEST_GROUPS = 3  # recordings; of fewer, stretches are taken
STRETCHES = 5
FALSE_ALARMS = 0.1  # of new groups
TAILS = 2 * len(QUANTITIES) + 1
SIDE = 100  # pixels along a side that are looked at
OFFSET = 8.0  # levels; the color of what is nearly black means nothing
LUMA = (0.299, 0.587, 0.114)
# What training views are varied by (nn/augment.py), and content alone: levels, then logarithms.
ROOM: Mapping[str, float] = {"brightness": 40.0, "contrast": 0.7, "warmth": 0.2, "tint": 0.2}
ROOM_SURENESS = 0.1
LAST_NUMBER = re.compile(r"\d+$")


def describe(rgb: npt.NDArray[np.uint8]) -> FloatArray:
    """Brightness, contrast, warmth and tint of a frame `(H, W, 3)`.

    Brightness is the median of the luma in levels; contrast the logarithm of the range from its 5th to its 95th
    percentile; warmth the logarithm of red over blue, and tint of green over both, in the median color. Medians are of
    the scene: one animal more or a bright corner hardly moves them.
    """
    rows, columns = (max(1, length // SIDE) for length in rgb.shape[:2])
    pixels = rgb[rows // 2 :: rows, columns // 2 :: columns].reshape(-1, 3).astype(np.float64)
    dark, middle, bright = np.percentile(pixels @ np.array(LUMA), (5, 50, 95))
    red, green, blue = np.log(np.median(pixels, axis=0) + OFFSET)
    return np.array([middle, np.log(bright - dark + OFFSET), red - blue, green - (red + blue) / 2])


def recordings(images: Sequence[str]) -> npt.NDArray[np.int64]:
    """For each image the number of the group it came in.

    Pictures of one folder whose names differ in their last number alone are of one recording. Where there are fewer
    than three recordings, stretches of time within them are the groups.

    Args:
        images: Relative paths, as label files name them.
    """
    order = sorted(range(len(images)), key=lambda place: natural_key(images[place]))
    names = [str(PurePosixPath(images[place]).with_suffix("")) for place in order]
    stems = [LAST_NUMBER.sub("", name) for name in names]
    starts = [place for place in range(len(stems)) if place == 0 or stems[place] != stems[place - 1]]
    if len(starts) < FEWEST_GROUPS:
        each = max(1, STRETCHES // max(1, len(starts)))
        edges = [*starts, len(stems)]
        starts = sorted({int(cut) for a, b in pairwise(edges) for cut in np.linspace(a, b, each + 1)[:-1]})
    group = np.zeros(len(images), dtype=np.int64)
    for number, (start, stop) in enumerate(pairwise([*starts, len(stems)])):
        group[order[start:stop]] = number
    return group


def fit(looks: FloatArray, group: npt.NDArray[np.int64]) -> Familiar | None:
    """Learn what training frames look like; None when there are fewer than six, or fewer than three groups.

    Args:
        looks: `(F, 4)` of `describe`.
        group: `(F,)`.
    """
    n_groups = len(np.unique(group))
    if len(looks) < FEWEST_FRAMES or n_groups < FEWEST_GROUPS:
        return None
    spans = {}
    for name, values in zip(QUANTITIES, looks.T, strict=True):
        center, reach = _prediction(values, group)
        least, most = float(values.min()), float(values.max())
        low, high = min(center - reach, least - ROOM[name]), max(center + reach, most + ROOM[name])
        spans[name] = Span(*(round(number, 4) for number in (least, most, low, high)))
    return Familiar(len(looks), n_groups, spans)


def fit_sureness(sureness: FloatArray, group: npt.NDArray[np.int64]) -> Sureness | None:
    """Learn how sure networks are of frames that they have not seen; None when there are too few.

    Args:
        sureness: `(F,)` mean probability of the points of a frame.
        group: `(F,)`.
    """
    if len(sureness) < FEWEST_FRAMES or len(np.unique(group)) < FEWEST_GROUPS:
        return None
    center, reach = _prediction(sureness, group)
    low = max(0.0, min(center - reach, float(np.median(sureness)) - ROOM_SURENESS))
    return Sureness(round(low, 4), round(float(np.mean(sureness < low)), 4))


def _prediction(values: FloatArray, group: npt.NDArray[np.int64]) -> tuple[float, float]:
    """Where a frame of a new group is expected, and how far from there it may be."""
    from scipy.special import stdtrit  # analysis of videos does not need it

    groups = [values[group == number] for number in np.unique(group)]
    means = np.array([one.mean() for one in groups])
    within = sum(float(((one - one.mean()) ** 2).sum()) for one in groups) / len(values)
    n = len(groups)
    reach = float(stdtrit(n - 1, 1 - FALSE_ALARMS / TAILS)) * np.sqrt(means.var(ddof=1) * (1 + 1 / n) + within)
    return float(means.mean()), float(reach)
