"""DeepLabCut's `stereo_params.pickle` of a 3D project: two cameras, lengths in squares of the board.

It is a pickle, and a pickle can run any program: nothing but plain values and numpy arrays is opened (`core.unpickle`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from markerless.core.camera import Calibration
from markerless.core.unpickle import load_pickle
from markerless.errors import FormatError
from markerless.multiview.files.pair import Lens, calibration_of

SUFFIXES = (".pickle", ".pkl")

_KEYS = ("cameraMatrix1", "cameraMatrix2", "distCoeffs1", "distCoeffs2", "R", "T")
_HEAD = 10_000  # bytes


def sniff(path: Path) -> bool:
    """Whether the file looks like stereo parameters: their first name is near its beginning. Nothing is unpickled."""
    try:
        with path.open("rb") as file:
            return _KEYS[0].encode() in file.read(_HEAD)
    except OSError:
        return False


def read(path: Path) -> Calibration:
    """The two cameras of a file; the unit is "", as DeepLabCut's lengths are squares of a board it does not name.

    Raises:
        FormatError: not such a file, or one that asks for more than plain values.
        CalibrationError: impossible numbers.
    """
    path = Path(path)
    stored = load_pickle(path)
    pairs = (
        {str(name): pair for name, pair in stored.items() if isinstance(pair, dict) and set(_KEYS) <= pair.keys()}
        if isinstance(stored, dict)
        else {}
    )
    if len(pairs) != 1:
        raise FormatError(
            f"expected one pair of cameras with {', '.join(_KEYS)} in DeepLabCut's stereo parameters {path}, "
            f"found {len(pairs)}"
        )
    ((both, pair),) = pairs.items()
    names, sizes = _names(both), _sizes(pair.get("image_shape"))
    lenses = tuple(Lens(names[i], pair[f"cameraMatrix{i + 1}"], pair[f"distCoeffs{i + 1}"], sizes[i]) for i in (0, 1))
    return calibration_of(lenses, (pair["R"], pair["T"]), "", ("DeepLabCut stereo parameters", path))


def _names(both: str) -> tuple[str, str]:
    """`camera-1-camera-2` is "camera-1" and "camera-2": the hyphen in the middle joins them."""
    parts = both.split("-")
    half = len(parts) // 2
    if len(parts) % 2 or not half:
        return f"{both}-1", f"{both}-2"
    return "-".join(parts[:half]), "-".join(parts[half:])


def _sizes(stored: Any) -> list[tuple[int, int] | None]:
    """Width and height of each camera's pictures: older versions wrote a list of them, newer ones the two numbers."""
    sizes: list[tuple[int, int] | None] = []
    for each in stored if isinstance(stored, list | tuple) else ():
        while isinstance(each, list | tuple) and each and isinstance(each[0], list | tuple):
            each = each[0]
        known = isinstance(each, list | tuple) and len(each) == 2 and all(isinstance(n, int) and n > 0 for n in each)
        sizes.append((int(each[0]), int(each[1])) if known else None)
    return [*sizes, None, None][:2]
