"""From labels to a trained network: the verb `train`."""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from markerless.analysis.error_model import LEAST_PX
from markerless.analysis.learning_curve import shrinkage
from markerless.core.progress import Progress, silent
from markerless.core.storage import write_text
from markerless.errors import RunError
from markerless.nn import checkpoint as checkpoints
from markerless.nn import model as networks
from markerless.nn.device import TORCH_VERSION
from markerless.nn.export import export_onnx
from markerless.nn.replay import ReplayingSet
from markerless.nn.train import StepReport, Trainer, start_from
from markerless.pipeline import familiarity, kept_answers, run_files
from markerless.pipeline.budget import FORWARD_SHARE, Costs, Steps, share_out, steps_given
from markerless.pipeline.cross_fit import TOLERANCE, HeldOut, answers, calibrate, cross_fit, offsets, seen_from, tidy
from markerless.pipeline.examples import Watching
from markerless.pipeline.kept_answers import with_kept
from markerless.pipeline.metrics_file import METRICS_FILE, MetricsWriter
from markerless.pipeline.seen_tests import KEY, count_seen, seen_note
from markerless.pipeline.splits import FEWEST_FOR_TEST
from markerless.pipeline.training_outlook import ADAPTATION_MINUTES, DEFAULT_MINUTES
from markerless.pipeline.training_plan import Plan, TrainRequest, choose_run, make_plan
from markerless.project import Project, Run, crossfit
from markerless.project.familiar import FAMILIAR_FILE
from markerless.project.run import CHECKPOINT_FILE, EVIDENCE_FILE, EXAMPLES_FILE, MODEL_FILE, SPLIT_FILE
from markerless.version import VERSION
from markerless.video.images import read_image

# Without --minutes. On one fold a small network's error was 2.3 px after 800 steps, 2.11 after 1600, 1.98 after 2000.
DEFAULT_STEPS = {"large": 800, "small": 2000}
AFTERWARDS_S = 45.0  # of the budget, for the export and the evaluation
F32_FACTOR = 2.0  # networks are asked in f32, and trained in bf16 where that is faster


def train(
    project: Project | Path | str,
    minutes: float | None = None,
    request: TrainRequest | None = None,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    progress: Progress = silent,
    tell: Callable[[str], None] = lambda line: None,
) -> Run:
    """Train a network on a project's labels.

    Args:
        project: The study.
        minutes: Time budget, export and evaluation included, used up. None: 800 steps (2000 of a small network), but
            no longer than 10 minutes; 3 minutes from another run. `settings["train"]["steps"]` overrules it.
        request: Which run, from which start, on which split.
        settings: Group -> key -> value, the groups being train, net, data and head.
        progress: Told after every step.
        tell: Told in one line when less was to be done than was asked for.

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
        tell(f"run '{name}' is finished; nothing was trained; another --run NAME trains anew")
        tidy(folder)
        return Run.open(folder)
    with run_files.at_work(folder):
        trainer = _trainer(plan, folder)
        if unfinished and trainer.checkpoint.is_file():
            trainer.resume(checkpoints.load(trainer.checkpoint))
            _require_own(trainer, plan)
            steps = Steps(**trainer.state["steps"])
            if minutes is not None:
                tell(f"run '{name}' goes on with the {steps.total} steps it began with; --minutes changes nothing")
        else:
            _clear(folder)
            steps = _plan_steps(plan, trainer, minutes, began)
            trainer.total = steps.main
        return _train(plan, trainer, steps, folder, progress)


def _train(plan: Plan, trainer: Trainer, steps: Steps, folder: Path, progress: Progress) -> Run:
    """Train the network and those that calibrate it, and write all files of the run."""
    _write_run(plan, trainer, folder, {"crossfit_steps": steps.each_crossfit})
    keypoints = list(plan.labels.skeleton.keypoints)
    trainer.state = {"keypoints": keypoints, "fingerprint": plan.fingerprint, "steps": asdict(steps)}
    watching = Watching(plan, trainer, folder / EXAMPLES_FILE)
    with MetricsWriter(folder / METRICS_FILE, trainer.step) as metrics:
        trainer.run(_tell(progress, metrics, watching, steps.total))
    network = trainer.finish()
    held_out = cross_fit(plan, trainer.data.cache, steps, folder, _tell_crossfit(progress, steps))
    held_out = with_kept(held_out, plan) if plan.settings.train.crossfits else None
    n_all = len(plan.split["train"])
    n_seen = n_all - plan.n_new / steps.n_crossfits if steps.n_crossfits else n_all
    calibration = _calibrate(trainer, held_out, folder, shrinkage(n_seen, n_all)) if held_out else {}
    familiarity.take_down(trainer.data.labels, trainer.data.cache, folder)
    export_onnx(network, keypoints, folder / MODEL_FILE)
    _write_run(plan, trainer, folder, {"crossfit_steps": steps.each_crossfit, "finished": True}, calibration)
    tidy(folder)
    return Run.open(folder)


def _plan_steps(plan: Plan, trainer: Trainer, minutes: float | None, began: float) -> Steps:
    """How long the networks train: as the settings say, else as the time allows."""
    if plan.settings.train.steps:
        return steps_given(plan)
    step_s = trainer.time_steps()
    view, sizes = trainer.data.view, trainer.data.sizes
    views_in_frame = float(sizes.prod(1).mean()) / (trainer.batch_size * view[0] * view[1])
    costs = Costs(step_s, F32_FACTOR * FORWARD_SHARE * step_s * views_in_frame)
    default = ADAPTATION_MINUTES if plan.start else DEFAULT_MINUTES
    budget_s = 60 * (default if minutes is None else minutes)
    left_s = budget_s - (time.monotonic() - began) - AFTERWARDS_S
    return share_out(plan, costs, left_s, DEFAULT_STEPS[plan.settings.net.size] if minutes is None else None)


def _clear(folder: Path) -> None:
    """Delete what an earlier training in the same folder said of its frames: it would be taken for this one's."""
    tidy(folder)
    for name in (crossfit.CROSSFIT_FILE, EVIDENCE_FILE, FAMILIAR_FILE):
        (folder / name).unlink(missing_ok=True)


