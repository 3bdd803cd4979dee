// Small pictures of predictions: scatter, reliability curve, matrix of confusions, rows in a list.

import { classColour, ink, isDark } from "./colours.js";
import { focusBeside, h, onPointer, s, sharp } from "./dom.js";
import { shortNames, widthOf } from "./names.js";
import { brief, count, counted, exactOf } from "./numbers.js";
import { axes } from "./surface.js";

const CLOSE = 9;
// Pixels of a matrix's columns, and of its letters: as it likes to be, and as small as can be read. Where
// even that finds no room it is scrolled, and is as it likes to be.
const CELL = { liked: 36, least: 23 };
const LETTERS = { liked: 11.5, least: 9.5 };
// Pixels of a column that are beside its count, and of a matrix that are beside its columns.
const BESIDE = 5;
const EDGES = 4;
// Pixels of a heading that are around its name, and of a name beside its colour.
const AROUND = 7;
const LEGEND_NAME = 120;

/** Replace what an element holds, and leave the focus where it was (`data-focus` names it). */
export function swap(holder, ...children) {
  const now = children.flat(Infinity).filter(Boolean);
  const there = holder.children;
  if (now.length === there.length && now.every((child, k) => child === there[k])) return;
  const active = focusBeside(holder);
  const name = holder.contains(active) ? active.dataset.focus : null;
  holder.replaceChildren(...now);
  if (name) holder.querySelector(`[data-focus="${CSS.escape(name)}"]`)?.focus({ preventScroll: true });
}

/** What a class is called. */
export function className(page, k) {
  return page.run.classes?.[k] ?? String(k);
}

/**
 * Counts of rows by true and predicted class, in so many pixels; a click on a cell asks for its rows.
 *
 * `digits` is how many a count has at most. The element's `update(counts, chosen)` puts others in
 * their place.
 */
export function confusionMatrix(page, n, width, digits, onPick) {
  const rows = Array.from({ length: n }, (_, k) => k);
  const cells = rows.map((k) => rows.map((c) => h("button", {
    "data-focus": `cell-${k}-${c}`, onclick: () => onPick(k, c),
  })));
  const drawn = new Map();
  const long = widthOf(page.root, count(10 ** digits - 1), `${LETTERS.liked}px`);
  const small = Math.max(CELL.least, (long * LETTERS.least) / LETTERS.liked + BESIDE);
  const given = (width - EDGES) / (n + 1);
  const column = given < small ? Math.max(CELL.liked, long + BESIDE) : given;
  const size = Math.min(LETTERS.liked, ((column - BESIDE) / long) * LETTERS.liked);
  const names = shortNames(page.root, rows.map((k) => className(page, k)), column - AROUND, `600 ${size}px`);
  const heading = (scope, k) => h("th", { scope, title: className(page, k) }, names[k]);
  const style = { minWidth: given < small ? `${Math.ceil(column * (n + 1) + EDGES)}px` : null, fontSize: `${size}px` };
  const element = h("div", { class: "matrix-holder" }, h("table", { class: "matrix", "aria-label": "Confusion matrix", style },
    h("caption", {}, h("span", {}, "true ↓"), h("span", {}, "predicted →")),
    h("thead", {}, h("tr", {}, h("td"), rows.map((c) => heading("col", c)))),
    h("tbody", {}, rows.map((k) => h("tr", {},
      heading("row", k), cells[k].map((cell) => h("td", {}, cell)))))));

  function tell(k, c, value, sum, isChosen) {
    const cell = cells[k][c];
    const words = `true ${className(page, k)}, predicted ${className(page, c)}: `;
    cell.className = ["cell", k === c ? "right" : "wrong", !value && "none"].filter(Boolean).join(" ");
    cell.style.setProperty("--share", `${Math.round(6 + 40 * Math.sqrt(sum ? value / sum : 0))}%`);
    cell.disabled = !value;
    cell.textContent = value ? count(value) : "·";
    cell.title = `${words}${count(value)} of ${count(sum)}`;
    cell.setAttribute("aria-label", `${words}${counted(value, "row")}`);
    if (isChosen) cell.setAttribute("aria-pressed", "true");
    else cell.removeAttribute("aria-pressed");
  }

  element.update = (counts, chosen) => {
    for (const k of rows) {
      const sum = rows.reduce((total, c) => total + counts.at(k, c), 0);
      for (const c of rows) {
        const told = [counts.at(k, c), sum, chosen === `${k},${c}`];
        const key = told.join();
        // Most counts are as they were a step before.
        if (drawn.get(cells[k][c]) !== key) tell(k, c, ...told);
        drawn.set(cells[k][c], key);
      }
    }
    return element;
  };
  return element;
}

