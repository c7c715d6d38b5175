// Whose predictions are shown as starting points.
import assert from "node:assert/strict";
import { test } from "node:test";

const { NEWEST, NONE, Predictions } = await import(new URL("../../src/markerless/server/static/js/label/predictions.js", import.meta.url));

function asked({ runs = ["run2", "run1"], storage = new Map(), answer = (image, run) => ({ run: run || "run2", points: `${image} by ${run || "run2"}` }) } = {}) {
  const questions = [];
  const ask = async (image, run) => {
    questions.push([image, run]);
    return answer(image, run);
  };
  const box = { getItem: (name) => storage.get(name) ?? null, setItem: (name, value) => storage.set(name, value) };
  return { predictions: new Predictions({ ask, runs, storage: box, key: "study" }), questions, storage };
}

test("the newest run is asked once for each frame, another one when it is chosen", async () => {
  const { predictions: p, questions } = asked();
  assert.equal(await p.of("a"), "a by run2");
  p.choose("run1");
  assert.equal(await p.of("a"), "a by run1");
  p.choose(NEWEST);
  assert.equal(await p.of("a"), "a by run2");
  assert.deepEqual(questions, [["a", ""], ["a", "run1"]]);
});

test("none are shown when none are wanted", async () => {
  const { predictions: p, questions } = asked();
  p.choose(NONE);
  assert.deepEqual([await p.of("a"), questions], [null, []]);
});

test("the choice is kept for the project, but not for a run that is gone", () => {
  const { predictions, storage } = asked();
  predictions.choose("run1");
  assert.equal(asked({ storage }).predictions.run, "run1");
  assert.equal(asked({ storage, runs: ["run2"] }).predictions.run, NEWEST);
});

test("a run that cannot answer says why, and is asked again", async () => {
  let isBroken = true;
  const { predictions: p, questions } = asked({ answer: () => { if (isBroken) throw new Error("model.onnx is damaged"); return { run: "run1", points: "there" }; } });
  assert.deepEqual([await p.of("a"), p.trouble], [null, "model.onnx is damaged"]);
  isBroken = false;
  assert.deepEqual([await p.of("a"), p.trouble, questions.length], ["there", "", 2]);
});