def _require_own(trainer: Trainer, plan: Plan) -> None:
    """Refuse to go on with the checkpoint of another training."""
    if trainer.state.get("fingerprint") != plan.fingerprint:
        raise RunError(
            f"expected the checkpoint of this training, got another one's: {trainer.checkpoint}; move it away and run "
            "the same command again"
        )


def _calibrate(trainer: Trainer, held_out: HeldOut, folder: Path, factor: float) -> dict[str, Any]:
    """Make the shape of the animal and calibrated errors part of the network; what `run.toml` says of them.

    Args:
        trainer: Of the network.
        held_out: Answers of networks that were trained on fewer frames.
        folder: Of the run.
        factor: Expected error of the network over that of those.
    """
    trainer.model.head.prior.fill(offsets(trainer.data.labels) if held_out.uses_prior else None)
    table: dict[str, Any] = {"uses_pose_prior": held_out.uses_prior}
    found = calibrate(held_out, trainer.data.settings.missing)
    trainer.keep()
    if found is None:
        return table
    tolerance_px = round(TOLERANCE * trainer.data.animal_size_px, 3)
    kept_answers.save(held_out, folder / EVIDENCE_FILE)
    crossfit.write(answers(held_out, found, tolerance_px), folder / crossfit.CROSSFIT_FILE)
    found = found.scaled(factor)
    errors, presence = found.errors, found.presence
    within, limits_px = (errors.level, errors.slope, tolerance_px), (LEAST_PX, errors.most_px)
    there = (presence.weight, presence.bias) if presence else None
    trainer.model.errors.fill(errors.weight, errors.bias, within, limits_px, there)
    trainer.keep()
    size = trainer.data.animal_size_px
    return table | {
        "tolerance_px": tolerance_px,
        "seen_from": round(seen_from(held_out, found, tolerance_px, size), 4),
        "shrinkage": round(factor, 4),
        "level": round(errors.level, 5),
        "slope": round(errors.slope, 5),
        "upper_90": round(errors.upper_90, 4),
        "n_points": errors.n_points,
        "n_absent": presence.n_absent if presence else 0,
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
    if (seen := seen_note(run)) is not None:
        lines.append(seen)
    if not counts["test"]:
        why = f"fewer than {FEWEST_FOR_TEST} labeled frames" if counts["train"] < FEWEST_FOR_TEST else "none held out"
        lines.append(f"no test frames ({why}): the errors below are on frames that the network has seen")
    table = run.settings.get("calibration", {})
    if "n_points" in table:
        lines.append(
            f"expected errors learned on {table['n_points']} points that networks had not seen; the likelihood is the "
            f"probability of being within {table['tolerance_px']:.1f} px"
            + (f", low where a keypoint looks absent ({table['n_absent']} were)" if table.get("n_absent") else "")
        )
    elif run.settings.get("train", {}).get("crossfits"):
        lines.append(
            "no expected errors: too few labeled points to learn them from, or too little time; label more, or give "
            "more --minutes"
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
        theirs = plan.start.skeleton.keypoints
        start_from(model, plan.labels.skeleton.keypoints, checkpoints.load(plan.start.checkpoint), theirs)
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
            KEY: count_seen(plan.split, plan.start, plan.project),
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


def _tell(progress: Progress, metrics: MetricsWriter, watching: Watching, total: int) -> Callable[[StepReport], None]:
    def on_step(report: StepReport) -> None:
        metrics.add(report.step, report.total, report.losses, report.seconds_per_step)
        watching.on_step(report)
        progress(report.step, total, f"loss {report.loss:.3f}")

    return on_step


def _tell_crossfit(progress: Progress, steps: Steps) -> Callable[[int, StepReport], None]:
    def on_step(index: int, report: StepReport) -> None:
        done = steps.main + index * steps.each_crossfit + report.step
        progress(done, steps.total, f"calibrating, loss {report.loss:.3f}")

    return on_step
