"""Settings: frozen classes, loaded strictly. An unknown key is an error with a "did you mean".

A group of settings is a pydantic class beside the code that uses it (`TrainSettings`, `AnalyzeSettings`, ...).
On the command line every one of them is reachable as `--set group.key=value`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from markerless.errors import SettingsError


class Settings(BaseModel):
    """Base of every group of settings: frozen, strict about names, values checked."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, arbitrary_types_allowed=False)


S = TypeVar("S", bound=Settings)


def load(group: str, cls: type[S], values: Mapping[str, Any]) -> S:
    """Build `cls` from `values`, refusing unknown keys and impossible values in one line.

    Args:
        group: Name of the group, as in `--set group.key=value`.
        cls: The settings class.
        values: Key -> value; text is converted to the type of the field.

    Raises:
        SettingsError: unknown key (with a suggestion) or a value that does not fit.
    """
    for key in values:
        if key not in cls.model_fields:
            raise SettingsError(_unknown(f"{group}.{key}", [f"{group}.{name}" for name in cls.model_fields]))
    try:
        return cls(**values)
    except ValidationError as error:
        first = error.errors()[0]
        says = first["msg"].removeprefix("Value error, ")  # which pydantic puts before our own words
        if not first["loc"]:  # of several settings together
            raise SettingsError(f"settings of {group}: {says}") from None
        where = ".".join(str(part) for part in (group, *first["loc"]))
        raise SettingsError(f"setting {where}: {says}, got {first.get('input')!r}") from None


def parse_assignments(assignments: Sequence[str], groups: Mapping[str, type[Settings]]) -> dict[str, dict[str, str]]:
    """Sort `group.key=value` texts by group.

    Args:
        assignments: What the user typed after `--set`.
        groups: Group name -> settings class; keys are checked against it.

    Returns:
        Group -> key -> text, for `load`. Every group is present.

    Raises:
        SettingsError: no `=`, or an unknown key (with a suggestion).
    """
    known = [f"{group}.{key}" for group, cls in groups.items() for key in cls.model_fields]
    values: dict[str, dict[str, str]] = {group: {} for group in groups}
    for text in assignments:
        name, equals, value = text.partition("=")
        if not equals:
            raise SettingsError(f"--set expects key=value, got '{text}'; for example --set train.steps=500")
        if name not in known:
            raise SettingsError(_unknown(name, known))
        group, _, key = name.partition(".")
        values[group][key] = value
    return values


def _unknown(name: str, known: Sequence[str]) -> str:
    close = get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"did you mean '{close[0]}'?" if close else f"known settings: {', '.join(known)}"
    return f"unknown setting '{name}'; {hint}"
