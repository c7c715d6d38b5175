// Arithmetic of charts, without a page.

/** Round numbers between `low` and `high` on a logarithmic axis: 1, 2 and 5 times powers of ten. */
export function logTicks(low, high) {
  const ticks = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++) {
    for (const digit of [1, 2, 5]) {
      const value = Number(`${digit}e${power}`);
      if (value >= low && value <= high) ticks.push(value);
    }
  }
  return ticks;
}

/** The mean of each value and those before it, with weights that fall to a half every `half` values; null is left out. */
export function smoothed(values, half = 4) {
  const keep = 0.5 ** (1 / half);
  let sum = 0, weight = 0;
  return values.map((value) => {
    sum *= keep;
    weight *= keep;
    if (Number.isFinite(value)) {
      sum += value;
      weight += 1;
    }
    return weight > 0 ? sum / weight : null;
  });
}
