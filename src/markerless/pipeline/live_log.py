"""The log of `live`: a CSV file with a row for each frame that was worked on, written as it happens.

It grows under its final name, so that what was measured is there whatever ends the program: at most the last second of
it is lost.
"""

from __future__ import annotations

import csv
import time
from collections.abc import Sequence
from pathlib import Path

from markerless.core.instance import FloatArray
from markerless.core.storage import storage_error
from markerless.errors import StorageError
from markerless.runtime.live import Numbers
from markerless.video.live_source import Clock

SECONDS_BETWEEN_FLUSHES = 1.0
COLUMNS = ("timestamp_s", "frame", "latency_ms", "whole_frame")


class LiveLog:
    """One CSV file that is being written; closes with the `with` block.

    Columns: `timestamp_s` (seconds since the first frame), `frame` (from 0; missing numbers are dropped or broken
    frames), `latency_ms` (from frame in hand to numbers in hand), `whole_frame` (1 when all of the frame was looked
    at, 0 for the region), then for every keypoint `<name>_x`, `<name>_y` in pixels of the full frame and
    `<name>_score`, of a model that gives it `<name>_expected_error` in pixels, and with forward prediction
    `<name>_x_ahead`, `<name>_y_ahead`; empty is missing.
    """

    def __init__(
        self,
        path: Path,
        keypoints: Sequence[str],
        has_ahead: bool = False,
        has_error: bool = False,
        overwrite: bool = False,
        clock: Clock = time.monotonic,
    ) -> None:
        """Begin the file with its header.

        Args:
            path: Where.
            keypoints: Names.
            has_ahead: Whether there is forward prediction.
            has_error: Whether the model gives expected errors.
            overwrite: Replace a file that is there.
            clock: Seconds.

        Raises:
            StorageError: the file exists, or cannot be written.
        """
        self.path = path
        self._clock = clock
        self._flushed = clock()
        error, ahead = ("expected_error",) if has_error else (), ("x_ahead", "y_ahead") if has_ahead else ()
        kinds = ("x", "y", "score", *error, *ahead)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("w" if overwrite else "x", encoding="utf-8", newline="")
        except FileExistsError as error:
            raise StorageError(
                f"expected a new file for the log, {path} exists; choose another name, or give --set live.overwrite=yes"
            ) from error
        except OSError as error:
            raise storage_error(error, path) from error
        self._writer = csv.writer(self._file, lineterminator="\n")
        self._write([*COLUMNS, *(f"{name}_{kind}" for name in keypoints for kind in kinds)])
        self._flush()

    def add(self, numbers: Numbers) -> None:
        """Write one row.

        Raises:
            StorageError: no space left.
        """
        arrival = numbers.arrival
        row = [f"{arrival.timestamp_s:.6f}", arrival.number, f"{1000 * numbers.latency_s:.2f}", int(numbers.whole)]
        for k, xy in enumerate(numbers.xy):
            row += [*_pixels(xy), f"{numbers.score[k]:.4f}"]
            if numbers.expected_error is not None:
                row += _pixels(numbers.expected_error[k : k + 1])
            if numbers.ahead is not None:
                row += _pixels(numbers.ahead[k])
        self._write(row)

    def flush_when_due(self) -> None:
        """Give what was written to the system, once a second.

        Raises:
            StorageError: no space left.
        """
        if self._clock() - self._flushed >= SECONDS_BETWEEN_FLUSHES:
            self._flush()

    def close(self) -> None:
        """Write the rest.

        Raises:
            StorageError: no space left.
        """
        try:
            self._file.close()
        except OSError as error:
            raise storage_error(error, self.path) from error

    def _write(self, row: Sequence[object]) -> None:
        try:
            self._writer.writerow(row)
        except OSError as error:
            raise storage_error(error, self.path) from error

    def _flush(self) -> None:
        self._flushed = self._clock()
        try:
            self._file.flush()
        except OSError as error:
            raise storage_error(error, self.path) from error


def _pixels(values: FloatArray) -> list[str]:
    return ["" if value != value else f"{value:.3f}" for value in values]
