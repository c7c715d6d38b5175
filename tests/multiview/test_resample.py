"""Points between frames: where they lie, what they are worth, and where there are none."""

from __future__ import annotations

import numpy as np

from markerless.multiview.resample import Seen, resampled


def moving(n: int = 60, speed: float = 10.0, noise: float = 0.0) -> Seen:
    """One point on a straight line, one that stands still."""
    rng = np.random.default_rng(0)
    xy = np.zeros((n, 2, 2))
    xy[:, 0, 0] = speed * np.arange(n)
    return Seen(xy + rng.normal(0, noise, xy.shape), np.full((n, 2), 0.9), np.full((n, 2), 1.0))


def test_between_two_frames_a_point_lies_on_the_line() -> None:
    frames = np.array([0.0, 1.25, 30.5, np.nan])
    out, used = resampled(moving(noise=0.01), frames)
    np.testing.assert_allclose(out.xy[:3, 0, 0], [0, 12.5, 305], atol=0.1)
    np.testing.assert_allclose(used, frames)
    assert np.isnan(out.xy[3]).all()
    assert np.isnan(out.score[3]).all()
    assert out.error is not None
    np.testing.assert_allclose(out.error[:3], 1.0)  # straight: nothing is lost by it
    assert np.isnan(out.error[3]).all()


def test_nothing_is_bridged() -> None:
    seen = moving(noise=0.01)
    seen.xy[10:12, 0] = np.nan
    out, _ = resampled(seen, np.array([9.0, 9.05, 9.5, 10.5, 11.5, 11.95, 12.0]))
    assert np.isfinite(out.xy[:, 0]).all(axis=-1).tolist() == [True, True, False, False, False, True, True]
    assert np.isfinite(out.xy[:, 1]).all()


def test_a_curve_and_an_unsure_time_are_worth_less() -> None:
    t = np.arange(200)
    xy = np.stack([100 * np.cos(t), 100 * np.sin(t)], axis=-1)[:, None]
    seen = Seen(xy, np.full((200, 1), 0.9), np.full((200, 1), 0.1))
    frames = np.arange(10.0, 190.0) + 0.5
    out, _ = resampled(seen, frames)
    assert out.error is not None
    # a chord of one radian of a circle of 100 px is 12.2 px off its middle
    off = np.linalg.norm(out.xy[:, 0] - 100 * np.stack([np.cos(frames), np.sin(frames)], axis=-1), axis=-1)
    np.testing.assert_allclose(off, 100 * (1 - np.cos(0.5)), rtol=1e-6)
    assert 0.7 < np.median(out.error) / np.median(off) < 1.3
    straight, _ = resampled(moving(noise=0.01), np.array([5.5, 6.5]), timing_sd=0.2)
    assert straight.error is not None
    np.testing.assert_allclose(straight.error[:, 0], np.hypot(1.0, 0.2 * 10), rtol=0.01)


def test_a_fraction_that_moves_nothing_is_dropped() -> None:
    frames = np.arange(50.0) + 0.3
    slow = resampled(moving(speed=0.01, noise=1.0), frames)
    np.testing.assert_array_equal(slow[1], np.arange(50.0))
    np.testing.assert_array_equal(slow[0].xy, moving(speed=0.01, noise=1.0).xy[:50])
    np.testing.assert_array_equal(resampled(moving(speed=30.0, noise=1.0), frames)[1], frames)


def test_an_unsure_time_takes_no_point_away() -> None:
    """Beside a missing point the speed is that to the other neighbor: 10 px a frame; without one it is not known."""
    alone = moving(noise=0.01)
    alone.xy[20:23, 0] = np.nan
    alone.xy[24, 0] = np.nan
    out, _ = resampled(alone, np.array([18.0, 19.0, 19.05, 22.95, 23.0, 25.0, 58.0, 59.0]), timing_sd=0.2)
    assert out.error is not None
    assert np.isfinite(out.xy[:, 0]).all()
    expected = np.hypot(1.0, 0.2 * np.array([10, 10, 10, 0, 0, 10, 10, 10]))
    np.testing.assert_allclose(out.error[:, 0], expected, rtol=0.01)
    np.testing.assert_allclose(out.error[:, 1], 1.0, rtol=0.01)
    first = moving(noise=0.01)
    first.xy[9, 0] = np.nan
    late, _ = resampled(first, np.array([9.95]), timing_sd=0.2)  # the frame after, by what follows it
    assert late.error is not None
    np.testing.assert_allclose(late.error[0, 0], np.hypot(1.0, 0.2 * 10), rtol=0.01)
