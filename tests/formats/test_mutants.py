"""2,000 damaged files over all readers: each ends in an answer or one line, soon, and in little memory."""

from __future__ import annotations

import json
import queue
import shutil
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import pytest

from contracts.test_formats import WRITTEN, written
from formats import mutants
from markerless.formats._sniff import rank

N_MUTANTS = 2000
N_FAST = 60
LONGEST_S = 20.0  # for all readers together; a second is usual on a busy machine
MOST_MB = 1000

REAL = (
    "interop/sleap/minimal_instance.pkg.slp",
    "interop/sleap/minimal_instance.json",
    "interop/sleap/labels.v002.rel_paths.slp",
    "interop/sleap/analysis-h5/simple_standard.analysis.h5",
    "interop/nwb/0.3.0_poseestimation_one_camera.nwb",
    "interop/coco/macaque/test_macaque.json",
    "interop/dlc-multi/testDLC_h5_table_madlc.h5",
    "interop/dlc-multi/testDLC_csv_table_madlc.csv",
    "interop/dlc-single/testDLC_h5_table.h5",
    "mouse-4cam/side/minimal_side_proofread.slp",
    "mouse-4cam/top/minimal_top_proofread.analysis.h5",
)


@dataclass
class Survey:
    """What became of the mutants: numbers of those that killed, hung or broke the program, and the most memory."""

    n_done: int = 0
    n_opened: int = 0
    peak_mb: int = 0
    longest_s: float = 0.0
    failures: list[str] = field(default_factory=list)


def good_files(folder: Path, shared_data: Path | None) -> Path:
    """One good file of each format, and real ones of other tools where they are at hand."""
    folder.mkdir()
    for name in WRITTEN:
        written(name, folder, name)
    stored = json.loads((folder / "coco.json").read_text(encoding="utf-8"))
    keys = ("image_id", "category_id", "keypoints")  # results are read only, with the annotations beside them
    results = [{key: one[key] for key in keys} | {"score": 0.5} for one in stored["annotations"]]
    (folder / "coco_results.json").write_text(json.dumps(results), encoding="utf-8")
    assert rank(folder / "coco_results.json")[0][0] == "coco_results"
    if shared_data is not None:
        for name in REAL:
            (folder / Path(name).name).write_bytes((shared_data / name).read_bytes())
    return folder


def work_folder(good: Path) -> Path:
    """Where mutants are read, beside annotations that are sound."""
    folder = good.parent / "work"
    folder.mkdir()
    shutil.copyfile(good / "coco.json", folder / "annotations.json")
    return folder


def survey(good: Path, work: Path, first: int, last: int) -> Survey:
    """Read the mutants in processes of their own; a new one goes on where the last one died or hung."""
    found = Survey()
    number = first
    while number < last:
        number = _one_process(good, work, (number, last), found)
    return found


def _one_process(good: Path, work: Path, numbers: tuple[int, int], found: Survey) -> int:
    command = [sys.executable, mutants.__file__, str(good), str(work), *map(str, numbers)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8")
    assert process.stdout is not None and process.stderr is not None
    lines: queue.Queue[str] = queue.Queue()
    errors: list[str] = []
    threading.Thread(target=_collect, args=(process.stdout, lines), daemon=True).start()
    watcher = threading.Thread(target=lambda: errors.extend(process.stderr or ()), daemon=True)
    watcher.start()
    number, name = numbers[0] - 1, ""
    while True:
        try:
            words = lines.get(timeout=LONGEST_S).split()
        except queue.Empty:
            process.kill()
            found.failures.append(f"{number} {name}: hangs")
            break
        if not words:
            if process.wait() != 0:
                watcher.join(5)
                found.failures.append(f"{number} {name}: ends with {process.returncode}: {''.join(errors)[-1500:]}")
                break
            return numbers[1]
        if words[0] == "begin":
            number, name = int(words[1]), " ".join(words[2:])
            continue
        found.n_done += 1
        found.longest_s = max(found.longest_s, float(words[2]))
        found.peak_mb = max(found.peak_mb, int(words[3]))
        found.n_opened += int(words[4]) < len(mutants.registry.names()) + 1
    process.wait()
    return number + 1


def _collect(stream: IO[str], lines: queue.Queue[str]) -> None:
    for line in stream:
        lines.put(line)
    lines.put("")


@pytest.mark.slow
@pytest.mark.data
def test_damaged_files_never_break_a_reader(tmp_path: Path, shared_data: Path) -> None:
    good = good_files(tmp_path / "good", shared_data)
    found = survey(good, work_folder(good), 0, N_MUTANTS)
    assert found.failures == []
    assert found.n_done == N_MUTANTS
    assert found.peak_mb < MOST_MB
    # Neither harmless nor hopeless: some mutants can still be read, and most cannot.
    assert 0.05 * N_MUTANTS < found.n_opened < 0.9 * N_MUTANTS


def test_a_few_damaged_files(tmp_path: Path) -> None:
    good = good_files(tmp_path / "good", None)
    found = survey(good, work_folder(good), 0, N_FAST)
    assert found.failures == []
    assert found.n_done == N_FAST


def test_the_survey_notices_a_hang_and_a_crash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "bad.py"
    program.write_text(
        "import os, sys, time\n"
        "number = int(sys.argv[3])\n"
        "print('begin', number, 'x', flush=True)\n"
        "if number == 0: time.sleep(60)\n"
        "if number == 1: os.abort()\n"
        "if number == 2: raise ValueError('spoiled')\n"
        "print('end', number, 0.5, 80, 3, flush=True)\n",
        encoding="utf-8",
    )
    monkeypatch.setattr(mutants, "__file__", str(program))
    monkeypatch.setattr(sys.modules[__name__], "LONGEST_S", 3.0)
    found = survey(tmp_path, tmp_path, 0, 4)
    assert [failure.split(":")[0] for failure in found.failures] == ["0 x", "1 x", "2 x"]
    assert "hangs" in found.failures[0]
    assert "spoiled" in found.failures[2]
