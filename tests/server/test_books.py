"""The thread that brings clicks into the tables goes on whatever a disk says."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from made_study import make_study
from markerless.server import books
from markerless.server.books import Books


@pytest.mark.parametrize("kind", [PermissionError, IsADirectoryError])
def test_a_disk_that_fails_does_not_end_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: type[OSError]
) -> None:
    study = make_study(tmp_path, n_frames=2, n_labeled=1)
    monkeypatch.setattr(books, "QUIET_S", 0.01)
    monkeypatch.setattr(books, "AGAIN_S", 0.01)
    shelf, written = Books(), threading.Event()
    answers = [kind(13, "no", "table.h5")]

    def flush() -> int:
        if answers:
            raise answers.pop()
        written.set()
        return 0

    book = shelf.of(study.project, "cage1")
    monkeypatch.setattr(book, "flush", flush)
    shelf.changed(book)
    assert written.wait(10)
    shelf.close()
