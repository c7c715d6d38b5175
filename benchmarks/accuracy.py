"""Trains on fixed splits of real studies and measures the test frames: a benchmark that cannot be fooled.

    python benchmarks/accuracy.py --out FOLDER [--quick] [--data ../shared/data]      # the whole protocol: 23 networks
    python benchmarks/accuracy.py openfield reaching --out FOLDER [--folds 0,1] [--minutes 10] [--set train.steps=400]
    python benchmarks/accuracy.py --out FOLDER --table [--commit HASH]                # only print what is there

The protocol: openfield in 5 folds with 10, 25 and all training frames, reaching and mirror-mouse in 3 folds, bees in
one light, and that network adapted to another light with 10 frames, measured in both lights before and after.
`--quick` takes two folds of each and 600 steps.

Every network is trained in a process of its own, so that its peak memory is its own. Resumable: what is there is not
trained again. A result is one JSON per commit, set, number of frames, fold and seed (and other settings); it holds the
evaluation, the error of every point, the run's settings, seconds and memory. It counts for the commit, the files of the
package and the settings that gave it, and for no others; `--commit HASH` also takes results of that commit. Seeds are
changed with `--set train.seed=1`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from accuracy_table import Result, tables
from markerless.core.storage import write_text
from markerless.errors import MarkerlessError, RunError, SettingsError
from markerless.project import Project, Run
from studies import QUICK_FOLDS, QUICK_STEPS, STUDIES, Code, Task, code_here, open_study, task_named, tasks_of

DATA = Path(os.environ.get("MARKERLESS_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
SHORTEST_HASH = 4
SAVING_S = 30.0  # that an interrupted training gets to write its checkpoint
DIGITS = 4  # of a pixel or a probability, in the files


@dataclass(frozen=True)
class Setup:
    """How networks are trained, and where results are kept.

    Attributes:
        out: Folder of results and of the projects they are trained in.
        data: Folder of the studies and of `splits/`.
        code: Which code gives results.
        minutes: Time budget of each training.
        assignments: Settings, "train.steps=400".
        also: Commit whose results count too; "" for none.
    """

    out: Path
    data: Path
    code: Code
    minutes: float | None = None
    assignments: tuple[str, ...] = ()
    also: str = ""

    @property
    def seed(self) -> int:
        given = [value for key, _, value in (text.partition("=") for text in self.assignments) if key == "train.seed"]
        return int(given[-1]) if given else 0

    @property
    def how(self) -> str:
        """Digest of everything that differs from the default, the seed left aside; "" for the default."""
        others = sorted(text for text in self.assignments if not text.startswith("train.seed="))
        if not others and self.minutes is None:
            return ""
        return hashlib.sha256(json.dumps([others, self.minutes]).encode()).hexdigest()[:6]

    def path(self, task: Task) -> Path:
        """Where the result of a task is written."""
        how = f"_{self.how}" if self.how else ""
        return self.out / f"{task.name}_seed{self.seed}_{self.code.commit}{how}.json"

    def run_name(self, task: Task) -> str:
        """Name of the run: another one for other code or settings, so that none is taken for another."""
        text = f"{task.name} {self.seed} {self.code.commit} {self.code.source} {self.how}"
        return f"f{task.fold}s{self.seed}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def stored(out: Path) -> list[Result]:
    """All results in a folder.

    Raises:
        RunError: one is damaged.
    """
    found = []
    for path in sorted(out.glob("*_fold*_seed*_*.json")):
        try:
            found.append(Result(json.loads(path.read_text(encoding="utf-8"))))
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise RunError(f"expected a result of this benchmark, got something else: {path}; delete it") from error
    return found


def find(task: Task, setup: Setup, results: Sequence[Result]) -> Result | None:
    """The result of a task by this code; else that of the commit which counts too."""
    same = [r for r in results if (r.name, r.seed, r.how) == (task.name, setup.seed, setup.how)]
    own = [r for r in same if (r.commit, r.source) == (setup.code.commit, setup.code.source)]
    others = [r for r in same if setup.also and is_commit(r.commit, setup.also)]
    return next(iter([*own, *others]), None)


def is_commit(commit: str, wanted: str) -> bool:
    """Whether a commit is the wanted one, either of them cut short; a changed tree only where it is asked for."""
    first, _, changed = commit.partition("-")
    second, _, asked = wanted.partition("-")
    same = first.startswith(second) or second.startswith(first)
    return same and changed == asked and min(len(first), len(second)) >= SHORTEST_HASH


def train_and_measure(task: Task, setup: Setup, start: Result | None = None) -> dict[str, Any]:
    """Train one network and measure it on its test frames, and where it adapts another one, that one as well.

    Args:
        task: What is trained.
        setup: How.
        start: Result of the network to start from.

    Returns:
        What is stored, in plain values.
    """
    from markerless import config
    from markerless.formats._split import read_split
    from markerless.pipeline.train import train
    from markerless.pipeline.training_plan import GROUPS, TrainRequest
    from markerless.runtime.machine import processor

    project = open_study(task.study, setup.data, setup.out / "studies")
    name, split = setup.run_name(task), setup.data / "splits" / task.split
    resumed = project.run_folder(name).exists()
    began = time.monotonic()
    request = TrainRequest(name, start.run if start else None, split)
    run = train(project, setup.minutes, request, config.parse_assignments(setup.assignments, GROUPS))
    train_s = time.monotonic() - began
    measured = {"test": measure(task, run, project, run.split)}
    if start is not None:
        before = project.run(start.run)
        first_split = setup.data / "splits" / STUDIES[start.study].splits[start.fold]
        first_light = {"test": read_split(first_split, project.labels().images)["test"]}
        measured["test, before"] = measure(task, before, project, {"test": run.split["test"]})
        measured[f"{start.study}, before"] = measure(task, before, project, first_light)
        measured[f"{start.study}, after"] = measure(task, run, project, first_light)
    machine = processor()
    return {
        "commit": setup.code.commit,
        "source": setup.code.source,
        "study": task.study.name,
        "n_train": len(run.split["train"]),
        "fold": task.fold,
        "seed": setup.seed,
        "how": setup.how,
        "asked": {"minutes": setup.minutes, "set": list(setup.assignments)},
        "run": name,
        "start": {"run": start.run, "commit": start.commit} if start else None,
        "steps": run.settings["run"]["steps"],
        "train_s": None if resumed else round(train_s, 1),
        "whole_s": None if resumed else round(time.monotonic() - began, 1),
        "peak_memory_mb": round(peak_memory_mb()),
        "machine": {"processor": machine.name, "n_usable": machine.n_usable},
        "settings": run.settings,
        "measured": measured,
    }


def measure(task: Task, run: Run, project: Project, split: dict[str, list[str]]) -> dict[str, Any]:
    """What `evaluate` says of a run on some frames, and every error on the test frames."""
    from markerless.pipeline.measured import measure_run

    images = [image for members in split.values() for image in members]
    labels = project.labels().matching(run.skeleton).select(images)
    found = measure_run(run, labels, split)
    rows = found.rows("test")
    tested = [labels.images[row] for row in rows]
    points: dict[str, Any] = {
        "images": tested,
        "videos": [task.study.video(image) for image in tested],
        "keypoints": list(labels.skeleton.keypoints),
        "error_px": _plain(found.error[rows]),
        "score": _plain(found.predicted.score[rows]),
        "tolerance_px": found.tolerance_px,
    }
    for key in ("expected_error", "upper_90"):
        values = getattr(found.predicted, key)
        points[key] = None if values is None else _plain(values[rows])
    return {"evaluation": found.evaluation(run.name, task.study.name).to_json(), "points": points}


def peak_memory_mb() -> float:
    """Largest resident memory of this process so far."""
    try:
        import resource
    except ImportError:  # Windows
        import psutil

        return float(psutil.Process().memory_info().peak_wset) / 1e6
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def _plain(values: np.ndarray) -> list[list[float | None]]:
    """Rows of an array `(F, K)`; NaN becomes None, as JSON has no NaN."""
    return [[round(float(v), DIGITS) if np.isfinite(v) else None for v in row] for row in values]


def run_here(task: Task, setup: Setup) -> None:
    """Train and measure in this process, and write the result.

    Raises:
        RunError: the network to start from is missing, or the code was changed meanwhile.
    """
    first = task.study.starts_from
    start = find(Task(STUDIES[first], task.fold), setup, stored(setup.out)) if first else None
    if first and start is None:
        raise RunError(f"expected a result of {first} to start from, got none in {setup.out}")
    result = train_and_measure(task, setup, start)
    if code_here().source != setup.code.source:
        raise RunError(
            f"the files of markerless were changed while {task.name} was trained, so that its result is of no known "
            "code; it is not kept. Measure in a copy that nobody works in (git worktree add)"
        )
    write_text(setup.path(task), json.dumps(result, indent=1, allow_nan=False) + "\n")


def run_apart(task: Task, words: Sequence[str], code: Code) -> int:
    """The same in a process of its own; its exit code."""
    given = [*words, "--task", task.name, "--code", f"{code.commit},{code.source}"]
    with subprocess.Popen([sys.executable, str(Path(__file__).resolve()), *given]) as process:
        try:
            return process.wait()
        except KeyboardInterrupt:  # Ctrl-C reaches that process too, which keeps the steps it has done
            try:
                process.wait(SAVING_S)
            except subprocess.TimeoutExpired:
                process.terminate()
            raise


def parse(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", metavar="SET", help=f"out of {', '.join(STUDIES)}; none: the protocol")
    parser.add_argument("--protocol", action="store_true", help="all sets")
    parser.add_argument("--quick", action="store_true", help=f"folds 0 and 1, {QUICK_STEPS} steps")
    parser.add_argument("--folds", metavar="0,1", help="only these")
    parser.add_argument("--out", type=Path, required=True, help="folder of results")
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the studies")
    parser.add_argument("--minutes", type=float, help="time budget of each training")
    parser.add_argument("--set", dest="assignments", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--commit", default="", metavar="HASH", help="results of this commit count too")
    parser.add_argument("--table", action="store_true", help="train nothing, print what is there")
    parser.add_argument("--task", help=argparse.SUPPRESS)
    parser.add_argument("--code", help=argparse.SUPPRESS)
    return parser.parse_args(words)


def chosen(wanted: argparse.Namespace) -> list[Task]:
    """The tasks that are asked for."""
    if wanted.sets and wanted.protocol:
        raise SettingsError("--protocol is all sets; give it or some sets")
    folds = list(QUICK_FOLDS) if wanted.quick else None
    if wanted.folds:
        try:
            folds = [int(text) for text in wanted.folds.split(",")]
        except ValueError:
            raise SettingsError(f"expected folds such as 0,1, got '{wanted.folds}'") from None
    return tasks_of(wanted.sets or [*STUDIES], folds)


def setup_of(wanted: argparse.Namespace) -> Setup:
    assignments = list(wanted.assignments)
    if wanted.quick and wanted.minutes is None and not any(text.startswith("train.steps=") for text in assignments):
        assignments.append(f"train.steps={QUICK_STEPS}")
    for text in assignments:
        if text.startswith("train.seed=") and not text.removeprefix("train.seed=").isdigit():
            raise SettingsError(f"expected a whole number as train.seed, got '{text}'")
    code = Code(*wanted.code.split(",")) if wanted.code else code_here()
    return Setup(wanted.out, wanted.data, code, wanted.minutes, tuple(assignments), wanted.commit)


def protocol(wanted: argparse.Namespace, words: Sequence[str]) -> int:
    """Train what is missing, then print the tables; the exit code."""
    setup, tasks = setup_of(wanted), chosen(wanted)
    for i, task in enumerate(tasks, start=1):
        if wanted.table or find(task, setup, stored(setup.out)) is not None:
            continue
        print(f"{i} of {len(tasks)}: {task.name}, seed {setup.seed}, at {setup.code.commit}", file=sys.stderr)
        failed = run_apart(task, words, setup.code)
        if failed:
            return failed
    results = stored(setup.out)
    found = [(task, find(task, setup, results)) for task in tasks]
    there = [result for _, result in found if result is not None]
    for line in tables(there):
        print(line)
    missing = [task.name for task, result in found if result is None]
    if missing:
        others = sorted({result.commit for result in results} - {result.commit for result in there})
        hint = f"; there are results of other commits or settings: {', '.join(others)} (see --commit)" if others else ""
        named = f"{', '.join(missing[:6])}{', ...' if len(missing) > 6 else ''}"
        print(f"{len(missing)} of {len(tasks)} not there at {setup.code.commit}: {named}{hint}", file=sys.stderr)
    return 0 if there else 2


def main(words: Sequence[str]) -> int:
    """Run the benchmark; the exit code: 2 for the user's input, 130 for Ctrl-C."""
    wanted = parse(words)
    try:
        if wanted.task:
            run_here(task_named(wanted.task), setup_of(wanted))
            return 0
        return protocol(wanted, words)
    except MarkerlessError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted; the same command goes on", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
