"""Fills short gaps with straight lines."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from markerless.config import Settings
from markerless.core.tracks import Tracks
from markerless.filters._series import filtered, lines_across, points_of, series_of, short_gaps, values_of


class Config(Settings):
    """Settings of the filter `interpolate`."""

    max_gap: int = Field(default=15, ge=0, description="Longest gap in frames that is filled; longer ones stay.")


def apply(tracks: Tracks, config: Config) -> Tracks:
    """Fill every gap of at most `max_gap` frames with a straight line between the points at its two ends.

    Points that exist stay as they are. Of a longer gap nothing is filled, nor anything before the first and after the
    last point. Filled points have no score, and no expected error: a line does not know how far off it is.
    Triangulation takes the largest of the keypoint in its place.
    """
    series = series_of(tracks.points)
    fill = short_gaps(np.isfinite(series[..., 0]), config.max_gap)
    points = points_of(lines_across(series, fill), tracks.points.shape)
    error = None
    if tracks.error is not None:
        error = np.where(values_of(fill, tracks.score.shape), np.nan, tracks.error)
    return filtered(tracks, points, ("interpolate", config), error=error)
