"""Forward prediction: where the keypoints will be when an experiment's answer reaches the animal.

A Kalman filter with the model of nearly constant velocity for each coordinate: between two frames a keypoint is
accelerated at random, constantly over the interval, with a standard deviation that is the filter's only opinion of the
animal (discrete white noise acceleration: Bar-Shalom, Li and Kirubarajan, Estimation with Applications to Tracking and
Navigation, Wiley 2001, section 6.3.2).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from markerless.core.instance import FloatArray

LONGEST_GAP_S = 0.5  # a keypoint not seen for longer is forgotten: its speed of then says nothing


@dataclass(frozen=True)
class Motion:
    """How an animal moves and how well it is seen.

    Attributes:
        acceleration: Standard deviation of a keypoint's acceleration in px/s^2; about half of the largest one.
        noise_px: Standard deviation of a found keypoint around the true one, in px.
        speed: Standard deviation of the speed of a keypoint of which nothing is known yet, in px/s.
        min_score: A keypoint of a lower score counts as not seen.
    """

    acceleration: float
    noise_px: float
    speed: float
    min_score: float = 0.5


class ForwardFilter:
    """Position and velocity of every keypoint, frame after frame.

    Both coordinates of a keypoint are seen or missing together, so that they share one covariance.
    """

    def __init__(self, n_keypoints: int, motion: Motion) -> None:
        self._motion = motion
        self._time_s = 0.0
        self._seen_s = np.full(n_keypoints, -np.inf)
        self._xy = np.full((n_keypoints, 2), np.nan)
        self._velocity = np.zeros((n_keypoints, 2))
        # of position, of position with velocity, of velocity: (K,) each
        self._var_x, self._cov, self._var_v = (np.zeros(n_keypoints) for _ in range(3))

    @property
    def velocity(self) -> FloatArray:
        """`(K, 2)` px/s, NaN for keypoints that are not known."""
        return np.where(np.isfinite(self._xy), self._velocity, np.nan)

    def update(self, xy: FloatArray, score: FloatArray, timestamp_s: float) -> None:
        """Take the keypoints of one frame.

        Args:
            xy: `(K, 2)` pixels; NaN is missing.
            score: `(K,)`.
            timestamp_s: Seconds, of any origin; not earlier than that of the frame before.
        """
        self._advance(max(timestamp_s - self._time_s, 0.0))
        self._time_s = timestamp_s
        seen = np.isfinite(xy).all(-1) & (score >= self._motion.min_score)
        known = np.isfinite(self._xy).all(-1)
        self._correct(xy, seen & known)
        self._begin(xy, seen & ~known)
        self._seen_s[seen] = timestamp_s
        self._xy[timestamp_s - self._seen_s > LONGEST_GAP_S] = np.nan

    def ahead(self, seconds: float) -> FloatArray:
        """`(K, 2)` where the keypoints will be so long after the last frame, in pixels; NaN for those not known."""
        return np.asarray(self._xy + seconds * self._velocity)

    def _advance(self, dt: float) -> None:
        """Let the time `dt` in seconds go by."""
        accelerated = self._motion.acceleration**2
        self._xy += dt * self._velocity
        self._var_x += 2 * dt * self._cov + dt**2 * self._var_v + accelerated * dt**4 / 4
        self._cov += dt * self._var_v + accelerated * dt**3 / 2
        self._var_v += accelerated * dt**2

    def _correct(self, xy: FloatArray, seen: npt.NDArray[np.bool_]) -> None:
        var_x, cov, var_v = self._var_x[seen], self._cov[seen], self._var_v[seen]
        total = var_x + self._motion.noise_px**2
        gain_x, gain_v = var_x / total, cov / total
        surprise = xy[seen] - self._xy[seen]
        self._xy[seen] += gain_x[:, np.newaxis] * surprise
        self._velocity[seen] += gain_v[:, np.newaxis] * surprise
        self._var_x[seen] = (1 - gain_x) * var_x
        self._cov[seen] = (1 - gain_x) * cov
        self._var_v[seen] = var_v - gain_v * cov

    def _begin(self, xy: FloatArray, new: npt.NDArray[np.bool_]) -> None:
        """Keypoints that are seen for the first time: at rest, as far as anyone knows."""
        self._xy[new] = xy[new]
        self._velocity[new] = 0.0
        self._var_x[new] = self._motion.noise_px**2
        self._cov[new] = 0.0
        self._var_v[new] = self._motion.speed**2
