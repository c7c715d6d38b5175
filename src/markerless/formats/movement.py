"""Our own result file: netCDF in the layout of the movement package, so that it opens there as it is.

Variables: `position (time, space, keypoint, individual)`, `confidence (time, keypoint, individual)` and, when the model
gives it, `expected_error (time, keypoint, individual)` in pixels (or the unit of the calibration). Points in space have
z as well, and what the cameras say of them: `reprojection_error (view, time, keypoint, individual)` in pixels,
`view_used` likewise, and `state (time, keypoint, individual)` whose numbers its attribute explains; the coordinate
`camera_frame (time, view)` is the frame of each camera's video that belongs to a moment, with a fraction where it lies
between two, NaN where the camera has none. `time` is in seconds when the frame rate is known, else in frames. A file
that movement saved of some of the times (`ds.sel(time=slice(5, 7))`) is read with its rows at their frames and NaN
around them; where times do not fit the frame rate, and where cameras tell of their frames, rows are frames.
Attributes: `ds_type`, `fps`, `time_unit`, `source_software`, `scorer`, `video`, `skeleton`, `provenance` (JSON),
`likelihood_definition`, and `calibration` (JSON) where errors are calibrated. No wall-clock time: equal tracks give
equal bytes.

Dimension names are singular, as movement has them today; files with the plural names of its older versions open too.
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import numpy.typing as npt

from markerless.core.skeleton import Skeleton
from markerless.core.storage import atomic_path
from markerless.core.tracks import Tracks
from markerless.core.views import STATES, Views
from markerless.errors import FormatError
from markerless.formats._hdf5 import array, is_hdf5, look, opened, plain, text, texts
from markerless.formats._table import one_line

if TYPE_CHECKING:
    import xarray as xr

SUFFIXES = (".nc",)
KIND = "tracks"
HOLDS_VIEWS = True

LIKELIHOOD_UNKNOWN = "as its source gives it; not calibrated"
_DIMS = ("time", "space", "keypoint", "individual")
_TRACKS_DIMS = ("time", "individual", "keypoint", "space")
_OLD_DIMS = {"keypoints": "keypoint", "individuals": "individual"}
_AXES = ("x", "y", "z")
_OFF_FRAME = 0.1  # frames that a time may be beside its frame: times are rounded, or float32
_TIME_UNITS = ("", "s", "seconds", "frames")
_MOST_PLACED = 100_000_000  # points that a file may become by its times: 2.4 GB
_MOST_TIMES_LARGER = 10  # ... or so many times those it holds


def sniff(path: Path) -> float:
    """How surely the file holds poses in movement's layout, 0 to 1."""
    names, attributes = look(path)
    if not names:  # damaged, or nothing in it: reading it says so
        return 0.5 if path.suffix.lower() in SUFFIXES and is_hdf5(path) else 0.0
    return 1.0 if "position" in names and text(attributes.get("ds_type")) in ("poses", "") else 0.0


def write(tracks: Tracks, path: Path, views: Views | None = None) -> None:
    """Write one result file; with `views`, also what the cameras say of points in space.

    Raises:
        StorageError: the file cannot be written.
    """
    # Made in memory first: on a full disk HDF5 may lose what it failed to write, without an error, or crash.
    image = io.BytesIO()
    _save(_contents(tracks, views), image)
    with atomic_path(Path(path)) as temporary:
        temporary.write_bytes(image.getbuffer())


def to_dataset(tracks: Tracks, views: Views | None = None) -> xr.Dataset:
    """The tracks as movement's dataset, for use in a notebook."""
    import xarray as xr

    contents = _contents(tracks, views)
    return xr.Dataset(contents.variables, coords=contents.coordinates, attrs=contents.attributes)


@dataclass(frozen=True)
class _Contents:
    """What a file holds; variables and coordinates by name as (dimensions, values, maybe attributes).

    Attributes:
        variables: Values for every moment and keypoint.
        coordinates: Labels of a dimension, which have its name, and others.
        attributes: Of the whole file.
    """

    variables: dict[str, tuple[Any, ...]]
    coordinates: dict[str, tuple[Any, ...]]
    attributes: dict[str, Any]


def _save(contents: _Contents, file: io.BytesIO) -> None:
    """As xarray would, without the time that importing it takes."""
    import h5netcdf

    along = contents.coordinates
    beside = [name for name, (dims, *_) in along.items() if dims != (name,)]
    with h5netcdf.File(file, "w") as root:
        root.dimensions = {name: len(values) for name, (dims, values, *_) in along.items() if dims == (name,)}
        for name, (dims, values, *attributes) in (contents.variables | along).items():
            kind = h5py.string_dtype() if values.dtype.kind == "U" else values.dtype
            fill = np.nan if values.dtype.kind == "f" and name != "time" else None
            variable = root.create_variable(name, dims, kind, fillvalue=fill)
            variable[...] = values.astype(object) if values.dtype.kind == "U" else values
            for key, value in dict(*attributes).items():
                variable.attrs[key] = value if isinstance(value, str) else np.asarray(value)
            known = [other for other in beside if name in contents.variables and set(along[other][0]) <= set(dims)]
            if known:
                variable.attrs["coordinates"] = " ".join(known)
        root.attrs.update(contents.attributes)


