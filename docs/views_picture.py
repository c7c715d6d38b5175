"""Takes the picture of docs/labeling.md: the label page with what two other views say of a made mouse.

python docs/views_picture.py    # writes docs/images/labeling-views.jpg; needs Chromium and the package playwright

"""

from __future__ import annotations

import shutil
import sys
import tempfile
from datetime import date
from pathlib import Path

import cv2
import numpy as np

from markerless.core.camera import Calibration, Camera
from markerless.core.instance import FloatArray, Instance
from markerless.core.labels import LabeledFrame, Labels
from markerless.multiview.files import anipose_toml
from markerless.pipeline.views import set_views
from markerless.project import NewProject, Project, create_project
from markerless.synthetic.scene import Look, Scene
from markerless.video.images import write_image

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from app_server import start
from label_page import LabelPage

PATH = Path(__file__).resolve().parent / "images" / "labeling-views.jpg"
SIZE, FLOOR = (960, 720), (960, 720)  # pixels of the pictures, and of the drawn floor
FRAMES = tuple(range(0, 120, 10))
SHOWN, SLIPPED, N_LEFT_OPEN = 40, 1, 3  # frame, keypoint that was clicked in the wrong place, and those not labeled yet
SD_PX = 1.5


def cameras() -> Calibration:
    """Three cameras above a floor of one unit a pixel, which look at its middle; their lenses bend."""
    found = []
    for name, angle in (("left", -2.4), ("middle", -1.5), ("right", -0.7)):
        place = np.array([560 * np.cos(angle), 560 * np.sin(angle), -900.0])
        forward = -place / np.linalg.norm(place)
        right = np.cross(forward, [0.0, -1.0, 0.0])
        right /= -np.linalg.norm(right)
        rotation = np.stack([right, np.cross(forward, right), forward])
        matrix = np.array([[980.0, 0, SIZE[0] / 2], [0, 980, SIZE[1] / 2], [0, 0, 1]])
        found.append(Camera(name, SIZE, matrix, np.array([-0.2, 0.05]), rotation, -rotation @ place))
    return Calibration(tuple(found), "mm")


def seen(camera: Camera, floor: np.ndarray) -> np.ndarray:
    """A picture of the floor as a camera sees it."""
    y, x = np.mgrid[: SIZE[1], : SIZE[0]].astype(np.float64)
    rays = np.concatenate([camera.rays(np.stack([x, y], axis=-1)), np.ones((SIZE[1], SIZE[0], 1))], axis=-1)
    way = rays @ camera.rotation
    on_floor = camera.center[:2] - way[..., :2] * (camera.center[2] / way[..., 2:])
    at = (on_floor + (np.array(FLOOR) - 1) / 2).astype(np.float32)
    x, y = at[..., 0], at[..., 1]
    return cv2.remap(floor, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=(84, 86, 90))


def in_space(xy: FloatArray) -> FloatArray:
    """Keypoints `(K, 2)` of the drawn floor in space."""
    return np.concatenate([xy - (np.array(FLOOR) - 1) / 2, np.zeros((len(xy), 1))], axis=-1)


def make_study(folder: Path) -> Project:
    """A study of the three cameras, in which one picture of the last one is being labeled."""
    rng, rig = np.random.default_rng(2), cameras()
    scene = Scene(11, FLOOR, FRAMES[-1] + 1, look=Look(coat="agouti"))
    edges = tuple((scene.skeleton.keypoints[a], scene.skeleton.keypoints[b]) for a, b in scene.skeleton.edges)
    project = create_project(NewProject("reach", "Ada", scene.skeleton.keypoints, edges, date(2026, 5, 1)), folder, [])
    rows: dict[str, list[LabeledFrame]] = {camera.name: [] for camera in rig.cameras}
    for frame in FRAMES:
        floor, keypoints = scene.frame(frame)
        for camera in rig.cameras:
            image = f"labeled-data/day1_{camera.name}/img{frame:03d}.png"
            write_image(project.root / image, seen(camera, floor))
            xy = camera.project(in_space(keypoints)) + rng.normal(0, SD_PX, keypoints.shape)
            if camera is rig.cameras[-1] and frame == SHOWN:
                xy[SLIPPED] += [74, -38]
                xy[-N_LEFT_OPEN:] = np.nan
            rows[camera.name].append(LabeledFrame(image, (Instance.from_xy(xy),), "Ada"))
    for name, frames in rows.items():
        project.write_labels(f"day1_{name}", Labels(project.skeleton, tuple(frames)), who="Ada")
    file = folder / "calibration.toml"
    anipose_toml.write(rig, file)
    set_views(project, file, ["{session}_{camera}"])
    return project


def main() -> None:
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as name:
        project = make_study(Path(name))
        server = start(Path(name), project.root)
        try:
            with sync_playwright() as playwright:
                path = shutil.which("chromium") or "/usr/bin/chromium"
                browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
                page = browser.new_context(viewport={"width": 1280, "height": 800}, color_scheme="light").new_page()
                label = LabelPage(page, server, "Ada").open("day1_right", f"img{SHOWN:03d}.png")
                for keypoint in project.skeleton.keypoints[-N_LEFT_OPEN:]:  # not looked for yet, rather than absent
                    page.click(f'.label-keypoint[title="{keypoint}"]')
                    label.press("x")
                page.wait_for_selector(".label-far")
                page.wait_for_selector('[data-command="acceptSuggestions"]')
                label.wait_saved()
                label.point_away()
                page.screenshot(path=PATH, type="jpeg", quality=85)
                browser.close()
        finally:
            server.kill()
    print(f"wrote {PATH}")


if __name__ == "__main__":
    main()
