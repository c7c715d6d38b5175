"""One engine a file: `open(path, options) -> Session`. What they have in common is in `markerless.runtime.engine`."""
