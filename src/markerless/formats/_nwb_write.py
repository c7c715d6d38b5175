"""Makes NWB files with pynwb and ndx-pose; apart from `nwb`, because importing them takes seconds."""

from __future__ import annotations

import re
import warnings
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any

import h5py
import numpy as np
import pynwb
from ndx_pose import PoseEstimation, PoseEstimationSeries, Skeletons
from ndx_pose import Skeleton as NwbSkeleton
from pynwb.file import Subject

from markerless.core.tracks import Tracks
from markerless.formats._table import SINGLE_ANIMAL
from markerless.formats.nwb import DEFAULT_NAME, NO_RATE, ORIGIN, OURS, series_name, stable_id

SKELETONS = "Skeletons"
UUID = re.compile(rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
UNKNOWN_START = datetime(1970, 1, 1, tzinfo=UTC)
# What a PoseEstimation holds beside its series, by the name that a series would need.
TAKEN = {field["name"] for field in PoseEstimation.get_fields_conf()} | {"namespace", "neurodata_type", "object_id"}


def image_of(tracks: Tracks) -> bytes:
    """The bytes of a file; equal tracks give equal files."""
    with warnings.catch_warnings():
        # the video's name has a newer place, which only the newest readers know
        warnings.simplefilter("ignore", DeprecationWarning)
        nwb = _file(tracks)
    return bytes_of(nwb, tracks.points.tobytes() + tracks.score.tobytes() + repr(tracks.skeleton).encode())


def bytes_of(nwb: Any, content: bytes) -> bytes:
    """The bytes of a file.

    It is made in memory: on a full disk HDF5 may lose what it failed to write, without an error, or crash. Ids are
    replaced in the bytes, where pynwb has put random ones, so that equal `content` gives equal files.
    """
    with (
        h5py.File("nwb", "w", driver="core", backing_store=False) as file,
        pynwb.NWBHDF5IO(file=file, mode="w") as io,
    ):
        io.write(nwb)
        file.flush()
        image = bytes(file.id.get_file_image())
    ids = {own.encode("ascii"): stable_id(content, n).encode("ascii") for n, own in enumerate(nwb.objects)}
    return UUID.sub(lambda found: ids.get(found[0], found[0]), image)


def _file(tracks: Tracks) -> Any:
    is_default = tracks.individuals == (SINGLE_ANIMAL,)
    is_one = tracks.n_individuals == 1
    nwb = pynwb.NWBFile(
        session_description=f"poses of {tracks.video or 'a video'}; the start of the recording is not known",
        identifier=SINGLE_ANIMAL if is_default else "_".join(tracks.individuals),
        session_start_time=UNKNOWN_START,
        file_create_date=UNKNOWN_START,
    )
    if is_one and not is_default:
        nwb.subject = Subject(subject_id=tracks.individuals[0], species="unknown", sex="U")
    edges = np.array(tracks.skeleton.edges, dtype=np.uint8).reshape(-1, 2)
    nodes = _series_names(tracks.skeleton.keypoints) or tracks.skeleton.keypoints
    containers = (DEFAULT_NAME,) if is_one else _distinct(tracks.individuals, {SKELETONS})
    skeleton = NwbSkeleton(name="skeleton", nodes=list(nodes), edges=edges if len(edges) else None)
    behavior = nwb.create_processing_module(name="behavior", description="poses estimated from video")
    behavior.add(Skeletons(name=SKELETONS, skeletons=[skeleton]))
    for n, individual in enumerate(tracks.individuals):
        behavior.add(
            PoseEstimation(
                name=containers[n],
                pose_estimation_series=_series(tracks, n, is_told=not is_one and containers[n] != individual),
                description=f"Positions of the keypoints of {individual}.",
                original_videos=[tracks.video] if tracks.video else None,
                scorer=tracks.scorer or None,
                source_software=str(tracks.provenance.get("source_software", OURS)),
                skeleton=skeleton,
            )
        )
    return nwb


def _series(tracks: Tracks, n: int, is_told: bool) -> list[Any]:
    """The keypoints of an animal; with `is_told` they say whose they are, as its container has another name."""
    knows_fps = bool(np.isfinite(tracks.fps)) and tracks.fps > 0
    names = _series_names(tracks.skeleton.keypoints)
    # so reading finds the own names of animal and keypoint
    owner = f" from individual {tracks.individuals[n]}." if names or is_told else ""
    return [
        PoseEstimationSeries(
            name=names[k] if names else series_name(keypoint),
            description=f"Keypoint {keypoint}{owner}",
            comments="no comments" if knows_fps else NO_RATE,
            data=tracks.points[:, n, k].astype(np.float64),
            unit="pixels" if tracks.points.shape[-1] == 2 else "unit of the calibration",
            reference_frame=ORIGIN,
            starting_time=0.0,
            rate=float(tracks.fps) if knows_fps else 1.0,
            confidence=tracks.score[:, n, k].astype(np.float64),
            confidence_definition=str(tracks.provenance.get("likelihood_definition", "as its source gives it")),
        )
        for k, keypoint in enumerate(tracks.skeleton.keypoints)
    ]


def _series_names(keypoints: tuple[str, ...]) -> tuple[str, ...]:
    """Names of the series where some cannot have that of their keypoint; else none.

    A field of the `PoseEstimation`, as `scorer`, or another series may have it already. The nodes of the skeleton are
    then named as the series are, and the keypoints' own names stand in the descriptions.
    """
    names = _distinct(keypoints, TAKEN)
    return () if names == tuple(map(series_name, keypoints)) else names


def _distinct(wanted: Sequence[str], taken: Collection[str]) -> tuple[str, ...]:
    """Names as NWB allows them, each once, and none that is taken."""
    names: list[str] = []
    for name in map(series_name, wanted):
        while name in taken or name in names:
            name += "_"
        names.append(name)
    return tuple(names)
