"""How fast markerless is here: import, help, analysis, memory. `make bench` runs it.

    python benchmarks/speed.py                                   # everything, on the open-field study
    python benchmarks/speed.py --project PROJECT --video VIDEO   # analysis with the newest run of a project
    python benchmarks/speed.py --long                            # also a video ten times as long, for the memory

The open-field study is taken from MARKERLESS_DATA (default ../shared/data); without --project a copy of it is
trained for a few steps, as speed does not depend on how good a network is. One line per measurement: what, value,
bar.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
STUDY = "openfield-Pranav-2018-10-30"
STEPS = 20
IMPORT_BAR_S = 0.15
HELP_BAR_S = 0.3
MEMORY_BAR_MB = 800
REPEATS = 5


@dataclass(frozen=True)
class Measured:
    """One run of a command.

    Attributes:
        seconds: From start to end.
        peak_mb: Largest resident memory of the process and its children together, sampled every 20 ms; 0 unless asked.
        output: What it printed.
    """

    seconds: float
    peak_mb: float
    output: str


def run(command: Sequence[str], memory: bool = False) -> Measured:
    """Run a command, time it, and watch its memory when asked to; with modules as Python keeps them compiled."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    began = time.perf_counter()
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8", env=environment
    )
    peak = 0
    while memory and process.poll() is None:
        peak = max(peak, resident(process.pid))
        time.sleep(0.02)
    output = process.communicate()[0]
    seconds = time.perf_counter() - began
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with exit code {process.returncode}:\n{output}")
    return Measured(seconds, peak / 1e6, output)


def resident(pid: int) -> int:
    """Bytes in memory of a process and its children; 0 once it has ended."""
    import psutil

    try:
        process = psutil.Process(pid)
        return sum(member.memory_info().rss for member in (process, *process.children(recursive=True)))
    except psutil.Error:
        return 0


def best(command: Sequence[str]) -> float:
    """Seconds of the fastest of several runs, the first of which warms the disk cache."""
    return min(run(command).seconds for _ in range(REPEATS))


def show(what: str, value: str, bar: str) -> None:
    print(f"{what:<44}{value:>14}   {bar}", flush=True)


def start_up() -> None:
    """Import and help of every verb."""
    python = sys.executable
    empty = best([python, "-c", "pass"])
    show("python alone", f"{empty:.3f} s", "")
    show("import markerless", f"{best([python, '-c', 'import markerless']):.3f} s", f"at most {IMPORT_BAR_S} s")
    from markerless.cli.main import COMMANDS

    for verb in ("", *COMMANDS.names()):
        words = [verb] if verb else []
        seconds = best([python, "-m", "markerless", *words, "--help"])
        show(f"markerless {verb} --help".replace("  ", " "), f"{seconds:.3f} s", f"at most {HELP_BAR_S} s")


def trained_copy(study: Path, folder: Path) -> Path:
    """A copy of a study with a run that was hardly trained."""
    project = folder / study.name
    shutil.copytree(study, project, ignore=shutil.ignore_patterns("*.mp4"))
    few = ["--set", f"train.steps={STEPS}"]
    trained = run([sys.executable, "-m", "markerless", "train", str(project), *few])
    show(f"train for {STEPS} steps, whole command", f"{trained.seconds:.0f} s", "")
    return project


def longer(video: Path, folder: Path, times: int) -> Path:
    """The packets of a video, several times in a row."""
    import av

    target = folder / f"{video.stem}_x{times}.mp4"
    with av.open(str(target), "w") as out:
        shift = 0
        stream = None
        for _ in range(times):
            with av.open(str(video)) as source:
                template = source.streams.video[0]
                stream = stream or out.add_stream_from_template(template)
                end = 0
                for packet in source.demux(template):
                    if packet.dts is None or packet.pts is None:
                        continue
                    end = max(end, packet.pts + (packet.duration or 1))
                    packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                    packet.stream = stream
                    out.mux(packet)
                shift += end
    return target


def analysis(project: Path, video: Path, repeats: int) -> None:
    """The whole command, from start to files written, and its memory."""
    from markerless.runtime.machine import processor
    from markerless.video.reader import open_video

    with open_video(video) as reader:
        n_frames = len(reader)
    bar = 60 if "avx512_bf16" in (processor().features or ()) else 40
    rates, peaks = [], []
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "markerless", "analyze", str(project), str(video), "--out", folder]
            measured = run(command, memory=True)
            rates.append(n_frames / measured.seconds)
            peaks.append(measured.peak_mb)
    show(f"analyze {video.name}, {n_frames} frames", f"{max(rates):.1f} frames/s", f"at least {bar}, whole command")
    show("  its peak memory", f"{max(peaks):.0f} MB", f"at most {MEMORY_BAR_MB} MB")


def main() -> None:
    """Measure what can be measured here."""
    parser = argparse.ArgumentParser(description="Times of markerless on this machine.")
    parser.add_argument("--project", type=Path, help="a project with a finished run")
    parser.add_argument("--video", type=Path, help="the video to analyze")
    parser.add_argument("--long", action="store_true", help="also a video ten times as long")
    wanted = parser.parse_args()
    data = Path(os.environ.get("MARKERLESS_DATA", ROOT.parent / "shared" / "data"))
    video = wanted.video or data / STUDY / "videos" / "m3v1mp4.mp4"
    start_up()
    if not video.exists():
        print(f"analysis not measured: no video at {video}; give --video, or set MARKERLESS_DATA")
        return
    with tempfile.TemporaryDirectory() as folder:
        project = wanted.project or trained_copy(data / STUDY, Path(folder))
        analysis(project, video, repeats=2)
        if wanted.long:
            analysis(project, longer(video, Path(folder), 10), repeats=1)


if __name__ == "__main__":
    main()
