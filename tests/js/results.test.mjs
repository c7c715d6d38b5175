import assert from "node:assert/strict";
import { test } from "node:test";

import { lineColor } from "../../src/markerless/server/static/js/colors.js";
import { bandOf, marksIn, rangeOf, stretches, unpack } from "../../src/markerless/server/static/js/results/traces.js";
import { clock, figureName, nameOf, size, tableSays } from "../../src/markerless/server/static/js/results/words.js";
import { commandOf, quoted, titleOf } from "../../src/markerless/server/static/js/work/commands.js";

test("sizes as people say them", () => {
  assert.deepEqual([size(0), size(999), size(1234), size(999_999), size(1_100_000), size(2_340_000_000)], ["0 bytes", "999 bytes", "1.2 kB", "1000 kB", "1.1 MB", "2.3 GB"]);
});

test("a result is called by its run, or by what its file says", () => {
  assert.equal(nameOf({ run: "run2", scorer: "DLC_x_run2_filtered", filtered: true }), "run2, filtered");
  assert.equal(nameOf({ run: "", scorer: "DLC_resnet50", filtered: false }), "DLC_resnet50");
  assert.deepEqual([clock(0), clock(187.9), clock(NaN)], ["0:00", "3:07", ""]);
});

test("columns come as least and largest of four quantities", () => {
  const values = Float32Array.from([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]);
  const { x, y, score, error } = unpack(values.buffer);
  assert.deepEqual([[...x.low], [...x.high]], [[1, 3], [2, 4]]);
  assert.deepEqual([[...y.low], [...score.high], [...error.low]], [[5, 7], [10, 12], [13, 15]]);
  assert.throws(() => unpack(new Float32Array(10).buffer), /columns/);
});

test("gaps part a course, and say nothing of its range", () => {
  const course = { low: [1, NaN, 3, 2, NaN], high: [1, NaN, 5, 4, NaN] };
  assert.deepEqual(stretches(course), [[0, 0], [2, 3]]);
  assert.deepEqual(stretches({ low: [NaN], high: [NaN] }), []);
  assert.deepEqual(rangeOf([course, { low: [-2], high: [0] }]), [-2, 5]);
  assert.deepEqual(rangeOf([{ low: [NaN], high: [NaN] }]), [0, 1]);
  assert.deepEqual(rangeOf([{ low: [4], high: [4] }]), [3, 5]);
});

test("a band is the expected error to both sides, unknown where one is", () => {
  const course = { x: { low: [10, 20, 30], high: [12, 20, 30] }, error: { low: [1, NaN, 2], high: [3, NaN, 2] } };
  assert.deepEqual(bandOf(course, "x"), { low: [8, NaN, 28], high: [14, NaN, 32] });
});

test("figures and tables are called by what they show", () => {
  assert.equal(figureName("heatmap.png"), "Heat map of position");
  assert.equal(figureName("kinematics-speed-mouse_1.png"), "Speed over time, mouse_1");
  assert.equal(figureName("kinematics-speeds.png"), "Histogram of speeds in real units");
  assert.equal(figureName("mine.png"), "mine");
  assert.match(tableSays("cage1DLC_x_kinematics_summary.csv"), /in short/);
  assert.equal(tableSays("cage1DLC_x.csv"), undefined);
});

test("marks of an axis are round and inside", () => {
  assert.deepEqual(marksIn([97, 260], 3), [100, 200]);
  assert.deepEqual(marksIn([0, 4.8], 6), [0, 1, 2, 3, 4]);
  for (const range of [[0.01, 0.02], [-300, 900], [12345, 12346]]) {
    const marks = marksIn(range);
    assert.ok(marks.length >= 1 && marks.every((mark) => mark >= range[0] - 1e-9 && mark <= range[1] + 1e-9), `${range}: ${marks}`);
  }
});

test("a command is what a person would type, whatever a folder is called", () => {
  assert.equal(commandOf({ kind: "train", from: "run1" }, "/data/mouse"), "markerless train /data/mouse --from run1");
  assert.equal(commandOf({ kind: "analyze", videos: ["/v/a b.mp4", "/v/c.mp4"], run: "run2" }, "/data/mouse"), "markerless analyze /data/mouse '/v/a b.mp4' /v/c.mp4 --run run2");
  assert.equal(commandOf({ kind: "render", video: "/v/a.mp4", tracks: "/v/aDLC.nc" }, "/data/mouse"), "markerless render /v/a.mp4 --tracks /v/aDLC.nc");
  assert.equal(quoted("it's; rm -rf $HOME"), "'it'\\''s; rm -rf $HOME'");
  assert.equal(titleOf({ kind: "analyze", videos: ["/v/a b.mp4"] }), "analyzing a b.mp4");
});

test("lines that are too pale on white are darkened there, and only there", () => {
  const palette = [[240, 228, 66], [0, 114, 178]];
  assert.equal(lineColor(palette, 0, 1, true), "rgb(240 228 66 / 1)");
  const [red, green, blue] = lineColor(palette, 0, 1, false).match(/\d+/g).map(Number);
  assert.ok(0.2126 * red + 0.7152 * green + 0.0722 * blue < 185, "dark enough for white paper");
  assert.ok(Math.abs(red / green - 240 / 228) < 0.02 && blue < red, "the same hue");
  assert.equal(lineColor(palette, 1, 0.3, false), "rgb(0 114 178 / 0.3)");
});
