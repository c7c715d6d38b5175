"""The colors of keypoints: those that somebody chose for a study, else those of the palette."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from markerless.drawing import palette
from markerless.errors import MarkerlessError
from markerless.project import Project, Run, config_file


def colors_of(project: Project, keypoints: Sequence[str] | None = None) -> npt.NDArray[np.uint8]:
    """`(K, 3)` RGB of `keypoints`, by default the study's."""
    names = project.skeleton.keypoints if keypoints is None else keypoints
    colors = palette(len(names))
    for name, color in config_file.keypoint_colors(project.config).items():
        if name in names:
            colors[list(names).index(name)] = tuple(bytes.fromhex(color[1:]))
    return colors


def colors_for_run(run: Run) -> npt.NDArray[np.uint8]:
    """`(K, 3)` RGB of the keypoints of a run in its study; those of the palette where it lies in none."""
    return _colors_in(run.folder.parent.parent, run.skeleton.keypoints)


def colors_beside(video: Path, keypoints: Sequence[str]) -> npt.NDArray[np.uint8]:
    """`(K, 3)` RGB of `keypoints` in the study that a video lies in; those of the palette where it lies in none."""
    return _colors_in(video.absolute().parent.parent, keypoints)


def _colors_in(root: Path, keypoints: Sequence[str]) -> npt.NDArray[np.uint8]:
    if (root / config_file.CONFIG_NAME).is_file():
        try:
            return colors_of(Project(root, finish=False), keypoints)
        except MarkerlessError:
            pass  # a folder that happens to have a file of that name
    return palette(len(keypoints))
