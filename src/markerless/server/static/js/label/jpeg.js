// Coordinates are of the pixels as they are stored: a camera's note that a picture is to be turned is not followed by
// programs that label or train, and must not be followed here. Browsers always follow it, so it is hidden from them.

const START = 0xd8;
const SCAN = 0xda;
const EXIF = 0xe1;
const NOBODYS = 0xef; // a kind of segment that readers pass over
const NAME = [0x45, 0x78, 0x69, 0x66, 0, 0]; // "Exif"

export const isJpeg = (bytes) => bytes[0] === 0xff && bytes[1] === START;

/** The bytes of a JPEG file whose orientation no reader finds, changed in place; other files stay as they are. */
export function unturned(bytes) {
  if (!isJpeg(bytes)) return bytes;
  for (let i = 2; i + 4 <= bytes.length && bytes[i] === 0xff && bytes[i + 1] !== SCAN;) {
    if (bytes[i + 1] === 0xff) {
      i++; // padding
      continue;
    }
    if (bytes[i + 1] === EXIF && NAME.every((byte, j) => bytes[i + 4 + j] === byte)) bytes[i + 1] = NOBODYS;
    i += 2 + bytes[i + 2] * 256 + bytes[i + 3];
  }
  return bytes;
}
