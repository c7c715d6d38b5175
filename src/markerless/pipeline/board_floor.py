"""World axes from a board that lay on the floor in one of the pictures of a calibration."""

from __future__ import annotations

import numpy as np

from markerless.errors import CalibrationError
from markerless.multiview.calibrate import BoardViews, Calibrated
from markerless.multiview.world_axes import WorldAxes, axes_of_board


def axes_of_moment(fitted: Calibrated, views: BoardViews, moment: str) -> WorldAxes:
    """Axes of the board at one moment: origin at its first corner, x along its rows, z up out of its print.

    Args:
        fitted: The rig and where the boards were.
        views: What was seen, which names the moments.
        moment: As pictures are numbered, or the frame of a video; the end of a longer name will do, whole numbers only.

    Raises:
        CalibrationError: no such moment, several, or its board took no part in the fit.
    """
    found = [index for index, name in enumerate(views.moments) if name == moment]
    found = found or [index for index, name in enumerate(views.moments) if _ends_with(name, moment)]
    if len(found) != 1:
        several = "several moments that end so" if found else "none of that name"
        raise CalibrationError(
            f"expected the moment at which the board lay on the floor, got '{moment}', {several}; moments: "
            f"{', '.join(views.moments)}"
        )
    at = found[0]
    used = np.flatnonzero(fitted.used[:, at])
    if not len(used):
        raise CalibrationError(
            f"the board of moment {views.moments[at]} was left out of the fit, so it gives no floor; name another one"
        )
    rms = float(np.sqrt(np.nanmean((fitted.off_px[used, at] ** 2).sum(axis=-1))))
    how = (
        f"axes: those of the board at moment {views.moments[at]}, which lies on the floor: origin at its first corner, "
        f"x along its rows, z up; seen by {', '.join(views.names[camera] for camera in used)}, {rms:.2g} px rms"
    )
    return axes_of_board(fitted.boards.rotation[at], fitted.boards.translation[at], how)


def _ends_with(name: str, moment: str) -> bool:
    """Whether a name ends so; 5 is the end of `img005`, not of `15` or `105`, which is another moment."""
    before = name.removesuffix(moment)
    if before == name or not moment[0].isdigit():
        return name.endswith(moment)
    return not before.rstrip("0")[-1:].isdigit()
