"""How far apart people place the same points: the part of `check` that compares labelers, and its page and tables."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from markerless.analysis.label_agreement import Agreement, PointAgreement, agreements
from markerless.core.instance import Visibility
from markerless.core.labels import LabeledFrame, Labels
from markerless.core.storage import atomic_path, write_text
from markerless.errors import LabelsError, MarkerlessError, StorageError
from markerless.pipeline.colors import colors_of
from markerless.project import Project, journal
from markerless.project.journal import Point
from markerless.project.label_files import DATA_FOLDER, count, labeler_of
from markerless.project.merge_journal import CONFLICT
from markerless.report.label_agreement import ApartPicture, agreement_figure, agreement_page
from markerless.video.images import read_image

PAGE_FILE, TABLE_FILE, POINTS_FILE, FIGURE_FILE = (
    "labelers.html",
    "labelers.csv",
    "labelers-points.csv",
    "labelers.png",
)
MOST_PICTURES = 9
AGAIN = " again"  # behind the name of somebody who has labeled twice
MANY_COPIED = 0.2  # share of equal points from which labels were hardly placed twice


@dataclass(frozen=True)
class Labelers:
    """Who has labeled the same frames, and how far apart they are.

    Attributes:
        pairs: Every two people with a common frame, those with the most frames first.
        written: The page, the tables and the figure; empty when nobody can be compared or they were not asked for.
        notes: Remarks for the user.
    """

    pairs: tuple[Agreement, ...]
    written: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def n_frames(self) -> int:
        """Frames that two people or more have labeled."""
        return len({image for pair in self.pairs for image in pair.images})

    @property
    def distances_px(self) -> np.ndarray:
        """`(n,)` px of all pairs together."""
        apart = [pair.distance_px[np.isfinite(pair.distance_px)] for pair in self.pairs]
        return np.concatenate(apart) if apart else np.empty(0)

    def to_json(self) -> dict[str, Any]:
        """Plain values, to stand beside those of `check`."""
        return {
            "labelers": [
                {
                    "people": pair.people,
                    "n_frames": pair.n_frames,
                    "n_copied": pair.n_copied,
                    "all": _plain(pair.all),
                    "per_keypoint": {point.keypoint: _plain(point) for point in pair.by_keypoint()},
                    "worst": [
                        {"image": pair.images[row], "max_px": float(np.nanmax(pair.distance_px[row]))}
                        for row in pair.worst()[:MOST_PICTURES]
                    ],
                }
                for pair in self.pairs
            ],
            "labelers_notes": list(self.notes),
            "labelers_files": [str(path) for path in self.written],
        }


def compare_labelers(study: Project, write: bool = True) -> Labelers:
    """Compare everybody who has labeled the same frames.

    Args:
        study: The project. Tables that cannot be read are passed over: `check` names them.
        write: Write `labelers.html`, two tables and the figure into the project's folder.
    """
    pairs = tuple(pair for pair in agreements(_by_labeler(study)) if _makes_sense(pair.people))
    found = Labelers(pairs, (), tuple(_notes(pairs)))
    if not write or not any(pair.all.n_points for pair in pairs):
        return found
    try:
        return replace(found, written=_write(study, found))
    except StorageError as error:  # a project on read-only media can be checked all the same
        return replace(found, notes=(*found.notes, f"no page of labelers: {error}"))


def people_apart(study: Project) -> str:
    """One line to be read beside a network's errors; empty where no frame is labeled by two people."""
    apart = compare_labelers(study, write=False).distances_px
    if not len(apart):
        return ""
    return (
        f"people who labeled the same frames are {apart.mean():.2f} px apart (mean of {count(len(apart), 'point')}, "
        f"median {np.median(apart):.2f}): each of them is off by about {apart.mean() / np.sqrt(2):.2f} px"
    )


def _by_labeler(study: Project) -> dict[str, Labels]:
    """Name -> what that person has labeled, the study's scorer first."""
    frames: dict[str, dict[str, LabeledFrame]] = {}
    for video in study.label_folders():
        for table in study.label_tables(video):
            try:
                own = table.read().matching(study.skeleton)
            except LabelsError:
                continue
            who = labeler_of(table.name) or next((frame.labeler for frame in own.frames if frame.labeler), "")
            frames.setdefault(who, {}).update({frame.image: frame for frame in own.frames})
        for who, again in _labeled_again(study, video).items():
            frames.setdefault(who, {}).update(again)
        if len(frames) < 2:
            continue
        try:  # the journal knows more of the frames that are shown than a table: hidden, absent or not asked for
            shown = study.folder_labels(video).frames
        except LabelsError:
            continue
        for frame in shown:
            if frame.image in frames.get(frame.labeler, {}):
                frames[frame.labeler][frame.image] = frame
    names = sorted(frames, key=lambda name: (name.endswith(AGAIN), name != study.scorer, name))
    return {name: Labels(study.skeleton, tuple(frames[name].values()), _animals(frames[name])) for name in names}


def _labeled_again(study: Project, video: str) -> dict[str, dict[str, LabeledFrame]]:
    """What people have labeled differently in another project that was merged into this one; the journal keeps it."""
    points: dict[tuple[str, str, str], dict[str, Point]] = {}
    for entry in journal.read(study.journal_of(video)):
        to, _ = journal.said_in(entry)
        if entry.get("change") == CONFLICT and to is not None:
            image, individual, keypoint = journal.key_of(entry)
            who = f"{labeler_of(str(entry.get('table', '')))}{AGAIN}"
            points.setdefault((who, image, individual), {})[keypoint] = to
    found: dict[str, dict[str, LabeledFrame]] = {}
    for (who, image, individual), places in points.items():
        instance = journal.nothing_known(individual, study.skeleton.n_keypoints)
        for k, keypoint in enumerate(study.skeleton.keypoints):
            if (there := places.get(keypoint)) is not None:
                instance.xy[k], instance.visibility[k] = there, Visibility.VISIBLE
        frame = found.setdefault(who, {}).get(image) or LabeledFrame(image, (), who)
        found[who][image] = replace(frame, instances=(*frame.instances, instance))
    return found


