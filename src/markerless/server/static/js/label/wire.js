// The labels of a project as the server sends and takes them, and as this page has them. Nothing else here knows the names
// of its JSON.
import * as api from "../api.js";
import { NOTHING } from "./points.js";

const SLOWEST_MS = 20000; // then a request counts as lost; changes are sent again under the same ids

export class Wire {
  constructor(key) { this.key = key; }

  /** [{name, pictures, labeled}] */
  async folders() { return (await api.get(this.#path("labels"))).folders; }

  /** What labeling a folder needs to begin: {folder, keypoints, began, edges, palette, individuals, scorer, runs, sequence, listing, views, frames}. */
  async folder(name) {
    const { frames, ...rest } = await api.get(this.#path("labels", name));
    return { ...rest, folder: name, frames: frames.map(({ picture, decided }) => ({ name: picture, decided, suspicions: 0 })) };
  }

  /** {size: {width, height}, points[animal][keypoint]} of a frame. */
  async frame(names, picture) {
    const { size, points } = await api.get(this.#path("labels", names.folder, "frames", picture), { signal: AbortSignal.timeout(SLOWEST_MS) });
    return { size: { width: size[0], height: size[1] }, points: names.individuals.map((i) => names.keypoints.map((k) => pointOf(points[i]?.[k]))) };
  }

  /** Send changes; gives [{id, state, now}]. */
  async send(folder, who, changes) {
    const { outcomes } = await api.post(this.#path("labels", folder, "changes"), { who, changes: changes.map(sent) }, { signal: AbortSignal.timeout(SLOWEST_MS) });
    return outcomes.map(({ id, state, now }) => ({ id, state, now: pointOf(now) }));
  }

  /** The same while the page closes: nobody waits for the answer. */
  sendAndForget(folder, who, changes) {
    const path = this.#path("labels", folder, "changes");
    api.fetchRaw(path, { method: "POST", body: { who, changes: changes.map(sent) }, keepalive: true }).catch(() => {});
  }

  /** What anybody changed after `sequence`: {changes: [{image, i, k, point}], sequence, listing, views}; `listing` is another when frames came or went or keypoints changed, `views` when labels of other views did. */
  async since(names, sequence, signal) {
    const answer = await api.get(this.#path("labels", names.folder, "changes") + api.query({ since: sequence }), { signal });
    const changes = answer.changes.map((change) => ({
      image: change.picture,
      i: names.individuals.indexOf(change.individual),
      k: names.keypoints.indexOf(change.keypoint),
      point: pointOf(change.now),
    }));
    return { changes, sequence: answer.sequence, listing: answer.listing, views: answer.views };
  }

  /** The journal of a frame, oldest first. */
  async history(folder, picture) { return (await api.get(this.#path("labels", folder, "history", picture))).entries; }

  /** Labels of a folder that may be mistakes: [{image, individual, keypoints, message, isOfViews}]; the last by other views of the moment. */
  async suspects(folder) {
    const { suspects } = await api.get(this.#path("labels", folder, "suspects"));
    return suspects.map(({ picture, individual, keypoints, kind, message }) => ({ image: picture, individual, keypoints, message, isOfViews: kind === "views" }));
  }

  /** Bytes of a picture; with `width` those of a JPEG, for formats that browsers cannot read. */
  async picture(folder, name, { signal, width } = {}) {
    const answer = await api.fetchRaw(this.#path("pictures", folder, name) + api.query({ width }), { signal });
    return answer.blob();
  }

  /** What a run, the newest without a name, predicts in a frame of one animal: {run, points[animal][keypoint] -> {xy, error, score} or null}. */
  async predictions(names, picture, run = "") {
    const answer = await api.get(this.#path("labels", names.folder, "predictions", picture) + api.query({ run: run || undefined }));
    return { run: answer.run, points: [names.keypoints.map((k) => predictionOf(answer.points[k]))] };
  }

  /** What other views say of a frame: {version, views: [{name, folder, picture, isHere, canExtract}], points[animal][keypoint], far, note}, see view_geometry.js. */
  async views(names, picture) { return viewsOf(names, await api.get(this.#path("labels", names.folder, "views", picture))); }

  /** The same after pictures of the moment were made for the views that had none. */
  async extractViews(names, picture) { return viewsOf(names, await api.post(this.#path("labels", names.folder, "views", picture, "extract"))); }

  #path(...parts) { return api.path("projects", this.key, ...parts); }
}

function pointOf(sent) {
  if (!sent) return NOTHING;
  return { xy: sent.xy, visibility: sent.visibility, who: sent.who, time: sent.time, id: sent.id ?? null };
}

function viewsOf(names, { version, views, points, far, note }) {
  return {
    version, far, note,
    views: views.map(({ name, folder, picture, is_here: isHere, can_extract: canExtract }) => ({ name, folder, picture, isHere, canExtract })),
    points: names.individuals.map((i) => names.keypoints.map((k) => entryOf(points[i]?.[k]))),
  };
}

function entryOf(sent) {
  if (!sent) return null;
  const { views, xy, error, spread, is_inside: isInside, is_torn: isTorn, lines } = sent;
  return { views, xy, error, spread, isInside, isTorn, lines };
}

function predictionOf(sent) {
  return sent?.xy ? { xy: sent.xy, error: sent.error, score: sent.score } : null;
}

function sent({ id, image, individual, keypoint, began = null, was, to }) {
  return { id, picture: image, individual, keypoint, began, was, to };
}
