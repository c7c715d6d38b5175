"""How long-running work tells whoever started it where it stands, without knowing who listens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class Progress(Protocol):
    """Receives progress; the command line draws a bar on stderr, a notebook may ignore it."""

    def __call__(self, done: int, total: int, message: str) -> None:
        """`done` of `total` units are finished; `message` is a short text such as "loss 0.12"."""


def silent(done: int, total: int, message: str) -> None:
    """Ignores progress."""


Bar = Callable[[str, str], AbstractContextManager[Progress]]  # opens a progress bar for a stage, given title and unit


@contextmanager
def no_bar(title: str, unit: str) -> Iterator[Progress]:
    """Shows nothing."""
    yield silent
