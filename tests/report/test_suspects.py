"""Pictures of suspects: marks are where label and prediction are, and the part that is shown holds them all."""

from __future__ import annotations

import base64
import re

import cv2
import numpy as np
import pytest

from markerless.analysis.label_suspects import Kind, Suspect
from markerless.core.instance import FloatArray
from markerless.core.skeleton import Skeleton
from markerless.report.suspects import WIDTH, SuspectPicture, box_around, suspects_page

SKELETON = Skeleton(("nose", "ear", "tail"))
LABELED = np.array([[60.0, 50.0], [90.0, 60.0], [30.0, 40.0]])


def page_of(*suspects: Suspect, labeled: FloatArray = LABELED) -> str:
    image = np.full((100, 120, 3), 120, np.uint8)
    pictures = (SuspectPicture(f"{i}. img.png", s, image, labeled) for i, s in enumerate(suspects, start=1))
    return suspects_page(("Title", "below"), ["a note"], pictures, SKELETON, 80.0).html()


def suspect(keypoints: tuple[str, ...], kind: Kind, suggested: tuple[tuple[float, float], ...] = ()) -> Suspect:
    return Suspect("labeled-data/m1/img.png", "individual_0", keypoints, kind, 0.9, f"odd {kind}", suggested)


def pictures_in(html: str) -> list[np.ndarray]:
    found = re.findall(r"data:image/jpeg;base64,([^\"]+)", html)
    bytes_of = [np.frombuffer(base64.b64decode(data), np.uint8) for data in found]
    return [np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR)) for data in bytes_of]


def test_every_kind_of_suspect_gets_a_picture_with_names_and_text() -> None:
    html = page_of(
        suspect(("nose", "ear"), "exchanged", ((90.0, 60.0), (60.0, 50.0))),
        suspect(("tail",), "missing", ((33.0, 44.0),)),
        suspect(("tail",), "place"),
        suspect((), "axes"),
    )
    assert [picture.shape[1] for picture in pictures_in(html)] == [WIDTH] * 4
    assert "1. img.png" in html and "odd exchanged" in html and "a note" in html
    assert html.count("</i>nose</span>") == 1


def test_marks_are_where_label_and_prediction_are() -> None:
    """Around (60, 50) a cross, around (80, 50) a ring, 20 px apart; nothing where there is neither."""
    lone = np.where(np.arange(3)[:, None] == 0, LABELED, np.nan)
    (marked,) = pictures_in(page_of(suspect(("nose",), "place", ((80.0, 50.0),)), labeled=lone))
    left, top, right, _ = box_around(np.array([[60.0, 50.0], [80.0, 50.0]]), (100, 120), 80.0)
    scale = WIDTH / (right - left)
    changed = np.abs(marked.astype(int) - 120).max(axis=-1) > 60

    def drawn(x: float, y: float) -> bool:
        column, row = round((x - left + 0.5) * scale - 0.5), round((y - top + 0.5) * scale - 0.5)
        return bool(changed[row - 1 : row + 2, column - 1 : column + 2].any())

    assert drawn(60, 50) and drawn(60 + 8 / scale, 50) and drawn(60, 50 - 8 / scale)  # the cross
    assert drawn(80, 50 + 9 / scale) and drawn(80, 50 - 9 / scale) and not drawn(80, 50 + 5 / scale)  # the ring
    assert drawn(70, 50)  # the line between them
    assert not drawn(60, 50 + 20 / scale) and not drawn(30, 40)


@pytest.mark.parametrize(
    "points",
    [[[5.0, 5.0], [110.0, 95.0]], [[60.0, 50.0]], [[-30.0, 500.0]], [[np.nan, np.nan], [119.0, 99.0]]],
)
def test_the_part_holds_the_points_and_lies_in_the_picture(points: list[list[float]]) -> None:
    left, top, right, bottom = box_around(np.array(points), (100, 120), 80.0)
    assert 0 <= left < right <= 120 and 0 <= top < bottom <= 100
    for x, y in np.clip(np.array(points), 0, (119, 99)):
        assert np.isnan(x) or (left <= x < right and top <= y < bottom)


def test_without_points_it_is_the_whole_picture() -> None:
    assert box_around(np.full((1, 2), np.nan), (100, 120), 80.0) == (0, 0, 120, 100)
