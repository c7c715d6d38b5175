"""Two runs on the same labeled frames, before and after: the verb `compare`.

A network is good on frames that it has learned by heart, so frames are told apart by who has trained on them:

- `unseen`: neither run, nor one that it was started from. These decide.
- `new`: the run after alone, as frames that were corrected and then trained on. Its answers here are those of the
  cross-fitted networks of its training, which had not seen the frame.
- `seen`: all others. They show what was learned and what was lost, and decide nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from markerless.core.change import changes_by_video, mean_changes
from markerless.core.crossfit import CrossFit
from markerless.core.instance import FloatArray
from markerless.core.labels import Labels
from markerless.core.metrics import point_errors
from markerless.core.progress import Progress, silent
from markerless.core.skeleton import Skeleton
from markerless.errors import LabelsError, RunError
from markerless.pipeline.comparison import GROUPS, NEW, SEEN, UNSEEN, Comparison, Group
from markerless.pipeline.measured import one_animal
from markerless.pipeline.predict_cache import predict_cached
from markerless.project import Project, Run, crossfit
from markerless.project.crossfit import CROSSFIT_FILE
from markerless.project.label_files import count
from markerless.video.images import image_size


@dataclass(frozen=True)
class Standing:
    """What a run has seen, and what is known of its answers to frames that it has.

    Attributes:
        run: The run.
        trained: Images that it, or a run it was started from, trained on.
        held_out: Answers of its cross-fitted networks; None where there are none.
    """

    run: Run
    trained: frozenset[str]
    held_out: CrossFit | None


def compare(project: Project, before: str, after: str, progress: Progress = silent) -> Comparison:
    """Measure two runs on all labeled frames of a study.

    Args:
        project: The study.
        before: Name of a finished run.
        after: Name of another one.
        progress: Told after every picture that a network looks at.

    Raises:
        RunError: no such finished run, twice the same, or its model is damaged.
        LabelsError: no labels, several animals, or no keypoint that both runs know.
        VideoError: a picture cannot be decoded.
    """
    if before == after:
        raise RunError(f"expected two different runs to compare, got '{before}' twice")
    runs = (standing_of(project, before), standing_of(project, after))
    skeleton, notes = _shared_skeleton(project, runs[0].run, runs[1].run)
    labels = project.labels()
    there = [frame.image for frame in labels.frames if frame.path is not None and frame.path.is_file()]
    if len(there) < len(labels):
        notes.append(f"{count(len(labels) - len(there), 'frame')} without a picture: left out")
    labels = labels.select(there)
    groups = groups_of(labels, *runs)
    predicted = [
        _answers(standing.run, labels, skeleton, _part(progress, len(labels), place))
        for place, standing in enumerate(runs)
    ]
    progress(2 * len(labels), 2 * len(labels), "")
    labels = labels.matching(skeleton)
    predicted[1] = _held_out(predicted[1], labels, groups[NEW], runs[1].held_out)
    return _comparison(project, (before, after), labels, groups, (predicted[0], predicted[1]), notes)


def standing_of(project: Project, name: str) -> Standing:
    """What the run called `name` has seen.

    Raises:
        RunError: no such finished run, or it is damaged.
    """
    run = project.run(name)
    path = run.folder / CROSSFIT_FILE
    return Standing(run, trained_on(project, run), crossfit.read(path) if path.is_file() else None)


def trained_on(project: Project, run: Run) -> frozenset[str]:
    """The images that a run was trained on, and the runs that it goes back to, as far as they are still there."""
    images: set[str] = set()
    known: set[str] = set()
    ancestor: Run | None = run
    while ancestor is not None and ancestor.name not in known:
        known.add(ancestor.name)
        images |= set(ancestor.split["train"])
        ancestor = parent_of(project, ancestor)
    return frozenset(images)


def parent_of(project: Project, run: Run) -> Run | None:
    """The run that another one was started from; None where there is none any more."""
    name = run.settings["run"].get("start_from")
    if not isinstance(name, str) or not name:
        return None
    try:
        return Run.open(project.run_folder(name))
    except RunError:
        return None


def groups_of(labels: Labels, before: Standing, after: Standing) -> dict[str, list[str]]:
    """The images of each group; every labeled frame is in one."""
    answered = set(after.held_out.images) if after.held_out is not None else set()
    groups: dict[str, list[str]] = {name: [] for name in GROUPS}
    for frame in labels.frames:
        image = frame.image
        if image not in before.trained and image not in after.trained:
            groups[UNSEEN].append(image)
        elif image not in before.trained and image in answered:
            groups[NEW].append(image)
        else:
            groups[SEEN].append(image)
    return groups


def _shared_skeleton(project: Project, before: Run, after: Run) -> tuple[Skeleton, list[str]]:
    """The keypoints that both runs predict, in the project's order, and a remark on those left out."""
    both = set(before.skeleton.keypoints) & set(after.skeleton.keypoints)
    names = [name for name in project.skeleton.keypoints if name in both]
    if not names:
        raise LabelsError(
            f"runs '{before.name}' and '{after.name}' share no keypoint of the project: expected some of "
            f"{', '.join(project.skeleton.keypoints)}, got {', '.join(before.skeleton.keypoints)} and "
            f"{', '.join(after.skeleton.keypoints)}"
        )
    left_out = [name for name in project.skeleton.keypoints if name not in both]
    notes = [f"{', '.join(left_out)}: not known to both runs, left out"] if left_out else []
    edges = [(project.skeleton.keypoints[a], project.skeleton.keypoints[b]) for a, b in project.skeleton.edges]
    kept = [pair for pair in edges if both.issuperset(pair)]
    return Skeleton(tuple(names)).with_edges(kept), notes


