"""How a made mouse moves: walks, pauses, looks around, rears; its body bends and its tail follows.

The animal is a chain of joints. A leading joint at the neck walks with a smooth speed and heading and keeps away from
walls and obstacles; the head turns about it and everything behind it is dragged along, with limits to how far it bends.
Positions are complex numbers `x + iy` in here: turning is multiplication, distance is `abs`.
"""

from __future__ import annotations

import cmath
import math
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from markerless.core.instance import FloatArray

Number = TypeVar("Number", np.float64, np.complex128)

HEAD_SHARES = (0.16, 0.14)  # of the body's length: snout to mid-head, mid-head to neck
BODY_SHARES = (0.14, 0.14, 0.14, 0.14, 0.14)  # neck to tail base
TAIL_LENGTH = 0.95  # of the body's length
N_TAIL_JOINTS = 15
MAX_BODY_BEND = math.radians(24)
MAX_TAIL_BEND = math.radians(17)
REAR_SHORTENING = 0.26  # how much shorter a rearing mouse looks from above

# Name -> (share of time-ordered draws, speed in body lengths/s, seconds from, seconds to)
MODES: dict[str, tuple[float, float, float, float]] = {
    "walk": (0.40, 1.5, 0.8, 2.4),
    "run": (0.18, 3.2, 0.4, 1.2),
    "pause": (0.14, 0.0, 0.4, 1.2),
    "look": (0.16, 0.15, 0.6, 1.6),
    "rear": (0.12, 0.0, 0.9, 1.8),
}


@dataclass(frozen=True)
class Arena:
    """Where the animal may walk.

    Attributes:
        box: Left, top, right, bottom in pixels.
        obstacles: `(n, 3)` x, y, radius in pixels of round things to walk around.
    """

    box: tuple[float, float, float, float]
    obstacles: FloatArray


@dataclass(frozen=True)
class Motion:
    """Where every joint is in every frame, in pixels.

    Attributes:
        spine: `(T, 8, 2)` from the snout to the tail base.
        tail: `(T, 16, 2)` from the tail base to the tip.
        rear: `(T,)` 0 on all fours to 1 upright.
        gait: `(T,)` phase of the steps in radians; stands still with the animal.
        breath: `(T,)` phase of the breathing in radians.
    """

    spine: FloatArray
    tail: FloatArray
    rear: FloatArray
    gait: FloatArray
    breath: FloatArray


def simulate(rng: np.random.Generator, n_frames: int, fps: float, length: float, arena: Arena) -> Motion:
    """Let a mouse of body length `length` px explore `arena` for `n_frames` frames."""
    speed, rear, curiosity = _behavior(rng, n_frames, fps)
    walker = _Walker(rng, length, arena)
    for _ in range(int(2 * fps)):
        walker.step(1.5, 0.0, 0.0, 1 / fps)  # so that the first frame is as natural as the others
    joints = np.empty((n_frames, len(HEAD_SHARES) + len(BODY_SHARES) + 1 + N_TAIL_JOINTS), dtype=np.complex128)
    gait = np.empty(n_frames)
    for t in range(n_frames):
        gait[t] = walker.step(float(speed[t]), float(rear[t]), float(curiosity[t]), 1 / fps)
        joints[t] = walker.joints()
    joints = _smooth(joints, 1.3)
    points = np.stack([joints.real, joints.imag], axis=-1)
    n_spine = len(HEAD_SHARES) + len(BODY_SHARES) + 1
    time_s = np.arange(n_frames) / fps
    breath = 2 * np.pi * 2.6 * time_s + np.cumsum(_noise(rng, n_frames, fps)) * 0.2
    return Motion(points[:, :n_spine], points[:, n_spine - 1 :], rear, gait, breath)


