"""How far predictions are from labels: the verb `evaluate`.

Three questions, one answer: a run on the frames of its own split; a run on other labels; any tool's prediction file
on a project's labels.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from markerless.core.labels import LabeledFrame, Labels
from markerless.core.metrics import SplitErrors
from markerless.core.progress import Progress, silent
from markerless.core.storage import write_text
from markerless.core.tracks import Tracks
from markerless.core.video import video_stem
from markerless.errors import LabelsError, RunError
from markerless.formats import _sniff as formats
from markerless.formats._split import PARTS, read_split
from markerless.pipeline.colors import colors_for_run
from markerless.pipeline.evaluation import CROSSFIT, Evaluation
from markerless.pipeline.example_file import read_examples
from markerless.pipeline.label_agreement import people_apart
from markerless.pipeline.label_source import labels_of
from markerless.pipeline.measured import Measured, measure_run
from markerless.pipeline.metrics_file import METRICS_FILE, read_metrics
from markerless.pipeline.predict import Predicted
from markerless.pipeline.results import begins_with, said_stem
from markerless.pipeline.seen_tests import seen_note
from markerless.project import Project, Run, crossfit
from markerless.project.crossfit import CROSSFIT_FILE
from markerless.project.run import EVALUATION_FILE, EXAMPLES_FILE
from markerless.report.evaluation import EvaluationPage, PointTable, build_evaluation_page
from markerless.video.images import read_image

REPORT_FILE = "report.html"


@dataclass(frozen=True)
class EvaluateRequest:
    """What is measured on what.

    Attributes:
        run: Name of the run; None takes the newest finished one.
        labels: Another project, folder or label table to measure the run on.
        predictions: A prediction file of any tool, measured on the project's labels instead of a run.
        split: A split file for `predictions`; without it all frames count as one.
    """

    run: str | None = None
    labels: Path | str | None = None
    predictions: Path | str | None = None
    split: Path | str | None = None


def evaluate(
    source: Project | Run | Path | str, request: EvaluateRequest | None = None, progress: Progress = silent
) -> Evaluation:
    """Measure a run, or any tool's predictions, against labels.

    Without `labels` and `predictions`, `evaluation.json` and `report.html` are written into the run's folder.

    Args:
        source: A run, or the project it belongs to.
        request: What to measure on what.
        progress: Told after every picture.

    Raises:
        RunError: no such run, or its model is damaged.
        LabelsError: labels, pictures or predictions do not fit together.
        StorageError: the report cannot be written.
    """
    request = request or EvaluateRequest()
    project = _project_of(source)
    if request.predictions is not None:
        return _of_predictions(project, Path(request.predictions), request.split)
    run = source if isinstance(source, Run) else project.run(request.run)
    if request.labels is not None:
        labels = labels_of(Path(request.labels)).matching(run.skeleton)
        measured = measure_run(run, labels, {"all": list(labels.images)}, progress)
        return measured.evaluation(run.name, str(request.labels))
    return _of_run(project, run, progress)


def _of_run(project: Project, run: Run, progress: Progress) -> Evaluation:
    """The frames of the run's own split; frames that have gone since are named."""
    labels = project.labels().matching(run.skeleton)
    known = set(labels.images)
    gone = [image for images in run.split.values() for image in images if image not in known]
    if len(gone) == sum(len(images) for images in run.split.values()):
        raise LabelsError(f"none of the frames that run '{run.name}' was trained on is labeled in {project.root}")
    split = {part: [image for image in run.split[part] if image in known] for part in PARTS}
    measured = measure_run(
        run, labels.select([image for images in split.values() for image in images]), split, progress
    )
    evaluation = measured.evaluation(run.name, project.root.name)
    cross_fitted = _cross_fitted(run, labels)
    if cross_fitted is not None:
        evaluation = replace(evaluation, splits={**evaluation.splits, CROSSFIT: cross_fitted})
    notes = [f"{len(gone)} frames of the split are no longer labeled, first {gone[0]}"] if gone else []
    people = people_apart(project)
    notes += [note for note in (seen_note(run), people) if note]
    report = run.folder / REPORT_FILE
    write_text(run.folder / EVALUATION_FILE, json.dumps(evaluation.to_json(), indent=1) + "\n")
    build_evaluation_page(_page(evaluation, measured, run, notes)).write(report)
    return replace(evaluation, report=report, people=people)


