"""Plain tables: tidy CSV and Anipose's, COCO's JSON: what is wrong is said with its place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from markerless.errors import FormatError, LabelsError
from markerless.formats import anipose, coco, tidy
from markerless.formats._sniff import rank

TIDY = "frame,keypoint,x,y\n0,nose,1,2\n2,nose,3,\n"
ANIPOSE = "a_x,a_y,a_z,a_error,a_ncams,a_score,fnum\n1,2,3,0.4,2,0.9,0\n4,5,6,0.4,2,0.8,2\n"


def table(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "a.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_tidy_table_by_hand(tmp_path: Path) -> None:
    tracks = tidy.read(table(tmp_path, TIDY))
    assert tracks.individuals == ("individual_0",)
    np.testing.assert_array_equal(tracks.points[:, 0, 0], [[1, 2], [np.nan, np.nan], [np.nan, np.nan]])
    assert np.isnan(tracks.score).all()
    assert np.isnan(tracks.fps)
    tracks = tidy.read(table(tmp_path, "Track;Node;Frame;X;Y;Likelihood\nann;nose;0;1.5;2;0.5\n"))
    assert (tracks.individuals, tracks.points[0, 0, 0].tolist(), tracks.score[0, 0, 0]) == (("ann",), [1.5, 2], 0.5)


def test_a_column_z_without_a_number_is_none(tmp_path: Path) -> None:
    text = "frame,keypoint,x,y,z,score\n0,a,1,2,,0.9\n1,a,2,3,,0.8\n"
    tracks = tidy.read(table(tmp_path, text))
    np.testing.assert_array_equal(tracks.points[:, 0, 0], [[1, 2], [2, 3]])
    tracks = tidy.read(table(tmp_path, text.replace("2,3,,", "2,3,4,")))
    np.testing.assert_array_equal(tracks.points[:, 0, 0], [[np.nan] * 3, [2, 3, 4]])
    # nothing was found in space
    assert tidy.read(table(tmp_path, "frame,keypoint,x,y,z\n0,a,,,\n")).points.shape == (1, 1, 1, 3)
    assert tidy.read(table(tmp_path, "frame,keypoint,x,y,z\n")).points.shape[-1] == 3


def test_a_tidy_table_out_of_a_spreadsheet_with_decimal_commas(tmp_path: Path) -> None:
    tracks = tidy.read(table(tmp_path, "frame;keypoint;x;y;score\n0;nose, left;1,5;-2,25e1;,75\n"))
    assert tracks.skeleton.keypoints == ("nose, left",)
    assert (tracks.points[0, 0, 0].tolist(), tracks.score[0, 0, 0]) == ([1.5, -22.5], 0.75)
    # between commas a comma in quotes may group digits as well: nobody knows
    with pytest.raises(FormatError, match="row 1, column x: expected a finite number or an empty cell, got '1,500'"):
        tidy.read(table(tmp_path, 'frame,keypoint,x,y\n0,nose,"1,500",2\n'))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (TIDY.replace("3,", "three,"), "row 2, column x: expected a finite number or an empty cell, got 'three'"),
        (TIDY.replace("3,", "1_0,"), "row 2, column x: expected a finite number or an empty cell, got '1_0'"),
        (TIDY.replace("3,", "1e999,"), "row 2, column x: expected a finite number"),
        (TIDY.replace("2,nose", "0,nose"), "rows 1 and 2 of the same frame"),
        (TIDY.replace("2,nose", "2.5,nose"), "column frame: expected whole numbers"),
        (TIDY.replace("2,nose", "2,"), "expected a name in every row"),
        (TIDY.replace("3,", "3,4,5"), "line 3: expected 4 cells as in the header, got 5"),
        (TIDY.replace("x,y", "x,x"), "expected every column once, got 'x' again"),
        (TIDY.replace("x,y", "x,v"), "expected columns frame, keypoint, x, y"),
        (TIDY.replace("2,nose", "2000000000,nose"), "got 2 points for 2000000001 frames"),
    ],
)
def test_what_is_wrong_with_a_tidy_table(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(FormatError) as caught:
        tidy.read(table(tmp_path, text))
    assert message in str(caught.value)
    assert "a.csv" in str(caught.value)


def test_anipose_puts_rows_at_their_frames(tmp_path: Path) -> None:
    path = table(tmp_path, ANIPOSE)
    tracks = anipose.read(path)
    np.testing.assert_array_equal(tracks.points[:, 0, 0], [[1, 2, 3], [np.nan] * 3, [4, 5, 6]])
    np.testing.assert_array_equal(tracks.score[:, 0, 0], [0.9, np.nan, 0.8])
    assert tracks.error is None  # its error is in pixels, and these points are not
    assert rank(path)[0][0] == "anipose"
    with pytest.raises(FormatError, match="column fnum: expected every frame once"):
        anipose.read(table(tmp_path, ANIPOSE.replace("0.8,2", "0.8,0")))


def coco_file(tmp_path: Path, **changes: Any) -> Path:
    value = {
        "images": [{"id": 7, "file_name": "a.png"}, {"id": 8, "file_name": "b.png"}],
        "categories": [
            {"id": 1, "name": "cat", "keypoints": ["nose", "tail"], "skeleton": [[1, 2]]},
            {"id": 2, "name": "dog", "keypoints": ["tail", "paw"]},
        ],
        "annotations": [
            {"id": 1, "image_id": 7, "category_id": 1, "keypoints": [1, 2, 2, 3, 4, 1]},
            {"id": 2, "image_id": 7, "category_id": 2, "keypoints": [5, 6, 2, 0, 0, 0]},
        ],
    }
    path = tmp_path / "a.json"
    path.write_text(json.dumps({**value, **changes}), encoding="utf-8")
    return path


def test_coco_unites_categories_by_the_names_of_keypoints(tmp_path: Path) -> None:
    labels = coco.read(coco_file(tmp_path))
    assert labels.skeleton.keypoints == ("nose", "tail", "paw")
    assert labels.skeleton.edges == ((0, 1),)
    assert labels.individuals == ("individual_0", "individual_1")
    assert [frame.image for frame in labels.frames] == ["a.png", "b.png"]
    first, second = labels.frames[0].instances
    assert (first.visibility.tolist(), second.visibility.tolist()) == ([2, 1, 0], [0, 2, 0])
    np.testing.assert_array_equal(second.xy, [[np.nan, np.nan], [5, 6], [np.nan, np.nan]])
    assert labels.frames[1].instances == ()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"categories": [{"id": 1, "name": "cat"}]}, "boxes and masks alone are no poses"),
        ({"images": []}, "expected annotations of the 0 images, got one of image 7"),
        ({"images": [{"id": 7}]}, "expected COCO annotations, got damaged ones"),
        ({"annotations": [{"id": 1, "image_id": 7, "category_id": 1, "keypoints": [1, 2]}]}, "expected 6 numbers"),
        ({"annotations": 3}, "expected COCO annotations, got damaged ones"),
    ],
)
def test_what_is_wrong_with_a_coco_file(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(LabelsError) as caught:
        coco.read(coco_file(tmp_path, **changes))
    assert message in str(caught.value)
    assert "a.json" in str(caught.value)
