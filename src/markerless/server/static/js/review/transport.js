// The bar below the picture: play, steps, moments, speed, and which frame is shown.
import { h, replace, svg } from "../dom.js";
import { timeOf } from "./axis.js";

const ICONS = {
  play: "M7 4.5v15l12-7.5z",
  pause: "M7 5h4v14H7zM13 5h4v14h-4z",
  back: "M15 5v14L6 12z",
  on: "M9 5v14l9-7z",
  previous: "M19 5v14l-9-7zM5 5h3v14H5z",
  next: "M5 5v14l9-7zM16 5h3v14h-3z",
};

export class Transport {
  constructor({ player, frames, fps, speeds, commands }) {
    Object.assign(this, { player, frames, fps });
    const button = (icon, title, run, more = "") => h("button", { type: "button", class: `button quiet review-icon ${more}`, title, "aria-label": title, onclick: run }, iconOf(icon));
    this.playing = button("play", "Play (Space)", commands.toggle, "review-play");
    this.moments = [button("previous", "Previous suspicious moment (P)", commands.previous), button("next", "Next suspicious moment (N)", commands.next)];
    for (const one of this.moments) one.disabled = true;
    this.speed = h("select", { "aria-label": "Speed", title: "Speed (+ and -)", onchange: (event) => { player.setSpeed(Number(event.target.value)); event.target.blur(); } }, speeds.map((one) => h("option", { value: one, selected: one === 1 }, `${one}×`)));
    this.frame = h("output", { class: "review-frame number" });
    this.waits = h("span", { class: "review-waits soft small", hidden: true }, "waiting for frames …");
    this.node = h(
      "div",
      { class: "review-transport" },
      this.moments[0], button("back", "Previous frame (←)", () => commands.step(-1)), this.playing, button("on", "Next frame (→)", () => commands.step(1)), this.moments[1],
      this.speed, this.frame, this.waits,
      h("button", { type: "button", class: "button quiet review-end small", title: commands.fitTitle ?? "The whole picture (0)", onclick: commands.fit }, "Fit"),
    );
  }

  setMoments(hasAny) { for (const one of this.moments) one.disabled = !hasAny; }

  draw() {
    const { player } = this;
    const { painted, isPlaying } = player;
    if (this.isPlaying !== isPlaying) {
      this.isPlaying = isPlaying;
      replace(this.playing, iconOf(isPlaying ? "pause" : "play"));
      this.playing.title = isPlaying ? "Pause (Space)" : "Play (Space)";
    }
    this.speed.value = String(player.clock.speed);
    const time = timeOf(Math.max(painted, 0), this.fps);
    this.frame.textContent = `frame ${painted < 0 ? "–" : painted} of ${this.frames}${time ? `  ·  ${time} of ${timeOf(this.frames, this.fps)}` : ""}`;
    clearTimeout(this.timer);
    if (!player.isWaiting) this.waits.hidden = true;
    else this.timer = setTimeout(() => { this.waits.hidden = !player.isWaiting; }, 400);
  }
}

function iconOf(name) {
  return svg("svg", { viewBox: "0 0 24 24", width: 18, height: 18, "aria-hidden": "true" }, svg("path", { d: ICONS[name], fill: "currentColor" }));
}
