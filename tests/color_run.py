"""A finished run for the app's tests, whose network is quick and known exactly."""

from __future__ import annotations

import json

from made_study import MadeStudy
from make_model import color_finder


def add_run(study: MadeStudy, keypoints: tuple[str, ...], has_error: bool = True) -> None:
    """A finished run whose network finds the first pixel of the strongest red, green and blue."""
    run = study.project.run_folder("run1")
    run.mkdir(parents=True)
    color_finder(run / "model.onnx", has_error=has_error)
    (run / "split.json").write_text('{"train": []}', encoding="utf-8")
    (run / "run.toml").write_text(
        '[run]\nname = "run1"\nfinished = true\nscorer = "DLC_Test"\n'
        f"[skeleton]\nkeypoints = {json.dumps(keypoints)}\nedges = []\nmirror_pairs = []\n"
        '[data]\nfingerprint = "other"\n[train]\n[net]\n[versions]\n',
        encoding="utf-8",
    )
