"""`metrics.csv`: means over ten steps, whole rows only, and nothing of steps that are trained again."""

from __future__ import annotations

from pathlib import Path

from markerless.pipeline.metrics_file import MetricsRow, MetricsWriter, read_metrics


def fill(path: Path, first_step: int, last_step: int, total: int = 25) -> None:
    with MetricsWriter(path, first_step) as writer:
        for step in range(first_step + 1, last_step + 1):
            writer.add(step, total, {"location": float(step), "presence": 0.5, "refine": 0.25}, 0.1 * step)


def test_a_row_is_the_mean_of_its_steps(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    fill(path, 0, 25)
    # steps 1..10 have the mean 5.5, 11..20 15.5, 21..25 23
    assert read_metrics(path) == [MetricsRow(10, 6.25, 0.55), MetricsRow(20, 16.25, 1.55), MetricsRow(25, 23.75, 2.3)]


def test_rows_after_the_step_that_is_resumed_from_are_dropped(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    fill(path, 0, 20)
    fill(path, 10, 25)
    assert [row.step for row in read_metrics(path)] == [10, 20, 25]
    fill(path, 0, 10)
    assert [row.step for row in read_metrics(path)] == [10]


def test_half_a_row_is_none(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    fill(path, 0, 20)
    whole = path.read_text(encoding="utf-8")
    path.write_text(f"{whole}25,23.75,23.0,0.5,0.", encoding="utf-8")
    assert [row.step for row in read_metrics(path)] == [10, 20]
    fill(path, 20, 25)
    assert path.read_text(encoding="utf-8").startswith(whole)
    assert read_metrics(tmp_path / "none.csv") == []
