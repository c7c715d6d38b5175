// Corrections of frames on the review page: pictures of another size than the video's frames, undo over a broken line.
// The server here is a small one with the rules of the real one.
import assert from "node:assert/strict";
import { test } from "node:test";

const { FrameLabels } = await import(new URL("../../src/markerless/server/static/js/review/frame_labels.js", import.meta.url));

const NOTHING = { xy: null, visibility: 0 };
const about = { stem: "cage1", video: "cage1.mp4", size: [320, 240], keypoints: ["snout", "ear"], individuals: ["mouse"] };
const predicted = [{ animal: 0, keypoint: 0, xy: [200, 100] }, { animal: 0, keypoint: 1, xy: [310, 230] }];
const moved = { animal: 0, keypoint: 0, xy: [205, 101] };

class Server {
  points = {}; // keypoint -> {xy, visibility}
  taken = new Set(); // ids
  posted = [];
  line = () => {}; // called before changes arrive ("to") and before their answer ("back"); throws when it is broken

  constructor({ size = [320, 240], points = {}, isThere = true } = {}) { Object.assign(this, { size, points, isThere }); }

  path(...parts) { return parts.join("/"); }

  async get(path) {
    if (path.endsWith("/extracted")) return { frames: this.isThere ? [{ index: 7, picture: "img7.png", decided: this.#decided }] : [] };
    if (path.endsWith("/img7.png")) return { size: this.size, points: { mouse: structuredClone(this.points) } };
    return { individuals: ["mouse"], keypoints: ["snout", "ear"] };
  }

  async post(path, { frames, changes }) {
    if (path.endsWith("/extract")) {
      this.isThere = true;
      return { frames };
    }
    this.line("to");
    this.posted.push(changes);
    const outcomes = changes.map((change) => ({ state: this.#take(change) }));
    this.line("back");
    return { outcomes };
  }

  get xy() { return Object.fromEntries(Object.entries(this.points).filter(([, { xy }]) => xy).map(([name, { xy }]) => [name, xy])); }

  get #decided() { return Object.values(this.points).filter(({ visibility }) => visibility > 0).length; }

  #take({ id, keypoint, was, to }) {
    if (this.taken.has(id)) return "already there";
    try {
      assert.deepEqual(this.points[keypoint] ?? NOTHING, was);
    } catch {
      return "conflict";
    }
    this.taken.add(id);
    this.points[keypoint] = to;
    return "done";
  }
}

async function opened(server) {
  const labels = new FrameLabels({ api: server, key: "k", about, who: async () => "ada" });
  await labels.load();
  return labels;
}

const SAID = /expected labeled-data\/cage1\/img7\.png to have the 320 x 240 px .*, got 200 x 150 px.*Label page/;

for (const [what, points] of [["without labels", {}], ["with labels", { snout: { xy: [160, 80], visibility: 2 } }]]) {
  test(`a frame whose picture is a crop is not corrected, ${what}`, async () => {
    const server = new Server({ size: [200, 150], points: structuredClone(points) });
    const labels = await opened(server);
    await assert.rejects(labels.correct(7, moved, predicted), SAID);
    assert.deepEqual([server.posted, server.points, labels.canUndo, labels.nCorrected], [[], points, false, 0]);
  });
}

test("one side that differs is enough, also where the picture is the larger one", async () => {
  for (const size of [[320, 239], [321, 240], [640, 480], [240, 320]]) {
    const labels = await opened(new Server({ size }));
    await assert.rejects(labels.correct(7, moved, predicted), /Label page/, String(size));
  }
});

test("labels of a crop are not drawn as if they were in the frame's pixels", async () => {
  const points = { snout: { xy: [160, 80], visibility: 2 } };
  const [crop, whole] = [await opened(new Server({ size: [200, 150], points })), await opened(new Server({ points }))];
  for (const labels of [crop, whole]) await labels.want(7);
  assert.deepEqual([crop.isLabeled(7), crop.isForeign(7), crop.at(7)], [true, true, null]);
  assert.deepEqual([whole.isForeign(7), whole.at(7)], [false, [{ animal: 0, keypoint: 0, xy: [160, 80] }]]);
});

test("a frame that is not extracted yet, or whose picture is a whole one, is corrected", async () => {
  for (const isThere of [false, true]) {
    const server = new Server({ isThere });
    const labels = await opened(server);
    assert.deepEqual(await labels.correct(7, moved, predicted), { made: !isThere, n: 2, conflicts: 0 });
    assert.deepEqual(server.xy, { snout: [205, 101], ear: [310, 230] });
  }
});

for (const way of ["to", "back"]) {
  test(`an undo that breaks on the way ${way} the server can be tried again`, async () => {
    const server = new Server();
    const labels = await opened(server);
    await labels.correct(7, moved, predicted);
    server.line = (where) => { if (where === way) throw new Error("the server cannot be reached"); };
    await assert.rejects(labels.undo(), /cannot be reached/);
    assert.deepEqual([labels.canUndo, labels.nCorrected], [true, 1]);
    let conflicts = 0;
    server.line = () => {};
    const post = server.post.bind(server);
    server.post = async (...asked) => {
      const answer = await post(...asked);
      conflicts += answer.outcomes.filter(({ state }) => state === "conflict").length;
      return answer;
    };
    assert.equal(await labels.undo(), 7);
    assert.deepEqual([server.xy, labels.canUndo, labels.nCorrected, conflicts], [{}, false, 0, 0]);
    assert.equal(await labels.undo(), null);
  });
}

for (const [status, isRefused] of [[400, true], [409, true], [422, true], [499, true], [0, false], [500, false], [503, false]]) {
  test(`an undo that is answered with ${status} ${isRefused ? "does not block those before it" : "stays the last one"}, and none is lost`, async () => {
    const server = new Server();
    const labels = await opened(server);
    await labels.correct(7, moved, predicted);
    await labels.correct(7, { ...moved, xy: [90, 60] }, predicted);
    server.line = (where) => { if (where === "to") throw Object.assign(new Error("no"), { status }); };
    await assert.rejects(labels.undo(), /no/);
    server.line = () => {};
    const sent = server.posted.length;
    assert.equal(await labels.undo(), 7);
    assert.deepEqual([await labels.undo(), labels.canUndo], [7, false]);
    const lengths = server.posted.slice(sent).map((changes) => changes.length);
    assert.deepEqual(lengths, isRefused ? [2, 1] : [1, 2]); // the first correction was of two points
  });
}

test("two quick undos take two corrections back, the last one first", async () => {
  const server = new Server();
  const labels = await opened(server);
  await labels.correct(7, moved, predicted);
  await labels.correct(7, { ...moved, xy: [90, 60] }, predicted);
  assert.deepEqual(await Promise.all([labels.undo(), labels.undo(), labels.undo()]), [7, 7, null]);
  assert.deepEqual([server.xy, labels.canUndo], [{}, false]);
  assert.deepEqual(server.posted.slice(2).map((changes) => changes.length), [1, 2]);
});
