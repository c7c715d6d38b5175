"""Shares of the time, by hand: a step takes 0.5 s, asking about a frame 0.1 s."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from markerless.pipeline.budget import ASKING_SHARE, FEWEST_CROSSFIT, FEWEST_STEPS, Costs, Steps, share_out, steps_given
from markerless.pipeline.training_plan import Plan, TrainRequest, make_plan
from markerless.project import Project

MakeStudy = Callable[..., Project]
COSTS = Costs(0.5, 0.1)
N_FRAMES = 20


@pytest.fixture
def plan(dot_study: MakeStudy) -> Callable[..., Plan]:
    project = dot_study(N_FRAMES)

    def make(**train: object) -> Plan:
        return make_plan(project, TrainRequest(split="all"), {"train": train, "net": {"weights": "none"}})

    return make


def seconds(steps: Steps) -> float:
    return steps.total * COSTS.step_s + steps.n_asked * COSTS.asked_s


def test_the_time_is_used_up_and_not_more(plan: Callable[..., Plan]) -> None:
    steps = share_out(plan(), COSTS, 600.0, None)
    assert steps.n_crossfits == 3
    assert steps.n_asked == N_FRAMES
    assert steps.main == pytest.approx(0.55 * steps.total, rel=0.01)
    assert 580 < seconds(steps) <= 600


def test_time_that_the_network_does_not_want_goes_to_the_others_up_to_half_of_its_steps(
    plan: Callable[..., Plan],
) -> None:
    # 600 s less 8 for leveling four networks and 2 for asking are 1180 steps; 680 are left for three
    assert share_out(plan(), COSTS, 600.0, 500) == Steps(500, 226, 3, N_FRAMES)
    assert share_out(plan(), COSTS, 6000.0, 500) == Steps(500, 250, 3, N_FRAMES)


def test_asking_about_many_frames_takes_a_small_part_of_the_time(plan: Callable[..., Plan]) -> None:
    """At 30 s for a frame all of them would take the ten minutes."""
    steps = share_out(plan(), Costs(0.5, 30.0), 600.0, None)
    assert 0 < 30 * steps.n_asked <= 600 * ASKING_SHARE
    assert steps.main > 300


def test_too_little_time_for_others_goes_to_the_network(plan: Callable[..., Plan]) -> None:
    steps = share_out(plan(), COSTS, 200.0, None)
    assert steps.n_crossfits == steps.each_crossfit == steps.n_asked == 0
    assert 380 < steps.main <= 400
    assert share_out(plan(), COSTS, -5.0, None) == Steps(FEWEST_STEPS)


def test_steps_of_the_others_that_are_given_come_off_the_network(plan: Callable[..., Plan]) -> None:
    steps = share_out(plan(crossfit_steps=200), COSTS, 600.0, None)
    assert steps.each_crossfit == 200
    assert 580 < seconds(steps) <= 600


def test_steps_that_are_given_have_no_budget(plan: Callable[..., Plan]) -> None:
    assert steps_given(plan(steps=600)) == Steps(600, 300, 3, N_FRAMES)
    assert steps_given(plan(steps=2 * FEWEST_CROSSFIT - 1)) == Steps(2 * FEWEST_CROSSFIT - 1)
    assert steps_given(plan(steps=10, crossfit_steps=5)) == Steps(10, 5, 3, N_FRAMES)
    assert steps_given(plan(steps=600, crossfits=0)) == Steps(600)


def test_labels_too_few_to_learn_errors_from_train_one_network(dot_study: MakeStudy) -> None:
    """Nine frames of three points are 27; thirty are needed."""
    few = make_plan(dot_study(9, "few"), TrainRequest(split="all"), {"train": {"steps": 600}})
    assert few.n_crossfits == 0
    assert make_plan(dot_study(10, "ten"), TrainRequest(split="all"), {}).n_crossfits == 3
