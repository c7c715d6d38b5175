"""Makes NWB files of labels with pynwb and ndx-pose; apart from `nwb_labels`, because importing them takes seconds."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

import numpy as np
import pynwb
from ndx_pose import (
    PoseTraining,
    SkeletonInstance,
    SkeletonInstances,
    Skeletons,
    SourceVideos,
    TrainingFrame,
    TrainingFrames,
)
from ndx_pose import Skeleton as NwbSkeleton
from pynwb.image import ImageSeries

from markerless.core.instance import Instance, Visibility
from markerless.core.labels import Labels
from markerless.formats._nwb_write import UNKNOWN_START, bytes_of
from markerless.formats.nwb import series_name


def image_of(labels: Labels) -> bytes:
    """The bytes of a file; equal labels give equal files."""
    seen = [(instance.individual, instance.visibility.tolist()) for f in labels.frames for instance in f.instances]
    content = repr((labels.skeleton, labels.individuals, labels.images, seen)).encode() + labels.xy().tobytes()
    return bytes_of(_file(labels), content)


def _file(labels: Labels) -> Any:
    nwb = pynwb.NWBFile(
        session_description="labels of pictures; the start of the recording is not known",
        identifier="labels",
        session_start_time=UNKNOWN_START,
        file_create_date=UNKNOWN_START,
    )
    edges = np.array(labels.skeleton.edges, dtype=np.uint8).reshape(-1, 2)
    skeleton = NwbSkeleton(name="skeleton", nodes=list(labels.skeleton.keypoints), edges=edges if len(edges) else None)
    pictures = [_series(number, image) for number, image in enumerate(labels.images)]
    frames = []
    for number, frame in enumerate(labels.frames):
        animals = [
            _instance(instance, skeleton, labels.individuals.index(instance.individual)) for instance in frame.instances
        ]
        frames.append(
            TrainingFrame(
                name=f"training_frame_{number}",
                annotator=frame.labeler or None,
                skeleton_instances=SkeletonInstances(name="skeleton_instances", skeleton_instances=animals),
                source_video=pictures[number],
                source_video_frame_index=np.uint32(0),
            )
        )
    behavior = nwb.create_processing_module(name="behavior", description="poses labeled in pictures")
    behavior.add(Skeletons(skeletons=[skeleton]))
    behavior.add(
        PoseTraining(
            training_frames=TrainingFrames(name="training_frames", training_frames=frames),
            source_videos=SourceVideos(name="source_videos", image_series=pictures),
        )
    )
    return nwb


def _series(number: int, image: str) -> Any:
    """One labeled picture as a video of one frame; sleap-io cannot read a list of several pictures."""
    said: dict[str, Any] = {
        "name": f"picture_{number}",
        "description": f"labeled picture of {PurePosixPath(image).parent.name or 'a folder'}",
        "unit": "NA",
        "format": "external",
        "external_file": [image],
        "starting_frame": [0],
        "rate": 1.0,
    }
    try:
        return ImageSeries(**said, num_samples=1)
    except TypeError:  # pynwb below 4 does not know of it
        return ImageSeries(**said)


def _instance(instance: Instance, skeleton: Any, number: int) -> Any:
    return SkeletonInstance(
        name=series_name(instance.individual),
        id=np.uint32(number),
        node_locations=instance.xy.astype(np.float64),
        node_visibility=np.asarray(instance.visibility == Visibility.VISIBLE),
        skeleton=skeleton,
    )
