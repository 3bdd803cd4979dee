// What there is to tell of a unit or a weight: facts, spread, what it responds to, its history.

import { ink, isDark } from "./colours.js";
import { h, onPointer, s, sharp } from "./dom.js";
import { unitImages } from "./images.js";
import { brief, count, exactOf } from "./numbers.js";
import { rangeOf } from "./plots.js";
import { othersHeld, responseSurface } from "./surface.js";
import { NdArray } from "./wire.js";

// Bars of a histogram.
const BARS = 18;

/** What a unit responds to: its weights as an image, or its activations over two features. */
export function respondsTo(page, state, size) {
  const all = state.incoming.all;
  if (page.run.image && state.layer === 0 && all) {
    const canvas = h("canvas", { role: "img", "aria-label": "Weights in, as an image" });
    const context = sharp(canvas, size, size);
    const [, top] = rangeOf(all.values.map(Math.abs));
    context.imageSmoothingEnabled = false;
    const column = new NdArray(all.values, [all.length, 1]);
    context.drawImage(unitImages(column, [0], 1, page.run.image, top, isDark(page.root)), 0, 0, size, size);
    return h("figure", { class: "responds" }, canvas, h("figcaption", { class: "said" }, "its weights: it answers to an image that is bright where they are orange"));
  }
  if (!state.response || page.run.image) return null;
  const { f0, f1 } = state.response;
  return h("figure", { class: "responds" },
    responseSurface(state.response, { page, width: size, name: "What the unit responds to" }),
    page.run.widths[0] > 2 ? h("figcaption", { class: "said" }, `over ${page.run.features[f0]} and ${page.run.features[f1]}, ${othersHeld(state.response)}`) : null);
}

/** In words what ails a unit in a batch. */
export function unitWords(state, last) {
  if (state.dead && !last) return "dead in this batch: no row sends it any delta, so the step leaves its weights be but for penalty and momentum";
  if (state.saturated) return "saturated in this batch: most rows drive it to one of its ends, where it hardly learns";
  return null;
}

/** A list of names and values. */
export function facts(pairs) {
  return h("dl", { class: "facts-list" }, pairs.filter(Boolean).flatMap(([name, value]) => [h("dt", {}, name), h("dd", { class: "number" }, value)]));
}

/** How z or a of a unit are spread over rows. */
export function spread(name, values) {
  return h("div", { class: "way" }, h("code", {}, name), histogram(values, name));
}

/** Bars of how many, with their range in words. */
function histogram(values, name) {
  const [low, high] = rangeOf(values.values);
  const bins = new Array(BARS).fill(0);
  let broken = 0;
  for (const value of values) {
    if (!Number.isFinite(value)) broken += 1;
    else bins[Math.min(BARS - 1, Math.floor(((value - low) / (high - low || 1)) * BARS))] += 1;
  }
  const most = Math.max(...bins, 1);
  const each = 100 / BARS;
  const words = low === high ? `all ${brief(low)}` : `${brief(Number(low.toPrecision(3)))} … ${brief(Number(high.toPrecision(3)))}`;
  return h("div", { class: "spread" },
    s("svg", { viewBox: "0 0 100 24", preserveAspectRatio: "none", width: "100%", height: 24, role: "img", "aria-label": `${name}: ${words}` },
      bins.map((n, k) => s("rect", { x: k * each, width: each - 0.6, y: 24 - (23 * n) / most, height: (23 * n) / most },
        s("title", {}, `${count(n)} from ${brief(low + (k * (high - low)) / BARS)} to ${brief(low + ((k + 1) * (high - low)) / BARS)}`)))),
    h("span", { class: broken ? "number bad" : "number" }, broken ? `${words}, ${count(broken)} not finite` : words));
}

/** A weight's values over the run, and where the reader is; a click goes to a step. */
export function historyCurve(past, page, wide) {
  const height = 84;
  const [low, high] = rangeOf(past.values.values);
  const end = page.run.steps || 1;
  const x = (step) => 4 + (step / end) * (wide - 8);
  const y = (value) => 6 + (1 - (value - low) / (high - low || 1)) * (height - 12);
  const canvas = h("canvas");
  const said = h("output", { class: "said number" });
  const context = sharp(canvas, wide, height);
  const { values } = past.values;
  const steps = past.steps.values;
  context.strokeStyle = ink(page.root, "--line");
  if (low < 0 && high > 0) context.strokeRect(0, y(0), wide, 0);
  context.strokeStyle = ink(page.root, "--accent");
  context.lineWidth = 1.5;
  context.beginPath();
  steps.forEach((step, k) => { if (Number.isFinite(values[k])) context.lineTo(x(step), y(values[k])); });
  context.stroke();
  if (past.of === "checkpoints") {
    context.fillStyle = ink(page.root, "--accent");
    steps.forEach((step, k) => context.fillRect(x(step) - 2, y(values[k]) - 2, 4, 4));
  }
  context.strokeStyle = ink(page.root, "--ink");
  context.strokeRect(x(page.place.step), 0, 0, height);
  const rest = `from ${brief(low)} to ${brief(high)}`;
  said.textContent = rest;
  const nearest = (event) => {
    const step = ((event.clientX - canvas.getBoundingClientRect().left - 4) / (wide - 8)) * end;
    let best = 0;
    steps.forEach((one, k) => { if (Math.abs(one - step) < Math.abs(steps[best] - step)) best = k; });
    return best;
  };
  onPointer(canvas, (event) => {
    const k = nearest(event);
    said.textContent = `step ${count(steps[k])}: ${exactOf(past.values, k)}`;
  }, () => { said.textContent = rest; });
  canvas.addEventListener("click", (event) => page.go({ step: steps[nearest(event)] }));
  return h("div", { class: "past", role: "img", "aria-label": `${past.name} over the run, ${rest}` }, canvas, said);
}
