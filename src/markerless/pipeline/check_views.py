"""`check CALIBRATION --labels ...`: does a calibration belong to what the cameras saw, and which camera does not?

Every camera is left out once: how well the others agree without it, and how far its points lie from where the others
put them. A camera whose calibration is wrong spoils every agreement but the one without it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from markerless.analysis.label_checks import Finding
from markerless.core.camera import Calibration, Camera
from markerless.core.instance import FloatArray
from markerless.core.views import GOOD
from markerless.errors import CalibrationError
from markerless.multiview.calibration_file import read_calibration
from markerless.multiview.noise import learn_noise
from markerless.multiview.plausible import doubts
from markerless.multiview.point_fit import Observed, fit_points
from markerless.multiview.triangulate import distances, triangulate
from markerless.pipeline.seen_points import SeenPoints, Source, read_seen

ODD_LABEL = "odd label"
_FAR = 4.0  # times as far from where the others put its points as they agree: the camera is wrong
_SPOILS = 2.0  # times better the others agree without it than without any other camera
_LEAST_PX = 5.0  # what is nearer than that is no matter of calibration
_FEWEST = 10
_WRONG_LABEL = 5.0  # expected errors from where the other views put a point: a label to look at


@dataclass(frozen=True)
class CameraAgreement:
    """How one camera goes with the others.

    Attributes:
        name: Of the camera.
        n_points: Points that it shares with two others (with one other, where there are but two cameras).
        off_px: Median distance of its points from where the others put them; NaN with two cameras, and of a camera that
            cannot be one.
        others_px: Median distance of the others' points from where they put them without it; NaN likewise.
    """

    name: str
    n_points: int
    off_px: float
    others_px: float


@dataclass(frozen=True)
class ViewsCheck:
    """What was found.

    Attributes:
        calibration: Where the cameras came from.
        cameras: Of each that has labels.
        together_px: Median distance of all points from where all cameras together put them.
        wrong: Name of the camera that does not go with the others; None when there is none, or it cannot be told.
        findings: In words, errors first.
    """

    calibration: str
    cameras: tuple[CameraAgreement, ...]
    together_px: float
    wrong: str | None
    findings: tuple[Finding, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def check_views(calibration: Calibration | Path | str, files: Mapping[str, Source]) -> ViewsCheck:
    """Compare what the cameras saw with how they are calibrated.

    Args:
        calibration: Cameras, or their file.
        files: Camera -> labels or predictions of any tool.

    Raises:
        CalibrationError: unknown camera, fewer than two cameras, or too few points that they share.
        FormatError: a file that cannot be read.
        LabelsError: files that do not go together.
    """
    where = "calibration" if isinstance(calibration, Calibration) else Path(calibration).name
    rig = calibration if isinstance(calibration, Calibration) else read_calibration(calibration)
    for name in files:
        rig.camera(name)
    seen = read_seen(files)
    report = check_seen(rig, seen, where)
    return report if isinstance(calibration, Calibration) else replace(report, calibration=str(calibration))


def check_seen(rig: Calibration, seen: SeenPoints, where: str) -> ViewsCheck:
    """The same of what has been read; `where` names the calibration in what is found.

    A camera that cannot be one is found, and the others are compared without it.

    Raises:
        CalibrationError: unknown camera, or too few points that the views share.
    """
    chosen = replace(rig, cameras=tuple(rig.camera(name) for name in seen.views))
    found = doubts(chosen)
    findings = [Finding("error" if doubt.impossible else "warning", "camera", where, doubt.message) for doubt in found]
    none = {doubt.cameras[0] for doubt in found if doubt.impossible and len(doubt.cameras) == 1}
    sound = [index for index, name in enumerate(seen.views) if name not in none]
    cameras = tuple(chosen.cameras[index] for index in sound)
    xy = seen.flat_xy.reshape(len(seen.views), -1, 2)[sound]
    shared = (np.isfinite(xy).all(axis=-1).sum(axis=0) >= 2).sum()
    if shared < _FEWEST and none:
        return ViewsCheck(where, tuple(map(_untold, seen.views)), float("nan"), None, tuple(findings))
    if shared < _FEWEST:
        raise CalibrationError(
            f"expected at least {_FEWEST} points that two cameras see, got {shared}; give more labels"
        )
    together = _agreement(cameras, xy)
    told = {camera.name: _left_out(cameras, index, xy) for index, camera in enumerate(cameras)}
    wrong = _wrong(tuple(told.values()))
    findings += _verdict(tuple(told.values()), wrong, together, where)
    good = [index for index in sound if seen.views[index] != wrong]
    if len(good) >= 3 and not any(set(doubt.cameras) <= {seen.views[i] for i in good} for doubt in found):
        findings += _odd_labels(replace(chosen, cameras=tuple(chosen.cameras[i] for i in good)), seen, good)
    agreements = tuple(told.get(name, _untold(name)) for name in seen.views)
    return ViewsCheck(where, agreements, together, wrong, tuple(findings))


def _untold(name: str) -> CameraAgreement:
    return CameraAgreement(name, 0, float("nan"), float("nan"))


def _points(cameras: tuple[Camera, ...], xy: FloatArray) -> FloatArray:
    """Where all cameras together put the points, whether they agree or not."""
    observed = Observed.of(cameras, xy, np.ones(xy.shape[:-1]))
    return fit_points(observed, observed.seen).points


def _agreement(cameras: tuple[Camera, ...], xy: FloatArray) -> float:
    return _median(distances(cameras, _points(cameras, xy), xy))


def _left_out(cameras: tuple[Camera, ...], index: int, xy: FloatArray) -> CameraAgreement:
    """How the others agree without a camera, and the camera with them."""
    others = tuple(camera for place, camera in enumerate(cameras) if place != index)
    rest = np.delete(xy, index, axis=0)
    known = np.isfinite(xy[index]).all(axis=-1) & (np.isfinite(rest).all(axis=-1).sum(axis=0) >= min(2, len(others)))
    if len(others) < 2 or known.sum() < _FEWEST:
        return replace(_untold(cameras[index].name), n_points=int(known.sum()))
    points = _points(others, rest)
    off = distances(cameras[index : index + 1], points, xy[index : index + 1])
    off = np.where(np.isfinite(points).all(axis=-1) & np.isnan(off) & known, np.inf, off)  # behind the camera
    return CameraAgreement(
        cameras[index].name, int(known.sum()), _median(off[:, known]), _median(distances(others, points, rest))
    )


def _wrong(agreements: tuple[CameraAgreement, ...]) -> str | None:
    """The camera without which the others agree at once, and with which they do not."""
    told = [one for one in agreements if np.isfinite(one.others_px)]
    if len(told) < 3:
        return None
    best, second = sorted(told, key=lambda one: one.others_px)[:2]
    spoils = second.others_px > _SPOILS * best.others_px
    far = best.off_px > max(_FAR * best.others_px, _LEAST_PX)
    return best.name if spoils and far else None


def _verdict(agreements: tuple[CameraAgreement, ...], wrong: str | None, together: float, where: str) -> list[Finding]:
    if wrong is not None:
        one = next(one for one in agreements if one.name == wrong)
        others = ", ".join(other.name for other in agreements if other.name != wrong)
        message = (
            f"its points lie {one.off_px:.0f} px (median) from where {others} put them, which agree among themselves "
            f"to {one.others_px:.1f} px: its calibration is wrong, or the file is of another camera or moment; "
            "calibrate it anew, or leave it out"
        )
        return [Finding("error", "wrong camera", f"camera {wrong}", message)]
    if together <= _LEAST_PX or not np.isfinite(together):
        return []
    names = ", ".join(one.name for one in agreements)
    if len(agreements) == 2:
        message = f"{names} disagree by {together:.1f} px (median); with two cameras nobody can say which is wrong"
        return [Finding("warning", "disagreement", where, message)]
    message = (
        f"{names} agree to {together:.1f} px (median) only, and no camera alone is the cause: the labels are that "
        "coarse, several cameras moved, or the files do not run in step"
    )
    return [Finding("warning", "disagreement", where, message)]


def _odd_labels(rig: Calibration, seen: SeenPoints, views: list[int]) -> list[Finding]:
    """Single labels that contradict the other views of their moment, the farthest off first."""
    xy = seen.flat_xy[views]
    error = learn_noise(rig.cameras, xy).error[:, None]
    fit = triangulate(rig.cameras, xy, error)
    off = np.where(~fit.used & (fit.state == GOOD) & (fit.reprojection > _WRONG_LABEL * error), fit.reprojection, 0.0)
    found = np.argwhere(off > 0)
    found = found[np.argsort(-off[tuple(found.T)])]
    findings = []
    for view, frame, column in found:
        animal, keypoint = divmod(int(column), seen.skeleton.n_keypoints)
        whose = "" if len(seen.individuals) == 1 else f" of {seen.individuals[animal]}"
        moment = seen.frames[frame] if seen.frames else f"frame {frame}"
        message = (
            f"{seen.skeleton.keypoints[keypoint]}{whose} is {off[view, frame, column]:.0f} px from where the other "
            "cameras see it"
        )
        findings.append(Finding("note", ODD_LABEL, f"{rig.cameras[view].name}, {moment}", message))
    return findings


def _median(values: FloatArray) -> float:
    known = values[~np.isnan(values)]
    return float(np.median(known)) if known.size else float("nan")