def _part(progress: Progress, n_frames: int, place: int) -> Progress:
    """The progress of the first or the second of two passes over the frames."""
    return lambda done, _total, text: progress(place * n_frames + done, 2 * n_frames, text)


def _answers(run: Run, labels: Labels, skeleton: Skeleton, progress: Progress) -> FloatArray:
    """`(F, K, 2)` px of what a run says, keypoints in the order of `skeleton`."""
    found = predict_cached(run, labels, progress)
    columns = [run.skeleton.keypoints.index(name) for name in skeleton.keypoints]
    return np.asarray(found.xy[:, columns])


def _held_out(xy: FloatArray, labels: Labels, images: Sequence[str], answers: CrossFit | None) -> FloatArray:
    """`xy` with the answers of cross-fitted networks at `images`."""
    if answers is None or not images:
        return xy
    names = answers.keypoints
    columns = [names.index(name) if name in names else -1 for name in labels.skeleton.keypoints]
    known = np.array(columns) >= 0
    place = {image: row for row, image in enumerate(answers.images)}
    rows = {image: row for row, image in enumerate(labels.images)}
    result = xy.copy()
    for image in images:
        result[rows[image]] = np.where(known[:, None], answers.xy[place[image]][columns], np.nan)
    return result


def _comparison(
    project: Project,
    names: tuple[str, str],
    labels: Labels,
    groups: Mapping[str, Sequence[str]],
    predicted: tuple[FloatArray, FloatArray],
    notes: Sequence[str],
) -> Comparison:
    labeled = one_animal(labels)
    diagonal = np.array([np.hypot(*image_size(frame.picture)) for frame in labels.frames])
    errors = tuple(point_errors(xy, labeled, diagonal) for xy in predicted)
    if not np.isfinite(errors[0]).any():
        raise LabelsError(f"no labeled point in {project.root} that runs {' and '.join(names)} could be measured on")
    group_of = {image: name for name, images in groups.items() for image in images}
    result = Comparison(
        before=names[0],
        after=names[1],
        labels=project.root.name,
        keypoints=labels.skeleton.keypoints,
        edges=labels.skeleton.edges,
        animal_size_px=labels.animal_size_px(float(np.median(diagonal))),
        images=labels.images,
        group_of=tuple(group_of[image] for image in labels.images),
        labeled=labeled,
        predicted=predicted,
        errors=(errors[0], errors[1]),
        notes=tuple(notes),
    )
    return replace(result, groups={name: _group(result, labels, name) for name in GROUPS})


def _group(found: Comparison, labels: Labels, name: str) -> Group | None:
    """The figures of one group; None when none of its points is labeled."""
    rows = [row for row, group in enumerate(found.group_of) if group == name]
    before, after = (table[rows] for table in found.errors)
    videos = [labels.frames[row].video for row in rows]
    change, columns = mean_changes(before, after, videos)
    if change is None:
        return None
    each = dict(zip(found.keypoints, columns, strict=True))
    return Group(name, change, each, changes_by_video(before, after, videos), (_median(before), _median(after)))


def _median(errors: FloatArray) -> float:
    return float(np.nanmedian(errors))
