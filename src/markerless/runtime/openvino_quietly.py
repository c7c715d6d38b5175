"""OpenVINO without its telemetry.

`import openvino` reports itself to Google Analytics and keeps an identifier in the home folder, unless the user has
opted out beforehand. Whoever analyzes videos with markerless has not been asked, so nothing is sent: OpenVINO goes on
with its own stub when its telemetry cannot be imported. Import it from here, everywhere.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import openvino
else:
    # a plain module is no package, so that importing its parts fails, and OpenVINO takes the stub
    sys.modules.setdefault("openvino_telemetry", ModuleType("openvino_telemetry"))
    openvino = importlib.import_module("openvino")

__all__ = ["openvino"]
