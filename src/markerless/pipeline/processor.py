"""Code of the user's own that gets the numbers of `live`: loaded from where the user says, called, and its errors."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from markerless.core.instance import FloatArray
from markerless.core.user_code import told_of
from markerless.errors import ProcessorError
from markerless.runtime.live import Processor

AnyProcessor = Processor | Callable[[FloatArray, FloatArray, float], Any]
EXAMPLE = "laser.py:Laser"


def load_processor(text: str) -> AnyProcessor:
    """The object that a user names: `path/to/file.py:name` or `module.in.python:name`. A class is made an object of.

    Raises:
        ProcessorError: no such file, module or name, it fails when it is loaded, or it is nothing to call.
    """
    place, colon, name = text.rpartition(":")
    if not colon or not place or not name:
        raise ProcessorError(f"expected file.py:name or module:name for the processor, got '{text}'; such as {EXAMPLE}")
    module = _run(lambda: _module(place), f"cannot load the processor '{text}'")
    found = getattr(module, name, None)
    if found is None:
        raise ProcessorError(f"expected '{name}' in {place} for the processor, there is none; such as {EXAMPLE}")
    made = _run(found, f"cannot make the processor '{text}'") if isinstance(found, type) else found
    return checked(made)


def checked(processor: object) -> AnyProcessor:
    """A processor, when it is one.

    Raises:
        ProcessorError: it has no `process` and cannot be called.
    """
    if isinstance(processor, Processor) and callable(processor.process):
        return processor
    if callable(processor):
        return processor
    raise ProcessorError(
        f"expected a processor with process(points, score, timestamp_s), or a function of these, got {processor!r}"
    )


class Hooks:
    """A processor's methods, with errors that say where they arose."""

    def __init__(self, processor: AnyProcessor | None) -> None:
        self._processor = None if processor is None else checked(processor)
        self._started = False
        self._n_processed = 0
        self._call: Callable[[FloatArray, FloatArray, float], Any] | None = None
        if isinstance(self._processor, Processor):
            self._call = self._processor.process
        else:
            self._call = self._processor

    def start(self, keypoints: Sequence[str]) -> None:
        """Before the first frame.

        Raises:
            ProcessorError: it failed.
        """
        self._started = True
        hook = getattr(self._processor, "start", None)
        if callable(hook):
            _run(lambda: hook(tuple(keypoints)), "the processor failed at its start")

    def process(self, points: FloatArray, score: FloatArray, timestamp_s: float) -> None:
        """For every frame.

        Raises:
            ProcessorError: it failed.
        """
        call = self._call
        if call is not None:
            where = f"the processor failed at its frame {self._n_processed}, {timestamp_s:.3f} s after the first one"
            self._n_processed += 1
            _run(lambda: call(points, score, timestamp_s), where)

    def stop(self) -> None:
        """After the last frame, once; not when it was never started.

        Raises:
            ProcessorError: it failed.
        """
        hook = getattr(self._processor, "stop", None)
        if self._started and callable(hook):
            self._started = False
            _run(hook, "the processor failed at its end")


def _run(code: Callable[[], Any], what: str) -> Any:
    """Call code of the user's own, which may raise anything."""
    try:
        return code()
    except ProcessorError:
        raise
    except Exception as error:
        raise ProcessorError(f"{what} ({told_of(error)}); correct its code") from error


def _module(place: str) -> ModuleType:
    if not place.endswith(".py"):
        return importlib.import_module(place)
    path = Path(place)
    if not path.is_file():
        raise ProcessorError(f"expected the processor's code at {path}, there is no such file; such as {EXAMPLE}")
    spec = importlib.util.spec_from_file_location(f"markerless_processor_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ProcessorError(f"expected Python code at {path} for the processor; such as {EXAMPLE}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
