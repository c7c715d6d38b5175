"""`info` on files of every kind, made here or real."""

from __future__ import annotations

import json
import pickle
import struct
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from markerless.cli.main import main
from markerless.errors import FormatError, MarkerlessError
from markerless.pipeline.info import Info, info

REAL = [
    ("openfield-Pranav-2018-10-30", "project", {"n_labeled_frames": 93, "n_points": 372, "scorer": "Pranav"}),
    ("openfield-Pranav-2018-10-30/config.yaml", "project", {"name": "openfield"}),
    ("openfield-Pranav-2018-10-30/labeled-data/m4s1", "images", {"n_frames": 93, "width": 640, "height": 480}),
    ("openfield-Pranav-2018-10-30/labeled-data/m4s1/CollectedData_Pranav.h5", "labels", {"n_points": 372}),
    ("openfield-Pranav-2018-10-30/labeled-data/m4s1/CollectedData_Pranav.csv", "labels", {"n_frames": 93}),
    (
        "openfield-Pranav-2018-10-30/videos/m3v1mp4.mp4",
        "video",
        {"n_frames": 2330, "codec": "h264", "n_key_frames": 12},
    ),
    ("interop/dlc-single/m3v1mp4DLC_resnet50_openfieldAug20shuffle1_30000.h5", "tracks", {"n_frames": 2330}),
    ("splits/openfield-0.json", "split", {"n_train": 74, "n_test": 19}),
    ("flies-courtship/clip13/clip.slp", "labels", {"format": "sleap_labels", "individuals": ["female", "male"]}),
    ("interop/nwb/cropped_video.nwb", "tracks", {"format": "nwb", "n_frames": 750}),
    (
        "interop/dlc-single/raw_clip1DLC_resnet50_OpenFieldHighResApr8shuffle1_1030000includingmetadata.pickle",
        "metadata",
        {"made_by": "DeepLabCut", "nframes": 7200, "cropping": False},
    ),
    ("interop/coco/macaque/test_macaque.json", "labels", {"format": "coco", "n_frames": 2, "n_points": 31}),
    (
        "mouse-4cam/calibration.toml",
        "calibration",
        {"cameras": ["back", "mid", "side", "top"], "format": "anipose_toml"},
    ),
    (
        "interop/sleap/analysis-h5/simple_matlab.expected.json",
        "unknown",
        {
            "looks_like": "what a SLEAP analysis file holds, as sleap-io.js lists it to compare with; "
            "give the .analysis.h5 beside it"
        },
    ),
    ("mouse-4cam/board.toml", "unknown", {"looks_like": "a calibration board of sleap-anipose, no poses"}),
]


@pytest.mark.data
@pytest.mark.parametrize(("name", "kind", "facts"), REAL, ids=[name for name, _, _ in REAL])
def test_real_files(shared_data: Path, name: str, kind: str, facts: dict[str, object]) -> None:
    found = info(shared_data / name)
    assert found.kind == kind
    assert {key: found.facts[key] for key in facts} == facts


def test_the_share_of_points_leaves_out_pairs_without_columns(tmp_path: Path) -> None:
    """Two mice of two keypoints and a corner of the cage, DeepLabCut's unique bodypart, of five frames."""
    columns = [(mouse, name) for mouse in ("m1", "m2") for name in ("nose", "tail")] + [("single", "corner")]
    levels = {
        "scorer": ["S"] * 15,
        "individuals": [individual for individual, _ in columns for _ in range(3)],
        "bodyparts": [name for _, name in columns for _ in range(3)],
        "coords": ["x", "y", "likelihood"] * 5,
    }
    rows = [",".join([level, *names]) for level, names in levels.items()]
    rows += [",".join([str(frame), *["1.0", "2.0", "0.9"] * 5]) for frame in range(5)]
    path = write(tmp_path / "cage.csv", "\n".join(rows) + "\n")
    facts = info(path).facts
    assert (facts["keypoints"], facts["share_present"]) == (["nose", "tail", "corner"], 1.0)
    write(path, "\n".join(rows).replace("0,1.0,2.0,0.9", "0,,,") + "\n")
    assert info(path).facts["share_present"] == 24 / 25


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_an_image(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((30, 40, 3), np.uint8))
    assert info(tmp_path / "a.png").facts == {"width": 40, "height": 30}


def test_a_run_that_has_not_ended(tmp_path: Path) -> None:
    write(
        tmp_path / "run1" / "run.toml", '[run]\nname = "run1"\nsteps = 900\n[skeleton]\nkeypoints = ["nose", "tail"]\n'
    )
    for place in (tmp_path / "run1", tmp_path / "run1" / "run.toml"):
        found = info(place)
        assert found.kind == "run"
        assert (found.facts["steps"], found.facts["keypoints"]) == (900, ["nose", "tail"])
        assert "not ended" in found.notes[0]


