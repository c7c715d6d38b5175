"""What a network is familiar with: how its training frames look, and how sure it is of frames of their kind."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from markerless.errors import RunError

QUANTITIES = ("brightness", "contrast", "warmth", "tint")


@dataclass(frozen=True)
class Span:
    """A quantity of the training frames.

    Attributes:
        least: The smallest of any frame.
        most: The largest.
        low: A frame below that is none of their kind.
        high: Neither is one above that.
    """

    least: float
    most: float
    low: float
    high: float

    def __post_init__(self) -> None:
        numbers = (self.low, self.least, self.most, self.high)
        if not all(map(math.isfinite, numbers)) or list(numbers) != sorted(numbers):
            raise RunError(f"expected low <= least <= most <= high, got {', '.join(map(str, numbers))}")


@dataclass(frozen=True)
class Sureness:
    """How sure networks are of training frames that they have not seen: the mean probability of a frame's points.

    Attributes:
        low: A frame below that is one the network is unsure of.
        share: Share of those training frames that are below.
    """

    low: float
    share: float

    def __post_init__(self) -> None:
        if not (0 <= self.low <= 1 and 0 <= self.share <= 1):
            raise RunError(f"expected low and share from 0 to 1, got {self.low} and {self.share}")


@dataclass(frozen=True)
class Familiar:
    """What a network is familiar with.

    Attributes:
        n_frames: Training frames that were looked at.
        n_groups: Groups they were held out in: one for each recording, or stretches of one.
        spans: One for each of `QUANTITIES`.
        sureness: None where the network was not cross-fitted.
    """

    n_frames: int
    n_groups: int
    spans: Mapping[str, Span]
    sureness: Sureness | None = None

    def __post_init__(self) -> None:
        if tuple(self.spans) != QUANTITIES:
            raise RunError(f"expected {', '.join(QUANTITIES)}, got {', '.join(self.spans)}")