def _makes_sense(people: tuple[str, str]) -> bool:
    """Whoever has labeled twice is compared with nobody else by the second time."""
    one, other = people
    return not one.endswith(AGAIN) and (not other.endswith(AGAIN) or other == f"{one}{AGAIN}")


def _animals(frames: dict[str, LabeledFrame]) -> tuple[str, ...]:
    names = dict.fromkeys(instance.individual for frame in frames.values() for instance in frame.instances)
    return tuple(names) or ("individual_0",)


def _notes(pairs: Sequence[Agreement]) -> Iterator[str]:
    for pair in pairs:
        one, other = pair.people
        if pair.all.n_points and pair.n_copied > MANY_COPIED * pair.all.n_points:
            yield (
                f"{pair.n_copied} of {count(pair.all.n_points, 'point')} of {one} and {other} lie at the very same "
                "place: these were copied rather than placed again, and make the distances look smaller than they are"
            )
        for point in pair.by_keypoint():
            if point.is_systematic:
                x, y = point.offset_px
                yield f"{point.keypoint}: {other} places it {_direction(x, y)} of where {one} does, on average"


def _direction(x: float, y: float) -> str:
    sides = [
        f"{abs(value):.1f} px {names[value > 0]}"
        for value, names in ((x, ("left", "right")), (y, ("above", "below")))
        if abs(value) >= 0.25 * max(abs(x), abs(y))
    ]
    return " and ".join(sides)


def _plain(point: PointAgreement) -> dict[str, Any]:
    return {**asdict(point), "share_only_one": point.share_only_one}


def _write(study: Project, found: Labelers) -> tuple[Path, ...]:
    from markerless.report.style import figure_style

    pairs = [pair for pair in found.pairs if pair.all.n_points]
    colors = colors_of(study)
    size = _size(study)
    frames, people = count(found.n_frames, "frame"), dict.fromkeys(name for pair in pairs for name in pair.people)
    heading = f"Labels of {study.name} by several people", f"{frames} labeled by more than one of {', '.join(people)}"
    pictures = [_pictures(study, pair) for pair in pairs]
    page, table, points, figure = (study.root / name for name in (PAGE_FILE, TABLE_FILE, POINTS_FILE, FIGURE_FILE))
    agreement_page(heading, pairs, pictures, found.notes, (size, colors)).write(page)
    write_text(table, _table(pairs))
    write_text(points, _points(pairs))
    with figure_style(colors), atomic_path(figure) as temporary:
        agreement_figure(pairs[0]).savefig(temporary, metadata={"Software": None})
    return page, table, points, figure


def _size(study: Project) -> float:
    try:
        size = study.labels().animal_size_px()
    except LabelsError:
        return 0.0
    return size if np.isfinite(size) else 0.0


def _pictures(study: Project, pair: Agreement) -> Iterator[ApartPicture]:
    for number, row in enumerate(pair.worst()[:MOST_PICTURES], start=1):
        path = PurePosixPath(pair.images[row])
        try:
            image = read_image(study.root / DATA_FOLDER / path.parent.name / path.name)
        except MarkerlessError:
            continue  # `check` says that it cannot be read
        apart = pair.distance_px[row]
        worst = int(np.nanargmax(apart))
        text = f"{pair.keypoints[worst]} {apart[worst]:.1f} px apart, {np.nanmean(apart):.1f} px on average"
        animal = "" if len(set(pair.individuals)) == 1 else f" ({pair.individuals[row]})"
        yield ApartPicture(f"{number}. {path.parent.name}/{path.name}{animal}", text, image, pair.xy[:, row])


def _table(pairs: Sequence[Agreement]) -> str:
    header = (
        "one,other,keypoint,n_points,median_px,mean_px,p95_px,max_px,offset_x_px,offset_y_px,systematic,only_one,"
        "only_other,share_only_one"
    )
    rows: list[Sequence[object]] = [header.split(",")]
    for pair in pairs:
        for one in (*pair.by_keypoint(), pair.all):
            numbers = (one.median_px, one.mean_px, one.p95_px, one.max_px, *one.offset_px)
            marks = ("yes" if one.is_systematic else "no", *one.n_only, _number(one.share_only_one))
            rows.append((*pair.people, one.keypoint, one.n_points, *map(_number, numbers), *marks))
    return _csv(rows)


def _points(pairs: Sequence[Agreement]) -> str:
    header = "one,other,image,individual,keypoint,one_x,one_y,other_x,other_y,distance_px"
    rows: list[Sequence[object]] = [header.split(",")]
    for pair in pairs:
        apart = pair.distance_px
        for row, (image, individual) in enumerate(zip(pair.images, pair.individuals, strict=True)):
            for k, keypoint in enumerate(pair.keypoints):
                if np.isfinite(apart[row, k]) or pair.only[:, row, k].any():
                    numbers = (*pair.xy[:, row, k].reshape(-1), apart[row, k])
                    rows.append((*pair.people, image, individual, keypoint, *map(_number, numbers)))
    return _csv(rows)


def _number(value: float) -> str:
    return f"{value:.4g}" if np.isfinite(value) and abs(value) < 1 else f"{value:.3f}" if np.isfinite(value) else ""


def _csv(rows: Sequence[Sequence[object]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
