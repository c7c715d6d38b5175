// The only place with the half pixel. In an image (0, 0) is the center of the top-left pixel; a canvas has its origin at
// that pixel's corner. `view` is {scale, left, top}: canvas pixels per image pixel, and where the image's corner lies.

/** Canvas position of a point of the image. */
export function toCanvas([x, y], view) {
  return [(x + 0.5) * view.scale + view.left, (y + 0.5) * view.scale + view.top];
}

/** The point of the image at a canvas position; the inverse of `toCanvas`. */
export function toImage([x, y], view) {
  return [(x - view.left) / view.scale - 0.5, (y - view.top) / view.scale - 0.5];
}

/** Where a point of a picture lies in the same picture resized by `factor`. */
export function resized([x, y], factor) {
  return [(x + 0.5) * factor - 0.5, (y + 0.5) * factor - 0.5];
}
