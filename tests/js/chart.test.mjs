// Charts: round ticks, and a mean that follows.
import assert from "node:assert/strict";
import { test } from "node:test";

const { logTicks, smoothed } = await import(new URL("../../src/markerless/server/static/js/chart_scale.js", import.meta.url));

test("ticks are 1, 2 and 5 times powers of ten within the range", () => {
  assert.deepEqual(logTicks(0.15, 6), [0.2, 0.5, 1, 2, 5]);
  assert.deepEqual(logTicks(3, 4), []);
});

test("a constant stays, a step is followed, gaps are passed over", () => {
  assert.deepEqual(smoothed([3, 3, 3]), [3, 3, 3]);
  const followed = smoothed([0, 4], 1); // weights 1/2 and 1
  assert.ok(Math.abs(followed[1] - 8 / 3) < 1e-12);
  assert.deepEqual(smoothed([null, 2, null]), [null, 2, 2]);
});
