// The videos of a rig in a grid: which camera is in which panel, and how the panels share the room.
import { h, replace } from "../dom.js";

const HEAD = 26; // pixels

/** Cameras that share a video share a panel: [{key, cameras: [index], video, size, note}]; `chosen` are videos by camera. */
export function groupsOf(cameras, chosen, nFrames) {
  const groups = new Map();
  cameras.forEach((camera, index) => {
    const video = chosen.get(camera.name) ?? camera.video;
    const key = video ? `video ${video.path}` : camera.region ? "regions" : `camera ${camera.name}`;
    if (!groups.has(key)) groups.set(key, { key, cameras: [], video, note: noteOf(video, nFrames) });
    groups.get(key).cameras.push(index);
  });
  return [...groups.values()].map((group) => ({ ...group, size: group.video?.size ?? sizeOf(group.cameras.map((index) => cameras[index])) }));
}

function noteOf(video, nFrames) {
  if (!video || video.fps === null || video.n_frames === nFrames) return "";
  return `${video.name} has ${video.n_frames} frames, the result ${nFrames} moments`;
}

/** Of the picture that cameras without a video look at; null when it is not known. */
function sizeOf(cameras) {
  if (cameras.some(({ size }) => !size)) return null;
  return [0, 1].map((axis) => Math.max(...cameras.map(({ size, region }) => (region ? region[axis] + region[axis + 2] : size[axis]))));
}

/** The number of columns with which pictures of these sizes are shown largest in a box. */
export function columnsFor(sizes, { width, height }) {
  let [best, most] = [1, -1];
  for (let columns = 1; columns <= sizes.length; columns++) {
    const rows = Math.ceil(sizes.length / columns);
    const [w, tall] = [width / columns, Math.max(height / rows - HEAD, 1)];
    const area = sizes.reduce((sum, [a, b]) => sum + a * b * Math.min(w / a, tall / b) ** 2, 0);
    if (area > most * 1.02) [best, most] = [columns, area];
  }
  return best;
}

export class Panels {
  panels = [];
  large = null; // key of the panel that has the room alone

  constructor() {
    this.grid = h("div", { class: "space-panels" });
    this.legend = h("div", { class: "space-legend small soft" }, key("dot", "measured"), key("ring", "expected from 3D"), key("cross", "left out"));
    this.node = h("div", { class: "space-videos" }, this.grid);
    this.observer = new ResizeObserver(() => this.#arrange());
    this.observer.observe(this.node);
  }

  set(panels) {
    for (const panel of this.panels) panel.leave();
    this.panels = panels;
    if (!panels.some(({ group }) => group.key === this.large)) this.large = null;
    this.#arrange();
  }

  enlarge(key) {
    this.large = this.large === key ? null : key;
    this.#arrange();
  }

  draw() { for (const panel of this.panels) panel.draw(); }

  leave() {
    this.observer.disconnect();
    for (const panel of this.panels) panel.leave();
  }

  #arrange() {
    const shown = this.panels.filter(({ group }) => !this.large || group.key === this.large);
    const { clientWidth: width, clientHeight: height } = this.grid;
    if (shown.length && width) {
      const columns = columnsFor(shown.map(({ group }) => group.size ?? [4, 3]), { width, height });
      const rows = Math.ceil(shown.length / columns);
      const isFull = rows * columns === shown.length;
      this.grid.style.setProperty("grid-template-columns", `repeat(${columns}, minmax(0, 1fr))`);
      this.grid.style.setProperty("grid-template-rows", `repeat(${rows}, minmax(0, 1fr))${isFull ? " auto" : ""}`);
      this.legend.classList.toggle("below", isFull);
    }
    const nodes = [...shown.map(({ node }) => node), this.legend];
    if (nodes.some((node, i) => this.grid.children[i] !== node) || this.grid.children.length !== nodes.length) replace(this.grid, nodes);
  }
}

function key(kind, text) {
  return h("span", {}, h("i", { class: `space-key ${kind}` }), text);
}
