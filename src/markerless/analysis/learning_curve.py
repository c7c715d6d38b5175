"""How much smaller errors are after training on more frames: what held-out answers, from fewer frames, do not show.

Squared errors are taken to have a part that no number of frames takes away and one that falls as their number grows,
as variances do. At how many frames the two are alike was read from eleven networks of three studies
(benchmarks/RESULTS.md).
"""

from __future__ import annotations

import math

ALIKE_AT = 20.0  # frames


def shrinkage(n_seen: float, n_all: int) -> float:
    """Expected error of a network trained on `n_all` frames over that of one trained on `n_seen` of them, up to 1."""
    return math.sqrt((1 + ALIKE_AT / n_all) / (1 + ALIKE_AT / n_seen))
