"""What JSON does not know becomes what it knows, at any depth; the rest stays."""

from __future__ import annotations

import json
from math import inf, nan
from pathlib import Path

from markerless.core.plain import plain


def test_every_value_can_be_written_as_strict_json() -> None:
    value = {1: [nan, (1.5, inf)], "path": {"deep": Path("a/b")}, "rest": [None, True, 7, "text"]}
    expected = {"1": [None, [1.5, None]], "path": {"deep": str(Path("a/b"))}, "rest": [None, True, 7, "text"]}
    assert plain(value) == expected
    assert json.loads(json.dumps(plain(value), allow_nan=False)) == expected
