"""Cross-fitting: who is held out from whom, going on after an interruption, and what becomes of the answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from make_run import TINY, one_thread, tiny_backbone_known
from markerless.analysis.error_model import ErrorModel
from markerless.analysis.learning_curve import shrinkage
from markerless.core.instance import Instance
from markerless.core.labels import LabeledFrame, Labels
from markerless.core.skeleton import Skeleton
from markerless.nn import checkpoint as checkpoints
from markerless.nn.inspection import Inspection
from markerless.nn.model import PoseNet
from markerless.pipeline import cross_fit as module
from markerless.pipeline.cross_fit import deal
from markerless.pipeline.train import notes, train
from markerless.pipeline.training_plan import TrainRequest
from markerless.project import Project, Run, crossfit
from markerless.video.images import write_image

MakeStudy = Callable[..., Project]
N_CROSSFITS, STEPS, CROSSFIT_STEPS = 2, 4, 2
SETTINGS: dict[str, dict[str, object]] = {
    "train": {
        "steps": STEPS, "batch_size": 2, "precision": "f32", "crossfits": N_CROSSFITS, "crossfit_steps": CROSSFIT_STEPS,
    },
    "net": {"backbone": TINY, "weights": "none", "width": 16},
    "data": {"crop": 64},
}  # fmt: skip


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A backbone of five convolutions; the exporter takes ten seconds and is tested for itself."""
    monkeypatch.setattr("markerless.pipeline.train.export_onnx", lambda model, names, path: path.write_bytes(b"x"))
    with tiny_backbone_known(), one_thread():
        yield


def frames(names: Sequence[str]) -> list[LabeledFrame]:
    return [LabeledFrame(f"labeled-data/{name}.png", ()) for name in names]


class TestDeal:
    def test_neighbors_in_time_stay_together(self) -> None:
        groups = deal(frames([f"m/img{i}" for i in range(18)]), 3)
        numbers = [[int(frame.image[18:-4]) for frame in group] for group in groups]
        assert numbers == [[0, 1, 6, 7, 12, 13], [2, 3, 8, 9, 14, 15], [4, 5, 10, 11, 16, 17]]

    def test_many_videos_are_held_out_whole(self) -> None:
        groups = deal(frames([f"m{v}/img{i}" for v in range(6) for i in range(5)]), 2)
        videos = [{frame.video for frame in group} for group in groups]
        assert videos == [{"m0", "m2", "m4"}, {"m1", "m3", "m5"}]

    def test_a_video_with_most_of_the_frames_is_not_held_out_whole(self) -> None:
        groups = deal(frames([f"m{v}/img{i}" for v in range(8) for i in range(80 if v == 0 else 3)]), 2)
        assert abs(len(groups[0]) - len(groups[1])) < 20

    def test_every_frame_is_in_one_group(self) -> None:
        for n in (1, 2, 4, 7, 11):
            groups = deal(frames([f"m/img{i}" for i in range(n)]), 3)
            assert sorted(frame.image for group in groups for frame in group) == sorted(
                f"labeled-data/m/img{i}.png" for i in range(n)
            )
            assert all(groups)


