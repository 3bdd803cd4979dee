// Playing a run: the steps follow each other by themselves, at a pace that is chosen.

import { calm, h } from "./dom.js";
import { icon } from "./icons.js";

// Steps a second when playing, or how many seconds the whole run takes.
const SPEEDS = [
  ["1 step/s", { steps: 1 }], ["5 steps/s", { steps: 5 }], ["20 steps/s", { steps: 20 }],
  ["1 epoch/s", { epochs: 1 }], ["whole run in 60 s", { seconds: 60 }],
  ["whole run in 15 s", { seconds: 15 }],
];

/**
 * What plays a page's run: its button, the choice of its pace, and how it is begun and ended, of
 * which `onPlay` is told.
 */
export function player(page, onPlay) {
  const speed = h("select", { "aria-label": "Speed" },
    SPEEDS.map(([text], k) => h("option", { value: k, selected: k === 5 }, text)));
  const play = iconButton("play", "Play (space)", () => toggle());
  let playing = null;

  function toggle() {
    if (play.disabled) return;
    if (playing) stop();
    else start();
  }

  function start() {
    if (page.place.step >= page.run.steps) page.go({ step: 0 });
    play.replaceChildren(icon("pause"));
    play.setAttribute("aria-label", "Pause");
    const mine = {};
    playing = mine;
    onPlay(true);
    let position = page.place.step;
    let shown = position;
    let before = performance.now();
    const tick = async () => {
      if (playing !== mine || page.closed) return;
      const now = performance.now();
      const { run } = page;
      const pace = SPEEDS[Number(speed.value)][1];
      const perSecond = pace.steps
        ?? (pace.epochs ? (run.steps / Math.max(1, run.epochs)) * pace.epochs : run.steps / pace.seconds);
      if (page.place.step !== shown) position = page.place.step; // somebody else moved it
      position = Math.min(run.steps, position + (perSecond * (now - before)) / 1000);
      before = now;
      const step = Math.floor(position);
      if (step !== page.place.step) await page.go({ step });
      shown = page.place.step;
      if (position >= run.steps && run.status !== "running") stop();
      // Without motion: a picture a second, not a film.
      else if (calm()) setTimeout(tick, 1000);
      else requestAnimationFrame(tick);
    };
    tick();
  }

  function stop() {
    playing = null;
    play.replaceChildren(icon("play"));
    play.setAttribute("aria-label", "Play (space)");
    onPlay(false);
  }

  return { play, speed, toggle, stop };
}

/** A button that is a picture. */
export function iconButton(picture, title, work) {
  return h("button", { title, "aria-label": title, onclick: work }, icon(picture));
}
