// Which frames to fetch before they are due. When frames do not arrive as fast as they would be shown, every second (third,
// ...) one is fetched and shown, so that the picture does not lag behind the playhead.

export const AT_ONCE = 4; // requests
const MOST_SHOWN_PER_S = 30;
const AHEAD_S = 1.2;
const [FEWEST, MOST] = [4, 32];
const NEIGHBORS = 6; // on each side of a frame that stands still

/** Frames between two that are shown: 1 shows all. `delayMs` is what one request takes. */
export function strideOf(rate, delayMs) {
  const perSecond = Math.min(MOST_SHOWN_PER_S, (0.85 * AT_ONCE * 1000) / Math.max(delayMs, 1));
  const least = Math.max(rate / perSecond - 1e-9, 1);
  return 2 ** Math.ceil(Math.log2(least)); // powers of two: what was fetched for one stride also serves the next
}

/** Frames worth fetching now, the most urgent first. */
export function framesToFetch({ position, rate, delayMs, frames }) {
  if (rate > 0) {
    const stride = strideOf(rate, delayMs);
    const soonest = position + rate * (delayMs / 1000);
    const first = Math.ceil(soonest / stride - 1e-9) * stride;
    const n = Math.min(Math.max(Math.ceil((AHEAD_S * rate) / stride), FEWEST), MOST);
    const due = Array.from({ length: n }, (_, i) => first + i * stride).filter((frame) => frame < frames - 1);
    return due.length < n ? [...due, frames - 1] : due;
  }
  const here = Math.round(position);
  const around = Array.from({ length: NEIGHBORS }, (_, i) => [here + i + 1, here - i - 1]).flat();
  return [here, ...around].filter((frame) => frame >= 0 && frame < frames);
}

/** The newest frame that is there and due: not after `position`, and not the one that is `shown` or before it. */
export function frameToShow(position, shown, isThere, lookBack = 240) {
  const last = Math.floor(position + 1e-9);
  for (let frame = last; frame > Math.max(shown, last - lookBack); frame--) if (isThere(frame)) return frame;
  return null;
}

/** A mean that follows slowly: of what requests take. */
export function followed(mean, value) { return mean === null ? value : mean + 0.2 * (value - mean); }