def test_no_network_is_asked_about_what_it_saw(dot_study: MakeStudy, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[set[str]] = []
    asked: list[set[str]] = []

    class Watched(module.ReplayingSet):
        def __init__(self, labels: Labels, *rest: object) -> None:
            seen.append(set(labels.images))
            super().__init__(labels, *rest)

    def inspect(model: PoseNet, frames: Sequence[LabeledFrame], *rest: object) -> list[Inspection]:
        asked.append({frame.image for frame in frames})
        return [Inspection(np.zeros((len(frames), 3, 2)), np.zeros((len(frames), 3, 3)))] * 2

    monkeypatch.setattr(module, "ReplayingSet", Watched)
    monkeypatch.setattr(module, "inspect", inspect)
    project = dot_study(12)
    train(project, settings=SETTINGS)
    assert len(seen) == len(asked) == N_CROSSFITS
    for trained, held_out in zip(seen, asked, strict=True):
        assert not trained & held_out
        assert trained | held_out == set(project.labels().images)
    assert set.union(*asked) == set(project.labels().images)


def test_a_killed_one_is_gone_on_with(dot_study: MakeStudy) -> None:
    """Stopped in the middle of the second network: the first is not trained again, and the result is the same."""
    project = dot_study(12)
    last = STEPS + CROSSFIT_STEPS + 1

    def stop(done: int, total: int, message: str) -> None:
        if done == last:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(project, settings=SETTINGS, progress=stop)
    told: list[tuple[int, int]] = []
    run = train(project, settings=SETTINGS, progress=lambda done, total, message: told.append((done, total)))
    assert told == [(last + 1, STEPS + N_CROSSFITS * CROSSFIT_STEPS)]
    assert not (run.folder / module.FOLDER).exists()
    straight = train(Project(project.root), settings=SETTINGS)
    assert straight.name == "run2"
    assert run.settings["calibration"] == straight.settings["calibration"]
    one, other = (checkpoints.load(r.checkpoint).average for r in (run, straight))
    assert all(np.array_equal(one[name].numpy(), other[name].numpy()) for name in one)


def test_what_was_learned_is_in_the_run_and_in_the_network(dot_study: MakeStudy) -> None:
    run = train(dot_study(12), settings=SETTINGS)
    table = run.settings["calibration"]
    assert table["n_points"] == 36
    n_train = len(run.split["train"])
    assert table["shrinkage"] == pytest.approx(shrinkage(n_train * (1 - 1 / N_CROSSFITS), n_train), abs=1e-4)
    assert table["shrinkage"] < 0.95
    assert table["tolerance_px"] == pytest.approx(0.05 * run.settings["data"]["animal_size_px"], abs=1e-3)
    said = " ".join(notes(run))
    assert "learned on 36 points that networks had not seen; the likelihood is the probability of being within " in said
    assert f"{table['tolerance_px']:.1f} px" in said
    kept = crossfit.read(run.folder / crossfit.CROSSFIT_FILE)
    assert set(kept.images) == set(run.split["train"])
    assert np.isfinite(kept.expected_error).all()
    assert ((kept.score >= 0) & (kept.score <= 1)).all()
    average = checkpoints.load(run.checkpoint).average
    assert float(average["errors.within"][1]) == pytest.approx(table["slope"], abs=1e-4)


@pytest.mark.parametrize(("missing", "n_absent"), [("absent", 12), ("unknown", 0)])
def test_absent_keypoints_become_unlikely(missing: Literal["absent", "unknown"], n_absent: int, tmp_path: Path) -> None:
    """A nose that is absent from 12 of 72 frames, where the evidence is another; a tail that is always there."""
    picture = tmp_path / "m.png"
    write_image(picture, np.zeros((60, 80, 3), np.uint8))
    rng = np.random.default_rng(0)
    here = np.arange(72) % 6 > 0
    labeled = np.full((72, 2, 2), 10.0)
    labeled[~here, 0] = np.nan
    frames = tuple(
        LabeledFrame(f"labeled-data/m/{i}.png", (Instance.from_xy(xy),), path=picture) for i, xy in enumerate(labeled)
    )
    evidence = rng.normal(2, 0.3, (72, 2, 1))
    evidence[~here, 0] -= 4
    labels = Labels(Skeleton(("nose", "tail")), frames)
    held_out = module.HeldOut(labels, rng.normal(10, 1, (72, 2, 2)), evidence, uses_prior=False)
    fitted = module.calibrate(held_out, missing)
    assert fitted is not None
    assert (fitted.presence.n_absent if fitted.presence else 0) == n_absent
    probability = fitted.probability(50.0, evidence)
    assert probability[here].min() > 0.8
    assert (probability[~here, 0].max() < 0.3) == (n_absent > 0)


def test_too_few_points_leave_the_score_as_it_was(dot_study: MakeStudy) -> None:
    run = train(dot_study(4), settings=SETTINGS)
    assert "calibration" not in Run.open(run.folder).settings
    assert any(line.startswith("no expected errors: too few labeled points") for line in notes(run))
    assert not checkpoints.load(run.checkpoint).average["errors.within"].any()


def test_answers_of_an_earlier_training_are_not_taken_for_this_ones(dot_study: MakeStudy) -> None:
    """A folder whose settings and network were deleted still holds what was said of other frames."""
    project = dot_study(4)
    folder = project.run_folder("again")
    (folder / module.FOLDER).mkdir(parents=True)
    left = [folder / name for name in (crossfit.CROSSFIT_FILE, "evidence.npz", f"{module.FOLDER}/0.npz")]
    for path in left:
        path.write_text("of another training", encoding="utf-8")
    train(project, request=TrainRequest(run="again"), settings=SETTINGS)
    assert not any(path.exists() for path in left)


def test_from_what_probability_on_a_point_is_seen() -> None:
    """Ten points that are about right at 0.30, 0.32, ...; a wrong one at 0.1 does not count; never above 0.5."""
    xy = np.zeros((11, 1, 2))
    xy[10] = 50
    labels = Labels(
        Skeleton(("nose",)),
        tuple(LabeledFrame(f"labeled-data/m/{i}.png", (Instance.from_xy(np.zeros((1, 2))),)) for i in range(11)),
    )
    probability = np.array([*np.arange(0.3, 0.499, 0.02), 0.1])
    evidence = np.log(probability / (1 - probability))[:, None, None]
    errors = ErrorModel(np.array([-1.0]), np.zeros(1), 0.0, 1.0, 1e9, 2.0, 11)  # expected = (1 - p) / p, within 1 px: p
    model = module.Fitted(errors, None)
    held_out = module.HeldOut(labels, xy, evidence, uses_prior=False)
    assert module.seen_from(held_out, model, 1.0, 100.0) == pytest.approx(0.309)
    assert module.seen_from(held_out, model, 100.0, 100.0) == 0.5


def test_another_training_leaves_no_folder(dot_study: MakeStudy, tmp_path: Path) -> None:
    settings = {**SETTINGS, "train": {**SETTINGS["train"], "crossfits": 0}}
    run = train(dot_study(4), settings=settings)
    assert "calibration" not in run.settings
