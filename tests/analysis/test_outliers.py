"""Suspicious moments: planted mistakes are found where they are and called by their name; a good track has none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from markerless.analysis.moments import Moment
from markerless.analysis.outliers import find_outliers, frames_worth_labeling
from markerless.core.instance import Instance
from markerless.core.labels import LabeledFrame, Labels
from markerless.core.skeleton import Skeleton
from markerless.core.tracks import Tracks
from markerless.errors import LabelsError
from markerless.formats import dlc
from planted import copied, good_tracks

GOOD = good_tracks()
NAMES = GOOD.skeleton.keypoints


def moments_at(tracks: Tracks, frame: int) -> list[Moment]:
    return [moment for moment in find_outliers(tracks).moments if moment.start <= frame < moment.stop]


def reasons_at(tracks: Tracks, frame: int) -> set[str]:
    found = moments_at(tracks, frame)
    return {moment.reason for moment in found} | {reason for moment in found for reason, _ in moment.also}


@pytest.mark.parametrize("seed", [3, 4, 5])
def test_a_good_track_has_no_moments(seed: int) -> None:
    assert find_outliers(good_tracks(seed=seed)).moments == ()


def test_a_jump_for_one_frame() -> None:
    tracks = copied(GOOD)
    tracks.points[500, 0, 1] += (60, -40)
    moments = find_outliers(tracks).moments
    assert len(moments) == 1
    assert (moments[0].worst, moments[0].keypoints[0]) == (500, 1)
    assert "jump" in reasons_at(tracks, 500)
    words = [moments[0].words, *(words for _, words in moments[0].also)]
    assert any(said.startswith(f"{NAMES[1]} moves 7") for said in words)  # 72 px


def test_a_jump_that_lasts_is_found_at_both_ends() -> None:
    tracks = copied(GOOD)
    tracks.points[700:760, 0, 0] += (0, 50)
    assert "jump" in reasons_at(tracks, 700)
    assert "jump" in reasons_at(tracks, 760)


def test_a_jump_is_put_down_to_the_less_confident_frame() -> None:
    tracks = copied(GOOD)
    tracks.points[700:760, 0, 0] += (0, 50)
    tracks.score[700:760, 0, 0] = 0.7  # not low, only lower
    jumps = [moment for moment in find_outliers(tracks).moments if "moves" in moment.words]
    assert {moment.worst for moment in find_outliers(tracks).moments} & {700}
    assert all(700 <= moment.worst < 760 for moment in jumps)


def test_a_swap_of_left_and_right() -> None:
    tracks = copied(GOOD)
    left, right = NAMES.index("leftear"), NAMES.index("rightear")
    tracks.points[900:912, 0, [left, right]] = tracks.points[900:912, 0, [right, left]]
    for frame in (900, 912):
        assert {left, right} <= {k for moment in moments_at(tracks, frame) for k in moment.keypoints}
        assert "swap" in reasons_at(tracks, frame)


def test_a_limb_that_stretches_slowly() -> None:
    """No step is large and the score stays high: only the length gives it away."""
    tracks = copied(GOOD)
    a, b = tracks.skeleton.edges[0]
    away = tracks.points[1000:1100, 0, b] - tracks.points[1000:1100, 0, a]
    ramp = np.concatenate([np.linspace(0, 2.5, 50), np.linspace(2.5, 0, 50)])[:, np.newaxis]
    tracks.points[1000:1100, 0, b] += ramp * away
    assert "limb" in reasons_at(tracks, 1050)
    assert "jump" not in reasons_at(tracks, 1050)
    assert 20 <= max(moment.n_frames for moment in moments_at(tracks, 1050)) <= 100


def test_limbs_without_a_skeleton() -> None:
    tracks = copied(GOOD)
    tracks = replace(tracks, skeleton=Skeleton(NAMES))
    tracks.points[1000:1010, 0, 1] += (45, 45)
    assert "limb" in reasons_at(tracks, 1005)
    assert find_outliers(replace(GOOD, skeleton=Skeleton(NAMES))).moments == ()


def test_low_confidence_and_large_errors() -> None:
    tracks = copied(GOOD)
    tracks.score[200:212, 0, 2] = 0.12
    assert tracks.error is not None
    tracks.error[300, 0, 3] = 60
    (confidence,) = moments_at(tracks, 205)
    assert (confidence.start, confidence.stop, confidence.reason) == (200, 212, "confidence")
    assert (
        confidence.words == f"confidence of {NAMES[2]} is 0.12, usually 0.95"
    )  # the upper quartile: 0.93 + 0.674 * 0.03
    (error,) = moments_at(tracks, 300)
    assert (error.reason, error.keypoints) == ("error", (3,))
    assert error.words.startswith(f"expected error of {NAMES[3]} is 60.0 px, usually 1.")


def test_a_keypoint_that_is_hard_to_see_all_the_time_is_no_moment() -> None:
    tracks = copied(GOOD)
    tracks.score[:, 0, 2] *= 0.4
    assert find_outliers(tracks).moments == ()


def test_missing_points_are_moments_and_frames_without_an_animal_are_not() -> None:
    tracks = copied(GOOD)
    tracks.points[400:405, 0, 4] = np.nan
    tracks.points[600:700] = np.nan
    tracks.score[600:700] = np.nan
    (gone,) = find_outliers(tracks).moments
    assert (gone.start, gone.stop, gone.reason, gone.keypoints) == (400, 405, "missing", (4,))


def test_a_point_with_one_coordinate_is_missing() -> None:
    tracks = copied(GOOD)
    tracks.points[400, 0, 4, 1] = np.nan
    (gone,) = find_outliers(tracks).moments
    assert (gone.start, gone.reason) == (400, "missing")


def test_tracks_of_nothing_have_no_moments() -> None:
    nothing = replace(GOOD, points=np.full_like(GOOD.points, np.nan), score=np.full_like(GOOD.score, np.nan))
    found = find_outliers(nothing)
    assert found.moments == ()
    assert np.isnan(found.animal_size_px)
    assert frames_worth_labeling(nothing, found, 5) == []


@pytest.mark.parametrize("n_frames", [0, 1, 2, 5])
def test_videos_of_few_frames(n_frames: int) -> None:
    short = replace(GOOD, points=GOOD.points[:n_frames], score=GOOD.score[:n_frames], error=None)
    assert find_outliers(short).moments == ()


def test_labels_say_how_long_limbs_are() -> None:
    """A track that is wrong all the time cannot be judged by itself, but by what people placed."""
    tracks = copied(GOOD)
    a, b = tracks.skeleton.edges[0]
    tracks.points[:, 0, b] += 3 * (tracks.points[:, 0, b] - tracks.points[:, 0, a])
    assert "limb" not in find_outliers(tracks).n_found or find_outliers(tracks).n_found["limb"] == 0
    frames = tuple(
        LabeledFrame(f"labeled-data/v/img{t:04d}.png", (Instance.from_xy(GOOD.points[t, 0]),))
        for t in range(0, 1500, 50)
    )
    assert find_outliers(tracks, Labels(GOOD.skeleton, frames)).n_found["limb"] > 0


def test_animals_are_looked_at_one_by_one() -> None:
    two = replace(
        GOOD,
        points=np.concatenate([GOOD.points, GOOD.points + 100], axis=1),
        score=np.concatenate([GOOD.score, GOOD.score], axis=1),
        error=None,
        individuals=("a", "b"),
    )
    two.points[500, 1, 1] += (60, -40)
    (moment,) = find_outliers(two).moments
    assert (moment.individual, moment.worst) == (1, 500)


def test_points_in_space_are_refused() -> None:
    space = replace(GOOD, points=np.concatenate([GOOD.points, GOOD.points[..., :1]], axis=-1))
    with pytest.raises(LabelsError, match="3D"):
        find_outliers(space)


def test_chosen_frames_are_apart_in_time_and_pose() -> None:
    tracks = copied(GOOD)
    rng = np.random.default_rng(1)
    bad = rng.choice(1500, 300, replace=False)
    tracks.score[bad, 0, rng.integers(0, len(NAMES), 300)] = 0.1
    found = find_outliers(tracks)
    chosen = frames_worth_labeling(tracks, found, 12)
    assert len(chosen) == 12
    assert chosen == sorted(chosen)
    assert min(np.diff(chosen)) >= 25  # a second
    inside = [any(moment.start <= frame < moment.stop for moment in found.moments) for frame in chosen]
    assert all(inside)


def test_an_animal_that_lies_still_gives_one_frame() -> None:
    tracks = copied(GOOD)
    tracks.points[:] = tracks.points[:1]
    tracks.score[::60, 0, 2] = 0.1
    chosen = frames_worth_labeling(tracks, find_outliers(tracks), 10)
    assert len(chosen) == 1


def test_frames_near_labeled_ones_are_not_chosen() -> None:
    tracks = copied(GOOD)
    for frame in (200, 600, 1000):
        tracks.score[frame, 0, 2] = 0.1
    found = find_outliers(tracks)
    assert frames_worth_labeling(tracks, found, 5) == [200, 600, 1000]
    assert frames_worth_labeling(tracks, found, 5, without={610}) == [200, 1000]


def test_a_long_moment_offers_more_than_its_worst_frame() -> None:
    tracks = copied(GOOD)
    tracks.score[300:1200, 0, 2] = 0.1
    assert len(frames_worth_labeling(tracks, find_outliers(tracks), 4)) == 4


@pytest.mark.data
def test_real_tracks_of_a_lost_nose(shared_data: Path) -> None:
    """DeepLabCut loses the nose of a mouse several times and puts it hundreds of pixels away."""
    tracks = dlc.read(shared_data / "interop" / "dlc-video-and-predictions" / "cropped_video.csv")
    nose = tracks.points[:, 0, tracks.skeleton.index("Nose")]
    root = tracks.points[:, 0, tracks.skeleton.index("Tailroot")]
    away = np.hypot(*(nose - root).T)
    lost = np.flatnonzero(away > 3 * np.median(away))
    assert len(lost) > 10  # what the test is about is in the file
    moments = find_outliers(tracks).moments
    assert all(any(moment.start <= frame < moment.stop for moment in moments) for frame in lost)
    covered = {frame for moment in moments for frame in range(moment.start, moment.stop)}
    assert len(covered) < 0.6 * tracks.n_frames  # and most of the video is left alone


@pytest.mark.data
def test_real_tracks_that_are_good(shared_data: Path) -> None:
    name = "m3v1mp4DLC_resnet50_openfieldAug20shuffle1_30000.h5"
    tracks = dlc.read(shared_data / "interop" / "dlc-single" / name)
    covered = {f for moment in find_outliers(tracks).moments for f in range(moment.start, moment.stop)}
    assert len(covered) <= 25  # of 2330 frames
