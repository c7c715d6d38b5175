"""A network that was compiled is opened again as it was, and nothing depends on its being kept."""

from __future__ import annotations

import errno
import hashlib
import os
from pathlib import Path

import numpy as np
import pytest

from make_run import MadeRun, random_dots
from markerless.errors import RunError
from markerless.runtime import compiled
from markerless.runtime.compiled import keep_compiled, recall_compiled
from markerless.runtime.engine import EngineOptions, Prediction, open_session
from markerless.runtime.engines import openvino

QUESTION = {"model": "abc", "shape": [1, 24, 32, 3]}


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MARKERLESS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "compiled"


def files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*"))


def predicted(model: Path, images: np.ndarray, precision: str = "f32", threads: int = 1) -> Prediction:
    batch_size, height, width, channels = images.shape
    options = EngineOptions(height, width, channels, batch_size, precision, threads)
    session = open_session("openvino", model, options, 3)
    answer = session.submit(images).result()
    session.close()
    return answer


def test_what_was_kept_is_given_back() -> None:
    assert recall_compiled(QUESTION) is None
    keep_compiled(QUESTION, b"network")
    assert recall_compiled(dict(reversed(QUESTION.items()))) == b"network"
    assert recall_compiled({**QUESTION, "shape": [2, 24, 32, 3]}) is None


@pytest.mark.parametrize("damage", [b"", b"short", bytes(100)])
def test_a_damaged_file_is_as_good_as_none(own_folder: Path, damage: bytes) -> None:
    keep_compiled(QUESTION, b"network")
    (file,) = files(own_folder)
    file.write_bytes(damage)
    assert recall_compiled(QUESTION) is None
    keep_compiled(QUESTION, b"network")
    assert recall_compiled(QUESTION) == b"network"


def test_the_least_recently_used_goes_first(own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "MOST_BYTES", 300)
    for number in range(3):
        keep_compiled({"number": number}, bytes(60))
        for age, path in enumerate(sorted(files(own_folder), key=lambda path: path.stat().st_mtime_ns)[::-1]):
            os.utime(path, (1e9 - 100 * age, 1e9 - 100 * age))
    assert recall_compiled({"number": 0}) == bytes(60)  # and so 1 is the one that was not used for longest
    keep_compiled({"number": 3}, bytes(60))
    assert [recall_compiled({"number": number}) is not None for number in range(4)] == [True, False, True, True]


def test_a_folder_that_cannot_be_made_does_no_harm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv("MARKERLESS_CACHE", str(tmp_path / "file" / "cache"))
    keep_compiled(QUESTION, b"network")
    assert recall_compiled(QUESTION) is None


def test_a_folder_that_can_only_be_read_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    keep_compiled(QUESTION, b"network")

    def refused(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(os, "utime", refused)
    monkeypatch.setattr(os, "open", refused)
    assert recall_compiled(QUESTION) == b"network"


def test_one_that_another_process_deletes_meanwhile_leaves_nothing(
    own_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_compiled(QUESTION, b"network")
    read = Path.read_bytes

    def and_delete(path: Path) -> bytes:
        content = read(path)
        path.unlink()
        return content

    monkeypatch.setattr(Path, "read_bytes", and_delete)
    assert recall_compiled(QUESTION) == b"network"
    assert files(own_folder) == []


def test_a_network_answers_the_same_to_the_last_digit(made_run: MadeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    images, _ = random_dots(4, 1)
    first = predicted(made_run.model, images)
    monkeypatch.setattr(openvino, "_compiled", lambda *_: pytest.fail("it was kept"))
    again = predicted(made_run.model, images)
    assert np.array_equal(first.xy, again.xy)
    assert np.array_equal(first.score, again.score)


def test_every_size_and_every_network_is_kept_for_itself(own_folder: Path, made_run: MadeRun, tmp_path: Path) -> None:
    images, _ = random_dots(4, 1)
    predicted(made_run.model, images)
    predicted(made_run.model, np.ascontiguousarray(images[:, :64]))
    predicted(made_run.model, images[:2])
    predicted(made_run.model, images, threads=2)
    assert len(files(own_folder)) == 4
    elsewhere = tmp_path / "other.onnx"
    elsewhere.write_bytes(made_run.model.read_bytes())
    predicted(elsewhere, images)
    assert len(files(own_folder)) == 4  # the same network, wherever it lies


def test_one_that_openvino_does_not_take_is_compiled_again(own_folder: Path, made_run: MadeRun) -> None:
    images, _ = random_dots(4, 1)
    first = predicted(made_run.model, images)
    (file,) = files(own_folder)
    network = b"made by another library"
    file.write_bytes(hashlib.sha256(network).digest() + network)
    again = predicted(made_run.model, images)
    assert np.array_equal(first.xy, again.xy)
    assert len(file.read_bytes()) > 1000


def test_a_damaged_network_is_refused_and_not_kept(own_folder: Path, tmp_path: Path) -> None:
    model = tmp_path / "model.onnx"
    model.write_bytes(b"no network")
    with pytest.raises(RunError, match="cannot read"):
        predicted(model, random_dots(1, 0)[0])
    assert files(own_folder) == []
