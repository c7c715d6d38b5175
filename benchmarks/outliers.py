"""How long `outliers` takes on a long video, the whole command: reading tracks, looking, decoding, writing pictures.

    python benchmarks/outliers.py [--data ../shared/data] [--frames 100000] [-n 20] [--repeats 3] [--keep FOLDER]

The open-field video is put in a row until it has so many frames, and so are DeepLabCut's predictions of it, both as a
long analysis leaves them: an h5 for one measurement and our own file for another. In 200 frames all over it the animal
is put somewhere else, as a tracker that takes something else for it does: with the same 78 seconds again and again
there would be only two frames that differ enough. Pictures are deleted between the repeats, as what was extracted is
not extracted again.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from markerless.core.tracks import Tracks
from markerless.formats import dlc, movement
from markerless.project import NewProject, Project, create_project
from markerless.video.reader import open_video
from speed import ROOT, STUDY, longer, run, show

BAR_S = 20.0
N_ELSEWHERE, SEED = 200, 0
PREDICTIONS = "interop/dlc-single/m3v1mp4DLC_resnet50_openfieldAug20shuffle1_30000.h5"
WRITERS: dict[str, Callable[[Tracks, Path], None]] = {".h5": dlc.write, ".nc": movement.write}


def make_study(data: Path, folder: Path, n_frames: int) -> tuple[Path, Path, Tracks]:
    """A project with a long video, and the tracks of that video."""
    source = data / STUDY / "videos" / "m3v1mp4.mp4"
    short = dlc.read(data / PREDICTIONS)
    video = longer(source, folder, -(-n_frames // short.n_frames))
    with open_video(video) as reader:
        n, fps, size = len(reader), reader.video.fps, (reader.video.width, reader.video.height)
    times = -(-n // short.n_frames)
    points = np.tile(short.points, (times, 1, 1, 1))[:n]
    rng = np.random.default_rng(SEED)
    frames = np.sort(rng.choice(n, N_ELSEWHERE, replace=False))
    places = rng.uniform(0, size, (N_ELSEWHERE, 1, 1, 2))
    points[frames] += places - points[frames].mean(axis=2, keepdims=True)
    tracks = replace(short, points=points, score=np.tile(short.score, (times, 1, 1))[:n], fps=fps)
    names = short.skeleton.keypoints
    project = create_project(NewProject("long", "ada", names), folder, [video])
    return project.root, next(iter(project.videos())), tracks


def measure(root: Path, video: Path, tracks: Path, n: int, repeats: int) -> tuple[float, int]:
    """Seconds of the fastest of some runs, and how many pictures came of one."""
    pictures = Project(root).root / "labeled-data" / video.stem
    command = [sys.executable, "-m", "markerless", "outliers", str(root), video.name, "--tracks", str(tracks)]
    seconds, n_pictures = [], 0
    for _ in range(repeats):
        for file in pictures.glob("*"):
            file.unlink()
        seconds.append(run([*command, "-n", str(n)]).seconds)
        n_pictures = len(list(pictures.glob("img*.png")))
    return min(seconds), n_pictures


def main() -> None:
    """Measure with both kinds of file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=os.environ.get("MARKERLESS_DATA", ROOT.parent / "shared" / "data"))
    parser.add_argument("--frames", type=int, default=100_000)
    parser.add_argument("-n", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--keep", type=Path, help="make the study in this folder and leave it there")
    wanted = parser.parse_args()
    folder = wanted.keep or Path(tempfile.mkdtemp())
    folder.mkdir(parents=True, exist_ok=True)
    try:
        root, video, tracks = make_study(Path(wanted.data), folder, wanted.frames)
        for suffix, write in WRITERS.items():
            file = folder / f"tracks{suffix}"
            write(tracks, file)
            seconds, n = measure(root, video, file, wanted.n, wanted.repeats)
            what = f"outliers, {tracks.n_frames} frames, {n} pictures, {suffix}"
            show(what, f"{seconds:.1f} s", f"at most {BAR_S:g} s, whole command")
    finally:
        if wanted.keep is None:
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
