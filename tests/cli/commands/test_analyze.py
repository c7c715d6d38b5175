"""The verb analyze as a user types it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from markerless.cli.main import main
from pipeline.field import make_field, write_film

MEASURED = re.compile(r"  measured beforehand what is fastest here: \d+\.\d s, once for this network and size.*")
ONE_WAY = [
    word
    for way in ("engine=openvino", "precision=f32", "batch_size=1", "region=64")
    for word in ("--set", f"analyze.{way}")
]


def test_tells_how_long_it_was_measured_and_only_when_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """For the first of two videos of a size; not when that is known, nor when nothing is to do."""
    monkeypatch.setenv("MARKERLESS_CACHE", str(tmp_path / "cache"))
    field = make_field(tmp_path)
    videos = [tmp_path / "a.mp4", tmp_path / "b.mp4"]
    for video in videos:
        write_film(video, 12)

    def printed(out: str) -> list[str]:
        words = ["analyze", str(field.root), *map(str, videos), "--out", str(tmp_path / out), *ONE_WAY]
        assert main(words) == 0
        return capsys.readouterr().out.splitlines()

    first = printed("one")
    assert first[0].startswith(f"{videos[0]}: 12 frames, ")
    assert MEASURED.fullmatch(first[1])
    assert first[2].startswith(f"{videos[1]}: 12 frames, ")
    for lines in (first[2:], printed("one"), printed("two")):
        assert not [line for line in lines if "measured beforehand" in line]
