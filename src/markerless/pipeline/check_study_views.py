"""`check PROJECT`: do the labels of a study's views agree, and which do not?

What is said of cameras is that of `check CALIBRATION --labels`; single labels are compared with the other views of
their moment, as the label page does it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from markerless.analysis.label_checks import Finding
from markerless.core.instance import FloatArray
from markerless.core.labels import Labels
from markerless.core.views import CONTRADICTORY
from markerless.errors import CalibrationError, FormatError, VideoError
from markerless.multiview.expected_view import expected_line, expected_places
from markerless.multiview.point_fit import Observed, fit_points
from markerless.multiview.triangulate import DISTANCE_PER_SD, distances, triangulate
from markerless.pipeline.check_views import ODD_LABEL, check_seen
from markerless.pipeline.study_views import FILE, StudyViews, read_study_views
from markerless.pipeline.view_labels import Moments, ViewRig, moments_of, placed_of, rig_of
from markerless.pipeline.view_suggestions import FAR
from markerless.project import Project
from markerless.project.label_files import DATA_FOLDER
from markerless.video.images import image_size

TORN = "views disagree"
_MOST_TORN = 500  # each takes milliseconds; where there are more, it is not single labels that are wrong


@dataclass(frozen=True)
class OddLabel:
    """A label that is not where other views put it.

    Attributes:
        folder: Of `labeled-data`.
        picture: Its file name there.
        individual: The animal.
        keypoint: As the study calls it.
        view: The view that it is in.
        off_px: Its distance from where the others put it; from the line of the other one, where there is but one.
        times: The same in expected errors.
        others: Views that it was compared with.
        is_torn: Whether nobody can say which of them is wrong.
    """

    folder: str
    picture: str
    individual: str
    keypoint: str
    view: str
    off_px: float
    times: float
    others: tuple[str, ...]
    is_torn: bool

    @property
    def message(self) -> str:
        """One line."""
        others = " and ".join(filter(None, (", ".join(self.others[:-1]), self.others[-1])))
        far = f"{self.off_px:.0f} px ({self.times:.0f} times the expected error)"
        if not self.is_torn:
            return f"{self.keypoint} in view {self.view} is {far} from where {others} put it"
        if len(self.others) == 1:
            return f"{self.keypoint} in view {self.view} is {far} from the line on which {others} sees it: one is wrong"
        return (
            f"{self.keypoint} in view {self.view} and in {others} do not fit together, by {far}: one or more are wrong"
        )


def view_findings(study: Project, labels: Labels) -> list[Finding]:
    """What the views of a study say of each other; nothing where it has none."""
    try:
        views = read_study_views(study)
        if views is None:
            return []
        moments = moments_of(views, placed_of(labels), labels.individuals)
        if not (np.isfinite(moments.seen.xy).all(axis=-1).sum(axis=0) >= 2).any():
            return [_nothing_shared(views)]
        _require_sizes(study, views, moments)
    except (FormatError, CalibrationError) as error:
        return [Finding("error", "views", FILE, str(error))]
    try:
        rig = rig_of(views, moments)
    except CalibrationError as error:  # cameras that have to be found, from too few labels as yet
        return [Finding("note", "views", FILE, str(error))]
    findings, wrong = _of_cameras(rig, moments)
    for odd in odd_labels(views, rig, moments, leave_out=wrong):
        whose = "" if len(labels.individuals) == 1 else f" of {odd.individual}"
        where = f"{DATA_FOLDER}/{odd.folder}/{odd.picture}{whose}"
        findings.append(Finding("warning", TORN if odd.is_torn else ODD_LABEL, where, odd.message))
    return findings


def _require_sizes(study: Project, views: StudyViews, moments: Moments) -> None:
    """Refuse pictures of another size than their camera's, looking at the first one of every folder."""
    if views.calibration is None:
        return
    first: dict[str, tuple[int, str]] = {}
    for pictures in moments.pictures:
        for view, (folder, picture) in pictures.items():
            first.setdefault(folder, (view, picture))
    for folder, (view, picture) in first.items():
        path = study.root / DATA_FOLDER / folder / picture
        shown = None if views.is_one_picture else view
        with suppress(VideoError):  # a picture that is not there or cannot be read is a finding of its own
            views.require_size(views.calibration.cameras, shown, image_size(path), f"{DATA_FOLDER}/{folder}/{picture}")


