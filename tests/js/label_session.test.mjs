// What clicks and keys do to a frame.
import assert from "node:assert/strict";
import { test } from "node:test";

const js = (name) => import(new URL(`../../src/markerless/server/static/js/label/${name}.js`, import.meta.url));
const { Conflicts } = await js("conflicts");
const { Ledger, randomId } = await js("ledger");
const { LabelStore } = await js("store");
const { Session } = await js("session");
const { Waiting } = await js("waiting");
const { NOTHING } = await js("points");

const picture = { width: 100, height: 80 };
const nowhere = { length: 0, setItem() {}, removeItem() {} };

function session({ keypoints = ["nose", "ear", "tail"], individuals = ["mouse"] } = {}) {
  const names = { folder: "cage", keypoints, individuals };
  const store = new LabelStore(individuals.length, keypoints.length);
  const waiting = new Waiting(nowhere, "study");
  const sent = [];
  const queue = { waiting, add: (change) => sent.push(change) };
  const ledger = new Ledger({ names, store, queue, conflicts: new Conflicts(nowhere, "study"), who: () => "ada", newId: randomId });
  const made = new Session({ names, store, ledger, changed: () => {} });
  const load = (image, points = individuals.map(() => keypoints.map(() => NOTHING))) => ledger.load(image, points, store.clock);
  load("img0");
  made.open("img0", picture);
  return { session: made, store, sent, load, at: (k, i = 0) => store.point("img0", i, k) };
}
const placed = (x, y) => ({ xy: [x, y], visibility: 2, who: "", time: "", id: null });

test("20 keypoints take 20 clicks", () => {
  const keypoints = Array.from({ length: 20 }, (_, k) => `k${k}`);
  const { session: s, at, sent } = session({ keypoints });
  for (let k = 0; k < 20; k++) assert.equal(s.place([k, k]), true);
  assert.deepEqual([at(19).xy, s.armed, s.isComplete, sent.length], [[19, 19], null, true, 20]);
  assert.equal(s.place([1, 1]), false, "there is nothing left to place");
});

test("each change says what it found and what it puts there", () => {
  const { session: s, sent } = session();
  s.place([1, 2]);
  s.choose(0);
  s.place([3, 4], true);
  assert.deepEqual(sent.map(({ was, to }) => [was.xy, to]), [[null, { xy: [1, 2], visibility: 2 }], [[1, 2], { xy: [3, 4], visibility: 1 }]]);
  assert.equal(sent[1].after, sent[0].id);
  assert.deepEqual([sent[0].keypoint, sent[0].individual, sent[0].image, sent[0].folder, sent[0].who], ["nose", "mouse", "img0", "cage", "ada"]);
});

test("nothing is placed outside the picture", () => {
  const { session: s, at } = session();
  s.place([1000, -7]);
  assert.deepEqual(at(0).xy, [99.5, -0.5]);
});

test("dragging moves in one step, and a click on a mark does not move it", async () => {
  const { session: s, at, sent } = session();
  s.place([10, 10]);
  s.grab(0, 0);
  s.settle();
  assert.equal(sent.length, 1);
  s.grab(0, 0);
  s.drag([11, 10]);
  s.drag([12, 10]);
  assert.deepEqual([s.points[0][0].xy, at(0).xy], [[12, 10], [10, 10]], "shown, not yet saved");
  s.settle();
  assert.deepEqual([at(0).xy, sent.length], [[12, 10], 2]);
  await s.travel("undo", async () => {});
  assert.deepEqual([at(0).xy, s.armed], [[10, 10], 1]);
});

test("a drag can be given up", () => {
  const { session: s, at, sent } = session();
  s.place([10, 10]);
  s.grab(0, 0);
  s.drag([50, 50]);
  s.unselect();
  assert.deepEqual([s.points[0][0].xy, at(0).xy, sent.length], [[10, 10], [10, 10], 1]);
});

test("arrow keys nudge what was placed last; holding one is one step", () => {
  const { session: s, at, sent } = session();
  s.place([10, 10]);
  for (let i = 0; i < 5; i++) s.nudge(0.1, 0);
  s.nudge(0, -1);
  assert.deepEqual(at(0).xy, [10, 10]);
  s.settle();
  assert.deepEqual([at(0).xy, sent.length], [[10.5, 9], 2]);
  s.nudge(1, 0);
  s.place([20, 20]);
  assert.deepEqual([at(0).xy, at(1).xy], [[11.5, 9], [20, 20]], "going on keeps it");
});

test("a frame without an animal takes one key, one undo and nothing else", async () => {
  const { session: s, store, at, sent } = session({ individuals: ["ann", "bo"] });
  s.place([1, 1]);
  assert.equal(s.toggleEmpty(), true);
  const states = () => store.frame("img0").flat().map(({ visibility }) => visibility);
  assert.deepEqual([states(), at(0).xy, s.armed, s.isComplete], [[3, 3, 3, 3, 3, 3], null, null, true]);
  assert.equal(sent.length, 7);
  await s.travel("undo", async () => {});
  assert.deepEqual([states(), at(0).xy], [[2, 0, 0, 0, 0, 0], [1, 1]]);
  await s.travel("redo", async () => {});
  assert.equal(s.toggleEmpty(), false, "again: an animal is there after all");
  assert.deepEqual([states(), s.armed], [[0, 0, 0, 0, 0, 0], 0]);
  s.close();
  assert.equal(s.toggleEmpty(), null);
});

