// Playing: where the playhead is, which frames are fetched and which is shown, whatever the network does.
import assert from "node:assert/strict";
import { test } from "node:test";

const js = (name) => import(new URL(`../../src/markerless/server/static/js/review/${name}.js`, import.meta.url));
const { Clock, otherSpeed } = await js("clock");
const { followed, framesToFetch, frameToShow, strideOf } = await js("plan");
const { FrameStore } = await js("frame_store");
const { PointStore, pointOf } = await js("point_store");

test("time goes on while playing, at the chosen speed", () => {
  const clock = new Clock({ fps: 20, frames: 1000 });
  assert.equal(clock.at(500), 0);
  clock.play(1000);
  assert.equal(clock.at(2000), 20);
  clock.setSpeed(0.5, 2000);
  assert.equal(clock.at(3000), 30);
  clock.pause(3000);
  assert.equal(clock.at(9000), 30);
});

test("the playhead stays in the video and starts over at its end", () => {
  const clock = new Clock({ fps: 10, frames: 5 });
  clock.play(0);
  assert.equal(clock.at(60_000), 4);
  assert.ok(clock.isOver(60_000));
  clock.pause(60_000);
  clock.play(61_000);
  assert.equal(clock.at(61_000), 0);
  clock.seek(-3, 61_000);
  assert.equal(clock.at(61_000), 0);
});

test("while held the playhead waits and still counts as playing", () => {
  const clock = new Clock({ fps: 10, frames: 100 });
  clock.play(0);
  clock.hold(7);
  assert.ok(clock.isPlaying && clock.isHeld);
  assert.equal(clock.at(5000), 7);
  clock.go(5000);
  assert.equal(clock.at(5500), 12);
});

test("a video without a known speed plays at 25 frames a second", () => {
  assert.equal(new Clock({ fps: NaN, frames: 10 }).rate, 25);
  assert.equal(new Clock({ fps: null, frames: 10 }).rate, 25);
});

test("speeds end at 0.1 and 4", () => {
  assert.deepEqual([otherSpeed(1, 1), otherSpeed(1, -1), otherSpeed(4, 1), otherSpeed(0.1, -1)], [2, 0.5, 4, 0.1]);
});

test("every frame is fetched on a quick network, every second or fourth when fewer would arrive", () => {
  assert.equal(strideOf(25, 5), 1);
  assert.equal(strideOf(100, 5), 4); // nobody sees more than 30 a second
  assert.equal(strideOf(25, 200), 2); // 17 a second arrive
  assert.equal(strideOf(25, 1000), 8);
});

test("frames are fetched so far ahead that they arrive in time", () => {
  const soon = framesToFetch({ position: 100, rate: 25, delayMs: 80, frames: 10_000 });
  assert.equal(soon[0], 102);
  assert.deepEqual(soon.slice(0, 3), [102, 103, 104]);
  const slow = framesToFetch({ position: 100, rate: 25, delayMs: 200, frames: 10_000 });
  assert.deepEqual(slow.slice(0, 3), [106, 108, 110]);
});

test("the last frame is among those fetched at the end", () => {
  assert.deepEqual(framesToFetch({ position: 97, rate: 25, delayMs: 0, frames: 100 }), [97, 98, 99]);
});

test("a frame that stands still comes first, then its neighbors", () => {
  assert.deepEqual(framesToFetch({ position: 1, rate: 0, delayMs: 50, frames: 5 }), [1, 2, 0, 3, 4]);
});

test("the newest frame that is there and due is shown, never one that is not due", () => {
  const there = new Set([10, 11, 14, 16]);
  const has = (frame) => there.has(frame);
  assert.equal(frameToShow(15.9, 9, has), 14);
  assert.equal(frameToShow(16, 9, has), 16);
  assert.equal(frameToShow(15.9, 14, has), null);
  assert.equal(frameToShow(9.5, 3, has), null);
});

test("what a request takes is followed slowly", () => {
  assert.equal(followed(null, 50), 50);
  assert.ok(Math.abs(followed(100, 50) - 90) < 1e-9);
});

