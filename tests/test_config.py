"""Settings are loaded strictly, and errors say what to type instead."""

from __future__ import annotations

import pytest
from pydantic import Field, ValidationError

from markerless.config import Settings, load, parse_assignments
from markerless.errors import SettingsError


class Cooking(Settings):
    minutes: int = Field(default=10, ge=1)
    heat: float = 0.5
    covered: bool = False


class Table(Settings):
    seats: int = 4


GROUPS: dict[str, type[Settings]] = {"cooking": Cooking, "table": Table}


def test_text_becomes_the_type_of_the_field() -> None:
    assert load("cooking", Cooking, {"minutes": "12", "heat": "1e-2", "covered": "true"}) == Cooking(
        minutes=12, heat=0.01, covered=True
    )


def test_defaults_stay() -> None:
    assert load("cooking", Cooking, {}) == Cooking()


def test_an_unknown_key_is_refused_with_a_suggestion() -> None:
    with pytest.raises(SettingsError, match=r"unknown setting 'cooking.minuts'; did you mean 'cooking.minutes'\?"):
        load("cooking", Cooking, {"minuts": 3})


@pytest.mark.parametrize(("value", "shown"), [("0", "'0'"), ("soon", "'soon'"), ("1.5", "'1.5'")])
def test_an_impossible_value_is_one_line_with_the_value(value: str, shown: str) -> None:
    with pytest.raises(SettingsError, match=r"setting cooking\.minutes: ") as caught:
        load("cooking", Cooking, {"minutes": value})
    assert shown in str(caught.value)
    assert "\n" not in str(caught.value)


def test_settings_are_frozen() -> None:
    name = "minutes"  # a variable, as type checkers refuse the plain assignment too
    with pytest.raises(ValidationError):
        setattr(Cooking(), name, 3)


def test_assignments_are_sorted_by_group() -> None:
    values = parse_assignments(["cooking.minutes=3", "table.seats=2", "cooking.heat=0.1"], GROUPS)
    assert values == {"cooking": {"minutes": "3", "heat": "0.1"}, "table": {"seats": "2"}}


def test_every_group_is_present_and_the_last_value_wins() -> None:
    assert parse_assignments(["table.seats=2", "table.seats=3"], GROUPS) == {"cooking": {}, "table": {"seats": "3"}}


def test_a_value_may_hold_an_equals_sign() -> None:
    assert parse_assignments(["table.seats=a=b"], GROUPS)["table"] == {"seats": "a=b"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("table.seats", "--set expects key=value, got 'table.seats'"),
        ("table.seat=3", "did you mean 'table.seats'"),
        ("seats=3", "did you mean 'table.seats'"),
        ("zzz=3", "known settings: cooking.minutes, cooking.heat, cooking.covered, table.seats"),
    ],
)
def test_assignments_that_cannot_be_read(text: str, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse_assignments([text], GROUPS)
    assert message in str(caught.value)
