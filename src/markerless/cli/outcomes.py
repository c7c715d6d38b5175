"""What verbs say that act on several files: each outcome, which of them failed, what was written, the exit code."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import click

from markerless.cli import options

USER_ERROR = 2


class Outcome(Protocol):
    """What became of one file."""

    @property
    def error(self) -> str:
        """Why it failed, "" when it did not."""


T = TypeVar("T", bound=Outcome)


@dataclass(frozen=True)
class Words(Generic[T]):
    """How a verb speaks of its outcomes.

    Attributes:
        key: Their name in JSON: `{key: [...]}`.
        plain: An outcome for JSON.
        name: What the outcome is of.
        show: Prints what came of it; prints nothing where nothing did.
        written: The files to be named in the last line.
    """

    key: str
    plain: Callable[[T], dict[str, Any]]
    name: Callable[[T], str]
    show: Callable[[T], None]
    written: Callable[[T], Iterable[Path]]


def tell(outcomes: Sequence[T], words: Words[T], as_json: bool) -> int:
    """Print all outcomes, failures on stderr; the exit code, which tells of any failure."""
    if as_json:
        options.echo_json({words.key: [words.plain(outcome) for outcome in outcomes]})
    else:
        for outcome in outcomes:
            words.show(outcome)
            if outcome.error:
                click.echo(f"failed: {words.name(outcome)}: {outcome.error}", err=True)
        written = [path for outcome in outcomes for path in words.written(outcome)]
        if written:
            options.echo_written(*written)
    return USER_ERROR if any(outcome.error for outcome in outcomes) else 0
