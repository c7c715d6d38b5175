// Conventions of coordinates and addresses, with numbers worked out by hand.
import assert from "node:assert/strict";
import { test } from "node:test";

const js = (name) => import(new URL(`../../src/markerless/server/static/js/${name}.js`, import.meta.url));
const { toCanvas, toImage, resized } = await js("coords");
const { addressOf, parseAddress } = await js("routes");
const { matches, shownKey } = await js("key_names");

test("the center of the top-left pixel lies half a pixel inside", () => {
  assert.deepEqual(toCanvas([0, 0], { scale: 10, left: 0, top: 0 }), [5, 5]);
  assert.deepEqual(toCanvas([2, 1], { scale: 4, left: 100, top: 50 }), [110, 56]);
});

test("toImage undoes toCanvas", () => {
  const view = { scale: 3.7, left: -41.2, top: 17.9 };
  const [x, y] = toImage(toCanvas([123.456, -0.5], view), view);
  assert.ok(Math.abs(x - 123.456) < 1e-9 && Math.abs(y + 0.5) < 1e-9);
});

test("resizing keeps pixel centers: 249 of 500 lies at 748 of 1500", () => {
  assert.deepEqual(resized([249, 0], 3), [748, 1]);
});

test("addresses of pages and back", () => {
  const address = addressOf("mouse-1a2b3c", "label", { video: "a&b=c", frame: "", n: 0 });
  assert.equal(address, "#/mouse-1a2b3c/label?video=a%26b%3Dc&n=0");
  assert.deepEqual(parseAddress(address), { key: "mouse-1a2b3c", name: "label", params: { video: "a&b=c", n: "0" } });
  assert.equal(parseAddress("").name, "home");
  assert.equal(parseAddress("#/k/../../x").name, "project");
});

test("keys by name", () => {
  const event = (key, held = {}) => ({ key, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, ...held });
  assert.ok(matches("Ctrl+Z", event("z", { metaKey: true })));
  assert.ok(!matches("Ctrl+Z", event("z", { ctrlKey: true, shiftKey: true })));
  assert.ok(matches("Space", event(" ")));
  assert.ok(matches("?", event("?", { shiftKey: true })));
  assert.ok(!matches("Z", event("z", { ctrlKey: true })));
  assert.deepEqual(["+", "Ctrl+Shift+Z", "ArrowLeft"].map(shownKey), ["+", "Ctrl Shift Z", "←"]);
});
