import assert from "node:assert/strict";
import { test } from "node:test";

import { axisTo, boxAround, largestOf } from "../../src/markerless/server/static/js/refine/geometry.js";
import { currentStep, interval, px, signed, steps } from "../../src/markerless/server/static/js/refine/words.js";
import { untilDone } from "../../src/markerless/server/static/js/slow.js";

test("numbers keep three digits that mean something", () => {
  assert.deepEqual([px(1.234), px(12.34), px(123.4), px(0), px(null), px(NaN)], ["1.23", "12.3", "123", "0.00", "–", "–"]);
  assert.deepEqual([signed(-1.2), signed(0.353), signed(0.001), signed(-0.001), signed(null)], ["−1.20", "+0.35", "0.00", "0.00", "–"]);
  assert.equal(interval([-2, -0.4]), "−2.00 to −0.40");
  assert.equal(interval(null), "–");
});

test("the part that is shown holds all points and lies inside of the picture", () => {
  const box = boxAround([[[100, 100], null], [[180, 120], [NaN, 3]]], [640, 480]);
  assert.ok(box.left <= 100 && box.left + box.width > 180 && box.top <= 100 && box.top + box.height > 120);
  assert.ok(Math.abs(box.width / box.height - 4 / 3) < 0.02);
  assert.ok(Math.abs(box.left + (box.width - 1) / 2 - 140) <= 1, "the points are in the middle");
  for (const value of Object.values(box)) assert.equal(value, Math.round(value));
});

test("at the border, and where a prediction is far outside, the part stays inside", () => {
  const corner = boxAround([[[2, 3]], [[-500, 9000]]], [320, 240]);
  assert.ok(corner.left >= 0 && corner.top >= 0 && corner.left + corner.width <= 320 && corner.top + corner.height <= 240);
  assert.deepEqual(boxAround([[null], []], [320, 240]), { left: 0, top: 0, width: 320, height: 240 });
  const small = boxAround([[[1, 1]]], [20, 10]);
  assert.deepEqual(small, { left: 0, top: 0, width: 20, height: 10 });
});

test("an axis ends at a round number behind the largest value", () => {
  assert.deepEqual(axisTo(5.2), { end: 6, marks: [0, 1, 2, 3, 4, 5, 6] });
  assert.deepEqual(axisTo(10).marks, [0, 2, 4, 6, 8, 10]);
  for (const most of [0.013, 0.9, 1, 3.3, 47, 99.9, 1234]) {
    const { end, marks } = axisTo(most);
    assert.ok(end >= most && end <= 1.6 * most, `${most}: ${end}`);
    assert.ok(marks.length >= 4 && marks.length <= 8, `${most}: ${marks}`);
    assert.equal(marks.at(-1), Number(end.toPrecision(6)));
  }
  assert.equal(axisTo(0).end, 1);
});

test("the largest value counts intervals and passes over keypoints without labels", () => {
  assert.equal(largestOf([{ before_px: 3, after_px: 2, before_interval: [2, 4.5], after_interval: null }, null]), 4.5);
  assert.equal(largestOf([null]), 0);
});

const nothing = { run: "run2", before: "run1", n_waiting: 0, n_fresh: 0, n_changed: 0 };

test("the path says where somebody is", () => {
  assert.equal(currentStep({ ...nothing, run: null, before: null }), "train");
  assert.equal(currentStep({ ...nothing, n_waiting: 3, n_fresh: 2 }), "correct");
  assert.equal(currentStep({ ...nothing, n_changed: 1 }), "train");
  assert.equal(currentStep(nothing), "compare");
  assert.equal(currentStep({ ...nothing, before: null }), "find");
});

test("steps that are behind somebody are done", () => {
  const states = (told) => steps(told).map(({ state }) => state);
  assert.deepEqual(states({ ...nothing, n_waiting: 3 }), ["done", "now", "open", "open"]);
  assert.deepEqual(states({ ...nothing, n_fresh: 3 }), ["done", "done", "now", "open"]);
  assert.deepEqual(states(nothing), ["open", "open", "done", "now"]);
  assert.deepEqual(states({ ...nothing, run: null, before: null }), ["open", "open", "now", "open"]);
});

test("a slow answer is asked for until it is there", async () => {
  const answers = [{ state: "waiting" }, { state: "running", done: 1, total: 2 }, { state: "done", value: 7 }];
  const [told, pauses] = [[], []];
  const wait = async (ms) => pauses.push(ms);
  assert.equal(await untilDone(async () => answers.shift(), { told: (answer) => told.push(answer.state), wait }), 7);
  assert.deepEqual(told, ["waiting", "running"]);
  assert.ok(pauses[0] < pauses[1]);
});

test("nobody asks on after leaving, and a failure is passed on", async () => {
  const ends = new AbortController();
  let n = 0;
  const ask = async () => { n += 1; ends.abort(); return { state: "done", value: 1 }; };
  await assert.rejects(untilDone(ask, { signal: ends.signal, wait: async () => {} }), { name: "AbortError" });
  assert.equal(n, 1);
  await assert.rejects(untilDone(async () => { throw new Error("no run"); }), /no run/);
});
