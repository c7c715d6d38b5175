// The time that "here" takes over as the beginning or the end of a part: the frame that is shown is the first from then on.
import assert from "node:assert/strict";
import { test } from "node:test";

const { secondsBefore } = await import(new URL("../../src/markerless/server/static/js/extract/choosing.js", import.meta.url));

const ODD = [29.97, 30000 / 1001, 24000 / 1001, 60000 / 1001, 99.99, 119.88, 239.76];
const RATES = [...ODD, ...Array.from({ length: 216 }, (_, i) => 25 + i)];

/** The first frame that is shown at a time or later, as the server counts: in the video's own ticks. */
function firstFrame(seconds, fps, tick) {
  let frame = Math.max(0, Math.floor(seconds * fps) - 2);
  while ((frame / fps / tick) * tick < seconds) frame++;
  return frame;
}

test("the frame that is shown is the first of the part, at every frame rate", () => {
  for (const fps of RATES) {
    for (let frame = 0; frame < 4000; frame++) {
      const taken = secondsBefore(frame / fps);
      for (const tick of [1, 1 / 12800, 1 / 90000]) assert.equal(firstFrame(taken, fps, tick), frame, `${fps} fps, frame ${frame}: ${taken}`);
    }
  }
});

test("a time in the last digit too early or too late makes no difference", () => {
  for (let frame = 0; frame < 2000; frame++) {
    for (const off of [1 - 1e-15, 1 + 1e-15]) assert.equal(firstFrame(secondsBefore((frame / 100) * off), 100, 1), frame);
  }
});

test("a time is short to read, and never before the video", () => {
  assert.deepEqual([0, 1 / 30, 0.29, 12.5].map((time) => String(secondsBefore(time))), ["0", "0.0333", "0.2899", "12.4999"]);
});
