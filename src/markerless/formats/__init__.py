"""Files of poses and labels, one format per module; `registry` finds them by file name.

A format module has `SUFFIXES`, `KIND` ("labels" or "tracks"), `sniff(path) -> 0..1` (the highest wins), `read(path)`
and `write(value, path)`. Modules whose names begin with "_" are shared by the formats.
"""

from markerless.registry import Registry

registry = Registry("format", "markerless.formats")
