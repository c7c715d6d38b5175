// Where the cameras stand, as small pyramids around the scene. One that stands far off is drawn nearer, in its direction.
import { add } from "./orbit.js";

const [FARTHEST, SIZE] = [0.9, 0.13]; // of the scene's diagonal: how far a camera is drawn from its middle, how large
const WIDEST = 0.75; // half width of a drawn pyramid against its length; that of a long lens is drawn wider
const NARROWEST = 0.22;

/** [{name, apex, corners: 4 points, isNearer}] of the cameras whose places are known; bounds are `[low, high]`. */
export function frustaOf(cameras, [low, high]) {
  const middle = low.map((one, i) => (one + high[i]) / 2);
  const diagonal = Math.hypot(...low.map((one, i) => high[i] - one)) || 1;
  return cameras.filter(({ center }) => center).map(({ name, center, corners }) => {
    const out = add(center, middle, -1);
    const distance = Math.hypot(...out) || 1e-9;
    const isNearer = distance > FARTHEST * diagonal;
    const apex = isNearer ? add(middle, out, (FARTHEST * diagonal) / distance) : center;
    const axis = [0, 1, 2].map((i) => corners.reduce((sum, one) => sum + one[i], 0) / 4);
    const arms = corners.map((one) => add(one, axis, -1));
    const half = Math.max(...arms.map((one) => Math.hypot(...one))) / (Math.hypot(...axis) || 1);
    const spread = Math.min(Math.max(half, NARROWEST), WIDEST) / half;
    return { name, apex, isNearer, corners: arms.map((arm) => add(add(apex, axis, SIZE * diagonal), arm, SIZE * diagonal * spread)) };
  });
}
