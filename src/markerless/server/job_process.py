"""The process of a job: runs one command to its end and writes down how it ended, whether or not a server is there.

python -m markerless.server.job_process FOLDER    # FOLDER holds job.json; log, progress.json and exit join it
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from markerless.core.storage import write_text

JOB, LOG, PROGRESS, EXIT = "job.json", "log", "progress.json", "exit"


def main(folder: Path) -> int:
    """Run the command of the job in `folder`; its exit code."""
    # the signal that stops a job goes to the whole group: the command ends, and how it ended is still written down
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    command = json.loads((folder / JOB).read_text(encoding="utf-8"))["command"]
    environment = {**os.environ, "MARKERLESS_PROGRESS": str(folder / PROGRESS), "PYTHONUNBUFFERED": "1"}
    with (folder / LOG).open("ab") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment,
            preexec_fn=_heed_signals if os.name == "posix" else None,
        )
        code = process.wait()
    write_text(folder / EXIT, f"{code}\n")
    return code


def _heed_signals() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
