"""Spoils real tracks in a known way and measures how near each filter comes to what they were, and how fast it is.

    python benchmarks/filtering.py [--data ../shared/data] [--seeds 1] [--json]

Tracks: clip13 of flies-courtship and the four cameras of mouse-4cam (read with sleap-io). Spoiled with noise of sd 1 px
on each axis, 2 % outliers of 30 px in a random direction, and gaps of 1 to 15 frames until 10 % of each series are
missing. Every filter fills gaps; the median has the best window and the better order of median and interpolation,
    chosen for it in hindsight. Judged are all points that the tracks have and every filter gives.

Then every filter with its defaults on tracks that are good already, with less noise and neither outliers nor gaps, and
on the same with outliers: mean error and RMSE, and how many points are lost.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from markerless.core.skeleton import Skeleton
from markerless.core.tracks import Tracks
from markerless.filters import interpolate, kalman, median, savgol
from markerless.filters._series import expected_distance

FloatArray = npt.NDArray[np.float64]

SETS = {"clip13": "flies-courtship/clip13/clip.slp"} | {
    f"mouse-4cam {camera}": f"mouse-4cam/{camera}/minimal_{camera}_proofread.slp"
    for camera in ("back", "mid", "side", "top")
}
NOISE_PX, OUTLIER_SHARE, OUTLIER_PX, GAP_SHARE, LONGEST_GAP = 1.0, 0.02, 30.0, 0.1, 15
MAX_GAP = 60  # gaps may touch each other, and frames that the tracks do not have
WINDOWS = (3, 5, 7, 9, 11, 13, 15)
GOOD_NOISE_PX = (0.0, 0.25, 0.5, 1.0, 2.0)
DEFAULTS: dict[str, tuple[Any, Any]] = {
    "kalman": (kalman, kalman.Config()),
    "median 3": (median, median.Config(window=3)),
    "median 5": (median, median.Config()),
    "savgol": (savgol, savgol.Config()),
}
BAND_90 = 1.6449  # standard deviations per axis
SHAPES = ((1_000_000, 1, 1), (5_000, 2, 100), (500, 100, 20))
BAR_RATIO, BAR_COVERAGE, BAR_S = 0.7, (0.87, 0.93), 3.0


@dataclass(frozen=True)
class Spoiled:
    """Tracks that were spoiled, and what they were.

    Attributes:
        truth: `(T, N, K, 2)`.
        tracks: Without expected errors.
        stated: `(T, N, K)` px, what a calibrated network that partly knows its outliers would state.
    """

    truth: FloatArray
    tracks: Tracks
    stated: FloatArray


def read_truth(path: Path) -> FloatArray:
    """`(T, N, K, 2)` of a SLEAP file with tracks."""
    import sleap_io

    labels = sleap_io.load_slp(str(path), open_videos=False)
    n_frames = 1 + max(frame.frame_idx for frame in labels.labeled_frames)
    truth = np.full((n_frames, len(labels.tracks), len(labels.skeleton.nodes), 2), np.nan)
    for frame in labels.labeled_frames:
        for instance in frame.instances:
            truth[frame.frame_idx, labels.tracks.index(instance.track)] = instance.numpy()
    return truth


def spoil(
    truth: FloatArray,
    seed: int = 0,
    noise: float = NOISE_PX,
    outliers: float = OUTLIER_SHARE,
    gaps: float = GAP_SHARE,
) -> Spoiled:
    """Noise, outliers and gaps as the module's docstring says; the errors stated are of the default ones."""
    rng = np.random.default_rng(seed)
    n_frames, n_animals, n_keypoints, _ = truth.shape
    points = truth + rng.normal(0, noise, truth.shape)
    is_wild = rng.random(truth.shape[:3]) < outliers
    angle = rng.uniform(0, 2 * np.pi, truth.shape[:3])
    points[is_wild] += OUTLIER_PX * np.stack([np.cos(angle), np.sin(angle)], -1)[is_wild]
    gap = np.zeros(truth.shape[:3], bool)
    for n in range(n_animals):
        for k in range(n_keypoints):
            while gap[:, n, k].mean() < gaps:
                length = rng.integers(1, LONGEST_GAP + 1)
                start = rng.integers(0, n_frames - length + 1)
                gap[start : start + length, n, k] = True
    points[gap] = np.nan
    return Spoiled(truth, _tracks(points), _stated(is_wild, rng))


