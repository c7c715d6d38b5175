"""How a video is analyzed: engine, precision, batch and region of interest, each chosen by measuring.

What is faster depends on the machine and the size of the frames, what is as accurate on the network and the animal; so
both are measured, once for each network and size of frames, and kept (`markerless.runtime.remembered`).
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from itertools import islice, takewhile
from typing import Any

import numpy as np

from markerless.core.progress import Progress
from markerless.errors import SettingsError
from markerless.pipeline.analyze_settings import AnalyzeSettings
from markerless.pipeline.engine_rates import engine_rates, opened
from markerless.pipeline.region_check import (
    TOGETHER,
    Model,
    RegionCheck,
    Still,
    candidates,
    explicit_region,
    stills,
    stretch,
)
from markerless.pipeline.scene import Scene
from markerless.runtime.region import Region
from markerless.runtime.remembered import recall, remember
from markerless.runtime.stream import pixels
from markerless.version import VERSION
from markerless.video.reader import VideoReader

LAYOUT = 7  # raised when the same question would be answered in another way
MOST_FALLBACK = 0.5  # of frames looked at whole; a region with more is too small for the animal
FRAMES_TO_DECODE, SECONDS_TO_DECODE = 200, 1.0  # at most, for its rate
FRAMES_TIMED = 20  # together
ALIKE = 0.55  # of the time for a frame is at most the share of decoding, or of the network, where they take alike long
WORTH_IT = 1.05  # a choice that costs accuracy or is less tried has to be faster by this
LASTING = (
    "use",
    "why",
    "size_px",
    "together",
    "shrink",
    "same_share",
    "same_px",
    "error_px",
    "error_whole_px",
    "n_labeled",
    "labeled_are_unseen",
    "n_frames",
    "fallback_share",
)
MOST_LOSS_OF_PRECISION = 1.01  # mean error in bf16 against that in f32


@dataclass(frozen=True)
class Method:
    """How to analyze.

    Attributes:
        engine: Name of the engine.
        precision: "f32" or "bf16".
        batch_size: Frames of one request when whole frames are looked at.
        region: The region of interest; None when whole frames are looked at.
        measured: What was measured, in plain values: `rates` (a row for each way of running the network) and `region`
            (why it is on or off).
        is_new: It was measured just now, and not known from before.
    """

    engine: str
    precision: str
    batch_size: int
    region: Region | None = None
    measured: dict[str, Any] = field(default_factory=dict)
    is_new: bool = field(default=False, compare=False)

    @property
    def measuring_s(self) -> float:
        """How long it was measured just now; NaN when it was known."""
        return float(self.measured.get("seconds", math.nan)) if self.is_new else math.nan

    def effect(self) -> dict[str, Any]:
        """What was measured, but for speeds: plain values that are equal when it is measured again."""
        region = {key: value for key, value in self.measured["region"].items() if key in LASTING}
        return {"bf16": self.measured.get("bf16"), "region": region}

    @property
    def speed_up(self) -> float:
        """How many times as fast as in whole frames analysis in the region is, decoding included; NaN without one."""
        region = self.measured.get("region", {})
        decoding = region.get("ms_to_decode", math.nan)
        whole, own = (decoding + region.get(key, math.nan) for key in ("ms_per_whole_frame", "ms_per_frame"))
        return float(whole / own) if own else math.nan

    @property
    def decodes_beside(self) -> bool:
        """Whether decoding takes about as long as the region: then a thread for each keeps two cores busy."""
        region = self.measured.get("region", {})
        both = region.get("ms_to_decode", math.nan), region.get("ms_per_frame", math.nan)
        return max(both) <= ALIKE * sum(both)

    def to_json(self) -> dict[str, Any]:
        """Plain values; inverse of `from_json`."""
        values = asdict(self)
        del values["is_new"]
        return values

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Method:
        """A method that was kept.

        Raises:
            KeyError, TypeError: these are the values of something else.
        """
        region = values["region"]
        return cls(**{**values, "region": None if region is None else Region(**region)})


def choose_method(scene: Scene, settings: AnalyzeSettings, progress: Progress) -> Method:
    """The fastest method that is as accurate as the plain one, within what `settings` leave open.

    Raises:
        SettingsError: an unknown engine, an impossible precision or region.
        RunError: the network is missing or damaged.
    """
    question = _question(scene, settings)
    kept = recall(question)
    if kept is not None:
        try:
            return Method.from_json(kept)
        except (KeyError, TypeError):
            pass
    began = time.monotonic()
    progress(0, 1, "measuring what is fastest here (once for each network)")
    method = _measure(scene, settings)
    method.measured["seconds"] = round(time.monotonic() - began, 1)
    remember(question, method.to_json())
    return replace(method, is_new=True)


def _question(scene: Scene, settings: AnalyzeSettings) -> dict[str, Any]:
    """All that the answer depends on, beside the machine; not the threads, which no result depends on."""
    chosen = settings.model_dump(mode="json", include={"engine", "precision", "batch_size", "region"})
    return {
        "layout": LAYOUT,
        "software": VERSION,
        "model": scene.model_sha256,
        "view": [scene.view.width, scene.view.height, scene.channels],
        "pictures": _are_pictures(scene),
        "project": scene.project is not None,
        "video": scene.reader is not None,
        **chosen,
    }


def _measure(scene: Scene, settings: AnalyzeSettings) -> Method:
    rates = engine_rates(scene, settings)
    if settings.engine != "auto" and settings.precision != "auto" and settings.batch_size:
        best = rates[0]
    else:
        best = max(rates, key=lambda row: row["frames_per_s"])
    labeled = stills(scene.run, scene.project, scene.view)
    measured: dict[str, Any] = {"rates": rates}
    if best["precision"] == "bf16" and settings.precision == "auto" and labeled:
        best, measured["bf16"] = _without_loss(scene, rates, best, labeled)
    method = Method(best["engine"], best["precision"], best["batch_size"], None, measured)
    region, measured["region"] = _choose_region(scene, settings, method)
    return Method(method.engine, method.precision, method.batch_size, region, measured)


def _without_loss(
    scene: Scene, rates: list[dict[str, Any]], best: dict[str, Any], labeled: Sequence[Still]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """`best` when bf16 costs no accuracy on labeled frames, else the fastest way in f32; and what was measured."""
    errors = {}
    for precision in ("bf16", "f32"):
        with opened(best["engine"], scene, scene.options(precision=precision, batch_size=1, inline=True)) as session:
            distances = [
                np.linalg.norm(
                    session.submit(pixels(still.frame, scene.view, scene.channels)[np.newaxis]).result().xy[0]
                    - still.xy,
                    axis=-1,
                )
                for still in labeled
            ]
        errors[precision] = float(np.nanmean(distances))
    measured: dict[str, Any] = {f"error_{name}_px": round(value, 3) for name, value in errors.items()}
    measured |= {"n_labeled": len(labeled), "labeled_are_unseen": all(still.is_unseen for still in labeled)}
    in_f32 = [row for row in rates if row["precision"] == "f32"]
    if errors["bf16"] <= MOST_LOSS_OF_PRECISION * errors["f32"] or not in_f32:
        return best, measured
    return max(in_f32, key=lambda row: row["frames_per_s"]), measured


def _choose_region(scene: Scene, settings: AnalyzeSettings, method: Method) -> tuple[Region | None, dict[str, Any]]:
    """The region to follow the animal with, or None; and why, in plain values.

    Raises:
        SettingsError: a region was asked for and there cannot be one.
    """
    view, size = scene.view, settings.region_size
    if settings.region == "off":
        return None, {"use": "off", "why": "switched off"}
    why = _why_no_region(scene, settings)
    if why:
        if settings.region != "auto":
            raise SettingsError(f"analyze.region={settings.region}: {why}; give a size such as 192x192, auto or off")
        return None, {"use": "off", "why": why}
    options = scene.options(precision=method.precision)
    model = Model(scene.run, method.engine, options, view)
    if size is not None:
        regions = [explicit_region(scene.run, size).fitted(view.width, view.height)]
    else:
        assert scene.project is not None
        regions = candidates(scene.run, scene.project, view)
    labeled = stills(scene.run, scene.project, view)
    with closing(RegionCheck(model, labeled, stretch(scene.reader))) as check:
        region, measured = _fastest(check, regions, is_asked_for=settings.region != "auto")
    if region is not None and scene.reader is not None:
        measured["ms_to_decode"] = round(_ms_to_decode(scene.reader), 3)
    return region, measured


def _ms_to_decode(reader: VideoReader) -> float:
    """For a frame of many in a row, in one thread; the median of short stretches, as one of them may be disturbed."""
    keys = reader.key_frames or (0,)
    frames = reader.raw_frames(keys[(len(keys) - 1) // 2])  # of two the first: the last may be near the end
    next(frames)  # which has to be looked for
    ends = time.perf_counter() + SECONDS_TO_DECODE
    ms: list[float] = []
    while len(ms) < FRAMES_TO_DECODE // FRAMES_TIMED and time.perf_counter() < ends:
        began = time.perf_counter()
        n_frames = sum(1 for _ in takewhile(lambda _: time.perf_counter() < ends, islice(frames, FRAMES_TIMED)))
        if not n_frames:
            break
        ms.append(1000 * (time.perf_counter() - began) / n_frames)
    return float(np.median(ms)) if ms else 0.0


def _why_no_region(scene: Scene, settings: AnalyzeSettings) -> str:
    """Why no region can be chosen, "" when one can."""
    if settings.region_size is not None:
        return ""
    if scene.project is None:
        return "the run is in no project, so there are no labeled frames to take its size from"
    if scene.reader is None:
        return "there is no video of this size to measure on"
    if _are_pictures(scene):
        return "pictures in a folder need not follow each other"
    if not candidates(scene.run, scene.project, scene.view):
        return "no labeled animals of two points or more, or they fill half of the frame"
    return ""


def _are_pictures(scene: Scene) -> bool:
    return scene.reader is not None and scene.reader.video.codec == "images"


def _fastest(check: RegionCheck, regions: Sequence[Region], is_asked_for: bool) -> tuple[Region | None, dict[str, Any]]:
    """The smallest region that is as accurate as the whole frame, with as many frames together as is fastest."""
    tried: list[dict[str, Any]] = []
    for region in regions:
        tried.append(check.compare(region))
        if tried[-1]["passes"] and tried[-1]["fallback_share"] <= MOST_FALLBACK:
            break
    good = [i for i, row in enumerate(tried) if row["passes"]]
    if not good and not is_asked_for:
        return None, {"use": "off", "why": "no region is as accurate as the whole frame", "tried": tried}
    region = regions[good[-1] if good else len(tried) - 1]
    region = replace(region, shrink=check.shrink(region))
    trials = [replace(region, together=together) for together in TOGETHER]
    compared = [(trial, check.compare(trial)) for trial in trials]
    passing = [pair for pair in compared if pair[1]["passes"]]
    best, row = min(passing or compared, key=lambda pair: pair[1]["ms_per_frame"])
    row = {**row, "tried": [*tried, *(other for _, other in compared)]}
    if not is_asked_for and row["ms_per_frame"] * WORTH_IT > row["ms_per_whole_frame"]:
        return None, {"use": "off", "why": "the whole frame is as fast", **row}
    return best, {"use": "on", "why": "asked for" if is_asked_for else "faster and as accurate", **row}