def _contents(tracks: Tracks, views: Views | None) -> _Contents:
    n_axes = tracks.points.shape[-1]
    knows_fps = bool(np.isfinite(tracks.fps)) and tracks.fps > 0
    frames = np.arange(tracks.n_frames)
    variables: dict[str, Any] = {
        "position": (_DIMS, tracks.points.transpose(0, 3, 2, 1).astype(np.float64)),
        "confidence": (_DIMS[:1] + _DIMS[2:], tracks.score.transpose(0, 2, 1).astype(np.float64)),
    }
    if tracks.error is not None:
        variables["expected_error"] = (_DIMS[:1] + _DIMS[2:], tracks.error.transpose(0, 2, 1).astype(np.float64))
    attributes: dict[str, Any] = {
        "ds_type": "poses",
        "time_unit": "seconds" if knows_fps else "frames",
        "source_software": str(tracks.provenance.get("source_software", "markerless")),
        "scorer": tracks.scorer,
        "video": tracks.video,
        "skeleton": json.dumps({"edges": tracks.skeleton.edges, "mirror_pairs": tracks.skeleton.mirror_pairs}),
        "provenance": json.dumps(tracks.provenance, sort_keys=True, ensure_ascii=False),
        "likelihood_definition": str(tracks.provenance.get("likelihood_definition", LIKELIHOOD_UNKNOWN)),
    }
    if "calibration" in tracks.provenance:
        attributes["calibration"] = json.dumps(tracks.provenance["calibration"], sort_keys=True)
    if knows_fps:
        attributes["fps"] = float(tracks.fps)
    coordinates: dict[str, Any] = {
        "time": (("time",), frames / tracks.fps if knows_fps else frames.astype(np.int64)),
        "space": (("space",), np.array(_AXES[:n_axes])),
        "keypoint": (("keypoint",), np.array(tracks.skeleton.keypoints)),
        "individual": (("individual",), np.array(tracks.individuals)),
    }
    if "unit" in tracks.provenance:
        attributes["space_unit"] = str(tracks.provenance["unit"])
    if views is not None:
        variables |= _of_views(views)
        coordinates["view"] = (("view",), np.array(views.names))
        coordinates["camera_frame"] = (("time", "view"), views.camera_frame)
    return _Contents(variables, coordinates, attributes)


def _of_views(views: Views) -> dict[str, Any]:
    """Variables of what the cameras say."""
    per_point, per_view = ("time", "keypoint", "individual"), ("view", "time", "keypoint", "individual")
    meaning = {"flag_values": list(range(len(STATES))), "flag_meanings": "; ".join(STATES)}
    return {
        "reprojection_error": (per_view, views.reprojection_px.transpose(0, 1, 3, 2), {"units": "px"}),
        "view_used": (per_view, views.used.transpose(0, 1, 3, 2).astype(np.int8)),
        "state": (per_point, views.state.transpose(0, 2, 1), meaning),
    }


def read_views(path: Path) -> Views | None:
    """What the cameras say of the points in a result file of ours; None where it holds nothing of that.

    Raises:
        FormatError: not netCDF, or damaged.
    """
    order = (0, 1, 3, 2)
    with opened(Path(path), "views of points in netCDF") as file:
        if "reprojection_error" not in file:
            return None
        frames = array(file["camera_frame"]).astype(np.float64) if "camera_frame" in file else np.zeros((0, 0))
        return Views(
            texts(file["view"]),
            array(file["reprojection_error"]).transpose(order).astype(np.float64),
            array(file["view_used"]).transpose(order).astype(bool),
            array(file["state"]).transpose(0, 2, 1).astype(np.int8),
            frames,
        )


def read(path: Path) -> Tracks:
    """The tracks of a result file, ours or one that movement saved.

    Raises:
        FormatError: not netCDF, damaged, or not poses.
    """
    # netCDF-4 is HDF5 with dimension scales; h5py alone reads it, in a tenth of the time xarray takes to import.
    with opened(Path(path), "poses in netCDF") as file:
        return _tracks(file)


def _tracks(file: h5py.File) -> Tracks:
    if "position" not in file or set(dims_of(file["position"])) != set(_DIMS):
        got = one_line(", ".join(file)) or "nothing"
        raise FormatError(f"expected a variable position ({', '.join(_DIMS)}), got {got}")
    order = dims_of(file["position"])
    names = {dim: names_along(file, dim) for dim in _DIMS[1:]}
    axes = [names["space"].index(axis) for axis in _AXES if axis in names["space"]]
    points = array(file["position"]).transpose([order.index(dim) for dim in _TRACKS_DIMS])[..., axes]
    attributes = {name: plain(value) for name, value in file.attrs.items()}
    tracks = Tracks(
        skeleton_of(names["keypoint"], attributes),
        points.astype(np.float64),
        _per_point(file, "confidence", points.shape[:3]),
        error=_per_point(file, "expected_error", points.shape[:3]) if "expected_error" in file else None,
        individuals=names["individual"],
        fps=fps_of(attributes),
        video=str(attributes.get("video", "")),
        scorer=str(attributes.get("scorer", "")),
        provenance=provenance_of(attributes),
    )
    frames = frames_of_rows(file, attributes, tracks.n_frames)
    return tracks if frames is None else _placed(tracks, frames)


