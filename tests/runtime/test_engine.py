from __future__ import annotations

import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from make_model import color_finder, dots, random_places
from make_run import MadeRun
from markerless.errors import RunError, SettingsError
from markerless.runtime.engine import (
    ENGINES,
    Batch,
    Done,
    EngineOptions,
    Prediction,
    Session,
    open_session,
    usable_cores,
)

OPTIONS = EngineOptions(height=24, width=32, threads=1)


def test_options_give_the_shape_of_a_request() -> None:
    assert EngineOptions(height=480, width=640, batch_size=4).shape == (4, 480, 640, 3)


def test_zero_threads_are_the_usable_cores_up_to_sixteen() -> None:
    assert EngineOptions(height=1, width=1, threads=0).n_threads == min(usable_cores(), 16)
    assert EngineOptions(height=1, width=1, threads=3).n_threads == 3


def test_a_request_that_is_done_gives_its_prediction_every_time() -> None:
    prediction = Prediction(np.zeros((1, 3, 2), np.float32), np.ones((1, 3), np.float32))
    done = Done(prediction)
    assert done.result() is done.result() is prediction


@pytest.mark.parametrize("engine", ["openvino", "onnxruntime"])
def test_inline_sessions_take_one_request_at_a_time_and_the_same_array_again(engine: str, tmp_path: Path) -> None:
    """As a region is followed: into one batch again and again. All threads of the options do not count."""
    options = EngineOptions(height=24, width=32, batch_size=2, precision="f32", threads=3, inline=True)
    session = open_session(engine, color_finder(tmp_path / "model.onnx"), options, 3)
    assert session.in_flight == 1
    batch = np.zeros(options.shape, dtype=np.uint8)
    places = random_places(10, (32, 24), seed=2)
    for start in range(0, 10, 2):
        batch[:] = dots(places[start : start + 2], (32, 24))
        np.testing.assert_array_equal(session.submit(batch).result().xy, places[start : start + 2])
    session.close()


def test_sessions_are_opened_one_after_the_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenVINO's bindings wait for each other for ever when two threads use them for the first time at once."""
    model = color_finder(tmp_path / "model.onnx")
    real = ENGINES.get("openvino").open
    now, most = 0, 0

    def counted(path: Path, options: EngineOptions) -> Session:
        nonlocal now, most
        now += 1
        most = max(most, now)
        time.sleep(0.02)
        session: Session = real(path, options)
        now -= 1
        return session

    monkeypatch.setattr(ENGINES.get("openvino"), "open", counted)
    with ThreadPoolExecutor(4) as pool:
        sessions = list(pool.map(lambda _: open_session("openvino", model, OPTIONS, 3), range(8)))
    assert len(sessions) == 8
    assert most == 1


def test_an_unknown_engine_is_named_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="openvino"):
        open_session("openvinno", color_finder(tmp_path / "model.onnx"), OPTIONS, 3)


@pytest.mark.parametrize("engine", ENGINES.names())
class TestModelsThatCannotBeUsed:
    def test_of_another_tool(self, engine: str, tmp_path: Path) -> None:
        model = color_finder(tmp_path / "model.onnx", metadata={})
        with pytest.raises(RunError, match="that markerless did not export"):
            open_session(engine, model, OPTIONS, 3)

    def test_of_a_later_contract(self, engine: str, tmp_path: Path) -> None:
        model = color_finder(tmp_path / "model.onnx", metadata={"markerless.contract": "7"})
        with pytest.raises(RunError, match="contract version 1, got version 7"):
            open_session(engine, model, OPTIONS, 3)

    def test_of_another_number_of_keypoints(self, engine: str, made_run: MadeRun) -> None:
        with pytest.raises(RunError, match="for 5 keypoints, got 3"):
            open_session(engine, made_run.model, OPTIONS, 5)


def test_expected_errors_of_another_shape_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = np.ones((1, 3), np.float32)

    class Odd:
        has_expected_error = is_closed = False

        def submit(self, batch: Batch) -> Done:
            return Done(Prediction(np.zeros((1, 3, 2), np.float32), one, one[..., None]))

        def close(self) -> None:
            self.is_closed = True

    odd = Odd()
    monkeypatch.setattr(ENGINES.get("openvino"), "open", lambda path, options: odd)
    with pytest.raises(RunError, match=r"expected_error of shape \(1, 3\), got \(1, 3, 1\), in .*train again"):
        open_session("openvino", color_finder(tmp_path / "model.onnx"), OPTIONS, 3)
    assert odd.is_closed


def test_a_lack_of_memory_is_not_called_a_damaged_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*arguments: object, **options: object) -> None:
        raise MemoryError

    monkeypatch.setattr("onnxruntime.InferenceSession", failing)
    with pytest.raises(MemoryError):
        open_session("onnxruntime", color_finder(tmp_path / "model.onnx"), EngineOptions(8, 8), 3)


def test_onnxruntime_has_no_bf16(tmp_path: Path) -> None:
    options = EngineOptions(height=24, width=32, precision="bf16")
    with pytest.raises(SettingsError, match="f32 or auto"):
        open_session("onnxruntime", color_finder(tmp_path / "model.onnx"), options, 3)


@pytest.mark.skipif(sys.platform == "win32", reason="there, signals have no stack of their own")
def test_openvino_leaves_ctrl_c_working(tmp_path: Path) -> None:
    """Also after two sessions were closed in the order in which they were opened."""
    model = color_finder(tmp_path / "model.onnx")
    code = (
        "import signal\n"
        "from pathlib import Path\n"
        "from markerless.runtime.engine import EngineOptions, open_session\n"
        f"model = Path({str(model)!r})\n"
        "sessions = [open_session('openvino', model, EngineOptions(h, 32, threads=1), 3) for h in (24, 48)]\n"
        "while sessions:\n"
        "    sessions.pop(0).close()\n"
        "signal.raise_signal(signal.SIGINT)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "KeyboardInterrupt" in done.stderr
    assert done.returncode == -signal.SIGINT
