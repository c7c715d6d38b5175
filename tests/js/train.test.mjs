import assert from "node:assert/strict";
import { test } from "node:test";
import { Course, frameError } from "../../src/markerless/server/static/js/train/course.js";
import { headlineOf, labelsInWords, lasting, px, stageOf, stateOf } from "../../src/markerless/server/static/js/train/words.js";

const answer = (steps, looks = [], total = 100) => ({
  run: { total },
  rows: { step: steps, loss: steps.map((step) => 100 / step), seconds_per_step: steps.map(() => 0.1) },
  examples: { part: "validation" },
  looks: looks.map((step) => ({ step, mean_px: 200 / step, xy: [], score: [] })),
});

test("a course grows by what is new, and takes a step once", () => {
  const course = new Course();
  assert.equal(course.since, 0);
  assert.ok(course.take(answer([10, 20, 30], [1, 20])));
  assert.equal(course.since, 20, "the look after step 30 may not have been written yet");
  assert.ok(course.take(answer([30, 40], [30])));
  assert.deepEqual(course.loss.map(([step]) => step), [10, 20, 30, 40]);
  assert.deepEqual(course.looks.map(({ step }) => step), [1, 20, 30]);
  assert.ok(!course.take(answer([], [])));
});

test("steps that are trained again after a kill replace those that were lost", () => {
  const course = new Course();
  course.take(answer([10, 20, 30, 40]));
  course.take(answer([30, 40, 50]));
  assert.deepEqual(course.loss.map(([step]) => step), [10, 20, 30, 40, 50]);
});

test("the look nearest to a step", () => {
  const course = new Course();
  assert.equal(course.lookNear(5), -1);
  course.take(answer([10], [1, 20, 60]));
  assert.deepEqual([0, 12, 45, 1e6].map((step) => course.lookNear(step)), [0, 1, 2, 2]);
});

test("looks without a measured error are not drawn", () => {
  const course = new Course();
  course.take({ ...answer([10]), looks: [{ step: 1, mean_px: null }, { step: 10, mean_px: 4 }] });
  assert.deepEqual(course.errorSeries()[0].points, [[10, 4]]);
});

test("the error of a frame is over its labeled points", () => {
  assert.equal(frameError([[3, 4], [9, 9], null], [[0, 0], null, [1, 1]]), 5);
  assert.equal(frameError([[1, 1]], [null]), null);
});

test("times in words", () => {
  assert.deepEqual([3, 44, 89, 120, 360, 5400, 7800, 35990].map(lasting), ["a few seconds", "40 seconds", "90 seconds", "2 minutes", "6 minutes", "1 h 30 min", "2 h 10 min", "10 h"]);
});

test("labels in words say what few of them mean", () => {
  const videos = { m1: 4, m2: 8 };
  assert.match(labelsInWords({ frames: 12, videos, split: { train: 12, validation: 0, test: 0 } }), /^12 labeled frames in 2 videos\. All of them train/);
  assert.match(labelsInWords({ frames: 104, videos, split: { train: 84, validation: 10, test: 10 } }), /: 84 train, 10 are looked at on the way, 10 test the result\.$/);
  assert.equal(labelsInWords({ frames: 1, videos: { m1: 1 }, split: {} }), "1 labeled frame in 1 video.");
});

test("a job says more of a run than its files", () => {
  const run = (state, job = null) => stateOf({ state, job }).text;
  assert.equal(run("unfinished", { state: "running" }), "training");
  assert.equal(run("training", { state: "running", stopping: true }), "stopping");
  assert.equal(run("training"), "trained in a terminal");
  assert.deepEqual(["stopped", "failed", "lost"].map((state) => run("unfinished", { state })), ["stopped", "failed", "interrupted"]);
  assert.equal(run("finished", { state: "done" }), "finished");
});

test("what a training does now", () => {
  const job = { stopping: false, stage: "training", done: 0, total: 0, message: "" };
  assert.equal(stageOf(job).share, null);
  assert.deepEqual(stageOf({ ...job, done: 1500, total: 3000, message: "loss 0.1" }), { text: "Step 1,500 of 3,000", share: 0.5 });
  assert.match(stageOf({ ...job, done: 1, total: 3, message: "calibrating, loss 0.1" }).text, /how far off/);
  assert.match(stageOf({ ...job, done: 3, total: 3 }).text, /Writing/);
  assert.match(stageOf({ ...job, stage: "evaluating", done: 1, total: 9 }).text, /Measuring/);
  assert.match(stageOf({ ...job, stopping: true }).text, /kept/);
});

test("the errors that tell most come first", () => {
  const errors = (mean) => ({ mean_px: mean, n_frames: 3 });
  assert.equal(headlineOf({}), null);
  assert.equal(headlineOf({ train: errors(1), validation: errors(2), test: null }).part, "validation");
  assert.equal(headlineOf({ train: errors(1), crossfit: errors(3), validation: errors(2) }).part, "crossfit");
  assert.equal(headlineOf({ train: errors(1), test: errors(4), crossfit: errors(3) }).mean_px, 4);
  assert.deepEqual([2.345, 23.45, 234.5, null].map(px), ["2.35", "23.4", "235", "–"]);
});
