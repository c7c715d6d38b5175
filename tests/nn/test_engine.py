"""What is torch's own; what it has in common with the other engines is in `contracts/test_engines.py`."""

from __future__ import annotations

import subprocess
import sys
import threading

import numpy as np
import pytest
import torch

from make_run import MadeRun, random_dots
from markerless.errors import SettingsError
from markerless.nn import engine, trained
from markerless.nn.engine import Network, PoolSession, StreamSession
from markerless.runtime.engine import EngineOptions

CPU = torch.device("cpu")
OPTIONS = EngineOptions(height=72, width=96, precision="f32", threads=2)


@pytest.fixture(autouse=True)
def processor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "best_device", lambda: CPU)


def test_says_where_it_runs(made_run: MadeRun) -> None:
    session = engine.open(made_run.model, OPTIONS)
    assert isinstance(session, PoolSession)
    assert session.version == f"{torch.__version__} on cpu"
    session.close()


def test_the_rest_of_the_process_keeps_its_threads(made_run: MadeRun) -> None:
    """One core per request, but all cores for a training in the same process, in threads old and new."""
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        session = engine.open(made_run.model, OPTIONS)
        assert isinstance(session, PoolSession)
        elsewhere: list[int] = []
        other = threading.Thread(target=lambda: elsewhere.append(torch.get_num_threads()))
        other.start()
        other.join()
        assert torch.get_num_threads() == 3
        assert elsewhere == [3]
        both = threading.Barrier(2)

        def ask() -> int:
            both.wait(10)  # one task a thread
            return torch.get_num_threads()

        inside = [session._pool.submit(ask) for _ in range(2)]
        assert [future.result() for future in inside] == [1, 1]
        session.close()
    finally:
        torch.set_num_threads(before)


def test_opening_leaves_chance_alone(made_run: MadeRun) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    engine.open(made_run.model, OPTIONS).close()
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("precision", ["f32", "bf16"])
def test_a_stream_gives_what_a_pool_gives(made_run: MadeRun, precision: str) -> None:
    """The session of a card, on a processor: its streams and events are there, only nothing is asynchronous."""
    images, _ = random_dots(10, 9)
    pool, stream = (
        kind(Network(trained.load(made_run.model), CPU, precision), OPTIONS) for kind in (PoolSession, StreamSession)
    )
    expected = [pool.submit(image[np.newaxis]).result() for image in images]
    handles = [stream.submit(image[np.newaxis]) for image in images[: stream.in_flight]]
    found = [handle.result() for handle in handles]
    found += [stream.submit(image[np.newaxis]).result() for image in images[stream.in_flight :]]
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours.xy, theirs.xy, atol=1e-3 if precision == "f32" else 0.5)
        np.testing.assert_allclose(ours.score, theirs.score, atol=1e-5 if precision == "f32" else 0.02)
    assert torch.backends.cudnn.allow_tf32  # as it was
    pool.close()
    stream.close()


def test_predictions_outlive_the_memory_of_their_request(made_run: MadeRun) -> None:
    images, _ = random_dots(2, 10)
    session = StreamSession(Network(trained.load(made_run.model), CPU, "f32"), OPTIONS)
    first = session.submit(images[:1]).result()
    kept = first.xy.copy()
    for _ in range(2 * session.in_flight):
        session.submit(images[1:]).result()
    np.testing.assert_array_equal(first.xy, kept)
    session.close()


@pytest.mark.parametrize("kind", [PoolSession, StreamSession])
def test_a_calibrated_network_gives_expected_errors(
    made_run: MadeRun, kind: type[PoolSession | StreamSession], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One whose `forward` gives a third output, here four times the score; each in its request and in f32."""
    net = trained.load(made_run.model)
    plain = net.forward
    monkeypatch.setattr(net, "forward", lambda image: (*plain(image), 4 * plain(image)[1]))
    images, _ = random_dots(6, 12)
    session = kind(Network(net, CPU, "f32"), OPTIONS)
    predictions = [session.submit(image[np.newaxis]).result() for image in images]
    session.close()
    assert len(np.unique([one.score for one in predictions])) == 18
    for one in predictions:
        assert one.expected_error is not None
        assert one.expected_error.dtype == np.float32
        np.testing.assert_allclose(one.expected_error, 4 * one.score, rtol=1e-5)


def test_bf16_needs_a_device_that_computes_in_it(made_run: MadeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "computes_bf16", lambda device: False)
    with pytest.raises(
        SettingsError, match=r"expected a device with bf16 arithmetic.*got cpu without; use f32 or auto"
    ):
        engine.open(made_run.model, EngineOptions(72, 96, precision="bf16"))
    session = engine.open(made_run.model, EngineOptions(72, 96, precision="auto", threads=1))
    assert session.precision == "f32"
    session.close()


@pytest.mark.parametrize("missing", ["torch", "onnx", "safetensors"])
def test_without_torch_it_is_one_line(missing: str) -> None:
    code = (
        f"import sys; sys.modules[{missing!r}] = None\n"
        "from markerless.errors import SettingsError\n"
        "from markerless.runtime.engine import ENGINES\n"
        "assert 'torch' in ENGINES.names()\n"
        "try:\n"
        "    ENGINES.get('torch')\n"
        "except SettingsError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f"{missing} is not installed; run: pip install 'markerless[train]'" in done.stdout
    assert done.stdout.count("\n") == 1


def test_knowing_the_engine_loads_no_torch() -> None:
    code = (
        "import sys\n"
        "from markerless.runtime.engine import ENGINES\n"
        "assert 'torch' in ENGINES.names() and 'torch' not in sys.modules\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
