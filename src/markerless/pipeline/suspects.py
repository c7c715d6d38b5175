"""Labels that are probably mistakes: the part of `check` that ranks them and shows them in a page of pictures.

With a run, predictions of networks that have not seen a frame are asked: those its training kept for the frames that
trained (`crossfit.json`), and the network of the run itself for all others. Without one, the labels alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from markerless.analysis.held_out_suspects import suspects_with_predictions
from markerless.analysis.label_suspects import Proposal, Suspect, proposals, suspects
from markerless.core.crossfit import CrossFit
from markerless.core.instance import FloatArray
from markerless.core.labels import Labels
from markerless.core.progress import Progress, silent
from markerless.errors import MarkerlessError, StorageError
from markerless.pipeline.colors import colors_of
from markerless.pipeline.predict import predict_frames
from markerless.project import Project, Run
from markerless.project import crossfit as crossfits
from markerless.project.crossfit import CROSSFIT_FILE
from markerless.project.label_files import count
from markerless.report.suspects import SuspectPicture, suspects_page
from markerless.video.images import read_image

PAGE_FILE = "suspects.html"
MOST = 60
LEAST_LIKELY = 0.2  # probability of a mistake from which a label is shown to somebody who did not ask for a list
LEAST_LOGIT_SHARE = 1e-6  # scores of 0 and 1 have no logit

Sizes = Mapping[str, tuple[int, int]]  # image -> (width, height) in pixels, of the pictures that can be read


@dataclass(frozen=True)
class SuspectRequest:
    """What is asked of `check`.

    Attributes:
        run: Name of the run whose predictions are used; None is the newest that has some, if any has.
        most: How many labels are proposed at most.
    """

    run: str | None = None
    most: int = MOST


@dataclass(frozen=True)
class Ranking:
    """What was found.

    Attributes:
        suspects: The most suspicious first, as many as there are proposals of.
        proposals: The labels they are about, one by one.
        run: Whose predictions were used; None when the labels alone were looked at.
        notes: Remarks for the user, a line each.
        page: The pictures; None when the page cannot be written, which the notes say.
    """

    suspects: tuple[Suspect, ...]
    proposals: tuple[Proposal, ...]
    run: str | None
    notes: tuple[str, ...]
    page: Path | None

    def to_json(self) -> dict[str, Any]:
        """Plain values, to stand beside those of `check`."""
        return {
            "suspects_run": self.run,
            "suspects_notes": list(self.notes),
            "proposals": [asdict(proposal) for proposal in self.proposals],
            "pictures": str(self.page) if self.page is not None else None,
        }


def rank_suspects(
    study: Project, labels: Labels, sizes: Sizes, request: SuspectRequest, progress: Progress = silent
) -> Ranking:
    """Rank the labels that are probably mistakes, and write the page that shows them.

    Args:
        study: The project.
        labels: Its labels.
        sizes: The pictures that can be read.
        request: Which run, how many.
        progress: Told of every picture that a network looks at.

    Raises:
        RunError: there is no such run, or its predictions are damaged.
    """
    run, notes = _run(study, request.run, labels)
    diagonals = {image: float(np.hypot(*size)) for image, size in sizes.items()}
    size = labels.animal_size_px(float(np.median(list(diagonals.values()))) if diagonals else float("nan"))
    if run is None or not size > 0:
        run, ranked, place = None, suspects(labels, diagonals), study.root
    else:
        crossfit = crossfits.read(run.folder / CROSSFIT_FILE)
        crossfit, more = _with_held_out(crossfit, run, labels, sizes, progress)
        notes += [*more, *_about(crossfit, study, run, labels)]
        ranked, place = suspects_with_predictions(labels, crossfit, size, diagonals), run.folder
    proposed = proposals(ranked, labels, request.most)
    shown = ranked[: max((proposal.suspect for proposal in proposed), default=-1) + 1]
    name = run.name if run is not None else None
    ranking = Ranking(tuple(shown), tuple(proposed), name, tuple(notes), place / PAGE_FILE)
    try:
        _write_page(study, labels, ranking, size)
    except StorageError as error:  # a project on read-only media can be checked all the same
        ranking = replace(ranking, page=None, notes=(*ranking.notes, f"no page of pictures: {error}"))
    return ranking


def suspects_at_hand(study: Project, labels: Labels) -> tuple[str | None, tuple[Suspect, ...]]:
    """Labels that are probably mistakes, by what is on the disk already: no picture is read, no network asked, nothing
    written.

    Args:
        study: The project.
        labels: Its labels.

    Returns:
        Name of the run whose cross-fitted predictions were used, None when the labels alone were looked at; and the
        suspects worth a look, the most suspicious first.

    Raises:
        RunError: the predictions are damaged.
    """
    run, _ = _run(study, None, labels)
    size = labels.animal_size_px()
    if run is None or not size > 0:
        run, ranked = None, suspects(labels)
    else:
        found = suspects_with_predictions(labels, crossfits.read(run.folder / CROSSFIT_FILE), size)
        ranked = [suspect for suspect in found if suspect.score >= LEAST_LIKELY]
    proposed = proposals(ranked, labels, MOST)
    shown = ranked[: max((proposal.suspect for proposal in proposed), default=-1) + 1]
    return (run.name if run is not None else None), tuple(shown)


def _run(study: Project, name: str | None, labels: Labels) -> tuple[Run | None, list[str]]:
    """The run to ask, and why there is none."""
    if labels.is_multi_animal:
        return None, ["several animals: judged by the labels alone"]
    names = [name] if name is not None else list(reversed(study.runs()))
    for run in map(study.run, names):
        if (run.folder / CROSSFIT_FILE).is_file():
            return run, []
    missing = f"run '{name}' has no {CROSSFIT_FILE}" if name is not None else "no run with cross-fitted predictions"
    return None, [f"{missing}: judged by the labels alone; 'markerless train' and another check give a better list"]


def _with_held_out(
    crossfit: CrossFit, run: Run, labels: Labels, sizes: Sizes, progress: Progress
) -> tuple[CrossFit, list[str]]:
    """The cross-fitted predictions and, for frames that did not train, those of the run's own network."""
    trained = {*crossfit.images, *run.split["train"]}
    images = [image for image in labels.images if image not in trained and image in sizes]
    if not images:
        return crossfit, []
    try:
        predicted = predict_frames(run, labels.select(images), progress=progress)
    except MarkerlessError as error:
        return crossfit, [f"{count(len(images), 'frame')} that did not train: judged by the labels alone ({error})"]
    names = run.skeleton.keypoints
    columns = [names.index(name) if name in names else -1 for name in crossfit.keypoints]
    known = np.array(columns) >= 0
    xy = np.where(known[:, None], predicted.xy[:, columns], np.nan)
    score = np.where(known & np.isfinite(xy).all(-1), predicted.score[:, columns], np.nan)
    xy = np.where(np.isfinite(score)[..., None], xy, np.nan)
    more = CrossFit(tuple(images), crossfit.keypoints, xy, score, _error_of(score, crossfit), crossfit.tolerance_px)
    return _joined(crossfit, more), []


