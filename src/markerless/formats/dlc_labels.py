"""DeepLabCut's label tables: `CollectedData_<scorer>.csv` and `.h5`, single and multi animal, of any version.

Rows name images by one string (either separator), by two or by three index levels; a bare file name is kept as it is.
An animal whose row is all NaN has no instance; a frame without any has none at all (a person looked: no animal).
Keypoints that belong to another animal (DeepLabCut's unique bodyparts, individual `single`) are not labeled rather
than absent.
Lightning Pose's label tables are the same with optional `visible` columns (0 not labeled, 1 occluded, 2 visible).
Coordinates are taken as they are: DeepLabCut's origin is ours.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from markerless.core.instance import FloatArray, Instance, Visibility
from markerless.core.labels import LabeledFrame, Labels
from markerless.core.skeleton import Skeleton
from markerless.core.storage import atomic_path
from markerless.errors import FormatError, LabelsError
from markerless.formats._csv_table import write_table
from markerless.formats._peek import peek, read_table
from markerless.formats._table import LEVELS, SINGLE_ANIMAL, UNIQUE_BODYPARTS, KeypointTable, Poses, sort_out
from markerless.formats._writable import require_suffix

SUFFIXES = (".csv", ".h5")
KIND = "labels"

_KNOWN_COORDS = frozenset({"x", "y", "visible", "likelihood"})
_HUMAN_PREFIX = "collecteddata"


def sniff(path: Path) -> float:
    """How surely the file is a label table, 0 to 1."""
    look = peek(path)
    if look is None:
        return 0.0
    if look.is_prediction:
        # Likelihoods left behind in a label table by the old refinement do not make it a prediction.
        if not look.names_images:
            return 0.0
        return 0.95 if _is_human(path) else 0.2
    return 0.9 if look.is_whole else 0.5


def read(path: Path) -> Labels:
    """The labels of a CSV or h5 table, frames in the order of the file.

    Frames get no `path`: where the pictures are is the project's business. Likelihoods in a `CollectedData` table are
    left out with a note; in any other they become the scores of instances placed by a model.

    Raises:
        LabelsError: malformed; the message names file, line and column.
    """
    path = Path(path)
    try:
        table = read_table(path)
        table.require_unique_rows()
        poses = sort_out(table)
    except FormatError as error:
        raise LabelsError(str(error)) from error
    if table.rows_are_frames:
        raise LabelsError(
            f"{path}, {table.rows[0].place}: expected image names in the first column, "
            f"got frame number {table.rows[0].name}; this is a prediction of a video, not a label table"
        )
    xy, score, visibility = poses.xy(), _scores(path, poses), _visibility(poses)
    frames = []
    for row, entry in enumerate(table.rows):
        instances = tuple(
            _instance(xy[row, n], visibility[row, n], None if score is None else score[row, n], name)
            for n, name in enumerate(poses.individuals)
            if np.isfinite(xy[row, n]).any()
        )
        frames.append(LabeledFrame(entry.name, instances, labeler=table.scorer))
    return Labels(
        Skeleton(poses.keypoints), tuple(frames), poses.individuals, _notes(path, table, xy, score is not None)
    )


def write(labels: Labels, path: Path) -> None:
    """Write one label table, CSV or h5 by the suffix, as DeepLabCut 2.2 and later do.

    The rows have three index levels when every image lies at `labeled-data/<video>/<name>` (any folder, that depth),
    else one. The table has one scorer: the labeler of the first labeled frame. Visibility beyond NaN has no place
    in it.

    Raises:
        LabelsError: the suffix is neither .csv nor .h5.
        StorageError: the file cannot be written.
    """
    path = Path(path)
    require_suffix(path, SUFFIXES, LabelsError)
    names, columns = _columns(labels)
    values = _values(labels, columns)
    index = _index(labels)
    with atomic_path(path) as temporary:
        if path.suffix.lower() == ".csv":
            write_table(temporary, columns, names, index, values)
        else:
            from markerless.formats._write_h5 import make_frame, write_frame

            write_frame(temporary, make_frame(values, index, columns, names))


def _is_human(path: Path) -> bool:
    return path.name.lower().startswith(_HUMAN_PREFIX)


def _scores(path: Path, poses: Poses) -> FloatArray | None:
    """`(R, N, K)` likelihoods when a model placed the points; None for labels of a person."""
    if "likelihood" not in poses.arrays or _is_human(path):
        return None
    return poses.arrays["likelihood"]


def _visibility(poses: Poses) -> npt.NDArray[np.int8]:
    """`(R, N, K)` of `Visibility`, for animals that have at least one point."""
    placed = np.isfinite(poses.xy()).all(axis=-1)
    missing = np.where(poses.owned, Visibility.ABSENT, Visibility.NOT_LABELED)
    visibility = np.where(placed, np.int8(Visibility.VISIBLE), missing.astype(np.int8))
    if "visible" in poses.arrays:
        flag = poses.arrays["visible"]
        visibility[placed & (flag == Visibility.OCCLUDED)] = Visibility.OCCLUDED
        visibility[flag == Visibility.NOT_LABELED] = Visibility.NOT_LABELED
    return visibility.astype(np.int8)


def _instance(xy: FloatArray, visibility: npt.NDArray[np.int8], score: FloatArray | None, individual: str) -> Instance:
    points = np.where((visibility == Visibility.NOT_LABELED)[:, None], np.nan, xy)
    placed = np.isfinite(points).all(axis=-1)
    if score is None:
        return Instance(points, visibility, np.where(placed, 1.0, np.nan), individual)
    return Instance(points, visibility, np.where(placed, score, np.nan), individual, source="model")


def _notes(path: Path, table: KeypointTable, xy: FloatArray, has_scores: bool) -> tuple[str, ...]:
    notes = []
    if "likelihood" in table.coords and not has_scores:
        notes.append(f"{path.name}: likelihood columns left out, labels of a person have none")
    at_origin = int((xy == 0).all(axis=-1).sum())
    if at_origin:
        notes.append(f"{path.name}: points at exactly (0, 0): {at_origin}; old tools wrote that for a missing point")
    unknown = sorted(table.coords - _KNOWN_COORDS)
    if unknown:
        notes.append(f"{path.name}: columns {', '.join(unknown)} left out, labels are x and y")
    scorers = sorted({column.scorer for column in table.columns})
    if len(scorers) > 1:
        notes.append(f"{path.name}: columns of scorers {', '.join(scorers)} used together as {table.scorer}'s")
    return tuple(notes)


def _columns(labels: Labels) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Names of the column levels, and the columns in DeepLabCut's order."""
    scorer = next((frame.labeler for frame in labels.frames if frame.labeler), "markerless")
    if labels.individuals == (SINGLE_ANIMAL,):
        return ("scorer", "bodyparts", "coords"), [
            (scorer, keypoint, coord) for keypoint in labels.skeleton.keypoints for coord in ("x", "y")
        ]
    owned = owned_keypoints(labels)
    return LEVELS, [
        (scorer, individual, keypoint, coord)
        for n, individual in enumerate(labels.individuals)
        for k, keypoint in enumerate(labels.skeleton.keypoints)
        if owned[n, k]
        for coord in ("x", "y")
    ]


