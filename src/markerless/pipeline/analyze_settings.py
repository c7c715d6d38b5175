"""The settings of an analysis, apart from the verb, because what is measured beforehand needs them too."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, field_validator

from markerless.config import Settings

Crop = tuple[int, int, int, int]
REGION = re.compile(r"auto|on|off|[1-9]\d{1,3}(x[1-9]\d{1,3})?")


class AnalyzeSettings(Settings):
    """How videos are analyzed; `--set analyze.<name>=<value>`."""

    engine: str = Field(
        "auto", description="What runs the network: openvino, onnxruntime or torch; auto takes the fastest."
    )
    precision: Literal["auto", "f32", "bf16"] = Field(
        "auto", description="Arithmetic of the network; auto is bf16 where that is faster and as accurate, else f32."
    )
    threads: int = Field(0, ge=0, le=256, description="Processor threads; 0 takes all. Results do not depend on it.")
    batch_size: int = Field(0, ge=0, le=64, description="Frames of one request; 0 takes what is fastest.")
    region: str = Field(
        "auto",
        description="Follow the animal with a region of interest: off, on, its size in pixels (192 or 192x160), or "
        "auto: when it is measured to be faster and as accurate.",
    )
    crop: Crop | None = Field(None, description="Look only at this region: x1,x2,y1,y2 in pixels.")
    start_s: float | None = Field(None, ge=0, description="Analyze from this time in seconds; rows before it are NaN.")
    stop_s: float | None = Field(None, gt=0, description="Analyze up to this time in seconds; rows from it on are NaN.")

    @field_validator("region")
    @classmethod
    def _region_is_known(cls, value: str) -> str:
        if not REGION.fullmatch(value):
            raise ValueError("expected auto, on, off or a size in pixels such as 192 or 192x160")
        return value

    @property
    def region_size(self) -> tuple[int, int] | None:
        """Width and height of the region that the user asks for, None when it is to be chosen."""
        sides = [int(side) for side in self.region.split("x") if side.isdigit()]
        return (sides[0], sides[-1]) if sides else None

    @field_validator("crop", mode="before")
    @classmethod
    def _crop_from_text(cls, value: object) -> object:
        return value.split(",") if isinstance(value, str) else value

    @field_validator("crop")
    @classmethod
    def _crop_is_a_region(cls, value: Crop | None) -> Crop | None:
        if value is not None and not (0 <= value[0] < value[1] and 0 <= value[2] < value[3]):
            raise ValueError("expected x1,x2,y1,y2 with 0 <= x1 < x2 and 0 <= y1 < y2")
        return value
