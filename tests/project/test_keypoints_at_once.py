"""Keypoints change while other processes click, and while the process that changes them is killed."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from markerless.core.instance import Visibility
from markerless.formats import dlc_labels
from markerless.project import Project, journal, staged
from markerless.project.keypoints import change_keypoints, plan
from markerless.project.label_book import LabelBook

VIDEO = "day one"
SWAP = """
import sys
from markerless.project import Project
from markerless.project.keypoints import change_keypoints, plan
for k in range(1000):
    if k == 1:  # what is imported late is there
        print("ready", flush=True)
    study = Project(sys.argv[1])
    change_keypoints(study, plan(study, rename={"nose": "tail", "tail": "nose"}))
"""
CLICK = """
import sys, time
from pathlib import Path
from markerless.core.instance import Visibility
from markerless.errors import MarkerlessError
from markerless.project import Project
from markerless.project.label_book import LabelBook, PointChange
root, who, stop = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
n = 0
print("ready", flush=True)
while not stop.exists():
    book = LabelBook(Project(root), "day one")
    for _ in range(5):  # on names that may be old by then
        for picture in ("img00.png", "img01.png"):
            now = book.frame(picture).get("individual_0", {})["left ear"]
            n += 1
            to = (float(n % 60), 5.0)
            change = PointChange(f"{who}{n}", picture, "individual_0", "left ear", (now.to, now.visibility), to,
                                 Visibility.OCCLUDED)
            try:
                outcome, = book.apply([change], who)
            except MarkerlessError as error:
                assert "open it again" in str(error), error
                book = LabelBook(Project(root), "day one")
                continue
            if outcome.state == "done":
                print(change.id, flush=True)
        time.sleep(0.01)
    try:
        book.flush()
    except MarkerlessError as error:
        assert "open it again" in str(error), error
"""


def started(script: str, *args: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", script, *map(str, args)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    return process


@pytest.mark.slow
def test_names_are_exchanged_again_and_again_while_two_processes_click(study: Project, tmp_path: Path) -> None:
    before = {name: study.labels().xy()[:, 0, k].tolist() for k, name in enumerate(study.skeleton.keypoints)}
    stop = tmp_path / "stop"
    clicking = [started(CLICK, study.root, who, stop) for who in ("Ann", "Bo")]
    try:
        for _ in range(7):  # an odd number
            change_keypoints(Project(study.root), plan(Project(study.root), rename={"nose": "tail", "tail": "nose"}))
    finally:
        stop.touch()
        told = [process.communicate(timeout=60) for process in clicking]
    assert [process.returncode for process in clicking] == [0, 0], told
    done = [line.split()[-1] for out, _ in told for line in out.splitlines()]
    kept = [str(entry["id"]) for entry in journal.read(study.journal_of(VIDEO)) if "id" in entry]
    assert len(done) > 10 and sorted(done) == sorted(kept)  # what was acknowledged is there, once
    after = Project(study.root)
    last = {str(entry["image"]): entry["to"] for entry in journal.read(study.journal_of(VIDEO)) if "id" in entry}
    for _ in range(2):  # from the journal, then from the tables
        now = {name: after.labels().xy()[:, 0, k].tolist() for k, name in enumerate(after.skeleton.keypoints)}
        assert (now["nose"], now["tail"], now["right ear"]) == (before["tail"], before["nose"], before["right ear"])
        assert now["left ear"][:2] == [last[f"labeled-data/{VIDEO}/img0{k}.png"] for k in range(2)]
        seen = [LabelBook(after, VIDEO).frame(f"img0{k}.png")["individual_0"]["left ear"].visibility for k in range(3)]
        assert seen == [Visibility.OCCLUDED, Visibility.OCCLUDED, Visibility.VISIBLE]
        after.save_clicks(VIDEO)


@pytest.mark.slow
def test_killed_thirty_times_at_random_moments_everything_is_old_or_new(study: Project, tmp_path: Path) -> None:
    first = study.labels().xy()[:, 0]
    pause = random.Random(0)
    for _ in range(2):  # the first time includes what is imported late
        began = time.monotonic()
        change_keypoints(Project(study.root), plan(Project(study.root), rename={"nose": "tail", "tail": "nose"}))
    takes_s = time.monotonic() - began
    n_unfinished, states = 0, set()
    for _ in range(30):
        process = started(SWAP, study.root)
        time.sleep(pause.uniform(0, 3 * takes_s))
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        n_unfinished += staged.is_under_way(study.root)
        found = Project(study.root)
        xy = found.labels().xy()[:, 0]
        states.add(found.skeleton.keypoints)
        np.testing.assert_array_equal(xy, first)  # names change places, points do not
        for path in (found.label_tables(VIDEO)[0].h5, found.label_tables(VIDEO)[0].csv):
            assert path is not None and dlc_labels.read(path).skeleton.keypoints == found.skeleton.keypoints
        book = LabelBook(found, VIDEO)
        for k in range(4):
            said = book.frame(f"img0{k}.png")["individual_0"]
            assert [list(said[name].to or ()) for name in found.skeleton.keypoints] == xy[k].tolist()
    names = ("nose", "left ear", "right ear", "tail")
    assert (
        states == {names, ("tail", "left ear", "right ear", "nose")} and n_unfinished > 2
    )  # else nothing was interrupted
    copied = shutil.copytree(study.root, tmp_path / "copied")
    assert Project(copied).labels().n_points == 16
