// What the other views say, as canvas positions, and how it is drawn: a dashed ring with a cross where they put a keypoint,
// the line on which one of them sees it, and how far off a label is.
import { cssColor } from "../colors.js";
import { toCanvas } from "../coords.js";
import { cross, line, ring } from "./paint.js";
import { far } from "./words.js";

const FAR_COLOR = "#ff4d4f";
const DARK = "rgb(0 0 0 / 0.65)";
const TEXT_PX = 18;
const FONT = "600 12px system-ui, 'DejaVu Sans', sans-serif";

/** Suggestions that nobody has decided on: {kind, at, radius, i, k, isOwn}; the radius is that of the expected error. */
export function suggestionMarks(session, view) {
  const marks = [];
  session.suggestions?.forEach((row, i) => row.forEach((_, k) => {
    const suggested = session.draft?.i === i && session.draft.k === k ? null : session.suggestion(i, k);
    if (suggested) marks.push({ kind: "suggestion", at: toCanvas(suggested.xy, view), radius: suggested.error * view.scale, i, k, isOwn: i === session.individual });
  }));
  return marks;
}

/** Labels far off: {at, to, text}. */
export function farMarks(found, view) {
  return found.map(({ xy, at, px, times }) => ({ at: toCanvas(xy, view), to: toCanvas(at, view), text: far(px, times) }));
}

/** The lines of a keypoint: {points, k, view}. */
export function beamMarks(entry, k, view) {
  return (entry?.lines ?? []).map((one) => ({ points: one.xy.map((xy) => toCanvas(xy, view)), k, view: one.view }));
}

/** Draw them below the labels; `style` as in paint.js. */
export function paintViews(ctx, { beams, suggestions, far: off }, style) {
  for (const beam of beams) paintBeam(ctx, beam, style);
  for (const mark of suggestions) paintSuggestion(ctx, mark, style);
  for (const mark of off) paintFar(ctx, mark, style);
}

function paintSuggestion(ctx, { at, radius, k, isOwn }, { palette, size }) {
  const color = cssColor(palette, k);
  const shown = Math.max(radius, size + 2); // so that its dashes are seen
  ctx.globalAlpha = isOwn ? 1 : 0.45;
  ring(ctx, at, shown, DARK, 3);
  ctx.setLineDash([4, 3]);
  ring(ctx, at, shown, color, 2);
  ctx.setLineDash([]);
  cross(ctx, at, size * 0.5, DARK, 3);
  cross(ctx, at, size * 0.5, color, 1.5);
  ctx.globalAlpha = 1;
}

function paintBeam(ctx, { points, k, view }, { palette }) {
  for (const [color, width] of [[DARK, 3.5], [cssColor(palette, k), 1.5]]) {
    ctx.strokeStyle = color;
    ctx.lineWidth = width;
    ctx.beginPath();
    points.forEach((at, n) => (n ? ctx.lineTo(...at) : ctx.moveTo(...at)));
    ctx.stroke();
  }
  const end = points.reduce((one, other) => (other[1] < one[1] ? other : one));
  tell(ctx, [end[0] + 8, end[1] + 8], view, "#ffffff");
}

function paintFar(ctx, { at, to, text }, { size }) {
  ctx.setLineDash([4, 3]);
  line(ctx, at, to, DARK, 3.5);
  line(ctx, at, to, FAR_COLOR, 1.75);
  ctx.setLineDash([]);
  cross(ctx, to, size * 0.6, DARK, 3.5);
  cross(ctx, to, size * 0.6, FAR_COLOR, 1.75);
  ring(ctx, at, size + 5, DARK, 4.5);
  ring(ctx, at, size + 5, FAR_COLOR, 2.5);
  tell(ctx, [at[0] + size + 9, at[1] + 10], text, FAR_COLOR);
}

/** A text beside a place, moved back into sight where it would be cut off. */
function tell(ctx, [x, y], text, color) {
  ctx.font = FONT;
  const width = ctx.measureText(text).width + 12;
  const left = Math.max(Math.min(x, ctx.canvas.width / devicePixelRatio - width - 2), 2);
  const top = Math.max(Math.min(y, ctx.canvas.height / devicePixelRatio - TEXT_PX - 2), 2);
  ctx.fillStyle = "rgb(20 24 31 / 0.85)";
  ctx.beginPath();
  ctx.roundRect(left, top, width, TEXT_PX, 4);
  ctx.fill();
  ctx.fillStyle = color;
  ctx.textBaseline = "middle";
  ctx.fillText(text, left + 6, top + 9.5);
}
