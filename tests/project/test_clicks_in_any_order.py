"""Clicks of two people, saves, kills and other programs in any order: everybody knows the same, nothing is lost."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clicking import (
    IDS,
    NEW,
    NEW_IMAGE,
    ONE,
    book_of,
    change,
    in_tables,
    known_to_book,
    known_to_project,
    moved,
    with_new_picture,
    write_from_outside,
)
from made_study import MadeStudy, make_study
from markerless.core.instance import Visibility
from markerless.core.labels import LabeledFrame, Labels
from markerless.project import clicks, journal
from markerless.project.label_book import PointChange


class World:
    """Two people, a program from outside, tables that are written now and then; and what must always be true."""

    def __init__(self, study: MadeStudy) -> None:
        self.study = study
        self.books = [book_of(study), book_of(study)]
        self.names = study.project.skeleton.keypoints
        self.pictures = ("img00.png", NEW)
        self.acknowledged: dict[journal.Key, tuple[Any, int]] = {}
        self.sent: list[tuple[int, PointChange]] = []
        self.seen: list[dict[journal.Key, tuple[Any, int]]] = [{}, {}]

    def key(self, point: int) -> tuple[str, str]:
        picture, k = divmod(point, 2)
        return self.pictures[picture], self.names[k]

    def click(self, who: int, point: int, x: int, visibility: int) -> None:
        picture, keypoint = self.key(point)
        to = (x + 0.1, 7.3) if visibility in (1, 2) else None
        made = change(self.books[who], to, visibility, picture=picture, keypoint=keypoint)
        (outcome,) = self.books[who].apply([made], "AB"[who])
        assert outcome.state == "done"  # the book had looked just before
        self.sent.append((who, made))
        self.acknowledged[f"labeled-data/cage1/{picture}", ONE, keypoint] = (to, visibility)

    def click_late(self, who: int, point: int, x: int, visibility: int) -> None:
        """Click on a point that may have changed since this person saw it."""
        picture, keypoint = self.key(point)
        key = (f"labeled-data/cage1/{picture}", ONE, keypoint)
        truth = known_to_book(self.books[who], wholly_absent=True).get(key, (None, 0))
        was = self.seen[who].get(key, truth)
        late = PointChange(
            f"p{next(IDS)}", picture, ONE, keypoint, (was[0], Visibility(was[1])), (x + 0.6, 5), Visibility.VISIBLE
        )
        (outcome,) = self.books[who].apply([late], "AB"[who])
        assert outcome.state == ("done" if was == truth else "conflict")
        if outcome.state == "done":
            self.acknowledged[key] = ((x + 0.6, 5.0), 2)
        assert (outcome.now.to, outcome.now.visibility) == self.acknowledged.get(key, truth)
        self.seen[who][key] = (outcome.now.to, int(outcome.now.visibility))

    def send_again(self, who: int, point: int, x: int, visibility: int) -> None:
        if self.sent:
            other, made = self.sent[x % len(self.sent)]
            (outcome,) = self.books[who].apply([made], "AB"[other])
            assert outcome.state == "already there"

    def flush(self, who: int, point: int, x: int, visibility: int) -> None:
        self.books[who].flush()

    def restart(self, who: int, point: int, x: int, visibility: int) -> None:
        self.books[who] = book_of(self.study)

    def write_all(self, who: int, point: int, x: int, visibility: int) -> None:
        project = self.study.project
        labels = project.labels_of("cage1")
        image = f"labeled-data/cage1/{self.pictures[0]}"
        if image in labels.images and labels.select([image]).frames[0].instances:
            k = point % 2
            labels = moved_keeping_the_rest(labels, self.pictures[0], k, (x + 0.5, 9))
            self.acknowledged[image, ONE, self.names[k]] = ((x + 0.5, 9), 2)
        project.write_labels("cage1", labels, who="C")

    def outside(self, who: int, point: int, x: int, visibility: int) -> None:
        """Another program moves a point that nobody clicks on."""
        tables = in_tables(self.study)
        write_from_outside(self.study, moved(tables, "img02.png", point % 2, (x + 0.25, 3)))
        self.acknowledged["labeled-data/cage1/img02.png", ONE, self.names[point % 2]] = ((x + 0.25, 3), 2)

    def check(self) -> None:
        known = known_to_project(self.study)
        fresh = book_of(self.study)
        assert known_to_book(fresh) == known
        for book in self.books:
            assert known_to_book(book) == known
        everything = known_to_book(fresh, wholly_absent=True)
        for key, (to, visibility) in self.acknowledged.items():
            assert everything.get(key, (None, 0)) == (to, visibility)


def moved_keeping_the_rest(labels: Labels, picture: str, k: int, xy: tuple[float, float]) -> Labels:
    frames: list[LabeledFrame] = []
    for frame in labels.frames:
        if frame.image.endswith(picture):
            (old,) = frame.instances
            points, seen, score = old.xy.copy(), old.visibility.copy(), old.score.copy()
            points[k], seen[k], score[k] = xy, Visibility.VISIBLE, 1.0
            frame = replace(frame, instances=(replace(old, xy=points, visibility=seen, score=score),))
        frames.append(frame)
    return replace(labels, frames=tuple(frames))


STEPS: Mapping[str, Callable[..., None]] = {
    "click": World.click,
    "click late": World.click_late,
    "send again": World.send_again,
    "flush": World.flush,
    "restart": World.restart,
    "write all": World.write_all,
    "outside": World.outside,
}
N_KILLS = 20
step = st.tuples(
    st.sampled_from(list(STEPS)), st.integers(0, 1), st.integers(0, 3), st.integers(0, 200), st.integers(0, 3)
)


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> MadeStudy:
    return with_new_picture(make_study(tmp_path_factory.mktemp("pristine"), n_frames=3, n_labeled=3))


@settings(max_examples=15, deadline=None)
@given(st.lists(step, max_size=14))
def test_everybody_knows_the_same_and_everything_acknowledged(
    pristine: MadeStudy, tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int, int, int, int]]
) -> None:
    root = shutil.copytree(pristine.root, tmp_path_factory.mktemp("world") / "mouse")
    world = World(replace(pristine, root=root))
    for name, who, point, x, visibility in steps:
        STEPS[name](world, who, point, x, visibility)
        world.check()


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_twenty_kills_while_tables_are_written_lose_nothing(tmp_path: Path) -> None:
    """A writer that saves the tables after every click is killed at random moments, most of them during a save."""
    study = with_new_picture(make_study(tmp_path, n_frames=8, n_labeled=4))
    names = study.project.skeleton.keypoints
    n_changes, rng = 5 * N_KILLS, np.random.default_rng(1)
    acknowledged, n_half = 0, 0
    for life in range(N_KILLS + 1):
        until = acknowledged + 5 if life < N_KILLS else n_changes  # so that there is something left to do at every kill
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:  # the process that will be killed; sends what is not acknowledged again under the same id
            try:
                book = book_of(study)
                for number in range(acknowledged, until):
                    made = change(book, (number + 0.1, 7.3), keypoint=names[number % len(names)], id=f"change-{number}")
                    assert book.apply([made], "Ann")[0].state in ("done", "already there")
                    os.write(writing, b".")
                    book.flush()
            finally:
                os._exit(0)
        os.close(writing)
        if life < N_KILLS:
            acknowledged += len(os.read(reading, 1))
            time.sleep(rng.uniform(0.0, 0.12))
            os.kill(child, signal.SIGKILL)
        while said := os.read(reading, 1000):
            acknowledged += len(said)
        os.close(reading)
        os.waitpid(child, 0)
        n_half += len(clicks.split_saved(journal.read(study.project.journal_of("cage1")))[1])
        numbers = [int(e["id"][7:]) for e in journal.read(study.project.journal_of("cage1")) if clicks.is_click(e)]
        assert numbers == list(range(len(numbers))) and len(numbers) in (acknowledged, acknowledged + 1)
        last = {names[number % len(names)]: (number + 0.1, 7.3) for number in numbers}
        known = known_to_project(study)
        assert {name: known[NEW_IMAGE, ONE, name][0] for name in last} == last
    assert acknowledged == n_changes
    assert n_half > 0, "no kill hit a save; the test has shown nothing"
    study.project.save_clicks("cage1")
    frame = in_tables(study).select([NEW_IMAGE]).frames[0].instances[0]
    expected = {names[number % len(names)]: [number + 0.1, 7.3] for number in range(n_changes)}
    assert {name: frame.xy[k].tolist() for k, name in enumerate(names)} == expected
