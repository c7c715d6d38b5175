"""`plot` of points in space, from a file and through the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from made_space import make_space_study
from markerless.cli.main import main
from markerless.errors import FormatError
from markerless.pipeline.plot_space import plot_space


def test_plot_writes_pictures_and_one_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    study = make_space_study(tmp_path, missing=True)
    assert main(["plot", str(study.result)]) == 0
    folder = tmp_path / "plot-poses" / "walk"
    drawn = ["bones", "position", "reprojection", "reprojection-histogram"]
    assert sorted(path.name for path in folder.iterdir()) == sorted([*(f"{name}.png" for name in drawn), "plots.html"])
    assert str(folder / "plots.html") in capsys.readouterr().out.splitlines()[-1]
    html = (folder / "plots.html").read_text(encoding="utf-8")
    assert "nose - neck" in html and "cam1 (px)" in html and "<b>1.2 s</b>" in html


def test_pixels_are_refused(tmp_path: Path) -> None:
    make_space_study(tmp_path, missing=True)
    with pytest.raises(FormatError, match="got pixels"):
        plot_space(tmp_path / "cam0DLC.nc")
