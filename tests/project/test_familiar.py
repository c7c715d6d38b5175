"""`familiar.json`: the round trip, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from markerless.core.familiar import QUANTITIES, Familiar, Span, Sureness
from markerless.errors import RunError
from markerless.project.familiar import read, write

SPANS = {name: Span(1.5 + i, 2.25 + i, -0.5, 9.0) for i, name in enumerate(QUANTITIES)}
FAMILIAR = Familiar(34, 4, SPANS, Sureness(0.6, 0.03))


@pytest.mark.parametrize("familiar", [FAMILIAR, Familiar(6, 3, SPANS)])
def test_it_is_read_back_as_it_was_written(familiar: Familiar, tmp_path: Path) -> None:
    write(familiar, tmp_path / "familiar.json")
    assert read(tmp_path / "familiar.json") == familiar


def test_a_run_of_an_earlier_version_has_none(tmp_path: Path) -> None:
    assert read(tmp_path / "familiar.json") is None


def changed(**values: Any) -> dict[str, Any]:
    spans = {name: {"least": 1, "most": 2, "low": 0, "high": 3} for name in QUANTITIES}
    return {"version": 1, "n_frames": 3, "n_groups": 3, "spans": spans, "sureness": None, **values}


def test_the_table_that_is_damaged_below_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "familiar.json"
    path.write_text(json.dumps(changed()), encoding="utf-8")
    assert read(path) is not None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "cannot read"),
        ("[]", "expected an object"),
        (json.dumps(changed(version=2)), "newer markerless"),
        (json.dumps(changed(more=1)), "missing or unknown: more"),
        (json.dumps(changed(n_frames=True)), "numbers of frames"),
        (json.dumps(changed(n_groups="3")), "numbers of frames"),
        (json.dumps(changed(spans={})), "expected brightness"),
        (json.dumps(changed(spans=changed()["spans"] | {"warmth": {"least": 1}})), "expected least, most, low, high"),
        (json.dumps(changed(spans=changed()["spans"] | {"warmth": {**changed()["spans"]["warmth"], "low": 7}})), "low"),
        (json.dumps(changed(sureness={"low": "0", "share": 0})), "expected numbers"),
        (json.dumps(changed(sureness={"low": 2, "share": 0})), "from 0 to 1"),
        ('{"version": NaN}', "NaN is no number of JSON"),
    ],
)
def test_what_is_damaged_is_said_in_one_line(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "familiar.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(RunError, match=said) as told:
        read(path)
    assert "\n" not in str(told.value)
    assert "delete it" in str(told.value)
