"""What is made once, what goes first, and how a file's version changes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from markerless.errors import FormatError
from markerless.server.kept import Kept, version_of


def test_the_least_recently_used_goes_first() -> None:
    made: list[str] = []
    kept: Kept[str, str] = Kept(2)

    def get(key: str, anew: bool = False) -> str:
        def make() -> str:
            made.append(key)
            return key.upper()

        return kept.get(key, make, anew)

    assert [get(key) for key in "abacb"] == ["A", "B", "A", "C", "B"]
    assert made == ["a", "b", "c", "b"]  # b went for c
    get("c")
    assert made == ["a", "b", "c", "b"]
    get("c", anew=True)
    assert made == ["a", "b", "c", "b", "c"]
    kept.clear()
    get("b")
    assert made[-1] == "b"


def test_what_cannot_be_made_is_asked_for_again() -> None:
    kept: Kept[int, int] = Kept(2)

    def fails() -> int:
        raise FormatError("no")

    for _ in range(2):
        with pytest.raises(FormatError):
            kept.get(1, fails)
    assert kept.get(1, lambda: 5) == 5


def test_a_file_that_changes_has_another_version(tmp_path: Path) -> None:
    path = tmp_path / "a.nc"
    with pytest.raises(FormatError, match="no such file"):
        version_of(path)
    path.write_bytes(b"x")
    first = version_of(path)
    assert version_of(path) == first
    os.utime(path, ns=(1, 1))
    assert version_of(path) != first
