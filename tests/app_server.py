"""`markerless app` in a process of its own, for tests that kill it or look at it with a browser."""

from __future__ import annotations

import os
import re
import select
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

STARTS_WITHIN_S = 60.0


@dataclass
class Server:
    """A running `markerless app`.

    Attributes:
        process: It.
        url: The address that it printed, token included.
    """

    process: subprocess.Popen[str]
    url: str

    @property
    def port(self) -> int:
        return int(self.url.split(":")[2].split("/")[0])

    @property
    def token(self) -> str:
        return self.url.partition("token=")[2]

    def kill(self) -> None:
        """End it at once, as a crash would."""
        self.process.kill()
        self.process.wait()


class StartServer(Protocol):
    """Starts a server: `start_server(project or None, port=0, roots=())`; it is ended after the test."""

    def __call__(self, project: Path | None = None, port: int = 0, roots: tuple[Path, ...] = ()) -> Server: ...


def start(folder: Path, project: Path | None = None, port: int = 0, roots: tuple[Path, ...] = ()) -> Server:
    """Start one whose state and allowed root are in `folder`."""
    environment = {**os.environ, "MARKERLESS_STATE": str(folder / "state"), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "markerless", "app", *([str(project)] if project else []), "--no-browser"]
    command += ["--port", str(port), *(word for root in roots or (folder,) for word in ("--root", str(root)))]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, cwd=folder)
    return Server(process, _address(process))


def _address(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], STARTS_WITHIN_S)
    line = process.stdout.readline() if ready else ""
    found = re.search(r"http://\S+", line)
    if found is None:
        process.kill()
        raise AssertionError(f"expected the address of the app within {STARTS_WITHIN_S} s, got {line!r}")
    return found[0]
