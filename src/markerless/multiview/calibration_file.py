"""Calibrations of any tool: the reader is chosen by the file's ending."""

from __future__ import annotations

from pathlib import Path

from markerless.core.camera import Calibration
from markerless.errors import CalibrationError, FormatError
from markerless.multiview.files import anipose_toml, dlc_stereo, opencv_yaml, views_toml

FILE_NAME = "calibration.toml"
"""What `calibrate` writes into the folder of the boards."""

_BY_SUFFIX = {suffix: module for module in (anipose_toml, opencv_yaml, dlc_stereo) for suffix in module.SUFFIXES}


def read_calibration(path: Path | str) -> Calibration:
    """The cameras of a file of Anipose (and ours), OpenCV, or DeepLabCut; of a folder, those of its calibration.toml.

    Raises:
        FormatError: another kind of file, or a damaged one.
        CalibrationError: there is no such file, or its numbers are impossible.
    """
    path = Path(path)
    if path.is_dir():
        path /= FILE_NAME
    if not path.is_file():
        raise CalibrationError(
            f"no such calibration: {path}; make one with 'markerless calibrate FOLDER --board BOARD', or check the path"
        )
    module = _BY_SUFFIX.get(path.suffix.lower())
    if module is None:
        raise FormatError(
            f"expected a calibration of Anipose (.toml), OpenCV (.yml, .xml) or DeepLabCut (stereo_params.pickle), "
            f"got {path}"
        )
    if module is anipose_toml and views_toml.is_views_file(path):
        raise CalibrationError(
            f"{path} says where the views are in a picture, not how the cameras stand; give the .calibration.toml that "
            "'markerless triangulate' writes for it"
        )
    return module.read(path)


def calibration_format(path: Path) -> str | None:
    """Which tool's calibration a file looks like, by the name of its reader; None when it is another file."""
    module = _BY_SUFFIX.get(path.suffix.lower())
    return module.__name__.rsplit(".", 1)[-1] if module is not None and module.sniff(path) else None
