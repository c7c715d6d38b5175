"""The training loop: AdamW, one cycle of learning rate, a running average of the weights as the result.

It stops and resumes at any step and ends with equal weights: samples depend on (seed, step) alone, and the checkpoint
holds everything else.
"""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import Field
from torch import Tensor

from markerless.config import Settings
from markerless.errors import RunError, SettingsError
from markerless.nn import checkpoint as checkpoints
from markerless.nn.batch import Batch
from markerless.nn.checkpoint import Checkpoint
from markerless.nn.dataset import TrainingSet, default_batch_size
from markerless.nn.device import best_device, computes_bf16
from markerless.nn.heads import Keypoints
from markerless.nn.model import FITTED, PoseNet

TIMED_STEPS = 20
SAVE_EVERY_S = 30.0
LEVELING_STEPS = 12


class TrainSettings(Settings):
    """The training; `--set train.<name>=<value>`."""

    steps: int = Field(
        0,
        ge=0,
        description="Steps; 0 takes what fits into --minutes; else 800 (small networks: 2000), or what fits into 10 "
        "(--from: 3) minutes.",
    )
    seed: int = Field(0, ge=0, description="Seed of everything drawn by chance.")
    batch_size: int = Field(0, ge=0, le=256, description="Views per step; 0 takes 3 to 16, fewer of larger views.")
    lr: float = Field(2e-3, gt=0, description="Peak learning rate of decoder and head.")
    lr_backbone: float = Field(0.25, ge=0, description="Peak learning rate of the backbone, as a share of train.lr.")
    weight_decay: float = Field(0.01, ge=0, description="Decay of AdamW.")
    average: float = Field(0.998, ge=0, lt=1, description="Decay per step of the running average that is the result.")
    frozen_stages: int = Field(2, ge=0, description="First parts of the backbone that keep their pretrained weights.")
    crossfits: int = Field(
        3,
        ge=0,
        le=10,
        description="Networks trained on parts of the frames, to learn how far off points are; 2 with --from; 0: none.",
    )
    crossfit_steps: int = Field(
        0, ge=0, description="Steps of each of them; 0 takes its share of the time, at most half of steps."
    )
    precision: Literal["auto", "bf16", "f32"] = Field(
        "auto", description="Arithmetic; auto is bf16 where the processor has it, else f32."
    )


@dataclass
class StepReport:
    """What happened in a step, for progress and `metrics.csv`."""

    step: int
    total: int
    losses: dict[str, float]
    seconds_per_step: float

    @property
    def loss(self) -> float:
        return sum(self.losses.values())


