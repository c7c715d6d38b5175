"""Files of views in one picture: what they say, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from markerless.core.view import View
from markerless.errors import FormatError
from markerless.multiview.files import views_toml
from markerless.multiview.mirror import Part

GOOD = """
known_length = ["tailBase", "tailMid", 25]
[views.side]
region = [0, 0, 406, 168]
keypoints = "{}_top"
[views.below]
region = [0, 168, 406, 238]
mirrored = true
[views.below.keypoints]
nose = "nose_bot"
"""


def test_it_says_where_the_views_are(tmp_path: Path) -> None:
    (tmp_path / "views.toml").write_text(GOOD, encoding="utf-8")
    assert views_toml.is_views_file(tmp_path / "views.toml")
    found = views_toml.read(tmp_path / "views.toml")
    assert found.parts == (Part("side", View(0, 0, 406, 168)), Part("below", View(0, 168, 406, 238), mirrored=True))
    assert found.keypoints == {"side": "{}_top", "below": {"nose": "nose_bot"}}
    assert found.size == (406, 406) and found.unit == "mm"
    assert found.known_length == views_toml.KnownLength("tailBase", "tailMid", 25.0)


def test_names_by_pattern_and_by_table() -> None:
    names = ("nose_top", "nose_bot", "obs", "_top")
    assert views_toml.renamed(names, "{}_top") == {"nose": 0}
    assert views_toml.renamed(names, "{}") == {"nose_top": 0, "nose_bot": 1, "obs": 2, "_top": 3}
    assert views_toml.renamed(names, {"snout": "nose_bot", "ear": "ear_bot"}) == {"snout": 1}


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("mirrored = true", "miror = true", "unknown key 'miror'"),
        ("[0, 0, 406, 168]", "[0, 0, 406]", "expected 4 whole numbers in 'region' of \\[views.side\\]"),
        ("[0, 0, 406, 168]", "[0, 0, -406, 168]", "expected left, top, width, height"),
        ('"{}_top"', '"top"', "expected a pattern with one {}"),
        ('"tailMid", 25', '"tailMid", -1', "expected two keypoints and their distance"),
        ("[views.side]", "[views]", "expected two or more tables"),
        ("[views.side]", "[views.side", "cannot read"),
    ],
)
def test_what_is_wrong_is_named(old: str, new: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "views.toml").write_text(GOOD.replace(old, new), encoding="utf-8")
    with pytest.raises(FormatError, match=says):
        views_toml.read(tmp_path / "views.toml")
