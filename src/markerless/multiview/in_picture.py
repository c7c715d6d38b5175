"""Calibrated cameras as views of one picture: where in it each lens lies, and which of them look into a mirror."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from markerless.core.camera import Calibration, Camera
from markerless.core.view import View
from markerless.errors import CalibrationError
from markerless.multiview.mirror import Part


def in_picture(calibration: Calibration, parts: Sequence[Part], size: tuple[int, int]) -> Calibration:
    """The cameras with the regions and mirrors of the views of their names; other cameras stay as they are.

    A camera without a region was calibrated in pixels of the view alone, or of the whole picture: its size tells.

    Args:
        calibration: Cameras, which may know their regions already.
        parts: Views of a picture.
        size: Width and height of the picture in px.

    Raises:
        CalibrationError: a camera that was calibrated for another region, or for a picture of another size.
    """
    views = {part.name: part for part in parts}
    cameras = tuple(
        _placed(camera, views[camera.name], size) if camera.name in views else camera for camera in calibration.cameras
    )
    return replace(calibration, cameras=cameras)


def _placed(camera: Camera, part: Part, size: tuple[int, int]) -> Camera:
    """One camera in its view."""
    if camera.region is not None:
        if (camera.region, camera.mirrored) != (part.region, part.mirrored):
            raise CalibrationError(
                f"expected view '{part.name}' where the calibration has it, {_told(camera.region, camera.mirrored)}, "
                f"got {_told(part.region, part.mirrored)} in the file of views; correct it, or calibrate anew"
            )
        return camera
    if camera.mirrored and not part.mirrored:
        raise CalibrationError(
            f"expected view '{part.name}' to be mirrored as it is in the calibration, got a direct one in the file of "
            "views; say mirrored = true, or calibrate anew"
        )
    if camera.size == (part.region.width, part.region.height):
        return replace(camera, region=part.region, mirrored=part.mirrored)
    if camera.size == size and camera.mirrored == part.mirrored:
        return camera  # calibrated in whole pictures
    width, height = camera.size
    raise CalibrationError(
        f"expected camera '{camera.name}' to be calibrated in pictures of its view, {part.region.width} x "
        f"{part.region.height} px, got {width} x {height}; correct its region in the file of views, or say "
        f"frame = [{width}, {height}] there if that is the whole picture"
    )


def _told(region: View, mirrored: bool) -> str:
    where = f"[{region.left}, {region.top}, {region.width}, {region.height}]"
    return f"{where}, mirrored" if mirrored else where
