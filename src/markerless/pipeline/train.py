"""From labels to a trained network: the verb `train`."""

from __future__ import annotations

import csv
import hashlib
import json
import platform
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from markerless.config import Settings, load, parse_assignments
from markerless.core.instance import FloatArray
from markerless.core.labels import Labels
from markerless.core.progress import Progress, silent
from markerless.core.storage import write_text
from markerless.errors import LabelsError, RunError
from markerless.formats._split import read_split
from markerless.nn import checkpoint as checkpoints
from markerless.nn import model as networks
from markerless.nn.dataset import DataSettings, TrainingSet, frame_sizes
from markerless.nn.device import TORCH_VERSION
from markerless.nn.export import export_onnx
from markerless.nn.heads import score_map
from markerless.nn.model import NetSettings
from markerless.nn.train import StepReport, Trainer, TrainSettings, start_from
from markerless.pipeline import run_files
from markerless.pipeline.splits import FEWEST_FOR_TEST, Split, default_split
from markerless.project import Project, Run
from markerless.project.run import CHECKPOINT_FILE, MODEL_FILE, SPLIT_FILE, check_run_name
from markerless.version import VERSION
from markerless.video.images import read_image

DEFAULT_MINUTES = 10.0
# Without --minutes. On one fold a small network's error was 2.3 px after 800 steps, 2.11 after 1600, 1.98 after 2000.
DEFAULT_STEPS = {"large": 800, "small": 2000}
FEWEST_FRAMES = 2
BACKGROUND_OF_SMALL = 0.25  # a network that sees less of the surroundings has to see more kinds of them
ROOM = 0.3  # on each side of an animal, as a share of its size
REACH = 1.1  # of the largest labeled animal: how far apart points of one may be
AFTERWARDS_S = 45.0  # of the budget, for the export and the evaluation
METRICS_FILE = "metrics.csv"
GROUPS: dict[str, type[Settings]] = {
    "train": TrainSettings,
    "net": NetSettings,
    "data": DataSettings,
    "head": score_map.Config,
}


@dataclass(frozen=True)
class TrainRequest:
    """Which run, from what.

    Attributes:
        run: Name; None resumes an unfinished run of the same data and settings, else makes run1, run2, ...
        start_from: Name of a run whose weights are the start.
        split: A split file (JSON or a DeepLabCut shuffle), "all" to train on every frame, None for the default split.
    """

    run: str | None = None
    start_from: str | None = None
    split: Path | str | None = None


@dataclass(frozen=True)
class Resolved:
    """The settings of all groups."""

    train: TrainSettings
    net: NetSettings
    data: DataSettings
    head: score_map.Config

    @classmethod
    def load(cls, values: Mapping[str, Mapping[str, Any]]) -> Resolved:
        """Group -> key -> value, strictly.

        Raises:
            SettingsError: unknown or impossible settings.
        """
        parse_assignments([f"{group}.{key}=" for group, keys in values.items() for key in keys], GROUPS)
        return cls(
            load("train", TrainSettings, values.get("train", {})),
            load("net", NetSettings, values.get("net", {})),
            load("data", DataSettings, values.get("data", {})),
            load("head", score_map.Config, values.get("head", {})),
        )

    def for_labels(self, labels: Labels) -> Resolved:
        """What is left to the labels, taken from those that train."""
        extents = labels.animal_extents_px()
        head, data = self.head, self.data
        if not head.reach_px and len(extents):
            head = head.model_copy(update={"reach_px": round(REACH * float(extents.max()), 1)})
        frame = np.median(frame_sizes(labels), axis=0)
        size = labels.animal_size_px(float(np.hypot(*frame)))
        net = self.net.resolved(size, is_small_in(frame, extents, size))
        if net.size == "small" and "background" not in data.model_fields_set:
            data = data.model_copy(update={"background": BACKGROUND_OF_SMALL})
        return replace(self, head=head, data=data, net=net)

    def like(self, start: Run) -> Resolved:
        """The same with the network of another run, whose weights are to be the start."""
        table = {key: value for key, value in start.settings.get("net", {}).items() if key in NetSettings.model_fields}
        given = {key: getattr(self.net, key) for key in self.net.model_fields_set}
        return replace(self, net=load("net", NetSettings, {"size": "large", **table, **given}))

    def dump(self) -> dict[str, dict[str, Any]]:
        """Group -> key -> plain value."""
        return {group: getattr(self, group).model_dump(mode="json") for group in GROUPS}


@dataclass(frozen=True)
class Plan:
    """Everything that decides the result of a training, resolved before it begins."""

    project: Project
    labels: Labels
    split: Split
    settings: Resolved
    start: Run | None = None

    @cached_property
    def fingerprint(self) -> str:
        """Hash of labels, pictures' sizes, split, settings and start: equal plans give equal networks.

        Taken once: what changes on the disk during the training does not belong to it.
        """
        digest = hashlib.sha256()
        for frame in self.labels.select([image for part in self.split.values() for image in part]).frames:
            digest.update(f"{frame.image} {frame.path.stat().st_size if frame.path else 0}".encode())
            for instance in frame.instances:
                digest.update(instance.xy.tobytes() + instance.visibility.tobytes())
        start = checkpoints.load(self.start.checkpoint).state.get("fingerprint") if self.start else None
        names = list(self.labels.skeleton.keypoints)
        digest.update(json.dumps([names, self.split, self.settings.dump(), start], sort_keys=True).encode())
        return digest.hexdigest()[:32]