def _stated(is_wild: npt.NDArray[np.bool_], rng: np.random.Generator) -> FloatArray:
    """What a network states that sees a sign of its outliers, 1.5 deviations apart, and is calibrated by it."""
    sign = rng.normal(size=is_wild.shape) + 1.5 * is_wild
    odds = OUTLIER_SHARE / (1 - OUTLIER_SHARE) * np.exp(1.5 * sign - 1.5**2 / 2)
    probability = odds / (1 + odds)
    return np.asarray((1 - probability) * NOISE_PX * expected_distance(2) + probability * OUTLIER_PX)


def _tracks(points: FloatArray, error: FloatArray | None = None) -> Tracks:
    n_animals, n_keypoints = points.shape[1:3]
    skeleton = Skeleton(tuple(f"point{k}" for k in range(n_keypoints)))
    names = tuple(f"animal{n}" for n in range(n_animals))
    return Tracks(skeleton, points, np.where(np.isfinite(points[..., 0]), 1.0, np.nan), error, names)


def medians(tracks: Tracks) -> Iterator[tuple[str, Tracks]]:
    """Every window, before and after interpolation."""
    fill = interpolate.Config(max_gap=MAX_GAP)
    filled = interpolate.apply(tracks, fill)
    for window in WINDOWS:
        config = median.Config(window=window)
        yield f"interpolation, median {window}", median.apply(filled, config)
        yield f"median {window}, interpolation", interpolate.apply(median.apply(tracks, config), fill)


def smoothed(spoiled: Spoiled) -> dict[str, Tracks]:
    """The Kalman smoother without and with expected errors."""
    config = kalman.Config(max_gap=MAX_GAP)
    stated = _tracks(spoiled.tracks.points, spoiled.stated)
    return {
        "kalman": kalman.apply(spoiled.tracks, config),
        "kalman, errors stated": kalman.apply(stated, config),
    }


def straight(spoiled: Spoiled) -> FloatArray:
    """The truth, with straight lines of the truth across the gaps: no line between points comes nearer."""
    known = np.where(np.isfinite(spoiled.tracks.points), spoiled.truth, np.nan)
    return interpolate.apply(_tracks(known), interpolate.Config(max_gap=MAX_GAP)).points


def measure(spoiled: Spoiled) -> dict[str, Any]:
    """Squared errors of every filter, summed over the same points, in all and apart for gaps; and the coverage."""
    results = smoothed(spoiled)
    points = {name: result.points for name, result in (*medians(spoiled.tracks), *results.items())}
    points["line of truth"] = straight(spoiled)
    judged = np.isfinite(spoiled.truth).all(-1)
    for values in points.values():
        judged &= np.isfinite(values).all(-1)
    gap = judged & ~np.isfinite(spoiled.tracks.points[..., 0])
    squares = {name: ((values - spoiled.truth) ** 2).sum(-1) for name, values in points.items()}
    found: dict[str, Any] = {
        "n": int(judged.sum()),
        "n_gap": int(gap.sum()),
        "n_truth": int(np.isfinite(spoiled.truth).all(-1).sum()),
        "squares": {name: float(values[judged].sum()) for name, values in squares.items()},
        "squares_in_gaps": {name: float(values[gap].sum()) for name, values in squares.items()},
        "within": {},
    }
    for name, result in results.items():
        assert result.error is not None
        deviation = (result.error / expected_distance(2))[..., None]
        found["within"][name] = float((np.abs(result.points - spoiled.truth) <= BAND_90 * deviation)[judged].mean())
        found["within"][f"{name}: stated/actual mean error"] = float(
            result.error[judged].mean() / np.sqrt(squares[name][judged]).mean()
        )
    return found


