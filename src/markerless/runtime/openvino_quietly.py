"""OpenVINO without its telemetry and, until somebody asks for it, without its converter.

`import openvino` reports itself to Google Analytics and keeps an identifier in the home folder, unless the user has
opted out beforehand. Whoever analyzes videos with markerless has not been asked, so nothing is sent: OpenVINO goes on
with its own stub when its telemetry cannot be imported. Its converter of other models, which nothing here needs, takes
half of the time of importing it, and OpenVINO goes on without that as well: `openvino.convert_model` loads it, and so
does importing `openvino.tools.ovc`. Import OpenVINO from here, everywhere.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

CONVERTER = "openvino.tools.ovc"


def _without_converter() -> Any:
    """The package; `convert_model` is loaded when it is called."""
    is_blocked = CONVERTER not in sys.modules
    if is_blocked:
        sys.modules[CONVERTER] = ModuleType(CONVERTER)  # an empty one, so that importing from it fails
    try:
        package: Any = importlib.import_module("openvino")
    finally:
        if is_blocked:
            del sys.modules[CONVERTER]
    if not hasattr(package, "convert_model"):
        package.convert_model = _convert_model
    return package


def _convert_model(*arguments: Any, **options: Any) -> Any:
    """`openvino.convert_model`, for programs that use it beside markerless."""
    return importlib.import_module(CONVERTER).convert_model(*arguments, **options)


if TYPE_CHECKING:
    import openvino
else:
    # a plain module is no package, so that importing its parts fails, and OpenVINO takes the stub
    sys.modules.setdefault("openvino_telemetry", ModuleType("openvino_telemetry"))
    openvino = _without_converter()

__all__ = ["openvino"]
