"""Text in pictures: it stands where it is told, in the color it is told, and never beyond the picture."""

from __future__ import annotations

import numpy as np
import pytest

from markerless.report.lettering import Lettering, text_size, write

SIZE = (200, 60)


def written(text: str, xy: tuple[float, float], look: Lettering) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of a black picture that the text has colored."""
    image = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
    write(image, text, xy, look)
    rows, columns = np.nonzero(image.any(axis=-1))
    return rows, columns


@pytest.mark.parametrize(("anchor", "places"), [((0.0, 0.0), (1, 1)), ((1.0, 1.0), (-1, -1)), ((0.5, 0.5), (0, 0))])
def test_the_anchor_is_put_where_it_is_told(anchor: tuple[float, float], places: tuple[int, int]) -> None:
    rows, columns = written("120 mm", (100, 30), Lettering(12, (255, 255, 255), anchor))
    assert rows.size > 20
    assert np.sign(round((columns.min() + columns.max()) / 2 - 100, -1)) == places[0]
    if places[1]:
        assert np.sign(rows.mean() - 30) == places[1]
    else:
        assert abs(rows.mean() - 30) < 4


def test_it_is_written_in_its_color() -> None:
    image = np.zeros((60, 200, 3), np.uint8)
    write(image, "HHH", (10, 10), Lettering(20, (200, 100, 50), bold=True))
    np.testing.assert_array_equal(image.reshape(-1, 3).max(axis=0), (200, 100, 50))


def test_lines_of_one_size_are_equally_high_and_longer_texts_wider() -> None:
    look = Lettering(12, (255, 255, 255))
    assert text_size("a", look)[1] == text_size("gÅ", look)[1]
    assert text_size("nose", look)[0] < text_size("nose and tail", look)[0]


@pytest.mark.parametrize("xy", [(-20, 5), (190, 50), (-900, -900), (5000, 10)])
def test_what_lies_outside_is_cut_off(xy: tuple[float, float]) -> None:
    rows, columns = written("left hind paw", xy, Lettering(16, (255, 255, 255)))
    assert (rows.size > 0) == (abs(xy[0]) < 200)
    assert rows.size == 0 or (columns.max() < SIZE[0] and rows.max() < SIZE[1])


def test_an_empty_text_leaves_the_picture_as_it_is() -> None:
    assert written("", (100, 30), Lettering(12, (255, 255, 255)))[0].size == 0
