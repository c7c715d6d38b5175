// What other views of the same moment say of the frame in sight.
import assert from "node:assert/strict";
import { test } from "node:test";

const js = (name) => import(new URL(`../../src/markerless/server/static/js/label/${name}.js`, import.meta.url));
const { Conflicts } = await js("conflicts");
const { Ledger, randomId } = await js("ledger");
const { OtherViews } = await js("other_views");
const { NOTHING } = await js("points");
const { Session } = await js("session");
const { LabelStore } = await js("store");
const { nearestOnLine, offOf } = await js("view_geometry");
const { beamMarks, farMarks, suggestionMarks } = await js("view_marks");
const { Waiting } = await js("waiting");
const { far } = await js("words");

const picture = { width: 100, height: 80 };
const view = { scale: 2, left: 10, top: 0 };
const place = (x, y, more = {}) => ({ views: ["mid", "top"], xy: [x, y], error: 2, spread: 3, isInside: true, isTorn: false, lines: [], ...more });
const onLine = (xy, spread) => ({ views: ["mid"], xy: null, error: null, spread: null, isInside: false, isTorn: false, lines: [{ view: "mid", xy, spread }] });
const placed = (x, y) => ({ xy: [x, y], visibility: 2, who: "", time: "", id: null });

function session(points = [[NOTHING, NOTHING, NOTHING]]) {
  const names = { folder: "cage", keypoints: ["nose", "ear", "tail"], individuals: ["mouse"] };
  const nowhere = { length: 0, setItem() {}, removeItem() {} };
  const store = new LabelStore(1, 3);
  const queue = { waiting: new Waiting(nowhere, "study"), add: () => {} };
  const ledger = new Ledger({ names, store, queue, conflicts: new Conflicts(nowhere, "study"), who: () => "ada", newId: randomId });
  const made = new Session({ names, store, ledger, changed: () => {} });
  ledger.load("img0", points, store.clock);
  made.open("img0", picture);
  return { session: made, at: (k) => store.point("img0", 0, k) };
}

const answerOf = (points, more = {}) => ({ version: "v1", far: 4, note: "", views: [{ name: "back", folder: "a", picture: "img0", isHere: true }, { name: "mid", folder: "b", picture: "img0", isHere: false }], points, ...more });

function views({ version = "v1", answer = () => answerOf([[place(10, 20), null, null]]) } = {}) {
  const asked = [];
  let changes = 0;
  const failures = [];
  const made = new OtherViews({ version, ask: async (image) => { asked.push(image); return answer(image, asked.length); }, changed: () => changes++, failed: (error) => failures.push(error.message) });
  return { views: made, asked, failures, changes: () => changes };
}
const later = (ms) => new Promise((done) => setTimeout(done, ms));

test("the distance from a bent line is that from its nearest piece, with the error told there", () => {
  const bent = { xy: [[0, 0], [10, 0], [10, 10]], spread: [1, 2, 4] };
  assert.deepEqual(nearestOnLine([5, 3], bent), { at: [5, 0], px: 3, spread: 1.5 });
  assert.deepEqual(nearestOnLine([14, 5], bent), { at: [10, 5], px: 4, spread: 3 });
  assert.deepEqual(nearestOnLine([-3, -4], bent), { at: [0, 0], px: 5, spread: 1 }, "not on its continuation");
  assert.equal(nearestOnLine([1, 1], { xy: [[0, 0]], spread: [1] }), null);
});

test("how far off a label is, from a place, from a line, and from nothing", () => {
  assert.deepEqual(offOf(place(10, 20), [16, 28]), { at: [10, 20], px: 10, times: 10 / 3, views: ["mid", "top"] });
  assert.equal(offOf(onLine([[0, 0], [0, 50]], [2, 2]), [8, 25]).times, 4);
  const torn = { ...onLine([[0, 0], [0, 50]], [2, 2]), isTorn: true };
  torn.lines.push({ view: "top", xy: [[0, 0], [50, 0]], spread: [2, 2] });
  assert.equal(offOf(torn, [8, 25]), null, "others contradict each other: nobody can say");
  assert.equal(offOf(null, [1, 1]), null);
  assert.equal(offOf(place(1, 1), null), null);
  assert.equal(far(7.25, 4.4), "7.3 px, 4 ×");
});