test("there is nothing to nudge where nothing is placed", () => {
  const { session: s } = session();
  assert.equal(s.nudge(1, 0), false);
  s.choose(2);
  assert.equal(s.nudge(1, 0), false);
});

test("what is removed is the next to be placed", () => {
  const { session: s, at } = session();
  s.place([1, 1]);
  s.place([2, 2]);
  assert.equal(s.remove(0, 0), true);
  assert.deepEqual([at(0).xy, at(0).visibility, s.armed], [null, 0, 0]);
  s.place([5, 5]);
  assert.deepEqual([at(0).xy, s.armed], [[5, 5], 2]);
  s.unselect();
  assert.equal(s.remove(), false);
});

test("absent and occluded", () => {
  const { session: s, at } = session();
  s.toggleAbsent();
  assert.deepEqual([at(0).visibility, at(0).xy, s.armed], [3, null, 1]);
  s.place([5, 5]);
  s.toggleHidden();
  assert.deepEqual([at(1).visibility, at(1).xy, s.armed], [1, [5, 5], 2]);
  s.toggleHidden();
  assert.equal(at(1).visibility, 2);
  s.choose(0);
  s.toggleAbsent();
  assert.deepEqual([at(0).visibility, s.armed], [0, 0], "again takes it back");
  s.choose(1);
  s.toggleAbsent();
  assert.deepEqual([at(1).visibility, at(1).xy], [3, null], "a placed point can turn out absent");
  assert.equal(s.toggleHidden(), false);
});

test("a skipped keypoint stays open and comes last", () => {
  const { session: s, at } = session();
  s.skip();
  assert.equal(s.armed, 1);
  s.place([1, 1]);
  s.place([2, 2]);
  assert.deepEqual([at(0).visibility, s.armed], [0, 0]);
});

test("stepping goes through all keypoints; the chosen one is placed anew", () => {
  const { session: s, at } = session();
  s.place([1, 1]);
  s.step(-1);
  assert.equal(s.armed, 0);
  s.place([9, 9]);
  assert.deepEqual([at(0).xy, s.armed], [[9, 9], 1]);
  s.choose(7);
  assert.equal(s.armed, 1, "there is no such keypoint");
});

test("copying takes what is open here, in one step", async () => {
  const { session: s, at, load } = session();
  load("img1", [[placed(1, 1), { ...NOTHING, visibility: 3 }, placed(500, 3)]]);
  s.place([7, 7]);
  assert.equal(s.copyFrom("img1"), 2);
  assert.deepEqual([at(0).xy, at(1).visibility, at(2).xy], [[7, 7], 3, [99.5, 3]]);
  assert.equal(s.copyFrom("img1"), 0);
  await s.travel("undo", async () => {});
  assert.deepEqual([at(0).xy, at(1).visibility, at(2).xy, s.armed], [[7, 7], 0, null, 1]);
});

test("predictions are accepted one by one, moved, or all at once", () => {
  const { session: s, at } = session();
  const predicted = (x) => ({ xy: [x, x], error: 2, score: 0.9 });
  s.setPredictions([[predicted(1), predicted(2), null]]);
  s.grab(0, 1);
  s.settle();
  assert.deepEqual([at(1).xy, s.prediction(0, 1), s.armed], [[2, 2], null, 2]);
  assert.equal(s.acceptAll(), 1);
  assert.deepEqual([at(0).xy, at(2).xy, s.armed], [[1, 1], null, 2]);
  s.remove(0, 0);
  s.grab(0, 0);
  s.drag([4, 4]);
  s.settle();
  assert.deepEqual(at(0).xy, [4, 4]);
  s.open("img0", picture);
  assert.equal(s.acceptAll(), 0, "predictions belong to a frame");
});

test("many animals: each has its own turn, and a click on a mark takes its animal", () => {
  const { session: s, at } = session({ individuals: ["ann", "bo"] });
  s.place([1, 1]);
  s.stepIndividual(1);
  assert.deepEqual([s.individual, s.armed], [1, 0]);
  s.place([9, 9]);
  s.place([8, 8]);
  s.grab(0, 0);
  assert.deepEqual([s.individual, s.selected, s.armed], [0, 0, 1], "what comes next is the next of that animal");
  s.settle();
  assert.deepEqual([at(0, 0).xy, at(0, 1).xy], [[1, 1], [9, 9]]);
});

test("nothing can be placed while no frame is in sight", () => {
  const { session: s, sent } = session();
  s.close();
  assert.equal(s.place([1, 1]), false);
  s.choose(0);
  s.skip();
  assert.deepEqual([s.toggleAbsent(), s.remove(0, 0), s.copyFrom("img0"), sent.length], [false, false, 0, 0]);
});

test("undo in another frame leaves this one as it is", async () => {
  const { session: s, store, load } = session();
  s.place([1, 1]);
  load("img1");
  s.open("img1", picture);
  const done = await s.travel("undo", async () => {});
  assert.deepEqual([done.image, store.point("img0", 0, 0).xy], ["img0", null]);
  await Promise.all([s.travel("redo", async () => {}), s.travel("undo", async () => {}), s.travel("redo", async () => {})]);
  assert.deepEqual(store.point("img0", 0, 0).xy, [1, 1], "one after the other, however fast the keys");
});

test("when somebody else places what was next, the next one follows", () => {
  const { session: s, store } = session();
  store.merge([{ image: "img0", i: 0, k: 0, point: placed(3, 3) }], store.clock, () => false);
  s.refresh();
  assert.equal(s.armed, 1);
});
