"""The made mouse in space: it stands on its floor, its left is left, and what cameras see is where truth says."""

from __future__ import annotations

import numpy as np
import pytest

from markerless.multiview.boards import parse_board
from markerless.multiview.detection import find_board
from markerless.synthetic.many_views import CAMERAS, ManyViews, board_pictures, board_places, rig
from markerless.synthetic.solid_mouse import PAW_MM, PAWS, SKELETON, SolidMouse

SIZE = (160, 128)
PLACE = {name: k for k, name in enumerate(SKELETON.keypoints)}


@pytest.fixture(scope="module")
def mouse() -> SolidMouse:
    return SolidMouse(3, 250, 25.0, (300.0, 240.0), "black")


@pytest.fixture(scope="module")
def scene() -> ManyViews:
    return ManyViews(3, 250, calibration=rig(SIZE, CAMERAS[:3]))


def test_it_stands_on_the_floor(mouse: SolidMouse) -> None:
    truth = mouse.truth()
    assert truth.shape == (250, SKELETON.n_keypoints, 3)
    assert np.isfinite(truth).all()
    paws = truth[:, [PLACE[name] for name in PAWS], 2]
    assert paws.min() == pytest.approx(PAW_MM)
    assert (paws < PAW_MM + 0.1).mean() > 0.4  # more than anywhere else
    assert paws.max() > PAW_MM + 4  # and lifted now and then
    assert truth[:, PLACE["snout"], 2].max() > 25  # it rears
    assert (np.abs(truth[..., :2]) < [150, 120]).all()
    step = np.linalg.norm(np.diff(truth[:, PLACE["tailbase"]], axis=0), axis=-1)
    assert np.median(step) > 0.5  # it goes about
    assert step.max() < 20


def test_left_is_left_as_seen_from_above(mouse: SolidMouse) -> None:
    truth = mouse.truth()
    ahead = (truth[:, PLACE["snout"]] - truth[:, PLACE["tailbase"]])[:, :2]
    for left, right in SKELETON.mirror_pairs:
        across = (truth[:, left] - truth[:, right])[:, :2]
        turned = ahead[:, 0] * across[:, 1] - ahead[:, 1] * across[:, 0]  # counterclockwise from ahead
        assert (turned > 0).mean() > 0.99


def test_what_is_seen_is_where_the_truth_is(scene: ManyViews) -> None:
    truth = scene.truth()
    bright: list[float] = []
    dark: list[float] = []
    for camera in range(3):
        for i in range(0, 250, 36):
            seen = scene.frame(camera, i)
            assert seen.image.shape == (SIZE[1], SIZE[0], 3)
            np.testing.assert_allclose(seen.xy, scene.calibration.cameras[camera].project(truth[i]))
            for name in ("forepawL", "forepawR", "hindpawL", "hindpawR"):
                x, y = np.rint(seen.xy[PLACE[name]]).astype(int)
                (bright if seen.visible[PLACE[name]] else dark).append(float(seen.image[y, x].mean()))
    # pink paws on a black mouse: a hidden one is behind its body
    assert np.median(bright) > 100 > 60 > np.median(dark)
    assert len(bright) > 20
    assert len(dark) > 10


def test_it_is_the_same_for_the_same_seed() -> None:
    one = rig(SIZE, CAMERAS[:1])
    first, again, other = (ManyViews(seed, 4, calibration=one) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.frame(0, 3).image, again.frame(0, 3).image)
    assert (first.frame(0, 3).image != other.frame(0, 3).image).any()
    with pytest.raises(IndexError, match="frame 4 of a scene of 4"):
        first.frame(0, 4)


def test_boards_are_where_the_truth_is() -> None:
    board, camera = parse_board("charuco:5x4:26:20:DICT_4X4_50"), rig().cameras[0]
    rotation, translation = board_places(5, board, seed=1)
    found = 0
    for gray, turn, way in zip(board_pictures(board, camera, 5, seed=1), rotation, translation, strict=True):
        corners = find_board(board, gray)
        off = np.linalg.norm(corners - camera.project(board.points @ turn.T + way), axis=-1)
        found += int(np.isfinite(off).any())
        assert np.nanmax(off, initial=0.0) < 0.7
    assert found >= 3
    flat = board.points @ rotation[0].T + translation[0]
    np.testing.assert_allclose(flat[:, 2], 0, atol=1e-9)  # the first lies on the floor
    np.testing.assert_allclose(rotation[0][:, 2], [0, 0, -1], atol=1e-9)  # print up