def train(
    project: Project | Path | str,
    minutes: float | None = None,
    request: TrainRequest | None = None,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    progress: Progress = silent,
) -> Run:
    """Train a network on a project's labels.

    Args:
        project: The study.
        minutes: Time budget, export and evaluation included, used up. None: 800 steps (2000 of a small network), but
            no longer than 10 minutes. `settings["train"]["steps"]` overrules it.
        request: Which run, from which start, on which split.
        settings: Group -> key -> value, the groups being train, net, data and head.
        progress: Told after every step.

    Returns:
        The finished run; `runs/<name>/` holds all its files.

    Raises:
        LabelsError: no labels, too few, of several animals, or pictures missing.
        RunError: a finished run of that name has other data or settings, or the run to start from is missing.
        SettingsError: unknown or impossible settings.
        StorageError: the project cannot be written.
    """
    began = time.monotonic()
    project = project if isinstance(project, Project) else Project(project)
    request = request or TrainRequest()
    plan = make_plan(project, request, settings or {})
    name, unfinished = choose_run(plan, request.run)
    folder = project.run_folder(name)
    if not unfinished and (folder / run_files.RUN_FILE).is_file():
        return Run.open(folder)
    trainer = _trainer(plan, folder)
    if unfinished and trainer.checkpoint.is_file():
        trainer.resume(checkpoints.load(trainer.checkpoint))
    elif not trainer.total:
        budget = 60 * (DEFAULT_MINUTES if minutes is None else minutes)
        enough = DEFAULT_STEPS[plan.settings.net.size] if minutes is None else None
        trainer.plan(budget - (time.monotonic() - began) - AFTERWARDS_S, enough)
    _write_run(plan, trainer, folder, finished=False)
    trainer.state = {"keypoints": list(plan.labels.skeleton.keypoints), "fingerprint": plan.fingerprint}
    with _metrics(folder / METRICS_FILE, trainer.step) as record:
        trainer.run(_tell(progress, record))
    export_onnx(trainer.finish(), plan.labels.skeleton.keypoints, folder / MODEL_FILE)
    _write_run(plan, trainer, folder, finished=True)
    return Run.open(folder)


def make_plan(project: Project, request: TrainRequest, settings: Mapping[str, Mapping[str, Any]]) -> Plan:
    """Resolve labels, split and settings, and refuse what cannot be trained.

    Raises:
        LabelsError, RunError, SettingsError: as `train`.
    """
    resolved = Resolved.load(settings)
    labels = project.labels()
    if labels.is_multi_animal:
        raise LabelsError(
            f"training on several animals at once comes in a later version: {project.root} has labels of "
            f"{len(labels.individuals)} ({', '.join(labels.individuals[:4])}, ...)"
        )
    if request.split == "all":
        split: Split = {"train": list(labels.images), "validation": [], "test": []}
    elif request.split is not None:
        split = read_split(Path(request.split), labels.images)
    else:
        split = default_split(labels, resolved.train.seed)
    _require_trainable(labels.select(split["train"]), project)
    start = project.run(request.start_from) if request.start_from else None
    if start is not None:
        resolved = resolved.like(start)
    return Plan(project, labels, split, resolved.for_labels(labels.select(split["train"])), start)


def choose_run(plan: Plan, name: str | None) -> tuple[str, bool]:
    """Name of the run, and whether it is an unfinished one to go on with.

    Raises:
        RunError: the name is taken by a run of other data or settings.
    """
    project = plan.project
    if name is not None:
        state = run_files.peek(project.run_folder(check_run_name(name)))
        if state is None:
            return name, False
        if state.fingerprint != plan.fingerprint:
            kind = "finished" if state.finished else "unfinished"
            raise RunError(
                f"run '{name}' is {kind} and was trained on other labels, split or settings; "
                "choose another --run name, or leave --run out"
            )
        return name, not state.finished
    taken = run_files.peek_all(project.root)
    for other, state in reversed(taken.items()):
        if not state.finished and state.fingerprint == plan.fingerprint:
            return other, True
    number = 1
    while f"run{number}" in taken or project.run_folder(f"run{number}").exists():
        number += 1
    return f"run{number}", False


def is_small_in(frame: FloatArray, extents: FloatArray, animal_size_px: float) -> bool:
    """Whether a region around the animal, with room for it to move, is at most a quarter of the frame.

    The quarter was found on one study (benchmarks/RESULTS.md).

    Args:
        frame: `(2,)` width and height.
        extents: `(n, 2)` width and height of labeled animals.
        animal_size_px: Their median size.
    """
    if not len(extents):
        return False
    region = np.percentile(extents, 98, axis=0) + 2 * ROOM * animal_size_px
    return bool(4 * region.prod() <= frame.prod())


