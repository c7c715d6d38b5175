"""`runs/<name>/evidence.npz`: cross-fitted answers with the evidence of the maps, so that an adaptation can calibrate.

A network that is adapted has seen all frames of the run it starts from, so nothing honest can be asked about them
again. What the cross-fitted networks of that run said is taken over beside the answers to the new frames: the expected
errors hold for both kinds.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from markerless.core.instance import FloatArray
from markerless.core.storage import atomic_path
from markerless.nn.heads.score_map import EVIDENCE
from markerless.pipeline.cross_fit import HeldOut
from markerless.pipeline.training_plan import Plan
from markerless.project.run import EVIDENCE_FILE

ARRAYS = ("images", "keypoints", "kinds", "xy", "evidence", "uses_prior")  # kinds: names of the evidence


@dataclass(frozen=True)
class _Kept:
    images: list[str]
    keypoints: list[str]
    xy: FloatArray
    evidence: FloatArray
    uses_prior: bool


def save(held_out: HeldOut, path: Path) -> None:
    """Write the file whole or not at all.

    Raises:
        StorageError: it cannot be written.
    """
    arrays = (
        np.array(held_out.labels.images),
        np.array(held_out.labels.skeleton.keypoints),
        np.array(EVIDENCE),
        held_out.xy,
        held_out.evidence,
        np.array(held_out.uses_prior),
    )
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez(file, allow_pickle=False, **dict(zip(ARRAYS, arrays, strict=True)))


def with_kept(held_out: HeldOut | None, plan: Plan) -> HeldOut | None:
    """The answers, and those that were kept of the run to start from to frames that still train.

    Args:
        held_out: Answers to new frames; None where there are none.
        plan: The training.

    Returns:
        Both; only the new ones where nothing was kept, or where one kind used the shape of the animal and the other
        did not.
    """
    kept = _load(plan.start.folder / EVIDENCE_FILE) if plan.start else None
    if kept is None:
        return held_out
    answered = set(held_out.labels.images) if held_out else set()
    trains = set(plan.split["train"]) - answered
    rows = [row for row, image in enumerate(kept.images) if image in trains]
    old = HeldOut(
        plan.labels.select([kept.images[row] for row in rows]),
        _matched(kept.xy[rows], kept.keypoints, plan.labels.skeleton.keypoints),
        _matched(kept.evidence[rows], kept.keypoints, plan.labels.skeleton.keypoints),
        kept.uses_prior,
    )
    if held_out is None:
        return old if rows else None
    if held_out.uses_prior != old.uses_prior:
        return held_out
    return replace(
        held_out,
        labels=plan.labels.select([*held_out.labels.images, *old.labels.images]),
        xy=np.concatenate([held_out.xy, old.xy]),
        evidence=np.concatenate([held_out.evidence, old.evidence]),
    )


def _matched(values: FloatArray, theirs: list[str], ours: tuple[str, ...]) -> FloatArray:
    """`(F, K, ...)` in the order of our keypoints, NaN for those that are not among theirs."""
    matched = np.full((len(values), len(ours), *values.shape[2:]), np.nan)
    for place, name in enumerate(ours):
        if name in theirs:
            matched[:, place] = values[:, theirs.index(name)]
    return matched


def _load(path: Path) -> _Kept | None:
    """What `save` wrote; None where it is not there, damaged, or of a version with other evidence."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            images, keypoints, kinds, xy, evidence, uses_prior = (arrays[name] for name in ARRAYS)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    names, of_points = _names(images), _names(keypoints)
    if (
        names is None
        or of_points is None
        or _names(kinds) != list(EVIDENCE)
        or xy.dtype != np.float64
        or evidence.dtype != np.float64
    ):
        return None
    shape = (len(names), len(of_points))
    if xy.shape != (*shape, 2) or evidence.shape != (*shape, len(EVIDENCE)) or uses_prior.shape:
        return None
    return _Kept(names, of_points, xy, evidence, bool(uses_prior))


def _names(array: npt.NDArray[np.generic]) -> list[str] | None:
    """A list of different names, None where it is something else."""
    if array.ndim != 1 or array.dtype.kind != "U" or len(set(array.tolist())) < len(array):
        return None
    return [str(name) for name in array.tolist()]
