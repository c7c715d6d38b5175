"""Points that the network itself doubts: low confidence, a large expected error, a keypoint that is not there."""

from __future__ import annotations

import numpy as np

from markerless.analysis.animal_track import AnimalTrack, Signs, beyond, quantiles

LOW_SCORE = 0.5
LOW_SHARE = 0.6  # of the keypoint's usual score: what is hard to see in the whole video is not suspicious all the time
USUAL = 0.75  # quantile: a keypoint may be lost in half of the video, and that is worth a look
LARGE_ERROR = 3.0  # times the keypoint's median
LARGE_ERROR_SHARE = 0.1  # of the animal: a smaller error is no reason to look
SELDOM_MISSING = 0.1  # share of the frames with the animal; a keypoint missing more often is usually hidden
MISSING_SEVERITY = 0.3


def low_confidence(animal: AnimalTrack) -> Signs:
    """Scores far below the keypoint's own; nothing where there are no scores."""
    usual = quantiles(animal.score, animal.present, (USUAL,))[0]
    limit = np.fmin(LOW_SCORE, LOW_SHARE * usual)
    with np.errstate(invalid="ignore", divide="ignore"):
        severity = np.where(animal.score < limit, 1 - animal.score / limit, 0).astype(np.float32)

    def say(t: int, k: int) -> str:
        return f"confidence of {animal.skeleton.keypoints[k]} is {animal.score[t, k]:.2f}, usually {usual[k]:.2f}"

    return Signs("confidence", severity, say)


def large_error(animal: AnimalTrack) -> Signs:
    """Expected errors far above the keypoint's own; nothing where the model expects none."""
    error = animal.error if animal.error is not None else np.full(animal.score.shape, np.nan)
    usual = quantiles(error, animal.present, (0.5,))[0]
    limit = np.fmax(LARGE_ERROR * usual, LARGE_ERROR_SHARE * animal.size_px)

    def say(t: int, k: int) -> str:
        return f"expected error of {animal.skeleton.keypoints[k]} is {error[t, k]:.1f} px, usually {usual[k]:.1f}"

    return Signs("error", beyond(error, limit), say)


def missing(animal: AnimalTrack) -> Signs:
    """Keypoints without a point, in frames that have others, when they are nearly always there."""
    seen = np.asarray(animal.present.any(axis=1))
    gone = seen[:, np.newaxis] & ~animal.present
    share = gone.sum(axis=0) / max(int(seen.sum()), 1)
    usual = share <= SELDOM_MISSING
    severity = (gone & usual).astype(np.float32) * np.float32(MISSING_SEVERITY)

    def say(_t: int, k: int) -> str:
        return f"{animal.skeleton.keypoints[k]} is missing; it is in {100 * (1 - share[k]):.0f} % of the frames"

    return Signs("missing", severity, say)
