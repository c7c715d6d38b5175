"""What is this file? The verb `info`: looks into a file or folder of any kind and says what it holds."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from markerless.core.labels import Labels
from markerless.core.plain import plain
from markerless.core.tracks import Tracks
from markerless.core.video import IMAGE_SUFFIXES, VIDEO_SUFFIXES
from markerless.errors import FormatError, LabelsError, RunError, VideoError

LARGEST_HEADER = 100_000_000  # bytes; the limit of the safetensors format itself
METADATA = ("_meta.pickle", "includingmetadata.pickle")
LABEL_TABLES = "CollectedData_*"


@dataclass(frozen=True)
class Info:
    """What a file or folder is.

    Attributes:
        path: The file or folder.
        kind: "video", "images", "image", "labels", "tracks", "project", "run", "model", "checkpoint", "split",
            "evaluation", "journal", "metadata", "calibration", "views" or "unknown".
        facts: Name -> plain value, in the order in which they are best read.
        notes: One line each: what is odd about it.
    """

    path: Path
    kind: str
    facts: dict[str, Any]
    notes: tuple[str, ...] = field(default=())

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"path": str(self.path), "kind": self.kind, **self.facts, "notes": list(self.notes)}


def info(path: Path | str) -> Info:
    """Say what `path` is.

    Raises:
        FormatError: there is no such file.
        MarkerlessError: it is of a known kind, and damaged; the message says how.
    """
    place = Path(path)
    if not place.exists():
        raise FormatError(f"no such file or folder: {place}; check the name")
    return _of_folder(place) if place.is_dir() else _of_file(place)


def _of_folder(folder: Path) -> Info:
    if (folder / "config.yaml").is_file():
        return _project(folder)
    if (folder / "run.toml").is_file():
        return _run(folder)
    names = sorted(entry.name for entry in folder.iterdir())
    n_images = sum(Path(name).suffix.lower() in IMAGE_SUFFIXES for name in names)
    if n_images:
        found = _video(folder)
        tables = [entry.name for entry in sorted(folder.glob(LABEL_TABLES))]
        return Info(folder, "images", {**found.facts, "label_tables": tables}, found.notes)
    n_videos = sum(Path(name).suffix.lower() in VIDEO_SUFFIXES for name in names)
    facts = {"n_entries": len(names), "n_videos": n_videos, "holds": names[:10]}
    return Info(folder, "unknown", facts, ("a folder that is no project, no run and no folder of images",))


def _of_file(path: Path) -> Info:
    suffix = path.suffix.lower()
    readers: dict[str, Callable[[Path], Info]] = {
        ".onnx": _model,
        ".safetensors": _checkpoint,
        ".json": _json,
        ".jsonl": _journal,
        **dict.fromkeys(VIDEO_SUFFIXES, _video),
        **dict.fromkeys(IMAGE_SUFFIXES, _image),
    }
    if path.name == "config.yaml":
        return _project(path)
    if path.name == "run.toml":
        return _run(path.parent)
    if suffix in readers:
        return readers[suffix](path)
    if suffix == ".pickle" and path.name.startswith("Documentation_data"):
        return _shuffle(path)
    if path.name.endswith(METADATA):
        return _metadata(path)
    if (found := _calibration(path)) is not None:
        return found
    return _table(path)


def _video(path: Path) -> Info:
    from markerless.video.reader import open_video

    with open_video(path) as reader:
        video = reader.video
        facts: dict[str, Any] = {
            "n_frames": video.n_frames,
            "width": video.width,
            "height": video.height,
            "fps": video.fps,
            "duration_s": video.n_frames / video.fps if video.fps > 0 else float("nan"),
            "codec": video.codec,
            "n_key_frames": len(reader.key_frames),
            "container_n_frames": video.container_n_frames,
        }
        return Info(path, "images" if path.is_dir() else "video", facts, reader.notes)


def _image(path: Path) -> Info:
    from markerless.video.images import read_image

    height, width = read_image(path).shape[:2]
    return Info(path, "image", {"width": width, "height": height})


def _project(path: Path) -> Info:
    from markerless.project import Project

    project = Project(path)
    try:
        labels: Labels | None = project.labels()
        notes = (*project.notes, *(labels.notes if labels else ()))
    except LabelsError as error:
        labels, notes = None, (*project.notes, str(error))
    facts = {
        "name": project.name,
        "scorer": project.scorer,
        "date": project.date,
        "keypoints": list(project.skeleton.keypoints),
        "individuals": list(project.individuals),
        "videos": [video.name for video in project.videos()],
        "n_labeled_frames": len(labels) if labels else 0,
        "n_points": labels.n_points if labels else 0,
        "runs": list(project.runs()),
    }
    return Info(project.root, "project", facts, tuple(dict.fromkeys(notes)))


def _run(folder: Path) -> Info:
    from markerless.project import Run

    run = Run.open(folder)
    facts = {
        "name": run.name,
        "finished": run.finished,
        "scorer": run.scorer,
        "keypoints": list(run.skeleton.keypoints),
        **{f"n_{part}": len(images) for part, images in run.split.items()},
        **{name: run.settings["run"][name] for name in ("created_by", "steps", "seed") if name in run.settings["run"]},
        "calibration": run.settings.get("calibration"),
        "files": sorted(entry.name for entry in run.folder.iterdir() if entry.is_file()),
    }
    return Info(run.folder, "run", facts, () if run.finished else ("training has not ended; train goes on with it",))


def _model(path: Path) -> Info:
    from markerless.runtime.openvino_quietly import openvino

    try:
        model = openvino.Core().read_model(path)
    except RuntimeError as error:
        raise RunError(f"expected an ONNX model, cannot read {path}; train or export it again") from error
    rt_info = model.get_rt_info()
    metadata = {key: str(value.value) for key, value in rt_info["framework"].items()} if "framework" in rt_info else {}
    own = {key.removeprefix("markerless."): text for key, text in metadata.items() if key.startswith("markerless.")}
    keypoints = own.get("keypoints")
    facts = {
        "contract": own.get("contract"),
        "net": own.get("net"),
        "stride": own.get("stride"),
        "keypoints": json.loads(keypoints) if keypoints else None,
        "inputs": [f"{port.get_any_name()} {port.get_partial_shape()}" for port in model.inputs],
        "outputs": [f"{port.get_any_name()} {port.get_partial_shape()}" for port in model.outputs],
    }
    return Info(path, "model", facts, () if own else ("a model that markerless did not export",))


def _checkpoint(path: Path) -> Info:
    """Reads the header alone: eight bytes of length, then JSON."""
    with path.open("rb") as file:
        start = file.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else LARGEST_HEADER + 1
        text = file.read(length) if length <= LARGEST_HEADER else b""
    try:
        header = json.loads(text)
        metadata = header.pop("__metadata__", {})
        n_numbers = sum(int(np.prod(tensor["shape"])) for tensor in header.values())
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise RunError(f"expected a safetensors file, got a damaged one: {path}; train again") from error
    facts = {"n_tensors": len(header), "n_numbers": n_numbers, "metadata": _short(metadata)}
    return Info(path, "checkpoint", facts)


def _json(path: Path) -> Info:
    from markerless.formats import _sniff
    from markerless.formats._describe import describe
    from markerless.formats._json_file import load_json

    value = load_json(path)
    if isinstance(value, dict) and isinstance(value.get("train"), list):
        return Info(
            path, "split", {f"n_{part}": len(images) for part, images in value.items() if isinstance(images, list)}
        )
    if isinstance(value, dict) and "splits" in value:
        splits = {part: errors for part, errors in value["splits"].items() if errors}
        means = {f"mean_px_{part}": errors.get("mean_px") for part, errors in splits.items()}
        return Info(path, "evaluation", {"run": value.get("run"), **means})
    keys = list(value) if isinstance(value, dict) else []
    if any(score > 0 for _, score in _sniff.rank(path)):
        return _table(path)
    facts = {"looks_like": describe(path), "holds": keys[:10], "known_formats": _sniff.known()}
    return Info(path, "unknown", facts, ("neither a split nor an evaluation of ours",))


def _shuffle(path: Path) -> Info:
    from markerless.core.unpickle import load_pickle

    value = load_pickle(path)
    if not (isinstance(value, list) and len(value) > 2):
        raise FormatError(
            f"expected a DeepLabCut shuffle (training frames, their rows, test rows), got another: {path}"
        )
    facts = {"n_train": len(value[1]), "n_test": len(value[2]), "made_by": "DeepLabCut"}
    return Info(path, "split", facts)


def _calibration(path: Path) -> Info | None:
    """Cameras of any tool, or where a picture shows the views of them; None when it is another file."""
    from markerless.multiview.calibration_file import calibration_format, read_calibration
    from markerless.multiview.files import views_toml
    from markerless.project.view_names import VIEWS_FILE

    name = calibration_format(path)
    if name is None:
        if path.name.lower() == VIEWS_FILE and (found := _views_of_cameras(path)) is not None:
            return found
        return _views(path) if path.suffix.lower() == ".toml" and views_toml.is_views_file(path) else None
    cameras = read_calibration(path)
    told = dict(cameras.provenance)
    facts = {
        "format": name,
        "cameras": list(cameras.names),
        "sizes": [f"{camera.size[0]} x {camera.size[1]}" for camera in cameras.cameras],
        "unit": cameras.unit or "unknown",
        "error_px": cameras.error_px,
        "board": told.get("board"),
    }
    return Info(path, "calibration", facts, (told["note"],) if "note" in told else ())


def _views(path: Path) -> Info:
    from markerless.multiview.files import views_toml

    found = views_toml.read(path)
    known = found.known_length
    facts = {
        "views": [part.name for part in found.parts],
        "mirrored": [part.name for part in found.parts if part.mirrored],
        "known_length": f"{known.first} to {known.second} {known.length:g} {found.unit}" if known else None,
        "calibration": str(found.calibration) if found.calibration else None,
    }
    return Info(path, "views", facts)


def _views_of_cameras(path: Path) -> Info | None:
    """How a study's videos of several cameras belong together; None when it is about views in one picture."""
    from markerless.pipeline.study_views import toml_tables

    tables = toml_tables(path)
    if "videos" not in tables:
        return None
    names = ("videos", "calibration", "cameras", "offsets")
    return Info(path, "views", {name: tables[name] for name in names if name in tables})


