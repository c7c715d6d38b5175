from __future__ import annotations

import pytest

from markerless.config import load
from markerless.errors import SettingsError
from markerless.pipeline.analyze_settings import AnalyzeSettings


@pytest.mark.parametrize(
    ("region", "size"),
    [
        ("auto", None),
        ("on", None),
        ("off", None),
        ("192", (192, 192)),
        ("192x160", (192, 160)),
        ("10x9999", (10, 9999)),
    ],
)
def test_a_region_is_chosen_or_given_in_pixels(region: str, size: tuple[int, int] | None) -> None:
    settings = load("analyze", AnalyzeSettings, {"region": region})
    assert settings.region == region
    assert settings.region_size == size


@pytest.mark.parametrize(
    "region", ["", "yes", "ON", "192x", "x160", "192x160x3", "192X160", "9", "0100", "10000", "-64", "64.5", "on192"]
)
def test_what_is_no_region_is_one_line(region: str) -> None:
    with pytest.raises(SettingsError, match=r"setting analyze\.region: .*auto, on, off or a size in pixels") as told:
        load("analyze", AnalyzeSettings, {"region": region})
    assert "\n" not in str(told.value)
    assert repr(region) in str(told.value)


def test_it_is_chosen_unless_said_otherwise() -> None:
    assert AnalyzeSettings().region == "auto"
