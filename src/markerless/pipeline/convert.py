"""Labels and trajectories from one tool's file to another's: the verb `convert`.

What a format has no place for is found by reading the written file again, so that the answer is what really happened.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from markerless.core.instance import Visibility
from markerless.core.labels import Labels
from markerless.core.tracks import Tracks
from markerless.core.views import Views
from markerless.errors import FormatError, SettingsError

# Where several formats write a suffix, this one is meant unless `--to` says otherwise; longer endings go first.
BY_ENDING = {
    ".analysis.h5": ("sleap_analysis",),
    ".tidy.csv": ("tidy",),
    ".csv": ("dlc", "dlc_labels"),
    ".h5": ("dlc", "dlc_labels"),
    ".json": ("coco",),
    ".nc": ("movement",),
    ".nwb": ("nwb", "nwb_labels"),
    ".parquet": ("parquet",),
    ".slp": ("sleap", "sleap_labels"),
}
LONGEST = 80  # characters of a value that is told to be lost


@dataclass(frozen=True)
class Converted:
    """What was written.

    Attributes:
        source: The file that was read.
        path: The file that was written.
        source_format: Name of the format it was read as.
        format: Name of the format it was written in.
        kind: "labels" or "tracks".
        n_frames: Number of frames.
        lost: One line for each thing that the new file does not hold.
        notes: Remarks of the reader.
    """

    source: Path
    path: Path
    source_format: str
    format: str
    kind: str
    n_frames: int
    lost: tuple[str, ...]
    notes: tuple[str, ...]


def convert(source: Path | str, target: Path | str, to: str | None = None, overwrite: bool = False) -> Converted:
    """Write the labels or trajectories of a file of any tool in another format.

    Args:
        source: The file to read.
        target: The file to write.
        to: Name of the format; by default the suffix of `target` decides.
        overwrite: Replace `target` when it exists. Its name was chosen by hand, and it may hold somebody's labels, so
            it is not replaced unasked.

    Raises:
        FormatError: not a known file, or the format cannot hold what is in it.
        SettingsError: no format of that name, none that writes such a suffix, or the file to write is there already.
        StorageError: the file cannot be written.
    """
    from markerless.formats._sniff import open_any, rank

    source, target = Path(source), Path(target)
    choices = _formats(target, to)
    kinds = {choice.KIND: name for name, choice in reversed(choices.items())}
    readable = dict.fromkeys(_kind_of(name) for name, score in rank(source) if score > 0)  # the surest first
    _require_new(source, target, overwrite)
    kind = next((kind for kind in readable if kind in kinds), None)
    if readable and kind is None:
        raise FormatError(_other_kind(source, next(iter(readable)), next(iter(choices))))
    read_as, value = open_any(source, kind)  # says what it looks like when nothing reads it
    name = kinds[kind] if kind is not None else next(iter(choices))
    writer = choices[name]
    views_lost = _write(writer, value, target, _views_of(read_as, source))
    lost = (*losses(value, writer.read(target)), *views_lost) if hasattr(writer, "read") else views_lost
    notes = value.notes if isinstance(value, Labels) else ()
    n_frames = len(value) if isinstance(value, Labels) else value.n_frames
    return Converted(source, target, read_as, name, writer.KIND, n_frames, lost, notes)


def _views_of(read_as: str, source: Path) -> Views | None:
    """What the cameras say of points in space, where a file holds that."""
    from markerless.formats import registry

    module = registry.get(read_as)
    return module.read_views(source) if hasattr(module, "read_views") else None


def _write(writer: ModuleType, value: Labels | Tracks, target: Path, views: Views | None) -> tuple[str, ...]:
    """Write the file; returns a line where it has no place for what the cameras say."""
    if views is not None and getattr(writer, "HOLDS_VIEWS", False):
        writer.write(value, target, views)
        return ()
    writer.write(value, target)
    return () if views is None else (f"what each camera says of the points ({_short(views.names)})",)


def losses(before: Labels | Tracks, after: Labels | Tracks) -> Iterator[str]:
    """What was there and is not any more, one line each."""
    if isinstance(before, Tracks) and isinstance(after, Tracks):
        yield from _of_tracks(before, after)
    elif isinstance(before, Labels) and isinstance(after, Labels):
        yield from _of_labels(before, after)
    if before.individuals != after.individuals:
        yield f"names of the animals: {_short(before.individuals)} (now {_short(after.individuals)})"
    if before.skeleton.keypoints != after.skeleton.keypoints:
        yield f"names or order of the keypoints: {_short(before.skeleton.keypoints)}"
    for words, ours, theirs in (
        ("edges of the skeleton", before.skeleton.edges, after.skeleton.edges),
        ("left and right pairs", before.skeleton.mirror_pairs, after.skeleton.mirror_pairs),
    ):
        if ours and ours != theirs:
            yield f"{words} ({len(ours)})"


def _of_tracks(before: Tracks, after: Tracks) -> Iterator[str]:
    if before.points.shape != after.points.shape:
        yield f"points: {before.points.shape} became {after.points.shape}"
        return
    if not np.allclose(before.points, after.points, rtol=0, atol=1e-6, equal_nan=True):
        yield f"places of points, by up to {np.nanmax(np.abs(before.points - after.points)):.3g}"
    yield from _numbers("scores", before.score, after.score)
    if before.error is not None:
        yield from _numbers("expected errors", before.error, after.error)
    if np.isfinite(before.fps) and not np.isclose(before.fps, after.fps):
        yield f"the frame rate: {before.fps:g} per second"
    for words, ours, theirs in (
        ("the video's name", before.video, after.video),
        ("the scorer", before.scorer, after.scorer),
    ):
        if ours and ours != theirs:
            yield f"{words}: {_short(ours)}"
    for key, value in before.provenance.items():
        if key not in after.provenance or after.provenance[key] != value:
            yield f"how it was made: {key} {_short(value)}"


def _numbers(words: str, ours: np.ndarray, theirs: np.ndarray | None) -> Iterator[str]:
    known = np.isfinite(ours)
    if theirs is None:
        theirs = np.full(ours.shape, np.nan)
    gone = known & ~np.isclose(ours, theirs, rtol=0, atol=1e-6)
    if gone.any():
        yield f"{words} of {int(gone.sum())} of {int(known.sum())} points"


def _of_labels(before: Labels, after: Labels) -> Iterator[str]:
    if before.images != after.images:
        yield f"names or order of the images: {_short(before.images[:2])}"
        return
    if before.individuals == after.individuals and not np.allclose(
        before.xy(), after.xy(), rtol=0, atol=1e-6, equal_nan=True
    ):
        yield "places of points"
    for flag in (Visibility.NOT_LABELED, Visibility.OCCLUDED, Visibility.ABSENT):
        ours, theirs = _count(before, flag), _count(after, flag)
        if theirs < ours:
            words = flag.name.lower().replace("_", " ")
            yield f"the mark '{words}' of {ours - theirs} points"
    labelers = {frame.labeler for frame in before.frames} - {""}
    if labelers - {frame.labeler for frame in after.frames}:
        yield f"who labeled: {_short(sorted(labelers))}"
    ours, theirs = _n_model(before), _n_model(after)
    if theirs < ours:
        yield f"that a model placed {ours} of the animals, and its scores"


def _count(labels: Labels, flag: Visibility) -> int:
    return sum(int((i.visibility == flag).sum()) for frame in labels.frames for i in frame.instances)


def _n_model(labels: Labels) -> int:
    return sum(instance.source == "model" for frame in labels.frames for instance in frame.instances)


def _require_new(source: Path, target: Path, overwrite: bool) -> None:
    if not target.exists():
        return
    if source.exists() and target.samefile(source):
        raise SettingsError(f"expected two different files, got {source} twice; give the new file another name")
    if target.is_dir():
        raise SettingsError(f"expected the name of a file to write, got a folder: {target}; name a file in it")
    if not overwrite:
        raise SettingsError(f"{target} is there already; give another name, or replace it with --overwrite")


def _formats(target: Path, to: str | None) -> dict[str, ModuleType]:
    """The formats that may be meant, by name."""
    from markerless.formats import registry
    from markerless.formats._writable import require_suffix

    if to is not None:
        module = registry.get(to)
        if not hasattr(module, "write"):
            raise SettingsError(f"{to} can be read but not written; {_writable()}")
        require_suffix(target, module.SUFFIXES, SettingsError)
        return {to: module}
    name = target.name.lower()
    for ending, names in BY_ENDING.items():
        if name.endswith(ending):
            return {choice: registry.get(choice) for choice in names}
    found = [other for other in registry.names() if target.suffix.lower() in registry.get(other).SUFFIXES]
    found = [other for other in found if hasattr(registry.get(other), "write")]
    if found:
        return {choice: registry.get(choice) for choice in found}
    raise SettingsError(f"no format is written to files that end in '{target.suffix}', as {target.name}; {_writable()}")


def _writable() -> str:
    from markerless.formats import registry

    modules = [(name, registry.get(name)) for name in registry.names()]
    known = [f"{name} ({', '.join(module.SUFFIXES)})" for name, module in modules if hasattr(module, "write")]
    return f"written are {', '.join(known)}"


def _kind_of(name: str) -> Any:
    from markerless.formats import registry

    return registry.get(name).KIND


def _other_kind(source: Path, kind: str, name: str) -> str:
    endings = [ending for ending, names in BY_ENDING.items() if any(_kind_of(other) == kind for other in names)]
    return f"{name} holds {_kind_of(name)}, got {kind} in {source}; give a file name that ends in {', '.join(endings)}"


def _short(value: Any) -> str:
    text = ", ".join(str(part) for part in value) if isinstance(value, list | tuple) else str(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
