"""The file that says where in a picture the views are."""

from __future__ import annotations

from pathlib import Path

import pytest

from markerless.core.view import View
from markerless.errors import FormatError
from markerless.multiview.files.views_toml import KnownLength, is_views_file, known_length, read, renamed
from markerless.multiview.mirror import Part

GOOD = """
known_length = ["tailBase", "tailMid", 25.0]
unit = "cm"
calibration = "rig/calibration.toml"

[views.side]
region = [0, 0, 406, 168]
keypoints = "{}_top"

[views.below]
region = [10, 168, 396, 238]
mirrored = true

[views.below.keypoints]
nose = "nose_bot"
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "views.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_everything_it_says(tmp_path: Path) -> None:
    plan = read(written(tmp_path, GOOD))
    assert plan.parts == (
        Part("side", View(0, 0, 406, 168)),
        Part("below", View(10, 168, 396, 238), mirrored=True),
    )
    assert plan.keypoints == {"side": "{}_top", "below": {"nose": "nose_bot"}}
    assert plan.size == (406, 406)  # what the regions span
    assert plan.known_length == KnownLength("tailBase", "tailMid", 25.0)
    assert plan.unit == "cm"
    assert plan.calibration == tmp_path / "rig/calibration.toml"
    assert read(written(tmp_path, "frame = [500, 420]\n" + GOOD)).size == (500, 420)


def test_the_least_it_has_to_say(tmp_path: Path) -> None:
    plan = read(written(tmp_path, "[views.a]\nregion = [0, 0, 9, 9]\n[views.b]\nregion = [0, 9, 9, 9]\n"))
    assert (plan.keypoints, plan.unit, plan.known_length, plan.calibration) == (
        {"a": "{}", "b": "{}"},
        "mm",
        None,
        None,
    )


def test_it_is_told_from_a_calibration(tmp_path: Path) -> None:
    assert is_views_file(written(tmp_path, GOOD))
    assert not is_views_file(written(tmp_path, "[cam_0]\nname = 'views'\n"))
    assert not is_views_file(written(tmp_path, "[views"))
    assert not is_views_file(tmp_path / "none.toml")


def test_names_by_pattern_and_table() -> None:
    names = ["nose_top", "tail_top", "nose_bot", "_top", "top_tail_x"]
    assert renamed(names, "{}_top") == {"nose": 0, "tail": 1}
    assert renamed(names, "top_{}") == {"tail_x": 4}
    assert renamed(names, "{}") == {name: index for index, name in enumerate(names)}
    assert renamed(names, {"snout": "nose_bot", "paw": "paw_bot"}) == {"snout": 2}
    assert renamed(["a.b", "axb"], "{}.b") == {"a": 0}  # a dot is a dot


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("[views.side]", "[views"), "cannot read"),
        (('unit = "cm"', "units = 1"), "unknown key 'units'"),
        (("mirrored = true", "mirror = true"), "unknown key 'mirror'"),
        (("[0, 0, 406, 168]", "[0, 0, 406]"), r"expected 4 whole numbers in 'region' of \[views.side\]"),
        (("[0, 0, 406, 168]", "[0, 0, 406.5, 168]"), "expected 4 whole numbers"),
        (("[0, 0, 406, 168]", "[-1, 0, 406, 168]"), "part of the frame"),
        (("[0, 0, 406, 168]", "[0, 0, 0, 168]"), "part of the frame"),
        (('"{}_top"', '"_top"'), r"pattern with one \{\}"),
        (('"{}_top"', '"{}_{}"'), r"pattern with one \{\}"),
        (('"{}_top"', "3"), r"pattern with one \{\}"),
        (('"nose_bot"', "3"), r"pattern with one \{\}"),
        (('["tailBase", "tailMid", 25.0]', '["tailBase", 25.0]'), "two keypoints and their distance"),
        (('["tailBase", "tailMid", 25.0]', '["a", "a", 25.0]'), "two keypoints and their distance"),
        (('["tailBase", "tailMid", 25.0]', '["a", "b", -1]'), "two keypoints and their distance"),
        (("[views.below]", "[elsewhere]"), "unknown key 'elsewhere'"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    assert change[0] in GOOD
    with pytest.raises(FormatError, match=message):
        read(written(tmp_path, GOOD.replace(*change)))


def test_one_view_is_not_enough(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"two or more tables \[views.NAME\]"):
        read(written(tmp_path, "[views.a]\nregion = [0, 0, 9, 9]\n"))
    with pytest.raises(FormatError, match="cannot read"):
        read(tmp_path / "none.toml")


def test_a_length_that_is_none() -> None:
    assert known_length(("a", "b", "3"), "x") == KnownLength("a", "b", 3.0)
    for value in (None, 3, ["a", "b", "long"], ["a", "b", float("nan")]):
        with pytest.raises(FormatError, match="known_length of here"):
            known_length(value, "here")
