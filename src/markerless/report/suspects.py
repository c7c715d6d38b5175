"""The page of `check --suspects`: a picture of every label that is probably a mistake, with what it should be."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from markerless.analysis.label_suspects import Suspect
from markerless.core.instance import FloatArray
from markerless.core.skeleton import Skeleton
from markerless.drawing import Image, Stroke, draw_dot, draw_strokes, palette, zoomed
from markerless.report.page import Page, Picture
from markerless.video.images import jpeg_bytes

WIDTH = 420  # px of a picture on the page
LEAST_SHARE = 0.35  # half the side of what is shown is at least this much of the animal's size
MARGIN_SHARE = 0.12  # around labels and predictions in question, of the animal's size
CROSS_PX, DOT_PX = 11.0, 3.5
ANGLES = np.linspace(0, 2 * np.pi, 33)
RING = 9.0 * np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=-1)  # px around its center
DARK = (20, 20, 20)

Color = tuple[int, int, int]


@dataclass(frozen=True)
class SuspectPicture:
    """A suspect and its frame.

    Attributes:
        title: For the user, "3. img07.png, 97 %".
        suspect: What is suspicious.
        image: `(H, W, 3)` uint8 RGB.
        labeled: `(K, 2)` px of the animal's labels, NaN where missing.
    """

    title: str
    suspect: Suspect
    image: Image
    labeled: FloatArray


def suspects_page(
    heading: tuple[str, str],
    notes: Sequence[str],
    pictures: Iterable[SuspectPicture],
    skeleton: Skeleton,
    size: float,
    colors: npt.NDArray[np.uint8] | None = None,
) -> Page:
    """The page, to be written.

    Args:
        heading: Title and a line below it.
        notes: Remarks for the user.
        pictures: In the order of the list; each is forgotten once it is drawn.
        skeleton: Names of the K keypoints.
        size: Usual size of the animal in px.
        colors: `(K, 3)` RGB of the keypoints; None takes those of the palette.
    """
    colors = palette(skeleton.n_keypoints) if colors is None else colors
    page = Page(*heading)
    for note in notes:
        page.text(note)
    page.text(
        "A cross is a label in question, a ring where the keypoint is predicted, dots are the animal's other labels."
    )
    page.gallery(_drawn(picture, skeleton, size, colors) for picture in pictures)
    return page


def _drawn(picture: SuspectPicture, skeleton: Skeleton, size: float, colors: npt.NDArray[np.uint8]) -> Picture:
    suspect = picture.suspect
    asked = [skeleton.index(name) for name in suspect.keypoints]
    asked = asked or np.flatnonzero(np.isfinite(picture.labeled).all(axis=-1)).tolist()
    labels = picture.labeled[asked]
    suggested = np.array(suspect.suggested).reshape(-1, 2) if suspect.suggested else np.full_like(labels, np.nan)
    box = box_around(np.concatenate([labels, suggested]), picture.image.shape[:2], size)
    canvas, to_canvas = zoomed(picture.image, box, WIDTH)
    for k in range(skeleton.n_keypoints):
        if k not in asked and np.isfinite(picture.labeled[k]).all():
            draw_dot(canvas, to_canvas.apply(picture.labeled[k]), DOT_PX, colors[k], 0.7)
    marks = zip(to_canvas.apply(labels), to_canvas.apply(suggested), [rgb_of(colors[k]) for k in asked], strict=True)
    mark_pairs(canvas, list(marks))
    names = tuple((skeleton.keypoints[k], rgb_of(colors[k])) for k in asked) if suspect.keypoints else ()
    return Picture(jpeg_bytes(canvas), picture.title, suspect.message, names)


def box_around(points: FloatArray, shape: tuple[int, ...], size: float) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of a square around the points, moved and cut to fit into the picture.

    Args:
        points: `(n, 2)` px, NaN where missing; without any, the whole picture is taken.
        shape: Height and width of the picture.
        size: Usual size of the animal in px.
    """
    height, width = shape[0], shape[1]
    known = points[np.isfinite(points).all(axis=-1)]
    if not len(known):
        return 0, 0, width, height
    known = np.clip(known, 0, (width - 1, height - 1))
    low, high = known.min(axis=0), known.max(axis=0)
    half = max(float((high - low).max()) / 2 + MARGIN_SHARE * size, LEAST_SHARE * size, 2.0)
    halves = np.minimum(half, [width / 2, height / 2])
    center = np.clip((low + high) / 2 + 0.5, halves, (width - halves[0], height - halves[1]))
    left, top = np.floor(center - halves).astype(int)
    right, bottom = np.ceil(center + halves).astype(int)
    return max(0, int(left)), max(0, int(top)), min(width, int(right)), min(height, int(bottom))


def mark_pairs(canvas: Image, marks: Sequence[tuple[FloatArray, FloatArray, Color]]) -> None:
    """A thin line from each label to its prediction, a ring there, and above all of them a cross at each label."""
    links = [(np.stack([label, there]), 1, color) for label, there, color in marks if np.isfinite([label, there]).all()]
    rings = [(there + RING, 2, color) for _, there, color in marks if np.isfinite(there).all()]
    arms = (CROSS_PX * np.array([[-1.0, 0.0], [1.0, 0.0]]), CROSS_PX * np.array([[0.0, -1.0], [0.0, 1.0]]))
    crosses = [(label + arm, 2, color) for label, _, color in marks if np.isfinite(label).all() for arm in arms]
    for lines in (links, rings, crosses):
        draw_strokes(canvas, [Stroke(xy, DARK, 0.7, width + 2) for xy, width, _ in lines])
        draw_strokes(canvas, [Stroke(xy, color, 1.0, width) for xy, width, color in lines])


def rgb_of(rgb: npt.NDArray[np.uint8]) -> Color:
    return int(rgb[0]), int(rgb[1]), int(rgb[2])