/** A store whose requests are answered by hand. */
function byHand(options = {}) {
  const asked = new Map();
  let clock = 0;
  const load = (index, signal) => new Promise((resolve, reject) => {
    asked.set(index, { resolve: () => resolve({ picture: { index, close() { this.isClosed = true; } }, pixels: 100 }), reject, signal });
  });
  const store = new FrameStore({ load, now: () => clock, ...options });
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  return { store, asked, settle, pass: (ms) => { clock += ms; } };
}

test("four requests are under way at once, and what is not wanted any more is given up", async () => {
  const { store, asked, settle } = byHand();
  store.want([1, 2, 3, 4, 5, 6]);
  assert.deepEqual([...asked.keys()], [1, 2, 3, 4]);
  asked.get(1).resolve();
  await settle();
  assert.ok(store.has(1) && asked.has(5));
  store.want([9], (index) => index === 5);
  assert.ok(asked.get(2).signal.aborted && !asked.get(5).signal.aborted);
  assert.ok(asked.has(9));
});

test("a picture is given under the index it was asked for, in whatever order they arrive", async () => {
  const { store, asked, settle } = byHand();
  store.want([1, 2, 3]);
  for (const index of [3, 1, 2]) asked.get(index).resolve();
  await settle();
  for (const index of [1, 2, 3]) assert.equal(store.picture(index).index, index);
});

test("an answer to a request that was given up is not taken", async () => {
  const { store, asked, settle } = byHand();
  store.want([1]);
  store.want([2]);
  asked.get(1).resolve();
  await settle();
  assert.ok(!store.has(1));
});

test("how long requests take is learned, also from those given up after a long time", async () => {
  const { store, asked, settle, pass } = byHand();
  store.want([1]);
  pass(40);
  asked.get(1).resolve();
  await settle();
  assert.equal(store.delayMs, 40);
  store.want([2]);
  pass(10);
  store.want([3]); // after 10 ms: says nothing
  assert.equal(store.delayMs, 40);
  pass(540);
  store.want([4]);
  assert.equal(store.delayMs, 140);
});

test("a frame that cannot be decoded says why and is not asked for again", async () => {
  const { store, asked, settle } = byHand();
  store.want([1]);
  asked.get(1).reject(Object.assign(new Error("frame 1 is broken"), { status: 422 }));
  await settle();
  assert.equal(store.failure(1).message, "frame 1 is broken");
  asked.clear();
  store.want([1]);
  assert.equal(asked.size, 0);
});

test("old pictures are let go beyond the budget, but neither wanted ones nor the one on the screen", async () => {
  const { store, asked, settle } = byHand({ budget: 250 });
  store.want([1, 2, 3]);
  for (const index of [1, 2, 3]) asked.get(index).resolve();
  await settle();
  assert.ok(store.has(1) && store.has(2) && store.has(3)); // all wanted
  store.pinned = 1;
  store.want([3]);
  assert.ok(store.has(1) && !store.has(2) && store.has(3));
});

test("points come in blocks, and a frame's are its own", async () => {
  const asked = [];
  const load = async (start, stop) => {
    asked.push([start, stop]);
    return Float32Array.from({ length: (stop - start) * 2 * 4 }, (_, i) => start * 8 + i).buffer;
  };
  const points = new PointStore({ load, frames: 720, animals: 1, keypoints: 2 });
  assert.equal(points.at(510), null);
  points.want(510);
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(asked, [[500, 720]]);
  assert.deepEqual([...points.at(510)], [4080, 4081, 4082, 4083, 4084, 4085, 4086, 4087]);
  assert.deepEqual(pointOf(points.at(510), 0, 1, 2), { xy: [4084, 4085], score: 4086, error: 4087 });
  assert.equal(points.at(720).length, 0); // beyond the tracks there are none
});

test("a missing point has no place", () => {
  assert.equal(pointOf(new Float32Array([NaN, 3, 0.5, 1]), 0, 0, 1).xy, null);
});
