"""Other keypoints for a study: the verb `keypoints`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from markerless.errors import LabelsError, ProjectError
from markerless.project import Project, skeleton_settings
from markerless.project.keypoints import Changed, change_keypoints, plan
from markerless.project.skeleton_settings import Drawn, NamePair


@dataclass(frozen=True)
class KeypointsRequest:
    """Steps that change the keypoints of a study; edges and mirror pairs go by the new names.

    Attributes:
        add: Names of new ones.
        remove: Present names.
        rename: Present name -> new name.
        order: All names, after the other steps, in their new order; None keeps it.
        edges: Edges to add.
        no_edges: Edges to take away.
        mirror: Left/right pairs to add; pairs that are guessed from names become written ones.
        no_mirror: Left/right pairs to take away.
    """

    add: Sequence[str] = ()
    remove: Sequence[str] = ()
    rename: Mapping[str, str] = field(default_factory=dict)
    order: Sequence[str] | None = None
    edges: Sequence[NamePair] = ()
    no_edges: Sequence[NamePair] = ()
    mirror: Sequence[NamePair] = ()
    no_mirror: Sequence[NamePair] = ()

    @property
    def is_empty(self) -> bool:
        """True when nothing shall change."""
        return self == KeypointsRequest()


def keypoints(project: Project | Path | str, request: KeypointsRequest) -> Changed:
    """Add, remove, rename and reorder the keypoints of a study, its labels and runs along with them.

    Raises:
        ProjectError: no such project, or the steps make no sense. Nothing is changed.
        LabelsError: a label table is malformed or its CSV is newer and differs. Nothing is changed.
        StorageError: a file cannot be written.
    """
    study = project if isinstance(project, Project) else Project(project)
    new = plan(study, add=request.add, remove=request.remove, rename=request.rename, order=request.order)
    drawn = skeleton_settings.after(study, new)
    edges = _changed(drawn.edges, request.edges, request.no_edges, "edge")
    mirrored = drawn.mirror_pairs
    if request.mirror or request.no_mirror:
        mirrored = _changed(_mirror_pairs(study, drawn, new.renamed), request.mirror, request.no_mirror, "mirror pair")
    return change_keypoints(study, new, replace(drawn, edges=edges, mirror_pairs=mirrored))


def label_counts(project: Project) -> dict[str, int]:
    """Keypoint -> frames in which it has a point, over all animals."""
    try:
        labels = project.labels()
    except LabelsError:
        return dict.fromkeys(project.skeleton.keypoints, 0)
    placed = np.isfinite(labels.xy()).all(-1).sum(axis=(0, 1))
    return {name: int(n) for name, n in zip(project.skeleton.keypoints, placed, strict=True)}


def _mirror_pairs(study: Project, drawn: Drawn, renamed: Mapping[str, str]) -> tuple[NamePair, ...]:
    if drawn.mirror_pairs is not None:
        return drawn.mirror_pairs
    pairs = study.skeleton.names_of(study.skeleton.mirror_pairs)
    return tuple((renamed.get(one, one), renamed.get(other, other)) for one, other in pairs)


def _changed(
    pairs: Sequence[NamePair], more: Sequence[NamePair], fewer: Sequence[NamePair], what: str
) -> tuple[NamePair, ...]:
    """`pairs` with some added and some taken away, whichever way round they are given."""
    left = list(pairs)
    for pair in fewer:
        found = next((item for item in left if set(item) == set(pair)), None)
        if found is None:
            known = ", ".join("-".join(item) for item in left) or "none"
            raise ProjectError(f"no {what} between '{pair[0]}' and '{pair[1]}'; there are: {known}")
        left.remove(found)
    return (*left, *(pair for pair in more if not any(set(pair) == set(item) for item in left)))
