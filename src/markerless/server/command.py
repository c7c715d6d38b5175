"""The verb `app`: starts the server and opens the browser. It comes to the command line as an entry point, because
`cli` and `server` do not import each other."""

from __future__ import annotations

import logging
import os
import secrets
import socket
import webbrowser
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import click

from markerless.errors import SettingsError, StorageError

FIRST_PORT, N_PORTS = 8421, 20
EVERYWHERE = {"0.0.0.0", "::"}
PATH = click.Path(path_type=Path)


@click.command()
@click.argument("project", type=PATH, required=False)
@click.option("--port", type=click.IntRange(0, 65535), help=f"Default: the first free one from {FIRST_PORT}.")
@click.option("--host", metavar="ADDRESS", default="127.0.0.1", help="Listen here; default: this machine alone.")
@click.option("--name", "names", metavar="HOST", multiple=True, help="Also answer to this name (a proxy); repeatable.")
@click.option("--root", "roots", type=PATH, metavar="DIR", multiple=True, help="Show files below it; default: home.")
@click.option("--no-browser", is_flag=True, help="Print the address and open no browser.")
@click.option("--new-token", is_flag=True, help="Make a new secret; addresses printed before no longer work.")
def command(
    project: Path | None,
    port: int | None,
    host: str,
    names: tuple[str, ...],
    roots: tuple[Path, ...],
    **switches: bool,
) -> None:
    """Label, train, review and refine PROJECT in the browser.

    Without PROJECT the start page offers to make or open one. Over ssh: `ssh -L 8421:localhost:8421 SERVER`, start
    the app there, and open the printed address here.
    """
    from markerless.server.app import AppOptions, create_app

    listening = _listen(host, port)
    options = AppOptions(kept_token(switches["new_token"]), project)
    if roots:
        options = replace(options, roots=_folders(roots))
    options = replace(options, hosts=options.hosts | {name.lower() for name in names} | _names_of(host))
    app = create_app(options)
    address = f"http://{_shown(host)}:{listening.getsockname()[1]}/?token={options.token}"
    if host not in ("127.0.0.1", "localhost", "::1"):
        click.echo(
            f"warning: listening on {host}, where others on the network can reach it; whoever knows the token can read "
            "and change files below the allowed folders, and traffic is not encrypted; 'ssh -L' is safer",
            err=True,
        )
    click.echo(f"markerless app: {address}")
    click.echo("stop it with Ctrl-C; every change is saved when it is made")
    if not switches["no_browser"] and _has_screen():
        webbrowser.open(address)
    _serve(app, listening)


def _serve(app: Callable[..., object], listening: socket.socket) -> None:
    import uvicorn

    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s")
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=3,
    )
    uvicorn.Server(config).run(sockets=[listening])


def kept_token(anew: bool = False) -> str:
    """The secret of this user's servers: MARKERLESS_TOKEN, else one made once and kept where only the user can read,
    so that a page that is open goes on after the server was started again.

    Raises:
        SettingsError: MARKERLESS_TOKEN is too short to be a secret.
    """
    from markerless.server.workspace import state_folder

    given = os.environ.get("MARKERLESS_TOKEN", "")
    if given:
        if len(given) < 16 or not given.isascii() or not given.replace("-", "").replace("_", "").isalnum():
            raise SettingsError("MARKERLESS_TOKEN: expected at least 16 letters, digits, - or _, got another text")
        return given
    path = state_folder() / "token"
    try:
        kept = "" if anew else path.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        kept = ""
    if len(kept) >= 16 and kept.replace("-", "").replace("_", "").isalnum():
        return kept
    token = secrets.token_urlsafe(24)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            file.write(token)
    except OSError:
        pass  # it then lasts as long as this server
    return token


def _listen(host: str, port: int | None) -> socket.socket:
    """A listening socket, at the first free port when none is given.

    Raises:
        StorageError: no port can be had.
    """
    ports = [port] if port is not None else list(range(FIRST_PORT, FIRST_PORT + N_PORTS))
    reason: OSError | None = None
    for candidate in ports:
        try:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            made = socket.create_server((host, candidate), family=family, backlog=128)
            # asyncio sends small packets at once only on sockets that say they are TCP; without that every answer on a
            # kept connection waits 40 ms for the browser's delayed acknowledgment
            return socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP, made.detach())
        except OSError as error:
            reason = error
    where = f"port {ports[0]}" if len(ports) == 1 else f"ports {ports[0]} to {ports[-1]}"
    why = reason.strerror if reason is not None else "nothing is free"
    raise StorageError(f"cannot listen on {host}, {where}: {why}; give another one with --port")


def _folders(roots: tuple[Path, ...]) -> tuple[Path, ...]:
    for root in roots:
        if not root.is_dir():
            raise SettingsError(f"--root: expected a folder, got {root}")
    return tuple(root.absolute() for root in roots)


def _names_of(host: str) -> frozenset[str]:
    """Names that a server listening on `host` answers to."""
    if host in EVERYWHERE:
        return frozenset({socket.gethostname().lower(), socket.getfqdn().lower()})
    return frozenset({host.lower()})


def _shown(host: str) -> str:
    if host in EVERYWHERE:
        return socket.gethostname()
    return f"[{host}]" if ":" in host else host


def _has_screen() -> bool:
    """False over ssh and where there is no display: a browser would open on the wrong machine or not at all."""
    if os.environ.get("SSH_CONNECTION"):
        return False
    return (
        os.name == "nt"
        or os.uname().sysname == "Darwin"
        or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    )
