"""The figures of analysis in one run, so that every ratio is one of numbers measured side by side.

    python benchmarks/analysis_speed.py --project PROJECT --video VIDEO [--run NAME] [--out FILE.json]

PROJECT has a finished run and labels, VIDEO is short; longer ones are made of it. Every command is measured whole,
from start to files written, with all known that is measured once per network: decoding against ffmpeg (when it is
installed), whole frames against the engine alone, region of interest against decoding alone and against whole frames,
time to the first predicted frame, memory of a video and of one ten times as long, ten videos against one, and live
latencies.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from markerless.formats import movement
from markerless.pipeline.bench import bench
from markerless.pipeline.evaluate import evaluate
from markerless.project import Project
from markerless.video.reader import open_video
from speed import Measured, longer, run

REPEATS = 3
WHOLE = ("--set", "analyze.region=off")
SURE = 0.5


class Study:
    """A project, a run of it, and where results go."""

    def __init__(self, project: Path, run_name: str | None, folder: Path) -> None:
        self.project, self.folder = project, folder
        self.run_name = run_name or Project(project).run().name

    def analyze(self, videos: Sequence[Path], *more: str, memory: bool = False) -> tuple[Measured, Path]:
        """The whole command; what it took, and where the results are."""
        out = Path(tempfile.mkdtemp(dir=self.folder))
        words = ["analyze", str(self.project), *map(str, videos), "--run", self.run_name, "--out", str(out), *more]
        return run([sys.executable, "-m", "markerless", *words], memory=memory), out

    def fastest(self, video: Path, *more: str) -> float:
        """Seconds of the fastest of some runs."""
        return min(self.analyze([video], *more)[0].seconds for _ in range(REPEATS))


def decoding(video: Path) -> float:
    """Seconds to read every frame in one thread and throw it away, the file's opening included."""
    seconds = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        with open_video(video) as reader:
            for _ in reader.raw_frames():
                pass
        seconds.append(time.perf_counter() - began)
    return min(seconds)


def ffmpeg(video: Path) -> float | None:
    """Seconds of `ffmpeg -threads 1 -f null -`; None where it is not installed."""
    if shutil.which("ffmpeg") is None:
        return None
    command = ["ffmpeg", "-v", "error", "-threads", "1", "-i", str(video), "-f", "null", "-"]
    seconds = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        subprocess.run(command, check=True)
        seconds.append(time.perf_counter() - began)
    return min(seconds)


def same_share(one: Path, other: Path) -> float:
    """Share of the points that the second result is sure of and the first has within 1 px."""
    first, second = (movement.read(next(folder.glob("*.nc"))) for folder in (one, other))
    distance = np.linalg.norm(first.points - second.points, axis=-1)
    return float((distance <= 1)[second.score > SURE].mean())


def first_frame(study: Study, video: Path) -> float:
    """Seconds from the start of the command to the first predicted frame, as its progress tells."""
    code = (
        "import sys, time; from markerless.runtime import follow, stream; began = float(sys.argv.pop(1))\n"
        "def told(function):\n"
        "    def call(*a, **k):\n"
        "        result = function(*a, **k); print('first', time.time() - began, flush=True); return result\n"
        "    return call\n"
        "follow.FollowingModel.predict = told(follow.FollowingModel.predict)\n"
        "from markerless.cli.main import main; main(sys.argv[1:])"
    )
    out = tempfile.mkdtemp(dir=study.folder)
    words = ["analyze", str(study.project), str(video), "--run", study.run_name, "--out", out]
    text = run([sys.executable, "-c", code, str(time.time()), *words]).output
    return float(next(line for line in text.splitlines() if "first" in line).split()[-1])


def live(study: Study, video: Path, *more: str) -> dict[str, float]:
    """Latencies in ms at the video's own speed."""
    words = ["live", str(study.project), str(video), "--run", study.run_name, "--seconds", "20", "--json", *more]
    text = run([sys.executable, "-m", "markerless", *words]).output
    latency: dict[str, float] = json.loads(text[text.index("{") :])["latency_ms"]
    return latency


def ten_videos(study: Study, video: Path) -> dict[str, float]:
    """Frames per second of one video and of ten alike, each of 60 s at 1280 x 720."""
    sources = [study.folder / f"large{i}.mp4" for i in range(10)]
    command = ["ffmpeg", "-v", "error", "-stream_loop", "-1", "-i", str(video), "-t", "60", "-r", "30"]
    subprocess.run([*command, "-vf", "scale=1280:720", "-pix_fmt", "yuv420p", str(sources[0])], check=True)
    for other in sources[1:]:
        shutil.copyfile(sources[0], other)
    with open_video(sources[0]) as reader:
        n_frames = len(reader)
    study.analyze(sources[:1])  # what is measured once
    single = n_frames / study.fastest(sources[0])
    return {"single": single, "ten": 10 * n_frames / study.analyze(sources)[0].seconds}


def measure(study: Study, video: Path) -> dict[str, Any]:
    """Everything, in plain values."""
    with open_video(video) as reader:
        n_frames = len(reader)
    four, ten = (longer(video, study.folder, times) for times in (4, 10))
    _, first = study.analyze([video])
    _, whole = study.analyze([video], *WHOLE)
    rows = bench(Project(study.project), video, run=study.run_name).to_json()
    in_memory = max(row["in_memory_per_s"] for row in rows["rows"] if row["in_memory_per_s"] == row["in_memory_per_s"])
    decoding_s, region_s, ffmpeg_s = decoding(four), study.fastest(four), ffmpeg(four)
    memory = {f"x{times}": study.analyze([path], memory=True)[0].peak_mb for times, path in ((1, video), (10, ten))}
    whole_s = study.fastest(video, *WHOLE)
    test = evaluate(Project(study.project).run(study.run_name)).test
    return {
        "n_frames": n_frames,
        "four_times_as_long_s": {"decoding": decoding_s, "region": region_s, "ffmpeg": ffmpeg_s},
        "region_of_decoding": decoding_s / region_s,
        "decoding_of_ffmpeg": None if ffmpeg_s is None else ffmpeg_s / decoding_s,
        "same_share": same_share(first, whole),
        "whole_frames_per_s": n_frames / whole_s,
        "engine_in_memory_per_s": in_memory,
        "whole_of_engine": n_frames / whole_s / in_memory,
        "first_frame_s": first_frame(study, video),
        "memory_mb": memory,
        "live_region_ms": live(study, video),
        "live_whole_ms": live(study, video, *WHOLE),
        "ten_videos": ten_videos(study, video) if shutil.which("ffmpeg") else None,
        "test_error_px": None if test is None else test.mean_px,
        "bench": rows,
    }


def main() -> None:
    """Measure, print, and keep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--project", type=Path, required=True)
    parser.add_argument("--video", type=Path, required=True)
    parser.add_argument("--run")
    parser.add_argument("--out", type=Path)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = measure(Study(wanted.project, wanted.run, Path(folder)), wanted.video)
    text = json.dumps(result, indent=1, default=str)
    print(text)
    if wanted.out is not None:
        wanted.out.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
