// Space: looking at a scene, the floor below it, the numbers of a moment, panels of videos, pictures by moment.
import assert from "node:assert/strict";
import { test } from "node:test";

const js = (name) => import(new URL(`../../src/markerless/server/static/js/space/${name}.js`, import.meta.url));
const { add, cross, dot, eyeOf, fittedTo, levels, moved, nearer, projector, turned } = await js("orbit");
const { cornersOf, floorOf, roundStep } = await js("floor");
const { frustaOf } = await js("frusta");
const { Record, spansOf, stateWord } = await js("record");
const { columnsFor, groupsOf } = await js("panels");
const { MomentStore } = await js("moment_store");
const { trailsOf } = await js("trails");
const { Videos } = await js("videos");

const BOX = { width: 400, height: 300 };
const ORBIT = { target: [10, -20, 5], distance: 100, azimuth: 0.4, elevation: 0.5, up: [0, 0, 1] };
const near = (a, b, within = 1e-9) => a.forEach((one, i) => assert.ok(Math.abs(one - b[i]) < within, `${a} and ${b}`));
const seen = (orbit, point, box = BOX) => projector(orbit, box).project(...point, [0, 0, 0]);

test("axes of the eye are right-handed, and up is up", () => {
  for (const up of [[0, 0, 1], [0, -1, 0], [0.6, 0, 0.8]]) {
    const { ahead, aside } = levels(up);
    near(cross(ahead, aside), up);
    const { right, down, forward } = eyeOf({ ...ORBIT, up });
    near(cross(right, down), forward);
    assert.ok(dot(down, up) < 0);
    assert.ok(Math.abs(dot(right, up)) < 1e-12);
  }
});

test("the target lies in the middle, what is above it above, what is behind the eye nowhere", () => {
  near(seen(ORBIT, ORBIT.target), [200, 150, 100]);
  const [x, y] = seen(ORBIT, add(ORBIT.target, ORBIT.up, 10));
  assert.ok(Math.abs(x - 200) < 1e-9 && y < 150);
  const { place, forward } = eyeOf(ORBIT);
  assert.ok(Number.isNaN(seen(ORBIT, add(place, forward, -5))[0]));
});

test("a length at the target has the size that the perspective says", () => {
  const { right } = eyeOf(ORBIT);
  near(seen(ORBIT, add(ORBIT.target, right, 10)), [200 + (10 * 1.5 * 300) / 100, 150, 100]); // 1.5 of the smaller side
});

test("turning keeps the target and the distance, and never goes over the top", () => {
  const orbit = turned(ORBIT, 80, 4000);
  near(seen(orbit, ORBIT.target), [200, 150, 100]);
  assert.ok(orbit.elevation < Math.PI / 2);
  const { right } = eyeOf(ORBIT);
  const side = add(ORBIT.target, eyeOf(ORBIT).forward, -30); // before the target
  assert.ok(seen(turned(ORBIT, 20, 0), side)[0] > 200 && right.length === 3); // follows the pointer to the right
});

test("moving takes what is at the target's depth along with the pointer", () => {
  near(seen(moved(ORBIT, 33, -12, BOX), ORBIT.target), [233, 138, 100]);
});

test("the wheel keeps what is below the pointer there, within limits", () => {
  const at = [310, 60];
  const { right, down } = eyeOf(ORBIT);
  const scale = 100 / (1.5 * 300);
  const point = add(add(ORBIT.target, right, (at[0] - 200) * scale), down, (at[1] - 150) * scale);
  near(seen(ORBIT, point), [...at, 100]);
  near(seen(nearer(ORBIT, 0.5, at, BOX, [1, 1000]), point), [...at, 50]);
  assert.equal(nearer(ORBIT, 1e-6, at, BOX, [1, 1000]).distance, 1);
  assert.equal(nearer(ORBIT, 1e6, at, BOX, [1, 1000]).distance, 1000);
});

test("all of a scene is in sight once it is fitted, and not far off", () => {
  for (const box of [BOX, { width: 900, height: 200 }]) {
    for (const elevation of [-1, 0.05, 1.5]) {
      const points = cornersOf([[-50, 0, 0], [250, 80, 40]]);
      const orbit = fittedTo({ ...ORBIT, elevation }, points, box);
      const places = points.map((point) => seen(orbit, point, box));
      for (const [x, y] of places) assert.ok(x > 0 && x < box.width && y > 0 && y < box.height);
      const wide = Math.max(...places.map(([x]) => Math.abs(x - box.width / 2) / box.width));
      const tall = Math.max(...places.map(([, y]) => Math.abs(y - box.height / 2) / box.height));
      assert.ok(Math.max(wide, tall) > 0.4);
    }
  }
});