def odd_labels(views: StudyViews, rig: ViewRig, moments: Moments, leave_out: str | None = None) -> list[OddLabel]:
    """The labels that are farther than `FAR` expected errors from where the others put them, the farthest off first.

    Args:
        views: What the views are.
        rig: Their cameras.
        moments: Their labels.
        leave_out: A view whose calibration is wrong.
    """
    xy = moments.flat_xy.reshape(len(views.names), -1, 2).copy()
    if leave_out is not None:
        xy[views.names.index(leave_out)] = np.nan
    n_animals, n_keypoints = moments.seen.xy.shape[2:4]
    error = np.tile(rig.error, (1, len(moments.pictures) * n_animals))
    found = sorted([*_away(rig, xy, error), *_torn(rig, xy, error)], key=lambda one: -one.times)
    odd = []
    for one in found:
        moment, column = divmod(one.point, n_animals * n_keypoints)
        animal, keypoint = divmod(column, n_keypoints)
        folder, picture = moments.pictures[moment][one.view]
        odd.append(
            OddLabel(
                folder,
                picture,
                moments.seen.individuals[animal],
                views.own_keypoints[int(views.index[one.view, keypoint])],
                views.names[one.view],
                one.off_px,
                one.times,
                tuple(views.names[view] for view in one.others),
                one.is_torn,
            )
        )
    return odd


@dataclass(frozen=True)
class _Odd:
    """An odd label by the numbers of its view and point."""

    view: int
    point: int
    off_px: float
    times: float
    others: tuple[int, ...]
    is_torn: bool


def _away(rig: ViewRig, xy: FloatArray, error: FloatArray) -> Iterator[_Odd]:
    """Labels that are far from where two or more others put them."""
    for view in range(len(xy)):
        places = expected_places(rig.calibration.cameras, xy, error, view)
        off = np.linalg.norm(xy[view] - places.xy, axis=-1)
        times = off / places.spread
        for point in np.flatnonzero(times > FAR):  # false for NaN
            others = tuple(np.flatnonzero(places.used[:, point]).tolist())
            yield _Odd(view, int(point), float(off[point]), float(times[point]), others, False)


def _torn(rig: ViewRig, xy: FloatArray, error: FloatArray) -> Iterator[_Odd]:
    """Points of which the views contradict each other, and nobody can say which is wrong; told of the first view."""
    cameras = rig.calibration.cameras
    fit = triangulate(cameras, xy, error)
    torn = np.flatnonzero(fit.state == CONTRADICTORY)
    joint = fit_points(Observed.of(cameras, xy[:, torn], error[:, torn] / DISTANCE_PER_SD), np.isfinite(xy[:, torn, 0]))
    worst = np.argsort(-np.nan_to_num(joint.misfit, nan=np.inf))[:_MOST_TORN]
    torn = torn[worst]
    off = distances(cameras, joint.points[worst], xy[:, torn])
    for place, point in enumerate(torn.tolist()):
        first, *others = np.flatnonzero(np.isfinite(xy[:, point, 0])).tolist()
        if len(others) > 1:
            far, times = (float(np.nanmax(values)) for values in (off[:, place], off[:, place] / error[:, point]))
        else:
            far, times = _from_line(rig, xy[:, point], (first, others[0]), error[:, point])
        if times > FAR:
            yield _Odd(first, point, far, times, tuple(others), True)


def _from_line(rig: ViewRig, xy: FloatArray, pair: tuple[int, int], error: FloatArray) -> tuple[float, float]:
    """How far the first view's label is from the line of the second one's: px, and in expected errors."""
    first, second = pair
    cameras = rig.calibration.cameras
    line = expected_line(cameras[first], cameras[second], xy[second], (float(error[first]), float(error[second])))
    if len(line.xy) < 2:
        return float("nan"), float("nan")
    start, way = line.xy[:-1], np.diff(line.xy, axis=0)
    along = np.clip(((xy[first] - start) * way).sum(axis=-1) / (way * way).sum(axis=-1), 0, 1)
    off = np.linalg.norm(xy[first] - start - along[:, None] * way, axis=-1)
    nearest = int(off.argmin())
    return float(off[nearest]), float(off[nearest] / line.spread[nearest])


def _of_cameras(rig: ViewRig, moments: Moments) -> tuple[list[Finding], str | None]:
    """What is to be said of whole cameras, and the one that does not go with the others."""
    findings = [Finding("warning", "views", FILE, note) for note in rig.notes]
    try:
        report = check_seen(rig.calibration, moments.seen, FILE)
    except CalibrationError as error:  # too few points
        return [*findings, Finding("note", "views", FILE, str(error))], None
    findings += [finding for finding in report.findings if finding.kind != ODD_LABEL]
    return findings, report.wrong


def _nothing_shared(views: StudyViews) -> Finding:
    if views.is_one_picture:
        message = "no keypoint is labeled in two of its views in the same picture: nothing to compare"
    else:
        message = (
            "no keypoint is labeled in two views of the same moment: nothing to compare; 'markerless views PROJECT "
            "--extract' makes pictures of the same moments in all views"
        )
    return Finding("note", "views", FILE, message)
