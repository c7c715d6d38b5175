"""How the time of a training is shared out between the network and those that calibrate it."""

from __future__ import annotations

from dataclasses import dataclass

from markerless.nn.train import LEVELING_STEPS
from markerless.pipeline.training_plan import Plan

MAIN_SHARE = 0.55  # of the steps there is time for; the rest is for the networks that calibrate
MOST_CROSSFIT = 0.5  # of the steps of the network itself
FEWEST_STEPS = 20
FEWEST_CROSSFIT = 100  # steps of a network that calibrates; one that has hardly begun says nothing of a trained one
FORWARD_SHARE = 1 / 3  # of a step: the rest is the way back
ASKING_SHARE = 0.15  # of the time, for asking the networks
MOST_ASKED = 1000  # frames: their points are plenty for a few numbers


@dataclass(frozen=True)
class Costs:
    """What was measured or reckoned before the training.

    Attributes:
        step_s: Seconds of a step.
        asked_s: Seconds for each frame that a network is asked about.
    """

    step_s: float
    asked_s: float


@dataclass(frozen=True)
class Steps:
    """How long the networks train, and how many frames they are asked about.

    Attributes:
        main: Steps of the network itself.
        each_crossfit: Steps of each of those that calibrate it.
        n_crossfits: How many those are; 0: none.
        n_asked: Frames that they are asked about, all together.
    """

    main: int
    each_crossfit: int = 0
    n_crossfits: int = 0
    n_asked: int = 0

    @property
    def total(self) -> int:
        """Steps of all networks together."""
        return self.main + self.n_crossfits * self.each_crossfit


def steps_given(plan: Plan) -> Steps:
    """Where `train.steps` says how long the network trains."""
    given = plan.settings.train
    each = given.crossfit_steps or int(given.steps * MOST_CROSSFIT)
    if plan.n_crossfits == 0 or (not given.crossfit_steps and each < FEWEST_CROSSFIT):
        return Steps(given.steps)
    return Steps(given.steps, each, plan.n_crossfits, min(plan.n_new, MOST_ASKED))


def share_out(plan: Plan, costs: Costs, left_s: float, most_main: int | None) -> Steps:
    """As many steps as fit into the time that is left.

    Args:
        plan: The training.
        costs: What a step and a frame asked about take.
        left_s: Seconds.
        most_main: More steps of the network itself are not wanted; None: as many as fit.
    """
    n_networks, given = plan.n_crossfits, plan.settings.train.crossfit_steps
    left_s -= (n_networks + 1) * LEVELING_STEPS * FORWARD_SHARE * costs.step_s
    alone = Steps(_at_most(int(left_s / costs.step_s), most_main))
    if n_networks == 0:
        return alone
    n_asked = min(plan.n_new, MOST_ASKED, max(0, int(ASKING_SHARE * left_s / costs.asked_s)))
    fitting = int((left_s - n_asked * costs.asked_s) / costs.step_s)
    if given:
        return Steps(_at_most(fitting - n_networks * given, most_main), given, n_networks, n_asked)
    main = _at_most(int(fitting * MAIN_SHARE), most_main)
    each = min((fitting - main) // n_networks, int(main * MOST_CROSSFIT))
    return Steps(main, each, n_networks, n_asked) if each >= FEWEST_CROSSFIT and n_asked else alone


def _at_most(steps: int, most: int | None) -> int:
    return max(FEWEST_STEPS, steps if most is None else min(steps, most))
