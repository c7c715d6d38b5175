// Scrubbing: what is shown and asked for, in which order, with answers that come when the test says so.
import assert from "node:assert/strict";
import { mock, test } from "node:test";

const js = (name) => import(new URL(`../../src/markerless/server/static/js/extract/${name}.js`, import.meta.url));
const { FAR, REST_MS, Scrubber } = await js("scrubber");

const settle = async () => { for (let i = 0; i < 10; i++) await Promise.resolve(); };

/** A scrubber whose server answers when `answer(frame)` and `answerPreview()` are called. */
function made(frames = 1000) {
  const found = { shown: [], loads: new Map(), loaded: [], previews: [], given_up: [] };
  const scrubber = new Scrubber({
    frames,
    load: (frame, signal) => new Promise((resolve, reject) => {
      found.loaded.push(frame);
      signal.addEventListener("abort", () => found.given_up.push(frame));
      found.loads.set(frame, { resolve: () => resolve({ picture: `picture ${frame}`, pixels: 1000 }), reject });
    }),
    preview: (frame) => new Promise((resolve) => found.previews.push({ frame, resolve })),
    show: ({ frame, isExact, error }) => found.shown.push(error ? `broken ${frame}` : `${isExact ? "exact" : "near"} ${frame}`),
  });
  found.answer = async (frame) => { found.loads.get(frame).resolve(); await settle(); };
  found.answerPreview = async (near) => { found.previews.shift().resolve({ near, picture: `near ${near}` }); await settle(); };
  return { scrubber, found };
}

async function standing(at) {
  const all = made();
  all.scrubber.seek(at);
  mock.timers.tick(REST_MS);
  await all.found.answer(at);
  await all.found.answerPreview(at);
  all.found.shown.length = all.found.loaded.length = 0;
  return all;
}

test("after a leap a frame nearby is shown, then the exact one", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const { scrubber, found } = made();
  scrubber.seek(500);
  assert.deepEqual(found.previews.map(({ frame }) => frame), [500]);
  assert.deepEqual(found.loaded, []);
  await found.answerPreview(450);
  mock.timers.tick(REST_MS);
  assert.deepEqual(found.loaded, [500]);
  assert.equal(scrubber.isThere, false);
  await found.answer(500);
  assert.deepEqual(found.shown, ["near 450", "exact 500"]);
  assert.equal(scrubber.isThere, true);
  mock.timers.reset();
});

test("while a slider is dragged only previews are asked for, one at a time and the newest", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const { scrubber, found } = await standing(0);
  for (let frame = 100; frame <= 200; frame += 10) {
    scrubber.seek(frame);
    mock.timers.tick(REST_MS / 4);
  }
  assert.deepEqual(found.previews.map(({ frame }) => frame), [100]);
  await found.answerPreview(96);
  assert.deepEqual(found.previews.map(({ frame }) => frame), [200]);
  await found.answerPreview(192);
  assert.deepEqual(found.shown, ["near 96", "near 192"]);
  assert.deepEqual(found.loaded.filter((frame) => frame > 50), []);
  mock.timers.tick(REST_MS);
  assert.ok(found.loaded.includes(200));
  mock.timers.reset();
});

test("a small step keeps the picture until the next one is there, without a preview", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const { scrubber, found } = await standing(300);
  scrubber.seek(300 + FAR - 1);
  assert.deepEqual(found.previews, []);
  assert.deepEqual(found.loaded.slice(-1), [300 + FAR - 1]);
  await found.answer(300 + FAR - 1);
  assert.deepEqual(found.shown, [`exact ${300 + FAR - 1}`]);
  mock.timers.reset();
});

test("neighbors of a frame that is shown are fetched, and are there at once", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const { scrubber, found } = await standing(300);
  await found.answer(301);
  scrubber.step(1);
  assert.deepEqual(found.shown, ["exact 301"]);
  mock.timers.reset();
});

test("a late answer does not take the place of what is meant now", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const { scrubber, found } = await standing(300);
  scrubber.seek(305);
  scrubber.seek(700);
  await found.answer(305);
  assert.ok(found.given_up.includes(305));
  assert.deepEqual(found.shown, []);
  mock.timers.tick(REST_MS);
  await found.answer(700);
  await found.answerPreview(690); // later than the exact frame
  assert.deepEqual(found.shown, ["exact 700"]);
  mock.timers.reset();
});

test("a broken frame says so, and the next one is shown again", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const { scrubber, found } = await standing(300);
  scrubber.seek(301);
  found.loads.get(301).reject(Object.assign(new Error("frame 301 is broken"), { status: 422 }));
  await settle();
  scrubber.step(1);
  await found.answer(302);
  assert.deepEqual(found.shown, ["broken 301", "exact 302"]);
  mock.timers.reset();
});

test("frames end where the video does, and nothing is shown after leaving", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const { scrubber, found } = made(50);
  scrubber.seek(1e9);
  assert.equal(scrubber.target, 49);
  scrubber.seek(-5);
  assert.equal(scrubber.target, 0);
  scrubber.leave();
  await found.answerPreview(0);
  mock.timers.tick(REST_MS);
  assert.deepEqual([found.shown, found.loaded], [[], []]);
  mock.timers.reset();
});
