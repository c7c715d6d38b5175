"""ONNX Runtime: for processors and systems that OpenVINO does not serve. Always f32."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from markerless.errors import SettingsError
from markerless.runtime.engine import (
    INPUT,
    Batch,
    Done,
    EngineOptions,
    Prediction,
    check_contract,
    damaged,
    known_outputs,
)

try:
    import onnxruntime
    from onnxruntime.capi import onnxruntime_pybind11_state as native
except ImportError as missing:
    raise SettingsError(
        "expected ONNX Runtime for analyze.engine=onnxruntime, it is not installed; "
        "run: pip install 'markerless[onnxruntime]'"
    ) from missing

REQUESTS_PER_THREAD = 2
QUIET = 3  # only errors on stderr
# What it says of a file it cannot use (Fail, InvalidProtobuf, InvalidGraph, NoSuchFile, ...); these share no root.
REFUSALS: tuple[type[Exception], ...] = (
    RuntimeError,
    *(kind for kind in vars(native).values() if isinstance(kind, type) and issubclass(kind, Exception)),
)


class Handle:
    """One request in flight on a thread of the session's pool."""

    def __init__(self, future: Future[Prediction]) -> None:
        self._future = future

    def result(self) -> Prediction:
        """Wait for the prediction."""
        return self._future.result()


class Session:
    """A model with a pool of threads, each of which computes whole requests."""

    name = "onnxruntime"
    precision = "f32"
    has_expected_error = False

    def __init__(self, session: Any, options: EngineOptions, outputs: list[str]) -> None:
        self.version = str(onnxruntime.__version__)
        self.options = options
        self.in_flight = 1 if options.inline else REQUESTS_PER_THREAD * options.n_threads
        self._session = session
        self._outputs = outputs
        self._pool = ThreadPoolExecutor(1 if options.inline else options.n_threads, thread_name_prefix="inference")

    def submit(self, batch: Batch) -> Handle | Done:
        """Start on `batch` as soon as a thread is free."""
        if self.options.inline:
            return Done(self._predict(batch))
        return Handle(self._pool.submit(self._predict, batch))

    def close(self) -> None:
        """Stop the threads."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _predict(self, batch: Batch) -> Prediction:
        answer = self._session.run(self._outputs, {INPUT: batch})
        return Prediction(*[np.asarray(output, dtype=np.float32) for output in answer])


def open(path: Path, options: EngineOptions) -> Session:
    """Load the model at `path`.

    Raises:
        SettingsError: bf16 asked for.
        RunError: the file is damaged or not one of our models.
    """
    if options.precision == "bf16":
        raise SettingsError("expected analyze.precision f32 or auto with the engine onnxruntime, got bf16")
    settings = onnxruntime.SessionOptions()
    # else requests run side by side instead
    settings.intra_op_num_threads = options.threads_per_request if options.inline else 1
    settings.inter_op_num_threads = 1
    settings.log_severity_level = QUIET
    try:
        session = onnxruntime.InferenceSession(path, settings, providers=["CPUExecutionProvider"])
    except REFUSALS as error:
        raise damaged(path, error) from error
    metadata = session.get_modelmeta().custom_metadata_map
    inputs = {port.name for port in session.get_inputs()}
    outputs = {port.name for port in session.get_outputs()}
    check_contract(path, metadata, inputs, outputs)
    return Session(session, options, known_outputs(outputs))