@dataclass
class Trainer:
    """A network in training.

    Attributes:
        model: The network; holds the current weights.
        data: Where batches come from.
        settings: Resolved settings; `batch_size` of 0 is resolved here, `steps` of 0 by whoever sets `total`.
        checkpoint: Where the state is kept.
        state: Plain values saved with every checkpoint.
    """

    model: PoseNet
    data: TrainingSet
    settings: TrainSettings
    checkpoint: Path
    state: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.device = best_device()
        self.model.to(self.device)
        freeze(self.model, self.settings.frozen_stages)
        self.batch_size = self.settings.batch_size or default_batch_size(self.data.view, self.model.shrink)
        precision = self.settings.precision
        self.bf16 = precision == "bf16" or (precision == "auto" and computes_bf16(self.device))
        self.names = {p: name for name, p in self.model.named_parameters() if p.requires_grad}
        self.statistics = [value for name, value in self.model.named_buffers() if ".running_" in name]
        self.optimizer = self._fresh_optimizer()
        self.average = {name: value.clone() for name, value in self.model.state_dict().items()}
        self.step, self.total = 0, self.settings.steps
        self.whole = True  # False while a step is half done
        self.is_trial = False  # True while steps are made that are thrown away

    def time_steps(self) -> float:
        """Seconds per step, from 20 steps that are thrown away afterwards."""
        before = {name: value.clone() for name, value in self.model.state_dict().items()}
        times = []
        start, total = time.monotonic(), self.total
        self.total, self.is_trial = TIMED_STEPS, True
        for _ in self._steps():
            times.append(time.monotonic() - start)
        self.model.load_state_dict(before)
        self.average = before
        self.optimizer = self._fresh_optimizer()
        self.step, self.total, self.is_trial = 0, total, False
        # the first steps pay for decoding images and for choosing kernels
        return (times[-1] - times[4]) / (len(times) - 5)

    def run(self, on_step: Callable[[StepReport], None]) -> None:
        """Train to the end, saving the state every half minute, at the end, and when interrupted.

        Raises:
            RunError: the loss, or an average, is no number any more; what was saved is from before.
        """
        saved = time.monotonic()
        try:
            with _interrupts_between_steps() as let_interrupt:
                for report in self._steps():
                    on_step(report)
                    let_interrupt()
                    if time.monotonic() - saved > SAVE_EVERY_S:
                        self.save()
                        saved = time.monotonic()
        except KeyboardInterrupt:
            if self.whole:
                self.save()
            raise
        self.save()

    def finish(self) -> PoseNet:
        """The result, also saved: the network with the average weights, its scores leveled on fresh views.

        Raises:
            RunError: the network is made of what is no number, or says it.
        """
        self.model.load_state_dict(self.average)
        self.model.eval()
        heights = []
        with torch.no_grad():
            for step in range(self.total, self.total + LEVELING_STEPS):
                batch = self.data.batch(step, self.batch_size).to(self.device)
                logits, _ = self.model.maps(batch.image)
                size = torch.tensor([batch.image.shape[2], batch.image.shape[1]])
                inside = ((batch.xy >= 0) & (batch.xy < size.to(self.device))).all(-1)  # NaN is not inside
                heights.append(logits.flatten(2).amax(-1)[inside])
        found = torch.cat(heights)
        if not all(torch.isfinite(value).all() for value in (found, *self.average.values())):
            raise self._diverged(f"numbers as weights and scores, got others after step {self.step}")
        if len(found):
            self.model.head.level_scores(found)
        self.keep()
        return self.model

    def keep(self) -> None:
        """Take the network as it is for the result, and save it."""
        self.average = {name: value.clone() for name, value in self.model.state_dict().items()}
        self.save()

    def save(self) -> None:
        """Write the checkpoint."""
        memory = checkpoints.optimizer_tensors(self.optimizer, self.names)
        state = {**self.state, "step": self.step, "total": self.total}
        checkpoints.save(Checkpoint(self.model.state_dict(), self.average, memory, state), self.checkpoint)

    def resume(self, saved: Checkpoint) -> None:
        """Go on where a checkpoint left off."""
        fitted = {name: value for name, value in self.average.items() if name.startswith(FITTED)}  # not yet: as it is
        self.model.load_state_dict(fitted | saved.weights)  # an older version has fewer of them
        self.average = {name: value.to(self.device) for name, value in (fitted | saved.average).items()}
        checkpoints.restore_optimizer(self.optimizer, self.names, saved.optimizer)
        self.step, self.total = int(saved.state["step"]), int(saved.state["total"])
        self.state = saved.state

    def _steps(self) -> Iterator[StepReport]:
        """Run the remaining steps; the next batch is drawn while the network computes."""
        self.model.train()
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="batches") as pool:
            coming = pool.submit(self.data.batch, self.step, self.batch_size)
            while self.step < self.total:
                start = time.monotonic()
                batch = coming.result()
                if self.step + 1 < self.total:
                    coming = pool.submit(self.data.batch, self.step + 1, self.batch_size)
                self.whole = False
                losses = self._train_on(batch.to(self.device))
                self.step += 1
                self.whole = True
                yield StepReport(self.step, self.total, losses, time.monotonic() - start)

    def _train_on(self, batch: Batch) -> dict[str, float]:
        rate = one_cycle(self.step, self.total)
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["peak"]
        head = self.model.head
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
            logits, refine = self.model.maps(batch.image)
        points = Keypoints(batch.xy, batch.known.float())
        targets = head.encode(points, batch.known, (logits.shape[2], logits.shape[3]), self.data.animal_size_px)
        losses = head.loss(logits, refine, targets)
        loss = torch.stack(list(losses.values())).sum()
        loss.backward()
        length = torch.nn.utils.clip_grad_norm_(list(self.names), 5.0)
        if not self.is_trial:  # before it gets into the weights
            # What BatchNorm averages is squared, and may overflow while the loss of its scaled output is a number.
            told = sum((value.sum() for value in self.statistics), loss.detach() + length)
            if not math.isfinite(float(told)):
                raise self._diverged(f"numbers as loss, gradients and averages, got others since step {self.step + 1}")
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self._update_average()
        return {name: float(value.detach()) for name, value in losses.items()}

    def _diverged(self, found: str) -> RunError:
        smaller = min(self.settings.lr / 10, TrainSettings().lr)
        return RunError(
            f"expected {found} of {self.total}: the training in {self.checkpoint.parent} diverged and is left "
            f"unfinished; train again with a smaller train.lr, such as --set train.lr={smaller:g}"
        )

    @torch.no_grad()
    def _update_average(self) -> None:
        decay = min(self.settings.average, (1 + self.step) / (10 + self.step))
        for name, value in self.model.state_dict().items():
            if value.is_floating_point():
                self.average[name].lerp_(value, 1 - decay)
            else:
                self.average[name].copy_(value)

    def _fresh_optimizer(self) -> torch.optim.Optimizer:
        s = self.settings
        backbone = [p for p, name in self.names.items() if name.startswith("backbone.")]
        rest = [p for p, name in self.names.items() if not name.startswith("backbone.")]
        groups = [{"params": backbone, "peak": s.lr * s.lr_backbone}, {"params": rest, "peak": s.lr}]
        return torch.optim.AdamW([g for g in groups if g["params"]], lr=s.lr, weight_decay=s.weight_decay)