def _metadata(path: Path) -> Info:
    """What DeepLabCut wrote about an analysis; the points are in another file."""
    from markerless.formats._dlc_meta import read_metadata

    data = read_metadata(path)
    names = (
        "Scorer",
        "nframes",
        "fps",
        "frame_dimensions",
        "cropping",
        "cropping_parameters",
        "individuals",
        "bodyparts",
    )
    facts = {name.lower(): plain(data[name]) for name in names if name in data}
    return Info(path, "metadata", {"made_by": "DeepLabCut", **facts}, ("the points are in the .h5 beside it",))


def _journal(path: Path) -> Info:
    with path.open(encoding="utf-8") as file:
        n_changes = sum(1 for line in file if line.strip())
    return Info(path, "journal", {"n_changes": n_changes})


def _table(path: Path) -> Info:
    """Labels or tracks of any known format, else a video with an unusual name, else unknown."""
    from markerless.formats import _sniff
    from markerless.formats._describe import describe

    if not any(score > 0 for _, score in _sniff.rank(path)):
        try:
            return _video(path)
        except VideoError:
            size = path.stat().st_size
            facts = {"looks_like": describe(path), "size_bytes": size, "known_formats": _sniff.known()}
            return Info(path, "unknown", facts)
    name, value = _sniff.open_any(path)
    return _labels(path, name, value) if isinstance(value, Labels) else _tracks(path, name, value)


