"""What every engine has in common: the model's contract, the options, sessions and handles.

An engine is one file of `markerless.runtime.engines` that provides `open(path, options) -> Session`. A session takes
batches and gives handles at once, so that several requests are in flight while frames are being decoded.

The model's contract (version 1, in the ONNX metadata under `markerless.contract`): input `image`, uint8 `(B, H, W, C)`,
C = 3 is RGB, C = 1 gray; outputs `xy`, float32 `(B, K, 2)` pixels of that image with (0, 0) the center of its top-left
pixel, and `score`, float32 `(B, K)` in 0..1; and of a network whose errors are calibrated `expected_error`, float32
`(B, K)` pixels of that image. Normalizing, padding and decoding are inside the graph.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from markerless.errors import RunError
from markerless.registry import Registry

CONTRACT = "1"
INPUT = "image"
OUTPUTS = ("xy", "score")
EXPECTED_ERROR = "expected_error"  # the output that a network may have or not
MOST_THREADS = 16
FILL = 127  # gray of what lies outside the frame, in the padding inside the graph as in views that hang over
PRECISIONS = ("auto", "f32", "bf16")
# One session after the other: OpenVINO's bindings wait for each other for ever when two threads use a thing of theirs
# for the first time at once. Whatever a session does has been done once when the lock is given back.
_OPENING = threading.Lock()
ENGINES = Registry("engine", "markerless.runtime.engines")

Batch = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class EngineOptions:
    """How a model is to be run. The frame size is fixed, because kernels chosen for one size are much faster.

    Attributes:
        height: Rows of every image.
        width: Columns of every image.
        channels: 3 (RGB) or 1 (gray).
        batch_size: Images of every request.
        precision: "f32", "bf16", or "auto": bf16 where the processor computes in it natively, else f32.
        threads: Processor threads; 0 takes all that this process may use, up to 16: one decoder feeds no more. Each
            request runs on one thread, so that a result does not depend on their number.
        inline: `submit` computes in the thread that calls it, one request at a time: for callers that have a thread of
            their own for every session.
        threads_per_request: Threads that compute one inline request together: the shortest wait for one answer. Sums
            are split among them, so that results may differ in rounding.
    """

    height: int
    width: int
    channels: int = 3
    batch_size: int = 1
    precision: str = "auto"
    threads: int = 0
    inline: bool = False
    threads_per_request: int = 1

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """`(B, H, W, C)` of every request."""
        return self.batch_size, self.height, self.width, self.channels

    @property
    def n_threads(self) -> int:
        """Threads to use, at least one."""
        return self.threads or min(usable_cores(), MOST_THREADS)


@dataclass(frozen=True)
class Prediction:
    """What a model says about one batch.

    Attributes:
        xy: `(B, K, 2)` float32, pixels of the image that was submitted.
        score: `(B, K)` float32 in 0..1.
        expected_error: `(B, K)` float32, pixels of that image; None from a model that gives none.
    """

    xy: npt.NDArray[np.float32]
    score: npt.NDArray[np.float32]
    expected_error: npt.NDArray[np.float32] | None = None


class Handle(Protocol):
    """A request in flight."""

    def result(self) -> Prediction:
        """Wait for the prediction. Handles are collected in the order in which they were submitted."""


@dataclass(frozen=True)
class Done:
    """A request that was computed when it was submitted."""

    prediction: Prediction

    def result(self) -> Prediction:
        """The prediction."""
        return self.prediction


class Session(Protocol):
    """A model ready to run at one image size.

    Attributes:
        name: Name of the engine.
        version: Version of the library behind it.
        precision: "f32" or "bf16", what is really computed in.
        in_flight: How many requests keep the processor busy; more handles than that may not be open at a time.
        options: What it was opened with.
        has_expected_error: Whether its predictions have expected errors; False until `open_session` has tried it.
    """

    name: str
    version: str
    precision: str
    in_flight: int
    options: EngineOptions
    has_expected_error: bool

    def submit(self, batch: Batch) -> Handle:
        """Start on `batch`, uint8 of the shape of the options; it must not change until its result was collected."""

    def close(self) -> None:
        """Free the model's memory."""


def usable_cores() -> int:
    """Processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def open_session(engine: str, model: Path, options: EngineOptions, n_keypoints: int) -> Session:
    """Open `model` with an engine and try it on one black batch, so that a wrong model is found before the work begins.

    Raises:
        SettingsError: no such engine, its library is not installed, or a precision that this processor lacks.
        RunError: the model is missing, damaged, not one of ours, or of another number of keypoints.
    """
    module = ENGINES.get(engine)
    if not model.is_file():
        raise RunError(f"expected a trained network at {model}, found none; train again, or choose another --run")
    with _OPENING:
        session: Session = module.open(model, options)
        prediction = session.submit(np.zeros(options.shape, dtype=np.uint8)).result()
    shape = (options.batch_size, n_keypoints)
    if prediction.xy.shape != (*shape, 2) or prediction.score.shape != shape:
        session.close()
        found = prediction.xy.shape[1] if prediction.xy.ndim == 3 else prediction.xy.shape
        raise RunError(f"expected a network for {n_keypoints} keypoints, got {found}, in {model}; train again")
    error = prediction.expected_error
    if error is not None and error.shape != shape:
        session.close()
        raise RunError(f"expected {EXPECTED_ERROR} of shape {shape}, got {error.shape}, in {model}; train again")
    session.has_expected_error = error is not None
    return session


def damaged(model: Path, reason: object) -> RunError:
    """The error for a file that is no ONNX model."""
    first_line = next(iter(str(reason).strip().splitlines()), "no reason given")
    return RunError(
        f"expected an ONNX model, cannot read {model} ({first_line[:120]}); train again, or choose another --run"
    )


def check_contract(model: Path, metadata: Mapping[str, str], inputs: set[str], outputs: set[str]) -> None:
    """Refuse a model that is not of the contract of this version.

    Raises:
        RunError: another contract version, or inputs and outputs of other names.
    """
    version = metadata.get("markerless.contract")
    if version != CONTRACT:
        found = f"version {version}" if version else "a model that markerless did not export"
        raise RunError(f"expected a model of contract version {CONTRACT}, got {found}, in {model}; train again")
    if inputs != {INPUT} or not outputs >= set(OUTPUTS):
        raise RunError(
            f"expected input '{INPUT}' and outputs {', '.join(OUTPUTS)}, "
            f"got {', '.join(sorted(inputs))} and {', '.join(sorted(outputs))}, in {model}; train again"
        )


def known_outputs(outputs: set[str]) -> list[str]:
    """Names of the outputs that a `Prediction` is made of, in its order, of a model that has these."""
    return [*OUTPUTS, *({EXPECTED_ERROR} & outputs)]