@contextmanager
def _interrupts_between_steps() -> Iterator[Callable[[], None]]:
    """Holds Ctrl-C back until the function it gives is called: half a step cannot be resumed to equal weights.

    A second Ctrl-C does not wait. Where somebody else handles Ctrl-C, or in another thread, nothing changes.
    """
    ours = threading.current_thread() is threading.main_thread()
    if not ours or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield lambda: None
        return
    asked = False

    def note(number: int, frame: object) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True

    def let_interrupt() -> None:
        if asked:
            raise KeyboardInterrupt

    signal.signal(signal.SIGINT, note)
    try:
        yield let_interrupt
        let_interrupt()
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def one_cycle(step: int, total: int) -> float:
    """Learning rate at `step` as a share of its peak: a line up over the first tenth, then a cosine down to 1 %."""
    warm = max(1, total // 10)
    if step < warm:
        return (step + 1) / warm
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, total - warm)))


def freeze(model: PoseNet, n_stages: int) -> None:
    """Keep the pretrained weights of the backbone's first parts: edges and textures are the same in every study."""
    for i, part in enumerate(model.backbone.parts()):
        part.requires_grad_(i >= n_stages)


@torch.no_grad()
def start_from(
    model: PoseNet, keypoints: tuple[str, ...], source: Checkpoint, theirs: tuple[str, ...]
) -> tuple[str, ...]:
    """Copy another run's result into `model`, rows of the head matched by keypoint name.

    Args:
        model: The network to fill.
        keypoints: Its keypoint names.
        source: The other run's checkpoint.
        theirs: The keypoint names of that run as they are called now.

    Returns:
        The keypoints that were found in the source.

    Raises:
        SettingsError: the other run has another network.
    """
    own = model.state_dict()
    _require_same_network(own, source.average)
    for name, value in source.average.items():
        if name.startswith(FITTED):  # fitted to the other network and its keypoints
            continue
        if name.startswith("head.") and value.dim():
            _copy_rows(own[name], value, keypoints, list(theirs))
        else:
            own[name].copy_(value)
    return tuple(name for name in keypoints if name in theirs)


def _require_same_network(own: dict[str, Tensor], theirs: dict[str, Tensor]) -> None:
    """Equal names and shapes, but for the number of rows of the head, which is that of the keypoints."""
    for name in sorted(name for name in own.keys() | theirs.keys() if not name.startswith(FITTED)):
        first = 1 if name.startswith("head.") else 0
        if name not in own or name not in theirs or own[name].shape[first:] != theirs[name].shape[first:]:
            raise SettingsError(
                f"expected the network of the run to start from, got another one ({name} differs); give the same "
                "net.backbone, net.variant, net.width and net.stride as in its run.toml"
            )


def _copy_rows(own: Tensor, theirs: Tensor, keypoints: tuple[str, ...], their_keypoints: list[str]) -> None:
    """Rows of a head's layer: one block of K rows for scores, two for refinements."""
    blocks = own.shape[0] // len(keypoints)
    for block in range(blocks):
        for k, name in enumerate(keypoints):
            if name in their_keypoints:
                source_row = block * len(their_keypoints) + their_keypoints.index(name)
                own[block * len(keypoints) + k].copy_(theirs[source_row])
