"""What was measured is kept, and nothing depends on its being kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from markerless.runtime import remembered
from markerless.runtime.machine import Processor
from markerless.runtime.remembered import cache_folder, recall, remember

QUESTION = {"model": "abc", "view": [320, 240, 3]}
ANSWER = {"engine": "openvino", "rates": [1.5, 2], "region": None}


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MARKERLESS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def kept(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_an_equal_question_has_the_answer_that_was_kept(own_folder: Path) -> None:
    assert recall(QUESTION) is None
    remember(QUESTION, ANSWER)
    assert recall({"view": [320, 240, 3], "model": "abc"}) == ANSWER  # the order of the keys is no matter
    assert recall({**QUESTION, "view": [320, 241, 3]}) is None
    assert len(kept(own_folder)) == 1


def test_the_last_answer_counts(own_folder: Path) -> None:
    remember(QUESTION, {"engine": "torch"})
    remember(QUESTION, ANSWER)
    assert recall(QUESTION) == ANSWER
    assert len(kept(own_folder)) == 1


def test_another_machine_is_another_question(monkeypatch: pytest.MonkeyPatch) -> None:
    def processor(n_usable: int, features: tuple[str, ...] | None) -> None:
        monkeypatch.setattr(remembered, "processor", lambda: Processor("EPYC", 8, n_usable, features))

    processor(2, ("avx2",))
    remember(QUESTION, ANSWER)
    for other in ((4, ("avx2",)), (2, ("avx2", "avx512_bf16")), (2, None)):
        processor(*other)
        assert recall(QUESTION) is None
    processor(2, ("avx2",))
    assert recall(QUESTION) == ANSWER


@pytest.mark.parametrize("content", [b"", b"{", b'{"engine": "openv', b"[1, 2]", b'"text"', b"null", b"\xff\xfe\x00"])
def test_a_damaged_file_is_as_good_as_none(own_folder: Path, content: bytes) -> None:
    remember(QUESTION, ANSWER)
    (file,) = kept(own_folder)
    file.write_bytes(content)
    assert recall(QUESTION) is None
    remember(QUESTION, ANSWER)
    assert recall(QUESTION) == ANSWER


def test_a_folder_that_cannot_be_made_does_no_harm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv("MARKERLESS_CACHE", str(tmp_path / "file" / "cache"))
    remember(QUESTION, ANSWER)
    assert recall(QUESTION) is None
    assert (tmp_path / "file").read_text(encoding="utf-8") == ""


def test_a_folder_in_the_place_of_the_file_does_no_harm(own_folder: Path) -> None:
    remember(QUESTION, ANSWER)
    (file,) = kept(own_folder)
    file.unlink()
    (file / "inside").mkdir(parents=True)
    remember(QUESTION, ANSWER)
    assert recall(QUESTION) is None
    assert [path.name for path in file.parent.iterdir()] == [file.name]  # nothing half written beside it


def test_the_folder_is_the_systems_unless_named(own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cache_folder() == own_folder
    for value in ("", None):
        monkeypatch.delenv("MARKERLESS_CACHE", raising=False)
        if value is not None:
            monkeypatch.setenv("MARKERLESS_CACHE", value)
        assert cache_folder().name == "markerless"
        assert cache_folder().is_absolute()