def owned_keypoints(labels: Labels) -> npt.NDArray[np.bool_]:
    """`(N, K)`: which keypoints an animal has columns for: all, but for the unique bodyparts of `single`.

    Where another keypoint of the animal is placed in a row, a table without a point in such a column says "absent".
    """
    owned = np.ones((len(labels.individuals), labels.skeleton.n_keypoints), dtype=np.bool_)
    if UNIQUE_BODYPARTS not in labels.individuals:
        return owned
    single = labels.individuals.index(UNIQUE_BODYPARTS)
    of_single, of_animals = np.zeros((2, owned.shape[1]), dtype=np.bool_)
    for frame in labels.frames:
        for instance in frame.instances:
            known = instance.visibility != Visibility.NOT_LABELED
            if instance.individual == UNIQUE_BODYPARTS:
                of_single |= known
            else:
                of_animals |= known
    # A keypoint nobody ever had belongs to the side that has nothing yet, so that no column gets lost.
    if not of_single.any():
        of_single = ~of_animals
    owned[:] = ~of_single | of_animals
    owned[single] = of_single
    return owned


def _values(labels: Labels, columns: list[tuple[str, ...]]) -> FloatArray:
    """`(F, columns)` numbers in the order of the columns."""
    xy = labels.xy()
    is_multi = labels.individuals != (SINGLE_ANIMAL,)
    n_of = {name: n for n, name in enumerate(labels.individuals)}
    k_of = {name: k for k, name in enumerate(labels.skeleton.keypoints)}
    values = np.empty((len(labels), len(columns)))
    for place, column in enumerate(columns):
        n = n_of[column[1]] if is_multi else 0
        values[:, place] = xy[:, n, k_of[column[-2]], 0 if column[-1] == "x" else 1]
    return values


def _index(labels: Labels) -> list[tuple[str, ...]]:
    parts = [tuple(image.split("/")) for image in labels.images]
    if all(len(part) == 3 for part in parts):
        return parts
    return [(image,) for image in labels.images]
