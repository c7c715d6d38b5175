"""The page of an evaluation: how far predictions are from labels, where, and how sure the model was.

The caller gives arrays and a function that opens an image; nothing here knows of projects or runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from markerless.analysis.calibration import Calibration
from markerless.core.instance import FloatArray
from markerless.core.metrics import SplitErrors, nothing_measured
from markerless.core.skeleton import Skeleton
from markerless.errors import VideoError
from markerless.report.calibration import add_calibration
from markerless.report.evaluation_figures import (
    Example,
    confidence_figure,
    cumulative_figure,
    examples_figure,
    keypoint_figure,
    learning_figure,
)
from markerless.report.page import Page
from markerless.report.style import Colors, figure_style

SPLIT_NAMES = {
    "train": "training",
    "validation": "validation",
    "test": "test",
    "all": "all frames",
    "crossfit": "training, unseen by other networks",
}
SPLIT_ORDER = ("all", "test", "validation", "train")  # from the most to the least telling
HEADLINES = ("all", "test", "crossfit", "validation", "train")  # likewise
SPLIT_COLUMNS = (
    *("split", "frames", "points", "mean px", "interval", "median px", "RMSE px", "95 % px", "max px"),
    "badly wrong",
    *("PCK 0.05", "0.1", "0.2"),
)
VIDEO_COLUMNS = ("video", "frames", "points", "mean px", "median px", "95 % px")
N_EXAMPLES = 6  # worst and typical frames each
COUNTING_NOTE = "Points that nobody labeled are not counted; a missing prediction counts as the diagonal of the frame."

Image = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class PointTable:
    """Every labeled frame of an evaluation, point by point.

    Attributes:
        images: F image names.
        split: Split of each frame, keys of `EvaluationPage.splits`; "" for a frame that is in none.
        labeled: `(F, K, 2)` px, NaN where there is no label.
        predicted: `(F, K, 2)` px, NaN where the model gives nothing.
        score: `(F, K)` 0..1, NaN where there is none.
        error: `(F, K)` px, NaN where there is no label.
    """

    images: Sequence[str]
    split: Sequence[str]
    labeled: FloatArray
    predicted: FloatArray
    score: FloatArray
    error: FloatArray


@dataclass(frozen=True)
class EvaluationPage:
    """All that the page shows.

    Attributes:
        run: Name of the run, or of the prediction file.
        labels: What it was measured on.
        skeleton: The keypoints.
        animal_size_px: Median size of the animal.
        splits: Split name -> errors; None for a split without a labeled point.
        points: The frames, point by point.
        open_image: Name of an image -> `(H, W, 3)` uint8 RGB; may raise VideoError.
        learning: `(step, training loss, validation error px)` rows; NaN where it was not measured.
        settings: Settings and versions to list.
        notes: One-line remarks.
        calibration: Split name -> how true the stated errors are; None where none are stated.
        colors: `(K, 3)` RGB of the keypoints; None takes those of the palette.
    """

    run: str
    labels: str
    skeleton: Skeleton
    animal_size_px: float
    splits: Mapping[str, SplitErrors | None]
    points: PointTable
    open_image: Callable[[str], Image]
    learning: Sequence[tuple[float, float, float]] = ()
    settings: Mapping[str, object] = field(default_factory=dict)
    notes: Sequence[str] = ()
    calibration: Mapping[str, Calibration | None] = field(default_factory=dict)
    colors: Colors | None = None


def build_evaluation_page(content: EvaluationPage) -> Page:
    """The page; write it with `page.write(path)`."""
    page = Page(f"Evaluation of {content.run}", f"Labels: {content.labels}")
    main = _main_split(content)
    _headline(page, content, main)
    if content.notes:
        page.items(content.notes)
    with figure_style(content.colors):
        _tables(page, content)
        if main is not None:
            _errors(page, content)
            found = content.calibration.get(main)
            if found is not None and main != "train":  # of frames that trained it, a network is surer than it should be
                add_calibration(page, found, SPLIT_NAMES.get(main, main))
            _examples(page, content, main)
        if len(content.learning) > 1:
            page.heading("Learning curve")
            page.figure(learning_figure(content.learning), _learning_caption(content))
    if content.settings:
        page.heading("Settings and versions")
        page.settings("Show all", content.settings)
    return page


def headline(errors: SplitErrors, split: str, animal_size_px: float) -> str:
    """The result in plain words."""
    share = 100 * errors.mean_px / animal_size_px if animal_size_px > 0 else float("nan")
    of_animal = f", {share:.1f} % of the animal's size of {animal_size_px:.0f} px" if np.isfinite(share) else ""
    gross = "no point is" if errors.gross == 0 else f"{100 * errors.gross:.1f} % of the points are"
    frames = "On all frames" if split == "all" else f"On the {SPLIT_NAMES.get(split, split)} frames"
    return (
        f"{frames} a predicted point lies on average {errors.mean_px:.2f} px from its label{of_animal}. "
        f"Half of the points are within {errors.median_px:.2f} px, "
        f"95 % within {errors.p95_px:.1f} px; {gross} badly wrong."
    )


def certainty(errors: SplitErrors) -> list[str]:
    """How sure the mean is, in plain words; empty of a split that says nothing of it."""
    texts = []
    if errors.mean_px_interval is not None:
        low, high = errors.mean_px_interval
        others = "other frames and other videos" if errors.per_video else "other frames"
        texts.append(
            f"Had {others} of the same kind been labeled, the mean would be {low:.2f} to {high:.2f} px, 95 times out "
            "of 100."
        )
        if not errors.per_video:
            texts.append("All frames are counted as one video (one folder of pictures): others may be harder.")
    return [*texts, f"Warning: {errors.doubt}."] if errors.doubt else texts


def _main_split(content: EvaluationPage) -> str | None:
    """The most telling split that has frames."""
    names = [name for name in (*HEADLINES, *content.splits) if content.splits.get(name) is not None]
    return names[0] if names else None


def _headline(page: Page, content: EvaluationPage, main: str | None) -> None:
    errors = content.splits[main] if main is not None else None
    if main is None or errors is None:
        page.text("There are no labeled frames to measure on.")
        return
    name = SPLIT_NAMES.get(main, main)
    page.cards(
        [
            (f"{errors.mean_px:.2f} px", f"mean error ({name})"),
            (f"{errors.median_px:.2f} px", f"median error ({name})"),
            (f"{100 * errors.gross:.1f} %", "badly wrong points"),
            (f"{100 * errors.pck.get('0.1', float('nan')):.1f} %", "within a tenth of the animal's size"),
            (f"{errors.n_points:,}", f"labeled points in {errors.n_frames:,} frames"),
        ]
    )
    page.text(headline(errors, main, content.animal_size_px))
    if main == "train":
        page.text("These are the frames the network was trained on: expect larger errors on new videos.")
    else:
        page.items(certainty(errors))
    page.text(COUNTING_NOTE)


def _tables(page: Page, content: EvaluationPage) -> None:
    page.heading("Errors of each split")
    n_frames = {name: len(_rows_of(content.points, name)) for name in content.splits}
    page.table(SPLIT_COLUMNS, [_split_row(name, errors, n_frames[name]) for name, errors in content.splits.items()])
    empty = [name for name, errors in content.splits.items() if errors is None and n_frames[name]]
    if empty:
        page.items([nothing_measured(SPLIT_NAMES.get(name, name), n_frames[name]) for name in empty])
    if content.splits.get("crossfit") is not None:
        page.text(
            "Unseen by other networks: each training frame was asked of a network that trained without it, "
            "on fewer frames and for a shorter time. The network itself is rather better than that."
        )
    page.text(
        "Interval: where the mean would lie with other frames of the same kind, 95 times out of 100. "
        "95 % px: 95 % of the points are nearer than this. "
        "PCK: share of points within 0.05, 0.1 and 0.2 of the animal's size. Badly wrong: farther from the label than "
        "5 % of the frame's diagonal, or nearer to another body part than to their own."
    )
    measured = {name: errors for name, errors in content.splits.items() if errors is not None}
    if not measured:
        return
    page.heading("Mean error of each body part")
    page.table(
        ["body part", *(SPLIT_NAMES.get(name, name) for name in measured)],
        [
            [keypoint, *(_px(errors.per_keypoint.get(keypoint, float("nan"))) for errors in measured.values())]
            for keypoint in content.skeleton.keypoints
        ],
    )
    main = _main_split(content)
    if main is not None and measured[main].per_video:
        _videos(page, measured[main], SPLIT_NAMES.get(main, main))


def _videos(page: Page, errors: SplitErrors, split: str) -> None:
    page.heading(f"Errors of each video ({split})")
    rows = sorted(errors.per_video.items(), key=lambda item: -np.nan_to_num(item[1].mean_px, nan=-1))
    page.table(
        VIDEO_COLUMNS,
        [
            [video, f"{e.n_frames:,}", f"{e.n_points:,}", *(_px(x) for x in (e.mean_px, e.median_px, e.p95_px))]
            for video, e in rows
        ],
    )
    page.text("The worst video first.")


def _split_row(name: str, errors: SplitErrors | None, n_frames: int) -> list[str]:
    if errors is None:
        return [SPLIT_NAMES.get(name, name), f"{n_frames:,}", "0", *["-"] * (len(SPLIT_COLUMNS) - 3)]
    interval = "-" if errors.mean_px_interval is None else "{:.2f} to {:.2f}".format(*errors.mean_px_interval)
    lengths = (errors.median_px, errors.rmse_px, errors.p95_px, errors.max_px)
    shares = (errors.gross, *errors.pck.values())
    return [
        SPLIT_NAMES.get(name, name),
        f"{errors.n_frames:,}",
        f"{errors.n_points:,}",
        f"{errors.mean_px:.2f}",
        interval,
        *(f"{length:.2f}" for length in lengths),
        *(f"{100 * share:.1f} %" for share in shares),
    ]


def _errors(page: Page, content: EvaluationPage) -> None:
    points, names = content.points, [name for name in SPLIT_ORDER if content.splits.get(name) is not None]
    by_split = {name: points.error[_rows_of(points, name)] for name in reversed(names)}
    labels = {name: SPLIT_NAMES[name] for name in by_split}
    page.heading("Distribution of the errors")
    page.figure(
        cumulative_figure(by_split, labels, content.animal_size_px),
        "Share of points with at most this error. The dotted line is a twentieth of the animal's size.",
    )
    main = names[0]
    page.figure(
        keypoint_figure(by_split[main], content.skeleton.keypoints),
        f"Errors of each body part ({SPLIT_NAMES[main]}): every dot is a point, the bar is the median.",
    )
    score = points.score[_rows_of(points, main)]
    if not np.isfinite(score).any():
        return
    page.heading("Error against confidence")
    page.figure(
        confidence_figure(by_split[main], score, content.skeleton.keypoints),
        f"Every dot is a labeled point ({SPLIT_NAMES[main]}). A useful confidence is low where the error is large; the "
        "line is the median error of points of that confidence.",
    )


def _examples(page: Page, content: EvaluationPage, main: str) -> None:
    points = content.points
    rows = _rows_of(points, main)
    with_labels = rows[np.isfinite(points.error[rows]).any(axis=-1)]
    if not len(with_labels):
        return
    mean = np.nanmean(points.error[with_labels], axis=-1)
    worst = with_labels[np.argsort(-mean, kind="stable")]
    others = worst[N_EXAMPLES:]
    middle = max(0, len(worst) // 2 - N_EXAMPLES)  # the median frame, in its place among the others
    first = max(0, min(middle - N_EXAMPLES // 2, len(others) - N_EXAMPLES))
    typical = others[first : first + N_EXAMPLES]
    page.heading("Labeled against predicted")
    for title, chosen in (("Largest errors", worst[:N_EXAMPLES]), ("Typical", typical)):
        examples, missing = _open_examples(content, chosen)
        if examples:
            page.photo(
                examples_figure(examples, content.skeleton, content.animal_size_px),
                f"{title} ({SPLIT_NAMES.get(main, main)}): + is the label, o the prediction, "
                "the number is the mean error of the frame.",
            )
        if missing:
            page.text(f"{missing} pictures could not be opened.")


def _open_examples(content: EvaluationPage, rows: npt.NDArray[np.int64]) -> tuple[list[Example], int]:
    points, examples, missing = content.points, [], 0
    for row in rows:
        try:
            image = content.open_image(points.images[row])
        except VideoError:
            missing += 1
            continue
        error = float(np.nanmean(points.error[row]))
        examples.append(Example(points.images[row], image, points.labeled[row], points.predicted[row], error))
    return examples, missing


def _rows_of(points: PointTable, split: str) -> npt.NDArray[np.int64]:
    """Frames of a split; "all" is every frame when no frame is called so."""
    rows = np.flatnonzero(np.array([name == split for name in points.split], dtype=bool))
    return np.arange(len(points.split)) if split == "all" and not len(rows) else rows


def _learning_caption(content: EvaluationPage) -> str:
    measured = any(np.isfinite(row[2]) for row in content.learning)
    return "Loss on training frames" + (" and error on validation frames" if measured else "") + " while training."


def _px(value: float) -> str:
    return f"{value:.2f} px" if np.isfinite(value) else "-"
