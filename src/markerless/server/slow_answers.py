"""Answers that take seconds: worked out in a thread while the page asks how far it is.

A question has a key that holds everything the answer depends on; whoever asks the same gets the same answer, and a
question about what has changed since is another one.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

from markerless.core.progress import Progress
from markerless.errors import MarkerlessError

LOG = logging.getLogger("markerless.server")
MOST_KEPT = 12

Work = Callable[[Progress], Any]


class _EndsError(Exception):
    """The server stops."""


@dataclass
class SlowAnswer:
    """A question and what became of it.

    Attributes:
        work: Finds the answer.
        state: "waiting", "running", "done" or "failed".
        done: How far it is, of `total`.
        total: 0 while not known.
        value: The answer, once it is there.
        error: Why there is none, when it failed: the user's, or a bug's.
    """

    work: Work
    state: str = "waiting"
    done: int = 0
    total: int = 0
    value: Any = None
    error: Exception | None = None

    def result(self) -> Any:
        """The answer, None while there is none.

        Raises:
            MarkerlessError: what made it fail.
        """
        if self.error is not None:
            raise self.error
        return self.value


def as_json(answer: SlowAnswer, shown: Callable[[Any], Any] | None = None) -> dict[str, Any]:
    """A question for the page: how far it is, and the answer as `shown` makes it.

    Raises:
        MarkerlessError: what made it fail.
    """
    state = answer.state  # before the value, which is there first
    value = answer.result() if state in ("done", "failed") else None
    if value is not None and shown is not None:
        value = shown(value)
    return {"state": state, "done": answer.done, "total": answer.total, "value": value}


class SlowAnswers:
    """See the module; one question at a time, as each of them takes all cores. Safe to use from several threads."""

    def __init__(self) -> None:
        self._answers: OrderedDict[Hashable, SlowAnswer] = OrderedDict()
        self._changed = threading.Condition()
        self._ends = False
        self._thread: threading.Thread | None = None

    def ask(self, key: Hashable, work: Work) -> SlowAnswer:
        """The answer to `key`, as far as it is; `work` finds it when it was not asked for yet.

        A question that failed is told once; whoever asks again has it worked out again.
        """
        with self._changed:
            answer = self._answers.get(key)
            if answer is None:
                answer = self._answers[key] = SlowAnswer(work)
                self._drop_oldest()
                if self._thread is None:
                    self._thread = threading.Thread(target=self._work, name="answers", daemon=True)
                    self._thread.start()
                self._changed.notify_all()
            self._answers.move_to_end(key)
            if answer.state == "failed":
                del self._answers[key]
            return answer

    def found(self, key: Hashable) -> Any:
        """The answer to `key` when it is there, else None."""
        with self._changed:
            answer = self._answers.get(key)
            return answer.value if answer is not None and answer.state == "done" else None

    def close(self) -> None:
        """End after the step that is being done."""
        with self._changed:
            self._ends = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()

    def _work(self) -> None:
        while True:
            with self._changed:
                waiting = [answer for answer in self._answers.values() if answer.state == "waiting"]
                while not waiting:
                    if self._ends:
                        return
                    self._changed.wait()
                    waiting = [answer for answer in self._answers.values() if answer.state == "waiting"]
                if self._ends:
                    return
                answer = waiting[-1]  # what was asked for last is what somebody looks at
                answer.state = "running"
            self._find(answer)

    def _find(self, answer: SlowAnswer) -> None:
        def progress(done: int, total: int, message: str) -> None:
            answer.done, answer.total = done, total
            if self._ends:
                raise _EndsError

        try:
            answer.value = answer.work(progress)
            answer.state = "done"
        except _EndsError:
            answer.state = "waiting"
        except MarkerlessError as error:
            answer.error, answer.state = error, "failed"
        except Exception as error:
            LOG.error("while finding an answer", exc_info=error)
            answer.error, answer.state = error, "failed"

    def _drop_oldest(self) -> None:
        """Forget the oldest answers; those that are being worked on stay."""
        for key in list(self._answers)[:-1]:
            if len(self._answers) <= MOST_KEPT:
                return
            if self._answers[key].state not in ("running", "waiting"):
                del self._answers[key]
