"""The command `markerless`: finds its verbs by file name, turns errors into one line, and keeps the exit codes.

Exit code 0: done. 1: a bug in markerless. 2: the user's input. 130: interrupted by Ctrl-C. A verb is a module of
`markerless.cli.commands` (or an entry point of the group `markerless.command`) that provides `command`, a click
command; it may return an exit code.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Sequence
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path
from typing import NoReturn, TextIO

import click

from markerless.core.job_folder import JobFolder
from markerless.core.storage import storage_error
from markerless.errors import MarkerlessError
from markerless.registry import Registry
from markerless.version import VERSION

OK, BUG, USER_ERROR, INTERRUPTED = 0, 1, 2, 130
COMMANDS = Registry("command", "markerless.cli.commands")
WORKFLOW = (
    "demo",
    "new",
    "add",
    "extract",
    "app",
    "check",
    "merge",
    "train",
    "evaluate",
    "compare",
    "analyze",
    "calibrate",
    "triangulate",
    "views",
    "live",
    "filter",
    "outliers",
    "render",
    "plot",
)
EXTRA_OF = {  # module -> the extra that installs it
    "torch": "train",
    "onnx": "train",
    "onnxscript": "train",
    "safetensors": "train",
    "onnxruntime": "onnxruntime",
}
STORAGE_ERRNOS = {
    errno.ENOSPC,
    errno.EFBIG,
    errno.EDQUOT,
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.ENOTDIR,
    errno.EIO,
}


class LazyGroup(click.Group):
    """A group whose verbs are imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Verbs in the order in which a study uses them, then the others by name."""
        names = COMMANDS.names()
        return [name for name in WORKFLOW if name in names] + [name for name in names if name not in WORKFLOW]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS.names():
            return None
        command = COMMANDS.get(cmd_name).command
        if not isinstance(command, click.Command):
            raise TypeError(
                f"verb '{cmd_name}': expected `command` to be a click command, got {type(command).__name__}"
            )
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        names = self.list_commands(ctx)
        if args and args[0] not in names and not args[0].startswith("-"):
            close = get_close_matches(args[0], names, n=1)
            hint = f"did you mean '{close[0]}'?" if close else f"verbs: {', '.join(names)}"
            ctx.fail(f"no verb '{args[0]}'; {hint}")
        return super().resolve_command(ctx, args)


@click.group(cls=LazyGroup, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, prog_name="markerless", message="%(prog)s %(version)s")
@click.option("--debug", is_flag=True, help="Show where in the code an error arose.")
@click.pass_context
def group(ctx: click.Context, debug: bool) -> None:
    """Measures how animals move: label, train, analyze.

    Start with `markerless demo`; `markerless VERB --help` explains a verb.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    Args:
        arguments: Words after `markerless`; None takes them from `sys.argv`.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    for stream in (sys.stdout, sys.stderr):
        _never_fail_on_unicode(stream)
    try:
        result = group.main(args=words, prog_name="markerless", standalone_mode=False)
        return result if isinstance(result, int) else OK
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        return INTERRUPTED
    except Exception as error:
        if "--debug" in words[:1]:
            click.echo(traceback.format_exc(), err=True)
        return _report(error)


def run() -> NoReturn:
    """The program `markerless`: `main`, then the end of the process at once.

    Every file is written and every thread ended by then; taking numpy, pandas and OpenVINO down piece by piece takes
    a quarter of a second more.
    """
    job = JobFolder.of_this_process()
    if job is not None:
        # A server that was started with `&` or nohup ignores Ctrl-C, and hands that on: nobody could stop its jobs.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    code = main()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # nobody reads any more
            stream.flush()
    if job is not None:
        job.tell_exit(code)
    os._exit(code)


def _report(error: Exception) -> int:
    """Print one line about `error` on stderr; the exit code."""
    if isinstance(error, click.ClickException):
        return _fail(_usage(error))
    if isinstance(error, MarkerlessError):
        return _fail(str(error))
    if isinstance(error, ModuleNotFoundError) and error.name in EXTRA_OF:
        extra = EXTRA_OF[error.name]
        return _fail(f"this needs {error.name}, which is not installed; install markerless with its extra [{extra}]")
    if isinstance(error, OSError) and error.errno in STORAGE_ERRNOS:
        return _fail(str(storage_error(error, Path(error.filename or "a result file"))))
    return _bug(error)


def _fail(message: str) -> int:
    click.echo(f"error: {' '.join(message.split())}", err=True)
    return USER_ERROR


def _usage(error: click.ClickException) -> str:
    message = error.format_message().rstrip(".")
    context = getattr(error, "ctx", None)
    return f"{message}; see {context.command_path} --help" if context is not None else message


def _bug(error: Exception) -> int:
    """Nobody meant this error: keep its traceback in a file and ask for a report."""
    trace = "".join(traceback.format_exception(error))
    where = traceback.extract_tb(error.__traceback__)[-1]
    line = f"bug: {type(error).__name__}: {error} ({Path(where.filename).name}:{where.lineno})"
    click.echo(" ".join(line.split()), err=True)
    try:
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", prefix="markerless-bug-", suffix=".txt", delete=False
        ) as file:
            file.write(f"markerless {VERSION}, Python {sys.version}\n{' '.join(sys.argv)}\n\n{trace}")
    except OSError:
        click.echo(trace, err=True)
        click.echo("this is a bug in markerless; please report it with the text above", err=True)
    else:
        click.echo(f"this is a bug in markerless; please report it with the file {file.name}", err=True)
    return BUG


def _never_fail_on_unicode(stream: TextIO) -> None:
    """A file name that the terminal's encoding lacks is shown with escapes, not turned into an error."""
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")
