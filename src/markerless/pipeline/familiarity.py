"""What a network is familiar with, taken down when it has been trained: `familiar.json` of the run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from markerless.analysis.appearance import describe, fit, fit_sureness, recordings
from markerless.core.crossfit import CrossFit
from markerless.core.familiar import Sureness
from markerless.core.labels import Labels
from markerless.nn.dataset import ImageCache
from markerless.project import crossfit, familiar

MOST_FRAMES = 500  # enough to know their spread


def take_down(labels: Labels, cache: ImageCache, folder: Path) -> None:
    """Look at the training frames and write down how they look, and how sure networks are of them.

    Nothing is written where there are too few to know.

    Args:
        labels: The training frames.
        cache: Pictures already decoded.
        folder: Of the run; cross-fitted predictions in it are taken into account.

    Raises:
        StorageError: the file cannot be written.
        VideoError, LabelsError: a picture cannot be had.
    """
    rows = np.unique(np.linspace(0, len(labels) - 1, min(len(labels), MOST_FRAMES)).round().astype(int))
    frames = [labels.frames[row] for row in rows]
    looks = np.array([describe(cache.get(frame)) for frame in frames])
    found = fit(looks, recordings([frame.image for frame in frames]))
    if found is None:
        return
    answers = folder / crossfit.CROSSFIT_FILE
    if answers.is_file():
        found = replace(found, sureness=_sureness(crossfit.read(answers), labels))
    familiar.write(found, folder / familiar.FAMILIAR_FILE)


def _sureness(answers: CrossFit, labels: Labels) -> Sureness | None:
    """From what networks said of frames with an animal that they had not seen."""
    with_animal = {frame.image for frame in labels.frames if frame.n_points}
    score = {image: scores for image, scores in zip(answers.images, answers.score, strict=True) if image in with_animal}
    known = {image: float(np.nanmean(scores)) for image, scores in score.items() if np.isfinite(scores).any()}
    return fit_sureness(np.array(list(known.values())), recordings(list(known)))
