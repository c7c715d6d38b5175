"""Opening any file, and saying what an unknown one is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import h5py
import pytest

from markerless.core.labels import Labels
from markerless.core.tracks import Tracks
from markerless.errors import FormatError, LabelsError
from markerless.formats._sniff import open_any

LABELS = "scorer,S,S\nbodyparts,nose,nose\ncoords,x,y\nlabeled-data/v/img0.png,1,2\n"
PREDICTIONS = "scorer,S,S,S\nbodyparts,nose,nose,nose\ncoords,x,y,likelihood\n0,1,2,0.5\n"


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_labels_and_predictions_are_told_apart(tmp_path: Path) -> None:
    name, labels = open_any(written(tmp_path, "CollectedData_S.csv", LABELS))
    assert name == "dlc_labels" and isinstance(labels, Labels)
    name, tracks = open_any(written(tmp_path, "videoDLC_x.csv", PREDICTIONS))
    assert name == "dlc" and isinstance(tracks, Tracks)


def test_likelihoods_left_in_a_label_table_do_not_make_it_a_prediction(tmp_path: Path) -> None:
    stray = PREDICTIONS.replace("0,1,2", "labeled-data/v/img0.png,1,2")
    assert open_any(written(tmp_path, "CollectedData_S.csv", stray))[0] == "dlc_labels"
    assert open_any(written(tmp_path, "results.csv", stray))[0] == "dlc"


def test_a_kind_can_be_asked_for(tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", LABELS)
    assert open_any(path, "labels")[0] == "dlc_labels"
    with pytest.raises(FormatError, match="expected predictions, got a label table"):
        open_any(path, "tracks")
    with pytest.raises(FormatError, match="expected a label table, got predictions"):
        open_any(written(tmp_path, "b.csv", PREDICTIONS), "labels")


def test_a_broken_table_gets_its_readers_message(tmp_path: Path) -> None:
    with pytest.raises(LabelsError, match="line 4, column 3"):
        open_any(written(tmp_path, "a.csv", LABELS.replace("1,2", "1,two")))
    with pytest.raises(FormatError, match="line 4, column 4"):
        open_any(written(tmp_path, "b.csv", PREDICTIONS.replace("0.5", "high")))


def test_unknown_files_are_described(tmp_path: Path) -> None:
    written(tmp_path, "a.yaml", "Task: x\n")
    written(tmp_path, "a.csv", "time,speed\n1,2\n")
    written(tmp_path, "blank.txt", " \n")
    (tmp_path / "a.bin").write_bytes(b"\x00\x01\x02")
    (tmp_path / "empty.csv").touch()
    (tmp_path / "a.mp4").write_bytes(b"\x00\x00\x00\x18ftyp")
    with h5py.File(tmp_path / "s.h5", "w") as file:
        file["track_occupancy"], file["node_names"] = [0], [0]
    words = {
        "a.yaml": "a YAML file",
        "a.csv": "a text that begins with 'time,speed'",
        "blank.txt": "a blank text",
        "a.bin": "a binary file",
        "empty.csv": "an empty file",
        "a.mp4": "a video",
        "s.h5": "a SLEAP analysis file",
        "": "a folder",
    }
    for name, expected in words.items():
        with pytest.raises(FormatError) as caught:
            open_any(tmp_path / name)
        assert expected in str(caught.value)
        assert "dlc_labels" in str(caught.value)
    with pytest.raises(FormatError, match="no such file"):
        open_any(tmp_path / "none")


def test_opening_a_table_imports_no_pandas(tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", LABELS)
    code = (
        "import sys; from markerless.formats._sniff import open_any; open_any(sys.argv[1]); "
        "print([name for name in ('pandas', 'xarray', 'tables', 'torch', 'cv2') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, encoding="utf-8", check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.data
def test_every_table_of_the_shared_data_opens(shared_data: Path) -> None:
    opened = {"labels": 0, "tracks": 0}
    for path in sorted(shared_data.rglob("*.csv")):
        opened["labels" if isinstance(open_any(path)[1], Labels) else "tracks"] += 1
    assert opened == {"labels": 12, "tracks": 9}