def notes(run: Run) -> list[str]:
    """What the user should know about a run's split, in a line each."""
    counts = {part: len(images) for part, images in run.split.items()}
    lines = [f"{counts['train']} frames train, {counts['validation']} validate, {counts['test']} test"]
    if not counts["test"]:
        why = f"fewer than {FEWEST_FOR_TEST} labeled frames" if counts["train"] < FEWEST_FOR_TEST else "none held out"
        lines.append(f"no test frames ({why}): the errors below are on frames that the network has seen")
    return lines


def _require_trainable(labels: Labels, project: Project) -> None:
    if len(labels) < FEWEST_FRAMES:
        raise LabelsError(
            f"expected at least {FEWEST_FRAMES} labeled frames to train on, got {len(labels)} in {project.root}; "
            "label more"
        )
    if labels.n_points == 0:
        raise LabelsError(f"no point is labeled in the {len(labels)} training frames of {project.root}; label some")


def _trainer(plan: Plan, folder: Path) -> Trainer:
    settings = plan.settings
    data = TrainingSet(plan.labels.select(plan.split["train"]), settings.data, settings.train.seed)
    data.load_pictures()
    for frame in plan.labels.select([*plan.split["validation"], *plan.split["test"]]).frames:
        read_image(frame.picture)
    model = networks.build(plan.labels.skeleton.n_keypoints, settings.net, settings.head, settings.train.seed)
    if plan.start is not None:
        start_from(model, plan.labels.skeleton.keypoints, checkpoints.load(plan.start.checkpoint))
    return Trainer(model, data, settings.train, folder / CHECKPOINT_FILE)


def _write_run(plan: Plan, trainer: Trainer, folder: Path, finished: bool) -> None:
    skeleton = plan.labels.skeleton
    name = folder.name
    dumped = plan.settings.dump()
    counts = {f"n_{part}": len(images) for part, images in plan.split.items()}
    tables: dict[str, dict[str, Any]] = {
        "run": {
            "name": name,
            "finished": finished,
            "scorer": plan.project.run_scorer(trainer.model.backbone.display_name, name),
            "created_by": f"markerless {VERSION}",
            "start_from": plan.start.name if plan.start else "",
            "steps": trainer.total,
        },
        "skeleton": {
            "keypoints": list(skeleton.keypoints),
            "edges": [list(pair) for pair in skeleton.edges],
            "mirror_pairs": [list(pair) for pair in skeleton.mirror_pairs],
        },
        "data": {
            **dumped["data"],
            "fingerprint": plan.fingerprint,
            **counts,
            "animal_size_px": round(trainer.data.animal_size_px, 3),
            "view": list(trainer.data.view),
            "grid_px": trainer.model.multiple,
        },
        "train": {**dumped["train"], "used_batch_size": trainer.batch_size, "used_bf16": trainer.bf16},
        "net": dumped["net"],
        "head": dumped["head"],
        "versions": {"markerless": VERSION, "torch": TORCH_VERSION, "python": platform.python_version()},
    }
    write_text(folder / SPLIT_FILE, json.dumps(plan.split, indent=1) + "\n")
    run_files.write_toml(tables, folder / run_files.RUN_FILE)


class _metrics:
    """Rows of `metrics.csv`, one per ten steps; rows after the step that is resumed from are dropped."""

    COLUMNS = ("step", "loss", "location", "presence", "refine", "seconds_per_step")
    EVERY = 10

    def __init__(self, path: Path, first_step: int) -> None:
        self.path, self.recent = path, [StepReport(0, 0, {}, 0.0)][:0]
        kept = []
        if first_step and path.is_file():
            rows = path.read_text(encoding="utf-8").splitlines()[1:]
            kept = [row for row in rows if row.split(",")[0].isdigit() and int(row.split(",")[0]) <= first_step]
        write_text(path, "\n".join([",".join(self.COLUMNS), *kept]) + "\n")

    def __enter__(self) -> Callable[[StepReport], None]:
        self.file = self.path.open("a", encoding="utf-8", newline="")
        self.writer = csv.writer(self.file, lineterminator="\n")
        return self.add

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def add(self, report: StepReport) -> None:
        self.recent.append(report)
        if report.step % self.EVERY and report.step != report.total:
            return
        n = len(self.recent)
        parts = [sum(r.losses[part] for r in self.recent) / n for part in self.COLUMNS[2:5]]
        seconds = sum(r.seconds_per_step for r in self.recent) / n
        self.writer.writerow([report.step, f"{sum(parts):.5f}", *(f"{p:.5f}" for p in parts), f"{seconds:.4f}"])
        self.file.flush()
        self.recent = []


def _tell(progress: Progress, record: Callable[[StepReport], None]) -> Callable[[StepReport], None]:
    def on_step(report: StepReport) -> None:
        record(report)
        progress(report.step, report.total, f"loss {report.loss:.3f}")

    return on_step
