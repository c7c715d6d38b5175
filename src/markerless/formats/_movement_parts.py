"""Points in space in our own result files, a stretch at a time: an hour of a rig takes gigabytes, and who looks at it
looks at a second. What lies in the file in one piece is mapped into memory for the moment in which it is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from markerless.errors import FormatError
from markerless.formats._hdf5 import array, opened, plain, texts
from markerless.formats.movement import dims_of, fps_of, frames_of_rows, names_along, provenance_of, skeleton_of

_CONTENT = "points in space in netCDF"
_POINT = ("time", "individual", "keypoint")
# The variables, and their axes in the order in which `take` gives them; in a file they may be in any order.
_AXES = {
    "position": (*_POINT, "space"),
    "confidence": _POINT,
    "expected_error": _POINT,
    "state": _POINT,
    "reprojection_error": ("view", *_POINT),
    "view_used": ("view", *_POINT),
    "camera_frame": ("view", "time"),
}
_ALL = slice(None)


@dataclass(frozen=True)
class _Part:
    """A variable of the file.

    Attributes:
        dims: Names of its axes.
        shape: Its lengths.
        dtype: Of its numbers.
        offset: Byte of the file where it begins; None when it is in pieces, or was never written.
    """

    dims: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    offset: int | None


@dataclass(frozen=True)
class SpaceFile:
    """A result file with points in space.

    Attributes:
        path: Where it is.
        n_frames: Moments.
        keypoints: Their names.
        edges: Pairs of their indices.
        individuals: Names of the animals.
        views: Names of the cameras; empty where the file says nothing of them.
        fps: Frames a second; NaN when unknown.
        unit: Of lengths; "" when the scale is not known.
        provenance: How it was made.
    """

    path: Path
    n_frames: int
    keypoints: tuple[str, ...]
    edges: tuple[tuple[int, int], ...]
    individuals: tuple[str, ...]
    views: tuple[str, ...]
    fps: float
    unit: str
    provenance: Mapping[str, Any]
    _parts: Mapping[str, _Part]

    def has(self, name: str) -> bool:
        """Whether there is such a variable."""
        return name in self._parts

    def take(self, name: str, rows: slice, animal: slice = _ALL, keypoint: slice = _ALL) -> npt.NDArray[Any]:
        """Some of a variable, its axes in the order of `_AXES`: `([view,] time[, individual, keypoint][, space])`.

        Raises:
            FormatError: the file changed meanwhile, or is damaged.
        """
        part = self._parts[name]
        picks = {"time": rows, "individual": animal, "keypoint": keypoint}
        index = tuple(picks.get(dim, _ALL) for dim in part.dims)
        return self._read(name, part, index).transpose([part.dims.index(dim) for dim in _AXES[name]])

    def _read(self, name: str, part: _Part, index: tuple[slice, ...]) -> npt.NDArray[Any]:
        if part.offset is None:
            with opened(self.path, _CONTENT) as file:
                return np.asarray(file[name][index])
        try:
            mapped = np.memmap(self.path, part.dtype, "r", part.offset, part.shape)
        except (OSError, ValueError) as error:
            raise FormatError(f"cannot read {name} of {self.path} any more: {error}; open it again") from error
        return np.array(mapped[index])


def open_space(path: Path) -> SpaceFile:
    """What a result file says of points in space, but for the numbers.

    Raises:
        FormatError: no such file, not netCDF, damaged, or not points in space.
    """
    with opened(Path(path), _CONTENT) as file:
        if not _is_here(file, "position"):
            raise FormatError(f"expected a variable position, got {', '.join(sorted(file)) or 'nothing'}")
        names = {dim: names_along(file, dim) for dim in ("space", "keypoint", "individual")}
        if names["space"] != ("x", "y", "z"):
            raise FormatError(
                f"expected points in space (x, y, z), got {', '.join(names['space'])}; "
                "make them of several cameras with `markerless triangulate`"
            )
        attributes = {key: plain(value) for key, value in file.attrs.items()}
        parts = {name: _part(file[name], axes) for name, axes in _AXES.items() if _is_here(file, name)}
        frames = frames_of_rows(file, attributes, parts["position"].shape[parts["position"].dims.index("time")])
        if frames is not None:
            raise FormatError(
                f"expected every moment from the first on, got {len(frames)} rows from frame {frames[0]:.0f} to "
                f"{frames[-1]:.0f} by time and fps; open the whole result"
            )
        provenance = provenance_of(attributes)
        views = texts(file["view"]) if "view" in file and "reprojection_error" in parts else ()
        return SpaceFile(
            Path(path),
            _length(parts, names | {"view": views}),
            names["keypoint"],
            skeleton_of(names["keypoint"], attributes).edges,
            names["individual"],
            views,
            fps_of(attributes),
            str(attributes.get("space_unit", provenance.get("unit", ""))),
            provenance,
            parts,
        )


def _is_here(file: h5py.File, name: str) -> bool:
    """Whether the file has a variable, and not only a link to one of another file."""
    return (
        name in file
        and isinstance(file.get(name, getlink=True), h5py.HardLink)
        and isinstance(file[name], h5py.Dataset)
    )


def _part(node: h5py.Dataset, axes: tuple[str, ...]) -> _Part:
    """Where a variable lies, if it is what it should be: numbers that are in the file itself."""
    if node.dtype.kind not in "fiub" or node.external or node.is_virtual:
        raise FormatError(f"expected numbers in {node.name} that lie in the file itself; the file is damaged")
    dims = tuple(dims_of(node))
    if sorted(dims) != sorted(axes):
        told = f"{', '.join(axes)} as axes of {node.name}, got {', '.join(dims)}"
        raise FormatError(f"expected {told}; triangulate again")
    array(node, slice(0, 0))  # measures what it claims to hold against what the file holds
    offset = node.id.get_offset() if node.chunks is None else None
    return _Part(dims, node.shape, node.dtype, offset)


def _length(parts: Mapping[str, _Part], names: Mapping[str, tuple[str, ...]]) -> int:
    """The number of moments; all variables have to agree in it.

    Raises:
        FormatError: they do not.
    """
    n_frames = parts["position"].shape[parts["position"].dims.index("time")]
    expected = {"time": n_frames, **{dim: len(values) for dim, values in names.items()}}
    for name, part in parts.items():
        for dim, length in zip(part.dims, part.shape, strict=True):
            if length != expected.get(dim, length):
                raise FormatError(f"expected {expected[dim]} along {dim} of {name}, got {length}; the file is damaged")
    return n_frames