/** Predicted against true numbers; a click on a point calls `onPick(row)`. */
export function residualPlot({ rows, true: wanted, predicted, target }, { page, width, row, onPick }) {
  const size = Math.floor(width);
  const canvas = h("canvas");
  const told = h("output", { class: "said number" });
  const element = h("div", {
    class: "surface", tabindex: 0, role: "img", "data-keys": true, "data-focus": "residuals",
    "aria-label": `Predicted against true target ${target}, ${counted(rows.length, "row")}; the arrow keys go from row to row, Enter selects one`,
  });
  const [least, most] = rangeOf([...wanted.values, ...predicted.values]);
  const pad = (most - least || 1) * 0.05;
  const [low, high] = [least - pad, most + pad];
  element.append(h("div", { class: "plane" }, canvas, axes(["true", "predicted"], [low, low], [high, high])), told);
  const along = (value) => ((value - low) / (high - low)) * size;
  const places = Array.from(rows.values, (_, k) => [along(wanted.values[k]), size - along(predicted.values[k])]);
  const lost = predicted.values.filter((value) => !Number.isFinite(value)).length;
  const rest = [
    lost ? `not finite: ${count(lost)} of ${count(rows.length)} predictions` : null,
    lost < rows.length ? "on the line predictions are right; the distance from it is the residual" : null,
  ].filter(Boolean).join("; ");
  let at = -1;
  paint();
  tell(rows.values.indexOf(row));

  function paint() {
    const context = sharp(canvas, size, size);
    context.strokeStyle = ink(page.root, "--soft");
    context.lineWidth = 1;
    context.beginPath();
    context.moveTo(0, size);
    context.lineTo(size, 0);
    context.stroke();
    context.fillStyle = ink(page.root, "--accent");
    places.forEach(([x, y], k) => {
      const mine = rows.values[k] === row;
      context.globalAlpha = mine ? 1 : 0.55;
      context.beginPath();
      context.arc(x, y, mine ? 6 : 3, 0, 7);
      context.fill();
    });
    context.globalAlpha = 1;
  }

  function tell(k) {
    at = k;
    told.textContent = k < 0 ? rest
      : `row ${rows.values[k]}: true ${exactOf(wanted, k)}, predicted ${exactOf(predicted, k)}`;
  }

  function nearest(event) {
    const box = canvas.getBoundingClientRect();
    let best = -1;
    let least = CLOSE * CLOSE;
    places.forEach(([x, y], k) => {
      const apart = (x - event.clientX + box.left) ** 2 + (y - event.clientY + box.top) ** 2;
      if (apart <= least) [best, least] = [k, apart];
    });
    return best;
  }

  onPointer(canvas, (event) => tell(nearest(event)), () => tell(-1));
  canvas.addEventListener("click", (event) => {
    const k = nearest(event);
    if (k >= 0) onPick(rows.values[k]);
  });
  element.addEventListener("keydown", (event) => {
    const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (by) tell(Math.max(0, Math.min(rows.length - 1, at + by)));
    else if (event.key === "Enter" && at >= 0) onPick(rows.values[at]);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  return element;
}

/** How sure against how often right; the more rows a point stands for the larger it is. */
export function reliabilityCurve({ counts, sure, right }, { width, words }) {
  const size = Math.floor(width);
  const edge = 38;
  const x = (value) => edge + value * (size - edge - 8);
  const y = (value) => size - edge - value * (size - edge - 8);
  const most = counts.values.reduce((top, n) => Math.max(top, n), 1);
  const points = Array.from(counts.values, (n, k) => [sure.values[k], right.values[k], n]);
  const ticks = [0, 0.5, 1];
  return h("figure", { class: "reliability" },
    s("svg", { width: size, height: size, viewBox: `0 0 ${size} ${size}`, role: "img", "aria-label": "Reliability curve" },
      s("path", { class: "even", d: `M${x(0)} ${y(0)}L${x(1)} ${y(1)}` }),
      s("path", { class: "frame", d: `M${x(0)} ${y(1)}V${y(0)}H${x(1)}` }),
      ticks.map((t) => s("text", { x: x(t), y: size - edge + 14, "text-anchor": "middle" }, t)),
      ticks.map((t) => s("text", { x: edge - 5, y: y(t) + 4, "text-anchor": "end" }, t)),
      s("text", { x: x(0.5), y: size - 6, "text-anchor": "middle" }, words[0]),
      s("text", { x: 9, y: y(0.5), "text-anchor": "middle", transform: `rotate(-90 9 ${y(0.5)})` }, words[1]),
      s("path", { class: "curve", d: points.map(([p, r], k) => `${k ? "L" : "M"}${x(p)} ${y(r)}`).join("") }),
      points.map(([p, r, n]) => s("circle", { cx: x(p), cy: y(r), r: 2.5 + 5 * Math.sqrt(n / most) },
        s("title", {}, `${count(n)}: said ${brief(p)}, was ${brief(r)}`)))),
    h("figcaption", { class: "said" }, "on the line it is as often right as it says; a larger point is of more rows"));
}

/** Rows in a list: as small images where they are such, or in a table; a click selects one. */
export function rowList(page, list, { row, onPick }) {
  const name = (k) => `row-${list.rows.values[k]}`;
  const chosen = (k) => (list.rows.values[k] === row ? "true" : null);
  const value = (array, k) => valueOf(page, list, array, k);
  if (list.images) {
    const [tall, wide] = page.run.image;
    const [low, high] = rangeOf(list.images.values);
    return h("div", { class: "thumbs" }, Array.from(list.rows.values, (number, k) => h("button", {
      class: "thumb", "data-focus": name(k), "aria-pressed": chosen(k), onclick: () => onPick(number),
      "aria-label": `row ${number}: true ${value(list.true, k)}, predicted ${value(list.predicted, k)}, loss ${brief(list.loss.values[k])}`,
      title: `row ${number}: true ${value(list.true, k)}, predicted ${value(list.predicted, k)}, loss ${exactOf(list.loss, k)}`,
    }, rowImage(list.images.values, k * tall * wide, [tall, wide], [low, high], page.root, 44),
    h("span", {}, list.task === "numbers" ? brief(list.loss.values[k]) : `${value(list.true, k)} → ${value(list.predicted, k)}`))));
  }
  const certain = Boolean(list.probability);
  return h("table", { class: "rows" },
    h("thead", {}, h("tr", {}, ["row", "true", "predicted", certain ? "p(true)" : null, "loss"]
      .filter(Boolean).map((text) => h("th", { scope: "col" }, text)))),
    h("tbody", {}, Array.from(list.rows.values, (number, k) => h("tr", { class: chosen(k) ? "chosen" : null },
      h("td", {}, h("button", { class: "quiet small", "data-focus": name(k), "aria-pressed": chosen(k), onclick: () => onPick(number) }, number)),
      h("td", { class: "of-row" }, value(list.true, k)), h("td", { class: "of-row" }, value(list.predicted, k)),
      certain ? h("td", { class: "number", title: exactOf(list.probability, k) }, brief(rounded(list.probability.values[k]))) : null,
      h("td", { class: "number", title: exactOf(list.loss, k) }, brief(rounded(list.loss.values[k])))))));
}

function rounded(value) {
  return Number.isFinite(value) ? Number(value.toPrecision(4)) : value;
}

/** A class's name, the names of labels that are set, or numbers. */
function valueOf(page, list, array, k) {
  if (list.task === "classes") return className(page, array.values[k]);
  const n = array.shape.length > 1 ? array.shape[1] : 1;
  const mine = [...array.values.slice(k * n, (k + 1) * n)];
  if (list.task === "labels") return mine.map((on, c) => (on ? className(page, c) : null)).filter(Boolean).join(", ") || "none";
  return mine.slice(0, 3).map((one) => brief(rounded(one))).join(", ") + (n > 3 ? ", …" : "");
}

/** Least and largest of the numbers that are finite. */
export function rangeOf(values) {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return low <= high ? [low, high] : [0, 1];
}

/** A row's features as an image: from the colour of paper to that of ink. */
export function rowImage(values, from, [tall, wide], [low, high], root, size) {
  const canvas = h("canvas", { class: "row-image" });
  const context = sharp(canvas, size, Math.round((size * tall) / wide));
  const dark = isDark(root);
  const image = new OffscreenCanvas(wide, tall);
  const small = image.getContext("2d");
  const pixels = small.createImageData(wide, tall);
  for (let k = 0; k < tall * wide; k += 1) {
    const t = (values[from + k] - low) / (high - low || 1);
    const grey = Math.round(dark ? 24 + t * 220 : 252 - t * 236);
    pixels.data.set([grey, grey, grey, 255], 4 * k);
  }
  small.putImageData(pixels, 0, 0);
  context.imageSmoothingEnabled = false;
  context.drawImage(image, 0, 0, size, Math.round((size * tall) / wide));
  return canvas;
}

/** Names of classes beside their colours. */
export function classLegend(page) {
  const classes = page.run.classes ?? [];
  if (classes.length > 12) return null;
  const names = shortNames(page.root, classes, LEGEND_NAME, "12.4px");
  return h("p", { class: "legend" }, classes.map((name, k) => h("span", { title: name }, h("i", { style: { background: classColour(k) } }), names[k])));
}
