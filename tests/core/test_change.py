from __future__ import annotations

import numpy as np
import pytest

from markerless.core.certainty import mean_interval
from markerless.core.change import MeanChange, changes_by_video, mean_change, mean_changes

NAN = np.nan


def changed(before: np.ndarray, after: np.ndarray, videos: list[str] | None = None) -> MeanChange:
    found = mean_change(before, after, videos or ())
    assert found is not None
    return found


def test_means_are_over_labeled_points() -> None:
    before = np.array([[1.0, 3.0], [NAN, 8.0], [NAN, NAN]])
    after = np.array([[2.0, 1.0], [NAN, 3.0], [NAN, NAN]])
    found = changed(before, after)
    assert (found.n_frames, found.n_points) == (2, 3)
    assert (found.before_px, found.after_px, found.change_px) == (4.0, 2.0, -2.0)


def test_a_shift_that_is_the_same_everywhere_is_certain_however_much_frames_differ() -> None:
    """Paired: the means are anything from 0 to 100 px, but every frame is better by exactly 2 px."""
    before = np.random.default_rng(0).uniform(2, 100, (40, 3))
    found = changed(before, before - 2)
    assert found.interval == pytest.approx((-2, -2))
    assert found.before_interval is not None
    assert found.before_interval[1] - found.before_interval[0] > 5
    assert found.verdict == "better"
    assert changed(before - 2, before).verdict == "worse"


def test_the_interval_is_that_of_the_mean_of_the_differences() -> None:
    """100 frames whose differences are normal, deviation 3 px: the mean of them has a deviation of 0.3 px."""
    rng = np.random.default_rng(1)
    before = rng.uniform(20, 60, (100, 1))
    found = changed(before, before + rng.normal(0, 3, (100, 1)))
    assert found.interval is not None
    assert found.interval[1] - found.interval[0] == pytest.approx(2 * 1.96 * 0.3, rel=0.2)


def test_no_difference_is_claimed_where_there_is_none() -> None:
    """Of 200 comparisons of equally good networks about one in twenty looks like a difference, not more."""
    rng = np.random.default_rng(2)
    verdicts = [changed(rng.gamma(2, 3, (30, 4)), rng.gamma(2, 3, (30, 4))).verdict for _ in range(200)]
    assert 0 < sum(verdict != "unclear" for verdict in verdicts) <= 20


def test_nine_frames_prove_nothing_and_ten_do() -> None:
    before = np.full((10, 2), 5.0)
    assert changed(before, before - 1).verdict == "better"
    assert changed(before[:9], before[:9] - 1).verdict == "unclear"


def test_frames_of_two_videos_are_drawn_video_by_video() -> None:
    """One video better by 4 px, one worse by 2: with other videos anything might come out."""
    before = np.full((40, 1), 10.0)
    after = before + np.repeat([-4.0, 2.0], 20)[:, None]
    assert changed(before, after).verdict == "better"
    assert changed(before, after, ["a"] * 20 + ["b"] * 20).verdict == "unclear"


def test_without_a_point_there_is_no_change() -> None:
    nothing = np.full((3, 2), NAN)
    assert mean_change(nothing, nothing) is None


def test_a_single_frame_has_no_interval() -> None:
    found = changed(np.array([[1.0]]), np.array([[2.0]]))
    assert (found.interval, found.verdict) == (None, "unclear")
    assert found.to_json()["change_interval"] is None


def test_tables_of_different_points_are_refused() -> None:
    with pytest.raises(ValueError, match="same points"):
        mean_change(np.array([[1.0, NAN]]), np.array([[1.0, 2.0]]))


def test_columns_are_told_as_if_each_were_alone() -> None:
    """But for those with few labels: there the frames that are drawn may hold other numbers of points."""
    rng = np.random.default_rng(5)
    before, after = rng.gamma(2, 3, (30, 3)), rng.gamma(2, 2, (30, 3))
    before[:, 2] = after[:, 2] = NAN
    before[4, 2], after[4, 2] = 7.0, 5.0
    videos = ["a"] * 15 + ["b"] * 15
    whole, columns = mean_changes(before, after, videos)
    assert whole is not None
    assert whole.interval == pytest.approx(mean_interval(after - before, videos))
    for k in (0, 1):
        alone, column = mean_change(before[:, k : k + 1], after[:, k : k + 1], videos), columns[k]
        assert alone is not None
        assert column is not None
        assert column.to_json() == {key: pytest.approx(value) for key, value in alone.to_json().items()}
    assert columns[2] is not None
    assert (columns[2].before_px, columns[2].after_px, columns[2].interval) == (7.0, 5.0, None)


def test_a_column_without_labels_has_no_change() -> None:
    before = np.array([[1.0, NAN], [2.0, NAN]])
    whole, columns = mean_changes(before, before)
    assert whole is not None
    assert columns == [whole, None]


def test_videos_are_told_by_their_own_frames_and_more_carefully() -> None:
    rng = np.random.default_rng(6)
    before, after = rng.gamma(2, 3, (40, 2)), rng.gamma(2, 2, (40, 2))
    videos = ["a"] * 20 + ["b"] * 20
    found = changes_by_video(before, after, videos)
    assert list(found) == ["a", "b"]
    alone = changed(before[:20], after[:20])
    assert found["a"].before_px == alone.before_px
    assert found["a"].interval is not None
    assert alone.interval is not None
    assert found["a"].interval[0] < alone.interval[0] < alone.interval[1] < found["a"].interval[1]
    assert changes_by_video(before, after, ["a"] * 40) == {}


def test_of_ten_videos_in_which_nothing_changed_seldom_one_looks_changed() -> None:
    rng = np.random.default_rng(7)
    videos = [str(i // 15) for i in range(150)]
    n_wrong = 0
    for _ in range(40):
        found = changes_by_video(rng.gamma(2, 3, (150, 2)), rng.gamma(2, 3, (150, 2)), videos)
        n_wrong += any(change.verdict != "unclear" for change in found.values())
    assert n_wrong <= 8  # without care for their number it would be 16 of 40
