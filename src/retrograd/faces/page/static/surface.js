// Surfaces: what a network makes of the plane of two features, with rows as points in it.

import { classColour, ink, isDark, signed } from "./colours.js";
import { h, onPointer, sharp } from "./dom.js";
import { brief, counted, exactOf } from "./numbers.js";

// Pixels that a point is round, and from how far it is meant.
const RADIUS = 3.4;
const REACH = 9;
// How much of a class's colour its region has; the points have all of it.
const TINT = { light: 0.42, dark: 0.5 };

/**
 * Draw the network's outputs over a grid, and rows as points.
 *
 * `surface` is what answers/surface.py tells, `task` 'classes', 'labels' or 'numbers'. A click on
 * a point calls `onPick(row)`. A `plain` one is of little room: without axes and words.
 */
export function decisionSurface(surface, { page, task, width, row = null, onPick = null, name = "Decision surface", plain = false }) {
  const { points, side } = surface;
  const size = Math.max(120, Math.floor(width));
  const canvas = h("canvas");
  const told = h("output", { class: "said number" });
  const element = h("div", {
    class: "surface", tabindex: onPick ? 0 : null, role: "img", "data-keys": true, "data-focus": "surface",
    "aria-label": `${name}${surface.targets > 1 ? ` of target ${surface.target}` : ""} over ${page.run.features[surface.f0]} and ${page.run.features[surface.f1]}, ${counted(points.rows.length, "row")}${onPick ? "; the arrow keys go from row to row, Enter selects one" : ""}`,
  }, h("div", { class: plain ? "plane plain" : "plane" }, canvas, plain ? null : axisNames(page, surface)), plain ? null : told);
  const radius = plain ? RADIUS * 0.65 : RADIUS;
  const colour = task === "numbers" ? numberColour(surface, page.root) : classMix(surface, page.root);
  const places = Array.from(points.rows, (_, k) => [points.x.values[k] * size, (1 - points.y.values[k]) * size]);
  const rest = `${side} × ${side} predictions; points are rows${task === "classes" ? ", ringed where wrong" : ""}`;
  let at = -1;
  paint();
  tell(points.rows.values.indexOf(row));

  function paint() {
    const context = sharp(canvas, size, size);
    paintGrid(context, side, size, colour.ground);
    const line = ink(page.root, "--ink");
    // A number's point has the colour of the ground where it is predicted well.
    const ground = ink(page.root, task === "numbers" ? "--soft" : "--ground");
    const chosen = [];
    places.forEach(([x, y], k) => {
      const mine = points.rows.values[k] === row;
      if (mine) chosen.push([x, y]);
      const wrong = task === "classes" && decided(points, k) !== points.true.values[k];
      disc(context, x, y, radius + (plain ? 0.7 : 1.1), wrong ? line : ground);
      disc(context, x, y, radius, colour.point(points.true.values, k * stride(points.true)));
    });
    for (const [x, y] of chosen) {
      context.strokeStyle = line;
      context.lineWidth = 2;
      context.beginPath();
      context.arc(x, y, 8, 0, 7);
      context.stroke();
    }
  }

  function nearest(event) {
    const box = canvas.getBoundingClientRect();
    const x = event.clientX - box.left;
    const y = event.clientY - box.top;
    let best = -1;
    let least = REACH * REACH;
    places.forEach(([px, py], k) => {
      const apart = (px - x) ** 2 + (py - y) ** 2;
      if (apart <= least) [best, least] = [k, apart];
    });
    return [best, x, y];
  }

  function tell(k) {
    at = k;
    told.textContent = k < 0 ? rest : pointText(page, task, points, k);
    told.classList.toggle("number", k >= 0);
  }

  function tellPlane(x, y) {
    const column = Math.max(0, Math.min(side - 1, Math.round((x / size) * (side - 1))));
    const line = Math.max(0, Math.min(side - 1, Math.round((1 - y / size) * (side - 1))));
    const where = [column, line].map((k, axis) => brief(Number(
      (surface.low[axis] + (k / (side - 1)) * (surface.high[axis] - surface.low[axis])).toPrecision(4))));
    told.classList.add("number");
    told.textContent = `at (${where.join(", ")}): ${outputText(page, task, surface, line * side + column)}`;
    at = -1;
  }

  onPointer(canvas, (event) => {
    const [k, x, y] = nearest(event);
    canvas.classList.toggle("on-point", k >= 0);
    if (k >= 0) tell(k);
    else tellPlane(x, y);
  }, () => tell(-1));
  canvas.addEventListener("click", (event) => {
    const [k] = nearest(event);
    if (k >= 0) onPick?.(points.rows.values[k]);
  });
  element.addEventListener("keydown", (event) => {
    const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (by) tell(Math.max(0, Math.min(points.rows.length - 1, at + by)));
    else if (event.key === "Enter" && at >= 0) onPick?.(points.rows.values[at]);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  return element;
}

/** In words at what a grid holds the features that it is not over. */
export function othersHeld({ others }) {
  return `others at ${others === "zeros" ? "0" : "their medians"}`;
}

/** A unit's activations over a grid, blue below 0 and orange above. */
export function responseSurface(response, { page, width, name }) {
  const size = Math.floor(width);
  const { side } = response;
  const { values } = response.values;
  const canvas = h("canvas");
  const told = h("output", { class: "said number" });
  const element = h("div", {
    class: "surface", role: "img", tabindex: 0, "data-keys": true, "data-focus": "response",
    "aria-label": `${name} over ${page.run.features[response.f0]} and ${page.run.features[response.f1]}`,
  }, h("div", { class: "plane" }, canvas, axisNames(page, response)), told);
  const finite = values.filter(Number.isFinite);
  const low = finite.reduce((least, value) => Math.min(least, value), Infinity);
  const high = finite.reduce((most, value) => Math.max(most, value), -Infinity);
  const top = Math.max(Math.abs(low), Math.abs(high)) || 1;
  const dark = isDark(page.root);
  const context = sharp(canvas, size, size);
  paintGrid(context, side, size, (k) => signed(values[k] / top, dark));
  const rest = `a from ${brief(low)} to ${brief(high)}`;
  told.textContent = rest;
  let at = [Math.floor(side / 2), Math.floor(side / 2)];

  function tell(column, line) {
    at = [column, line];
    const where = at.map((k, axis) => brief(Number(
      (response.low[axis] + (k / (side - 1)) * (response.high[axis] - response.low[axis])).toPrecision(4))));
    told.textContent = `a(${where.join(", ")}) = ${exactOf(response.values, line * side + column)}`;
  }

  const within = (k) => Math.max(0, Math.min(side - 1, k));
  onPointer(canvas, (event) => {
    const box = canvas.getBoundingClientRect();
    tell(within(Math.round(((event.clientX - box.left) / box.width) * (side - 1))),
      within(Math.round((1 - (event.clientY - box.top) / box.height) * (side - 1))));
  }, () => { told.textContent = rest; });
  element.addEventListener("keydown", (event) => {
    const move = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (!move) return;
    tell(within(at[0] + move[0]), within(at[1] + move[1]));
    event.preventDefault();
    event.stopPropagation();
  });
  return element;
}

/** What a row's point says: what is true of it, and exactly what was predicted. */
function pointText(page, task, points, k) {
  const true_ = task === "classes" ? page.run.classes?.[points.true.values[k]] ?? points.true.values[k]
    : exactOf(points.true, k * stride(points.true));
  return `row ${points.rows.values[k]} (${true_}): ${outputText(page, task, points, k)}`;
}

/** What is predicted, in words, exactly: the likeliest class and its probability, or the number. */
function outputText(page, task, { values, taken, sure }, k) {
  if (task === "numbers") return exactOf(values, k);
  const [best, array] = taken ? [taken.values[k], sure] : [1, values];
  return `p(${page.run.classes?.[best] ?? best}) = ${exactOf(array, k)}`;
}

/** Class that a row is taken for. */
function decided({ values, taken }, k) {
  if (taken) return taken.values[k];
  return values.values[k] > 0.5 ? 1 : 0;
}

function stride(array) {
  return array.shape.length > 1 ? array.shape[1] : 1;
}

function axisNames(page, { f0, f1, low, high }) {
  return axes([f0, f1].map((feature) => page.run.features[feature]), low, high);
}

/** What lies across and up in a plane, by name, and from where to where. */
export function axes(names, low, high) {
  const end = (value) => h("span", {}, brief(Number(value.toPrecision(3))));
  return ["across", "up"].map((way, k) => h("span", { class: `axis ${way}` },
    end(low[k]), h("span", { title: names[k] }, names[k]), end(high[k])));
}

/** Paint side × side colours, the first line of them at the bottom, smoothly onto a square. */
function paintGrid(context, side, size, colourOf) {
  const image = context.createImageData(side, side);
  for (let line = 0; line < side; line += 1) {
    for (let column = 0; column < side; column += 1) {
      const [r, g, b] = colourOf(line * side + column);
      image.data.set([r, g, b, 255], 4 * ((side - 1 - line) * side + column));
    }
  }
  const small = new OffscreenCanvas(side, side);
  small.getContext("2d").putImageData(image, 0, 0);
  context.imageSmoothingEnabled = true;
  context.imageSmoothingQuality = "high";
  // Values stand at the corners of the square, pixels have theirs in the middle.
  const each = size / (side - 1);
  context.drawImage(small, -each / 2, -each / 2, size + each, size + each);
}

function disc(context, x, y, radius, colour) {
  context.fillStyle = colour;
  context.beginPath();
  context.arc(x, y, radius, 0, 7);
  context.fill();
}

/** Colours of classes, mixed as probable as they are. */
function classMix({ values, mixed, sure }, root) {
  const n = mixed ? mixed.shape[2] : 2;
  const table = Array.from({ length: n }, (_, k) => rgbOf(classColour(k)));
  const dark = isDark(root);
  const paper = dark ? [30, 33, 38] : [255, 255, 255];
  const tint = dark ? TINT.dark : TINT.light;
  return {
    ground(at) {
      const parts = mixed ? mixed.values.subarray(n * at, n * (at + 1)) : [1 - values.values[at], values.values[at]];
      if (Number.isNaN(mixed ? sure.values[at] : parts[0])) return signed(NaN, dark);
      // Rounded as they travel, they sum to 1 only nearly.
      const sum = parts.reduce((total, part) => total + part, 0);
      return paper.map((empty, c) => {
        const mix = parts.reduce((total, part, k) => total + part * table[k][c], 0) / sum;
        return Math.round(empty + tint * (mix - empty));
      });
    },
    point: (array, k) => classColour(array[k]),
  };
}

/** Colours of numbers: blue for the least of the targets, orange for the largest. */
function numberColour({ span, values }, root) {
  const [low, high] = span;
  const middle = (low + high) / 2;
  const half = (high - low) / 2 || 1;
  const dark = isDark(root);
  return {
    ground: (at) => signed((values.values[at] - middle) / half, dark),
    point: (array, k) => `rgb(${signed((array[k] - middle) / half, dark).join(" ")})`,
  };
}

function rgbOf(hex) {
  return [1, 3, 5].map((k) => parseInt(hex.slice(k, k + 2), 16));
}
