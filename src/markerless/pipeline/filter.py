"""`filter`: cleaner trajectories of any tool's, as a value or as files beside their source."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field, create_model

from markerless.analysis.kinematics_quantity import length_unit
from markerless.config import Settings, load
from markerless.core.instance import FloatArray
from markerless.core.tracks import Tracks
from markerless.core.video import VIDEO_SUFFIXES
from markerless.errors import FormatError, MarkerlessError, SettingsError
from markerless.filters import FILTERS
from markerless.filters._ensemble import together
from markerless.pipeline.filtered_before import make_way, origin
from markerless.pipeline.result_files import SUFFIXES, ResultFiles, refuse_twins
from markerless.pipeline.result_list import FILTERED
from markerless.pipeline.results import analysis_of, newest_tracks, open_tracks, result_files

GROUP = "filter"
DEFAULT = "kalman"
FAR_SHARE = 0.05  # of the animal's size: a point moved farther is told of
SAME_PX = 1e-3  # two files of one analysis have the same points


@dataclass(frozen=True)
class FilterRequest:
    """What is asked for.

    Attributes:
        methods: Filters, applied in this order.
        settings: Their settings; `max_gap` goes to every one that has it. `min_score` is for all: points with a lower
            score count as missing.
        together: The files are several runs' results of one video; the filter takes them as one.
        out: Folder to write to; None: beside each source.
        overwrite: Replace what is there, whatever it is. Else only a filtered result of the same points is replaced.
    """

    methods: tuple[str, ...] = (DEFAULT,)
    settings: Mapping[str, Any] = field(default_factory=dict)
    together: bool = False
    out: Path | None = None
    overwrite: bool = False


@dataclass(frozen=True)
class FilterEffect:
    """What filtering did to the points.

    Attributes:
        n_points: Points there are afterwards.
        n_filled: Points that were missing before.
        n_dropped: Points that are missing now.
        n_moved: Points that were moved farther than `far`.
        far: A twentieth of the animal's size.
        median_move: Of the points that were there before and after.
        largest_move: Likewise.
        unit: Of these lengths: px, or in space that of the calibration.
    """

    n_points: int
    n_filled: int
    n_dropped: int
    n_moved: int
    far: float
    median_move: float
    largest_move: float
    unit: str


@dataclass(frozen=True)
class FilteredFile:
    """What became of one source.

    Attributes:
        sources: The file, or the several runs' files.
        effect: What was changed; None when it failed.
        written: h5, csv and nc.
        notes: One-line remarks for the user.
        error: Why it failed, "" when it did not.
    """

    sources: tuple[Path, ...]
    effect: FilterEffect | None = None
    written: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()
    error: str = ""


def filter(
    tracks: Tracks | Path | str | Sequence[Tracks | Path | str],
    method: str | Sequence[str] = DEFAULT,
    settings: Mapping[str, Any] | None = None,
) -> Tracks:
    """Trajectories made cleaner; nothing is written.

    Args:
        tracks: Tracks, or a file of any tool; several are runs on the same video, and their disagreement counts as
            error.
        method: `kalman`, `median`, `savgol`, `interpolate`, or several of them in the order in which they are applied.
        settings: For example `{"max_gap": 10}`; see the reference, group `filter`.

    Returns:
        Tracks of the same shape; what was done is in `provenance["filters"]`.

    Raises:
        FormatError: a file that is not tracks.
        LabelsError: the tracks of several runs do not fit together.
        SettingsError: no such filter or setting.
    """
    methods = (method,) if isinstance(method, str) else tuple(method)
    given = [tracks] if isinstance(tracks, Tracks | Path | str) else list(tracks)
    runs = [open_tracks(one, Path())[0] for one in given]
    return _apply(runs[0] if len(runs) == 1 else together(runs), methods, settings or {})


def filter_files(files: Sequence[Path | str], request: FilterRequest) -> list[FilteredFile]:
    """Filter files of trajectories and write `<source>_filtered` as h5, csv and nc; a failure stops no other file.

    Nothing is lost: what is there already is replaced only where this can make it again, or with `request.overwrite`.

    Args:
        files: Of any tool; h5, csv and nc of one analysis count as one source. A video stands for its newest result.
        request: How.

    Raises:
        SettingsError: no such filter or setting, or two sources would be written to the same files; with `together`,
            something is there that is no filtered result of the same points.
        FormatError: a file is not there, with `together`.
    """
    methods_of(request.methods)
    _configs(request.methods, request.settings)
    sources = _sources(files)
    if request.together:
        return [_filter_one(sources, _target(sources[0], request.out), request)]
    targets = [_target(source, request.out) for source in sources]
    refuse_twins(targets)
    found = []
    for source, target in zip(sources, targets, strict=True):
        try:
            found.append(_filter_one([source], target, request))
        except MarkerlessError as error:
            found.append(FilteredFile((source,), error=str(error)))
    return found


def methods_of(names: Sequence[str]) -> list[Any]:
    """The filters' modules.

    Raises:
        SettingsError: one is not known, or there is none.
    """
    if not names:
        raise SettingsError(f"expected at least one filter, got none; known: {', '.join(FILTERS.names())}")
    return [FILTERS.get(name) for name in names]


class ForAll(Settings):
    """Settings of every filter."""

    min_score: float = Field(0.0, ge=0, le=1, description="For all: points with a lower score count as missing.")


def settings_class(names: Sequence[str] = ()) -> type[ForAll]:
    """Every setting of some filters, or of all, as `--set filter.<name>=<value>` reaches it; None: the filter's own."""
    told: dict[str, list[str]] = {}
    for name in names or FILTERS.names():
        for key, info in FILTERS.get(name).Config.model_fields.items():
            told.setdefault(key, []).append(f"{name} (default {info.default}): {info.description}")
    fields: dict[str, Any] = {key: (Any, Field(None, description=" ".join(words))) for key, words in told.items()}
    return create_model("FilterSettings", __base__=ForAll, **fields)


