"""Keypoints of labeled pictures, by the same model file and engine that analyze videos.

In full precision, so that an error is the same on every machine but for rounding. `analyze` may compute in bf16; where
there are labeled frames of the video's size, only if their mean error grows by no more than a hundredth.
"""

from __future__ import annotations

from collections import deque
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from markerless.core.instance import FloatArray
from markerless.core.labels import Labels
from markerless.core.progress import Progress, silent
from markerless.pipeline.calibration import upper_90
from markerless.project import Run
from markerless.runtime.engine import EngineOptions, Handle, Prediction, Session, open_session, usable_cores
from markerless.video.images import image_size, read_image

ENGINE, PRECISION = "openvino", "f32"


@dataclass(frozen=True)
class Predicted:
    """What a model says about labeled frames.

    Attributes:
        xy: `(F, K, 2)` px of each picture, NaN where there is no prediction.
        score: `(F, K)` in 0..1, NaN where there is no prediction.
        precision: Arithmetic that was used.
        expected_error: `(F, K)` px, NaN where there is no prediction; None from a model that gives none. With it, the
            score is the probability that the point is within the tolerance of the run.
        upper_90: `(F, K)` px that nine in ten errors do not exceed; None likewise, and where it was not learned.
    """

    xy: FloatArray
    score: FloatArray
    precision: str
    expected_error: FloatArray | None = None
    upper_90: FloatArray | None = None


def predict_frames(run: Run, labels: Labels, precision: str = PRECISION, progress: Progress = silent) -> Predicted:
    """Run the model of `run` on every picture of `labels`.

    Args:
        run: A finished run.
        labels: Frames with their pictures.
        precision: "auto", "f32" or "bf16".
        progress: Told after every picture.

    Raises:
        LabelsError: a picture is missing.
        VideoError: a picture cannot be decoded.
        RunError: the model is missing or damaged.
    """
    n_keypoints = run.skeleton.n_keypoints
    xy = np.full((len(labels), n_keypoints, 2), np.nan)
    score, error = (np.full((len(labels), n_keypoints), np.nan) for _ in range(2))
    has_error = False
    by_size: dict[tuple[int, int], list[int]] = {}
    for i, frame in enumerate(labels.frames):
        by_size.setdefault(image_size(frame.picture), []).append(i)
    done, used = 0, precision
    for (width, height), indices in by_size.items():
        options = EngineOptions(height, width, precision=precision)
        with closing(open_session(ENGINE, run.model, options, n_keypoints)) as session:
            used, has_error = session.precision, session.has_expected_error
            waiting: deque[tuple[int, Handle]] = deque()
            for f in [*indices, None]:
                while waiting and (f is None or len(waiting) >= session.in_flight):
                    first, handle = waiting.popleft()
                    prediction = handle.result()
                    xy[first], score[first] = prediction.xy[0], prediction.score[0]
                    if prediction.expected_error is not None:
                        error[first] = prediction.expected_error[0]
                    done += 1
                    progress(done, len(labels), "")
                if f is not None:
                    waiting.append(
                        (f, session.submit(np.ascontiguousarray(read_image(labels.frames[f].picture))[None]))
                    )
    return Predicted(xy, score, used, error, upper_90(run, error)) if has_error else Predicted(xy, score, used)


class PicturePredictor:
    """The model of a run kept ready for single pictures, as they are asked for while somebody labels.

    Opening a model takes longer than using it. Not for several threads at once.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self._session: Session | None = None

    def predict(self, picture: Path) -> Prediction:
        """What the model says about a picture, as a batch of one.

        Raises:
            VideoError: the picture is missing or cannot be decoded.
            RunError: the model is missing or damaged.
        """
        image = read_image(picture)
        height, width = image.shape[:2]
        options = EngineOptions(height, width, precision=PRECISION, inline=True, threads_per_request=usable_cores())
        if self._session is None or self._session.options != options:
            self.close()
            self._session = open_session(ENGINE, self.run.model, options, self.run.skeleton.n_keypoints)
        return self._session.submit(image[None]).result()

    def close(self) -> None:
        """Free the model's memory."""
        if self._session is not None:
            self._session.close()
            self._session = None
