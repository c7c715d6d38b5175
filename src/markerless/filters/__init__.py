"""What makes trajectories cleaner, one file per filter; the registry finds them by file name.

A filter module has `Config` (its settings) and `apply(tracks, config) -> Tracks`. The result has the shape of what came
in. A point that is missing on one axis is missing; whether a filter fills missing points, and how long a gap may be, is
said in its docstring, and none fills longer ones. Frames before the first and after the last point of an animal's
keypoint are never filled. What was done is kept in `Tracks.provenance["filters"]`. Modules whose names begin with "_"
are shared by the filters.
"""

from markerless.registry import Registry

FILTERS = Registry("filter", "markerless.filters")
