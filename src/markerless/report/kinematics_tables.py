"""Tables of what was measured, as tidy CSV: one row is one observation, every column one variable.

`_kinematics.csv`: a value of a quantity in a frame. `_kinematics_summary.csv`: a quantity over the whole video.
`_regions.csv`: a keypoint and a region. `_visits.csv`: a stay in a region.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from markerless.analysis.kinematics_motion import path_length
from markerless.analysis.kinematics_quantity import PER_FRAME, Pace, Quantity
from markerless.analysis.kinematics_regions import Region, Visit
from markerless.analysis.kinematics_scale import Scale
from markerless.core.instance import FloatArray
from markerless.core.storage import atomic_path
from markerless.core.tracks import Tracks

Row = dict[str, Any]
DIGITS = "%.6g"


@dataclass(frozen=True)
class Stay:
    """One keypoint of one animal and one region.

    Attributes:
        individual: Name of the animal.
        keypoint: Name of the keypoint.
        region: The region.
        n_seen: Frames with the point.
        n_inside: Frames with the point inside.
        visits: Its visits, in the order of time.
    """

    individual: str
    keypoint: str
    region: Region
    n_seen: int
    n_inside: int
    visits: tuple[Visit, ...]


@dataclass(frozen=True)
class Motion:
    """What was measured of one video.

    Attributes:
        tracks: The tracks in pixels (or the unit of the calibration), points below the cut-off left out.
        pace: Frames in a unit of time.
        quantities: In the unit of the scale.
        stays: Every animal, keypoint and region.
        scale: How many pixels a unit of length has; None where lengths are in pixels.
        notes: One-line remarks for the user.
    """

    tracks: Tracks
    pace: Pace
    quantities: tuple[Quantity, ...]
    stays: tuple[Stay, ...] = ()
    scale: Scale | None = None
    notes: tuple[str, ...] = ()


def write_values(path: Path, quantities: Sequence[Quantity], individuals: Sequence[str], pace: Pace) -> None:
    """One row for each frame, animal and thing measured; where there is no value, the row is there and empty.

    Raises:
        StorageError: the file cannot be written.
    """
    import pandas as pd

    n_frames = len(quantities[0].values) if quantities else 0
    times: dict[str, Any] = {"frame": np.arange(n_frames)}
    if pace.unit != PER_FRAME:
        times["time_s"] = np.char.mod("%.4f", times["frame"] / pace.frames)
    header = [*times, "individual", "quantity", "of", "value", "error", "unit"]
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        pd.DataFrame(columns=header).to_csv(file, index=False, lineterminator="\n")
        for quantity, n, m in _blocks(quantities, individuals):
            error = quantity.error[:, n, m] if quantity.error is not None else np.full(n_frames, np.nan)
            fixed = {"individual": individuals[n], "quantity": quantity.name, "of": quantity.of[m]}
            block = pd.DataFrame(
                {**times, **fixed, "value": quantity.values[:, n, m], "error": error, "unit": quantity.unit}
            )
            block.to_csv(file, index=False, header=False, float_format=DIGITS, lineterminator="\n")


def summary(quantities: Sequence[Quantity], individuals: Sequence[str], pace: Pace) -> list[Row]:
    """One row for each animal and thing measured, and the length of the way for every speed."""
    rows = []
    for quantity, n, m in _blocks(quantities, individuals):
        values = quantity.values[:, n, m]
        error = quantity.error[:, n, m] if quantity.error is not None else np.full(1, np.nan)
        named = {"individual": individuals[n], "quantity": quantity.name, "of": quantity.of[m], "unit": quantity.unit}
        known = values[np.isfinite(values)]
        sure = error[np.isfinite(error)]
        numbers = _circular(known) if quantity.name == "heading" else _plain(known)
        typical = float(np.median(sure)) if sure.size else np.nan
        rows.append({**named, "n_frames": known.size, **numbers, "median_error": typical})
        if quantity.name == "speed":
            whole = {**named, "quantity": "path", "unit": quantity.unit.partition("/")[0], "n_frames": known.size}
            rows.append({**whole, **dict.fromkeys(numbers, np.nan), "total": float(path_length(quantity, pace)[n, m])})
    return rows


def region_rows(stays: Sequence[Stay], pace: Pace) -> list[Row]:
    """One row for each animal, keypoint and region."""
    unit = "frames" if pace.unit == PER_FRAME else pace.unit
    rows = []
    for stay in stays:
        lengths = np.array([visit.n_inside for visit in stay.visits]) / pace.frames
        entries = [visit for visit in stay.visits if visit.is_entry]
        rows.append(
            {
                "individual": stay.individual,
                "keypoint": stay.keypoint,
                "region": stay.region.name,
                "n_seen": stay.n_seen,
                "n_inside": stay.n_inside,
                f"time_{unit}": stay.n_inside / pace.frames,
                "share": stay.n_inside / stay.n_seen if stay.n_seen else np.nan,
                "n_visits": len(stay.visits),
                "n_entries": len(entries),
                f"first_entry_{unit}": entries[0].start / pace.frames if entries else np.nan,
                f"mean_visit_{unit}": float(lengths.mean()) if lengths.size else np.nan,
                f"median_visit_{unit}": float(np.median(lengths)) if lengths.size else np.nan,
                f"longest_visit_{unit}": float(lengths.max()) if lengths.size else np.nan,
            }
        )
    return rows


def visit_rows(stays: Sequence[Stay], pace: Pace) -> list[Row]:
    """One row for each visit."""
    unit = "frames" if pace.unit == PER_FRAME else pace.unit
    return [
        {
            "individual": stay.individual,
            "keypoint": stay.keypoint,
            "region": stay.region.name,
            "visit": number,
            "start_frame": visit.start,
            "stop_frame": visit.stop,
            f"start_{unit}": visit.start / pace.frames,
            f"time_{unit}": visit.n_inside / pace.frames,
            "n_missing": visit.n_missing,
            "is_entry": visit.is_entry,
        }
        for stay in stays
        for number, visit in enumerate(stay.visits, 1)
    ]


def write_rows(path: Path, rows: Sequence[Row], header: Sequence[str] = ()) -> None:
    """A small table; `header` is for one without rows.

    Raises:
        StorageError: the file cannot be written.
    """
    import pandas as pd

    columns = list(dict.fromkeys(key for row in rows for key in row)) or list(header)
    with atomic_path(path) as temporary:
        pd.DataFrame(rows, columns=columns).to_csv(temporary, index=False, float_format=DIGITS, lineterminator="\n")


def _blocks(quantities: Sequence[Quantity], individuals: Sequence[str]) -> Iterator[tuple[Quantity, int, int]]:
    for quantity in quantities:
        for n in range(len(individuals)):
            yield from ((quantity, n, m) for m in range(len(quantity.of)))


def _plain(known: FloatArray) -> Row:
    names = ("mean", "median", "sd", "p05", "p95", "max")
    if not known.size:
        return dict.fromkeys(names, np.nan)
    p05, p95 = np.percentile(known, (5, 95))
    values = (known.mean(), np.median(known), known.std(), p05, p95, known.max())
    return {name: float(value) for name, value in zip(names, values, strict=True)}


def _circular(known: FloatArray) -> Row:
    """Directions have a mean and a spread (Fisher, Statistical analysis of circular data, 1993), and no largest."""
    row = _plain(known[:0])
    if known.size:
        mean = np.exp(1j * np.radians(known)).mean()
        row["mean"] = float(np.degrees(np.angle(mean)))
        row["sd"] = float(np.degrees(np.sqrt(-2 * np.log(np.clip(np.abs(mean), 1e-300, 1)))))
    return row
