"""Are stated errors true? Judged on labeled points, where the error is known.

A model that says how far off each point is makes three statements: the probability that the point is within a
tolerance, the expected error in pixels, and a bound that nine in ten errors keep. Each is compared with what happened;
the probabilities also with what true ones would have shown on as many points: by chance, they too are never exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from markerless.core.instance import FloatArray
from markerless.errors import LabelsError

N_BINS = 5
DRAWS = 1000
MOST_AT_ONCE = 4_000_000  # numbers in memory while drawing
DROPPED = tuple(share / 100 for share in range(0, 85, 5))  # shares of the points, the least certain ones
TOLD_DROP = 0.2
SURE = 0.5


@dataclass(frozen=True)
class StatedErrors:
    """What a model says of n labeled points, and how far off they are.

    A point of which any of it is NaN is not judged: it is not labeled, or nothing is said of it.

    Attributes:
        error: `(n,)` px, distance to the label.
        probability: `(n,)` 0..1, that the point is within the tolerance.
        tolerance: px; one for all points, or `(n,)`.
        expected: `(n,)` px, expected error.
        upper_90: `(n,)` px, bound that nine in ten errors keep.
    """

    error: FloatArray
    probability: FloatArray
    tolerance: float | FloatArray
    expected: FloatArray
    upper_90: FloatArray

    def __post_init__(self) -> None:
        shape = np.shape(self.error)
        for name in ("error", "probability", "expected", "upper_90"):
            if np.shape(getattr(self, name)) != shape or len(shape) != 1:
                raise LabelsError(
                    f"expected {name} of every judged point, got {np.shape(getattr(self, name))} for errors {shape}"
                )

    def judged(self) -> StatedErrors:
        """Those points of which all is known; `tolerance` becomes `(n,)`."""
        tolerance = np.broadcast_to(np.asarray(self.tolerance, np.float64), self.error.shape)
        arrays = np.stack([self.error, self.probability, tolerance, self.expected, self.upper_90])
        error, probability, tolerance, expected, upper_90 = arrays[:, np.isfinite(arrays).all(axis=0)]
        return StatedErrors(error, probability, tolerance, expected, upper_90)

    @classmethod
    def pooled(cls, parts: Sequence[StatedErrors]) -> StatedErrors:
        """The judged points of several models together, each with its own tolerance."""
        known = [part.judged() for part in parts]
        names = ("error", "probability", "tolerance", "expected", "upper_90")
        error, probability, tolerance, expected, upper_90 = (
            np.concatenate([getattr(part, name) for part in known]) for name in names
        )
        return cls(error, probability, tolerance, expected, upper_90)


@dataclass(frozen=True)
class Bins:
    """Points in groups of equal numbers, ordered by what is stated; equal statements stay together.

    Attributes:
        stated: `(B,)` mean of what is stated.
        found: `(B,)` mean of what happened.
        count: `(B,)` points.
    """

    stated: FloatArray
    found: FloatArray
    count: npt.NDArray[np.intp]

    def rows(self, stated: str, found: str) -> list[dict[str, float | int]]:
        """One plain table row per group."""
        return [
            {stated: float(s), found: float(f), "n_points": int(n)}
            for s, f, n in zip(self.stated, self.found, self.count, strict=True)
        ]


@dataclass(frozen=True)
class RiskCoverage:
    """Errors of the points that are left when those with the largest expected error are dropped.

    Attributes:
        kept: `(D,)` share of the points that are left; equal expected errors stay or go together.
        mean_px: `(D,)` their mean error.
        p95_px: `(D,)` 95 % of them are nearer.
    """

    kept: FloatArray
    mean_px: FloatArray
    p95_px: FloatArray


@dataclass(frozen=True)
class SaidOfAbsent:
    """What is said of keypoints that are not there; the probability should be low.

    Attributes:
        n_points: How many.
        median: Their median probability.
        sure: Share of them with a probability of at least one half.
    """

    n_points: int
    median: float
    sure: float

    @classmethod
    def of(cls, probability: FloatArray) -> SaidOfAbsent | None:
        """Of `(n,)` probabilities, NaN counting as none said (0); None where n is 0."""
        if not probability.size:
            return None
        said = np.nan_to_num(probability)
        return cls(said.size, float(np.median(said)), float((said >= SURE).mean()))

    def line(self) -> str:
        """In plain words."""
        return (
            f"of {self.n_points} keypoints that are absent the median probability is {self.median:.3f}, and "
            f"{100 * self.sure:.0f} % have one of {SURE:g} or more"
        )


@dataclass(frozen=True)
class Calibration:
    """How true stated errors are.

    Attributes:
        n_points: Points that were judged.
        tolerance_px: What the probability is of; the median where points have several.
        reliability: Stated probability, and share of points within the tolerance.
        by_chance: `(B, 2)` low and high share that true probabilities give in each group, 95 times out of 100.
        calibration_error: Mean distance of the two over the groups, weighted by points.
        perfect_mean: Calibration error that true probabilities give on as many points, by chance: the mean,
        perfect_95: and what it exceeds 5 times out of 100.
        within_upper_90: Share of errors within their 90 % bound.
        expected: Expected and actual mean error, px.
        risk: What dropping the least certain points does.
        p95_lowered: Share by which dropping the least certain 20 % lowers the 95th percentile.
        absent: What is said of keypoints that are not there; None where there are none.
    """

    n_points: int
    tolerance_px: float
    reliability: Bins
    by_chance: FloatArray
    calibration_error: float
    perfect_mean: float
    perfect_95: float
    within_upper_90: float
    expected: Bins
    risk: RiskCoverage
    p95_lowered: float
    absent: SaidOfAbsent | None = None

    @property
    def is_as_by_chance(self) -> bool:
        """Whether true probabilities would often have shown as large a calibration error."""
        return self.calibration_error <= self.perfect_95

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        risk = zip(self.risk.kept, self.risk.mean_px, self.risk.p95_px, strict=True)
        return {
            "n_points": self.n_points,
            "tolerance_px": self.tolerance_px,
            "calibration_error": self.calibration_error,
            "calibration_error_if_perfect": {"mean": self.perfect_mean, "p95": self.perfect_95},
            "reliability": self.reliability.rows("probability", "within"),
            "within_upper_90": self.within_upper_90,
            "expected_error": self.expected.rows("expected_px", "actual_px"),
            "risk_coverage": [{"kept": float(k), "mean_px": float(m), "p95_px": float(p)} for k, m, p in risk],
            "p95_lowered_by_dropping_20": self.p95_lowered,
            "absent": None if self.absent is None else asdict(self.absent),
        }

    def lines(self) -> list[str]:
        """What was found, in plain words."""
        told = DROPPED.index(TOLD_DROP)
        verdict = "no more than chance gives" if self.is_as_by_chance else "more than chance gives"
        return [
            f"probabilities of being within {self.tolerance_px:.1f} px are off by {self.calibration_error:.3f} on "
            f"average ({self.n_points} points), {verdict}: true ones would be off by {self.perfect_mean:.3f}, and by "
            f"more than {self.perfect_95:.3f} 5 times out of 100",
            f"{100 * self.within_upper_90:.0f} % of the errors are within their 90 % bound",
            f"without the least certain {100 * (1 - self.risk.kept[told]):.0f} % of the points, 95 % of the others are "
            f"within {self.risk.p95_px[told]:.1f} px instead of {self.risk.p95_px[0]:.1f} px",
            *([] if self.absent is None else [self.absent.line()]),
        ]


def judge(points: StatedErrors, absent: FloatArray | None = None, seed: int = 0) -> Calibration:
    """Compare what a model says of its errors with the errors.

    Args:
        points: Labeled points that the model was not trained on.
        absent: `(n,)` probabilities stated for keypoints that are not there.
        seed: Of the simulated perfect model.

    Raises:
        LabelsError: there is no point to judge, or the arrays do not fit together.
    """
    known = points.judged()
    if not known.error.size:
        raise LabelsError("expected labeled points with expected errors to judge them by, got none")
    within = (known.error <= known.tolerance).astype(np.float64)
    order, starts = _groups(known.probability)
    reliability = _bins(known.probability, within, order, starts)
    simulated = _simulated_shares(known.probability[order], starts, seed)
    if_perfect = _gap(reliability.stated, simulated, reliability.count)
    risk = _risk_coverage(known.error, known.expected)
    told = DROPPED.index(TOLD_DROP)
    return Calibration(
        n_points=known.error.size,
        tolerance_px=float(np.median(known.tolerance)),
        reliability=reliability,
        by_chance=np.percentile(simulated, [2.5, 97.5], axis=0).T,
        calibration_error=float(_gap(reliability.stated, reliability.found, reliability.count)),
        perfect_mean=float(if_perfect.mean()),
        perfect_95=float(np.percentile(if_perfect, 95)),
        within_upper_90=float((known.error <= known.upper_90).mean()),
        expected=_bins(known.expected, known.error, *_groups(known.expected)),
        risk=risk,
        p95_lowered=float(1 - risk.p95_px[told] / risk.p95_px[0]) if risk.p95_px[0] > 0 else 0.0,
        absent=None if absent is None else SaidOfAbsent.of(absent),
    )


def _groups(stated: FloatArray) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Order of the points by what is stated, and where in it each group begins; fewer than five if many are equal."""
    order = np.argsort(stated, kind="stable")
    ranked = stated[order]
    cuts = ranked[np.arange(1, N_BINS) * len(ranked) // N_BINS]  # first value of every group but the lowest
    return order, np.unique([0, *np.searchsorted(ranked, cuts)])


def _bins(stated: FloatArray, found: FloatArray, order: npt.NDArray[np.intp], starts: npt.NDArray[np.intp]) -> Bins:
    count = np.diff([*starts, len(order)])
    means = [np.add.reduceat(values[order], starts) / count for values in (stated, found)]
    return Bins(means[0], means[1], count)


def _gap(stated: FloatArray, found: FloatArray, count: npt.NDArray[np.intp]) -> FloatArray:
    """Mean distance over groups, weighted by their points; `found` is `(..., B)`."""
    gap: FloatArray = np.average(np.abs(found - stated), axis=-1, weights=count)
    return gap


def _simulated_shares(probability: FloatArray, starts: npt.NDArray[np.intp], seed: int) -> FloatArray:
    """`(draws, B)` shares within the tolerance, were every stated probability (in the order of the groups) true."""
    rng = np.random.default_rng(seed)
    count = np.diff([*starts, len(probability)])
    at_once = max(1, MOST_AT_ONCE // len(probability))
    shares = []
    for first in range(0, DRAWS, at_once):
        happened = rng.random((min(at_once, DRAWS - first), len(probability))) < probability
        shares.append(np.add.reduceat(happened, starts, axis=1, dtype=np.float64) / count)
    return np.concatenate(shares)


def _risk_coverage(error: FloatArray, expected: FloatArray) -> RiskCoverage:
    ranked = np.sort(expected)
    rows = []
    for share in DROPPED:
        n_kept = max(1, round((1 - share) * len(ranked)))
        kept = error[expected <= ranked[n_kept - 1]]
        rows.append((len(kept) / len(error), kept.mean(), np.percentile(kept, 95)))
    kept_share, mean, p95 = np.array(rows, dtype=np.float64).T
    return RiskCoverage(kept_share, mean, p95)
