"""torch as an engine: for graphics cards (CUDA, MPS), where it is fast; on a processor OpenVINO is faster.

It runs the network of the checkpoint beside `model.onnx`, not the graph: only models that markerless trained, with
their run folder. It is registered as an entry point, because only `nn` may import torch.
"""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from markerless.errors import SettingsError
from markerless.runtime.engine import Batch, Done, EngineOptions, Prediction

try:
    import torch
    from torch import Tensor, nn
    from torch.backends import cudnn

    from markerless.nn import trained
    from markerless.nn.depthwise import DepthwiseConv2d
    from markerless.nn.device import TORCH_VERSION, best_device, computes_bf16
    from markerless.nn.model import PoseNet
except ImportError as missing:
    if (missing.name or "").startswith("markerless"):
        raise
    raise SettingsError(
        f"expected torch and its companions for analyze.engine=torch, {missing.name or missing} is not installed; "
        "run: pip install 'markerless[train]'"
    ) from missing

REQUESTS_PER_THREAD = 2
REQUESTS_ON_CARD = 4  # one is copied there, one is computed, one is copied back, one waits with its frame in hand
_LAUNCHING = threading.Lock()  # what cuDNN may round is said for the whole process


class Network:
    """A trained network on a device.

    Attributes:
        device: Where images have to be.
        precision: "f32" or "bf16".
        n_keypoints: Keypoints that it predicts.
    """

    def __init__(self, model: PoseNet, device: torch.device, precision: str) -> None:
        self.device, self.precision = device, precision
        self.n_keypoints = model.head.n_keypoints
        if precision == "bf16":
            _round_weights(model, device)
        self._model = model.to(device)  # its kernels are channels-last since they were built

    def predict(self, image: Tensor) -> tuple[Tensor, ...]:
        """uint8 `(B, H, W, C)`, C 1 or 3 -> xy `(B, K, 2)` px, score `(B, K)`, expected error `(B, K)` px, float32.

        The expected error only of a network whose errors are calibrated.
        """
        bf16 = self.precision == "bf16"
        with torch.inference_mode(), torch.autocast(self.device.type, torch.bfloat16, enabled=bf16):
            outputs: tuple[Tensor, ...] = self._model(image)
        return outputs


class PoolHandle:
    """One request in flight on a thread of the session's pool."""

    def __init__(self, future: Future[Prediction]) -> None:
        self._future = future

    def result(self) -> Prediction:
        """Wait for the prediction."""
        return self._future.result()


