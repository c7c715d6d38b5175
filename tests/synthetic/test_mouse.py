"""The drawn animal lies where the keypoints say, measured in the pictures themselves."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from markerless.synthetic.mouse import COATS, SKELETON, Mouse, Patch, Pose

LENGTH = 97.0
LIGHT = (-0.6, -0.8)


def straight_pose(look: float, at: tuple[float, float] = (150.3, 140.7)) -> Pose:
    """A mouse on a straight line, its snout at `at`, looking along `look` radians."""
    ahead = np.array([np.cos(look), np.sin(look)])
    spine = np.array(at) - np.linspace(0, LENGTH, 8)[:, None] * ahead
    tail = spine[-1] - np.linspace(0, 0.9 * LENGTH, 16)[:, None] * ahead
    return Pose(spine, tail, rear=0.0, gait=0.0, breath=0.0)


def bent_pose() -> Pose:
    """A mouse on a circle of radius 90 px around (100, 100)."""
    angle = np.linspace(0, LENGTH / 90, 8)
    spine = 100 + 90 * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    angle = angle[-1] + np.linspace(0, 1.0, 16)
    tail = 100 + 90 * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    return Pose(spine, tail, rear=0.5, gait=1.0, breath=2.0)


def draw(coat: str, pose: Pose) -> Patch:
    return Mouse(np.random.default_rng(0), LENGTH, coat).draw(pose, LIGHT)


@pytest.fixture
def painted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two coats that differ in nothing but the color of ears (with nose and paws), and a third with another tail."""
    back, flank, ear, tail = COATS["gray"]
    monkeypatch.setitem(COATS, "red-eared", (back, flank, (255.0, 0.0, 0.0), tail))
    monkeypatch.setitem(COATS, "red-tailed", (back, flank, ear, (255.0, 0.0, 0.0)))


def difference(coat: str, pose: Pose) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """x, y and weight of every pixel that a recolored part touches."""
    one, other = draw("gray", pose), draw(coat, pose)
    weight = np.abs(one.color - other.color).sum(axis=-1)
    y, x = np.mgrid[0 : weight.shape[0], 0 : weight.shape[1]]
    return x + one.left, y + one.top, weight


@pytest.mark.usefixtures("painted")
@pytest.mark.parametrize("pose", [straight_pose(0.0), straight_pose(2.2), bent_pose()], ids=["right", "turned", "bent"])
@pytest.mark.parametrize(("name", "reach"), [("leftear", 0.06), ("rightear", 0.06), ("snout", 0.03)])
def test_center_of_the_drawn_part_is_the_keypoint(pose: Pose, name: str, reach: float) -> None:
    x, y, weight = difference("red-eared", pose)
    expected = Mouse(np.random.default_rng(0), LENGTH, "gray").keypoints(pose)[SKELETON.index(name)]
    near = np.hypot(x - expected[0], y - expected[1]) < reach * LENGTH
    found = [np.average(m[near], weights=weight[near]) for m in (x, y)]
    assert np.hypot(*(found - expected)) < 0.08


@pytest.mark.usefixtures("painted")
@pytest.mark.parametrize("look", [0.0, 1.0, -2.5])
def test_tail_ends_at_the_tail_tip(look: float) -> None:
    pose = straight_pose(look)
    x, y, weight = difference("red-tailed", pose)
    ahead = np.array([np.cos(look), np.sin(look)])
    tip = Mouse(np.random.default_rng(0), LENGTH, "gray").keypoints(pose)[SKELETON.index("tailtip")]
    along = (x - tip[0]) * ahead[0] + (y - tip[1]) * ahead[1]
    across = (y - tip[1]) * ahead[0] - (x - tip[0]) * ahead[1]
    near = np.abs(across) < 3
    width = [weight[near & (np.abs(along - a) < 0.5)].sum() for a in np.arange(-5, 12)]
    covered = np.sum(width[:8]) / np.mean(width[5:11])  # pixels from 5.5 px beyond the tip to 2.5 px before it
    assert covered == pytest.approx(2.5, abs=0.7)
    end = near & (along < 8)
    assert abs(np.average(across[end], weights=weight[end])) < 0.2


def test_body_is_symmetric_about_its_spine() -> None:
    patch = draw("gray", straight_pose(0.0))
    y = np.arange(patch.alpha.shape[0]) + patch.top
    for s in (0.5, 0.62, 0.7):
        column = patch.alpha[:, round(150.3 - s * LENGTH) - patch.left]
        assert np.average(y, weights=column) == pytest.approx(140.7, abs=0.5)
        assert column.sum() > 0.25 * LENGTH


def test_left_is_the_animals_left() -> None:
    """Looking right in an image whose y points down, the left ear is the upper one."""
    keypoints = Mouse(np.random.default_rng(0), LENGTH, "gray").keypoints(straight_pose(0.0))
    left, right = (keypoints[SKELETON.index(name)] for name in ("leftear", "rightear"))
    assert left[1] < 140.7 < right[1]
    assert left[0] == pytest.approx(right[0]) == pytest.approx(150.3 - 0.235 * LENGTH, abs=0.2)
    assert right[1] - left[1] == pytest.approx(2 * 0.105 * LENGTH)


def test_moving_the_animal_by_half_a_pixel_moves_its_picture() -> None:
    centers = []
    for shift in (0.0, 0.5):
        patch = draw("gray", straight_pose(0.0, (150.0 + shift, 140.0)))
        moments = cv2.moments(patch.alpha)
        centers.append(moments["m10"] / moments["m00"] + patch.left)
    assert centers[1] - centers[0] == pytest.approx(0.5, abs=0.06)
