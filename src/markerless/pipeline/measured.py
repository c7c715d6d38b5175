"""Labels and predictions side by side: what `evaluate` measures, also for programs that want every single error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from markerless.analysis.calibration import StatedErrors, judge
from markerless.core.instance import FloatArray
from markerless.core.labels import Labels
from markerless.core.metrics import nothing_measured, point_errors, split_errors
from markerless.core.progress import Progress, silent
from markerless.errors import LabelsError
from markerless.nn.dataset import frame_points
from markerless.pipeline.evaluation import Evaluation
from markerless.pipeline.predict import Predicted, predict_frames
from markerless.project import Run
from markerless.video.images import image_size

Missing = Literal["absent", "unknown"]


@dataclass(frozen=True)
class Measured:
    """Labels of one animal, and what is predicted for the same F frames.

    Attributes:
        labels: F frames.
        predicted: What the model, or another tool, says about them.
        split: Part -> names of its images; images that are not among the frames are passed over.
        labeled: `(F, K, 2)` px, NaN where there is no label.
        diagonal: `(F,)` px, of each picture.
        tolerance_px: What the score is the probability of being within; None when it is none.
        missing: What a keypoint without a point means, as in training.
    """

    labels: Labels
    predicted: Predicted
    split: Mapping[str, list[str]]
    labeled: FloatArray
    diagonal: FloatArray
    tolerance_px: float | None = None
    missing: Missing = "absent"

    @classmethod
    def of(
        cls, labels: Labels, predicted: Predicted, split: Mapping[str, list[str]], tolerance_px: float | None = None
    ) -> Measured:
        """Put them side by side.

        Raises:
            LabelsError: the labels hold several animals, or a picture is missing.
            VideoError: a picture cannot be read.
        """
        diagonal = np.array([np.hypot(*image_size(frame.picture)) for frame in labels.frames])
        return cls(labels, predicted, split, one_animal(labels), diagonal, tolerance_px)

    @property
    def animal_size_px(self) -> float:
        return self.labels.animal_size_px(float(np.median(self.diagonal)))

    @property
    def error(self) -> FloatArray:
        """`(F, K)` px, NaN where there is no label; a missing prediction counts as the diagonal."""
        return point_errors(self.predicted.xy, self.labeled, self.diagonal)

    def rows(self, part: str) -> list[int]:
        """Places of a part's frames."""
        place = {image: f for f, image in enumerate(self.labels.images)}
        return [place[image] for image in self.split[part] if image in place]

    def stated_errors(self, part: str) -> StatedErrors | None:
        """What is said of the errors of a part's points, beside the errors; None where nothing is said."""
        said = self.predicted
        if said.expected_error is None or said.upper_90 is None or self.tolerance_px is None:
            return None
        rows = self.rows(part)
        error, score, expected, upper_90 = (
            values[rows].ravel() for values in (self.error, said.score, said.expected_error, said.upper_90)
        )
        return StatedErrors(error, score, self.tolerance_px, expected, upper_90).judged()

    def said_of_absent(self, part: str) -> FloatArray:
        """`(n,)` scores of a part's keypoints that are not there: frames say so by no animal, or by other points."""
        rows, n_keypoints = self.rows(part), self.labels.skeleton.n_keypoints
        told = np.array([frame_points(self.labels.frames[row], n_keypoints, self.missing)[1] for row in rows])
        is_absent = told.reshape(-1, n_keypoints).astype(bool) & ~np.isfinite(self.labeled[rows]).all(-1)
        return np.asarray(self.predicted.score[rows][is_absent])

    def evaluation(self, run: str, labels: str) -> Evaluation:
        """The figures of every part; those of parts without a labeled point are left out, and that is noted.

        Args:
            run: Name of the run, or of the prediction file.
            labels: Name of what it was measured on.

        Raises:
            LabelsError: there are frames, but not a single labeled point in any part.
        """
        splits, calibration = {}, {}
        notes: list[str] = []
        n_frames = 0
        for part in self.split:
            stated = self.stated_errors(part)
            calibration[part] = judge(stated, self.said_of_absent(part)) if stated and stated.error.size else None
            rows = self.rows(part)
            videos = [self.labels.frames[row].video for row in rows]
            splits[part] = split_errors(
                self.predicted.xy[rows],
                self.labeled[rows],
                self.diagonal[rows],
                self.animal_size_px,
                self.labels.skeleton.keypoints,
                videos,
            )
            n_frames += len(rows)
            if rows and splits[part] is None:
                notes.append(nothing_measured(part, len(rows)))
        if n_frames and not any(splits.values()):
            raise LabelsError(
                f"expected labeled points to measure errors on, got none in {n_frames} frames of {labels}; label "
                "keypoints in some of them"
            )
        return Evaluation(
            run, labels, self.animal_size_px, splits, self.predicted.precision, calibration, notes=tuple(notes)
        )


def measure_run(run: Run, labels: Labels, split: Mapping[str, list[str]], progress: Progress = silent) -> Measured:
    """Predict labeled frames with a run's model.

    Args:
        run: A finished run.
        labels: Frames of its skeleton, with their pictures.
        split: Part -> names of images.
        progress: Told after every picture.

    Raises:
        LabelsError: several animals, or a picture is missing.
        VideoError: a picture cannot be decoded.
        RunError: the model is missing or damaged.
    """
    measured = Measured.of(labels, predict_frames(run, labels, progress=progress), split, tolerance_of(run))
    return replace(measured, missing=missing_of(run))


def tolerance_of(run: Run) -> float | None:
    """What a run's score is the probability of being within, in px; None of a run that was not calibrated."""
    table = run.settings.get("calibration")
    tolerance = table.get("tolerance_px") if isinstance(table, dict) else None
    return float(tolerance) if isinstance(tolerance, int | float) else None


def missing_of(run: Run) -> Missing:
    """What a keypoint without a point meant when a run was trained."""
    table = run.settings.get("data")
    return "unknown" if isinstance(table, dict) and table.get("missing") == "unknown" else "absent"


def one_animal(labels: Labels) -> FloatArray:
    """`(F, K, 2)` of the only animal.

    Raises:
        LabelsError: the labels hold several animals.
    """
    if labels.is_multi_animal:
        raise LabelsError(f"measuring several animals at once comes in a later version; got {len(labels.individuals)}")
    return labels.xy()[:, 0]