def _behavior(rng: np.random.Generator, n_frames: int, fps: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Speed (body lengths/s), rearing 0..1 and amplitude of head turns (radians), each `(T,)`."""
    names = list(MODES)
    shares = np.array([MODES[name][0] for name in names])
    speed, rear, curiosity = np.zeros(n_frames), np.zeros(n_frames), np.zeros(n_frames)
    start, mode = 0, "walk"
    while start < n_frames:
        _, pace, shortest, longest = MODES[mode]
        stop = start + max(2, int(rng.uniform(shortest, longest) * fps))
        speed[start:stop] = pace * rng.uniform(0.7, 1.3)
        rear[start:stop] = rng.uniform(0.6, 1.0) if mode == "rear" else 0.0
        curiosity[start:stop] = {"look": 0.75, "pause": 0.35, "rear": 0.4}.get(mode, 0.22)
        follow = shares * np.array([name != mode for name in names])
        start, mode = stop, str(rng.choice(names, p=follow / follow.sum()))
    return _smooth(speed, 0.16 * fps), _smooth(rear, 0.2 * fps), _smooth(curiosity, 0.2 * fps)


class _Walker:
    """The chain of joints and what drives it."""

    def __init__(self, rng: np.random.Generator, length: float, arena: Arena) -> None:
        self._rng, self._length, self._arena = rng, length, arena
        left, top, right, bottom = arena.box
        self._neck = complex(rng.uniform(left, right) + left + right, rng.uniform(top, bottom) + top + bottom) / 3
        self._heading = rng.uniform(-np.pi, np.pi)
        self._turn = self._wander = self._yaw = self._yaw_goal = self._gait = 0.0
        self._tail_phase = rng.uniform(0, 2 * np.pi)
        self._squeeze = 1.0
        back = -cmath.exp(1j * self._heading)
        body = np.cumsum(BODY_SHARES) * length
        tail = body[-1] + np.arange(1, N_TAIL_JOINTS + 1) * TAIL_LENGTH * length / N_TAIL_JOINTS
        self._chain = [self._neck + back * float(reach) for reach in (*body, *tail)]

    def step(self, speed: float, rear: float, curiosity: float, dt: float) -> float:
        """Advance by `dt` seconds; returns the phase of the steps."""
        rng = self._rng
        self._wander += (-self._wander / 0.5) * dt + 3.2 * math.sqrt(dt) * rng.standard_normal()
        urgency, away = self._steer()
        goal = self._wander * (0.35 + 0.3 * min(speed, 2.0)) + urgency * 7.0 * away
        self._turn += (goal - self._turn) * min(1.0, dt / 0.12)
        self._turn = max(-5.0, min(5.0, self._turn))
        slow = 1.0 - 0.65 * urgency * min(1.0, abs(away))
        self._heading += self._turn * dt * min(1.0, 0.35 + speed)
        self._neck = self._inside(
            self._neck + cmath.exp(1j * self._heading) * speed * slow * self._length * dt, 0.12 * self._length
        )
        if rng.random() < dt / 0.45:
            self._yaw_goal = float(rng.normal(0, 1))
        self._yaw += (curiosity * self._yaw_goal + 0.09 * self._turn - self._yaw) * min(1.0, dt / 0.16)
        self._yaw = max(-0.95, min(0.95, self._yaw))
        self._gait += speed * slow * dt * 2 * math.pi * 1.35
        self._tail_phase += (0.8 + 0.8 * speed) * dt * 2
        self._squeeze = 1.0 - REAR_SHORTENING * rear
        self._drag()
        return self._gait

    def joints(self) -> npt.NDArray[np.complex128]:
        """All joints from the snout to the tip of the tail."""
        reach = self._length * self._squeeze
        ahead = cmath.exp(1j * (self._heading + 0.5 * self._yaw))
        further = cmath.exp(1j * (self._heading + self._yaw))
        middle = self._neck + ahead * reach * HEAD_SHARES[1]
        snout = middle + further * reach * HEAD_SHARES[0]
        return np.array([snout, middle, self._neck, *self._chain])

    def _steer(self) -> tuple[float, float]:
        """How urgent it is to turn (0..1) and the sine of the angle to turn by."""
        ahead = self._neck + cmath.exp(1j * self._heading) * 0.75 * self._length
        left, top, right, bottom = self._arena.box
        reach = 0.55 * self._length
        push = 0j
        for gap, direction in (
            (ahead.real - left, 1),
            (right - ahead.real, -1),
            (ahead.imag - top, 1j),
            (bottom - ahead.imag, -1j),
        ):
            push += direction * max(0.0, 1 - gap / reach)
        for x, y, radius in self._arena.obstacles:
            away = ahead - complex(x, y)
            gap = abs(away) - radius
            push += away / (abs(away) + 1e-9) * max(0.0, 1 - gap / (0.8 * reach))
        if push == 0:
            return 0.0, 0.0
        angle = cmath.phase(push * cmath.exp(-1j * self._heading))
        # Straight at a wall the sine is zero: turn the way one is turning already.
        turn = math.copysign(1.0, self._turn) if abs(angle) > 2.6 else math.sin(angle)
        return min(1.0, abs(push)), turn

    def _inside(self, point: complex, margin: float) -> complex:
        left, top, right, bottom = self._arena.box
        x = max(left + margin, min(right - margin, point.real))
        y = max(top + margin, min(bottom - margin, point.imag))
        for ox, oy, radius in self._arena.obstacles:
            away = complex(x, y) - complex(ox, oy)
            if abs(away) < radius + margin:
                pushed = complex(ox, oy) + away / (abs(away) + 1e-9) * (radius + margin)
                x, y = pushed.real, pushed.imag
        return complex(x, y)

    def _drag(self) -> None:
        """Pull every joint behind the neck to its distance from the one before, bending only so far."""
        before, direction = self._neck, -cmath.exp(1j * self._heading)
        tail_step = TAIL_LENGTH * self._length / N_TAIL_JOINTS
        for j, point in enumerate(self._chain):
            in_body = j < len(BODY_SHARES)
            step = BODY_SHARES[j] * self._length * self._squeeze if in_body else tail_step
            limit = MAX_BODY_BEND if in_body else MAX_TAIL_BEND
            bend = cmath.phase((point - before) / direction)
            bend = max(-limit, min(limit, bend * (0.995 if in_body else 0.97)))
            if not in_body:
                along = (j - len(BODY_SHARES)) / N_TAIL_JOINTS
                bend += 0.035 * along * math.sin(self._tail_phase - 3.0 * along)
            direction *= cmath.exp(1j * bend)
            place = before + direction * step
            if not in_body:
                place = self._inside(place, 0.0)
            self._chain[j] = place
            before = place


def _noise(rng: np.random.Generator, n_frames: int, fps: float) -> FloatArray:
    return _smooth(rng.standard_normal(n_frames), 0.3 * fps)


def _smooth(values: npt.NDArray[Number], sigma: float) -> npt.NDArray[Number]:
    """Gaussian smoothing over the first axis; the ends are held."""
    radius = max(1, int(3 * sigma + 0.5))
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / max(sigma, 1e-6)) ** 2)
    kernel /= kernel.sum()
    held = np.concatenate([np.repeat(values[:1], radius, axis=0), values, np.repeat(values[-1:], radius, axis=0)])
    columns = held.reshape(len(held), -1)
    smoothed = np.stack([np.convolve(columns[:, c], kernel, mode="valid") for c in range(columns.shape[1])], axis=-1)
    return smoothed.reshape(values.shape).astype(values.dtype)