test("a suggestion is accepted where it is, or dragged to where it belongs", () => {
  const { session: s, at } = session();
  s.setSuggestions([[place(10, 20), place(30, 40), place(-20, 5, { isInside: false })]]);
  s.grab(0, 0, "suggestion");
  s.settle();
  assert.deepEqual(at(0).xy, [10, 20]);
  s.grab(0, 1, "suggestion");
  s.drag([33, 44]);
  s.settle();
  assert.deepEqual(at(1).xy, [33, 44]);
  assert.equal(s.suggestion(0, 1), null, "decided");
  assert.equal(s.suggestion(0, 2), null, "outside of the picture");
  s.grab(0, 2, "suggestion");
  assert.equal(s.draft, null);
});

test("all suggestions are accepted in one step, predictions are left alone", async () => {
  const { session: s, at } = session();
  s.setPredictions([[{ xy: [1, 1], error: 2 }, null, { xy: [3, 3], error: 2 }]]);
  s.setSuggestions([[place(10, 20), place(30, 40), null]]);
  assert.equal(s.acceptSuggestions(), 2);
  assert.deepEqual([at(0).xy, at(1).xy, at(2).xy], [[10, 20], [30, 40], null]);
  assert.equal(s.acceptAll(), 1);
  await s.travel("undo", async () => {});
  await s.travel("undo", async () => {});
  assert.deepEqual([at(0).xy, at(1).xy, at(2).xy], [null, null, null]);
});

test("suggestions and predictions of the same keypoint are two marks", () => {
  const { session: s } = session();
  s.setPredictions([[{ xy: [1, 1], error: 2 }, null, null]]);
  s.setSuggestions([[place(10, 20), null, null]]);
  assert.deepEqual(suggestionMarks(s, view), [{ kind: "suggestion", at: [31, 41], radius: 4, i: 0, k: 0, isOwn: true }]);
  s.grab(0, 0);
  assert.deepEqual(s.draft.xy, [1, 1], "the prediction, as no kind is said");
});

test("another frame has no suggestions until the server is asked", () => {
  const { session: s } = session();
  s.setSuggestions([[place(10, 20), null, null]]);
  s.open("img0", picture);
  assert.equal(s.suggestion(0, 0), null);
});

test("marks of lines and of labels far off lie where the picture shows them", () => {
  const [beam] = beamMarks(onLine([[0, 0], [0, 50]], [2, 2]), 1, view);
  assert.deepEqual(beam, { points: [[11, 1], [11, 101]], k: 1, view: "mid" });
  assert.deepEqual(beamMarks(null, 1, view), []);
  assert.deepEqual(farMarks([{ xy: [1, 2], at: [5, 5], px: 5, times: 6 }], view), [{ at: [13, 5], to: [21, 11], text: "5.0 px, 6 ×" }]);
});

test("labels far off are those beyond the limit, the farthest first, also while one is dragged", async () => {
  const { views: v } = views({ answer: () => answerOf([[place(10, 20), place(30, 40), onLine([[0, 0], [0, 50]], [1, 1])]]) });
  v.open("img0");
  await later(100);
  const found = v.far([[placed(10, 33), placed(31, 41), placed(9, 20)]]);
  assert.deepEqual(found.map(({ k, px }) => [k, px]), [[2, 9], [0, 13]]);
  assert.deepEqual(v.far([[placed(10, 31), NOTHING, NOTHING]]), [], "11 px are less than 4 times 3");
});

