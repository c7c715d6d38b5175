"""Plants mistakes in the labels of real studies, trains on them and counts how many `check --suspects` finds.

    python benchmarks/label_checking.py openfield mirror-mouse --out FOLDER [--data ../shared/data] [--minutes 10]
    [--seed 0] [--most 60]

10 swaps of two keypoints, 10 slips of 0.15 to 0.4 animal sizes, 10 points deleted or put on another keypoint. A mistake
    counts as found when one of its labels is among the first proposals. Resumable: a study in FOLDER is not spoiled a
    second time, and a finished training is not repeated.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from markerless.core.labels import Labels
from markerless.core.storage import write_text
from markerless.pipeline.check import check
from markerless.pipeline.suspects import Ranking, SuspectRequest
from markerless.pipeline.train import train
from markerless.pipeline.training_plan import TrainRequest
from markerless.project import Project
from markerless.synthetic.label_mistakes import Mistake, found, plant, with_points
from markerless.video.images import image_size
from studies import STUDIES, open_study

RUN = "planted"
BAR = 0.8
# labels of the sets that are exchanged by mistake, put right before others are planted
EXCHANGED = {"openfield": ("labeled-data/m4s1/img0102.png", "leftear", "rightear")}


def main() -> None:
    """Every set, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="+", choices=["openfield", "mirror-mouse"])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--most", type=int, default=60)
    wanted = parser.parse_args()
    for name in wanted.sets:
        project = open_study(STUDIES[name], wanted.data, wanted.out)
        mistakes = planted(name, project, wanted.seed)
        train(project, wanted.minutes, TrainRequest(run=RUN))
        ranking = check(project, suspects=SuspectRequest(RUN, wanted.most)).ranking
        assert ranking is not None
        print_counts(name, mistakes, ranking)


def planted(name: str, project: Project, seed: int) -> list[Mistake]:
    """The mistakes in the labels of the project, put there unless they are there already."""
    record = project.root / "planted.json"
    if record.is_file():
        said = json.loads(record.read_text(encoding="utf-8"))
        if said["seed"] != seed:
            raise SystemExit(f"{project.root} holds the mistakes of seed {said['seed']}; give another --out")
        return [Mistake(m["kind"], m["image"], tuple(m["keypoints"])) for m in said["mistakes"]]
    labels = put_right(name, project.labels())
    sizes = {frame.image: image_size(frame.picture) for frame in labels.frames}
    spoiled, mistakes = plant(labels, sizes, seed)
    for video in project.label_folders():
        project.write_labels(video, spoiled.select([f.image for f in spoiled.frames if f.video == video]))
    write_text(record, json.dumps({"seed": seed, "mistakes": [asdict(m) for m in mistakes]}, indent=1) + "\n")
    return mistakes


def put_right(name: str, labels: Labels) -> Labels:
    """The labels without the mistake that is known of this set."""
    if name not in EXCHANGED:
        return labels
    image, *names = EXCHANGED[name]
    a, b = (labels.skeleton.index(keypoint) for keypoint in names)
    xy, f = labels.xy()[:, 0], labels.images.index(image)
    xy[f, [a, b]] = xy[f, [b, a]]
    return with_points(labels, xy)


def print_counts(name: str, mistakes: Sequence[Mistake], ranking: Ranking) -> None:
    """How many were found, by kind, and which were not."""
    hits = found(mistakes, [(proposal.image, proposal.keypoint) for proposal in ranking.proposals])
    print(
        f"{name}: {sum(hits)} of {len(hits)} mistakes among the first {len(ranking.proposals)} proposals (bar "
        f"{BAR:.0%}), by predictions of {ranking.run}"
    )
    for kind in dict.fromkeys(mistake.kind for mistake in mistakes):
        own = [hit for hit, mistake in zip(hits, mistakes, strict=True) if mistake.kind == kind]
        print(f"  {kind:8} {sum(own)} of {len(own)}")
    for hit, mistake in zip(hits, mistakes, strict=True):
        if not hit:
            print(f"  missed: {mistake.kind} {' and '.join(mistake.keypoints)} in {mistake.image}")
    for note in ranking.notes:
        print(f"  {note}")
    print(f"  {ranking.page}")


if __name__ == "__main__":
    main()
