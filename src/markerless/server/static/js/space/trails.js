// The way that points took until a moment.

const MOST = 150; // places of one trail; a longer one leaves some out

/** [{keypoint, path: Float32Array of x, y, z}] of `length` moments until `moment`; what has not come yet is left out. */
export function trailsOf({ points, record, moment, length }) {
  if (!length) return [];
  const step = Math.max(Math.ceil(length / MOST), 1);
  const first = Math.max(moment - length, 0);
  const moments = [];
  for (let one = Math.ceil(first / step) * step; one < moment; one += step) moments.push(one);
  moments.push(moment); // the others stay the same ones from moment to moment, so that a trail does not flicker
  const trails = [];
  for (let n = 0; n < record.animals * record.keypoints; n++) trails.push({ keypoint: n % record.keypoints, path: new Float32Array(3 * moments.length).fill(NaN) });
  moments.forEach((one, i) => {
    const values = points.at(one);
    if (!values?.length) return;
    trails.forEach(({ path }, n) => {
      const at = record.at(Math.floor(n / record.keypoints), n % record.keypoints);
      for (let axis = 0; axis < 3; axis++) path[3 * i + axis] = values[at + axis];
    });
  });
  return trails;
}
