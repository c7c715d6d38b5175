"""Tracks of the made study as an analysis leaves them, with mistakes in known places, to be reviewed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from made_study import MadeStudy
from markerless.core.skeleton import Skeleton
from markerless.core.tracks import Tracks
from markerless.formats import dlc, movement

SCORER = "DLC_Net_mouseJan1_run1"


@dataclass(frozen=True)
class Mistakes:
    """Frames where the tracks are wrong: a jump of the snout, an unsure tail tip, ears that are swapped."""

    jump: int
    unsure: range
    swapped: range


def mistakes(n_frames: int) -> Mistakes:
    return Mistakes(
        n_frames // 4, range(n_frames // 2, n_frames // 2 + 8), range(3 * n_frames // 4, 3 * n_frames // 4 + 6)
    )


def tracks_with_mistakes(study: MadeStudy) -> Tracks:
    """The truth with a little noise and the mistakes."""
    rng = np.random.default_rng(7)
    names = study.project.skeleton.keypoints
    points = study.truth[:, np.newaxis] + rng.normal(0, 0.5, (len(study.truth), 1, len(names), 2))
    score = np.clip(rng.normal(0.93, 0.03, points.shape[:3]), 0, 1)
    error = rng.uniform(1.2, 2.2, score.shape)
    wrong = mistakes(len(points))
    snout, left, right, tip = (names.index(name) for name in ("snout", "leftear", "rightear", "tailtip"))
    points[wrong.jump, 0, snout] += (45, 30)
    score[wrong.jump, 0, snout], error[wrong.jump, 0, snout] = 0.55, 14
    rows = list(wrong.unsure)
    points[rows, 0, tip] += rng.normal(0, 6, (len(rows), 2))
    score[rows, 0, tip], error[rows, 0, tip] = rng.uniform(0.05, 0.3, len(rows)), 22
    rows = list(wrong.swapped)
    points[rows, 0, left], points[rows, 0, right] = points[rows, 0, right], points[rows, 0, left].copy()
    return Tracks(Skeleton(names), points, score, error, fps=25.0, video=study.video.name, scorer=SCORER)


def write_results(study: MadeStudy, tracks: Tracks) -> Path:
    """h5, csv and nc beside the video, as an analysis writes them; the nc."""
    stem = study.video.with_name(f"{study.video.stem}{SCORER}")
    dlc.write(tracks, stem.with_suffix(".h5"))
    dlc.write(tracks, stem.with_suffix(".csv"))
    movement.write(tracks, stem.with_suffix(".nc"))
    return stem.with_suffix(".nc")