def _cross_fitted(run: Run, labels: Labels) -> SplitErrors | None:
    """Errors on the training frames of networks that did not see them; None of a run that asked none."""
    path = run.folder / CROSSFIT_FILE
    if not path.is_file():
        return None
    kept = crossfit.read(path)
    known = set(labels.images)
    rows = [row for row, image in enumerate(kept.images) if image in known]
    columns = [kept.keypoints.index(name) for name in labels.skeleton.keypoints if name in kept.keypoints]
    if not rows or len(columns) < labels.skeleton.n_keypoints:
        return None
    chosen = labels.select([kept.images[row] for row in rows])
    predicted = Predicted(kept.xy[rows][:, columns], kept.score[rows][:, columns], precision="f32")
    measured = Measured.of(chosen, predicted, {CROSSFIT: list(chosen.images)})
    return measured.evaluation(run.name, CROSSFIT).splits[CROSSFIT]


def _of_predictions(project: Project, path: Path, split_file: Path | str | None) -> Evaluation:
    labels = project.labels()
    _, tracks = formats.open_any(path, "tracks")
    if not isinstance(tracks, Tracks):
        raise LabelsError(f"expected predictions, got labels: {path}")
    if tracks.points.shape[-1] != 2:
        raise LabelsError(f"expected predictions in pixels of the frame (x, y), got 3D points: {path}")
    if tracks.n_individuals > 1:
        raise LabelsError(
            f"measuring several animals at once comes in a later version; {path} has {tracks.n_individuals}: "
            f"{', '.join(tracks.individuals[:4])}"
        )
    rows = _rows_of_frames(tracks, labels, path, project)
    labels = labels.select([image for image, row in rows.items() if row is not None])
    split = {"all": list(labels.images)}
    if split_file is not None:
        parts = read_split(Path(split_file), project.labels().images)
        found = set(labels.images)
        split = {part: [image for image in images if image in found] for part, images in parts.items()}
    order = [
        tracks.skeleton.keypoints.index(k) if k in tracks.skeleton.keypoints else -1 for k in labels.skeleton.keypoints
    ]
    if max(order) < 0:
        raise LabelsError(
            f"no keypoint of {path} is in {project.root.name}: expected some of "
            f"{', '.join(labels.skeleton.keypoints)}, got {', '.join(tracks.skeleton.keypoints)}"
        )
    index = [row for row in rows.values() if row is not None]  # in the order of the labels
    missing = np.array(order) < 0
    predicted = np.where(missing[None, :, None], np.nan, tracks.points[index, 0][:, order])
    score = np.where(missing[None], np.nan, tracks.score[index, 0][:, order])
    measured = Measured.of(labels, Predicted(predicted, score, precision=""), split)
    return measured.evaluation(path.name, project.root.name)


def _rows_of_frames(tracks: Tracks, labels: Labels, path: Path, project: Project) -> dict[str, int | None]:
    """Label image -> row of the predictions, None where there is none: by image name where the file has them, else by
    the number in the image's name.

    Raises:
        LabelsError: not one frame fits, or the video is unclear or has no labels.
    """
    images = tracks.provenance.get("images")
    if images:
        rows = _rows_by_name([str(name).replace("\\", "/") for name in images], labels.images)
    else:
        meant = _labeled_video(tracks, labels, path, project)
        rows = {f.image: _frame_number(f, tracks.n_frames) if f.video == meant else None for f in labels.frames}
    if all(row is None for row in rows.values()):
        raise LabelsError(
            f"no labeled frame is in {path}: expected names such as {labels.images[0]}, or its frame number as a row"
        )
    return rows


