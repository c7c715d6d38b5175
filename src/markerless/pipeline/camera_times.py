"""When each frame of a camera was taken: from a table of timestamps, from its video, or from its frame rate."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt

from markerless.core.instance import FloatArray
from markerless.core.video import VIDEO_SUFFIXES
from markerless.errors import FormatError, LabelsError

TimesSource = str | Path | float | npt.NDArray[np.float64] | Sequence[float]
UNITS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
_WORDS = {
    "seconds": "s",
    "second": "s",
    "sec": "s",
    "milliseconds": "ms",
    "msec": "ms",
    "microseconds": "us",
    "\N{MICRO SIGN}s": "us",
}
_TIME_NAME = re.compile(r"time|stamp|^ts\b|^t\b|clock", re.IGNORECASE)
_UNIT_NAME = re.compile(
    r"(?:^|[_\s\[(.])(s|ms|us|ns|sec|msec|seconds?|milliseconds|microseconds)[\])]*$", re.IGNORECASE
)
_USUAL_FPS, _POSSIBLE_FPS = (5.0, 1000.0), (0.5, 20_000.0)
_MOST_BYTES = 200_000_000


@dataclass(frozen=True)
class FrameTimes:
    """Times of the frames of one camera.

    Attributes:
        seconds: `(T,)` rising.
        source: "timestamps", "video" or "frame rate".
        told: Where they are from and in which unit they were read, in words.
        own_clock: Whether they count from the first frame, so that the start of the camera is not known.
    """

    seconds: FloatArray
    source: str
    told: str
    own_clock: bool


def read_times(camera: str, source: TimesSource, n_frames: int, fps: float = math.nan) -> FrameTimes:
    """The times of a camera's frames.

    Args:
        camera: Its name, for messages.
        source: A text file with one timestamp a row, a video, a frame rate (also as text), or times in seconds `(T,)`.
        n_frames: How many frames its results have.
        fps: Its frame rate, NaN when unknown; helps to tell the unit.

    Raises:
        FormatError: a file without times, or in an unknown unit.
        LabelsError: times that are not those of the frames, or do not rise.
        VideoError: a video that cannot be read.
    """
    found = _found(camera, source, n_frames, fps)
    if len(found.seconds) != n_frames:
        raise LabelsError(
            f"expected a time for each of the {n_frames} frames of camera '{camera}', got {len(found.seconds)} from "
            f"{found.told}: give the times of the frames that the results are of"
        )
    steps = np.diff(found.seconds)
    wrong = np.flatnonzero(~(steps > 0))
    if not np.isfinite(found.seconds).all() or len(wrong):
        row = int(wrong[0]) + 1 if len(wrong) else int(np.flatnonzero(~np.isfinite(found.seconds))[0])
        raise LabelsError(
            f"expected rising times of camera '{camera}', got {found.seconds[row]:.6f} s for frame {row} after "
            f"{found.seconds[max(row - 1, 0)]:.6f} s ({found.told}): look for rows that are wrong or twice there"
        )
    return found


def _found(camera: str, source: TimesSource, n_frames: int, fps: float) -> FrameTimes:
    if not isinstance(source, str | Path | int | float):
        return FrameTimes(_array(camera, source), "timestamps", "an array in seconds", False)
    rate = _rate(source)
    if rate is not None:
        if not (math.isfinite(rate) and rate > 0):
            raise FormatError(f"expected a frame rate above 0 of camera '{camera}', got {source}")
        return FrameTimes(np.arange(n_frames) / rate, "frame rate", f"{rate:g} frames a second", True)
    path = Path(str(source))
    if path.suffix.lower() in VIDEO_SUFFIXES:
        return _of_video(path)
    return _of_table(camera, path, fps)


def _array(camera: str, source: npt.ArrayLike) -> FloatArray:
    try:
        times = np.asarray(source, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise FormatError(f"expected numbers, in seconds, as times of camera '{camera}': {error}") from error
    if times.ndim != 1:
        raise FormatError(f"expected one time for each frame of camera '{camera}', got an array of shape {times.shape}")
    return times


def _rate(source: str | Path | float) -> float | None:
    if isinstance(source, int | float):
        return float(source)
    try:
        return None if isinstance(source, Path) and source.exists() else float(str(source))
    except ValueError:
        return None


def _of_video(path: Path) -> FrameTimes:
    from markerless.video.reader import open_video

    with open_video(path) as reader:
        times = np.asarray(reader.times_s, dtype=np.float64)
    return FrameTimes(times, "video", f"the presentation times of {path.name}", True)


def _of_table(camera: str, path: Path, fps: float) -> FrameTimes:
    header, rows = _rows(camera, path)
    column, name = _column(path, header, rows)
    cells = [row[column] if column < len(row) else "" for row in rows]
    values = _numbers(cells)
    if values is None:
        return FrameTimes(_moments(path, cells, bool(header)), "timestamps", f"dates and times in {path.name}", False)
    if not np.isfinite(values).all():
        row = int(np.flatnonzero(~np.isfinite(values))[0])
        raise FormatError(f"expected a time in every row of {path}, got '{cells[row]}' for frame {row}")
    unit = _unit(path, name, values, fps)
    # Counted from the first row in the file's own unit, large numbers keep their digits; the start is added again.
    seconds = (values - values[0]) * UNITS[unit] + values[0] * UNITS[unit]
    return FrameTimes(seconds, "timestamps", f"{path.name}, read as {unit}", False)


def _rows(camera: str, path: Path) -> tuple[list[str], list[list[str]]]:
    """The header, empty without one, and the rows."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise FormatError(f"expected a table of times for camera '{camera}', got a file of over 200 MB: {path}")
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise FormatError(
            f"expected timestamps, a video or a frame rate for camera '{camera}', cannot read {path}: {error}"
        ) from error
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    if not lines:
        raise FormatError(f"expected one time a row in {path}, got an empty file")
    delimiter = next((sign for sign in (";", "\t", ",") if sign in lines[0]), None)
    rows = list(csv.reader(lines, delimiter=delimiter)) if delimiter else [[line.strip()] for line in lines]
    rows = [[cell.strip() for cell in row] for row in rows]
    first = rows[0]
    names = [cell for cell in first if cell]  # pandas leaves the name of its index empty
    is_header = bool(names) and all(_numbers([cell]) is None and _moment(cell) is None for cell in names)
    return (first, rows[1:]) if is_header else ([], rows)


