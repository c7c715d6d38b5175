// The color of each keypoint: the same as in labeled videos and figures (Okabe and Ito's, told apart by color-blind
// people; more than seven keypoints lie along a ramp). `palette` is what the server sends with the skeleton.

/** CSS color of keypoint `index`, from `[[r, g, b], ...]`. */
export function cssColor(palette, index, opacity = 1) {
  const [red, green, blue] = palette[index % palette.length];
  return `rgb(${red} ${green} ${blue} / ${opacity})`;
}

/** Black or white, whichever is read better on the color. */
export function inkOn([red, green, blue]) {
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 140 ? "#14181f" : "#ffffff";
}
