"""Trains on fixed splits of real studies with default settings and prints the test errors, fold by fold.

    python benchmarks/accuracy.py openfield reaching mirror-mouse --out FOLDER [--data ../shared/data] [--minutes 10]
    [--set train.steps=400]

Resumable: a fold whose JSON is in FOLDER is not trained again. Each JSON holds the evaluation, the run's settings and
    the seconds it took.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markerless import config
from markerless.pipeline.evaluate import evaluate
from markerless.pipeline.new import NewRequest, new
from markerless.pipeline.train import train
from markerless.pipeline.training_plan import GROUPS, TrainRequest
from markerless.project import LabelSource, NewProject, Project


@dataclass(frozen=True)
class Study:
    """Where a set is below the data folder: a DeepLabCut project, or a label table to make one of."""

    source: str
    n_folds: int


STUDIES = {
    "openfield": Study("openfield-Pranav-2018-10-30", 5),
    "reaching": Study("Reaching-Mackenzie-2018-08-30", 3),
    "mirror-mouse": Study("mirror-mouse/CollectedData.csv", 3),
}


def main() -> None:
    """Train and measure every fold that is not there yet, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="+", choices=[*STUDIES])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data")
    parser.add_argument("--minutes", type=float, default=None)
    parser.add_argument("--folds", type=int, default=99, help="only the first so many")
    parser.add_argument("--set", dest="assignments", action="append", default=[])
    wanted = parser.parse_args()
    for name in wanted.sets:
        results = [fold_result(name, fold, wanted) for fold in range(min(STUDIES[name].n_folds, wanted.folds))]
        print_table(name, results)


def fold_result(name: str, fold: int, wanted: argparse.Namespace) -> dict[str, Any]:
    """The result of a fold: from its JSON, else trained now."""
    path = wanted.out / f"{name}-{fold}.json"
    if path.is_file():
        result: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return result
    began = time.monotonic()
    project = open_study(name, wanted)
    request = TrainRequest(run=f"fold{fold}", split=wanted.data / "splits" / f"{name}-{fold}.json")
    settings = config.parse_assignments(wanted.assignments, GROUPS)
    run = train(project, wanted.minutes, request, settings)
    trained = time.monotonic()
    evaluation = evaluate(run)
    result = {
        "set": name,
        "fold": fold,
        "train_s": round(trained - began, 1),
        "whole_s": round(time.monotonic() - began, 1),
        "steps": run.settings["run"]["steps"],
        "settings": run.settings,
        "evaluation": evaluation.to_json(),
    }
    path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(row(result), flush=True)
    return result


def open_study(name: str, wanted: argparse.Namespace) -> Project:
    """A writable project of the set in the results' folder."""
    source = wanted.data / STUDIES[name].source
    wanted.out.mkdir(parents=True, exist_ok=True)
    if source.is_file():
        made = sorted(wanted.out.glob(f"{name}-*-20*/config.yaml"))
        return Project(made[0]) if made else new(NewProject(name), NewRequest(wanted.out, labels=LabelSource(source)))
    copy = wanted.out / source.name
    if not copy.exists():
        copy.mkdir()
        shutil.copyfile(source / "config.yaml", copy / "config.yaml")
        shutil.copytree(source / "labeled-data", copy / "labeled-data", copy_function=shutil.copyfile)
    return Project(copy)


def row(result: dict[str, Any]) -> str:
    """One line of the table."""
    e = result["evaluation"]["splits"]["test"]
    return (
        f"{result['set']:<13}{result['fold']:>5}{result['steps']:>7}{result['whole_s']:>8.0f}{e['mean_px']:>9.2f}"
        f"{e['median_px']:>8.2f}{e['p95_px']:>8.1f}{e['max_px']:>9.1f}{100 * e['gross']:>8.1f}"
    )


def print_table(name: str, results: list[dict[str, Any]]) -> None:
    """All folds, then their mean and its standard error."""
    names = ("fold", "steps", "s", "mean px", "median", "95 %", "largest", "gross %")
    print(
        f"{'set':<13}"
        + "".join(f"{title:>{width}}" for title, width in zip(names, (5, 7, 8, 9, 8, 8, 9, 8), strict=True))
    )
    for result in results:
        print(row(result))
    tests = [result["evaluation"]["splits"]["test"] for result in results]
    for key in ("mean_px", "median_px", "gross"):
        values = [test[key] for test in tests]
        spread = statistics.stdev(values) / len(values) ** 0.5 if len(values) > 1 else float("nan")
        print(f"{name} {key}: {statistics.mean(values):.3f} +- {spread:.3f} (standard error over {len(values)} folds)")


if __name__ == "__main__":
    main()
