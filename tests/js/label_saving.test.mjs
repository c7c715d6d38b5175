// Nothing a person clicked is lost: the queue, what waits in the browser, conflicts, undo. The server here is a small one
// with the rules of the real one, and a line that breaks.
import assert from "node:assert/strict";
import { test } from "node:test";

const js = (name) => import(new URL(`../../src/markerless/server/static/js/label/${name}.js`, import.meta.url));
const { ChangeQueue } = await js("queue");
const { Waiting } = await js("waiting");
const { Conflicts } = await js("conflicts");
const { History, reversed } = await js("history");
const { Ledger, randomId } = await js("ledger");
const { LabelStore } = await js("store");
const { NOTHING, same } = await js("points");

const names = { folder: "cage", individuals: ["mouse"], keypoints: ["nose", "tail"] };
const placed = (x, y = 0) => ({ xy: [x, y], visibility: 2 });
const turn = () => new Promise((resolve) => setTimeout(resolve));

class Storage {
  #items = new Map();
  isFull = false;

  get length() { return this.#items.size; }

  key(i) { return [...this.#items.keys()][i]; }

  getItem(key) { return this.#items.get(key) ?? null; }

  setItem(key, value) {
    if (this.isFull) throw new Error("full");
    this.#items.set(key, value);
  }

  removeItem(key) { this.#items.delete(key); }
}

class Server {
  points = new Map();
  taken = new Map(); // id -> how often it was written
  line = () => {}; // called before a request ("to") and before its answer ("back"); throws when the line is broken
  refuses = () => false;

  at(change) { return this.points.get(`${change.image} ${change.keypoint}`) ?? NOTHING; }

  async send(folder, who, changes) {
    await turn();
    this.line("to");
    if (changes.some((change) => this.refuses(change))) throw Object.assign(new Error("expected something else"), { status: 422 });
    const outcomes = changes.map((change) => this.#take(change, who));
    this.line("back");
    return outcomes;
  }

  #take(change, who) {
    const current = this.at(change);
    if (this.taken.has(change.id)) return { id: change.id, state: "already there", now: current };
    if (!same(current, change.was)) return { id: change.id, state: "conflict", now: current };
    this.taken.set(change.id, (this.taken.get(change.id) ?? 0) + 1);
    const now = { ...change.to, who, time: "2026-01-01T00:00:00Z", id: null };
    this.points.set(`${change.image} ${change.keypoint}`, now);
    return { id: change.id, state: "done", now };
  }
}

function desk(server, { storage = new Storage(), who = "ada" } = {}) {
  const timers = [];
  const states = [];
  const waiting = new Waiting(storage, "study");
  const conflicts = new Conflicts(storage, "study");
  const told = { state: (state) => states.push(state.kind), outcome: (change, outcome) => ledger.settle(change, outcome) };
  const queue = new ChangeQueue({ waiting, told, send: (...sent) => server.send(...sent), after: (ms, run) => timers.push({ ms, run }) });
  const store = new LabelStore(1, 2);
  const ledger = new Ledger({ names, store, queue, conflicts, who: () => who, newId: randomId });
  ledger.load("img0", [[server.at({ image: "img0", keypoint: "nose" }), server.at({ image: "img0", keypoint: "tail" })]], store.clock);
  const put = (k, after, image = "img0") => ledger.make([{ image, i: 0, k, after }]);
  const later = async () => { timers.splice(0).forEach(({ run }) => run()); await rest(); };
  return { waiting, conflicts, queue, store, ledger, put, later, timers, states, storage };
}
const rest = async () => { for (let i = 0; i < 12; i++) await turn(); };

test("a change is sent, acknowledged, and forgotten in the browser", async () => {
  const server = new Server();
  const { put, queue, storage, store, states } = desk(server);
  put(0, placed(5));
  assert.equal(storage.length, 1);
  assert.deepEqual(queue.state, { kind: "saving", waits: 1, refused: [], why: "", isKept: true });
  await rest();
  assert.equal(storage.length, 0);
  assert.equal(queue.state.kind, "saved");
  assert.deepEqual(server.points.get("img0 nose").xy, [5, 0]);
  assert.equal(store.point("img0", 0, 0).time, "2026-01-01T00:00:00Z");
  assert.equal(states.at(-1), "saved");
});

test("while the line is broken changes wait, and are sent once it is back", async () => {
  const server = new Server();
  const { put, queue, later, timers } = desk(server);
  server.line = () => { throw new Error("no line"); };
  put(0, placed(5));
  await rest();
  put(1, placed(6));
  put(0, placed(7));
  await rest();
  assert.deepEqual([queue.state.kind, queue.state.waits, queue.state.why], ["offline", 3, "no line"]);
  await later();
  await later();
  assert.equal(timers[0].ms, 2000, "it waits longer after each failure");
  server.line = () => {};
  await later();
  assert.equal(queue.state.kind, "saved");
  assert.deepEqual([server.points.get("img0 nose").xy, server.points.get("img0 tail").xy], [[7, 0], [6, 0]]);
});

test("an answer that was lost does not make a change count twice", async () => {
  const server = new Server();
  const { put, later, queue, conflicts } = desk(server);
  let broken = 1;
  server.line = (way) => { if (way === "back" && broken-- > 0) throw new Error("cut"); };
  put(0, placed(5));
  await rest();
  assert.equal(queue.state.kind, "offline");
  put(0, placed(6));
  await later();
  assert.deepEqual([...server.taken.values()], [1, 1]);
  assert.deepEqual(server.points.get("img0 nose").xy, [6, 0]);
  assert.equal(conflicts.of("cage").length, 0);
});

test("what waits survives a reload and is sent under the same ids, in order", async () => {
  const server = new Server();
  const storage = new Storage();
  const first = desk(server, { storage });
  server.line = () => { throw new Error("no line"); };
  for (const x of [1, 2, 3]) first.put(0, placed(x));
  await rest();
  const ids = first.waiting.all().map(({ id }) => id);
  server.line = () => {};
  const second = desk(server, { storage });
  assert.deepEqual(second.waiting.all().map(({ id }) => id), ids);
  assert.deepEqual(second.store.point("img0", 0, 0).xy, [3, 0], "it is shown at once");
  await second.queue.flush();
  assert.deepEqual([...server.taken.keys()], ids);
  assert.deepEqual([server.points.get("img0 nose").xy, storage.length], [[3, 0], 0]);
});

test("200 changes over a line that breaks at every third word: each is taken once", async () => {
  const server = new Server();
  let storage = new Storage();
  let page = desk(server, { storage });
  let words = 0;
  server.line = () => { if (++words % 3 === 0) throw new Error("cut"); };
  const ids = [];
  for (let i = 0; i < 200; i++) {
    page.put(i % 2, placed(i + 1));
    ids.push(page.waiting.all().at(-1).id);
    if (i % 10 === 9) {
      await rest();
      page = desk(server, { storage }); // a reload
    }
  }
  for (let i = 0; i < 40 && page.waiting.size; i++) { page.queue.flush(); await page.later(); }
  assert.deepEqual(ids.filter((id) => server.taken.get(id) !== 1), []);
  assert.equal(page.conflicts.of("cage").length, 0);
  assert.deepEqual([server.points.get("img0 nose").xy, server.points.get("img0 tail").xy], [[199, 0], [200, 0]]);
});

test("a full storage is said, and what waits is kept while the page is open", async () => {
  const server = new Server();
  const { put, queue, storage, later } = desk(server);
  storage.isFull = true;
  server.line = () => { throw new Error("no line"); };
  put(0, placed(5));
  await rest();
  assert.equal(queue.state.isKept, false);
  server.line = () => {};
  await later();
  assert.deepEqual([server.points.get("img0 nose").xy, queue.state.isKept], [[5, 0], true]);
});

test("a change that the server refuses does not hold up the others", async () => {
  const server = new Server();
  const { put, queue } = desk(server);
  server.refuses = ({ keypoint }) => keypoint === "tail";
  server.line = () => {};
  put(0, placed(1));
  put(1, placed(2));
  put(0, placed(3));
  await rest();
  assert.deepEqual(server.points.get("img0 nose").xy, [3, 0]);
  assert.deepEqual([queue.state.kind, queue.state.refused.length, queue.state.refused[0].why], ["refused", 1, "expected something else"]);
  server.refuses = () => false;
  await queue.again();
  assert.deepEqual([server.points.get("img0 tail").xy, queue.state.kind], [[2, 0], "saved"]);
});

test("changes of two people and folders go in separate requests, in order", async () => {
  const server = new Server();
  const asked = [];
  const send = (folder, who, changes) => { asked.push([folder, who, changes.length]); return server.send(folder, who, changes); };
  const waiting = new Waiting(new Storage(), "study");
  const change = (id, folder, who) => ({ id, folder, who, image: id, individual: "mouse", keypoint: "nose", was: NOTHING, to: placed(1) });
  for (const made of [change("a", "f", "ada"), change("b", "f", "ada"), change("c", "g", "ada"), change("d", "g", "ben")]) waiting.add(made, 0);
  const queue = new ChangeQueue({ waiting, send, told: { state: () => {}, outcome: () => {} } });
  assert.deepEqual(queue.batches().map((batch) => batch.map(({ id }) => id).join("")), ["ab", "c", "d"]);
  await queue.flush();
  assert.deepEqual(asked, [["f", "ada", 2], ["g", "ada", 1], ["g", "ben", 1]]);
});

test("of two people who change the same point the first stands, and the second is asked", async () => {
  const server = new Server();
  const [ada, ben] = [desk(server), desk(server, { who: "ben" })];
  ada.put(0, placed(5));
  await rest();
  ben.put(0, placed(9));
  await rest();
  assert.deepEqual(server.points.get("img0 nose").xy, [5, 0]);
  const [conflict] = ben.conflicts.of("cage", "img0");
  assert.deepEqual([conflict.mine.xy, conflict.theirs.xy, conflict.theirs.who], [[9, 0], [5, 0], "ada"]);
  assert.deepEqual(ben.store.point("img0", 0, 0).xy, [5, 0], "what stands is shown");
  assert.equal(new Conflicts(ben.storage, "study").of("cage").length, 1, "also after a reload");
  ben.ledger.resolve(conflict, "mine");
  await rest();
  assert.deepEqual([server.points.get("img0 nose").xy, ben.conflicts.of("cage").length, ben.storage.length], [[9, 0], 0, 0]);
});

test("keeping the other's point changes nothing", async () => {
  const server = new Server();
  const [ada, ben] = [desk(server), desk(server, { who: "ben" })];
  ada.put(0, placed(5));
  await rest();
  ben.put(0, placed(9));
  await rest();
  ben.ledger.resolve(ben.conflicts.of("cage")[0], "theirs");
  await rest();
  assert.deepEqual([server.points.get("img0 nose").xy, ben.conflicts.of("cage").length, ben.queue.state.kind], [[5, 0], 0, "saved"]);
});

test("several changes of a point that was taken meanwhile make one conflict, with the last of mine", async () => {
  const server = new Server();
  const [ada, ben] = [desk(server), desk(server, { who: "ben" })];
  server.line = () => { throw new Error("no line"); };
  for (const x of [7, 8, 9]) ben.put(0, placed(x));
  await rest();
  server.line = () => {};
  ada.put(0, placed(5));
  await rest();
  await ben.later();
  assert.deepEqual(ben.conflicts.of("cage").map(({ mine }) => mine.xy), [[9, 0]]);
  assert.deepEqual(ben.store.point("img0", 0, 0).xy, [5, 0]);
});

test("two people who place a point at the same place are of one mind", async () => {
  const server = new Server();
  const [ada, ben] = [desk(server), desk(server, { who: "ben" })];
  ada.put(0, placed(5));
  await rest();
  ben.put(0, placed(5));
  await rest();
  assert.equal(ben.conflicts.of("cage").length, 0);
  assert.equal(ben.store.point("img0", 0, 0).who, "ada");
});

test("undo and redo go through all steps", async () => {
  const server = new Server();
  const { put, ledger, store } = desk(server);
  const load = async () => {};
  put(0, placed(1));
  put(0, placed(2));
  ledger.make([{ image: "img0", i: 0, k: 0, after: placed(3) }, { image: "img1", i: 0, k: 1, after: placed(4) }]);
  assert.deepEqual((await ledger.travel("undo", load)).edits.length, 2);
  assert.deepEqual([store.point("img0", 0, 0).xy, store.point("img1", 0, 1).xy], [[2, 0], null]);
  await ledger.travel("undo", load);
  await ledger.travel("undo", load);
  assert.equal(await ledger.travel("undo", load), null);
  assert.equal(store.point("img0", 0, 0).xy, null);
  for (let i = 0; i < 3; i++) await ledger.travel("redo", load);
  assert.deepEqual([store.point("img0", 0, 0).xy, store.point("img1", 0, 1).xy], [[3, 0], [4, 0]]);
  await rest();
  assert.deepEqual([server.points.get("img0 nose").xy, server.points.get("img1 tail").xy], [[3, 0], [4, 0]]);
});

test("a new step ends what could be made again", async () => {
  const { put, ledger } = desk(new Server());
  put(0, placed(1));
  await ledger.travel("undo", async () => {});
  put(0, placed(2));
  assert.equal(await ledger.travel("redo", async () => {}), null);
});

test("a step that changes nothing is none", () => {
  const { put, ledger, waiting } = desk(new Server());
  put(0, { xy: null, visibility: 0 });
  assert.deepEqual([ledger.history.canUndo, waiting.size], [false, 0]);
});

test("undo leaves what somebody else has changed since", async () => {
  const server = new Server();
  const { put, ledger, store } = desk(server);
  put(0, placed(1));
  await rest();
  const theirs = { ...placed(9), who: "ben", time: "", id: null };
  ledger.merge([{ image: "img0", i: 0, k: 0, point: theirs }], store.clock);
  const done = await ledger.travel("undo", async () => {});
  assert.deepEqual([done.changedByOthers, done.edits.length, store.point("img0", 0, 0).xy], [1, 0, [9, 0]]);
});

test("an undo whose frame cannot be loaded is not lost", async () => {
  const { put, ledger, store } = desk(new Server());
  put(0, placed(1));
  await assert.rejects(ledger.travel("undo", async () => { throw new Error("no line"); }));
  assert.deepEqual([store.point("img0", 0, 0).xy, ledger.history.canUndo, ledger.history.canRedo], [[1, 0], true, false]);
});

test("the edits that undo a step come in reverse", () => {
  const edits = [{ k: 0, before: "a", after: "b" }, { k: 0, before: "b", after: "c" }];
  assert.deepEqual(reversed(edits), [{ k: 0, before: "c", after: "b" }, { k: 0, before: "b", after: "a" }]);
  const history = new History();
  history.push([]);
  assert.equal(history.canUndo, false);
});

test("an answer that was asked for before a click does not undo the click", async () => {
  const server = new Server();
  const { put, ledger, store } = desk(server);
  const asked = store.clock;
  put(0, placed(5));
  const old = [{ image: "img0", i: 0, k: 0, point: NOTHING }];
  assert.deepEqual(ledger.merge(old, asked), { taken: [], isWhole: false }, "while it waits");
  await rest();
  assert.equal(ledger.merge(old, asked).isWhole, false, "and once it is acknowledged");
  ledger.load("img0", [[NOTHING, NOTHING]], asked);
  assert.deepEqual(store.point("img0", 0, 0).xy, [5, 0]);
  const theirs = [{ image: "img0", i: 0, k: 0, point: placed(8) }];
  assert.equal(ledger.merge(theirs, store.clock).taken.length, 1, "what was asked for later counts");
});

test("what others do in frames that are not loaded is left to their loading", () => {
  const { ledger, store } = desk(new Server());
  const change = { image: "img7", i: 0, k: 0, point: placed(1) };
  assert.deepEqual(ledger.merge([change], store.clock), { taken: [], isWhole: true });
  assert.equal(store.has("img7"), false);
});

test("a damaged storage is passed over", () => {
  const storage = new Storage();
  storage.setItem("markerless-change/study/x", "{torn");
  storage.setItem("markerless-conflict/study/y", "{torn");
  storage.setItem("markerless-change/other/z", '{"id": "z", "made": 1}');
  assert.equal(new Waiting(storage, "study").size, 0);
  assert.equal(new Conflicts(storage, "study").of("cage").length, 0);
  assert.equal(new Waiting(storage, "other").size, 1);
});

test("ids are long and never the same", () => {
  const ids = new Set(Array.from({ length: 1000 }, randomId));
  assert.equal(ids.size, 1000);
  assert.match([...ids][0], /^[0-9a-f]{32}$/);
});
