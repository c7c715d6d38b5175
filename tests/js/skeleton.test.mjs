import assert from "node:assert/strict";
import { test } from "node:test";

import { Draft } from "../../src/markerless/server/static/js/skeleton/draft.js";
import { places, sidesOf } from "../../src/markerless/server/static/js/skeleton/drawing.js";

const STUDY = { keypoints: ["nose", "left ear", "right ear", "tail"], edges: [[0, 3]], mirror_pairs: [["left ear", "right ear"]], guessed: true, colors: { tail: "#00ff00" }, labeled: { nose: 9, "left ear": 9, "right ear": 8, tail: 0 }, revision: "r1" };

test("an untouched draft says what the study is, and that nothing changes", () => {
  const draft = new Draft(STUDY);
  assert.equal(draft.isChanged, false);
  assert.deepEqual(draft.changes(), []);
  assert.deepEqual(draft.body(), { keypoints: STUDY.keypoints.map((name) => ({ name, was: name, color: STUDY.colors[name] ?? null })), edges: [["nose", "tail"]], mirror_pairs: null, revision: "r1" });
});

test("lines and pairs follow names and order", () => {
  const draft = new Draft(STUDY);
  const [nose, left] = draft.rows;
  draft.rename(nose, " snout ");
  draft.move(nose, 3);
  draft.toggleEdge(left, nose);
  assert.deepEqual(draft.rows.map((row) => row.name), ["left ear", "right ear", "tail", "snout"]);
  assert.deepEqual(draft.body().edges, [["snout", "tail"], ["left ear", "snout"]]);
  assert.deepEqual(draft.edgeIndices(), [[3, 2], [0, 3]]);
  assert.deepEqual(draft.changes(), ["“nose” becomes “snout”.", "The order changes.", "Lines change."]);
  draft.toggleEdge(nose, left);
  assert.deepEqual(draft.body().edges, [["snout", "tail"]]);
  draft.toggleEdge(nose, nose);
  assert.deepEqual(draft.body().edges, [["snout", "tail"]]);
});

test("a removed keypoint takes its lines along, and comes back with them", () => {
  const draft = new Draft(STUDY);
  draft.remove(draft.rows[0]);
  assert.deepEqual(draft.body().edges, []);
  assert.match(draft.changes()[0], /“nose” goes; its 9 labels stay in the journal/);
  draft.add("nose");
  assert.deepEqual(draft.body().keypoints.at(-1), { name: "nose", was: "nose", color: null });
  assert.deepEqual(draft.body().edges, [["nose", "tail"]]);
  draft.move(draft.rows.at(-1), 0);
  assert.equal(draft.isChanged, false);
});

test("a new keypoint that is removed again leaves nothing", () => {
  const draft = new Draft(STUDY);
  draft.remove(draft.add("paw"));
  assert.equal(draft.isChanged, false);
  assert.deepEqual(draft.changes(), []);
});

test("a keypoint has one mirror twin at most; touching pairs makes guessed ones written ones", () => {
  const draft = new Draft(STUDY);
  const [nose, left, right] = draft.rows;
  draft.togglePair(nose, left);
  assert.deepEqual(draft.body().mirror_pairs, [["nose", "left ear"]]);
  draft.togglePair(left, nose);
  assert.deepEqual(draft.body().mirror_pairs, []);
  draft.togglePair(left, right);
  assert.deepEqual(draft.body().mirror_pairs, [["left ear", "right ear"]]);
});

test("names that will not do are said", () => {
  const draft = new Draft(STUDY);
  assert.equal(draft.problem(), "");
  for (const [name, says] of [["", "no name"], ["a,b", "cannot be a name"], ["tail", "Two keypoints"], ["x".repeat(101), "cannot be a name"], ["a\tb", "cannot be a name"]]) {
    draft.rename(draft.rows[0], name);
    assert.match(draft.problem(), new RegExp(says));
  }
  for (const row of [...draft.rows]) draft.remove(row);
  assert.match(draft.problem(), /At least one/);
});

test("a pose is drawn in its own shape, what is not in it below, and nothing labeled in a circle", () => {
  const at = places([[10, 10], [110, 10], null, [60, 60]], 4);
  assert.deepEqual([at[0], at[1], at[3]], [[-50, -25], [50, -25], [0, 25]]);
  assert.ok(at[2][1] > 25 && at[2][0] === 0);
  assert.equal(places(null, 3).length, 3);
  assert.deepEqual(places(null, 1), [[50, 0]]);
  for (const [x, y] of places([[5, 5], null, null], 3)) assert.ok(Number.isFinite(x) && Number.isFinite(y));
});

test("a keypoint that was removed long ago comes back with its color and lines, to names as they are now", () => {
  const removed = { edges: [["paw", "tail"], ["paw", "hip"]], mirror_pairs: [["paw", "nose"]], colors: { paw: "#123456" } };
  const draft = new Draft({ ...STUDY, guessed: false, removed });
  draft.rename(draft.rows[3], "tailbase");
  const paw = draft.add("paw");
  assert.equal(paw.color, "#123456");
  assert.deepEqual(draft.body().edges, [["nose", "tailbase"], ["paw", "tailbase"]], "there is no hip yet");
  assert.deepEqual(draft.body().mirror_pairs, [["left ear", "right ear"], ["paw", "nose"]]);
  draft.add("hip");
  assert.deepEqual(draft.body().edges.at(-1), ["paw", "hip"]);
  assert.deepEqual(new Draft({ ...STUDY, removed }).add("hip").color, null);
});

test("names stand away from the lines of their keypoint and from dots close by", () => {
  const upright = [[0, -40], [-30, 0], [30, 0], [0, 40]];
  assert.deepEqual(sidesOf(upright, [[0, 1], [0, 2], [1, 3], [2, 3]]), ["above", "left", "right", "below"]);
  assert.deepEqual(sidesOf([[-40, 0], [0, 0], [40, 0]], [[0, 1], [1, 2]]), ["left", "above", "right"]);
  assert.deepEqual(sidesOf([[-5, 0], [5, 0]], []), ["left", "right"]);
  assert.deepEqual(sidesOf([[0, 0]], []), ["right"]);
});
