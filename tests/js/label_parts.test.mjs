// The parts of the label page that know nothing of the page: view, order, prefetch, lists, words.
import assert from "node:assert/strict";
import { test } from "node:test";

const js = (name) => import(new URL(`../../src/markerless/server/static/js/${name}.js`, import.meta.url));
const { toCanvas, toImage } = await js("coords");
const { MOST_SCALE, centered, fitted, isInSight, isInside, panned, zoomed } = await js("label/view");
const { neighbor, nextOpen, nextWanted, stepped } = await js("label/order");
const { NOTHING, same, storable } = await js("label/points");
const { Prefetch } = await js("label/prefetch");
const { markAt } = await js("label/hit");
const { scrolledTo, windowOf } = await js("label/list_window");
const { ahead, filtered, isUnlabeled, progress } = await js("label/rows");
const { ago, expected, happening, isHistory, saveState } = await js("label/words");
const { ViewSettings } = await js("label/settings");
const { unturned } = await js("label/jpeg");
const { Doubts } = await js("label/doubts");
const { ghostMarks, labelMarks, lines } = await js("label/marks");

const picture = { width: 640, height: 480 };
const box = { width: 820, height: 700 };
const close = (a, b, within = 1e-9) => assert.ok(a.every((value, i) => Math.abs(value - b[i]) <= within), `${a} is not ${b}`);

test("a fitted picture lies in the middle, ten pixels from the nearer edges", () => {
  assert.deepEqual(fitted(picture, box), { scale: 1.25, left: 10, top: 50 });
  assert.equal(fitted({ width: 2, height: 2 }, box).scale, MOST_SCALE);
});

test("zooming keeps what is below the pointer there", () => {
  const view = fitted(picture, box);
  const at = [333, 222];
  const before = toImage(at, view);
  const larger = zoomed(view, at, 7.3, picture, box);
  close(toImage(at, larger), before);
  close(toImage(at, zoomed(larger, at, 0.5, picture, box)), before);
});

test("zooming ends at 40 and at half the fitted size", () => {
  const view = fitted(picture, box);
  assert.equal(zoomed(view, [400, 300], 1e9, picture, box).scale, 40);
  assert.equal(zoomed(view, [400, 300], 1e-9, picture, box).scale, 0.5);
  const large = { width: 3840, height: 2160 };
  assert.equal(zoomed(fitted(large, box), [400, 300], 1e-9, large, box).scale, fitted(large, box).scale / 2);
});

test("the picture cannot be pushed out of sight", () => {
  const view = panned(fitted(picture, box), 1e6, -1e6, picture, box);
  assert.equal(view.left, box.width - 60);
  assert.equal(view.top, 60 - 480 * 1.25);
});

test("a point can be brought to the middle", () => {
  const view = zoomed(fitted(picture, box), [0, 0], 30, picture, box);
  assert.ok(!isInSight([500, 400], view, box));
  close(toCanvas([500, 400], centered(view, [500, 400], picture, box)), [410, 350], 1e-6);
});

test("the edge of the picture is inside, what lies beyond is not", () => {
  const view = { scale: 2, left: 10, top: 10 };
  assert.ok(isInside([10, 10], view, picture) && isInside([10 + 1280, 10 + 960], view, picture));
  assert.ok(!isInside([9.9, 10], view, picture) && !isInside([10, 970.1], view, picture));
});

test("what is stored lies in the picture, outer edge included, on a fine grid", () => {
  assert.deepEqual(storable([-3, 1000], picture), [-0.5, 479.5]);
  assert.deepEqual(storable([12.34567, 0.001], picture), [12.35, 0]);
  assert.ok(!Object.is(storable([-0.001, 5], picture)[0], -0));
});

test("two points are the same within what spreadsheets round", () => {
  const point = (x, visibility = 2) => ({ xy: [x, 5], visibility });
  assert.ok(same(point(1), point(1.0005)) && !same(point(1), point(1.01)) && !same(point(1), point(1, 1)));
  assert.ok(same(NOTHING, { xy: null, visibility: 0 }) && !same(NOTHING, point(1)));
});

const points = (text) => [...text].map((sign) => ({ xy: sign === "p" ? [1, 1] : null, visibility: { p: 2, a: 3, ".": 0 }[sign] }));