def _labeled_video(tracks: Tracks, labels: Labels, path: Path, project: Project) -> str:
    """The labeled video that predictions are of: the one they name, else the longest that the file's name begins with.

    Raises:
        LabelsError: the file is of another video, or nothing tells.
    """
    labeled = {frame.video for frame in labels.frames}
    known = labeled | {video_stem(video) for video in project.videos()}
    said = said_stem(tracks.video, path)
    if said and path.name.startswith(said):
        known.add(said)
    longest = max((video for video in known if path.name.startswith(video)), key=len, default="")
    named = longest if begins_with(path.name, longest) else ""
    meant = said if said in known else named
    if meant in labeled:
        return meant
    some = ", ".join(sorted(labeled)[:3]) + (", ..." if len(labeled) > 3 else "")
    if meant:
        raise LabelsError(f"{path.name} is of video {meant}, which has no labels; labeled in {project.root}: {some}")
    raise LabelsError(
        f"{path.name} has a row per frame, but does not begin with the name of a labeled video ({some}); "
        "rename it so that it does"
    )


def _rows_by_name(names: Sequence[str], images: Sequence[str]) -> dict[str, int | None]:
    """By the whole path; where no path fits, the folders are called otherwise and file names decide if they are unique
    on both sides.
    """
    by_path = {name: row for row, name in enumerate(names)}
    if any(image in by_path for image in images):
        return {image: by_path.get(image) for image in images}
    files = [name.rsplit("/", 1)[-1] for name in names]
    ours = Counter(image.rsplit("/", 1)[-1] for image in images)
    theirs = Counter(files)
    by_file = {file: row for row, file in enumerate(files) if theirs[file] == 1 and ours[file] == 1}
    return {image: by_file.get(image.rsplit("/", 1)[-1]) for image in images}


def _frame_number(frame: LabeledFrame, n_frames: int) -> int | None:
    digits = re.findall(r"\d+", frame.image.rsplit("/", 1)[-1])
    return int(digits[-1]) if digits and int(digits[-1]) < n_frames else None


def _page(evaluation: Evaluation, measured: Measured, run: Run, notes: list[str]) -> EvaluationPage:
    part_of = {image: part for part, images in measured.split.items() for image in images}
    frames = {frame.image: frame for frame in measured.labels.frames}
    names, predicted = measured.labels.images, measured.predicted
    parts = [part_of.get(name, "") for name in names]
    table = PointTable(names, parts, measured.labeled, predicted.xy, predicted.score, measured.error)
    return EvaluationPage(
        run=run.name,
        labels=evaluation.labels,
        skeleton=run.skeleton,
        animal_size_px=evaluation.animal_size_px,
        splits=evaluation.splits,
        points=table,
        calibration=evaluation.calibration,
        colors=colors_for_run(run),
        open_image=lambda name: read_image(frames[name].picture),
        learning=_learning(run.folder),
        settings={f"{group}.{key}": value for group, values in run.settings.items() for key, value in values.items()},
        notes=[*notes, f"predictions computed in {evaluation.precision}; analyze may compute in bf16"],
    )


def _learning(folder: Path) -> list[tuple[float, float, float]]:
    """Rows of the learning curve: losses, then errors on validation frames; empty when the run has no metrics."""
    losses = [(float(row.step), row.loss, float("nan")) for row in read_metrics(folder / METRICS_FILE)]
    examples = read_examples(folder / EXAMPLES_FILE)
    looks = examples.looks if examples is not None and examples.part == "validation" else ()
    return losses + [(float(look.step), float("nan"), look.mean_px) for look in looks] if losses else []


def _project_of(source: Project | Run | Path | str) -> Project:
    if isinstance(source, Project):
        return source
    if isinstance(source, Run):
        folder = source.folder.parent.parent
        if not (folder / "config.yaml").is_file():
            raise RunError(f"expected the run in PROJECT/runs/, got {source.folder}; open the project and name the run")
        return Project(folder)
    return Project(source)