test("the server is asked once for a frame that is looked at, and not for frames leafed through", async () => {
  const { views: v, asked, changes } = views();
  v.open("img0");
  v.open("img1");
  v.open("img2");
  await later(100);
  assert.deepEqual([asked, changes()], [["img2"], 1]);
  assert.deepEqual(v.entry(0, 0).xy, [10, 20]);
  v.open("img3");
  assert.equal(v.entry(0, 0), null, "nothing of the frame before is shown");
  v.leave();
});

test("without views nothing is asked, until there are some", async () => {
  const { views: v, asked } = views({ version: null });
  v.open("img0");
  v.take(null);
  await later(100);
  assert.deepEqual(asked, []);
  v.take("v1");
  await later(160);
  assert.deepEqual(asked, ["img0"]);
  v.take("v1");
  await later(160);
  assert.equal(asked.length, 1, "the same version is no news");
  v.take("v2");
  await later(160);
  assert.equal(asked.length, 2);
});

test("views that are taken away take their suggestions with them", async () => {
  const { views: v } = views();
  v.open("img0");
  await later(100);
  v.take(null);
  assert.equal(v.entry(0, 0), null);
  assert.deepEqual(v.far([[placed(90, 70), NOTHING, NOTHING]]), []);
});

test("a saved label matters where one picture shows all views", async () => {
  const mirror = (points) => answerOf(points, { views: [{ name: "side", folder: "a", picture: "img0", isHere: true }, { name: "below", folder: "a", picture: "img0", isHere: true }] });
  const { views: v, asked } = views({ answer: () => mirror([[null, null, null]]) });
  v.open("img0");
  await later(100);
  v.saved("img0");
  v.saved("img0");
  v.saved("img9");
  await later(160);
  assert.equal(asked.length, 2, "clicks one after the other are asked about once");
  const other = views();
  other.views.open("img0");
  await later(100);
  other.views.saved("img0");
  await later(160);
  assert.equal(other.asked.length, 1, "own labels say nothing of the own view of a camera");
});

test("an answer that comes after the next frame was opened is not shown", async () => {
  let answer;
  const { views: v } = views({ answer: (image) => (image === "img0" ? new Promise((resolve) => { answer = resolve; }) : answerOf([[place(1, 1), null, null]])) });
  v.open("img0");
  await later(100);
  v.open("img1");
  await later(100);
  answer(answerOf([[place(99, 9), null, null]]));
  await later(10);
  assert.deepEqual(v.entry(0, 0).xy, [1, 1]);
});

test("a server that cannot answer is told, what is shown stays, and it is asked again", async () => {
  const { views: v, failures } = views({ answer: (_, n) => { if (n === 2) throw new Error("views.toml is damaged"); return answerOf([[place(10 * n, 20), null, null]], { version: `v${n}` }); } });
  v.open("img0");
  await later(100);
  v.take("v2");
  await later(160);
  assert.deepEqual(failures, ["views.toml is damaged"]);
  assert.deepEqual(v.entry(0, 0).xy, [10, 20]);
  v.take("v2");
  await later(160);
  assert.deepEqual(v.entry(0, 0).xy, [30, 20]);
});

test("the next view is the next one that has a picture, around the end", async () => {
  const all = [["back", "x"], ["mid", null], ["side", "y"], ["top", "z"]].map(([name, shown]) => ({ name, folder: name, picture: shown, isHere: name === "side" }));
  const { views: v } = views({ answer: () => answerOf([[]], { views: all }) });
  assert.equal(v.next(1), null, "not yet known");
  v.open("img0");
  await later(100);
  assert.deepEqual([v.next(1).name, v.next(-1).name, v.isOnePicture], ["top", "back", false]);
  const alone = views({ answer: () => answerOf([[]], { views: all.slice(1, 3) }) });
  alone.views.open("img0");
  await later(100);
  assert.equal(alone.views.next(1), null);
});
