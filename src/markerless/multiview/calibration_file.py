"""Calibrations of any tool: the reader is chosen by the file's ending."""

from __future__ import annotations

from pathlib import Path

from markerless.core.camera import Calibration
from markerless.errors import FormatError
from markerless.multiview.files import anipose_toml, dlc_stereo, opencv_yaml

_READERS = {suffix: module.read for module in (anipose_toml, opencv_yaml, dlc_stereo) for suffix in module.SUFFIXES}


def read_calibration(path: Path | str) -> Calibration:
    """The cameras of a file of Anipose (and ours), OpenCV, or DeepLabCut.

    Raises:
        FormatError: another kind of file, or a damaged one.
        CalibrationError: impossible numbers.
    """
    path = Path(path)
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise FormatError(
            f"expected a calibration of Anipose (.toml), OpenCV (.yml, .xml) or DeepLabCut (stereo_params.pickle), "
            f"got {path}"
        )
    return reader(path)
