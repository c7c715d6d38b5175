// Drawing marks on the canvas above the picture. Marks keep their size on the screen at every zoom. Each has a dark and a
// light outline, so that it is seen on any fur and any floor.
import { cssColor } from "../colors.js";

const DARK = "rgb(0 0 0 / 0.65)";
const LIGHT = "rgb(255 255 255 / 0.95)";
const DOUBT = "#ffb300";
const FAINT = 0.45; // of animals that are not in hand
const FONT = "600 12px system-ui, 'DejaVu Sans', sans-serif";

/** All of a frame. `scene` holds the lists of `marks.js`, `style` is {palette, names, size, showsNames}. */
export function paint(ctx, scene, style) {
  paintGhost(ctx, scene.ghost, scene.ghostLines, style);
  paintLines(ctx, scene.lines);
  for (const mark of scene.predictions) paintPrediction(ctx, mark, style);
  for (const mark of scene.labels) paintLabel(ctx, mark, style);
  for (const { at } of scene.doubts) paintDoubt(ctx, at, style);
  for (const conflict of scene.conflicts) paintConflict(ctx, conflict, style);
  for (const { at, strength } of scene.flashes) ring(ctx, at, style.size + 4 + 14 * (1 - strength), `rgb(255 255 255 / ${strength})`, 2);
  for (const mark of [...scene.labels, ...scene.predictions]) {
    if ((style.showsNames && mark.isOwn) || mark.isDragged || isIt(mark, scene.hovered)) paintName(ctx, mark, style);
  }
}

/** Paint every name once where nobody sees it: finding the font and shaping its letters would else hold up the first click. */
export function warmUp({ keypoints }, palette) {
  const ctx = document.createElement("canvas").getContext("2d");
  keypoints.forEach((name, k) => tag(ctx, [0, 0], name, cssColor(palette, k), 0));
}

const isIt = (mark, other) => other !== null && mark.i === other.i && mark.k === other.k;

function paintLabel(ctx, mark, { palette, size }) {
  const color = cssColor(palette, mark.k);
  ctx.globalAlpha = mark.isOwn ? 1 : FAINT;
  if (mark.isSelected) ring(ctx, mark.at, size + 3.5, LIGHT, 1.5);
  ring(ctx, mark.at, size, DARK, 4);
  if (mark.isHidden) ctx.setLineDash([3, 3]);
  ring(ctx, mark.at, size, color, 2);
  ctx.setLineDash([]);
  if (mark.isDragged) cross(ctx, mark.at, size - 1, color);
  else if (!mark.isHidden) {
    disc(ctx, mark.at, size * 0.22, DARK, 0.8);
    disc(ctx, mark.at, size * 0.22, LIGHT);
  }
  ctx.globalAlpha = 1;
}

function paintDoubt(ctx, at, { size }) {
  const radius = size + 7;
  ctx.setLineDash([5, 4]);
  ring(ctx, at, radius, DARK, 3.5);
  ring(ctx, at, radius, DOUBT, 1.75);
  ctx.setLineDash([]);
}

function paintPrediction(ctx, { at, radius, k }, { palette, size }) {
  const color = cssColor(palette, k);
  if (radius > size) {
    disc(ctx, at, radius, cssColor(palette, k, 0.12));
    ctx.setLineDash([4, 4]);
    ring(ctx, at, radius, color, 1.25);
    ctx.setLineDash([]);
  }
  diamond(ctx, at, size * 0.8, DARK, 4);
  diamond(ctx, at, size * 0.8, color, 2);
}

function paintGhost(ctx, marks, ghostLines, { palette, size }) {
  ctx.globalAlpha = 0.55;
  for (const { from, to } of ghostLines) line(ctx, from, to, LIGHT, 1);
  for (const { at, k } of marks) disc(ctx, at, size * 0.65, cssColor(palette, k));
  ctx.globalAlpha = 1;
}

function paintLines(ctx, all) {
  for (const { from, to, isOwn } of all) {
    ctx.globalAlpha = isOwn ? 0.75 : FAINT * 0.6;
    line(ctx, from, to, DARK, 3);
    line(ctx, from, to, LIGHT, 1.25);
  }
  ctx.globalAlpha = 1;
}

function paintConflict(ctx, { mine, theirs, k }, { palette, size }) {
  if (mine && theirs) {
    ctx.setLineDash([2, 4]);
    line(ctx, mine, theirs, LIGHT, 1.5);
    ctx.setLineDash([]);
  }
  if (!mine) return;
  cross(ctx, mine, size + 2, DARK, 4);
  cross(ctx, mine, size + 2, cssColor(palette, k), 2);
  tag(ctx, mine, "yours", cssColor(palette, k), size);
}

function paintName(ctx, { at, i, k, isOwn }, { palette, names, size }) {
  const name = !isOwn && names.individuals.length > 1 ? `${names.individuals[i]} · ${names.keypoints[k]}` : names.keypoints[k];
  tag(ctx, at, name, cssColor(palette, k), size);
}

function tag(ctx, [x, y], text, color, size) {
  ctx.font = FONT;
  const width = ctx.measureText(text).width;
  const [left, top] = [x + size + 7, y - 9];
  ctx.fillStyle = "rgb(20 24 31 / 0.82)";
  ctx.beginPath();
  ctx.roundRect(left, top, width + 18, 18, 4);
  ctx.fill();
  disc(ctx, [left + 8, top + 9], 2.5, color);
  ctx.fillStyle = "#ffffff";
  ctx.textBaseline = "middle";
  ctx.fillText(text, left + 14, top + 9.5);
}

export function ring(ctx, [x, y], radius, color, width) {
  ctx.strokeStyle = color;
  ctx.lineWidth = width;
  ctx.beginPath();
  ctx.arc(x, y, radius, 0, 2 * Math.PI);
  ctx.stroke();
}

function disc(ctx, [x, y], radius, color, grow = 0) {
  ctx.fillStyle = color;
  ctx.beginPath();
  ctx.arc(x, y, radius + grow, 0, 2 * Math.PI);
  ctx.fill();
}

function diamond(ctx, [x, y], half, color, width) {
  ctx.strokeStyle = color;
  ctx.lineWidth = width;
  ctx.beginPath();
  ctx.moveTo(x, y - half);
  ctx.lineTo(x + half, y);
  ctx.lineTo(x, y + half);
  ctx.lineTo(x - half, y);
  ctx.closePath();
  ctx.stroke();
}

export function line(ctx, from, to, color, width) {
  ctx.strokeStyle = color;
  ctx.lineWidth = width;
  ctx.beginPath();
  ctx.moveTo(...from);
  ctx.lineTo(...to);
  ctx.stroke();
}

export function cross(ctx, [x, y], half, color, width = 1.25) {
  line(ctx, [x - half, y], [x + half, y], color, width);
  line(ctx, [x, y - half], [x, y + half], color, width);
}
