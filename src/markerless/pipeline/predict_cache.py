"""What models said about pictures, kept in the user's cache folder: the same model and picture give the same answer.

A model is known by the hash of its file, a picture by its place, size and time of change. Nothing here is needed: what
cannot be read is predicted again.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from markerless.core.instance import FloatArray
from markerless.core.labels import LabeledFrame, Labels
from markerless.core.progress import Progress, silent
from markerless.core.storage import atomic_path
from markerless.errors import LabelsError, RunError, StorageError
from markerless.pipeline.calibration import upper_90
from markerless.pipeline.predict import ENGINE, PRECISION, Predicted, predict_frames
from markerless.project import Run
from markerless.runtime.machine import processor
from markerless.runtime.remembered import cache_folder

FOLDER = "predictions"
MOST_MODELS = 24  # the least recently used are deleted
MOST_PICTURES = 20_000  # of a model
ARRAYS = ("keys", "xy", "score", "expected_error", "precision")  # an empty expected_error: the model gives none


@dataclass(frozen=True)
class _Kept:
    """Answers of one model: keys of F pictures, xy `(F, K, 2)`, score `(F, K)`, expected error `(F, K)` or None."""

    keys: tuple[str, ...]
    xy: FloatArray
    score: FloatArray
    expected_error: FloatArray | None
    precision: str

    def at(self, keys: Sequence[str]) -> Predicted:
        """The answers to some pictures, in this order."""
        place = {key: row for row, key in enumerate(self.keys)}
        rows = [place[key] for key in keys]
        error = self.expected_error[rows] if self.expected_error is not None else None
        return Predicted(self.xy[rows], self.score[rows], self.precision, error)

    def is_like(self, other: _Kept) -> bool:
        """Whether both were computed in the same way."""
        has_error = (self.expected_error is not None, other.expected_error is not None)
        return self.precision == other.precision and has_error[0] == has_error[1]

    def with_more(self, new: _Kept) -> _Kept:
        """These answers, then those."""
        error = None
        if self.expected_error is not None and new.expected_error is not None:
            error = np.concatenate([self.expected_error, new.expected_error])
        xy, score = np.concatenate([self.xy, new.xy]), np.concatenate([self.score, new.score])
        return _Kept(self.keys + new.keys, xy, score, error, self.precision)

    def newest(self, most: int) -> _Kept:
        """The last `most` answers."""
        first = max(0, len(self.keys) - most)
        error = self.expected_error[first:] if self.expected_error is not None else None
        return _Kept(self.keys[first:], self.xy[first:], self.score[first:], error, self.precision)


def predict_cached(run: Run, labels: Labels, progress: Progress = silent) -> Predicted:
    """As `predict_frames`, but a picture that this model has been asked about is not looked at again.

    Raises:
        LabelsError, VideoError, RunError: as `predict_frames`.
    """
    if not len(labels):
        return predict_frames(run, labels)
    path = cache_folder() / FOLDER / f"{model_hash(run)}.npz"
    keys = [picture_key(frame) for frame in labels.frames]
    kept = _load(path, run.skeleton.n_keypoints)
    known = set(kept.keys) if kept is not None else set()
    missing = [frame.image for frame, key in zip(labels.frames, keys, strict=True) if key not in known]
    if missing or kept is None:
        new = _ask(run, labels.select(missing), progress)
        if kept is not None and not kept.is_like(new):
            kept, new = None, _ask(run, labels, progress)
        kept = new if kept is None else kept.with_more(new)
        _save(kept.newest(MOST_PICTURES), path)
    else:
        with suppress(OSError):
            path.touch()  # used lately
    answer = kept.at(keys)
    return answer if answer.expected_error is None else replace(answer, upper_90=upper_90(run, answer.expected_error))


def model_hash(run: Run) -> str:
    """Hash of the model's file, and of what else decides the last digits of its answers.

    Raises:
        RunError: there is no such file.
    """
    digest = hashlib.sha256(f"{ENGINE} {PRECISION} {run.skeleton.n_keypoints} {processor().features}".encode())
    try:
        with run.model.open("rb") as file:
            while part := file.read(1 << 20):
                digest.update(part)
    except OSError as error:
        raise RunError(f"run '{run.name}' has no model: cannot read {run.model} ({error.strerror})") from error
    return digest.hexdigest()[:32]


def picture_key(frame: LabeledFrame) -> str:
    """What changes when a picture does.

    Raises:
        LabelsError: the picture is missing.
    """
    path = frame.picture
    try:
        state = path.stat()
    except OSError as error:
        raise LabelsError(f"cannot read the picture {path} ({error.strerror}); put it back") from error
    return f"{path.absolute()}|{state.st_size}|{state.st_mtime_ns}"


def _ask(run: Run, labels: Labels, progress: Progress) -> _Kept:
    found = predict_frames(run, labels, progress=progress)
    keys = tuple(picture_key(frame) for frame in labels.frames)
    return _Kept(keys, found.xy, found.score, found.expected_error, found.precision)


def _save(kept: _Kept, path: Path) -> None:
    """Keep the answers, and delete those of models that were not asked for long."""
    error = kept.expected_error if kept.expected_error is not None else np.empty(0)
    arrays = (np.array(kept.keys), kept.xy, kept.score, error, np.array(kept.precision))
    with suppress(StorageError, OSError):
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            np.savez(file, allow_pickle=False, **dict(zip(ARRAYS, arrays, strict=True)))
        others = sorted(path.parent.glob("*.npz"), key=lambda entry: entry.stat().st_mtime_ns, reverse=True)
        for old in others[MOST_MODELS:]:
            old.unlink()


def _load(path: Path, n_keypoints: int) -> _Kept | None:
    """What `_save` wrote; None where it is not there, damaged, or of another version."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            keys, xy, score, error, precision = (arrays[name] for name in ARRAYS)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    shape = (len(keys) if keys.ndim == 1 else -1, n_keypoints)
    has_error = error.size > 0
    if (
        keys.dtype.kind != "U"
        or precision.dtype.kind != "U"
        or xy.shape != (*shape, 2)
        or score.shape != shape
        or any(array.dtype != np.float64 for array in (xy, score, error))
        or (has_error and error.shape != shape)
    ):
        return None
    return _Kept(tuple(keys.tolist()), xy, score, error if has_error else None, str(precision))
