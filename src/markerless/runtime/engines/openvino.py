"""OpenVINO: the fastest engine on a processor, and the default."""

from __future__ import annotations

import functools
import hashlib
import io
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from markerless.errors import SettingsError
from markerless.runtime.compiled import keep_compiled, recall_compiled
from markerless.runtime.engine import (
    CONTRACT,
    INPUT,
    Batch,
    EngineOptions,
    Prediction,
    check_contract,
    damaged,
    known_outputs,
)
from markerless.runtime.engines._gray_input import take_one_channel
from markerless.runtime.openvino_quietly import openvino

DEVICE = "CPU"
GRAPH = 2  # raised when a model is changed in another way before it is compiled
# While one request computes on a thread, the next one waits with its frame in hand: threads never starve.
REQUESTS_PER_THREAD = 2


class _Slot:
    """A request that is used again and again, with its outputs in place.

    Attributes:
        request: OpenVINO's.
        batch: The images it was given last: their memory is shared with the request.
        answer: Where it writes what a `Prediction` holds.
    """

    def __init__(self, request: Any, outputs: Sequence[str]) -> None:
        self.request = request
        self.batch: Batch | None = None
        self.answer = [request.get_tensor(name).data for name in outputs]

    def start(self, batch: Batch) -> None:
        """Begin to compute."""
        if batch is not self.batch:
            self.request.set_tensor(INPUT, openvino.Tensor(batch, shared_memory=True))
            self.batch = batch
        self.request.start_async()


class Handle:
    """One request in flight."""

    def __init__(self, slot: _Slot, free: deque[_Slot]) -> None:
        self._slot = slot
        self._free = free

    def result(self) -> Prediction:
        """Wait for the prediction and give the request back."""
        slot = self._slot
        slot.request.wait()
        prediction = Prediction(*[output.astype(np.float32) for output in slot.answer])
        self._free.append(slot)
        return prediction


class Session:
    """A model compiled for one image size; as many single-threaded streams as there are threads."""

    name = "openvino"
    has_expected_error = False

    def __init__(self, compiled: Any, options: EngineOptions, precision: str) -> None:
        outputs = known_outputs({name for port in compiled.outputs for name in port.get_names()})
        self.version = str(openvino.__version__).split("-")[0]
        self.precision = precision
        self.options = options
        self.in_flight = 1 if options.inline else REQUESTS_PER_THREAD * options.n_threads
        self._compiled = compiled
        self._free = deque(_Slot(compiled.create_infer_request(), outputs) for _ in range(self.in_flight))

    def submit(self, batch: Batch) -> Handle:
        """Start on `batch`; its memory is used as it is, without a copy."""
        slot = self._free.pop()
        slot.start(batch)
        return Handle(slot, self._free)

    def close(self) -> None:
        """Free requests and the compiled model."""
        self._free.clear()
        self._compiled = None


def open(path: Path, options: EngineOptions) -> Session:
    """Open the model at `path`, as it was compiled before where that was kept.

    Raises:
        SettingsError: bf16 on a processor that has no such instructions.
        RunError: the file is damaged or not one of our models.
    """
    core = _core()
    precision = _precision(core, options.precision)
    properties = {
        **_parallel(options),
        "INFERENCE_PRECISION_HINT": precision,
        # decoding shares the cores: a pinned thread would wait for it on one core while another is idle
        "ENABLE_CPU_PINNING": False,
    }
    try:
        content = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise damaged(path, error.strerror) from error
    question = {
        "openvino": str(openvino.__version__),
        "contract": CONTRACT,
        "graph": GRAPH,
        "model": content,
        "shape": list(options.shape),
        **properties,
    }
    compiled = _recalled(core, question, properties)
    if compiled is None:
        compiled = _compiled(core, path, options, properties)
        with suppress(RuntimeError):  # it is open all the same
            keep_compiled(question, compiled.export_model().getvalue())
    return Session(compiled, options, precision)


def _recalled(core: openvino.Core, question: dict[str, Any], properties: dict[str, Any]) -> Any | None:
    """The model as it was compiled before; None where that was not kept, or this OpenVINO does not take it."""
    network = recall_compiled(question)
    if network is None:
        return None
    try:
        return core.import_model(io.BytesIO(network), DEVICE, properties)
    except RuntimeError:
        return None


def _compiled(core: openvino.Core, path: Path, options: EngineOptions, properties: dict[str, Any]) -> Any:
    try:
        model = core.read_model(path)
    except RuntimeError as error:
        raise damaged(path, _reason(error)) from error
    inputs = {name for port in model.inputs for name in port.get_names()}
    outputs = {name for port in model.outputs for name in port.get_names()}
    check_contract(path, _metadata(model), inputs, outputs)
    try:
        model.reshape({INPUT: list(options.shape)})
        if options.channels == 1:
            take_one_channel(model)
        return core.compile_model(model, DEVICE, properties)
    except RuntimeError as error:
        raise damaged(path, _reason(error)) from error


@functools.cache
def _core() -> openvino.Core:
    """One for the whole process, never freed.

    Each one puts up a stack for signal handlers and puts back the one before when it is freed. With two of them, freed
    in the order in which they were made, that one is gone, and the next Ctrl-C is a segmentation fault.
    """
    return openvino.Core()


def _parallel(options: EngineOptions) -> dict[str, int]:
    """How requests share the threads."""
    if not options.inline:
        return {"NUM_STREAMS": options.n_threads, "INFERENCE_NUM_THREADS": options.n_threads}
    # without streams the thread that starts a request computes it, and no other has to be woken
    together = options.threads_per_request
    return {"NUM_STREAMS": 0 if together == 1 else 1, "INFERENCE_NUM_THREADS": together}


def _precision(core: openvino.Core, wanted: str) -> str:
    native = "BF16" in core.get_property(DEVICE, "OPTIMIZATION_CAPABILITIES")
    if wanted == "auto":
        return "bf16" if native else "f32"
    if wanted == "bf16" and not native:
        raise SettingsError("expected a processor with bf16 instructions for analyze.precision=bf16; use f32 or auto")
    return wanted


def _metadata(model: openvino.Model) -> dict[str, str]:
    info = model.get_rt_info()
    if "framework" not in info:
        return {}
    return {key: str(value.value) for key, value in info["framework"].items()}


def _reason(error: RuntimeError) -> str:
    """The last line of OpenVINO's message; the first ones are places in its source."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else "unknown"
