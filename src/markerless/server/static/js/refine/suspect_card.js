// A label that may be a mistake: a part of its picture, the label as a ring, a dot where it is expected.
import { cssColor } from "../colors.js";
import { toCanvas } from "../coords.js";
import { h, svg } from "../dom.js";
import { addressOf } from "../routes.js";
import { boxAround } from "./geometry.js";

const SHOWN_PX = 220;

export function suspectCard(one, { api, key }) {
  const name = `${one.folder}/${one.picture}`;
  return h("a", { class: "refine-thumb", href: addressOf(key, "label", { video: one.folder, frame: one.picture, keypoint: one.keypoint }), title: "Look at the labels of this frame" },
    one.size && picture(one, api, key), h("b", {}, one.keypoint), h("span", { class: "small soft" }, `${name}: ${one.message}`));
}

function picture({ folder, picture: name, size, color, xy, suggested }, api, key) {
  const [x, y] = xy ?? suggested ?? [size[0] / 2, size[1] / 2];
  const reach = Math.max(40, 0.16 * Math.hypot(...size));
  const around = [[x - reach, y - reach], [x + reach, y + reach]];
  const box = boxAround([around, [suggested]], size);
  const unit = box.width / SHOWN_PX;
  const view = { scale: 1, left: -box.left, top: -box.top };
  const paint = cssColor([color], 0);
  const [label, there] = [xy, suggested].map((point) => (point ? toCanvas(point, view) : null));
  const overlay = svg("svg", { viewBox: `0 0 ${box.width} ${box.height}`, "aria-hidden": "true" },
    label && there && svg("line", { x1: label[0], y1: label[1], x2: there[0], y2: there[1], stroke: paint, "stroke-width": 1.4 * unit }),
    label && svg("circle", { cx: label[0], cy: label[1], r: 7 * unit, class: "refine-ring under", "stroke-width": 4 * unit }),
    label && svg("circle", { cx: label[0], cy: label[1], r: 7 * unit, class: "refine-ring", stroke: paint, "stroke-width": 2 * unit }),
    there && svg("circle", { cx: there[0], cy: there[1], r: 3.6 * unit, class: "refine-point", fill: paint, "stroke-width": unit }));
  const source = `api/${api.path("projects", key, "refine", "crops", folder, name)}${api.query({ ...box, to: 2 * SHOWN_PX })}`;
  return h("div", { class: "refine-frame", style: { "aspect-ratio": `${box.width} / ${box.height}` } }, h("img", { src: source, alt: "", loading: "lazy" }), overlay);
}
