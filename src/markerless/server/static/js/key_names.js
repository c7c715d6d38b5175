// Names of keys: "Ctrl+Z", "Shift+A", "Space", "ArrowLeft", "?". "Ctrl" is the command key on a Mac.

const SHOWN = { ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓", Escape: "Esc", Delete: "Del" };
const PLAIN = new Set(["?", "+", "-", "=", ",", ".", "[", "]", "<", ">", "/", "*", "_", "!"]);

/** True when `event` is the key called `name`. A sign is taken as typed, whatever is held down for it. */
export function matches(name, event) {
  const parts = name === "+" ? ["+"] : name.split("+");
  const key = parts.pop();
  const wanted = new Set(parts);
  if (wanted.has("Ctrl") !== (event.ctrlKey || event.metaKey) || wanted.has("Alt") !== event.altKey) return false;
  if (!PLAIN.has(key) && wanted.has("Shift") !== event.shiftKey) return false;
  const typed = event.key === " " ? "Space" : event.key;
  return typed.length === 1 ? typed.toLowerCase() === key.toLowerCase() : typed === key;
}

/** The name as a user knows it. */
export function shownKey(name) {
  return name === "+" ? name : name.split("+").map((part) => SHOWN[part] ?? part).join(" ");
}
