"""Questions that take long: worked out once, told when asked again, ended with the server."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from markerless.core.progress import Progress
from markerless.errors import SettingsError
from markerless.server import slow_answers
from markerless.server.slow_answers import SlowAnswer, SlowAnswers, as_json

SOON_S = 10.0


@pytest.fixture
def answers() -> Iterator[SlowAnswers]:
    kept = SlowAnswers()
    yield kept
    kept.close()


def until_over(answers: SlowAnswers, key: str, work: slow_answers.Work) -> SlowAnswer:
    """Ask until it is done or failed."""
    until = time.monotonic() + SOON_S
    while time.monotonic() < until:
        answer = answers.ask(key, work)
        if answer.state in ("done", "failed"):
            return answer
        time.sleep(0.005)
    raise AssertionError("no answer")


def test_a_question_is_worked_out_once(answers: SlowAnswers) -> None:
    calls: list[int] = []

    def work(progress: Progress) -> int:
        calls.append(1)
        progress(3, 4, "")
        return 42

    assert answers.found("a") is None
    answer = until_over(answers, "a", work)
    assert (answer.result(), answer.done, answer.total) == (42, 3, 4)
    assert as_json(answers.ask("a", work), str) == {"state": "done", "done": 3, "total": 4, "value": "42"}
    assert answers.found("a") == 42
    assert calls == [1]


def test_the_page_hears_how_far_it_is(answers: SlowAnswers) -> None:
    go = threading.Event()

    def work(progress: Progress) -> int:
        progress(1, 2, "")
        go.wait(SOON_S)
        return 1

    answers.ask("a", work)
    until = time.monotonic() + SOON_S
    while answers.ask("a", work).done != 1 and time.monotonic() < until:
        time.sleep(0.005)
    assert as_json(answers.ask("a", work), str) == {"state": "running", "done": 1, "total": 2, "value": None}
    assert as_json(answers.ask("b", work))["state"] == "waiting"
    go.set()
    assert until_over(answers, "b", work).value == 1


def test_a_failure_is_told_once_and_then_tried_again(answers: SlowAnswers) -> None:
    results = [SettingsError("no such thing"), None]

    def work(_progress: Progress) -> int:
        error = results.pop(0)
        if error is not None:
            raise error
        return 7

    with pytest.raises(SettingsError, match="no such thing"):
        until_over(answers, "a", work).result()
    assert until_over(answers, "a", work).result() == 7


def test_a_bug_does_not_end_the_thread(answers: SlowAnswers) -> None:
    with pytest.raises(ZeroDivisionError):
        until_over(answers, "a", lambda _progress: 1 // 0).result()
    assert until_over(answers, "b", lambda _progress: 5).result() == 5


def test_old_answers_are_forgotten(answers: SlowAnswers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slow_answers, "MOST_KEPT", 2)
    for key in "abc":
        until_over(answers, key, lambda _progress: 1)
    assert [answers.found(key) for key in "abc"] == [None, 1, 1]


def test_closing_ends_what_is_being_done() -> None:
    answers, begun = SlowAnswers(), threading.Event()

    def work(progress: Progress) -> int:
        begun.set()
        while True:
            progress(0, 1, "")
            time.sleep(0.001)

    answers.ask("a", work)
    assert begun.wait(SOON_S)
    answers.close()
    assert answers.ask("a", work).state == "waiting"
