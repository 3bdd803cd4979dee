// The timeline: curves over all steps, marks, and the handle that moves everything else.

import { ink } from "./colours.js";
import { calm, h, latest, onResize, sharp } from "./dom.js";
import { icon } from "./icons.js";
import { branchAt, drawKin, fetchKin, kinLegend } from "./kin.js";
import { brief, count } from "./numbers.js";

const HEIGHT = 128;
const EDGE = { left: 10, right: 10, top: 8, bottom: 20 };
// What can be drawn: name in the answer, colour, what it is called and is; which are drawn at first.
const CURVES = [
  ["loss", "--accent", "loss", "Loss of each step's batch"],
  ["epoch_loss", "--warm", "epoch loss", "Mean loss of each epoch"],
  ["score", "--good", "validation score", "Score on the validation rows after each epoch"],
  ["gradient_norm", "--bad", "gradient norm", "Euclidean norm of all gradients together, where recorded"],
  ["learning_rate", "--soft", "learning rate", "Learning rate after each epoch"],
];
const SHOWN = "loss,score";
// Pixels to either side of the handle's middle; and what may change and leave the curves alone.
const HANDLE = 6;
const ELSEWHERE = new Set(["step", "layer", "unit", "from", "row", "phase", "tab", "f0", "f1"]);
// Steps a second when playing, or how many seconds the whole run takes.
const SPEEDS = [
  ["1 step/s", { steps: 1 }], ["5 steps/s", { steps: 5 }], ["20 steps/s", { steps: 20 }],
  ["1 epoch/s", { epochs: 1 }], ["whole run in 60 s", { seconds: 60 }],
  ["whole run in 15 s", { seconds: 15 }],
];

