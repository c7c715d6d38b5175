"""What a file looks like that is neither labels nor trajectories: a few words that name the tool it belongs to."""

from __future__ import annotations

import re
from pathlib import Path

from markerless.core.video import IMAGE_SUFFIXES, VIDEO_SUFFIXES
from markerless.errors import FormatError
from markerless.formats import _dlc_meta
from markerless.formats._hdf5 import look
from markerless.formats._json_file import quick_keys

_HDF5 = b"\x89HDF\r\n\x1a\n"
EMPTY_HDF5 = "an empty or damaged HDF5 file"
_SIGNATURES = (
    (b"CDF\x01", "a netCDF-3 file"),
    (b"CDF\x02", "a netCDF-3 file"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"PK\x03\x04", "a zip archive or an Excel workbook"),
    (b"PAR1", "a Parquet table"),
    (b"MATLAB 5.0", "a MATLAB file"),
    (b"%PDF", "a PDF"),
    (b"\x1f\x8b", "a gzip archive"),
)
_SPOKEN_SUFFIXES = {
    ".slp": "a SLEAP project",
    ".json": "a JSON file",
    ".yaml": "a YAML file",
    ".yml": "a YAML file",
    ".toml": "a TOML file",
    ".pickle": "a pickle",
    ".pkl": "a pickle",
    ".mat": "a MATLAB file",
    ".nwb": "an NWB file",
}
# Ends of names that DeepLabCut gives its pickles.
_PICKLES = (
    (re.compile(r"^Documentation_data-"), "DeepLabCut's split of its frames into training and test"),
    (re.compile(r"_full\.pickle$"), "DeepLabCut's raw detections of many animals; give the tracks (_el.h5)"),
    (re.compile(r"_assemblies\.pickle$"), "DeepLabCut's animals before tracking; give the tracks (_el.h5)"),
    (re.compile(r"_(el|bx|sk)\.pickle$"), "DeepLabCut's pieces of tracks before stitching; give the tracks (_el.h5)"),
    (re.compile(r"stereo_params\.pickle$|_intrinsic_params\.pickle$"), "DeepLabCut's calibration of cameras"),
)
# Keys that all must begin a line of a text -> what it is.
_TEXTS = (
    ({"Task", "scorer", "bodyparts"}, ":", "the configuration of a DeepLabCut project; give its folder"),
    ({"Task", "scorer", "multianimalbodyparts"}, ":", "the configuration of a DeepLabCut project; give its folder"),
    ({"matrix", "distortions", "rotation"}, "=", "cameras calibrated by Anipose, no poses"),
    ({"squares_x", "squares_y"}, "=", "a calibration board of sleap-anipose, no poses"),
    ({"board_x", "board_y"}, "=", "a calibration board of sleap-anipose, no poses"),
    ({"keypoint_names", "data_dir"}, ":", "a configuration of Lightning Pose, no poses"),
)
_ARRAYS = (
    ({"detected_corners", "reprojected_corners"}, "corners of a calibration by sleap-anipose, no poses"),
    ({"track_occupancy", "node_names"}, "a SLEAP analysis file that lacks its tracks; export it again"),
    ({"model_weights"}, "a network of Keras"),
)
_JSON = (
    (
        {"nFrames", "nodeNames", "edgeInds", "frames"},
        "what a SLEAP analysis file holds, as sleap-io.js lists it to compare with; give the .analysis.h5 beside it",
    ),
)
LOOK_BYTES = 1 << 16


def describe(path: Path) -> str:
    """What a file looks like, in a few words."""
    if path.is_dir():
        return "a folder"
    if path.stat().st_size == 0:
        return "an empty file"
    suffix = path.suffix.lower()
    if suffix in VIDEO_SUFFIXES:
        return "a video"
    if suffix in IMAGE_SUFFIXES:
        return "a picture"
    with path.open("rb") as file:
        start = file.read(LOOK_BYTES)
    if start.startswith(_HDF5):
        return _SPOKEN_SUFFIXES.get(suffix) or _of_hdf5(path)
    for signature, words in _SIGNATURES:
        if start.startswith(signature):
            return words
    if start.startswith(b"\x80") or suffix in (".pickle", ".pkl"):
        return _of_pickle(path)
    return _of_text(start, path)


def _of_hdf5(path: Path) -> str:
    kinds, _ = look(path)
    if not kinds:
        return EMPTY_HDF5
    for names, words in _ARRAYS:
        if kinds.keys() >= names:
            return words
    if list(kinds) == ["tracks"]:
        return "points of sleap-anipose in 3D, which do not name their keypoints"
    return f"an HDF5 file that holds {', '.join(list(kinds)[:5])}"


def _of_pickle(path: Path) -> str:
    for pattern, words in _PICKLES:
        if pattern.search(path.name):
            return words
    try:
        _dlc_meta.read_metadata(path)
    except FormatError:
        return "a pickle of some Python program"
    return "DeepLabCut's notes on the analysis of a video; the points are in the .h5 beside it"


def _of_text(start: bytes, path: Path) -> str:
    try:
        text = start.decode("utf-8", "strict" if len(start) < LOOK_BYTES else "ignore")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        return _SPOKEN_SUFFIXES.get(path.suffix.lower(), "a binary file of unknown kind")
    for keys, mark, words in _TEXTS:
        if all(re.search(rf"^\s*{key}\s*{mark}", text, re.MULTILINE) for key in keys):
            return words
    if text.lstrip().startswith("{"):
        held = sorted(quick_keys(path))
        for keys, words in _JSON:
            if keys <= set(held):
                return words
        return f"a JSON file that holds {', '.join(held[:5])}" if held else "a damaged JSON file"
    spoken = _SPOKEN_SUFFIXES.get(path.suffix.lower())
    if spoken:
        return spoken
    lines = text.strip().splitlines()
    return f"a text that begins with '{lines[0][:40]}'" if lines else "a blank text"
