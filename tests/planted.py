"""Tracks of the made mouse as a good network would give them, to plant mistakes in."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from markerless.core.tracks import Tracks
from markerless.synthetic.scene import Scene

NOISE_PX = 0.7


def good_tracks(n_frames: int = 1500, seed: int = 3) -> Tracks:
    """The truth with a little noise, confident everywhere, with expected errors."""
    scene = Scene(seed, (640, 480), n_frames)
    rng = np.random.default_rng(seed)
    truth = scene.truth()[:, np.newaxis]
    points = truth + rng.normal(0, NOISE_PX, truth.shape)
    score = np.clip(rng.normal(0.93, 0.03, truth.shape[:3]), 0, 1)
    error = rng.uniform(0.8, 1.6, score.shape)
    return Tracks(scene.skeleton, points, score, error, fps=scene.fps)


def copied(tracks: Tracks) -> Tracks:
    """Tracks whose arrays may be changed."""
    error = None if tracks.error is None else tracks.error.copy()
    return replace(tracks, points=tracks.points.copy(), score=tracks.score.copy(), error=error)
