"""The page of an evaluation: right numbers, worst frames first, whole when something is missing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from markerless.core.metrics import SplitErrors, point_errors, split_errors
from markerless.core.skeleton import Skeleton
from markerless.errors import VideoError
from markerless.report.evaluation import EvaluationPage, PointTable, build_evaluation_page, headline
from markerless.report.evaluation_figures import Example, crop_box

SKELETON = Skeleton(("nose", "tail"))


def content() -> EvaluationPage:
    """20 frames of 100 x 80: every prediction 3 px right and 4 px below its label, frame 19 ten times as far."""
    labeled = np.tile([[30.0, 20.0], [60.0, 30.0]], (20, 1, 1))
    offset = np.where(np.arange(20) == 19, 10.0, 1.0)[:, None, None] * [3.0, 4.0]
    predicted = labeled + offset
    diagonal = np.full(20, np.hypot(100, 80))
    error = point_errors(predicted, labeled, diagonal)
    split = ["train"] * 10 + ["test"] * 10
    images = [f"labeled-data/v/img{i:02d}.png" for i in range(20)]
    splits: dict[str, SplitErrors | None] = {
        "train": split_errors(predicted[:10], labeled[:10], diagonal[:10], 31.6, SKELETON.keypoints),
        "validation": None,
        "test": split_errors(predicted[10:], labeled[10:], diagonal[10:], 31.6, SKELETON.keypoints),
    }
    points = PointTable(images, split, labeled, predicted, np.full((20, 2), 0.9), error)
    return EvaluationPage(
        "run1", "study", SKELETON, 31.6, splits, points, lambda name: np.full((80, 100, 3), 128, np.uint8)
    )


def test_headline_says_the_numbers_in_words() -> None:
    errors = content().splits["test"]
    assert errors is not None
    text = headline(errors, "test", 31.6)
    # nine frames at 5 px and one at 50 px: mean 9.5 px, 30.1 % of 31.6 px
    assert "On the test frames" in text and "9.50 px" in text and "30.1 %" in text and "within 5.00 px" in text
    assert "On all frames" in headline(errors, "all", float("nan"))


def test_page_shows_every_split_and_the_worst_frame_first() -> None:
    html = build_evaluation_page(content()).html()
    assert "<td>training</td><td>10</td><td>20</td><td>5.00</td><td>5.00 to 5.00</td><td>5.00</td>" in html
    assert "<td>validation</td><td>0</td><td>0</td><td>-</td>" in html
    assert "<td>nose</td><td>5.00 px</td><td>9.50 px</td>" in html
    assert html.count("<img") == 5, "cumulative, keypoints, confidence, worst and typical frames"


def test_a_split_without_a_labeled_point_is_told_of() -> None:
    page = content()
    points = replace(page.points, split=["train"] * 10 + ["validation"] * 2 + ["test"] * 8)
    html = build_evaluation_page(replace(page, points=points)).html()
    assert "<td>validation</td><td>2</td><td>0</td><td>-</td>" in html
    assert "<li>validation: no labeled points in 2 frames; nothing measured</li>" in html
    assert "nothing measured" not in build_evaluation_page(page).html()


def test_it_says_how_sure_the_mean_is_and_how_the_videos_differ() -> None:
    """Ten test frames, nine at 5 px and one at 50 px: 9.5 px with an interval far wider than half of it."""
    one_video = content()
    html = build_evaluation_page(one_video).html()
    assert "95 times out of 100" in html and "counted as one video" in html
    assert "Warning: the mean may be anything from 5.00 to" in html
    assert "Errors of each video" not in html
    points, videos = one_video.points, ["calm"] * 9 + ["wild"]
    predicted, labeled, diagonal = points.predicted[10:], points.labeled[10:], np.full(10, 128.0)
    test = split_errors(predicted, labeled, diagonal, 31.6, SKELETON.keypoints, videos)
    html = build_evaluation_page(replace(one_video, splits={"test": test})).html()
    worst = html.index("<td>wild</td><td>1</td><td>2</td><td>50.00 px</td><td>50.00 px</td><td>50.00 px</td>")
    assert worst < html.index("<td>calm</td><td>9</td><td>18</td><td>5.00 px</td>")
    assert "counted as one video" not in html


def test_certainty_of_frames_that_trained_is_not_told() -> None:
    whole = content()
    html = build_evaluation_page(replace(whole, splits={"train": whole.splits["train"]})).html()
    assert "95 times out of 100." not in html.split("Errors of each split")[0]


def test_examples_are_opened_once_and_worst_first() -> None:
    opened: list[str] = []

    def open_image(name: str) -> np.ndarray:
        opened.append(name)
        return np.full((80, 100, 3), 128, np.uint8)

    build_evaluation_page(replace(content(), open_image=open_image))
    assert opened[0] == "labeled-data/v/img19.png"
    assert len(set(opened)) == len(opened) == 10
    assert all(int(name[-6:-4]) >= 10 for name in opened), "no training frame is shown when there are test frames"


def test_missing_pictures_curve_and_scores_are_said_or_left_out() -> None:
    def broken(name: str) -> np.ndarray:
        raise VideoError(f"no image at {name}")

    rows = [(0.0, 0.5, 30.0), (100.0, 0.1, float("nan")), (200.0, 0.05, 3.0)]
    points = replace(content().points, score=np.full((20, 2), np.nan))
    page = build_evaluation_page(
        replace(content(), open_image=broken, learning=rows, points=points, settings={"train.steps": 200})
    )
    html = page.html()
    assert html.count("pictures could not be opened") == 2 and "6 pictures could not be opened" in html
    assert html.count("<img") == 3 and "Learning curve" in html and "train.steps" in html


def test_page_without_frames_says_so() -> None:
    empty = np.empty((0, 2, 2))
    table = PointTable([], [], empty, empty, np.empty((0, 2)), np.empty((0, 2)))
    html = build_evaluation_page(replace(content(), splits={"test": None}, points=table)).html()
    assert "no labeled frames" in html


@pytest.mark.parametrize(
    ("points", "size"),
    [([[30.0, 20.0], [60.0, 30.0]], 31.6), ([[0.0, 0.0], [99.0, 79.0]], 130.0), ([[50.0, 40.0], [50.0, 40.0]], 0.0)],
)
def test_crop_holds_all_points_and_stays_inside(points: list[list[float]], size: float) -> None:
    xy = np.array(points)
    example = Example("i.png", np.zeros((80, 100, 3), np.uint8), xy, xy + 1.0, 1.0)
    left, top, right, bottom = crop_box(example, size)
    assert 0 <= left <= xy[:, 0].min() and xy[:, 0].max() < right <= 100
    assert 0 <= top <= xy[:, 1].min() and xy[:, 1].max() < bottom <= 80