/** Make the view. */
export function timelineView(page) {
  const canvas = h("canvas", { class: "curves" });
  const handle = h("canvas", { class: "handle" });
  const tip = h("div", { class: "tip", hidden: true });
  const slider = h("div", {
    class: "slider", role: "slider", tabindex: 0, "aria-label": "Step of the training",
  }, canvas, handle, tip);
  const place = h("span", { class: "place", role: "status" });
  const chips = CURVES.map(([name, colour, text, title]) => {
    const chip = h("button", { class: "chip", title, "data-curve": name, onclick: () => toggleCurve(name) }, text);
    chip.style.setProperty("--chip", `var(${colour})`);
    return chip;
  });
  const speed = h("select", { "aria-label": "Speed" },
    SPEEDS.map(([text], k) => h("option", { value: k, selected: k === 5 }, text)));
  const play = button("play", "Play (space)", () => toggle());
  const bar = h("div", { class: "bar" },
    button("first", "To the start (Home)", () => page.go({ step: 0 })),
    button("back", "Step back (←)", () => page.goOn(-1)),
    play,
    button("next", "Step (→)", () => page.goOn(1)),
    button("last", "To the end (End)", () => page.go({ step: page.run.steps })),
    speed, place, h("span", { class: "end" }, chips));
  const element = h("section", { class: "timeline panel" }, bar, slider);

  let data = null;
  let kin = []; // curves of branches, and of the run that this one branches off
  let width = 0;
  let view = null; // the steps that are drawn: [begin, end]
  let playing = null;

  const fetchCurves = latest(async () => {
    const { run } = page;
    const [begin, end] = view ?? [0, run.steps];
    const bins = Math.max(50, Math.min(2000, Math.round(width)));
    const [answer, others] = await Promise.all([
      page.ask("timeline", { run: run.run, begin, end, bins }), fetchKin(page, begin, end, bins),
    ]);
    if (answer && page.run.run === run.run) {
      data = answer;
      kin = others;
      draw();
    }
  });

  function shownCurves() {
    return new Set((page.place.curve ?? SHOWN).split(","));
  }

  function toggleCurve(name) {
    const shown = shownCurves();
    if (shown.has(name)) shown.delete(name);
    else shown.add(name);
    page.go({ curve: [...shown].join(",") || "none" });
  }

  function range() {
    return view ?? [0, Math.max(1, page.run.steps)];
  }

  function x(step) {
    const [begin, end] = range();
    return EDGE.left + ((step - begin) / Math.max(1, end - begin)) * (width - EDGE.left - EDGE.right);
  }

  function stepAt(clientX) {
    const [begin, end] = range();
    const at = (clientX - canvas.getBoundingClientRect().left - EDGE.left)
      / Math.max(1, width - EDGE.left - EDGE.right);
    return Math.round(begin + Math.min(1, Math.max(0, at)) * (end - begin));
  }

  function draw() {
    if (!data || !width || !page.run) return;
    const context = sharp(canvas, width, HEIGHT);
    const shown = shownCurves();
    const colour = (name) => ink(element, name);
    drawEpochs(context, colour("--line"));
    for (const [name, tint] of CURVES) {
      if (shown.has(name)) drawCurve(context, data[name], colour(tint), name);
    }
    drawMarks(context, colour);
    drawAxis(context, colour("--soft"));
    drawHandle(colour("--ink"));
  }

  /** The handle is a picture of its own: a step moves it, and leaves the curves as they are. */
  function drawHandle(tint) {
    const context = sharp(handle, 2 * HANDLE, HEIGHT);
    context.strokeStyle = tint;
    context.fillStyle = tint;
    context.lineWidth = 1.5;
    line(context, HANDLE, 2, HANDLE, HEIGHT - EDGE.bottom + 4);
    context.beginPath();
    context.arc(HANDLE, HEIGHT - EDGE.bottom + 4, 4.5, 0, 7);
    context.fill();
    moveHandle();
  }

  function moveHandle() {
    const here = x(page.place.step);
    handle.hidden = here < 0 || here > width;
    handle.style.transform = `translateX(${here - HANDLE}px)`;
  }

  function drawEpochs(context, tint) {
    context.strokeStyle = tint;
    context.lineWidth = 1;
    const ends = data.epochs.values;
    if (!ends.length || ends.length > width / 6) return;
    for (const end of ends) line(context, x(end), EDGE.top, x(end), HEIGHT - EDGE.bottom);
  }

  function drawCurve(context, curve, tint, name) {
    const [low, high] = extent(curve, name);
    const span = high - low || 1;
    const y = (value) => HEIGHT - EDGE.bottom - 2
      - ((value - low) / span) * (HEIGHT - EDGE.top - EDGE.bottom - 4);
    drawKin(context, kin, name, x, y, tint, {
      left: EDGE.left, top: EDGE.top, width: width - EDGE.left - EDGE.right, height: HEIGHT - EDGE.top - EDGE.bottom,
    });
    const steps = curve.steps.values;
    context.strokeStyle = tint;
    context.fillStyle = tint;
    context.globalAlpha = 0.25;
    if (curve.low !== curve.high) {
      for (let k = 0; k < steps.length; k += 1) {
        const top = y(curve.high.values[k]);
        context.fillRect(x(steps[k]) - 0.75, top, 1.5, Math.max(0, y(curve.low.values[k]) - top));
      }
    }
    context.globalAlpha = 1;
    context.lineWidth = 1.4;
    context.beginPath();
    for (let k = 0; k < steps.length; k += 1) context.lineTo(x(steps[k]), y(curve.mean.values[k]));
    context.stroke();
    if (steps.length === 1) context.fillRect(x(steps[0]) - 2, y(curve.mean.values[0]) - 2, 4, 4);
    context.fillStyle = ink(element, "--bad");
    for (const step of curve.broken.values) context.fillText("×", x(step) - 3, EDGE.top + 8);
  }

  function drawMarks(context, colour) {
    const { run } = page;
    context.font = "11px system-ui, sans-serif";
    const base = HEIGHT - EDGE.bottom;
    context.fillStyle = colour("--soft");
    context.fillText(kinLegend(kin), EDGE.left + 4, base - 4);
    for (const branch of run.branches) {
      mark(context, x(branch.step), base, colour("--warm"), "◆");
    }
    for (const step of page.options.kept ?? []) {
      context.fillStyle = colour("--accent");
      context.fillRect(x(step) - 0.75, base, 1.5, 5);
    }
    for (const step of page.found ?? []) mark(context, x(step), base, colour("--bad"), "●");
    const best = run.best_epoch && data.epochs.values[run.best_epoch.epoch];
    if (best !== undefined && best !== null) mark(context, x(best), EDGE.top + 4, colour("--good"), "★");
  }

  function drawAxis(context, tint) {
    context.fillStyle = tint;
    context.font = "11px system-ui, sans-serif";
    const [begin, end] = range();
    context.textAlign = "left";
    context.fillText(count(begin), EDGE.left, HEIGHT - 4);
    context.textAlign = "right";
    context.fillText(`${count(end)} steps`, width - EDGE.right, HEIGHT - 4);
    context.textAlign = "left";
  }

  function tell() {
    const { run } = page;
    const { step } = page.place;
    const text = `step ${count(step)} of ${count(run.steps)}`;
    place.textContent = text;
    slider.setAttribute("aria-valuemin", 0);
    slider.setAttribute("aria-valuemax", run.steps);
    slider.setAttribute("aria-valuenow", step);
    slider.setAttribute("aria-valuetext", text);
    const shown = shownCurves();
    for (const chip of chips) {
      chip.setAttribute("aria-pressed", shown.has(chip.dataset.curve));
      chip.hidden = data !== null && !data[chip.dataset.curve].steps.length;
    }
  }

  /** The exact loss of the step under the pointer, as it was trained. */
  const tellUnderPointer = latest(async (clientX, clientY) => {
    const step = stepAt(clientX);
    const branch = markedAt(clientX, clientY);
    const known = page.options.still ? null : await page.ask("losses", { run: page.run.run, step });
    const lines = [`step ${count(step)}`];
    if (branch) lines.push(`◆ run ${branch.run} branches off: click to go there`);
    if (known) {
      lines[0] += ` · epoch ${count(known.epoch)}`;
      if (known.loss !== null) lines.push(`loss ${known.loss}`);
      if (known.score !== null) lines.push(`score ${brief(known.score)} after epoch ${count(known.scored)}`);
    }
    const box = canvas.getBoundingClientRect();
    tip.replaceChildren(...lines.map((text) => h("div", {}, text)));
    const left = x(step);
    tip.style.left = left > box.width / 2 ? "" : `${left + 10}px`;
    tip.style.right = left > box.width / 2 ? `${box.width - left + 10}px` : "";
  });

  function markedAt(clientX, clientY) {
    const { left, top } = canvas.getBoundingClientRect();
    return branchAt(page.run, x, clientX - left, clientY - top, HEIGHT - EDGE.bottom);
  }

  slider.addEventListener("pointerdown", (event) => {
    stop();
    const branch = page.options.still ? null : markedAt(event.clientX, event.clientY);
    if (branch) {
      page.go({ run: branch.run, step: null });
      return;
    }
    slider.setPointerCapture(event.pointerId);
    page.go({ step: stepAt(event.clientX) });
  });
  slider.addEventListener("pointermove", (event) => {
    if (!page.run) return;
    if (slider.hasPointerCapture(event.pointerId)) page.go({ step: stepAt(event.clientX) });
    tip.hidden = false;
    tellUnderPointer(event.clientX, event.clientY);
  });
  slider.addEventListener("pointerleave", () => { tip.hidden = true; });
  slider.addEventListener("wheel", (event) => {
    if (!page.run || page.options.still || !(event.ctrlKey || event.shiftKey)) return;
    event.preventDefault();
    zoom(stepAt(event.clientX), event.deltaY + event.deltaX > 0 ? 1.5 : 1 / 1.5);
  }, { passive: false });
  slider.addEventListener("dblclick", () => { view = null; fetchCurves(); });
  slider.addEventListener("keydown", (event) => {
    const far = Math.max(1, Math.round(page.run.steps / 20));
    const act = {
      ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: far, PageDown: -far,
      Home: -Infinity, End: Infinity,
    }[event.key];
    if (event.key === "+" || event.key === "-") zoom(page.place.step, event.key === "+" ? 0.5 : 2);
    else if (event.key === " ") toggle();
    else if (act) {
      page.goOn(Math.max(-page.run.steps, Math.min(page.run.steps, act)));
    } else return;
    event.preventDefault();
  });

  function zoom(around, factor) {
    const [begin, end] = range();
    const span = Math.max(10, Math.round((end - begin) * factor));
    if (span >= page.run.steps) view = null;
    else {
      const from = Math.round(around - ((around - begin) / Math.max(1, end - begin)) * span);
      const start = Math.max(0, Math.min(page.run.steps - span, from));
      view = [start, start + span];
    }
    fetchCurves();
  }

  function toggle() {
    if (playing) stop();
    else start();
  }

  function start() {
    if (page.place.step >= page.run.steps) page.go({ step: 0 });
    play.replaceChildren(icon("pause"));
    play.setAttribute("aria-label", "Pause");
    const mine = {};
    playing = mine;
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
  }

  onResize(slider, (newWidth) => {
    width = newWidth;
    if (page.run) fetchCurves();
  });

  return {
    element,
    toggle,
    show(_, changed) {
      if (changed.has("run")) view = null;
      tell();
      if (["run", "grown", "kin"].some((name) => changed.has(name))) return fetchCurves().then(tell);
      if ([...changed].every((name) => ELSEWHERE.has(name))) moveHandle();
      else draw();
      return null;
    },
  };
}

function button(picture, title, work) {
  return h("button", { title, "aria-label": title, onclick: work }, icon(picture));
}

function line(context, x0, y0, x1, y1) {
  context.beginPath();
  context.moveTo(x0, y0);
  context.lineTo(x1, y1);
  context.stroke();
}

function mark(context, x, y, tint, sign) {
  context.fillStyle = tint;
  context.textAlign = "center";
  context.fillText(sign, x, y);
  context.textAlign = "left";
}

/** Range that a curve is drawn in; a score's is at most 1, and rates begin at 0. */
function extent(curve, name) {
  let low = Infinity;
  let high = -Infinity;
  for (const value of curve.low.values) low = Math.min(low, value);
  for (const value of curve.high.values) high = Math.max(high, value);
  if (name !== "score") low = Math.min(low, 0);
  return [low, high];
}
