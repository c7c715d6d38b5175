"""From labels to a trained network: the verb `train`."""

from __future__ import annotations

import csv
import json
import platform
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markerless.analysis.error_model import ErrorModel
from markerless.core.progress import Progress, silent
from markerless.core.storage import write_text
from markerless.nn import checkpoint as checkpoints
from markerless.nn import model as networks
from markerless.nn.device import TORCH_VERSION
from markerless.nn.export import export_onnx
from markerless.nn.replay import ReplayingSet
from markerless.nn.train import StepReport, Trainer, start_from
from markerless.pipeline import adaptation, familiarity, kept_answers, run_files
from markerless.pipeline.cross_fit import TOLERANCE, HeldOut, answers, calibrate, cross_fit, offsets, tidy
from markerless.pipeline.kept_answers import with_kept
from markerless.pipeline.splits import FEWEST_FOR_TEST
from markerless.pipeline.training_plan import Plan, TrainRequest, choose_run, make_plan
from markerless.project import Project, Run, crossfit
from markerless.project.run import CHECKPOINT_FILE, MODEL_FILE, SPLIT_FILE
from markerless.version import VERSION
from markerless.video.images import read_image

DEFAULT_MINUTES = 10.0
# Without --minutes. On one fold a small network's error was 2.3 px after 800 steps, 2.11 after 1600, 1.98 after 2000.
DEFAULT_STEPS = {"large": 800, "small": 2000}
AFTERWARDS_S = 45.0  # of the budget, for the export and the evaluation
MAIN_SHARE = 0.55  # of the steps there is time for; the rest is for the networks that calibrate
MOST_CROSSFIT = 0.5  # of the steps of the network itself
FEWEST_STEPS = 20
INSPECTION_S = 0.15  # for each frame that a network is asked about
METRICS_FILE = "metrics.csv"


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
            no longer than 10 minutes; 3 minutes from another run. `settings["train"]["steps"]` overrules it.
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
        steps = Steps(trainer.total, int(str(trainer.state["crossfit_steps"])))
    else:
        steps = _plan_steps(plan, trainer, minutes, began)
        trainer.total = steps.main
    _write_run(plan, trainer, folder, {"crossfit_steps": steps.each_crossfit})
    trainer.state = {
        "keypoints": list(plan.labels.skeleton.keypoints),
        "fingerprint": plan.fingerprint,
        "crossfit_steps": steps.each_crossfit,
    }
    with _metrics(folder / METRICS_FILE, trainer.step) as record:
        trainer.run(_tell(progress, record, steps.total(plan.n_crossfits)))
    network = trainer.finish()
    tell = _tell_crossfit(progress, steps, plan)
    held_out = cross_fit(plan, trainer.data.cache, steps.each_crossfit, folder, tell) if plan.n_crossfits else None
    held_out = with_kept(held_out, plan) if plan.settings.train.crossfits else None
    calibration = _calibrate(trainer, held_out, folder) if held_out else {}
    familiarity.take_down(trainer.data.labels, trainer.data.cache, folder)
    export_onnx(network, plan.labels.skeleton.keypoints, folder / MODEL_FILE)
    _write_run(plan, trainer, folder, {"crossfit_steps": steps.each_crossfit, "finished": True}, calibration)
    tidy(folder)
    return Run.open(folder)


@dataclass(frozen=True)
class Steps:
    """How long the networks train.

    Attributes:
        main: Steps of the network itself.
        each_crossfit: Steps of each of those that calibrate it.
    """

    main: int
    each_crossfit: int

    def total(self, n_crossfits: int) -> int:
        """Steps of all networks together."""
        return self.main + n_crossfits * self.each_crossfit


def _plan_steps(plan: Plan, trainer: Trainer, minutes: float | None, began: float) -> Steps:
    """Share the time out between the network and those that calibrate it."""
    given = plan.settings.train
    main = given.steps
    if not main:
        each_s = trainer.time_steps()
        default = adaptation.MINUTES if plan.start else DEFAULT_MINUTES
        budget_s = 60 * (default if minutes is None else minutes)
        left_s = budget_s - (time.monotonic() - began) - AFTERWARDS_S
        if plan.n_crossfits:
            left_s -= INSPECTION_S * plan.n_new
        fitting = int(left_s / each_s)
        main = max(FEWEST_STEPS, int(fitting * MAIN_SHARE) if plan.n_crossfits else fitting)
        if minutes is None:
            main = min(main, DEFAULT_STEPS[plan.settings.net.size])
        in_rest = (fitting - main) // max(1, plan.n_crossfits)
        return Steps(main, given.crossfit_steps or max(FEWEST_STEPS, min(in_rest, int(main * MOST_CROSSFIT))))
    return Steps(main, given.crossfit_steps or max(1, int(main * MOST_CROSSFIT)))


