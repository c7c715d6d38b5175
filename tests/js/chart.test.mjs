import assert from "node:assert/strict";
import { test } from "node:test";
import { linearTicks, logTicks, nearest, pathOf, scale, shortNumber, smoothed, thinned } from "../../src/markerless/server/static/js/chart_scale.js";

test("ticks are round and reach over the values", () => {
  assert.deepEqual(linearTicks(0, 100), [0, 50, 100]);
  assert.deepEqual(linearTicks(0, 0.35, 5), [0, 0.1, 0.2, 0.3, 0.4]);
  assert.deepEqual(linearTicks(-3, 7, 6), [-4, -2, 0, 2, 4, 6, 8]);
  assert.deepEqual(logTicks(0.3, 9), [0.2, 0.5, 1, 2, 5, 10]);
  assert.deepEqual(logTicks(0.0004, 900, 5), [1e-4, 1e-3, 0.01, 0.1, 1, 10, 100, 1000]);
});

test("nothing to draw, one value or nonsense make no endless list", () => {
  assert.deepEqual(linearTicks(NaN, 1), []);
  assert.deepEqual(linearTicks(0, Infinity), []);
  assert.deepEqual(logTicks(0, 1), []);
  assert.deepEqual(logTicks(Infinity, Infinity), []);
  assert.ok(linearTicks(5, 5).length >= 2);
  assert.deepEqual(logTicks(2, 2), [2]);
});

test("scales map values to places and back", () => {
  const linear = scale({ min: 0, max: 100, from: 0, to: 200 });
  assert.equal(linear.at(25), 50);
  assert.equal(linear.back(50), 25);
  const log = scale({ min: 1, max: 100, from: 100, to: 0, log: true });
  assert.ok(Math.abs(log.at(10) - 50) < 1e-9, "a tenth of the largest lies in the middle of two powers");
  assert.ok(Math.abs(log.back(log.at(7)) - 7) < 1e-9);
  assert.equal(log.at(1), 100);
});

test("smoothing keeps a line and takes the middle of noise", () => {
  const line = [[0, 0], [1, 2], [2, 4], [3, 6], [4, 8]];
  assert.deepEqual(smoothed(line, 3), line);
  assert.deepEqual(smoothed([[0, 0], [1, 9], [2, 0]], 3).map(([, y]) => y), [0, 3, 0]);
  assert.deepEqual(smoothed([], 5), []);
});

test("a thinned course keeps its spike", () => {
  const points = Array.from({ length: 10_000 }, (_, x) => [x, x === 5003 ? 99 : 0]);
  const few = thinned(points, 200);
  assert.ok(few.length <= 200);
  assert.ok(few.some(([x, y]) => x === 5003 && y === 99));
  assert.ok(few.every(([x], i) => i === 0 || x > few[i - 1][0]), "in order");
  assert.equal(thinned(points.slice(0, 10), 200).length, 10);
});

test("the nearest point", () => {
  const points = [[10, 1], [20, 2], [40, 3]];
  assert.deepEqual(nearest(points, -5), [10, 1]);
  assert.deepEqual(nearest(points, 29), [20, 2]);
  assert.deepEqual(nearest(points, 31), [40, 3]);
  assert.deepEqual(nearest(points, 1e9), [40, 3]);
  assert.equal(nearest([], 1), null);
});

test("a path has a gap where a number is missing", () => {
  const same = (value) => value;
  assert.equal(pathOf([[0, 1], [1, 2], [2, NaN], [3, 4], [4, 5]], same, same), "M0.0 1.0L1.0 2.0M3.0 4.0L4.0 5.0");
});

test("numbers in few digits", () => {
  assert.deepEqual([1240, 12.345, 0.004217, 3, NaN].map(shortNumber), ["1,240", "12.3", "0.00422", "3", "–"]);
});