test("the next open keypoint follows, around the end; skipped ones come last", () => {
  assert.equal(nextOpen(points("pp..")), 2);
  assert.equal(nextOpen(points(".p.p"), 2), 0);
  assert.equal(nextOpen(points("pa.."), 2), 3);
  assert.equal(nextOpen(points("...."), 0, new Set([1, 2])), 3);
  assert.equal(nextOpen(points("pp.p"), -1, new Set([2])), 2);
  assert.equal(nextOpen(points("paap")), null);
});

test("stepping goes around the end", () => {
  assert.deepEqual([stepped(null, 1, 4), stepped(null, -1, 4), stepped(3, 1, 4), stepped(0, -1, 4), stepped(null, 1, 0)], [0, 3, 0, 3, null]);
});

const names = ["a", "b", "c", "d", "e"];
const places = new Map(names.map((name, i) => [name, i]));

test("neighbors are those that the filter shows, also from a frame that it hides", () => {
  assert.deepEqual([neighbor(names, "b", 1, places), neighbor(names, "a", -1, places), neighbor(names, "e", 1, places)], ["c", null, null]);
  assert.deepEqual([neighbor(["a", "e"], "c", 1, places), neighbor(["a", "e"], "c", -1, places)], ["e", "a"]);
});

test("the next wanted frame is searched around the end", () => {
  const wanted = (name) => name === "b" || name === "d";
  assert.equal(nextWanted(names, "b", 1, wanted), "d");
  assert.equal(nextWanted(names, "d", 1, wanted), "b");
  assert.equal(nextWanted(names, "b", -1, wanted), "d");
  assert.equal(nextWanted(names, "b", 1, (name) => name === "b"), null);
});

test("what is ahead is fetched in the order it will be needed", () => {
  assert.deepEqual(ahead(names, "b", places), ["b", "c", "a", "d", "e"]);
  assert.deepEqual(ahead(["a", "e"], "c", places), ["c", "e", "a"]);
  assert.deepEqual(ahead(names, "e", places), ["e", "d"]);
});

const one = { keypoints: ["n", "t"], individuals: ["m"] };
const two = { keypoints: ["n", "t"], individuals: ["m", "o"] };

test("a frame is labeled when nothing is left to decide; of many animals, when those begun are finished", () => {
  assert.deepEqual([0, 1, 2].map((decided) => isUnlabeled({ decided }, one)), [true, true, false]);
  assert.deepEqual([0, 1, 2, 3, 4].map((decided) => isUnlabeled({ decided }, two)), [true, true, false, true, false]);
});

test("filters and progress", () => {
  const rows = [{ name: "a", decided: 2, suspicions: 1 }, { name: "b", decided: 1, suspicions: 0 }, { name: "c", decided: 0, suspicions: 0 }];
  assert.deepEqual(["all", "unlabeled", "suspicious"].map((filter) => filtered(rows, filter, one).join("")), ["abc", "bc", "a"]);
  assert.deepEqual(progress(rows, one), { text: "1 of 3 labeled", share: 1 / 3 });
  assert.deepEqual(progress([], one), { text: "0 of 0 labeled", share: 0 });
});

test("a doubt ends when its label is changed or called right", () => {
  const doubts = new Doubts();
  const [one, whole] = [{ image: "a", individual: "m", keypoints: ["n", "t"] }, { image: "b", individual: "m", keypoints: [] }];
  doubts.set([one, whole]);
  assert.deepEqual([...doubts.counts()], [["a", 1], ["b", 1]]);
  assert.ok(doubts.isAbout("a", "m", "t") && !doubts.isAbout("a", "m", "x") && doubts.isAbout("b", "m", "x") && !doubts.isAbout("b", "o", "x"));
  assert.equal(doubts.settle("a", "m", "x"), false);
  assert.equal(doubts.settle("a", "m", "n"), true);
  doubts.dismiss(structuredClone(whole));
  assert.equal(doubts.counts().size, 0);
  doubts.set([structuredClone(whole)]);
  assert.equal(doubts.counts().size, 0, "also when the server says it again");
});

test("of a long list only the rows in sight exist", () => {
  assert.deepEqual(windowOf(0, 600, 30, 5000), [0, 26]);
  assert.deepEqual(windowOf(30 * 4000, 600, 30, 5000), [3994, 4026]);
  assert.deepEqual(windowOf(0, 600, 30, 3), [0, 3]);
  assert.deepEqual(windowOf(1e9, 600, 30, 3), [3, 3]);
});

