"""A merge is made as a whole or not at all, wherever it is interrupted."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from markerless.formats import dlc_labels
from markerless.pipeline.merge import merge
from markerless.project import Project, staged
from merged import add_film, contents, empty_study, label, moved

MERGE = """
import sys
from markerless.pipeline.merge import merge
merge(sys.argv[1], [sys.argv[2]])  # what is imported late is there
print("ready", flush=True)
for place in sys.argv[3:]:
    merge(place, [sys.argv[2]])
"""


@pytest.fixture
def studies(tmp_path: Path) -> tuple[Path, Path]:
    """A study, and one with another keypoint, a new video and conflicts that is merged into it."""
    ann = empty_study(tmp_path / "one", "mouse", "Ann")
    add_film(ann, "day one.mp4", 1)
    label(ann, "day one", range(4))
    bo = empty_study(tmp_path / "two", "mouse", "Ann", ("nose", "left ear", "right ear", "tail"))
    add_film(bo, "x.mp4", 1)
    add_film(bo, "day two.mp4", 2)
    label(bo, "x", range(2, 6), place=moved(3))
    label(bo, "day two", range(3), film=2)
    return ann.root, bo.root


def state(root: Path) -> dict[str, bytes]:
    """Everything of a study, without when and where it was made."""
    found = {
        name: data for name, data in contents(root).items() if "/." not in f"/{name}"
    }  # no leftovers of killed programs
    for name in [name for name in found if name.startswith("journal/")]:
        lines = found.pop(name).decode("utf-8").splitlines()
        found[name] = "\n".join(dict.fromkeys(line.partition('"who"')[2] for line in lines if line)).encode("utf-8")
    for name in [name for name in found if name.endswith(".h5")]:  # h5 files hold when they were made
        labels = dlc_labels.read(root / name)
        found[name] = repr((labels.images, labels.skeleton, labels.xy().tolist())).encode("utf-8")
    return {name: text.replace(str(root).encode("utf-8"), b"ROOT") for name, text in found.items()}


def _unlike(one: dict[str, bytes], other: dict[str, bytes]) -> list[str]:
    """Names of the files that differ, or that only one has."""
    return [name for name in {**one, **other} if one.get(name) != other.get(name)]


def test_interrupted_at_every_file_it_is_finished_when_the_study_is_opened(
    studies: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann, bo = studies
    old = state(shutil.copytree(ann, tmp_path / "old"))
    whole = shutil.copytree(ann, tmp_path / "whole")
    merge(whole, [bo])
    new = state(whole)
    assert old.keys() < new.keys() and {"config.yaml", "merge-conflicts.csv"} <= {
        name for name in new if new[name] != old.get(name)
    }
    steps = [(staged, name) for name in ("_replace", "_append", "_remove")] + [(staged, "_sync")]
    n_calls, at = 0, 0
    real = {name: getattr(module, name) for module, name in steps}

    def stopping(name: str) -> Callable[..., object]:
        def call(*given: object) -> object:
            nonlocal n_calls
            n_calls += 1
            if n_calls == at:
                raise KeyboardInterrupt
            return real[name](*given)

        return call

    for module, name in steps:
        monkeypatch.setattr(module, name, stopping(name))
    seen = set()
    for at in range(1, 90, 5):
        place, n_calls = shutil.copytree(ann, tmp_path / f"try {at}"), 0
        try:
            merge(place, [bo])
        except KeyboardInterrupt:
            pass
        else:
            break
        n_calls = -1000
        Project(place)
        found = state(place)
        assert _unlike(found, old) == [] or _unlike(found, new) == []
        seen.add(found == new)
    assert at > 25 and seen == {False, True}


@pytest.mark.slow
def test_killed_at_random_moments_everything_is_old_or_new(studies: tuple[Path, Path], tmp_path: Path) -> None:
    ann, bo = studies
    old = state(shutil.copytree(ann, tmp_path / "old"))
    whole = shutil.copytree(ann, tmp_path / "whole")
    merge(whole, [bo])
    merge(shutil.copytree(ann, tmp_path / "late imports"), [bo])
    began = time.monotonic()
    merge(shutil.copytree(ann, tmp_path / "timed"), [bo])
    takes_s, new = time.monotonic() - began, state(whole)
    theirs, pause, states = contents(bo), random.Random(0), []
    for trial in range(5):
        places = [shutil.copytree(ann, tmp_path / f"{trial} {k}") for k in range(3)]
        command = [sys.executable, "-c", MERGE, str(shutil.copytree(ann, tmp_path / f"{trial}")), str(bo)]
        environment = {**os.environ, "TMPDIR": str(tmp_path)}  # what a killed one leaves goes with the test
        process = subprocess.Popen([*command, *map(str, places)], stdout=subprocess.PIPE, env=environment)
        assert process.stdout is not None and process.stdout.readline() == b"ready\n"
        time.sleep(pause.uniform(0, 3 * takes_s))
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        for place in places:
            Project(place)
            found = state(place)
            assert _unlike(found, old) == [] or _unlike(found, new) == []
            states.append(found == new)
            merge(place, [bo])  # and the next one can go on
            assert state(place) == new
    assert set(states) == {True, False} and contents(bo) == theirs
