"""Expected errors for all points that cameras saw, also for those whose file gives none, such as filled gaps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from markerless.pipeline.seen_points import SeenPoints


def with_known_errors(seen: SeenPoints) -> SeenPoints:
    """The points, each with an expected error if there are any: one without counts with the largest of its keypoint.

    The largest is taken over the same camera and keypoint, else over the same camera; a note says how many points that
    are. Where a camera gives points, but no error of any, nothing is given, as if its file had none.
    """
    if seen.error is None:
        return seen
    there = np.isfinite(seen.xy).all(axis=-1)
    known = there & np.isfinite(seen.error) & (seen.error > 0)
    without = (there & ~known).sum(axis=(1, 2, 3))
    silent = (without > 0) & ~known.any(axis=(1, 2, 3))
    if silent.any():
        names = ", ".join(name for name, none in zip(seen.views, silent, strict=True) if none)
        note = f"no point of {names} has an expected error: those of all cameras are learned from how well they agree"
        return replace(seen, error=None, notes=(*seen.notes, note))
    if not without.any():
        return seen
    largest = np.where(known, seen.error, 0.0).max(axis=(1, 2))  # (V, K)
    largest = np.where(largest > 0, largest, largest.max(axis=1, keepdims=True))
    error = np.where(there & ~known, largest[:, None, None], seen.error)
    told = ", ".join(f"{name} {count}" for name, count in zip(seen.views, without.tolist(), strict=True) if count)
    note = f"points without an expected error count with the largest of their keypoint in the same camera: {told}"
    return replace(seen, error=error, notes=(*seen.notes, note))
