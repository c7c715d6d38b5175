// Plots, moments and corrections, with numbers worked out by hand.
import assert from "node:assert/strict";
import { test } from "node:test";

const js = (name) => import(new URL(`../../src/markerless/server/static/js/review/${name}.js`, import.meta.url));
const { Traces, extent, pannedRange, rangeWith, ticks, timeOf, toFrame, toX, zoomedRange } = await js("axis");
const { counted, framesOf, listed, nearest, neighbor } = await js("moments");
const { changesFor, newId, takenBack } = await js("corrections");

test("a position is in the middle of its frame, and every position on it leads back", () => {
  const range = { start: 100, stop: 110 };
  assert.equal(toX(100, range, 200), 10);
  assert.deepEqual([0, 19.9, 20, 199].map((x) => toFrame(x, range, 200)), [100, 100, 101, 109]);
});

test("zooming keeps the frame below the pointer where it is", () => {
  const range = zoomedRange({ start: 0, stop: 1000 }, 250, 0.5, 1000);
  assert.deepEqual(range, { start: 125, stop: 625 });
  assert.equal(toX(249.5, range, 400), toX(249.5, { start: 0, stop: 1000 }, 400));
});

test("a range never leaves the video nor gets smaller than a few frames", () => {
  assert.deepEqual(zoomedRange({ start: 0, stop: 100 }, 50, 3, 100), { start: 0, stop: 100 });
  const close = zoomedRange({ start: 40, stop: 50 }, 45, 0.01, 100);
  assert.equal(close.stop - close.start, 8);
  assert.deepEqual(pannedRange({ start: 80, stop: 95 }, 20, 100), { start: 85, stop: 100 });
  assert.deepEqual(pannedRange({ start: 5, stop: 10 }, -20, 100), { start: 0, stop: 5 });
});

test("the page is turned when the playhead leaves it", () => {
  assert.deepEqual(rangeWith({ start: 0, stop: 100 }, 99, 1000), { start: 0, stop: 100 });
  assert.deepEqual(rangeWith({ start: 0, stop: 100 }, 100, 1000), { start: 90, stop: 190 });
});

test("ticks are round and inside", () => {
  assert.deepEqual(ticks(0.2, 10.3, 5), [2, 4, 6, 8, 10]);
  assert.deepEqual(ticks(0, 1, 4), [0, 0.2, 0.4, 0.6, 0.8, 1]);
  assert.deepEqual(ticks(-0.3, 0.3, 4), [-0.2, 0, 0.2]);
  assert.deepEqual(ticks(5, 5, 4), [5]);
  assert.deepEqual(ticks(NaN, NaN, 4), []);
});

test("times of frames", () => {
  assert.equal(timeOf(50, 25), "0:02.00");
  assert.equal(timeOf(25 * 65 + 5, 25), "1:05.20");
  assert.equal(timeOf(25 * 3725, 25, 0), "1:02:05");
  assert.equal(timeOf(10, NaN), "");
});

test("columns of traces are of the frames that the server says", () => {
  const traces = new Traces(Float32Array.from([1, 2, 3, 4, 10, 20, 30, 40, 0.1, 0.2, 0.3, 0.4, 5, 6, 7, 8]).buffer, { start: 100, stop: 105, columns: 2 });
  assert.deepEqual([...traces.y], [10, 20, 30, 40]);
  assert.deepEqual([traces.frameOf(0), traces.frameOf(1)], [100.5, 103]); // frames 100, 101 and 102 to 104
  assert.ok(!traces.isExact);
  assert.deepEqual(extent([traces], "x", { start: 100, stop: 105 }), [1, 4]);
  assert.deepEqual(extent([traces], "x", { start: 103, stop: 105 }), [3, 4]);
  assert.deepEqual(extent([traces], "y", { start: 100, stop: 105 }, true), [4, 48]); // 10 - 6, 40 + 8
});

test("what is missing has no extent", () => {
  const traces = new Traces(new Float32Array(8).fill(NaN).buffer, { start: 0, stop: 1, columns: 1 });
  assert.equal(extent([traces], "x", { start: 0, stop: 1 }), null);
});