test("steps of the floor are round", () => {
  assert.deepEqual([7.3, 10, 49, 0.0021, 5].map(roundStep), [5, 10, 20, 0.002, 5]);
});

test("the floor lies level below the points, or at height 0 where they stand on it", () => {
  const floor = floorOf([[-100, -60, 40], [100, 60, 90]], [0, 0, 1]);
  assert.equal(floor.height, 40);
  assert.equal(floor.step, 20);
  for (const line of floor.lines) for (const point of line) assert.ok(Math.abs(point[2] - 40) < 1e-9);
  for (const axis of [0, 1]) {
    assert.ok(Math.min(...floor.corners.map((one) => one[axis])) <= [-100, -60][axis]);
    assert.ok(Math.max(...floor.corners.map((one) => one[axis])) >= [100, 60][axis]);
  }
  assert.equal(floorOf([[-100, -60, 3], [100, 60, 90]], [0, 0, 1]).height, 0);
  assert.equal(floorOf([[-100, -90, -60], [100, -30, 60]], [0, -1, 0]).height, 30); // y down: the largest y is lowest
});

test("a camera that stands far off is drawn near, in its direction, and says so", () => {
  const corners = [[-0.1, -0.1, 1], [0.1, -0.1, 1], [0.1, 0.1, 1], [-0.1, 0.1, 1]];
  const bounds = [[-3, -4, 0], [3, 4, 0]]; // a diagonal of 10
  const [far, close, ...none] = frustaOf([{ name: "far", center: [0, 0, -500], corners }, { name: "close", center: [0, 0, -6], corners }, { name: "unknown", center: null, corners: null }], bounds);
  assert.equal(none.length, 0);
  assert.ok(far.isNearer && !close.isNearer);
  near(far.apex.slice(0, 2), [0, 0]);
  assert.ok(far.apex[2] < -6 && far.apex[2] > -15, "outside of the scene, but near it");
  near(close.apex, [0, 0, -6]);
  for (const corner of close.corners) assert.ok(corner[2] > -6);
});

const ABOUT = { cameras: [{}, {}], individuals: ["a", "b"], keypoints: ["nose", "tail", "back"] };

test("numbers of a moment are read from where they are", () => {
  const record = new Record(ABOUT);
  const size = 2 + 6 * 6 + 2 * 6 * 6;
  const values = Float32Array.from({ length: size }, (_, i) => i);
  values[record.at(1, 2) + 5] = 2;
  assert.equal(record.frame(values, 1), 1);
  const start = 2 + (1 * 3 + 2) * 6;
  assert.deepEqual(record.point(values, 1, 2), { xyz: [start, start + 1, start + 2], score: start + 3, error: start + 4, state: 2 });
  const view = 2 + 36 + ((1 * 2 + 1) * 3 + 2) * 6;
  assert.equal(view + 6, size); // the last camera's last point ends the record
  assert.deepEqual(record.view(values, 1, 1, 2), { seen: [view, view + 1], expected: [view + 2, view + 3], off: view + 4, used: false });
  values.fill(NaN);
  assert.deepEqual(record.point(values, 0, 0), { xyz: null, score: NaN, error: NaN, state: null });
  assert.deepEqual([record.view(values, 0, 0, 0).seen, record.view(values, 0, 0, 0).expected], [null, null]);
  assert.deepEqual([0, 1, 2, 3, null].map(stateWord), ["", "too few views", "contradictory", "undetermined", ""]);
});

test("stretches in which a point is missing become spans", () => {
  const state = Float32Array.from([0, 0, 0, 2, 2, 2, 1, 1, 0, 0].flatMap((one) => [0, one]));
  const spans = spansOf([{ state, start: 100, stop: 120, columns: 10 }], 1000);
  assert.deepEqual(spans.map(({ start, stop }) => [start, stop]), [[106, 112], [112, 116]]);
  assert.ok(spans[0].severity > spans[1].severity);
});