def effect_of(before: Tracks, after: Tracks) -> FilterEffect:
    """What a filter changed."""
    was, now = before.present(), after.present()
    both = was & now
    move = np.linalg.norm(after.points[both] - before.points[both], axis=-1)
    far = FAR_SHARE * _animal_size(before.points)
    return FilterEffect(
        n_points=int(now.sum()),
        n_filled=int((now & ~was).sum()),
        n_dropped=int((was & ~now).sum()),
        n_moved=int((move > far).sum()),
        far=far,
        median_move=float(np.median(move)) if move.size else float("nan"),
        largest_move=float(move.max()) if move.size else float("nan"),
        unit=length_unit(before),
    )


def _apply(tracks: Tracks, methods: Sequence[str], settings: Mapping[str, Any]) -> Tracks:
    modules, configs = methods_of(methods), _configs(methods, settings)
    least = load(GROUP, settings_class(methods), settings).min_score
    left_out = np.zeros(tracks.score.shape, dtype=np.bool_)
    if least > 0:
        left_out = tracks.present() & ~tracks.present(least)
        points = np.where(left_out[..., None], np.nan, tracks.points)
        tracks = replace(tracks, points=points, provenance={**tracks.provenance, "filter_min_score": least})
    for module, config in zip(modules, configs, strict=True):
        tracks = module.apply(tracks, config)
    filled = left_out & tracks.present()  # the score was of the point that is gone
    return replace(tracks, score=np.where(filled, np.nan, tracks.score)) if filled.any() else tracks


def _configs(methods: Sequence[str], settings: Mapping[str, Any]) -> list[Settings]:
    """The settings of each filter, checked."""
    load(GROUP, settings_class(methods), settings)
    configs: list[Settings] = []
    for module in methods_of(methods):
        own = {key: value for key, value in settings.items() if key in module.Config.model_fields}
        configs.append(load(GROUP, module.Config, own))
    return configs


def _animal_size(points: FloatArray) -> float:
    """Median diagonal of the box around an animal's points; of a single keypoint a tenth of the box around all."""
    if points.shape[2] > 1:
        whole = np.isfinite(points).all(axis=-1).sum(axis=2) > 1
        boxes = points[whole]
        if boxes.size:
            side = np.nanmax(boxes, axis=1) - np.nanmin(boxes, axis=1)
            return float(np.median(np.linalg.norm(side, axis=-1)))
    known = points[np.isfinite(points).all(axis=-1)]
    return float(0.1 * np.linalg.norm(np.ptp(known, axis=0))) if len(known) else 0.0


def _sources(files: Sequence[Path | str]) -> list[Path]:
    """One file per analysis: of h5, csv and nc of the same name the first that was named; a video's newest result."""
    found: dict[Path, Path] = {}
    for name in files:
        path = Path(name)
        if path.suffix.lower() in VIDEO_SUFFIXES:
            path = _newest_unfiltered(path)
        found.setdefault(analysis_of(path), path)
    return list(found.values())


def _newest_unfiltered(video: Path) -> Path:
    results = [path for path in result_files(video) if not path.stem.endswith(FILTERED)]
    newest = newest_tracks(results)
    if newest is None:
        raise FormatError(f"no tracks of {video.name} in {video.absolute().parent}; run `markerless analyze` first")
    return newest


def _target(source: Path, out: Path | None) -> ResultFiles:
    if source.stem.endswith(FILTERED):
        raise SettingsError(f"expected results as they were measured, got filtered ones: {source}; give their source")
    folder = source.absolute().parent if out is None else Path(out).absolute()
    stem = f"{source.stem}{FILTERED}"
    return ResultFiles(source, tuple(folder / f"{stem}{suffix}" for suffix in SUFFIXES), folder / f".{stem}.partial")


def _filter_one(sources: Sequence[Path], target: ResultFiles, request: FilterRequest) -> FilteredFile:
    opened = [_with_errors(source) for source in sources]
    runs, notes = [tracks for tracks, _ in opened], [note for _, note in opened if note]
    before = together(runs) if request.together else runs[0]
    made_of = origin(sources, before)
    if not request.overwrite:
        replaced = make_way(target, made_of)
        notes += [replaced] if replaced else []
    after = _apply(before, request.methods, request.settings)
    after = replace(after, provenance={**after.provenance, **made_of})
    try:
        target.write(after)
    finally:
        if (
            all(path.is_file() for path in target.files)
            and target.partial.is_dir()
            and not any(target.partial.iterdir())
        ):
            shutil.rmtree(target.partial, ignore_errors=True)
    return FilteredFile(tuple(sources), effect_of(before, after), target.files, tuple(notes))


def _with_errors(source: Path) -> tuple[Tracks, str]:
    """The tracks of a file; where the native file of the same analysis is beside it, with its expected errors."""
    tracks, _ = open_tracks(source, source)
    native = source.with_suffix(SUFFIXES[-1])
    if tracks.error is not None or native == source or not native.is_file():
        return tracks, ""
    try:
        whole, _ = open_tracks(native, source)
    except FormatError:
        return tracks, ""
    if whole.points.shape != tracks.points.shape or whole.error is None:
        return tracks, ""
    if not np.allclose(whole.points, tracks.points, rtol=0, atol=SAME_PX, equal_nan=True):
        return tracks, f"{native.name} has other points, so that its expected errors were not used"
    return whole, f"expected errors are from {native.name}"
