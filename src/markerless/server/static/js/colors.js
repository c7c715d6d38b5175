// The color of each keypoint: the same as in labeled videos and figures (Okabe and Ito's, told apart by color-blind
// people; more than seven keypoints lie along a ramp). `palette` is what the server sends with the skeleton.

const BRIGHTEST = 0.72; // of lines on white, as in figures

/** CSS color of keypoint `index`, from `[[r, g, b], ...]`. */
export function cssColor(palette, index, opacity = 1) {
  const [red, green, blue] = palette[index % palette.length];
  return `rgb(${red} ${green} ${blue} / ${opacity})`;
}

/** The same for thin lines on the page: what is too pale on white is darkened, as in figures. */
export function lineColor(palette, index, opacity = 1, isDark = document.documentElement.dataset.theme === "dark") {
  const color = palette[index % palette.length];
  const bright = luminance(color) / 255;
  const keep = isDark ? 1 : Math.min(1, BRIGHTEST / bright);
  return cssColor([color.map((part) => Math.round(part * keep))], 0, opacity);
}

/** Black or white, whichever is read better on the color. */
export function inkOn(color) {
  return luminance(color) > 140 ? "#14181f" : "#ffffff";
}

const luminance = ([red, green, blue]) => 0.2126 * red + 0.7152 * green + 0.0722 * blue;
