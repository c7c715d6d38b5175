from __future__ import annotations

import math

import pytest

from markerless.core.familiar import QUANTITIES, Familiar, Span, Sureness
from markerless.errors import RunError


@pytest.mark.parametrize("numbers", [(2, 1, 0, 3), (1, 2, 1.5, 3), (1, 2, 0, math.nan), (1, 2, -math.inf, 3)])
def test_a_span_lies_within_its_limits(numbers: tuple[float, float, float, float]) -> None:
    with pytest.raises(RunError, match="low <= least"):
        Span(*numbers)


@pytest.mark.parametrize(("low", "share"), [(-0.1, 0), (0.5, 1.1), (math.nan, 0)])
def test_sureness_is_a_probability(low: float, share: float) -> None:
    with pytest.raises(RunError, match="0 to 1"):
        Sureness(low, share)


def test_every_quantity_has_a_span() -> None:
    span = Span(1, 2, 0, 3)
    assert Familiar(3, 3, dict.fromkeys(QUANTITIES, span)).sureness is None
    with pytest.raises(RunError, match="brightness"):
        Familiar(3, 3, {"warmth": span})
