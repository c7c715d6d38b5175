"""The interval of a mean error, against what it promises."""

from __future__ import annotations

import numpy as np
import pytest

from markerless.core.certainty import doubt, mean_interval

NAN = float("nan")


def test_frames_that_are_all_alike_leave_nothing_open() -> None:
    assert mean_interval(np.full((12, 3), 2.5)) == pytest.approx((2.5, 2.5))


def test_it_is_as_wide_as_the_standard_error_of_independent_frames() -> None:
    """400 frames of one point, errors uniform in 0..1 px: the standard error is sqrt(1/12 / 400) = 0.01443 px."""
    error = np.linspace(0, 1, 400)[:, None]
    interval = mean_interval(error)
    assert interval is not None
    assert interval == pytest.approx((0.5 - 1.96 * 0.01443, 0.5 + 1.96 * 0.01443), abs=0.002)


def test_points_of_a_frame_are_drawn_together() -> None:
    """Ten points with the error of their frame are no more information than one."""
    error = np.linspace(0, 1, 400)[:, None]
    many, one = mean_interval(np.repeat(error, 10, axis=1)), mean_interval(error)
    assert many is not None and one is not None
    assert many == pytest.approx(one, abs=1e-12)


def test_videos_are_drawn_whole() -> None:
    """Ten videos whose frames are all 1 px or all 3 px: the standard error is 1 / sqrt(10) = 0.316 px, not that of 400
    frames (0.05 px).
    """
    error = np.repeat([1.0, 3.0] * 5, 40)[:, None]
    videos = [f"m{i // 40}" for i in range(400)]
    by_video, by_frame = mean_interval(error, videos), mean_interval(error)
    assert by_video is not None and by_frame is not None
    assert by_video == pytest.approx((2 - 1.96 * 0.316, 2 + 1.96 * 0.316), abs=0.06)
    assert by_frame == pytest.approx((2 - 1.96 * 0.05, 2 + 1.96 * 0.05), abs=0.01)


@pytest.mark.parametrize("n_videos", [1, 8])
def test_it_holds_the_true_mean_about_as_often_as_it_says(n_videos: int) -> None:
    """Skewed errors, lognormal with an effect of each frame and of each video; their mean is exp(mu + sigma² / 2)."""
    rng = np.random.default_rng(5)
    held, trials = 0, 150
    between = 0.3 if n_videos > 1 else 0.0
    mean = np.exp(0.5 + (0.5**2 + 0.4**2 + between**2) / 2)
    for trial in range(trials):
        video = np.repeat(rng.normal(0, between, n_videos), 40 // n_videos)
        frame = rng.normal(0, 0.4, 40)
        error = np.exp(0.5 + video[:, None] + frame[:, None] + rng.normal(0, 0.5, (40, 4)))
        interval = mean_interval(error, [str(i * n_videos // 40) for i in range(40)], seed=trial)
        assert interval is not None
        held += interval[0] <= mean <= interval[1]
    assert 0.87 <= held / trials <= 0.995


def test_frames_without_a_label_say_nothing() -> None:
    error = np.array([[1.0, 2.0], [NAN, NAN], [3.0, NAN], [NAN, NAN]])
    labeled = np.array([[1.0, 2.0], [3.0, NAN]])
    assert mean_interval(error, ["a", "b", "a", "b"]) == mean_interval(labeled)
    assert mean_interval(error[:2]) is None
    assert mean_interval(np.empty((0, 2))) is None


def test_equal_seeds_give_equal_intervals_and_drawing_in_parts_changes_nothing_but_chance(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    error = np.random.default_rng(1).uniform(0, 5, (30, 2))
    first = mean_interval(error)
    assert mean_interval(error) == first
    assert mean_interval(error, seed=1) != first
    monkeypatch.setattr("markerless.core.certainty.MOST_AT_ONCE", 30 * 7)
    again = mean_interval(error)
    assert first is not None and again is not None
    assert again == pytest.approx(first, abs=0.1)


@pytest.mark.parametrize(
    ("n_frames", "interval", "told"),
    [
        (9, (1.9, 2.1), "9 labeled frames: too few"),
        (1, None, "1 labeled frame: too few"),
        (10, (1.5, 2.51), "anything from 1.50 to 2.51 px"),
        (10, (1.5, 2.5), ""),
        (200, (1.9, 2.1), ""),
    ],
)
def test_a_test_that_is_too_small_is_called_so(n_frames: int, interval: tuple[float, float] | None, told: str) -> None:
    said = doubt(n_frames, 2.0, interval)
    assert said.startswith(told) if "frame" in told else told in said
    assert bool(said) is bool(told)