const moment = (worst, severity, reason, also = []) => ({ start: worst, stop: worst + 2, worst, severity, reason, also: also.map((one) => ({ reason: one, words: "" })), keypoints: [] });
const [A, B, C] = [moment(50, 0.5, "jump"), moment(10, 0.9, "limb", ["jump"]), moment(90, 0.7, "pose")];

test("moments by severity or time, of one reason or of all", () => {
  assert.deepEqual(listed([A, B, C], null, "severity"), [B, C, A]);
  assert.deepEqual(listed([A, B, C], null, "time"), [B, A, C]);
  assert.deepEqual(listed([A, B, C], "jump", "time"), [B, A]);
  assert.deepEqual(counted([A, B, C]), [["jump", 2], ["limb", 1], ["pose", 1]]);
});

test("the next moment follows the list, from its start where none was chosen", () => {
  const list = listed([A, B, C], null, "severity");
  assert.deepEqual([neighbor(list, B, 1), neighbor(list, C, -1), neighbor(list, A, 1)], [C, B, null]);
  assert.deepEqual([neighbor(list, null, 1), neighbor(list, null, -1), neighbor([], null, 1)], [B, A, null]);
});

test("by time the next moment follows the playhead", () => {
  const list = listed([A, B, C], null, "time");
  assert.deepEqual([nearest(list, 20, 1), nearest(list, 20, -1), nearest(list, 90, 1)], [A, B, null]);
});

test("frames of a moment in words", () => {
  assert.equal(framesOf({ start: 4, stop: 5 }), "frame 4");
  assert.equal(framesOf({ start: 4, stop: 9 }), "frames 4 to 8");
});

const ids = () => { let n = 0; return () => `id${++n}`; };
const predicted = ["snout", "ear", "tail"].map((keypoint, i) => ({ individual: "mouse", keypoint, xy: [10 * i, 5] }));
const size = [100, 80];

test("a correction makes labels of all points of a frame that had none", () => {
  const moved = { individual: "mouse", keypoint: "ear", xy: [33, 44] };
  const changes = changesFor({ picture: "img3.png", known: {}, predicted, moved, size, newId: ids() });
  assert.deepEqual(changes.map(({ keypoint, to }) => [keypoint, to.xy]), [["snout", [0, 5]], ["tail", [20, 5]], ["ear", [33, 44]]]);
  assert.deepEqual(changes[0], { id: "id1", picture: "img3.png", individual: "mouse", keypoint: "snout", was: { xy: null, visibility: 0 }, to: { xy: [0, 5], visibility: 2 } });
});

test("in a labeled frame the moved point alone changes, and stays hidden if it was", () => {
  const known = { mouse: { ear: { xy: [1, 2], visibility: 1 }, tail: { xy: [3, 4], visibility: 2 } } };
  const changes = changesFor({ picture: "img3.png", known, predicted, moved: { individual: "mouse", keypoint: "ear", xy: [33, 44] }, size, newId: ids() });
  assert.equal(changes.length, 1);
  assert.deepEqual([changes[0].was, changes[0].to], [{ xy: [1, 2], visibility: 1 }, { xy: [33, 44], visibility: 1 }]);
});

test("points that are missing or outside the picture do not become labels; the moved one is kept inside", () => {
  const odd = [{ individual: "mouse", keypoint: "snout", xy: null }, { individual: "mouse", keypoint: "tail", xy: [-9, 5] }];
  const moved = { individual: "mouse", keypoint: "ear", xy: [140, -20] };
  const changes = changesFor({ picture: "p", known: {}, predicted: odd, moved, size, newId: ids() });
  assert.deepEqual(changes.map(({ keypoint, to }) => [keypoint, to.xy]), [["ear", [99.5, -0.5]]]);
});

test("taking back undoes in reverse, under new ids", () => {
  const changes = changesFor({ picture: "p", known: {}, predicted, moved: { ...predicted[0], xy: [7, 7] }, size, newId: ids() });
  const back = takenBack(changes, newId);
  assert.deepEqual(back.map(({ keypoint, was, to }) => [keypoint, was.xy, to.visibility]), [["snout", [7, 7], 0], ["tail", [20, 5], 0], ["ear", [10, 5], 0]]);
  assert.equal(new Set([...changes, ...back].map(({ id }) => id)).size, 6);
});