class PoolSession:
    """A network with a pool of threads, each of which computes whole requests: for a processor, and for MPS with one.

    MPS runs all work in one queue, so more threads would only wait for each other.
    """

    name = "torch"
    has_expected_error = False

    def __init__(self, network: Network, options: EngineOptions) -> None:
        self.version = _version(network.device)
        self.precision = network.precision
        self.options = options
        n_threads = 1 if options.inline or network.device.type != "cpu" else options.n_threads
        self.in_flight = 1 if options.inline else REQUESTS_PER_THREAD * n_threads
        self._network: Network | None = network
        self._pool = single_threaded_pool(n_threads)

    def submit(self, batch: Batch) -> PoolHandle | Done:
        """Start on `batch` as soon as a thread is free."""
        assert self._network is not None
        handle = PoolHandle(self._pool.submit(_predict, self._network, batch))
        return Done(handle.result()) if self.options.inline else handle

    def close(self) -> None:
        """Stop the threads and free the weights."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._network = None


@dataclass(frozen=True)
class Slot:
    """Memory of one request, pinned so that the card copies from and to it by itself.

    Attributes:
        image: `(B, H, W, C)` uint8.
        answer: float32, for what a `Prediction` holds: `(B, K, 2)`, `(B, K)` and, used or not, `(B, K)`.
        done: Event that follows the last copy.
    """

    image: Tensor
    answer: tuple[Tensor, ...]
    done: Any


class StreamHandle:
    """One request in flight on a card."""

    def __init__(self, slot: Slot, n_outputs: int, free: deque[Slot]) -> None:
        self._slot = slot
        self._n_outputs = n_outputs
        self._free = free

    def result(self) -> Prediction:
        """Wait for this request alone, and give its memory back."""
        self._slot.done.synchronize()
        prediction = Prediction(*[output.numpy().copy() for output in self._slot.answer[: self._n_outputs]])
        self._free.append(self._slot)
        return prediction


class StreamSession:
    """A network on a card with a stream of its own: `submit` only queues copies and kernels, nothing waits.

    f32 is f32: cuDNN would round to TF32, which has the ten binary digits of f16, without being asked.
    """

    name = "torch"
    has_expected_error = False

    def __init__(self, network: Network, options: EngineOptions) -> None:
        self.version = _version(network.device)
        self.precision = network.precision
        self.options = options
        self.in_flight = 1 if options.inline else REQUESTS_ON_CARD
        self._network: Network | None = network
        self._device_module: Any = torch.get_device_module(network.device)
        self._device_module.synchronize()  # the weights have arrived, whichever stream brought them
        self._stream = self._device_module.Stream()
        self._free = deque(self._slot(network) for _ in range(self.in_flight))

    def submit(self, batch: Batch) -> StreamHandle | Done:
        """Queue copy, network and copy back."""
        assert self._network is not None
        slot = self._free.popleft()
        np.copyto(slot.image.numpy(), batch)
        exact = cudnn.flags(enabled=True, deterministic=True, allow_tf32=False)
        with _LAUNCHING, self._device_module.stream(self._stream), exact:
            outputs = self._network.predict(slot.image.to(self._network.device, non_blocking=True))
            for place, output in zip(slot.answer, outputs, strict=False):
                place.copy_(output, non_blocking=True)
            slot.done.record(self._stream)
        handle = StreamHandle(slot, len(outputs), self._free)
        return Done(handle.result()) if self.options.inline else handle

    def close(self) -> None:
        """Wait for what is queued, then free weights and memory."""
        self._device_module.synchronize()
        self._free.clear()
        self._network = None

    def _slot(self, network: Network) -> Slot:
        pinned = network.device.type == "cuda"
        n, k = self.options.batch_size, network.n_keypoints
        return Slot(
            torch.empty(self.options.shape, dtype=torch.uint8, pin_memory=pinned),
            tuple(torch.empty(shape, pin_memory=pinned) for shape in ((n, k, 2), (n, k), (n, k))),
            self._device_module.Event(),
        )


def open(path: Path, options: EngineOptions) -> PoolSession | StreamSession:
    """Load the network of the run folder in which `path` lies.

    Raises:
        SettingsError: bf16 on a device that does not compute in it.
        RunError: a file of the run is missing, damaged or of another training.
    """
    device = best_device()
    network = Network(trained.load(path), device, _precision(device, options.precision))
    return StreamSession(network, options) if device.type == "cuda" else PoolSession(network, options)


def single_threaded_pool(n_threads: int) -> ThreadPoolExecutor:
    """Threads in which torch computes on one core each, while it keeps all cores in every other thread.

    `torch.set_num_threads` holds for the thread that calls it and for those that ask later; a thread asks once, at
    its first computation. So each thread of the pool asks before it is limited, and the caller sets back the number
    for threads to come.
    """
    n_elsewhere = torch.get_num_threads()
    pool = ThreadPoolExecutor(n_threads, thread_name_prefix="inference")
    all_here = threading.Barrier(n_threads)

    def settle() -> None:
        torch.get_num_threads()
        torch.set_num_threads(1)
        all_here.wait()  # else one thread might settle twice and another never

    try:
        for settled in [pool.submit(settle) for _ in range(n_threads)]:
            settled.result()
    finally:
        torch.set_num_threads(n_elsewhere)
    return pool


def _predict(network: Network, batch: Batch) -> Prediction:
    outputs = network.predict(torch.from_numpy(batch).to(network.device))
    return Prediction(*[output.cpu().numpy() for output in outputs])


def _precision(device: torch.device, wanted: str) -> str:
    native = computes_bf16(device)
    if wanted == "auto":
        return "bf16" if native else "f32"
    if wanted == "bf16" and not native:
        raise SettingsError(
            f"expected a device with bf16 arithmetic for analyze.precision=bf16, got {device.type} without; "
            "use f32 or auto"
        )
    return wanted


def _round_weights(model: PoseNet, device: torch.device) -> None:
    """Round once what autocast would round at every request; what leaves autocast keeps f32."""
    for module in model.modules():
        leaves_autocast = isinstance(module, DepthwiseConv2d) and device.type == "cpu"
        if isinstance(module, nn.Conv2d) and not leaves_autocast:
            module.to(torch.bfloat16)


def _version(device: torch.device) -> str:
    return f"{TORCH_VERSION} on {device.type}"
