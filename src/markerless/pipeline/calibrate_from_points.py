"""`calibrate CAMERA=FILE ...`: a rig without a board, from what the cameras saw of the animal."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from markerless.core.camera import Calibration, Camera
from markerless.core.instance import FloatArray
from markerless.errors import CalibrationError, LabelsError
from markerless.multiview.calibrate_points import PointsRig, PointViews, calibrate_points, plain_lens, rescaled
from markerless.multiview.calibration_file import FILE_NAME, read_calibration
from markerless.multiview.files import anipose_toml
from markerless.multiview.files.views_toml import KnownLength
from markerless.multiview.plausible import doubts, refuse_implausible
from markerless.multiview.points_verdict import GOOD, PointsVerdict, judge_points
from markerless.multiview.triangulate import triangulate
from markerless.pipeline.calibrate import SOFTWARE, refuse_to_replace
from markerless.pipeline.known_errors import with_known_errors
from markerless.pipeline.seen_points import SeenPoints, Source, read_seen
from markerless.version import VERSION

CUTOFF = 0.2
_FEWEST_LENGTHS = 5
_MOST_OUTSIDE = 0.1  # of the points: few are outside of any picture
_MOST_MOMENTS = 2000
_NORMAL, _OF_MEDIAN = 1.4826, 1.2533  # standard deviation by the median distance; of a median over that of a mean


@dataclass(frozen=True)
class PointsRequest:
    """How a rig is found from points.

    Attributes:
        lenses: The lenses, or their file: cameras of the same names, or one for all; None when they are not known.
        size: Width and height of the pictures of cameras whose lens is not known.
        length: A known length, which sets the scale, in mm; None: it stays unknown.
        cutoff: Points whose score is lower are left out.
        out: Where to write; None: `calibration.toml` beside the first file.
        overwrite: Whether a calibration of another tool may be replaced.
    """

    lenses: Calibration | Path | str | None = None
    size: tuple[int, int] | None = None
    length: KnownLength | None = None
    cutoff: float = CUTOFF
    out: Path | None = None
    overwrite: bool = False


@dataclass(frozen=True)
class PointsResult:
    """What came of it.

    Attributes:
        calibration: The cameras, in the axes of the first one; lengths in mm, or with a rig of size 1 and unit "".
        verdict: Of the rig, one line.
        cameras: A verdict of each.
        rms_px: Root mean square distance of pixels from where the rig puts them.
        agree: Share of the pixels that agree with the other cameras.
        notes: What was odd, one line each.
        path: The calibration; None when nothing was written, because everything came from memory.
    """

    calibration: Calibration
    verdict: str
    cameras: tuple[PointsVerdict, ...]
    rms_px: float
    agree: float
    notes: tuple[str, ...]
    path: Path | None


def calibrate_from_points(files: Mapping[str, Source], request: PointsRequest = PointsRequest()) -> PointsResult:
    """Find the cameras of a rig from what they saw of the animal, and write them.

    Args:
        files: Camera -> labels or predictions of any tool.
        request: How.

    Raises:
        CalibrationError: the points do not decide where the cameras stand; the message says why.
        FormatError: a file that cannot be read.
        LabelsError: files that do not go together.
        StorageError: the result cannot be written.
    """
    path = _path(files, request.out)
    if path is not None:
        refuse_to_replace(path, request.overwrite)
    lenses, known = _lenses(list(files), request)
    seen = with_known_errors(read_seen(files, None, request.cutoff))
    if request.length is not None:
        _ends(request.length, seen)  # a name that is none is told before the work
    xy = seen.flat_xy
    _inside(lenses, xy)
    rig = calibrate_points(PointViews(lenses, known, xy, seen.flat_error))
    verdicts = judge_points(rig)
    notes = [*seen.notes, *_notes(rig, known)]
    if request.length is not None:
        factor, told = _scale(rig.calibration, seen, request.length)
        rig = rescaled(rig, factor, "mm")
        notes.append(told)
    else:
        notes.append("the scale is not known: lengths are in sizes of the rig; give --length A,B,L for millimeters")
    n_points = int(np.isfinite(rig.points).all(axis=1).sum())
    origin = (("software", f"{SOFTWARE} {VERSION}"), ("made_from", f"{n_points} points of the animal"))
    calibration = replace(rig.calibration, provenance=origin)
    refuse_implausible(calibration)
    if path is not None:
        anipose_toml.write(calibration, path)
    return PointsResult(
        calibration, _overall(verdicts, rig), tuple(verdicts), calibration.error_px, rig.agree, tuple(notes), path
    )


def _path(files: Mapping[str, Source], out: Path | None) -> Path | None:
    if out is not None:
        return Path(out)
    paths = [Path(source) for source in files.values() if isinstance(source, Path | str)]
    return paths[0].parent / FILE_NAME if paths else None


def _lenses(names: list[str], request: PointsRequest) -> tuple[tuple[Camera, ...], tuple[bool, ...]]:
    """A camera of each name, and whether its lens is known.

    Raises:
        CalibrationError: no lens for a camera, or one that cannot be.
    """
    given = request.lenses
    if given is not None and not isinstance(given, Calibration):
        given = read_calibration(given)
    by_name = {} if given is None else {camera.name: camera for camera in given.cameras}
    if given is not None and len(given.cameras) == 1:
        by_name = dict.fromkeys(names, given.cameras[0])
    if given is not None and not set(names) & by_name.keys():
        raise CalibrationError(
            f"expected lenses of {', '.join(names)}, or one for all cameras, got lenses of {', '.join(given.names)}"
        )
    for camera in {by_name[name].name: by_name[name] for name in names if name in by_name}.values():
        for doubt in doubts(Calibration((camera,))):
            if doubt.impossible:
                raise CalibrationError(f"{doubt.message}; give the lens that it has with --lenses")
    without = [name for name in names if name not in by_name]
    if without and request.size is None:
        raise CalibrationError(
            f"expected the size of the pictures of {', '.join(without)}, whose lens is not known: give it with "
            "--lenses WxH, for example --lenses 1280x1024, or a calibration of the lenses with --lenses FILE"
        )
    size = request.size or (1, 1)
    cameras = [
        replace(by_name[name], name=name) if name in by_name else plain_lens(name, size, float(max(size)))
        for name in names
    ]
    return tuple(cameras), tuple(name in by_name for name in names)


def _inside(lenses: Sequence[Camera], xy: FloatArray) -> None:
    """Raises CalibrationError where what a camera saw, `(V, F, K, 2)` px, cannot be of pictures of its size."""
    for lens, seen in zip(lenses, xy, strict=True):
        points = seen[np.isfinite(seen).all(axis=-1)]
        outside = ((points < -0.5) | (points > np.array(lens.size) - 0.5)).any(axis=1).sum()
        if outside > _MOST_OUTSIDE * len(points):
            raise CalibrationError(
                f"expected points inside pictures of {lens.size[0]}x{lens.size[1]} px, got {outside} of {len(points)} "
                f"outside of those of camera '{lens.name}'; give the size of its pictures, or lenses of that size, "
                "with --lenses"
            )


def _notes(rig: PointsRig, known: Sequence[bool]) -> list[str]:
    notes = []
    if not all(known):
        names = ", ".join(camera.name for camera, one in zip(rig.calibration.cameras, known, strict=True) if not one)
        notes.append(
            f"the lens of {names} is taken for one that does not bend, with its center in the middle of the picture; "
            "what that is wrong by is not in the numbers above, and directions may be several times as far off"
        )
    if rig.held:
        notes.append(
            f"the points do not decide the focal length of {', '.join(rig.held)}: it is held at the best of a few that "
            "were tried; give the lens with --lenses FILE if it is known"
        )
    if rig.by_length:
        notes.append(
            f"how far {', '.join(rig.by_length)} is from the others follows from how long the animal is there and "
            "elsewhere, because no moment is seen by three cameras that would tell"
        )
    return notes


def _ends(known: KnownLength, seen: SeenPoints) -> tuple[int, int]:
    """Indices of the two keypoints; raises LabelsError where one is none."""
    return seen.skeleton.index(known.first), seen.skeleton.index(known.second)


def _scale(calibration: Calibration, seen: SeenPoints, known: KnownLength) -> tuple[float, str]:
    """The factor to mm, and what to say of it."""
    a, b = _ends(known, seen)
    xy = seen.xy[:, :, :, [a, b]]
    both = np.flatnonzero((np.isfinite(xy).all(axis=-1).sum(axis=0) >= 2).all(axis=-1).any(axis=-1))
    some = both[np.unique(np.linspace(0, len(both) - 1, min(_MOST_MOMENTS, len(both))).round().astype(int))]
    error = _error(seen, some, [a, b])
    points = triangulate(calibration.cameras, xy[:, some], error).points
    lengths = np.linalg.norm(points[..., 0, :] - points[..., 1, :], axis=-1)
    lengths = lengths[np.isfinite(lengths)]
    if len(lengths) < _FEWEST_LENGTHS:
        raise LabelsError(
            f"expected at least {_FEWEST_LENGTHS} moments with both '{known.first}' and '{known.second}' in space to "
            f"set the scale, found {len(lengths)}"
        )
    middle = float(np.median(lengths))
    spread = _NORMAL * float(np.median(np.abs(lengths - middle))) / middle
    known_to = _OF_MEDIAN * spread / math.sqrt(len(lengths))
    told = (
        f"scale: {known.first} to {known.second} is {known.length:g} mm; over {len(lengths)} moments it varies by "
        f"{100 * spread:.2g} %, so that the scale is known to {100 * known_to:.2g} %"
    )
    return known.length / middle, told


def _error(seen: SeenPoints, moments: np.ndarray, keypoints: list[int]) -> FloatArray | float:
    return 5.0 if seen.error is None else np.asarray(seen.error[:, moments][:, :, :, keypoints])


def _overall(verdicts: list[PointsVerdict], rig: PointsRig) -> str:
    weak = [verdict.name for verdict in verdicts if verdict.word != GOOD]
    told = (
        f"reprojection error {rig.calibration.error_px:.2f} px over {np.isfinite(rig.points[:, 0]).sum()} points in "
        f"space; {100 * rig.agree:.0f} % of the pixels agree"
    )
    return f"weak: {told}; weak: {', '.join(weak)}" if weak else f"good: {told}"
