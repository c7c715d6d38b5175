"""Suspects by predictions: mistakes planted in real and in made labels are at the top of the list, good labels not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from held_out import Network, simulated
from markerless.analysis.held_out_suspects import suspects_with_predictions
from markerless.analysis.label_suspects import Suspect, proposals, suspects
from markerless.core.crossfit import CrossFit
from markerless.core.instance import FloatArray, Instance
from markerless.core.labels import LabeledFrame, Labels
from markerless.core.skeleton import Skeleton
from markerless.pipeline.label_source import labels_of
from markerless.synthetic.label_mistakes import found, plant, with_points
from markerless.video.images import image_size

NAMES = ("nose", "leftear", "rightear", "tail")
SHAPE = np.array([[40.0, 0.0], [20.0, 12.0], [20.0, -12.0], [-40.0, 0.0]])
SIZE = 80.0
BAD = 17
IMAGE = f"labeled-data/v/img{BAD}.png"


def study(n: int = 40) -> Labels:
    """Turning animals, each point within 1 px or so."""
    rng = np.random.default_rng(1)
    frames = []
    for f in range(n):
        angle = rng.uniform(0, 2 * np.pi)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        pose = SHAPE @ turn.T + rng.uniform(100, 400, 2) + rng.normal(0, 1, SHAPE.shape)
        frames.append(LabeledFrame(f"labeled-data/v/img{f:02d}.png", (Instance.from_xy(pose),)))
    return Labels(Skeleton(NAMES, (), ((1, 2),)), tuple(frames))


def spoiled(change: Callable[[FloatArray], None]) -> Labels:
    labels = study()
    xy = labels.xy()[:, 0]
    change(xy[BAD])
    return with_points(labels, xy)


def good_predictions(seed: int = 3) -> CrossFit:
    return simulated(study(), Network(median_px=1.5, gross=0.0), seed)


def ranked(labels: Labels, crossfit: CrossFit | None = None) -> list[Suspect]:
    return suspects_with_predictions(labels, crossfit or good_predictions(), SIZE)


def test_good_labels_are_hardly_suspicious() -> None:
    assert [suspect for suspect in ranked(study()) if suspect.score > 0.1] == []


@pytest.mark.parametrize("k", range(4))
def test_a_slipped_point_is_first_with_where_it_is_predicted(k: int) -> None:
    def slip(pose: FloatArray) -> None:
        pose[k] += (18, 14)

    first = ranked(spoiled(slip))[0]
    assert (first.image, first.keypoints, first.kind) == (IMAGE, (NAMES[k],), "place")
    assert first.score > 0.5
    assert np.hypot(*(np.array(first.suggested[0]) - study().xy()[BAD, 0, k])) < 8
    assert f"{NAMES[k]} is " in first.message


@pytest.mark.parametrize("pair", [(1, 2), (0, 3), (0, 1)])
def test_exchanged_points_are_one_finding_and_two_proposals(pair: tuple[int, int]) -> None:
    def exchange(pose: FloatArray) -> None:
        pose[list(pair)] = pose[list(pair)[::-1]]

    labels = spoiled(exchange)
    first = ranked(labels)[0]
    names = tuple(NAMES[k] for k in pair)
    assert (first.image, first.keypoints, first.kind) == (IMAGE, names, "exchanged")
    assert len(first.suggested) == 2
    proposed = proposals(ranked(labels), labels, 60)
    assert [(p.rank, p.image, p.keypoint, p.suspect) for p in proposed[:2]] == [
        (1, IMAGE, names[0], 0),
        (2, IMAGE, names[1], 0),
    ]
    assert len(proposals(ranked(labels), labels, 1)) == 1


def test_a_point_put_on_another_keypoint_is_named_with_that_one() -> None:
    def stack(pose: FloatArray) -> None:
        pose[3] = pose[0] + 0.5

    first = ranked(spoiled(stack))[0]
    assert (first.image, first.keypoints, first.kind) == (IMAGE, ("tail",), "stacked")
    assert "tail lies on nose" in first.message


def test_a_deleted_point_is_missing() -> None:
    def delete(pose: FloatArray) -> None:
        pose[2] = np.nan

    first = ranked(spoiled(delete))[0]
    assert (first.image, first.keypoints, first.kind) == (IMAGE, ("rightear",), "missing")
    assert "39 of 40 frames" in first.message


def test_a_frame_without_any_point_misses_all_that_are_seen() -> None:
    labels = study()
    frames = tuple(replace(frame, instances=()) if f == BAD else frame for f, frame in enumerate(labels.frames))
    found = ranked(replace(labels, frames=frames))
    assert {s.keypoints[0] for s in found[:4]} == set(NAMES)
    assert {(s.image, s.kind) for s in found[:4]} == {(IMAGE, "missing")}


def test_points_that_are_seldom_to_be_seen_are_not_missing_but_labels_there_are_odd() -> None:
    labels = study()
    xy = labels.xy()[:, 0]
    seen = np.arange(len(xy)) % 2 == 0
    xy[~seen, 3] = np.nan
    crossfit = simulated(with_points(labels, xy), Network(median_px=1.5, gross=0.0), 3)
    error = crossfit.expected_error.copy()
    error[:, 3] = np.where(seen, 2.0, 30.0) * np.exp(np.random.default_rng(0).normal(0, 0.2, len(xy)))
    crossfit = replace(crossfit, expected_error=error)
    assert [s for s in suspects_with_predictions(with_points(labels, xy), crossfit, SIZE) if s.score > 0.1] == []
    xy[BAD, 3] = xy[BAD, 0] + (0, 60)  # an odd frame: the tail is not to be seen, yet it is labeled
    far = crossfit.xy.copy()
    far[BAD, 3] = xy[BAD, 0] - (0, 60)
    odd = suspects_with_predictions(with_points(labels, xy), replace(crossfit, xy=far), SIZE)
    first = next(s for s in odd if s.image == IMAGE)
    assert (first.keypoints, first.kind) == (("tail",), "absent")


def test_a_network_that_mixes_up_two_keypoints_in_many_frames_accuses_nobody() -> None:
    labels = study()
    crossfit = good_predictions()
    xy = crossfit.xy.copy()
    for f in range(0, 40, 4):
        xy[f, [1, 2]] = xy[f, [2, 1]]
    by_network = [s for s in ranked(labels, replace(crossfit, xy=xy)) if s.kind == "exchanged"]
    once = crossfit.xy.copy()
    once[BAD, [1, 2]] = once[BAD, [2, 1]]
    by_label = [s for s in ranked(labels, replace(crossfit, xy=once)) if s.kind == "exchanged"]
    assert max((s.score for s in by_network), default=0.0) < 0.5 * max((s.score for s in by_label), default=0.0)


def test_the_expected_error_decides_between_two_disagreements() -> None:
    labels, crossfit = study(), good_predictions()
    xy, error = crossfit.xy.copy(), crossfit.expected_error.copy()
    for f in (BAD, BAD + 1, 3, 4, 5, 6):
        xy[f, 0] += (25, 0)
        error[f, 0] = 2.0 if f == BAD else 25.0
    found = [s for s in ranked(labels, replace(crossfit, xy=xy, expected_error=error)) if s.keypoints == ("nose",)]
    assert found[0].image == IMAGE
    assert all(s.score < found[0].score / 3 for s in found[1:] if s.image != IMAGE)


def test_a_keypoint_that_is_always_worse_than_expected_does_not_flood_the_list() -> None:
    labels = study()
    crossfit = simulated(labels, Network(median_px=1.5, gross=0.0), 3)
    xy = crossfit.xy.copy()
    xy[:, 3] = labels.xy()[:, 0, 3] + 6 * (xy[:, 3] - labels.xy()[:, 0, 3])
    assert [s for s in ranked(labels, replace(crossfit, xy=xy)) if s.score > 0.1] == []


def test_frames_without_predictions_are_judged_by_shape() -> None:
    def exchange(pose: FloatArray) -> None:
        pose[[1, 2]] = pose[[2, 1]]

    labels, crossfit = spoiled(exchange), good_predictions()
    kept = [f for f in range(40) if f != BAD]
    rest = CrossFit(
        tuple(crossfit.images[f] for f in kept),
        crossfit.keypoints,
        crossfit.xy[kept],
        crossfit.score[kept],
        crossfit.expected_error[kept],
        crossfit.tolerance_px,
    )
    first = ranked(labels, rest)[0]
    assert (first.image, first.keypoints, first.kind, first.suggested) == (
        IMAGE,
        ("leftear", "rightear"),
        "exchanged",
        (),
    )
    assert 0 < first.score < 1
    none = CrossFit((), NAMES, np.zeros((0, 4, 2)), np.zeros((0, 4)), np.zeros((0, 4)), 1.0)
    assert [s.image for s in ranked(labels, none)] == [s.image for s in suspects(labels)]


def test_other_keypoints_frames_and_gaps_in_the_predictions_do_no_harm() -> None:
    def slip(pose: FloatArray) -> None:
        pose[0] += (30, 0)

    crossfit = good_predictions()
    xy = crossfit.xy.copy()
    xy[5] = np.nan
    other = CrossFit(
        (*crossfit.images[::-1], "labeled-data/v/gone.png"),
        ("whisker", "tail", "nose"),
        np.concatenate([np.stack([xy[::-1, 1], xy[::-1, 3], xy[::-1, 0]], axis=1), np.ones((1, 3, 2))]),
        np.concatenate([crossfit.score[::-1, [1, 3, 0]], np.ones((1, 3))]),
        np.concatenate([crossfit.expected_error[::-1, [1, 3, 0]], np.ones((1, 3))]),
        1.0,
    )
    first = ranked(spoiled(slip), other)[0]
    assert (first.image, first.keypoints) == (IMAGE, ("nose",))


def test_one_keypoint_has_no_shape_and_no_others() -> None:
    labels = study()
    lever = Labels(
        Skeleton(("nose",)),
        tuple(replace(f, instances=(Instance.from_xy(f.instances[0].xy[:1]),)) for f in labels.frames),
    )
    crossfit = good_predictions()
    alone = CrossFit(
        crossfit.images, ("nose",), crossfit.xy[:, :1], crossfit.score[:, :1], crossfit.expected_error[:, :1], 1.0
    )
    assert [s for s in suspects_with_predictions(lever, alone, SIZE) if s.score > 0.1] == []
    xy = lever.xy()[:, 0]
    xy[BAD] += 30
    assert suspects_with_predictions(with_points(lever, xy), alone, SIZE)[0].image == IMAGE


REAL = {
    "openfield-Pranav-2018-10-30": Network(median_px=1.6, gross=0.005),
    "mirror-mouse": Network(median_px=3.0, gross=0.05, confused=(0, 1, 2, 3)),
}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", REAL)
def test_planted_mistakes_are_among_the_first_60_proposals(shared_data: Path, name: str, seed: int) -> None:
    labels = labels_of(shared_data / name)
    sizes = {frame.image: image_size(frame.picture) for frame in labels.frames}
    exchanged = [(labels.images.index("labeled-data/m4s1/img0102.png"), 1, 2)] if "openfield" in name else []
    for informative in (1.0, 0.4):
        crossfit = simulated(labels, replace(REAL[name], informative=informative), seed, exchanged)
        wrong, mistakes = plant(labels, sizes, seed)
        found_by = suspects_with_predictions(wrong, crossfit, wrong.animal_size_px())
        proposed = proposals(found_by, wrong, 60)
        assert sum(found(mistakes, [(p.image, p.keypoint) for p in proposed])) >= 26  # of 30; the bar is 24


def test_the_exchanged_ears_of_the_open_field_are_first(shared_data: Path) -> None:
    labels = labels_of(shared_data / "openfield-Pranav-2018-10-30")
    exchanged = [(labels.images.index("labeled-data/m4s1/img0102.png"), 1, 2)]
    crossfit = simulated(labels, REAL["openfield-Pranav-2018-10-30"], 5, exchanged)
    first = suspects_with_predictions(labels, crossfit, labels.animal_size_px())[0]
    assert (first.image, first.keypoints) == ("labeled-data/m4s1/img0102.png", ("leftear", "rightear"))
