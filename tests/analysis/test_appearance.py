"""How frames look in four numbers, and the limits of what is still like the training frames."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import t as student

from markerless.analysis.appearance import FALSE_ALARMS, ROOM, TAILS, describe, fit, fit_sureness, recordings
from markerless.core.familiar import QUANTITIES


def picture(color: tuple[int, int, int], size: tuple[int, int] = (120, 90)) -> np.ndarray:
    return np.full((*size[::-1], 3), color, np.uint8)


class TestDescribe:
    def test_gray_has_a_brightness_and_no_color(self) -> None:
        brightness, contrast, warmth, tint = describe(picture((100, 100, 100)))
        assert brightness == pytest.approx(100)
        assert contrast == pytest.approx(np.log(8))  # no range at all, and the offset
        assert (warmth, tint) == pytest.approx((0, 0))

    def test_contrast_is_the_range_of_levels(self) -> None:
        half = picture((50, 50, 50))
        half[:, 60:] = 150
        assert describe(half)[1] == pytest.approx(np.log(108))

    def test_twice_as_much_red_as_blue_is_warm_by_the_logarithm_of_two(self) -> None:
        assert describe(picture((192, 136, 92)))[2] == pytest.approx(np.log(2))
        assert describe(picture((92, 136, 192)))[2] == pytest.approx(-np.log(2))
        assert describe(picture((92, 192, 92)))[3] == pytest.approx(np.log(2))

    def test_an_animal_and_a_bright_corner_change_brightness_and_color_not_at_all(self) -> None:
        scene = picture((90, 110, 140))
        before = describe(scene)
        scene[20:40, 20:50] = (10, 5, 5)
        scene[:15, :30] = 255
        after = describe(scene)
        assert after[[0, 2, 3]] == pytest.approx(before[[0, 2, 3]])

    @pytest.mark.parametrize("size", [(1, 1), (37, 500), (1920, 1080)])
    def test_frames_of_any_size_can_be_described(self, size: tuple[int, int]) -> None:
        assert np.isfinite(describe(picture((10, 20, 30), size))).all()


class TestRecordings:
    def test_names_that_differ_in_their_last_number_are_of_one(self) -> None:
        images = ["v/a_7_f001.png", "v/b-12.jpeg", "v/a_7_f002.png", "v/a_8_f001.png", "w/a_7_f001.png", "v/b-2.jpeg"]
        group = recordings(images)
        assert group[0] == group[2]
        assert group[1] == group[5]
        assert len(set(group.tolist())) == 4

    def test_of_one_video_there_are_stretches_in_order_of_time(self) -> None:
        images = [f"v/img{i}.png" for i in (10, 2, 9, 1, 8, 3, 7, 4, 6, 5)]
        group = recordings(images)
        by_number = sorted(zip((10, 2, 9, 1, 8, 3, 7, 4, 6, 5), group.tolist(), strict=True))
        assert [number for _, number in by_number] == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]

    def test_two_videos_are_cut_as_well_but_never_across(self) -> None:
        images = [f"{video}/img{i}.png" for video in "vw" for i in range(8)]
        group = recordings(images)
        assert len(set(group.tolist())) == 4
        assert not set(group[:8].tolist()) & set(group[8:].tolist())


class TestFit:
    @staticmethod
    def looks(*brightness: float) -> np.ndarray:
        return np.array([[value, 4.0, 0.0, 0.0] for value in brightness])

    def test_too_little_is_not_judged(self) -> None:
        assert fit(self.looks(1, 2, 3, 4, 5), np.arange(5)) is None
        assert fit(self.looks(1, 2, 3, 4, 5, 6), np.array([0, 0, 0, 1, 1, 1])) is None

    def test_where_frames_are_alike_there_is_the_room_of_training_views(self) -> None:
        familiar = fit(self.looks(*[100.0] * 6), np.arange(6) // 2)
        assert familiar is not None
        assert tuple(familiar.spans) == QUANTITIES
        span = familiar.spans["brightness"]
        assert (span.least, span.most) == (100, 100)
        assert (span.low, span.high) == pytest.approx((100 - ROOM["brightness"], 100 + ROOM["brightness"]))

    def test_where_groups_differ_limits_are_those_of_a_prediction(self) -> None:
        """Groups of means 50, 100, 150 and a spread within them of 2: by Student's interval for one frame more."""
        familiar = fit(self.looks(48, 52, 98, 102, 148, 152), np.arange(6) // 2)
        assert familiar is not None
        reach = student.ppf(1 - FALSE_ALARMS / TAILS, 2) * np.sqrt(50**2 * (1 + 1 / 3) + 2**2)
        span = familiar.spans["brightness"]
        assert (span.low, span.high) == pytest.approx((100 - reach, 100 + reach), abs=1e-3)

    def test_more_groups_narrow_the_limits(self) -> None:
        few = fit(self.looks(*[0, 100, 50] * 2), np.array([0, 1, 2] * 2))
        many = fit(self.looks(*[0, 100, 50] * 4), np.arange(12))
        assert few is not None
        assert many is not None
        assert many.spans["brightness"].high < few.spans["brightness"].high

    def test_one_group_in_ten_at_most_is_called_unlike(self) -> None:
        """Groups drawn from one normal distribution, in all quantities: the alarms are as few as promised."""
        rng = np.random.default_rng(5)
        alarms = 0
        for _ in range(300):
            means = rng.normal(size=(6, 4)) * np.array([60, 2, 1, 1]) + np.array([0, 4, 0, 0])
            familiar = fit(np.repeat(means[:5], 2, axis=0), np.arange(10) // 2)
            assert familiar is not None
            spans = [familiar.spans[name] for name in QUANTITIES]
            alarms += any(not s.low <= v <= s.high for s, v in zip(spans, means[5], strict=True))
        assert 0.02 * 300 < alarms < 0.13 * 300


class TestSureness:
    def test_the_limit_is_below_what_was_usual(self) -> None:
        values = np.array([0.9, 0.9, 0.92, 0.92, 0.88, 0.88])
        found = fit_sureness(values, np.arange(6) // 2)
        assert found is not None
        assert found.low < 0.81
        assert found.share == 0

    def test_networks_that_were_never_sure_give_no_limit_that_can_be_passed(self) -> None:
        found = fit_sureness(np.array([0.1, 0.9, 0.5, 0.2, 0.8, 0.3]), np.arange(6))
        assert found is not None
        assert found.low == 0
