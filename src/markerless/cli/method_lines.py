"""What was measured before an analysis, in words."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any


def method_lines(effect: Mapping[str, Any], speed_up: float, fallback_share: float | None = None) -> list[str]:
    """A line on the precision where it was compared, and one on the region of interest.

    Args:
        effect: What `Method.effect` gives, as it stands in the provenance.
        speed_up: How many times as fast as whole frames the region was, decoding included; NaN when not measured.
        fallback_share: Share of the analyzed frames that were looked at whole; None before an analysis.
    """
    lines = []
    if effect.get("bf16"):
        errors = effect["bf16"]
        lines.append(
            f"precision: mean error on {_frames(errors)} {errors['error_bf16_px']:.2f} px in bf16, "
            f"{errors['error_f32_px']:.2f} px in f32"
        )
    region = effect["region"]
    if region["use"] == "off":
        return [*lines, f"region of interest: off ({region['why']})"]
    width, height = region["size_px"]
    parts = [f"region of interest: on, {width} x {height} px ({region['why']})"]
    if math.isfinite(speed_up):
        parts.append(f"{speed_up:.1f} times as fast as whole frames")
    parts.append(f"{100 * region['same_share']:.1f} % of the points within {region['same_px']:g} px of theirs")
    if region["error_px"] is not None:
        parts.append(
            f"mean error on {_frames(region)} {region['error_px']:.2f} px (whole frame {region['error_whole_px']:.2f})"
        )
    if fallback_share is not None:
        parts.append(f"fell back to the whole frame in {100 * fallback_share:.1f} % of the frames")
    return [*lines, ", ".join(parts)]


def _frames(measured: Mapping[str, Any]) -> str:
    """Which labeled frames an error is of: on frames that trained the network it is smaller than on others."""
    kind = "labeled frames it was not trained on" if measured["labeled_are_unseen"] else "of the frames that trained it"
    return f"{measured['n_labeled']} {kind}"
