"""Writes the reference pages of the documentation from the code: every verb and every setting.

python docs/generate.py            # write docs/reference/
python docs/generate.py --check    # exit code 1 when a page is not up to date

"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click
from pydantic.fields import FieldInfo

from markerless.cli.main import COMMANDS, LazyGroup, group
from markerless.config import Settings

FOLDER = Path(__file__).resolve().parent / "reference"
MADE = "<!-- made by docs/generate.py; change the code, then run `make docs` -->\n\n"


def setting_groups() -> dict[str, type[Settings]]:
    """Group -> class of everything that `--set group.key=value` reaches."""
    from markerless.pipeline.analyze import AnalyzeSettings
    from markerless.pipeline.filter import settings_class
    from markerless.pipeline.kinematics import KinematicsSettings
    from markerless.pipeline.live import LiveSettings
    from markerless.pipeline.training_plan import GROUPS

    return {
        **GROUPS,
        "analyze": AnalyzeSettings,
        "live": LiveSettings,
        "filter": settings_class(),
        "kinematics": KinematicsSettings,
    }


def commands_page() -> str:
    """The page of all verbs, in the order in which a study uses them."""
    context = click.Context(group, info_name="markerless")
    assert isinstance(group, LazyGroup)
    verbs = [(name, COMMANDS.get(name).command) for name in group.list_commands(context)]
    lines = ["# Commands", "", "Exit codes: 0 done, 1 a bug in markerless, 2 the input, 130 interrupted by Ctrl-C.", ""]
    lines += ["| verb | does |", "|---|---|"]
    lines += [f"| [`{name}`](#{name}) | {verb.get_short_help_str(limit=200)} |" for name, verb in verbs]
    for name, verb in verbs:
        lines += ["", f"## {name}", "", *_verb(name, verb, context)]
    return MADE + "\n".join(lines) + "\n"


def settings_page() -> str:
    """The page of all settings, group by group."""
    lines = ["# Settings", "", "Each is changed with `--set group.key=value`, for example `--set train.steps=500`."]
    lines += [
        "An unknown name is refused with a suggestion. A run keeps the settings it was trained with in `run.toml`."
    ]
    for name, cls in setting_groups().items():
        lines += ["", f"## {name}", "", "| setting | default | meaning |", "|---|---|---|"]
        lines += [_setting(name, key, info) for key, info in cls.model_fields.items()]
    return MADE + "\n".join(lines) + "\n"


def pages() -> dict[Path, str]:
    """Path -> text of every generated page."""
    return {FOLDER / "commands.md": commands_page(), FOLDER / "settings.md": settings_page()}


def _verb(name: str, verb: click.Command, parent: click.Context) -> Iterator[str]:
    context = click.Context(verb, info_name=name, parent=parent)
    usage = " ".join(verb.collect_usage_pieces(context))
    yield from ("```", f"markerless {name} {usage}", "```", "")
    yield from (line.strip() for line in (verb.help or "").replace("\b", "").strip().splitlines())
    options = [parameter for parameter in verb.params if isinstance(parameter, click.Option)]
    rows = [record for option in options if (record := option.get_help_record(context))]
    yield from ("", "| option | meaning |", "|---|---|")
    for option, meaning in rows:
        yield f"| `{_cell(option)}` | {_cell(meaning)} |"
    yield "| `-h, --help` | Show this help. |"


def _setting(group_name: str, key: str, info: FieldInfo) -> str:
    default = info.get_default(call_default_factory=True)
    shown = "" if default is None else f"`{default}`" if default != "" else "empty"
    return f"| `{group_name}.{key}` | {shown} | {_cell(info.description or '')} |"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def main() -> int:
    """Write the pages, or say which ones are not up to date."""
    stale = [path for path, text in pages().items() if not path.is_file() or path.read_text(encoding="utf-8") != text]
    if "--check" in sys.argv[1:]:
        for path in stale:
            print(f"not up to date: {path.name}; run make docs", file=sys.stderr)
        return 1 if stale else 0
    FOLDER.mkdir(exist_ok=True)
    for path in stale:
        path.write_text(pages()[path], encoding="utf-8", newline="\n")
        print(f"wrote {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