def test_a_checkpoint_is_read_from_its_header(tmp_path: Path) -> None:
    header = {"__metadata__": {"step": "90"}, "a": {"shape": [3, 4]}, "b": {"shape": []}}
    text = json.dumps(header).encode()
    (tmp_path / "c.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + b"\0" * 52)
    assert info(tmp_path / "c.safetensors").facts == {"n_tensors": 2, "n_numbers": 13, "metadata": {"step": "90"}}


def test_an_evaluation(tmp_path: Path) -> None:
    value = {"run": "run1", "splits": {"train": {"mean_px": 1.5}, "validation": None, "test": {"mean_px": 2.5}}}
    found = info(write(tmp_path / "evaluation.json", json.dumps(value)))
    assert (found.kind, found.facts) == ("evaluation", {"run": "run1", "mean_px_train": 1.5, "mean_px_test": 2.5})


def test_calibrations_of_other_tools(tmp_path: Path) -> None:
    matrix = np.array([[500.0, 0, 320], [0, 500, 240], [0, 0, 1]])
    storage = cv2.FileStorage(str(tmp_path / "one.yml"), cv2.FILE_STORAGE_WRITE)
    storage.write("camera_matrix", matrix)
    storage.write("distortion_coefficients", np.zeros(5))
    storage.release()
    found = info(tmp_path / "one.yml")
    assert (found.kind, found.facts["format"], found.facts["cameras"]) == ("calibration", "opencv_yaml", ["camera"])
    assert found.facts["sizes"] == ["641 x 481"]  # twice the principal point
    assert "guessed" in found.notes[0]
    both: dict[str, Any] = dict.fromkeys(("cameraMatrix1", "cameraMatrix2"), matrix)
    both |= {"distCoeffs1": np.zeros(5), "distCoeffs2": np.zeros(5), "R": np.eye(3), "T": [1.0, 0.0, 0.0]}
    pair = {"left-right": both | {"image_shape": [(640, 480), (640, 480)]}}
    (tmp_path / "stereo_params.pickle").write_bytes(pickle.dumps(pair))
    found = info(tmp_path / "stereo_params.pickle")
    assert (found.kind, found.facts["format"]) == ("calibration", "dlc_stereo")
    assert (found.facts["cameras"], found.facts["unit"]) == (["left", "right"], "unknown")
    (tmp_path / "damaged.pickle").write_bytes(pickle.dumps(pair)[:400])
    with pytest.raises(FormatError, match=r"damaged\.pickle"):
        info(tmp_path / "damaged.pickle")


def test_views_in_a_picture(tmp_path: Path) -> None:
    text = 'known_length = ["nose", "tail", 80]\n[views.side]\nregion = [0, 0, 9, 5]\n'
    path = write(tmp_path / "views.toml", text + "[views.below]\nregion = [0, 5, 9, 5]\nmirrored = true\n")
    found = info(path)
    assert found.kind == "views"
    assert (found.facts["views"], found.facts["mirrored"]) == (["side", "below"], ["below"])
    assert found.facts["known_length"] == "nose to tail 80 mm"


def test_views_of_several_cameras(tmp_path: Path) -> None:
    text = 'calibration = "rig.toml"\nvideos = "{session}_{camera}"\n[offsets]\nside = 3\n'
    found = info(write(tmp_path / "views.toml", text))
    assert found.kind == "views"
    assert found.facts == {"videos": "{session}_{camera}", "calibration": "rig.toml", "offsets": {"side": 3}}


def test_a_journal(tmp_path: Path) -> None:
    found = info(write(tmp_path / "m1.jsonl", '{"a": 1}\n{"a": 2}\n\n'))
    assert (found.kind, found.facts) == ("journal", {"n_changes": 2})


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("video.mp4", "this is no video", "video.mp4"),
        ("model.onnx", "this is no model", "expected an ONNX model"),
        ("weights.safetensors", "short", "expected a safetensors file"),
        ("weights2.safetensors", "\x20\0\0\0\0\0\0\0[1, 2]", "expected a safetensors file"),
        ("split.json", "{", "expected JSON"),
        ("picture.png", "no picture", "picture.png"),
        ("config.yaml", "Task: [", "config.yaml"),
    ],
)
def test_a_damaged_file_of_a_known_kind_is_one_line(tmp_path: Path, name: str, content: str, text: str) -> None:
    with pytest.raises(MarkerlessError) as caught:
        info(write(tmp_path / name, content))
    assert text in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", ["", "hello world", "a,b,c\n1,2,3\n"])
def test_other_files_are_unknown_with_a_guess(tmp_path: Path, content: str) -> None:
    found = info(write(tmp_path / "notes.txt", content))
    assert found.kind == "unknown"
    assert found.facts["looks_like"]


def test_a_folder_of_nothing_in_particular(tmp_path: Path) -> None:
    write(tmp_path / "a.txt", "")
    assert info(tmp_path).kind == "unknown"


def test_a_missing_file() -> None:
    with pytest.raises(FormatError, match=r"no such file or folder: nowhere\.mp4"):
        info("nowhere.mp4")


def test_the_verb(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    found = Info(tmp_path, "video", {"n_frames": 5, "fps": float("nan"), "keypoints": ["a"] * 14}, ("odd",))
    monkeypatch.setattr("markerless.pipeline.info.info", lambda path: found)
    assert main(["info", str(tmp_path)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"video: {tmp_path}",
        "  frames: 5",
        f"  keypoints: {', '.join(['a'] * 12)} and 2 more",
        "  note: odd",
    ]
    assert main(["info", "--json", str(tmp_path)]) == 0
    assert json.loads(capsys.readouterr().out)["fps"] is None