def together(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """All sets as one."""
    whole: dict[str, Any] = {key: sum(part[key] for part in parts) for key in ("n", "n_gap", "n_truth")}
    for key in ("squares", "squares_in_gaps"):
        whole[key] = {name: sum(part[key][name] for part in parts) for name in parts[0][key]}
    weights = [part["n"] for part in parts]
    whole["within"] = {
        name: float(np.average([part["within"][name] for part in parts], weights=weights))
        for name in parts[0]["within"]
    }
    return whole


def rows(name: str, found: dict[str, Any]) -> Iterator[str]:
    """One line of the table per filter that counts."""
    n, n_gap = found["n"], found["n_gap"]
    whole = {key: float(np.sqrt(value / n)) for key, value in found["squares"].items()}
    inside = {key: float(np.sqrt(value / n_gap)) for key, value in found["squares_in_gaps"].items()}
    outside = {
        key: float(np.sqrt(max(found["squares"][key] - found["squares_in_gaps"][key], 0) / (n - n_gap)))
        for key in whole
    }
    of_median = [key for key in whole if "median" in key]
    best, best_outside = min(of_median, key=whole.__getitem__), min(of_median, key=outside.__getitem__)
    for key in (best, "kalman", "kalman, errors stated", "line of truth"):
        within = f"{100 * found['within'][key]:.1f} %" if key in found["within"] else ""
        yield (
            f"| {name} | {key} | {whole[key]:.3f} | {whole[key] / whole[best]:.3f} | {inside[key]:.2f} | "
            f"{outside[key]:.3f} | {outside[key] / outside[best_outside]:.3f} | {within} |"
        )


def on_good_tracks(truths: list[FloatArray], seed: int = 0) -> Iterator[dict[str, Any]]:
    """Every filter with its defaults where there is little to clean, over all tracks together."""
    for outliers in (0.0, OUTLIER_SHARE):
        for noise in GOOD_NOISE_PX:
            errors: dict[str, list[FloatArray]] = {}
            lost: dict[str, int] = {}
            for truth in truths:
                tracks = spoil(truth, seed, noise, outliers, gaps=0.0).tracks
                given = tracks.present()
                for name, (module, config) in {"untouched": (None, None), **DEFAULTS}.items():
                    found = tracks if module is None else module.apply(tracks, config)
                    error = np.linalg.norm(found.points - truth, axis=-1)[given]
                    errors.setdefault(name, []).append(error[np.isfinite(error)])
                    lost[name] = lost.get(name, 0) + int(np.isnan(error).sum())
            for name, parts in errors.items():
                error = np.concatenate(parts)
                measured = {"mean": float(error.mean()), "rmse": float(np.sqrt((error**2).mean())), "lost": lost[name]}
                yield {"noise": noise, "outliers": outliers, "filter": name, **measured}


def speed() -> Iterator[dict[str, Any]]:
    """Seconds for a million points: wall clock, best of three, and of the processor."""
    rng = np.random.default_rng(0)
    for shape in SHAPES:
        moves = rng.normal(0, 3, (*shape, 2)) * (rng.random(shape) < 0.2)[..., None]
        whole = (*shape[:2], 1)  # the animal moves as a whole as well, so that keypoints tell of each other
        moves += rng.normal(0, 3, (*whole, 2)) * (rng.random(whole) < 0.2)[..., None]
        points = 100 * rng.normal(size=(1, 1, shape[2], 2)) + moves.cumsum(axis=0) + rng.normal(size=(*shape, 2))
        points[rng.random(shape) < 0.05] = np.nan
        tracks = _tracks(points)
        walls, processor = [], []
        for _ in range(3):
            began, used = time.perf_counter(), time.process_time()
            kalman.apply(tracks, kalman.Config())
            walls.append(time.perf_counter() - began)
            processor.append(time.process_time() - used)
        yield {"shape": shape, "wall_s": min(walls), "processor_s": min(processor)}


def main() -> None:
    """Print the table, or everything as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(__file__).resolve().parents[2] / "shared" / "data")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    truths = {name: read_truth(asked.data / path) for name, path in SETS.items()}
    found = {
        f"{name}, seed {seed}": measure(spoil(truth, seed))
        for seed in range(asked.seeds)
        for name, truth in truths.items()
    }
    for seed in range(asked.seeds):
        found[f"all, seed {seed}"] = together([part for name, part in found.items() if name.endswith(f"seed {seed}")])
    good = list(on_good_tracks(list(truths.values())))
    timed = list(speed())
    if asked.json:
        print(json.dumps({"accuracy": found, "good tracks": good, "speed": timed}, indent=2))
        return
    print("| tracks | filter | RMSE px | / best median | in gaps | measured points | / best median | in 90 % band |")
    print("|---|---|---|---|---|---|---|---|")
    for name, part in found.items():
        print("\n".join(rows(name, part)))
    low, high = BAR_COVERAGE
    print(f"bars: RMSE at most {BAR_RATIO} of the best median's, {100 * low:.0f} to {100 * high:.0f} % in the band")
    print("| noise px | outliers | filter | mean px | RMSE px | points lost |\n|---|---|---|---|---|---|")
    for one in good:
        case = f"{one['noise']:g} | {100 * one['outliers']:.0f} %"
        print(f"| {case} | {one['filter']} | {one['mean']:.3f} | {one['rmse']:.3f} | {one['lost']} |")
    for one in timed:
        shape = " x ".join(f"{n:,}" for n in one["shape"])
        print(f"{shape}: {one['wall_s']:.2f} s, {one['processor_s']:.2f} s of processor (bar {BAR_S} s)")


if __name__ == "__main__":
    main()
