"""Where a keypoint is expected: near its true place, from the points that go with it, and nowhere without them."""

from __future__ import annotations

import numpy as np
import pytest

from markerless.analysis.usual_pose import UsualPose, usual_pose
from markerless.core.instance import FloatArray


def two_views(n: int = 60) -> FloatArray:
    """`(n, 5, 2)`: nose and tail stay, a paw runs between them, seen from above and from the side at the same x."""
    rng = np.random.default_rng(4)
    xy = np.zeros((n, 5, 2))
    xy[:, 0], xy[:, 1] = (300.0, 50.0), (20.0, 60.0)
    xy[:, 2, 0] = xy[:, 3, 0] = rng.uniform(60, 260, n)
    xy[:, 2, 1], xy[:, 3, 1] = 100.0, 250.0
    xy[:, 4] = (150.0, 200.0)
    moved: FloatArray = xy + rng.normal(0, 2, xy.shape)
    return moved


def prior(xy: FloatArray) -> UsualPose:
    made = usual_pose(xy, np.ones(xy.shape[:2], dtype=np.bool_))
    assert made is not None
    return made


def test_one_view_tells_where_the_paw_is_in_the_other() -> None:
    xy = two_views()
    made = prior(xy)
    wrong = xy[:, 2] + np.where(xy[:, 2, :1] < 160, 70, -70) * (1, 0)
    with_view = [made.log_odds(f, 2, xy[f, 2]) - made.log_odds(f, 2, wrong[f]) for f in range(60)]
    without = [made.log_odds(f, 2, xy[f, 2], (3,)) - made.log_odds(f, 2, wrong[f], (3,)) for f in range(60)]
    assert np.mean(with_view) > 2
    assert np.mean(without) < 0.5  # both are likely places of a paw


def test_a_point_that_is_not_trusted_says_nothing_of_the_others() -> None:
    xy = two_views()
    trusted = np.ones(xy.shape[:2], dtype=np.bool_)
    trusted[7, 3] = False
    spoiled = xy.copy()
    spoiled[7, 3] += (90, 0)
    made, same = usual_pose(xy, trusted), usual_pose(spoiled, trusted)
    assert made is not None and same is not None
    assert made.log_odds(7, 2, xy[7, 2]) == same.log_odds(7, 2, xy[7, 2])


def bending(n: int = 60) -> FloatArray:
    """`(n, 4, 2)`: a head of three points near each other that turns by up to 20 degrees against a far tail."""
    rng = np.random.default_rng(4)
    bend = np.exp(1j * rng.uniform(-0.35, 0.35, (n, 1)))
    head = np.array([20, 6 + 10j, 6 - 10j]) * bend
    animal = np.concatenate([head, np.full((n, 1), -90.0)], axis=1) * np.exp(1j * rng.uniform(0, 6.28, (n, 1)))
    points = animal + rng.normal(0, 0.7, (n, 4)) + 1j * rng.normal(0, 0.7, (n, 4)) + 200
    return np.stack([points.real, points.imag], axis=-1)


def test_a_head_alone_does_not_promise_where_the_tail_is() -> None:
    """Laid on the shape by a head that is turned, the tail seems far off; it is as likely as anything all the same."""
    xy = bending()
    trusted = np.ones(xy.shape[:2], dtype=np.bool_)
    trusted[::3, 3] = False
    made = usual_pose(xy, trusted)
    assert made is not None
    assert min(made.log_odds(f, 3, xy[f, 3]) for f in range(0, 60, 3)) > -1
    opposite = 2 * xy[:, :3].mean(axis=1) - xy[:, 3]
    assert max(made.log_odds(f, 3, opposite[f]) - made.log_odds(f, 3, xy[f, 3]) for f in range(0, 60, 3)) < -2


def test_where_nothing_is_known_nothing_is_said() -> None:
    xy = two_views()
    made = prior(xy)
    assert made.log_odds(0, 2, np.array([np.nan, np.nan])) == 0
    assert made.log_odds(0, 2, xy[0, 2], (0, 1, 3)) == 0  # one point is left


@pytest.mark.parametrize(("n", "kept"), [(9, 5), (60, 2)])
def test_too_few_animals_or_points_give_no_prior(n: int, kept: int) -> None:
    trusted = np.zeros((n, 5), dtype=np.bool_)
    trusted[:, :kept] = True
    assert usual_pose(two_views(n), trusted) is None
