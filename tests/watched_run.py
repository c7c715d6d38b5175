"""A run folder as a training leaves it that was interrupted or has ended: losses, and looks at frames.

What stands in it is made up; how it is written is not.
"""

from __future__ import annotations

import json

import numpy as np

from made_study import MadeStudy
from markerless.pipeline import example_file
from markerless.pipeline.example_file import ExampleFrame, Examples, Look
from markerless.pipeline.metrics_file import PARTS, MetricsWriter
from markerless.pipeline.run_files import write_toml

LOOKS = (1, 20, 60)


def offset_px(step: int) -> float:
    """How far to the right of its label every predicted point lies."""
    return 60.0 / step


def add_run(study: MadeStudy, name: str = "half", n_steps: int = 65, total: int = 100, finished: bool = False) -> None:
    """Write the run; the first frame's second keypoint has no label.

    Args:
        study: Its frames are looked at.
        name: Of the run.
        n_steps: Steps that were done.
        total: All of them.
        finished: Whether the training has ended.
    """
    folder = study.project.run_folder(name)
    folder.mkdir(parents=True)
    keypoints = study.project.skeleton.keypoints
    images = [f"labeled-data/cage1/img{i:02d}.png" for i in study.labeled]
    tables: dict[str, dict[str, object]] = {
        "run": {"name": name, "finished": finished, "steps": total},
        "skeleton": {"keypoints": list(keypoints), "edges": [], "mirror_pairs": []},
        "data": {"fingerprint": "other"},
    }
    write_toml(tables, folder / "run.toml")
    split = {"train": images[:-3], "validation": images[-3:], "test": []}
    (folder / "split.json").write_text(json.dumps(split), encoding="utf-8")
    with MetricsWriter(folder / "metrics.csv", 0) as writer:
        for step in range(1, n_steps + 1):
            writer.add(step, total, dict.fromkeys(PARTS, 1.0), 0.5)
    labels = study.truth[list(study.labeled[-3:])].copy()
    labels[0, 1] = np.nan
    frames = tuple(ExampleFrame(image, (320, 240), label) for image, label in zip(images[-3:], labels, strict=True))
    example_file.begin(folder / "examples.jsonl", Examples("validation", keypoints, frames), 0)
    for step in LOOKS:
        xy = study.truth[list(study.labeled[-3:])] + [offset_px(step), 0.0]
        example_file.append(folder / "examples.jsonl", Look(step, offset_px(step), xy, np.full(xy.shape[:2], 0.9)))
    if finished:
        errors = {"n_frames": 3, "n_points": 17, "mean_px": 2.31, "median_px": 1.84, "doubt": "3 labeled frames: few"}
        evaluation = {"splits": {"train": None, "validation": {**errors, "mean_px_interval": [1.9, 2.8]}}}
        (folder / "evaluation.json").write_text(json.dumps(evaluation), encoding="utf-8")
