"""Draws the picture of docs/labelers.md: two made people label a made mouse.

python docs/labelers_picture.py    # writes docs/images/labelers.png

"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from markerless.analysis.label_agreement import agreements
from markerless.core.instance import FloatArray, Instance
from markerless.core.labels import LabeledFrame, Labels
from markerless.core.skeleton import Skeleton
from markerless.report.label_agreement import agreement_figure
from markerless.report.page import figure_png
from markerless.report.style import figure_style
from markerless.synthetic.scene import Look, Scene

PATH = Path(__file__).resolve().parent / "images" / "labelers.png"
N_FRAMES = 60
CAREFUL_PX = {"snout": 1.0, "leftear": 1.3, "rightear": 1.3, "tailbase": 2.2}
DOWN_THE_TAIL_PX = 4.0


def labels(skeleton: Skeleton, xy: FloatArray) -> Labels:
    """What one person has labeled; `xy` is `(F, K, 2)` px."""
    frames = (LabeledFrame(f"labeled-data/made/img{f:03d}.png", (Instance.from_xy(xy[f]),)) for f in range(len(xy)))
    return Labels(skeleton, tuple(frames))


def main() -> int:
    """Write the picture."""
    scene = Scene(5, (640, 480), N_FRAMES, look=Look(coat="agouti"))
    names = [name for name in scene.skeleton.keypoints if name in CAREFUL_PX]
    skeleton, truth = Skeleton(tuple(names)), scene.truth()
    xy = truth[:, [scene.skeleton.index(name) for name in names]]
    along = xy[:, names.index("tailbase")] - xy[:, names.index("snout")]
    along /= np.linalg.norm(along, axis=-1, keepdims=True)
    rng = np.random.default_rng(1)
    noise = np.array([CAREFUL_PX[name] for name in names])[:, None]
    ann, bo = (xy + rng.normal(0, 1, xy.shape) * noise for _ in range(2))
    bo[:, names.index("tailbase")] += DOWN_THE_TAIL_PX * along
    (pair,) = agreements({"Ann": labels(skeleton, ann), "Bo": labels(skeleton, bo)})
    with figure_style():
        PATH.write_bytes(figure_png(agreement_figure(pair)))
    print(f"wrote {PATH}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