def _column(path: Path, header: Sequence[str], rows: Sequence[Sequence[str]]) -> tuple[int, str]:
    """Which column holds the times, and its name."""
    if not rows:
        raise FormatError(f"expected one time a row in {path}, got only the header {','.join(header)}")
    width = len(rows[0])
    if width == 1:
        return 0, header[0] if header else ""
    named = [index for index, name in enumerate(header) if _TIME_NAME.search(name)]
    if len(named) == 1:
        return named[0], header[named[0]]
    rest = [index for index in range(width) if not _counts(rows, index)]
    if len(rest) == 1:
        return rest[0], header[rest[0]] if header else ""
    told = ", ".join(header) if header else f"{width} columns without names"
    raise FormatError(f"expected one column of times in {path}, or one named time or timestamp, got {told}")


def _counts(rows: Sequence[Sequence[str]], column: int) -> bool:
    """Whether a column only numbers the frames."""
    values = _numbers([row[column] if column < len(row) else "" for row in rows])
    return values is not None and bool(np.array_equal(values, values[0] + np.arange(len(values))))


def _numbers(cells: Sequence[str]) -> FloatArray | None:
    try:
        return np.array([float(cell) if cell else math.nan for cell in cells], dtype=np.float64)
    except ValueError:
        return None


def _moment(cell: str) -> datetime | None:
    text = re.sub(r"(\.\d{6})\d+", r"\1", cell.strip())  # nanoseconds: more digits than Python knows
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _moments(path: Path, cells: Sequence[str], with_header: bool) -> FloatArray:
    """Seconds since 1970 of dates and times as ISO 8601 writes them."""
    seconds = np.empty(len(cells))
    for row, cell in enumerate(cells):
        moment = _moment(cell)
        if moment is None:
            raise FormatError(
                f"expected a number, or a date and time as 2026-03-01T12:00:00.033, in row {row + 1 + with_header} of "
                f"{path}, got '{cell[:40]}'"
            )
        since = moment - datetime(1970, 1, 1, tzinfo=moment.tzinfo)
        offset = moment.utcoffset()
        seconds[row] = since.total_seconds() - (offset.total_seconds() if offset is not None else 0.0)
    return seconds


def _unit(path: Path, name: str, values: FloatArray, fps: float) -> str:
    """The unit, by the name of the column, else by the one that makes a frame rate."""
    if found := _UNIT_NAME.search(name.strip()):
        word = found[1].lower()
        return _WORDS.get(word, word)
    step = float(np.median(np.diff(values))) if len(values) > 1 else math.nan
    if not step > 0:
        return "s"
    rates = {unit: 1 / (step * size) for unit, size in UNITS.items()}
    if math.isfinite(fps):
        alike = [unit for unit, rate in rates.items() if 0.5 < rate / fps < 2]
        if alike:
            return alike[0]
    for low, high in (_USUAL_FPS, _POSSIBLE_FPS):
        likely = [unit for unit, rate in rates.items() if low <= rate <= high]
        if likely:
            return likely[0]
    raise FormatError(
        f"expected times in seconds, ms, us or ns in {path}, but its rows are {step:g} apart, which is no frame rate "
        "in any of them; name the column with its unit, for example time_ms"
    )