test("a list scrolls no farther than it must", () => {
  assert.equal(scrolledTo(5, 0, 600, 30), 0);
  assert.equal(scrolledTo(100, 0, 600, 30), 101 * 30 - 600);
  assert.equal(scrolledTo(2, 900, 600, 30), 60);
});

test("the nearest mark is hit; of two at the same place the one on top", () => {
  const marks = [{ at: [10, 10], k: 0 }, { at: [14, 10], k: 1 }, { at: [14, 10], k: 2 }];
  assert.equal(markAt(marks, [11, 10], 8).k, 0);
  assert.equal(markAt(marks, [14, 11], 8).k, 2);
  assert.equal(markAt(marks, [30, 10], 8), null);
});

test("times, states and happenings in words", () => {
  const now = Date.parse("2026-03-01T12:00:00Z");
  assert.deepEqual(["11:59:59.5", "11:59:30", "11:48:00", "09:00:00"].map((time) => ago(`2026-03-01T${time}Z`, now)), ["just now", "30 s ago", "12 min ago", "3 h ago"]);
  assert.equal(ago("", now), "");
  const state = (kind, waits, refused = [], isKept = true) => ({ kind, waits, refused, isKept });
  assert.equal(saveState(state("saved", 0)).text, "saved");
  assert.equal(saveState(state("saving", 3)).text, "saving 3");
  assert.equal(saveState(state("offline", 1)).text, "offline: 1 change waits");
  assert.equal(saveState(state("offline", 5)).text, "offline: 5 changes wait");
  assert.match(saveState(state("offline", 5, [], false)).text, /keep this page open/);
  assert.equal(saveState(state("refused", 0, [1])).text, "not saved: 1 change refused");
  assert.match(saveState(state("saved", 0), false).text, /^offline/);
  assert.equal(happening({ keypoint: "nose", to: [1.26, 2], visibility: 1 }, false), "nose at 1.3, 2.0, hidden");
  assert.equal(happening({ keypoint: "nose", individual: "ann", to: null, visibility: 3 }, true), "nose of ann is absent");
  assert.equal(happening({ keypoint: "nose", to: null, visibility: 0 }, false), "removed nose");
  const lost = { change: "merge conflict", project: "two", keypoint: "nose", to: [1, 2], visibility: 2 };
  assert.equal(happening(lost, false), "nose at 1.0, 2.0, in two, not taken");
  const entries = [lost, { change: "point", id: "1" }, { change: "point" }, { change: "before merging", did: "point", id: "2" }, { change: "merged" }];
  assert.deepEqual(entries.map(isHistory), [true, true, false, true, false]);
  assert.deepEqual([null, 3.21, 9.96].map((error) => expected({ error })), ["predicted", "± 3.2 px", "± 10 px"]);
});

test("settings are kept, and nonsense in the storage is passed over", () => {
  const storage = new Map([["markerless-label-view", '{"size": 900, "ghost": true, "contrast": "x"}']]);
  const kept = { getItem: (key) => storage.get(key) ?? null, setItem: (key, value) => storage.set(key, value) };
  const settings = new ViewSettings(kept, () => {});
  assert.deepEqual([settings.get("size"), settings.get("ghost"), settings.get("contrast")], [6, true, 100]);
  settings.add("size", 100);
  settings.toggle("ghost");
  const again = new ViewSettings(kept, () => {});
  assert.deepEqual([again.get("size"), again.get("ghost")], [16, false]);
  storage.set("markerless-label-view", "{torn");
  assert.equal(new ViewSettings(kept, () => {}).get("lens"), true);
});

test("marks lie at the centers of their pixels, the animal in hand on top", () => {
  const row = (x) => [{ xy: [x, 0], visibility: 2 }, NOTHING];
  const session = { points: [row(3), row(7)], individual: 0, selected: 0, armed: 1, draft: null };
  const marks = labelMarks(session, { scale: 10, left: 100, top: 0 });
  assert.deepEqual(marks.map(({ at, i }) => [...at, i]), [[175, 5, 1], [135, 5, 0]]);
  assert.deepEqual([marks[1].isSelected, marks[0].isSelected, marks[0].isOwn], [true, false, false]);
  assert.deepEqual(ghostMarks(session.points, { scale: 1, left: 0, top: 0 }).map(({ at }) => at), [[3.5, 0.5], [7.5, 0.5]]);
});

