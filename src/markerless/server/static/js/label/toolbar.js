// Above the picture: undo, what is shown, how it is lit, and whether everything is saved.
import { h, replace } from "../dom.js";
import { LIMITS } from "./settings.js";

export class Toolbar {
  #state = "";

  /** `commands` by name, see commands.js; `settings` ViewSettings; `onState()` tells more about the state of saving. */
  constructor({ commands, settings, onState }) {
    Object.assign(this, { commands, settings });
    this.undo = this.#button("undo", "↶", "Undo");
    this.redo = this.#button("redo", "↷", "Redo");
    this.toggles = [["ghost", "Ghost"], ["lens", "Lens"], ["names", "Names"]].map(([name, text]) => [name, this.#button(name, text)]);
    this.accept = this.#button("acceptAll", "Accept predictions");
    this.accept.hidden = true;
    this.zoom = h("span", { class: "label-zoom small soft number" });
    this.save = h("button", { class: "label-save", type: "button", id: "save-state", role: "status", onclick: onState });
    this.sliders = Object.keys(LIMITS).map((name) => this.#slider(name));
    this.display = this.#display();
    this.node = h("div", { class: "label-tools" },
      this.undo, this.redo, h("hr"), this.toggles.map(([, button]) => button), this.#button("copyPrevious", "Copy previous"), this.accept, this.display,
      h("span", { class: "label-tools-end" }, this.#button("fit", "Fit"), this.zoom, this.save));
    this.drawSettings();
  }

  /** Close what was unfolded. */
  fold() { this.display.open = false; }

  draw({ canUndo, canRedo, nPredictions, scale }) {
    this.undo.disabled = !canUndo;
    this.redo.disabled = !canRedo;
    this.accept.hidden = nPredictions === 0;
    const percent = `${Math.round(scale * 100)} %`;
    if (this.zoom.textContent !== percent) this.zoom.textContent = percent;
  }

  drawSettings() {
    for (const [name, button] of this.toggles) button.setAttribute("aria-pressed", String(this.settings.get(name)));
    for (const { name, input, value } of this.sliders) {
      input.value = String(this.settings.get(name));
      replace(value, name === "size" ? `${this.settings.get(name)} px` : `${this.settings.get(name)} %`);
    }
  }

  drawState({ tone, text }) {
    if (this.#state === text) return;
    this.#state = text;
    this.save.dataset.tone = tone;
    this.save.textContent = text;
  }

  #button(name, text, label = null) {
    const { keys, does, run } = this.commands[name];
    const title = `${does[0].toUpperCase()}${does.slice(1)} (${keys[0].replace("Ctrl+", "Ctrl ")})`;
    return h("button", { class: "button quiet", type: "button", title, "aria-label": label, onclick: run, onmousedown: (event) => event.preventDefault(), dataset: { command: name } }, text);
  }

  #display() {
    const labels = { size: "Size of marks", brightness: "Brightness", contrast: "Contrast" };
    const rows = this.sliders.map(({ name, input, value }) => h("label", { class: "label-slider" }, h("span", {}, labels[name]), input, value));
    const reset = h("button", { class: "button quiet small", type: "button", onclick: () => this.settings.reset() }, "Usual values");
    const note = h("p", { class: "soft small" }, "Of the display alone; pictures and coordinates stay as they are.");
    return h("details", { class: "label-display" }, h("summary", { class: "button quiet", onmousedown: (event) => event.preventDefault() }, "Display"), h("div", { class: "card raised" }, rows, note, reset));
  }

  #slider(name) {
    const [least, most] = LIMITS[name];
    const input = h("input", { type: "range", min: least, max: most, step: name === "size" ? 1 : 5, oninput: () => this.settings.set(name, Number(input.value)), onchange: () => input.blur() });
    return { name, input, value: h("span", { class: "soft small number" }) };
  }
}
