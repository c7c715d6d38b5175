"""How a study's keypoints are drawn and paired: edges, mirror pairs and colors in `config.yaml`, read and written.

`skeleton` is DeepLabCut's key. `mirror_pairs` and `keypoint_colors` are ours: without them pairs are guessed from the
names, and colors are those of `drawing.palette`. `removed_keypoints` is ours as well: what belonged to keypoints that
were removed, under the same three keys.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ruamel.yaml.comments import CommentedMap

from markerless.core.skeleton import Skeleton
from markerless.errors import ProjectError
from markerless.project import config_file

if TYPE_CHECKING:
    from markerless.project.keypoints import Plan
    from markerless.project.study import Project

NamePair = tuple[str, str]


@dataclass(frozen=True)
class Drawn:
    """What belongs to keypoints beside their names, all by name.

    Attributes:
        edges: Pairs to draw a line between.
        mirror_pairs: Left and right of the animal; None to guess them from the names.
        colors: Keypoint -> "#rrggbb", of those with a color of their own.
    """

    edges: tuple[NamePair, ...] = ()
    mirror_pairs: tuple[NamePair, ...] | None = None
    colors: dict[str, str] = field(default_factory=dict)

    def renamed(self, names: Mapping[str, str], keypoints: Sequence[str]) -> Drawn:
        """The same after keypoints were renamed; what belongs to one that is not among `keypoints` is left out."""
        colors = {names.get(name, name): color for name, color in self.colors.items()}
        return Drawn(
            _renamed(self.edges, names, keypoints),
            None if self.mirror_pairs is None else _renamed(self.mirror_pairs, names, keypoints),
            {name: color for name, color in colors.items() if name in keypoints},
        )

    def all_renamed(self, names: Mapping[str, str]) -> Drawn:
        """The same after keypoints were renamed, with all that belongs to unknown ones."""
        everybody = {names.get(name, name) for name in self.names}
        return self.renamed(names, tuple(everybody))

    @property
    def names(self) -> set[str]:
        """The keypoints that something belongs to."""
        pairs = [*self.edges, *(self.mirror_pairs or ())]
        return {*(name for pair in pairs for name in pair), *self.colors}

    def require_known(self, keypoints: Sequence[str]) -> None:
        """Refuse names that are not among `keypoints`, and what makes no sense.

        Raises:
            ProjectError: there is such a name, a pair with itself, a keypoint with two mirror twins, or no color.
        """
        pairs = [*self.edges, *(self.mirror_pairs or ())]
        for name in [*(name for pair in pairs for name in pair), *self.colors]:
            if name not in keypoints:
                raise ProjectError(f"no keypoint '{name}'; the study has {', '.join(keypoints)}")
        for one, other in pairs:
            if one == other:
                raise ProjectError(f"expected two different keypoints, got '{one}' twice")
        twins = [name for pair in self.mirror_pairs or () for name in pair]
        for name in twins:
            if twins.count(name) > 1:
                raise ProjectError(f"expected every keypoint in one mirror pair at most, got '{name}' in several")
        for name, color in self.colors.items():
            if not config_file.COLOR.fullmatch(color):
                raise ProjectError(f"expected a color like #d55e00 for '{name}', got {color!r}")


def read(project: Project) -> Drawn:
    """What `config.yaml` says; what belongs to unknown keypoints is left out."""
    chosen = config_file.mirror_pairs(project.config)
    drawn = Drawn(
        project.skeleton.names_of(project.skeleton.edges),
        None if chosen is None else tuple(chosen),
        config_file.keypoint_colors(project.config),
    )
    return drawn.renamed({}, project.skeleton.keypoints)


def removed(project: Project) -> Drawn:
    """What belonged to keypoints that are not there any more, and to others together with them."""
    value = project.config.get("removed_keypoints")
    own = value if isinstance(value, Mapping) else {}
    edges, pairs = config_file.edges(own.get("skeleton")), config_file.mirror_pairs(own)
    return Drawn(tuple(edges), tuple(pairs or ()), config_file.keypoint_colors(own))


def revision(project: Project) -> str:
    """Names the state of the keypoints and of what belongs to them: who edits them says which one they began with."""
    drawn = read(project)
    state = [project.skeleton.keypoints, drawn.edges, drawn.mirror_pairs, sorted(drawn.colors.items())]
    return hashlib.blake2s(json.dumps(state).encode(), digest_size=8).hexdigest()


def after(project: Project, new: Plan) -> Drawn:
    """What `config.yaml` shall say with other keypoints, if nothing is said of edges, pairs and colors.

    Pairs that were guessed from the old names and could not be guessed from the new ones are written down. Where pairs
    were chosen, those of an added keypoint are guessed. What belonged to a removed keypoint comes back with it.
    """
    drawn = _with_back(read(project).renamed(new.renamed, new.keypoints), project, new)
    skeleton = Skeleton(new.keypoints).with_guessed_mirror_pairs()
    guessed = skeleton.names_of(skeleton.mirror_pairs)
    if drawn.mirror_pairs is not None:
        paired = {name for pair in drawn.mirror_pairs for name in pair}
        more = [pair for pair in guessed if paired.isdisjoint(pair) and not set(new.added).isdisjoint(pair)]
        return replace(drawn, mirror_pairs=(*drawn.mirror_pairs, *more))
    known = _renamed(project.skeleton.names_of(project.skeleton.mirror_pairs), new.renamed, new.keypoints)
    if {frozenset(pair) for pair in known} <= {frozenset(pair) for pair in guessed}:
        return drawn
    paired = {name for pair in known for name in pair}
    return replace(drawn, mirror_pairs=(*known, *(pair for pair in guessed if paired.isdisjoint(pair))))


def _with_back(drawn: Drawn, project: Project, new: Plan) -> Drawn:
    back = removed(project).all_renamed(new.renamed).renamed({}, new.keypoints)
    edges = [pair for pair in back.edges if not set(new.added).isdisjoint(pair)]
    colors = {name: color for name, color in back.colors.items() if name in new.added}
    drawn = replace(drawn, edges=(*drawn.edges, *edges), colors=drawn.colors | colors)
    if drawn.mirror_pairs is None:
        return drawn
    paired = {name for pair in drawn.mirror_pairs for name in pair}
    pairs = [pair for pair in back.mirror_pairs or () if paired.isdisjoint(pair)]
    return replace(drawn, mirror_pairs=(*drawn.mirror_pairs, *pairs))


def _removed_after(project: Project, new: Plan) -> Drawn:
    """What `removed` shall give: all that belongs to a keypoint that is not among the new ones."""
    known = [removed(project).all_renamed(new.renamed), read(project).all_renamed(new.renamed)]

    def is_gone(*names: str) -> bool:
        return not set(names) <= set(new.keypoints)

    return Drawn(
        tuple(dict.fromkeys(pair for drawn in known for pair in drawn.edges if is_gone(*pair))),
        tuple(dict.fromkeys(pair for drawn in known for pair in drawn.mirror_pairs or () if is_gone(*pair))),
        {name: color for drawn in known for name, color in drawn.colors.items() if is_gone(name)},
    )


def changed_config(project: Project, new: Plan, drawn: Drawn, unique: Collection[str] = ()) -> CommentedMap:
    """`config.yaml` with other keypoints and what belongs to them; comments and other keys stay.

    Args:
        project: The study.
        new: Its keypoints.
        drawn: Their edges, mirror pairs and colors.
        unique: New ones that are there once, as they were before they were removed; the others are every animal's.
    """
    config = config_file.load_config(project.config_path)
    for key, mine in _lists_of(project, new, unique).items():
        old = list(config_file.texts(config.get(key)))
        places = [None if was is None else old.index(was) for _, was in mine]
        if [name for name, _ in mine] != old:
            config_file.replace_list(config, key, [name for name, _ in mine], places)
    if tuple(config_file.edges(config.get("skeleton"))) != drawn.edges:
        pairs = [list(pair) for pair in drawn.edges]
        config_file.replace_list(config, "skeleton", pairs, [None] * len(pairs))
    _set(config, "mirror_pairs", None if drawn.mirror_pairs is None else [list(pair) for pair in drawn.mirror_pairs])
    _set(config, "keypoint_colors", _colors(drawn))
    left = _removed_after(project, new)
    if left != removed(project):
        _set(config, "removed_keypoints", _as_mapping(left))
    return config


def _colors(drawn: Drawn) -> dict[str, str] | None:
    return {config_file.name_scalar(name): color for name, color in drawn.colors.items()} or None


def _as_mapping(drawn: Drawn) -> dict[str, object] | None:
    """As `removed` reads it; None when nothing is there."""
    values = {
        "skeleton": _lists(drawn.edges),
        "mirror_pairs": _lists(drawn.mirror_pairs or ()),
        "keypoint_colors": _colors(drawn),
    }
    found: dict[str, object] = {key: value for key, value in values.items() if value}
    return found or None


def _lists(pairs: Sequence[NamePair]) -> list[list[str]]:
    return [[config_file.name_scalar(name) for name in pair] for pair in pairs]


def _lists_of(project: Project, new: Plan, unique: Collection[str]) -> dict[str, list[tuple[str, str | None]]]:
    """Key of `config.yaml` -> (name, present name) of the keypoints that stand there."""
    pairs = list(zip(new.keypoints, new.was, strict=True))
    if not project.is_multi_animal or project.config.get("bodyparts") not in (config_file.MULTI, None, ""):
        return {"bodyparts": pairs}
    key = "uniquebodyparts" if "uniquebodyparts" in project.config else "unique_bodyparts"
    present = config_file.texts(project.config.get(key))
    once = [(name, was) for name, was in pairs if (was in present if was is not None else name in unique)]
    lists = {"multianimalbodyparts": [pair for pair in pairs if pair not in once]}
    return lists | ({key: once} if once or present else {})


def _set(config: CommentedMap, key: str, value: object) -> None:
    if value is None:
        if key in config:
            del config[key]
    elif config.get(key) != value or key not in config:
        if isinstance(value, list):
            config_file.replace_list(config, key, value, [None] * len(value))
        else:
            config[key] = value


def _renamed(pairs: Sequence[NamePair], names: Mapping[str, str], keypoints: Sequence[str]) -> tuple[NamePair, ...]:
    new = [(names.get(one, one), names.get(other, other)) for one, other in pairs]
    return tuple(pair for pair in new if pair[0] in keypoints and pair[1] in keypoints)
