// How long things take, as entries that a PerformanceObserver sees. They are not kept, since people label all day.

/** From `start` until now, or for `duration` milliseconds. */
export function measured(name, start, duration = performance.now() - start) {
  performance.measure(name, { start, duration });
  performance.clearMeasures(name);
}
