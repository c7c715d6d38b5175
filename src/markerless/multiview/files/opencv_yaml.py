"""OpenCV's own storage (YAML, XML, JSON): one camera, or a stereo pair, under the names of OpenCV's samples.

A pair may lie in two files, as the stereo sample writes it: `intrinsics.yml` and, beside it, `extrinsics.yml`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from markerless.core.camera import Calibration
from markerless.errors import FormatError
from markerless.multiview.files.pair import Lens, calibration_of, first_of

SUFFIXES = (".yml", ".yaml", ".xml")

_STARTS = ("%YAML", "<?xml")
_PARTNERS = {"intrinsic": "extrinsic", "extrinsic": "intrinsic"}
_MATRICES = ("camera_matrix", "cameraMatrix", "Camera_Matrix", "K", "M", "mtx", "intrinsic_matrix")
_NUMBERS = ("distortion_coefficients", "Distortion_Coefficients", "distCoeffs", "dist_coeffs", "D", "dist")
_PAIR_MATRICES = ("M{}", "K{}", "cameraMatrix{}", "camera_matrix{}", "camera_matrix_{}", "mtx{}")
_PAIR_NUMBERS = ("D{}", "distCoeffs{}", "dist_coeffs{}", "distortion_coefficients{}", "distCoeffs_{}", "dist{}")
_ROTATIONS, _TRANSLATIONS = ("R", "rotation", "rotation_matrix"), ("T", "t", "translation", "translation_vector")


def sniff(path: Path) -> bool:
    """Whether the file looks like cameras in OpenCV's storage: it begins so, and names the matrix of a camera."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return False
    names = [*_MATRICES, *(name.format(number) for name in _PAIR_MATRICES for number in "12")]
    names += _ROTATIONS  # the extrinsics of a pair in two files
    key = re.compile(rf"^\s*<?({'|'.join(names)})(:|>| type_id)", re.MULTILINE)
    return text.lstrip().startswith(_STARTS) and "opencv" in text and key.search(text) is not None


def read(path: Path) -> Calibration:
    """The cameras of a file, called "camera" or "camera-1" and "camera-2"; the unit is not known.

    Raises:
        FormatError: no file of this kind, or a part is missing.
        CalibrationError: impossible numbers.
    """
    path = Path(path)
    stored = _stored(path)
    size = _size(stored)
    said = first_of(stored, ("fisheye_model", "fisheye"))
    fisheye = str(said).strip().lower() in ("1", "1.0", "true", "yes", "on")  # a number, or a text
    source = ("OpenCV storage", path)
    if (matrix := first_of(stored, _MATRICES)) is not None:
        numbers = first_of(stored, _NUMBERS)
        numbers = np.zeros(0) if numbers is None else numbers
        name = stored.get("camera_name", "camera")
        return calibration_of((Lens(str(name), matrix, numbers, size, fisheye),), None, "", source)
    for partner in _partners(path):
        stored = _stored(partner) | stored
    pair = []
    for number in ("1", "2"):
        matrix = first_of(stored, tuple(name.format(number) for name in _PAIR_MATRICES))
        numbers = first_of(stored, tuple(name.format(number) for name in _PAIR_NUMBERS))
        if matrix is None or numbers is None:
            raise FormatError(
                f"expected a camera (camera_matrix, distortion_coefficients) or a pair (M1, D1, M2, D2, R, T) in "
                f"{path}, found {', '.join(stored) or 'nothing'}"
            )
        pair.append(Lens(f"camera-{number}", matrix, numbers, _size(stored), fisheye))
    rotation, translation = first_of(stored, _ROTATIONS), first_of(stored, _TRANSLATIONS)
    if rotation is None or translation is None:
        raise FormatError(
            f"expected R and T of the second camera in {path}, or in a file named extrinsics beside it, found "
            f"{', '.join(stored)}"
        )
    return calibration_of(tuple(pair), (rotation, translation), "", source)


def _partners(path: Path) -> list[Path]:
    """The other half of a pair in two files, when it is there."""
    for word, other in _PARTNERS.items():
        if word in path.name:
            partner = path.with_name(path.name.replace(word, other))
            return [partner] if partner.is_file() else []
    return []


def _stored(path: Path) -> dict[str, Any]:
    """Matrices and numbers of a file by name; structures inside it are left out."""
    import cv2

    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise FormatError(f"expected OpenCV's storage in YAML or XML, cannot read {path}: {error}") from error
    if not text.lstrip().startswith(_STARTS):
        raise FormatError(f"expected OpenCV's storage, whose first line is %YAML:1.0 or <?xml ...>, in {path}")
    try:
        storage = cv2.FileStorage(text, cv2.FILE_STORAGE_READ | cv2.FILE_STORAGE_MEMORY)
        root = storage.root()
        names = root.keys() if root.isMap() else []
        return {name: _value(root.getNode(name)) for name in names}
    except (cv2.error, SystemError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise FormatError(f"expected OpenCV's storage in YAML or XML, {path} is damaged: {reason}") from error


def _value(node: Any) -> Any:
    if node.isInt() or node.isReal():
        return node.real()
    if node.isString():
        return node.string()
    if node.isMap():
        return node.mat() if {"dt", "data"} <= set(node.keys()) else None
    if node.isSeq():
        items = [node.at(i) for i in range(node.size())]
        return [item.real() for item in items] if all(item.isInt() or item.isReal() for item in items) else None
    return None


def _size(stored: dict[str, Any]) -> tuple[int, int] | None:
    both = first_of(stored, ("image_size", "imageSize", "img_size"))
    if both is None:
        both = [first_of(stored, ("image_width", "width")), first_of(stored, ("image_height", "height"))]
    try:
        width, height = (int(side) for side in np.asarray(both, dtype=np.float64).ravel())
    except (TypeError, ValueError, OverflowError):
        return None
    return (width, height) if width > 0 and height > 0 else None
