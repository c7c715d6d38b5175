"""Made videos: repeatable, smooth, inside the image, with something to see."""

from __future__ import annotations

import numpy as np
import pytest

from markerless.synthetic.scene import Look, Scene


def test_frames_depend_on_seed_and_index_alone() -> None:
    one, other = (Scene(seed=3, size=(160, 120), n_frames=12) for _ in range(2))
    forward = [one.frame(i)[0] for i in range(12)]
    backward = [other.frame(i)[0] for i in reversed(range(12))][::-1]
    np.testing.assert_array_equal(forward, backward)
    assert not np.array_equal(forward[0], Scene(seed=4, size=(160, 120), n_frames=12).frame(0)[0])


def test_frame_and_truth_agree() -> None:
    scene = Scene(seed=5, size=(200, 151), n_frames=6)
    image, xy = scene.frame(4)
    assert image.shape == (151, 200, 3) and image.dtype == np.uint8
    np.testing.assert_allclose(scene.truth()[4], xy)
    assert len(scene) == 6
    with pytest.raises(IndexError):
        scene.frame(6)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_animal_stays_inside_and_moves_smoothly(seed: int) -> None:
    scene = Scene(seed=seed, size=(320, 240), n_frames=500)
    truth = scene.truth()
    assert np.isfinite(truth).all()
    assert truth.min() >= 0 and truth[..., 0].max() <= 319 and truth[..., 1].max() <= 239
    step = np.linalg.norm(np.diff(truth, axis=0), axis=-1)
    assert step.max() < 0.35 * 0.27 * 240, "no keypoint jumps a third of the body in one frame"
    jerk = np.linalg.norm(np.diff(truth, n=2, axis=0), axis=-1)
    assert jerk.max() < 6.0
    body = truth[:, scene.skeleton.index("bodycenter")]
    assert np.ptp(body, axis=0).min() > 0.3 * 240, "it explores the cage"
    assert (step[:, 3] < 0.3).mean() > 0.03, "and pauses"


def test_the_picture_of_the_animal_is_where_the_truth_says() -> None:
    """On a bare floor a black animal's darkest pixels lie around the body center; elsewhere it is light."""
    scene = Scene(seed=1, size=(320, 240), n_frames=200, look=Look(coat="black", clutter=0.0, noise=0.0))
    for i in (0, 99, 199):
        image, xy = scene.frame(i)
        gray = image.mean(axis=-1)
        x, y = np.round(xy[3]).astype(int)
        inside = gray[y - 3 : y + 4, x - 3 : x + 4].mean()
        floor = np.median(gray[40:-40, 40:-40])
        assert inside < 0.5 * floor


def test_floor_is_cluttered_and_light_moves() -> None:
    scene = Scene(seed=2, size=(320, 240), n_frames=400, look=Look(noise=0.0))
    first, last = (scene.frame(i)[0].astype(float) for i in (0, 399))
    assert first[40:-40, 40:-40].std() > 15
    assert np.abs(last[40:-40, 40:-40].mean(axis=-1) - first[40:-40, 40:-40].mean(axis=-1)).mean() > 4


def test_noise_has_the_asked_strength() -> None:
    noisy, clean = (
        Scene(seed=2, size=(320, 240), n_frames=2, look=Look(noise=noise, clutter=0.0)).frame(0)[0].astype(float)
        for noise in (6.0, 0.0)
    )
    middle = (clean > 100) & (clean < 156)
    expected = 6.0 * (0.55 + 0.45 * clean[middle].mean() / 128)
    assert (noisy - clean)[middle].std() == pytest.approx(expected, rel=0.06)