test("lines join keypoints of one animal, where both are placed", () => {
  const marks = [{ at: [0, 0], i: 0, k: 0 }, { at: [1, 0], i: 0, k: 1 }, { at: [9, 9], i: 1, k: 1 }];
  assert.deepEqual(lines(marks, [[0, 1], [1, 2]]), [{ from: [0, 0], to: [1, 0], isOwn: true }]);
});

function pictures(pixels = 10) {
  const log = { asked: [], closed: [], aborted: [], doors: new Map() };
  const load = (name, signal) => {
    log.asked.push(name);
    signal.addEventListener("abort", () => log.aborted.push(name));
    return new Promise((resolve, reject) => {
      log.doors.set(name, { come: () => resolve({ bitmap: { close: () => log.closed.push(name) }, pixels }), fail: () => reject(new Error(name)) });
    });
  };
  return { log, load };
}
const turn = () => new Promise((resolve) => setTimeout(resolve));

test("pictures are fetched two at a time, in the order they are wanted", async () => {
  const { log, load } = pictures();
  const cache = new Prefetch({ load, atOnce: 2 });
  cache.want(["a", "b", "c"]);
  assert.deepEqual(log.asked, ["a", "b"]);
  log.doors.get("b").come();
  await turn();
  assert.deepEqual(log.asked, ["a", "b", "c"]);
  assert.ok(cache.ready("b") && !cache.ready("a"));
});

test("what is asked for comes at once; what nobody wants any more is given up", async () => {
  const { log, load } = pictures();
  const cache = new Prefetch({ load, atOnce: 2 });
  cache.want(["a", "b", "c"]);
  const shown = cache.get("z");
  cache.want(["z", "b"]);
  assert.deepEqual([log.asked, log.aborted], [["a", "b", "z"], ["a"]]);
  log.doors.get("z").come();
  assert.equal((await shown).pixels, 10);
});

test("pictures beyond the budget are let go, never the ones wanted", async () => {
  const { log, load } = pictures(10);
  const cache = new Prefetch({ load, budget: 25, atOnce: 2 });
  for (const name of ["a", "b", "c"]) {
    cache.want([name]);
    log.doors.get(name).come();
    await turn();
  }
  cache.want(["c", "b"]);
  assert.deepEqual(log.closed, ["a"]);
  assert.ok(cache.ready("b") && cache.ready("c") && !cache.ready("a"));
});

test("a picture that failed is told to who asked, and can be asked for again", async () => {
  const { log, load } = pictures();
  const cache = new Prefetch({ load, atOnce: 2 });
  cache.want(["a", "b"]);
  const asked = cache.get("a");
  log.doors.get("a").fail();
  await assert.rejects(asked, /a/);
  await turn();
  assert.deepEqual(log.asked, ["a", "b"], "not again by itself");
  cache.get("a").catch(() => {});
  assert.deepEqual(log.asked, ["a", "b", "a"]);
});

test("a JPEG's note on how to turn it is hidden, and nothing else is changed", () => {
  const exif = [0xff, 0xe1, 0, 10, 0x45, 0x78, 0x69, 0x66, 0, 0, 1, 2];
  const other = [0xff, 0xe1, 0, 6, 0x68, 0x74, 0x74, 0x70];
  const scan = [0xff, 0xda, 0, 4, 1, 2, ...exif];
  const file = [0xff, 0xd8, 0xff, 0xe0, 0, 4, 7, 7, ...other, 0xff, ...exif, ...scan];
  const expected = [...file];
  expected[2 + 6 + other.length + 1 + 1] = 0xef;
  assert.deepEqual([...unturned(Uint8Array.from(file))], expected);
  const torn = [0xff, 0xd8, 0xff, 0xe1, 0];
  assert.deepEqual([...unturned(Uint8Array.from(torn))], torn);
  const png = [0x89, 0x50, 0x4e, 0x47, 0xff, 0xe1, 0, 10, 0x45, 0x78, 0x69, 0x66, 0, 0];
  assert.deepEqual([...unturned(Uint8Array.from(png))], png);
});
