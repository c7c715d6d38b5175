"""The documentation is true: commands, options, settings, code and links exist, and reference pages are up to date."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import pkgutil
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import click
import pytest

import markerless as ml
from markerless.cli.main import COMMANDS, group
from markerless.config import Settings
from markerless.formats import registry as formats

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "benchmarks").glob("*.md")])
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)|<img[^>]* src=\"([^\"]+)\"")
SETTING = re.compile(r"--set[ =]([a-z_]+\.[a-z_]+)=")
COMPOSED = ("triangulate",)  # verbs that do other verbs' work on the way, and need some of their options
ids = [str(page.relative_to(ROOT)) for page in PAGES]


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    """docs/generate.py."""
    spec = importlib.util.spec_from_file_location("docs_generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def blocks(page: Path, language: str) -> Iterator[str]:
    """Code of a page in one language."""
    text = page.read_text(encoding="utf-8")
    yield from (code for found, code in FENCE.findall(text) if found == language)


def command_lines(page: Path) -> Iterator[str]:
    """Calls of markerless in the shell code of a page, continued lines joined, comments dropped."""
    for code in (*blocks(page, "sh"), *blocks(page, "bash")):
        for line in code.replace("\\\n", " ").splitlines():
            words = re.split(r"\s#\s", line.strip().removeprefix("$ "))[0]
            if words.startswith("markerless "):
                yield words


def options_of(verb: click.Command) -> set[str]:
    found = {"--help", "-h"}
    for parameter in verb.params:
        if isinstance(parameter, click.Option):
            found |= {*parameter.opts, *parameter.secondary_opts}
    return found


def faults_of(line: str) -> list[str]:
    """What a call of markerless names that does not exist."""
    words = shlex.split(line)[1:]
    if words[0] in options_of(group):
        return []
    if words[0] not in COMMANDS.names():
        return [f"verb {words[0]}"]
    known = options_of(COMMANDS.get(words[0]).command)
    return [word for word in words[1:] if re.match(r"--?[a-z]", word) and word.partition("=")[0] not in known]


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_commands_on_the_page_exist(page: Path) -> None:
    assert {line: faults for line in command_lines(page) if (faults := faults_of(line))} == {}


@pytest.mark.parametrize("line", ["markerless tarin x", "markerless info --jsno x", "markerless doctor -q"])
def test_a_command_that_does_not_exist_is_found(line: str) -> None:
    assert faults_of(line)


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_settings_on_the_page_exist(page: Path, generator: ModuleType) -> None:
    known = {f"{name}.{key}" for name, cls in generator.setting_groups().items() for key in cls.model_fields}
    assert set(SETTING.findall(page.read_text(encoding="utf-8"))) <= known | {"group.key"}


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_python_on_the_page_compiles_and_uses_public_names(page: Path) -> None:
    for code in blocks(page, "python"):
        for node in ast.walk(ast.parse(code)):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "ml":
                assert node.attr in ml.__all__, f"ml.{node.attr}"


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_links_on_the_page_lead_somewhere(page: Path) -> None:
    for match in LINK.findall(page.read_text(encoding="utf-8")):
        target = match[0] or match[1]
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        path = (page.parent / name).resolve() if name else page
        assert path.exists(), target
        if anchor:
            assert anchor in anchors(path), target


def anchors(page: Path) -> set[str]:
    """Anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ +(.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_page_can_be_reached_from_the_start_page() -> None:
    start = ROOT / "docs" / "README.md"
    linked = {(start.parent / match[0]).resolve() for match in LINK.findall(start.read_text(encoding="utf-8"))}
    assert {page.resolve() for page in (ROOT / "docs").rglob("*.md")} - {start} <= linked


def test_reference_pages_are_up_to_date(generator: ModuleType) -> None:
    for path, text in generator.pages().items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name} is not up to date; run make docs"


def test_every_verb_is_explained(generator: ModuleType) -> None:
    page = generator.commands_page()
    for name in COMMANDS.names():
        verb = COMMANDS.get(name).command
        assert f"\n## {name}\n" in page
        assert len(verb.help or "") > 20, name
        for parameter in verb.params:
            if isinstance(parameter, click.Option):
                assert parameter.help, f"{name} {parameter.name}"
        most = 14 if name in COMPOSED else 11
        assert sum(isinstance(parameter, click.Option) for parameter in verb.params) <= most, name


def test_every_setting_is_explained(generator: ModuleType) -> None:
    for name, cls in generator.setting_groups().items():
        for key, info in cls.model_fields.items():
            assert info.description, f"{name}.{key}"


def test_every_group_of_settings_that_names_itself_is_in_the_reference(generator: ModuleType) -> None:
    for module in pkgutil.walk_packages(ml.__path__, "markerless."):
        if module.name != "markerless.__main__":
            importlib.import_module(module.name)
    named = {match[1] for cls in descendants(Settings) if (match := re.search(r"--set (\w+)\.", cls.__doc__ or ""))}
    assert named
    assert named <= set(generator.setting_groups())


def descendants(cls: type[Settings]) -> set[type[Settings]]:
    found = {cls}
    for child in cls.__subclasses__():
        found |= descendants(child)
    return found


def test_every_format_has_its_row() -> None:
    rows = re.findall(
        r"^\| `(\w+)` \| (\w+).*? \|.*\|$", (ROOT / "docs" / "formats.md").read_text(encoding="utf-8"), re.M
    )
    assert dict(rows) == {name: formats.get(name).KIND for name in formats.names()}


BRITISH = re.compile(
    r"\b(centre[sd]?|colours?|labell(ed|ing|er)|unlabelled|normalis\w+|behaviours?|neighbours?|grey|analysed)\b",
    re.IGNORECASE,
)


@pytest.mark.parametrize("folder", ["src", "docs"])
def test_spelling_is_american(folder: str) -> None:
    paths = [path for suffix in ("py", "md") for path in (ROOT / folder).rglob(f"*.{suffix}")]
    found = {path.name: match[0] for path in paths if (match := BRITISH.search(path.read_text(encoding="utf-8")))}
    assert found == {}
    assert BRITISH.search("the centre of a labelled colour")
