"""Nothing that was acknowledged is lost, and nothing is taken twice, however often the server is killed."""

from __future__ import annotations

import itertools
import random
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest

from app_server import Server, start
from made_study import MadeStudy
from markerless.project import Project, clicks, journal

N_CHANGES, N_KILLS, BATCH = 200, 20, 5


class Client:
    """Sends changes as the page does: what was not acknowledged is sent again under the same id."""

    def __init__(self, folder: Path, study: MadeStudy) -> None:
        folder.mkdir(exist_ok=True)
        self.folder, self.study = folder, study
        self.server = start(folder, study.root)
        self.known: dict[tuple[str, str], dict[str, Any]] = {}

    def send(self, changes: list[dict[str, Any]]) -> list[str] | None:
        """What became of them; None when the server died before it answered."""
        base = f"http://127.0.0.1:{self.server.port}/api/projects"
        headers = {"Authorization": f"Bearer {self.server.token}"}
        try:
            with httpx.Client(headers=headers, timeout=20) as http:
                key = http.get(base.replace("/projects", "/session")).json()["first"]
                answer = http.post(f"{base}/{key}/labels/cage1/changes", json={"who": "Ann", "changes": changes})
        except httpx.TransportError:
            return None
        assert answer.status_code == 200, answer.text
        return [outcome["state"] for outcome in answer.json()["outcomes"]]

    def restart(self) -> None:
        self.server.kill()
        self.server = start(self.folder, self.study.root)


def changes_of(study: MadeStudy) -> list[dict[str, Any]]:
    """200 changes of 72 points, each from where the one before put it."""
    names = study.project.skeleton.keypoints
    points = itertools.cycle(itertools.product(study.labeled, range(len(names))))
    place = {(i, k): study.truth[i, k].tolist() for i in study.labeled for k in range(len(names))}
    changes = []
    for number, (i, k) in zip(range(N_CHANGES), points, strict=False):
        to = [number + 0.123456789, 7.5]
        changes.append(
            {
                "id": f"change-{number}",
                "picture": f"img{i:02d}.png",
                "individual": "individual_0",
                "keypoint": names[k],
                "was": {"xy": place[i, k], "visibility": 2},
                "to": {"xy": to, "visibility": 2},
            }
        )
        place[i, k] = to
    return changes


def kill_soon(server: Server, delay_s: float) -> threading.Timer:
    timer = threading.Timer(delay_s, server.process.kill)
    timer.start()
    return timer


@pytest.mark.slow
def test_every_change_is_there_once_after_twenty_kills(study: MadeStudy, tmp_path: Path) -> None:
    client, rng = Client(tmp_path, study), random.Random(0)
    changes = changes_of(study)
    batches = [changes[i : i + BATCH] for i in range(0, N_CHANGES, BATCH)]
    to_kill = set(range(0, 2 * N_KILLS, 2))
    n_kills = n_again = 0
    for number, batch in enumerate(batches):
        timer = kill_soon(client.server, rng.uniform(0.0, 0.03)) if number in to_kill else None
        states = client.send(batch)
        if timer is not None:
            timer.join()
            client.restart()
            n_kills += 1
        while states is None:
            n_again += 1
            states = client.send(batch)
        assert set(states) <= {"done", "already there"}
    client.server.kill()  # without a chance to write the tables

    assert n_kills == N_KILLS
    assert n_again > 0, "no kill hit a request; the test has shown nothing"
    entries = list(journal.read(study.project.journal_of("cage1")))
    assert [entry["id"] for entry in entries if clicks.is_click(entry)] == [change["id"] for change in changes]
    expected = {(c["picture"], c["keypoint"]): c["to"]["xy"] for c in changes}
    project = Project(study.root)
    for frame in project.labels().frames:
        for k, name in enumerate(project.skeleton.keypoints):
            xy = expected[frame.image.rpartition("/")[2], name]
            assert frame.instances[0].xy[k].tolist() == xy
    print(f"{n_kills} kills, {n_again} batches sent again, {len(expected)} points, {N_CHANGES} of {N_CHANGES} changes")


@pytest.mark.slow
def test_two_servers_take_every_change_once(study: MadeStudy, tmp_path: Path) -> None:
    """Both servers of one project are sent the same changes at the same time; each is taken by one of them."""
    clients = [Client(tmp_path / name, study) for name in ("one", "two")]
    changes = changes_of(study)[:60]
    states: list[list[str]] = [[], []]

    def work(number: int) -> None:
        for i in range(0, len(changes), BATCH):
            states[number] += clients[number].send(changes[i : i + BATCH]) or ["lost"]

    people = [threading.Thread(target=work, args=(number,)) for number in range(2)]
    for person in people:
        person.start()
    for person in people:
        person.join()
    for client in clients:
        client.server.kill()
    entries = list(journal.read(study.project.journal_of("cage1")))
    assert [entry["id"] for entry in entries if clicks.is_click(entry)] == [change["id"] for change in changes]
    assert [sorted(pair) for pair in zip(*states, strict=True)] == [["already there", "done"]] * len(changes)
