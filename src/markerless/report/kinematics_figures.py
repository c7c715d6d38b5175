"""The figures of what was measured of one video's tracks, and the page that holds them with their tables."""

from __future__ import annotations

import math
from collections.abc import Sequence

from matplotlib.figure import Figure

from markerless.analysis.kinematics_quantity import PER_FRAME
from markerless.core.file_names import file_parts
from markerless.core.instance import FloatArray
from markerless.report.kinematics_tables import Motion, Row, region_rows, summary
from markerless.report.motion_figures import Place, heat_map, over_time, speed_caption, speed_histogram
from markerless.report.page import Page
from markerless.report.style import Colors, figure_style

Drawn = dict[str, tuple[Figure, str]]
PREFIX = "kinematics-"
SAID = {
    "speed": "Speed{of} over time. A gap is where a frame around it has no point.",
    "acceleration": "Acceleration{of} over time, turns included.",
    "length": "Lengths of the skeleton{of} over time. What is of bone should stay as it is, as far as the view does.",
    "distance": "Distances{of} over time.",
    "angle": "Angles{of} over time: 180 degrees is stretched.",
    "heading": "Where the animal{of} heads: 0 degrees is to the right, 90 down, -90 up.",
    "turning": "How fast the animal{of} turns: positive is clockwise as one sees it.",
}
BAND = " The band is the expected error to both sides."
SUMMARY_COLUMNS = ("n_frames", "mean", "median", "sd", "p05", "p95", "max", "median_error", "total")


def figures_of(motion: Motion, size: tuple[int, int] | None, colors: Colors | None = None) -> Drawn:
    """Figures by file stem, each with a caption.

    Args:
        motion: What was measured.
        size: Width and height of the video in pixels; None when it is not known.
        colors: `(K, 3)` RGB of the keypoints; None takes those of the palette.
    """
    drawn: Drawn = {}
    individuals = motion.tracks.individuals
    parts = file_parts(individuals)
    with figure_style(colors):
        for n, individual in enumerate(individuals):
            suffix, of = (f"-{parts[n]}", f" of {individual}") if len(individuals) > 1 else ("", "")
            if motion.tracks.points.shape[-1] == 2:
                drawn[f"{PREFIX}heatmap{suffix}"] = _where(motion, motion.tracks.points[:, n], size, of)
            for quantity in motion.quantities:
                if not quantity.of:
                    continue
                if quantity.name == "speed":
                    drawn[f"{PREFIX}speeds{suffix}"] = speed_histogram(quantity, n), speed_caption(quantity, of)
                caption = SAID[quantity.name].format(of=of) + (BAND if quantity.error is not None else "")
                drawn[f"{PREFIX}{quantity.name}{suffix}"] = over_time(quantity, n, motion.pace), caption
    return drawn


def page_of(motion: Motion, pictures: Sequence[tuple[bytes, str]], title: str, notes: Sequence[str]) -> Page:
    """One HTML page with everything; `pictures` are figures as PNG, each with its caption."""
    page = Page(title, motion.tracks.scorer)
    if notes:
        page.items(notes)
    page.cards(_cards(motion))
    page.heading("Over the whole video")
    rows = summary(motion.quantities, motion.tracks.individuals, motion.pace)
    page.table(("what", "unit", *(column.replace("_", " ") for column in SUMMARY_COLUMNS)), _cells(motion, rows))
    if motion.stays:
        page.heading("Regions")
        regions = region_rows(motion.stays, motion.pace)
        hidden = {"individual"} if len(motion.tracks.individuals) == 1 else set()
        columns = [column for column in regions[0] if column not in hidden]
        texts = [[_text(row[column]) for column in columns] for row in regions]
        page.table([column.replace("n_", "").replace("_", " ") for column in columns], texts)
    page.heading("Figures")
    for encoded, caption in pictures:
        page.png(encoded, caption)
    return page


def _where(motion: Motion, points: FloatArray, size: tuple[int, int] | None, of: str) -> tuple[Figure, str]:
    outlines = {stay.region.name: stay.region.outline() for stay in motion.stays}
    place = Place.of(points, size, outlines)
    caption = f"Where body parts{of} spend their time. White is where they never are."
    return heat_map(points, motion.tracks.skeleton.keypoints, place, motion.pace), caption


def _cards(motion: Motion) -> list[tuple[str, str]]:
    tracks, pace = motion.tracks, motion.pace
    cards = [(f"{tracks.n_frames:,}", "frames")]
    if pace.unit != PER_FRAME:
        cards.append((f"{tracks.n_frames / pace.frames:.1f} s", "duration"))
    if tracks.n_individuals > 1:
        cards.append((str(tracks.n_individuals), "animals"))
    share = f"{100 * tracks.share_present:.1f} %" if tracks.points.size else "-"
    cards.append((share, "of points above the cut-off"))
    if motion.scale is not None:
        cards.append((f"{motion.scale.px_per_unit:.4g} px", f"per {motion.scale.unit}"))
    return cards


def _cells(motion: Motion, rows: Sequence[Row]) -> list[list[str]]:
    several = len(motion.tracks.individuals) > 1
    return [
        [
            f"{row['individual']} {row['quantity']} {row['of']}" if several else f"{row['quantity']} {row['of']}",
            row["unit"],
            *(_text(row.get(column, math.nan)) for column in SUMMARY_COLUMNS),
        ]
        for row in rows
    ]


def _text(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}" if math.isfinite(value) else "-"
    return str(value)
