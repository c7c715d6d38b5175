"""What a training is to do, decided before it begins: labels, split, settings, start, and which run it is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from markerless.analysis.error_model import FEWEST_POINTS
from markerless.config import Settings, load, parse_assignments
from markerless.core.instance import FloatArray
from markerless.core.labels import Labels
from markerless.core.video import parts_of_picture
from markerless.errors import RunError
from markerless.formats._split import read_split
from markerless.nn import checkpoint as checkpoints
from markerless.nn.dataset import DataSettings, frame_sizes
from markerless.nn.heads import score_map
from markerless.nn.model import NetSettings
from markerless.nn.train import TrainSettings
from markerless.pipeline import adaptation, run_files
from markerless.pipeline.splits import Split, default_split
from markerless.pipeline.training_outlook import require_one_animal, require_trainable
from markerless.project import Project, Run
from markerless.project.run import CHECKPOINT_FILE, check_run_name

BACKGROUND_OF_SMALL = 0.25  # a network that sees less of the surroundings has to see more kinds of them
ROOM = 0.3  # on each side of an animal, as a share of its size
REACH = 1.1  # of the largest labeled animal: how far apart points of one may be
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
        """The same with network, head and views of another run where not given: its weights are to be the start."""
        net = _inherited("net", self.net, {"size": "large", **start.settings.get("net", {})})
        data = _inherited("data", self.data, start.settings.get("data", {}))
        head = _inherited("head", self.head, {**start.settings.get("head", {}), "reach_px": 0.0})
        return Resolved(adaptation.brief(self.train), net, data, head)

    def dump(self) -> dict[str, dict[str, Any]]:
        """Group -> key -> plain value."""
        return {group: getattr(self, group).model_dump(mode="json") for group in GROUPS}


S = TypeVar("S", bound=Settings)


def _inherited(group: str, own: S, table: Mapping[str, Any]) -> S:
    """Settings as in a table of `run.toml`, but for those that were given."""
    values = {key: value for key, value in table.items() if key in type(own).model_fields}
    return load(group, type(own), values | {key: getattr(own, key) for key in own.model_fields_set})


@dataclass(frozen=True)
class Plan:
    """Everything that decides the result of a training, resolved before it begins."""

    project: Project
    labels: Labels
    split: Split
    settings: Resolved
    start: Run | None = None

    @property
    def seen(self) -> frozenset[str]:
        """Images that the network to start from was trained on."""
        return adaptation.seen_by(self.start)

    @property
    def n_new(self) -> int:
        """Frames that train and are new to the network to start from."""
        return len(set(self.split["train"]) - self.seen)

    @property
    def n_crossfits(self) -> int:
        """Networks that are trained beside the one itself, without some of the frames that are new.

        None where their answers would be too few to learn from.
        """
        if self.labels.select(self.split["train"]).n_points < FEWEST_POINTS:
            return 0
        n_networks = min(self.settings.train.crossfits, self.n_new // 2)
        return n_networks if n_networks > 1 else 0

    @cached_property
    def fingerprint(self) -> str:
        """Hash of labels, mirror pairs, pictures, split, settings and start: equal plans give equal networks.

        What the keypoints are called does not belong to it: a training goes on after they were renamed. Taken once:
        what changes on the disk during the training does not belong to it either.
        """
        digest = hashlib.sha256()
        for frame in self.labels.select([image for part in self.split.values() for image in part]).frames:
            digest.update(frame.image.encode())
            for part in parts_of_picture(frame.path) if frame.path else ():
                digest.update(part)
            for instance in frame.instances:
                digest.update(instance.xy.tobytes() + instance.visibility.tobytes())
        start = checkpoints.load(self.start.checkpoint).state.get("fingerprint") if self.start else None
        pairs = sorted(sorted(pair) for pair in self.labels.skeleton.mirror_pairs)
        digest.update(json.dumps([pairs, self.split, self.settings.dump(), start], sort_keys=True).encode())
        return digest.hexdigest()[:32]


def make_plan(project: Project, request: TrainRequest, settings: Mapping[str, Mapping[str, Any]]) -> Plan:
    """Resolve labels, split and settings, and refuse what cannot be trained.

    Raises:
        LabelsError, RunError, SettingsError: as `train`.
    """
    resolved = Resolved.load(settings)
    labels = project.labels()
    require_one_animal(labels, project)
    start = project.run(request.start_from) if request.start_from else None
    split = _split(labels, request.split, start, resolved.train.seed)
    if start is not None:
        split = adaptation.with_replay(split, start, labels)
        labels = adaptation.with_unknown(labels, start)
        resolved = resolved.like(start)
    require_trainable(labels.select(split["train"]), project)
    return Plan(project, labels, split, resolved.for_labels(labels.select(split["train"])), start)


def _split(labels: Labels, wanted: Path | str | None, start: Run | None, seed: int) -> Split:
    if wanted == "all":
        return {"train": list(labels.images), "validation": [], "test": []}
    if wanted is not None:
        return read_split(Path(wanted), labels.images)
    return adaptation.default_split_from(labels, start, seed) if start else default_split(labels, seed)


def choose_run(plan: Plan, name: str | None) -> tuple[str, bool]:
    """Name of the run, and whether it is an unfinished one to go on with.

    Raises:
        RunError: the name is taken by a run of other data or settings.
    """
    project = plan.project
    if name is not None:
        folder = project.run_folder(check_run_name(name))
        state = run_files.peek(folder)
        if state is None and (folder / CHECKPOINT_FILE).exists():
            raise RunError(
                f"expected a readable {run_files.RUN_FILE} beside the network in {folder}, got none; restore it, move "
                "the folder away, or choose another --run name"
            )
        if state is None:
            return name, False
        if state.fingerprint != plan.fingerprint:
            kind = "finished" if state.finished else "unfinished"
            raise RunError(
                f"run '{name}' is {kind} and was trained on other labels, pictures, split or settings, or by another "
                "version of markerless; choose another --run name, or leave --run out"
            )
        return name, not state.finished
    for other, state in reversed(run_files.peek_all(project.root).items()):
        if not state.finished and state.fingerprint == plan.fingerprint:
            return other, True
    return run_files.free_name(project.root), False


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