def frames_of_rows(file: h5py.File, attributes: dict[str, Any], n_rows: int) -> npt.NDArray[np.float64] | None:
    """`(T,)` the frame of each row; None where rows are frames, or nothing clear is said of their times.

    In results of several cameras rows are moments, and `camera_frame` says which frames belong to them.
    """
    exact = None if "reprojection_error" in file else _times_in_frames(file, attributes, n_rows)
    return None if exact is None else _frames_at(exact)


def fps_of(attributes: dict[str, Any]) -> float:
    """Frames a second; NaN when unknown."""
    return float(attributes.get("fps") or "nan")


def _times_in_frames(file: h5py.File, attributes: dict[str, Any], n_rows: int) -> npt.NDArray[np.float64] | None:
    """`(T,)` the time of each row in frames; None where it is not there or unclear, or no row is missing."""
    node, unit, fps = file.get("time"), text(attributes.get("time_unit", "")), fps_of(attributes)
    if not isinstance(node, h5py.Dataset) or node.shape != (n_rows,) or node.dtype.kind not in "fiu":
        return None
    rate = 1.0 if unit == "frames" or (not unit and np.isnan(fps)) else fps
    if not (np.isfinite(rate) and rate > 0) or text(node.attrs.get("units", "")) not in _TIME_UNITS:
        return None
    with np.errstate(over="ignore"):
        last = array(node, slice(-1, None)).astype(np.float64) * rate
        is_whole = not last.size or np.rint(last[0]) == n_rows - 1
        return None if is_whole else np.asarray(array(node).astype(np.float64) * rate)


def _frames_at(exact: npt.NDArray[np.float64]) -> npt.NDArray[np.float64] | None:
    """`(T,)` the whole frames of times in frames; None where they are no ascending frames."""
    if not np.isfinite(exact).all():
        return None
    frames = np.rint(exact)
    fits = bool((np.abs(exact - frames) <= _OFF_FRAME).all() and frames[0] >= 0 and (np.diff(frames) > 0).all())
    return frames if fits else None


def _placed(tracks: Tracks, frames: npt.NDArray[np.float64]) -> Tracks:
    """The rows at their frames, NaN between them."""
    n_frames = int(frames[-1]) + 1
    if n_frames * max(1, tracks.score[0].size) > max(_MOST_PLACED, _MOST_TIMES_LARGER * tracks.score.size):
        raise FormatError(
            f"expected times from the start of the video on, got {len(frames)} rows up to frame {n_frames - 1} by time "
            "and fps; save them with ds.assign_coords(time=ds.time - ds.time[0])"
        )
    place = frames.astype(np.int64)

    def spread(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        placed = np.full((n_frames, *values.shape[1:]), np.nan)
        placed[place] = values
        return placed

    error = None if tracks.error is None else spread(tracks.error)
    return replace(tracks, points=spread(tracks.points), score=spread(tracks.score), error=error)


def dims_of(variable: h5py.Dataset) -> list[str]:
    """Names of a variable's dimensions, in today's spelling."""
    found = [str(scales[0].name).rsplit("/", 1)[-1] for scales in variable.dims]
    return [_OLD_DIMS.get(name, name) for name in found]


def names_along(file: h5py.File, dim: str) -> tuple[str, ...]:
    """Labels along a dimension."""
    stored = {_OLD_DIMS.get(name, name): name for name in file}
    return texts(file[stored[dim]])


def _per_point(file: h5py.File, name: str, shape: tuple[int, ...]) -> npt.NDArray[np.float64]:
    """`(T, N, K)` values of a variable, NaN when there is none."""
    if name not in file:
        return np.full(shape, np.nan)
    order = dims_of(file[name])
    values: npt.NDArray[np.float64] = array(file[name]).transpose([order.index(dim) for dim in _TRACKS_DIMS[:3]])
    return values.astype(np.float64)


def skeleton_of(keypoints: tuple[str, ...], attributes: dict[str, Any]) -> Skeleton:
    stored = json.loads(attributes.get("skeleton") or "{}")
    edges = tuple((int(a), int(b)) for a, b in stored.get("edges", ()))
    pairs = tuple((int(a), int(b)) for a, b in stored.get("mirror_pairs", ()))
    return Skeleton(keypoints, edges, pairs)


def provenance_of(attributes: dict[str, Any]) -> dict[str, Any]:
    """What was stored, or for a file of movement's own the plain attributes."""
    if "provenance" in attributes:
        stored = json.loads(attributes["provenance"])
        return dict(stored) if isinstance(stored, dict) else {}
    return {name: str(attributes[name]) for name in ("source_software", "source_file", "log") if name in attributes}