def _calibrate(trainer: Trainer, held_out: HeldOut, folder: Path) -> dict[str, Any]:
    """Make the shape of the animal and calibrated errors part of the network; what `run.toml` says of them."""
    trainer.model.head.prior.fill(offsets(trainer.data.labels) if held_out.uses_prior else None)
    table: dict[str, Any] = {"uses_pose_prior": held_out.uses_prior}
    found = calibrate(held_out)
    trainer.keep()
    if found is None:
        return table
    tolerance_px = round(TOLERANCE * trainer.data.animal_size_px, 3)
    kept_answers.save(held_out, folder / kept_answers.EVIDENCE_FILE)
    crossfit.write(answers(held_out, found, tolerance_px), folder / crossfit.CROSSFIT_FILE)
    trainer.model.errors.fill(found.weight, found.bias, (found.level, found.slope, tolerance_px))
    trainer.keep()
    return table | _calibration_table(found, tolerance_px)


def _calibration_table(found: ErrorModel, tolerance_px: float) -> dict[str, Any]:
    return {
        "tolerance_px": tolerance_px,
        "level": round(found.level, 5),
        "slope": round(found.slope, 5),
        "upper_90": round(found.upper_90, 4),
        "n_points": found.n_points,
    }


def notes(run: Run) -> list[str]:
    """What the user should know about a run, in a line each."""
    counts = {part: len(images) for part, images in run.split.items()}
    lines = [f"{counts['train']} frames train, {counts['validation']} validate, {counts['test']} test"]
    start, n_new = run.settings["run"].get("start_from", ""), run.settings.get("data", {}).get("n_new", 0)
    if start and 0 < n_new < counts["train"]:
        lines.append(
            f"adapted from run '{start}': {n_new} new frames, and {counts['train'] - n_new} of its own by turns"
        )
    if not counts["test"]:
        why = f"fewer than {FEWEST_FOR_TEST} labeled frames" if counts["train"] < FEWEST_FOR_TEST else "none held out"
        lines.append(f"no test frames ({why}): the errors below are on frames that the network has seen")
    table = run.settings.get("calibration", {})
    if "n_points" in table:
        lines.append(
            f"expected errors learned on {table['n_points']} points that networks had not seen; the likelihood is the "
            f"probability of being within {table['tolerance_px']:.1f} px"
        )
    if table.get("uses_pose_prior"):
        lines.append("the shape of the animal is taken into account: it made the errors on unseen frames smaller")
    return lines


def _trainer(plan: Plan, folder: Path) -> Trainer:
    settings = plan.settings
    data = ReplayingSet(plan.labels.select(plan.split["train"]), settings.data, settings.train.seed, old=plan.seen)
    data.load_pictures()
    for frame in plan.labels.select([*plan.split["validation"], *plan.split["test"]]).frames:
        read_image(frame.picture)
    model = networks.build(plan.labels.skeleton.n_keypoints, settings.net, settings.head, settings.train.seed)
    if plan.start is not None:
        start_from(model, plan.labels.skeleton.keypoints, checkpoints.load(plan.start.checkpoint))
    return Trainer(model, data, settings.train, folder / CHECKPOINT_FILE)


def _write_run(
    plan: Plan, trainer: Trainer, folder: Path, state: Mapping[str, Any], calibration: Mapping[str, Any] | None = None
) -> None:
    skeleton = plan.labels.skeleton
    name = folder.name
    dumped = plan.settings.dump()
    counts = {f"n_{part}": len(images) for part, images in plan.split.items()}
    tables: dict[str, dict[str, Any]] = {
        "run": {
            "name": name,
            "finished": False,
            "scorer": plan.project.run_scorer(trainer.model.backbone.display_name, name),
            "created_by": f"markerless {VERSION}",
            "start_from": plan.start.name if plan.start else "",
            "steps": trainer.total,
            **state,
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
            "n_new": plan.n_new,
            "animal_size_px": round(trainer.data.animal_size_px, 3),
            "view": list(trainer.data.view),
            "grid_px": trainer.model.multiple,
        },
        "train": {**dumped["train"], "used_batch_size": trainer.batch_size, "used_bf16": trainer.bf16},
        "net": dumped["net"],
        "head": dumped["head"],
        "versions": {"markerless": VERSION, "torch": TORCH_VERSION, "python": platform.python_version()},
    }
    if calibration:
        tables["calibration"] = dict(calibration)
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


def _tell(progress: Progress, record: Callable[[StepReport], None], total: int) -> Callable[[StepReport], None]:
    def on_step(report: StepReport) -> None:
        record(report)
        progress(report.step, total, f"loss {report.loss:.3f}")

    return on_step


def _tell_crossfit(progress: Progress, steps: Steps, plan: Plan) -> Callable[[int, StepReport], None]:
    def on_step(index: int, report: StepReport) -> None:
        done = steps.main + index * steps.each_crossfit + report.step
        progress(done, steps.total(plan.n_crossfits), f"calibrating, loss {report.loss:.3f}")

    return on_step
