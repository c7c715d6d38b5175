"""Pages are one file, load nothing, and show text as text."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from markerless.errors import StorageError
from markerless.report.page import Page, Picture, figure_png
from markerless.report.style import figure_style, keypoint_colors, new_figure

VOID = {"meta", "img", "br"}


class Checker(HTMLParser):
    """Collects addresses and checks that tags are closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[str] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "srcset")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def small_page() -> Page:
    page = Page("Mice & <men>", "subtitle")
    page.heading("A <b>heading</b>")
    page.cards([("2.6 px", "mean")])
    page.items(["one", 'two "quoted"'])
    page.table(["a", "b"], [["x", "1"]])
    page.settings("All", {"train.steps": 500})
    with figure_style():
        figure = new_figure(2, 1)
        figure.subplots().plot([0, 1])
        page.figure(figure, 'caption "with" <marks>')
        page.photo(figure, "photo")
    page.gallery([Picture(b"jpeg", "1. <a>", 'said "so" & so', (("<ear>", (1, 2, 3)),))])
    return page


def test_page_is_well_formed_and_self_contained() -> None:
    checker = Checker()
    html = small_page().html()
    checker.feed(html)
    assert checker.open == []
    assert len(checker.addresses) == 3 and all(address.startswith("data:image/") for address in checker.addresses)
    assert not re.search(r"https?://|@import|url\(", html)
    assert "prefers-color-scheme:dark" in html


def test_texts_are_escaped() -> None:
    checker = Checker()
    checker.feed(small_page().html())
    assert "A <b>heading</b>" in checker.texts and "Mice & <men>" in checker.texts
    assert "<ear>" in checker.texts and 'said "so" & so' in checker.texts


def test_equal_figures_are_equal_files() -> None:
    def png() -> bytes:
        with figure_style():
            figure = new_figure(2, 1)
            figure.subplots().plot([0, 1, 0.5])
            return figure_png(figure)

    assert png() == png()


def test_write_reports_a_folder_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(StorageError):
        small_page().write(tmp_path / "file" / "report.html")


@pytest.mark.parametrize("n_keypoints", [6, 17])
def test_colors_are_dark_enough_for_white_paper(n_keypoints: int) -> None:
    for red, green, blue in keypoint_colors(n_keypoints):
        assert 0.2126 * red + 0.7152 * green + 0.0722 * blue < 0.75