test("cameras that share a video share a panel; one without a video has its own", () => {
  const video = { path: "/v/m.mp4", name: "m.mp4", n_frames: 90, size: [640, 480], fps: 30 };
  const side = { name: "side", video, region: [0, 0, 640, 200], size: [640, 200] };
  const below = { name: "below", video, region: [0, 200, 640, 280], size: [640, 280] };
  const top = { name: "top", video: null, region: null, size: [800, 600] };
  const groups = groupsOf([side, below, top], new Map(), 100);
  assert.deepEqual(groups.map(({ cameras, size }) => [cameras, size]), [[[0, 1], [640, 480]], [[2], [800, 600]]]);
  assert.match(groups[0].note, /90 frames, the result 100/);
  const other = { ...video, path: "/v/t.mp4", n_frames: 100 };
  assert.equal(groupsOf([side, below, top], new Map([["top", other]]), 100)[1].video, other);
  const lost = groupsOf([{ ...side, video: null }, { ...below, video: null }], new Map(), 100);
  assert.deepEqual(lost.map(({ cameras, size }) => [cameras, size]), [[[0, 1], [640, 480]]]); // what their regions span
});

test("panels are arranged so that pictures are largest", () => {
  const wide = Array(4).fill([640, 480]);
  assert.equal(columnsFor(wide.slice(0, 1), BOX), 1);
  assert.equal(columnsFor(wide, { width: 500, height: 430 }), 2);
  assert.equal(columnsFor(wide, { width: 200, height: 900 }), 1);
  assert.equal(columnsFor(wide, { width: 1600, height: 260 }), 4);
});

test("a moment is there when each video has its frame, or cannot have it", async () => {
  const answers = new Map();
  const load = (key) => (moment) => new Promise((resolve, reject) => answers.set(`${key}${moment}`, { resolve: () => resolve({ picture: { close() {} }, pixels: 10 }), reject }));
  const store = new MomentStore();
  assert.ok(store.has(3) && store.delayMs === 0); // without videos nothing is waited for
  const [a, b] = [load("a"), load("b")];
  store.set(new Map([["a", a], ["b", b]]));
  store.want([3]);
  answers.get("a3").resolve();
  await new Promise(setImmediate);
  assert.ok(!store.has(3));
  answers.get("b3").reject(new Error("broken"));
  await new Promise(setImmediate);
  assert.ok(store.has(3));
  assert.equal(store.failureOf("b", 3).message, "broken");
  assert.ok(store.picture(3).get("a") && store.picture(3).get("b") === null);
  store.set(new Map([["a", a]]));
  assert.ok(store.has(3), "the video that stays keeps its pictures");
  store.set(new Map([["a", load("a")]]));
  assert.ok(!store.has(3), "another video is fetched anew");
});

test("pictures in a chosen folder have their own order, and a chosen video that of its camera", () => {
  const record = new Record({ cameras: [{}, {}], individuals: ["a"], keypoints: ["nose"] });
  const values = Float32Array.from([20, 21]);
  const videos = new Videos({ api: {}, key: "k", file: "f", frameOf: () => 0 });
  assert.equal(videos.frame(record, values, 1, { name: "left" }, 0), 20);
  videos.chosen.set("left", { frames: [4, -1, 7] }).set("right", { frames: null });
  assert.deepEqual([0, 1, 2].map((moment) => videos.frame(record, values, moment, { name: "left" }, 0)), [4, -1, 7]);
  assert.equal(videos.frame(record, values, 1, { name: "right" }, 1), 21);
});

test("a trail ends at the moment, and has gaps where nothing has come", () => {
  const record = new Record({ cameras: [], individuals: ["a"], keypoints: ["nose"] });
  const points = { at: (moment) => (moment === 7 ? null : Float32Array.from([moment, 2 * moment, 0, 1, 1, 0])) };
  const [{ keypoint, path }] = trailsOf({ points, record, moment: 9, length: 4 });
  assert.equal(keypoint, 0);
  assert.deepEqual([...path].filter((_, i) => i % 3 === 0), [5, 6, NaN, 8, 9]);
  assert.deepEqual(trailsOf({ points, record, moment: 9, length: 0 }), []);
  const long = trailsOf({ points, record, moment: 5000, length: 3000 })[0].path;
  assert.ok(long.length / 3 < 200 && long.at(-3) === 5000);
});