def _error_of(score: FloatArray, crossfit: CrossFit) -> FloatArray:
    """`(F, K)` expected errors in px of points with these scores, as cross-fitted points of equal scores have them.

    The logarithm of the expected error falls with the logit of the score, in a straight line.
    """
    known = np.isfinite(crossfit.xy).all(-1)
    x, y = _logit(crossfit.score[known]), np.log(crossfit.expected_error[known])
    if len(x) < 2 or np.ptp(x) < LEAST_LOGIT_SHARE:
        typical = float(np.median(crossfit.expected_error[known])) if len(x) else crossfit.tolerance_px
        return np.where(np.isfinite(score), typical, np.nan)
    slope, level = np.polyfit(x, y, 1)
    return np.asarray(np.exp(np.clip(level + slope * _logit(score), y.min(), y.max())))


def _logit(score: FloatArray) -> FloatArray:
    share = np.clip(score, LEAST_LOGIT_SHARE, 1 - LEAST_LOGIT_SHARE)
    return np.asarray(np.log(share / (1 - share)))


def _joined(one: CrossFit, other: CrossFit) -> CrossFit:
    return replace(
        one,
        images=one.images + other.images,
        xy=np.concatenate([one.xy, other.xy]),
        score=np.concatenate([one.score, other.score]),
        expected_error=np.concatenate([one.expected_error, other.expected_error]),
    )


def _about(crossfit: CrossFit, study: Project, run: Run, labels: Labels) -> list[str]:
    """What the user should know of the predictions."""
    notes = []
    tables = [table for video in study.label_folders() for table in study.label_tables(video)]
    changed = [path.stat().st_mtime for table in tables for path in (table.h5, table.csv) if path is not None]
    if max(changed, default=0.0) > (run.folder / CROSSFIT_FILE).stat().st_mtime:
        notes.append(
            f"label files are newer than {run.name}: they are compared as they are now, but its networks learned from "
            "the old ones"
        )
    without = len(set(labels.images) - set(crossfit.images))
    if without:
        notes.append(f"{count(without, 'frame')} without predictions: judged by the labels alone")
    unknown = [name for name in labels.skeleton.keypoints if name not in crossfit.keypoints]
    if unknown:
        notes.append(f"{run.name} does not predict {', '.join(unknown)}: judged by the labels alone")
    return notes


def _write_page(study: Project, labels: Labels, ranking: Ranking, size: float) -> None:
    assert ranking.page is not None
    basis = f"by predictions of {ranking.run}" if ranking.run else "by the labels alone"
    heading = (
        f"Labels of {study.name} that may be mistakes",
        f"{count(len(ranking.proposals), 'label')} to look at, the most suspicious first, found {basis}",
    )
    pictures = _pictures(labels, ranking)
    suspects_page(heading, ranking.notes, pictures, study.skeleton, size, colors_of(study)).write(ranking.page)


def _pictures(labels: Labels, ranking: Ranking) -> Iterator[SuspectPicture]:
    rows, points = {image: f for f, image in enumerate(labels.images)}, labels.xy()
    for number, suspect in enumerate(ranking.suspects, start=1):
        f = rows[suspect.image]
        try:
            image = read_image(labels.frames[f].picture)
        except MarkerlessError:
            continue  # `check` says that it cannot be read
        path = PurePosixPath(suspect.image)
        title = f"{number}. {path.parent.name}/{path.name}{how_likely(suspect, ranking.run)}"
        yield SuspectPicture(title, suspect, image, points[f, labels.individuals.index(suspect.individual)])


def how_likely(suspect: Suspect, run: str | None) -> str:
    """The probability of a mistake in words, where there is one."""
    return f", {min(100 * suspect.score, 99):.0f} %" if run is not None else ""