def _labels(path: Path, name: str, labels: Labels) -> Info:
    facts = {
        "format": name,
        "n_frames": len(labels),
        "n_points": labels.n_points,
        "keypoints": list(labels.skeleton.keypoints),
        "individuals": list(labels.individuals),
        "scorers": sorted({frame.labeler for frame in labels.frames}),
        "videos": sorted({frame.video for frame in labels.frames}),
    }
    return Info(path, "labels", facts, labels.notes)


def _tracks(path: Path, name: str, tracks: Tracks) -> Info:
    score = tracks.score[np.isfinite(tracks.score)]
    facts = {
        "format": name,
        "n_frames": tracks.n_frames,
        "n_dimensions": tracks.points.shape[-1],
        "keypoints": list(tracks.skeleton.keypoints),
        "individuals": list(tracks.individuals),
        "scorer": tracks.scorer,
        "video": tracks.video,
        "fps": tracks.fps,
        "share_present": tracks.share_present,
        "median_score": float(np.median(score)) if score.size else float("nan"),
        **_errors(tracks),
        "provenance": _short(tracks.provenance),
    }
    return Info(path, "tracks", facts)


def _errors(tracks: Tracks) -> dict[str, float]:
    """How far off the points are expected to be; nothing where it is not known."""
    from markerless.pipeline.calibration import spread

    errors = None if tracks.error is None else spread(tracks.error)
    if errors is None:
        return {}
    unit = "_px" if tracks.points.shape[-1] == 2 else ""  # in three dimensions that of the calibration
    return {f"median_expected_error{unit}": errors["median_px"], f"p95_expected_error{unit}": errors["p95_px"]}


def _short(values: dict[str, Any]) -> dict[str, Any]:
    """Values that fit on a line."""
    return {key: value for key, value in values.items() if len(str(value)) <= 200}
