"""Plug-ins found by file name: one plug-in is one module, its name the file's.

Built-in plug-ins are the modules of a package; third-party ones are entry points of the group
`markerless.<kind>`. Both come through the same door, and nothing is imported before it is asked for.
"""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import pkgutil
from dataclasses import dataclass
from difflib import get_close_matches
from types import ModuleType

from markerless.errors import SettingsError


@dataclass(frozen=True)
class Registry:
    """The plug-ins of one kind.

    Attributes:
        kind: What the plug-ins are, in the singular ("backbone"); the entry-point group is `markerless.backbone`.
        package: Dotted name of the package whose modules are the built-in plug-ins.
    """

    kind: str
    package: str

    def names(self) -> tuple[str, ...]:
        """Names of all plug-ins, sorted, without importing any of them."""
        package = importlib.import_module(self.package)
        built_in = {module.name for module in pkgutil.iter_modules(package.__path__) if not module.name.startswith("_")}
        return tuple(sorted(built_in | {point.name for point in self._entry_points()}))

    def get(self, name: str) -> ModuleType:
        """The plug-in module called `name`.

        Raises:
            SettingsError: no plug-in has that name; the message lists the known ones.
        """
        for point in self._entry_points():
            if point.name == name:
                module = point.load()
                if not isinstance(module, ModuleType):
                    raise SettingsError(
                        f"{self.kind} '{name}': expected its entry point to name a module, got {module!r}"
                    )
                return module
        if name not in self.names():
            known = self.names()
            close = get_close_matches(name, known, n=1)
            hint = f"did you mean '{close[0]}'? " if close else ""
            raise SettingsError(f"unknown {self.kind} '{name}'; {hint}known: {', '.join(known)}")
        return importlib.import_module(f"{self.package}.{name}")

    def _entry_points(self) -> importlib.metadata.EntryPoints:
        return _entry_points(f"markerless.{self.kind}")


@functools.cache
def _entry_points(group: str) -> importlib.metadata.EntryPoints:
    # reading the metadata of all installed packages takes 40 ms, and the command line asks for every verb
    return importlib.metadata.entry_points(group=group)
