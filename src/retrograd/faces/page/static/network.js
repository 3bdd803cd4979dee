// The network: units and links, coloured and sized by weight; wide layers as heatmaps.

import { ink, isDark, signedCss, signedPixels } from "./colours.js";
import { focusBeside, h, latest, onWidth, s, sharp } from "./dom.js";
import { heatmap } from "./heatmap.js";
import { shortNames } from "./names.js";
import { brief, count, exactOf } from "./numbers.js";

// Units of a layer that are drawn one by one, and links of a layer that are drawn at all.
const MOST_UNITS = 24;
const MOST_LINKS = 600;
const HEIGHT = 380;
// Pixels from a unit to the middle of the ring around it: what is between is seen beside any colour.
const RING_AWAY = 4;
// Units of a layer that leave room for a name below each; with more, names stand at the side.
const MOST_NAMES_BELOW = 8;
const ROOM_AT_SIDE = 36;
// Pixels of a name, wherever it stands, at most.
const MOST_NAME = 62;
// Pixels that a unit's column in a picture of weights is wide, at most.
const MOST_WIDE = 44;

/** Make the view. */
export function networkView(page) {
  const title = h("h2", {}, "The network");
  const told = h("span", { class: "number soft" });
  const drawing = h("div", { class: "drawing" });
  const element = h("section", { class: "network panel" },
    h("div", { class: "bar" }, title, told), drawing);
  let state = null;
  let width = 0;
  let built = null; // the summary of wide layers that is drawn

  const fetchState = latest(async () => {
    const { step } = page.place;
    const { run } = page.run;
    const answer = await page.askHere("moment", { step });
    if (!answer) {
      if (page.run.run === run) drawNothing();
      return;
    }
    state = answer;
    page.moment = answer;
    draw();
  });

  /** Rather nothing than another moment's numbers. */
  function drawNothing() {
    state = null;
    page.moment = null;
    told.textContent = "";
    drawing.replaceChildren(h("p", { class: "soft" }, "The numbers of this moment are not at hand."));
  }

  function draw() {
    if (!state || !width) return;
    told.textContent = [
      state.loss === null ? "the end" : `loss ${brief(state.loss)}`,
      `epoch ${count(state.epoch)}`,
      state.rows ? `next: ${count(state.rows)} rows` : null,
      state.trouble ? `not finite: ${state.trouble}` : null,
      state.exact ? null : "approximate: other bits on this machine",
    ].filter(Boolean).join(" · ");
    told.classList.toggle("bad", Boolean(state.trouble) || !state.exact);
    const { widths } = page.run;
    const wide = widths.some((n) => n > MOST_UNITS);
    const active = focusBeside(drawing);
    const focused = drawing.contains(active) && active.dataset;
    if (!wide) drawing.replaceChildren(linked());
    else if (!renewed()) drawing.replaceChildren(summarised());
    else return;
    refocus(focused);
  }

  /** Give the focus back to what had it before all was drawn anew. */
  function refocus(data) {
    if (!data) return;
    const again = data.keys ? `[data-keys="${data.keys}"]` : `[data-unit="${data.unit}"]`;
    drawing.querySelector(again)?.focus({ preventScroll: true });
  }

  /** Units as circles, links as lines. */
  function linked() {
    const { widths } = page.run;
    const layers = widths.length;
    const [left, right] = [widths[0], widths.at(-1)].map((n) => 46 + (n > MOST_NAMES_BELOW ? ROOM_AT_SIDE : 0));
    const x = (layer) => left + (layer * (width - left - right)) / (layers - 1);
    const y = (layer, unit) => 24 + ((unit + 0.5) * (HEIGHT - 48)) / widths[layer];
    const dark = isDark(element);
    const svg = s("svg", {
      viewBox: `0 0 ${width} ${HEIGHT}`, width, height: HEIGHT, role: "group", "aria-label": "Units and links",
    });
    state.layers.forEach((layer, l) => {
      const { values, top } = layer.W;
      const links = Array.from(values.values, (weight, k) => [Math.abs(weight), k]);
      const order = links.sort((a, b) => a[0] - b[0]).slice(-MOST_LINKS);
      for (const [size, k] of order) {
        const from = Math.floor(k / widths[l + 1]);
        const to = k % widths[l + 1];
        const share = top ? size / top : 0;
        const chosen = page.place.layer === l && page.place.unit === to && page.place.from === from;
        const path = curve(x(l) + 9, y(l, from), x(l + 1) - 13, y(l + 1, to));
        svg.append(s("g", { class: chosen ? "link chosen" : "link", "data-link": `${l},${from},${to}` },
          s("path", { d: path, class: "grip" }),
          s("path", {
            d: path, fill: "none", "stroke-width": 0.6 + 5 * share,
            stroke: signedCss(Math.sign(values.values[k]) * Math.max(0.12, share), dark),
          }),
          s("title", {}, `coefs[${l}][${from}, ${to}] = ${exactOf(values, k)}`)));
      }
    });
    widths.forEach((n, layer) => {
      const names = Array.from({ length: n }, (_, unit) => unitName(page.run, layer, unit));
      const short = shortNames(element, names, MOST_NAME, "10.5px");
      for (let unit = 0; unit < n; unit += 1) svg.append(unitCircle(layer, unit, short[unit], x(layer), y(layer, unit), n, dark));
    });
    svg.addEventListener("click", (event) => pick(event.target));
    svg.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") {
        pick(event.target);
        event.preventDefault();
        event.stopPropagation();
      }
    });
    return svg;
  }

  function unitCircle(layer, unit, short, cx, cy, n, dark) {
    const radius = Math.max(5, Math.min(13, (HEIGHT - 48) / n / 2 - 1.5));
    const here = layer ? state.layers[layer - 1] : null;
    const bias = here ? here.b.values[unit] : 0;
    const dead = Boolean(here?.dead?.values[unit]) && layer < page.run.widths.length - 1;
    const saturated = Boolean(here?.saturated?.values[unit]);
    const label = unitName(page.run, layer, unit);
    const words = here
      ? `${label}: bias ${exactOf(here.b, unit)}${dead ? ", dead in this batch" : ""}${saturated ? ", saturated" : ""}`
      : label;
    const chosen = layer && page.place.layer === layer - 1 && page.place.unit === unit && page.place.from === undefined;
    const top = here ? Math.max(1e-12, ...here.b.values.map(Math.abs)) : 1;
    return s("g", {
      class: ["unit", dead && "dead", saturated && "saturated", chosen && "chosen"].filter(Boolean).join(" "),
      tabindex: layer ? 0 : null, role: layer ? "button" : null, "aria-label": words,
      "data-unit": layer ? `${layer - 1},${unit}` : null,
    },
    s("circle", { class: "ring", cx, cy, r: radius + RING_AWAY }),
    s("circle", { class: "disc", cx, cy, r: radius, fill: here ? signedCss(bias / top, dark) : ink(element, "--ground") }),
    dead ? s("path", { d: `M${cx - 4} ${cy - 4}l8 8m0 -8l-8 8`, class: "cross" }) : null,
    labelled(layer, short, cx, cy, radius),
    // Units have a card of their own (hover.js), where it can be asked for.
    layer && !page.options.still ? null : s("title", {}, words));
  }

  function labelled(layer, short, cx, cy, radius) {
    const last = layer === page.run.widths.length - 1;
    if ((layer && !last) || radius < 5.5) return null;
    if (page.run.widths[layer] <= MOST_NAMES_BELOW) return s("text", { x: cx, y: cy + radius + (last ? 12 : 10), class: "name" }, short);
    const away = radius + RING_AWAY + 3;
    return s("text", { x: last ? cx + away : cx - away, y: cy + 4, class: last ? "name after" : "name before" }, short);
  }

  /** Layers as pictures of their weights, one below the other; a click picks the link. */
  function summarised() {
    const parts = state.layers.map(summary);
    built = { of: outline(), parts };
    return h("div", { class: "layers" }, parts.map((part) => part.element));
  }

  /** Put other numbers into the summary that is there; false if it is one of something else. */
  function renewed() {
    if (built?.of !== outline() || !drawing.querySelector(".layers")) return false;
    built.parts.forEach((part, l) => part.update(state.layers[l]));
    return true;
  }

  /** What the summary is built by: all but its numbers. */
  function outline() {
    const { run, layer, unit, show } = page.place;
    const shapes = state.layers.map(({ W }) => [W.values.shape, W.whole]);
    return JSON.stringify([run, width, layer, unit, shapes, isDark(element), show === "sorted" && state.layers.map(unitOrder)]);
  }

  function summary(layer, l) {
    const words = h("span", { class: "soft" }, wordsOf(layer, l));
    const isMap = !(page.run.image && l === 0 && layer.W.whole);
    const image = isMap ? weightMap(layer, l) : gallery(layer, l);
    const strip = unitStrip(layer, l, isMap ? Math.min(width - 6, MOST_WIDE * page.run.widths[l + 1]) : width - 6);
    return {
      element: h("div", { class: "layer" },
        h("div", { class: "caption" }, h("code", {}, `coefs[${l}]`), words, sortButton(l, isMap)), image, strip),
      update(now) {
        words.textContent = wordsOf(now, l);
        image.update(now.W);
        strip.update(now);
      },
    };
  }

  function wordsOf(layer, l) {
    const { widths, activations } = page.run;
    const idle = layer.dead ? layer.dead.values.reduce((sum, one) => sum + one, 0) : 0;
    return [
      `${count(widths[l])} → ${count(widths[l + 1])} ${activations[l]}`,
      `largest |w| ${brief(layer.W.top)}`,
      idle && l < state.layers.length - 1 ? `${count(idle)} dead` : null,
    ].filter(Boolean).join(" · ");
  }

  function weightMap(layer, l) {
    return heatmap(layer.W, {
      width: width - 6, height: 150, most: MOST_WIDE, title: `weights of layer ${l}`,
      name: (i, o) => `coefs[${l}][${i}, ${o}]`,
      fetch: (i, o) => exactWeight(l, i, o),
      onPick: (i, o) => page.go({ layer: l, from: i, unit: o, row: null }),
    });
  }

  /** The weights into each unit as the image that it looks for. */
  function gallery(layer, l) {
    const [tall, wide] = page.run.image;
    const order = unitOrder(layer);
    // Twice as wide as it is high, about.
    const across = Math.min(order.length, Math.max(8, Math.ceil(Math.sqrt(order.length * 2.2))));
    const each = Math.floor((width - 6) / across);
    const canvas = h("canvas");
    const context = sharp(canvas, across * each, Math.ceil(order.length / across) * each);
    const paint = (W) => {
      context.imageSmoothingEnabled = false;
      const images = unitImages(W.values, order, across, page.run.image, W.top, isDark(element));
      order.forEach((unit, k) => {
        const column = k % across;
        const line = Math.floor(k / across);
        const x = column * each;
        const y = line * each;
        context.drawImage(images, column * wide, line * tall, wide, tall, x + 1, y + 1, each - 3, each - 3);
        if (page.place.layer === l && page.place.unit === unit) {
          context.strokeStyle = ink(element, "--accent");
          context.lineWidth = 2.5;
          context.strokeRect(x + 0.5, y + 0.5, each - 2, each - 2);
          context.strokeStyle = ink(element, "--panel");
          context.lineWidth = 1.5;
          context.strokeRect(x + 2.5, y + 2.5, each - 6, each - 6);
        }
      });
    };
    paint(layer.W);
    const holder = h("div", { class: "gallery" }, canvas);
    holder.update = paint;
    // One canvas of many units: it is always the one under the pointer (hover.js asks which).
    const point = (event) => {
      const box = canvas.getBoundingClientRect();
      const k = Math.floor((event.clientY - box.top) / each) * across + Math.floor((event.clientX - box.left) / each);
      if (k < order.length) canvas.dataset.unit = `${l},${order[k]}`;
      else delete canvas.dataset.unit;
    };
    for (const name of ["pointerover", "pointermove", "click"]) canvas.addEventListener(name, point);
    canvas.addEventListener("click", () => pick(canvas));
    return unitKeys(holder, l, order, across);
  }

  /** Let the arrow keys choose among a layer's units, drawn so many in a line. */
  function unitKeys(holder, l, order, across) {
    holder.tabIndex = 0;
    holder.dataset.keys = `units-${l}-${across > 1}`;
    holder.setAttribute("role", "group");
    holder.setAttribute("aria-label", `Units of layer ${l}: the arrow keys choose one`);
    holder.addEventListener("keydown", (event) => {
      const by = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: across, ArrowUp: -across }[event.key];
      if (!by) return;
      const at = page.place.layer === l ? order.indexOf(page.place.unit) : -1;
      const next = order[Math.max(0, Math.min(order.length - 1, at + by))];
      page.go({ layer: l, unit: next, from: null, row: null });
      event.preventDefault();
      event.stopPropagation();
    });
    return holder;
  }

  function unitOrder(layer) {
    const norms = layer.norm.values;
    const order = Array.from(norms, (_, unit) => unit);
    return page.place.show === "sorted" ? order.sort((a, b) => norms[b] - norms[a]) : order;
  }

  async function exactWeight(layer, from, unit) {
    const { run, step } = page.place;
    const answer = await page.ask("weights", { run, step, layer, row: from, column: unit, rows: 1, columns: 1 });
    return answer ? exactOf(answer.values, 0) : "";
  }

  /** A bar for each unit, or for the first of many, as high as its incoming weights are long. */
  function unitStrip(layer, l, across) {
    const order = unitOrder(layer);
    const shown = order.slice(0, Math.max(8, Math.floor((width - 6) / 3)));
    const each = across / shown.length;
    const bars = shown.map((unit, k) => {
      const title = s("title");
      const bar = s("rect", { x: k * each, width: Math.max(1, each - 0.7), "data-unit": `${l},${unit}` }, title);
      return { unit, bar, title };
    });
    const svg = s("svg", { width: across, height: 34, class: "strip" }, bars.map(({ bar }) => bar));
    svg.addEventListener("click", (event) => pick(event.target));
    const which = page.place.show === "sorted" ? "strongest" : "first";
    const few = shown.length < order.length
      ? h("p", { class: "soft few" }, `bars of the ${which} ${count(shown.length)} of ${count(order.length)} units`) : null;
    const holder = unitKeys(h("div", {}, svg, few), l, shown, 1);
    holder.update = (now) => {
      const norms = now.norm.values;
      const top = Math.max(...Array.from(norms).filter(Number.isFinite), 1e-12);
      for (const { unit, bar, title } of bars) {
        const high = (28 * norms[unit]) / top;
        bar.setAttribute("y", 32 - high);
        bar.setAttribute("height", high + 2);
        bar.setAttribute("class", [
          "bar", now.dead?.values[unit] && l < state.layers.length - 1 && "dead",
          page.place.layer === l && page.place.unit === unit && "chosen",
        ].filter(Boolean).join(" "));
        title.textContent = `unit ${unit}: |weights in| ${brief(norms[unit])}, bias ${exactOf(now.b, unit)}`;
      }
    };
    holder.update(layer);
    return holder;
  }

  function sortButton(l, isMap) {
    return h("button", {
      class: "quiet small end", "data-unit": `sort-${l}`, "aria-pressed": page.place.show === "sorted",
      onclick: () => page.go({ show: page.place.show === "sorted" ? null : "sorted" }),
    }, isMap ? "sort bars" : "sort units");
  }

  function pick(target) {
    const link = target.closest("[data-link]");
    const unit = target.closest("[data-unit]");
    if (unit) {
      const [layer, which] = unit.dataset.unit.split(",").map(Number);
      page.go({ layer, unit: which, from: null, row: null });
    } else if (link) {
      const [layer, from, to] = link.dataset.link.split(",").map(Number);
      page.go({ layer, from, unit: to, row: null });
    }
  }

  onWidth(drawing, (newWidth) => {
    width = newWidth;
    draw();
  });

  return {
    element,
    show(_, changed) {
      if (changed.has("run") || changed.has("step")) return fetchState();
      if (["layer", "unit", "from", "show", "theme"].some((name) => changed.has(name))) draw();
      return null;
    },
  };
}

/** What a unit is called: a feature's, a class's name, or its number. */
export function unitName(run, layer, unit) {
  if (layer === 0) return run.features[unit] ?? `x${unit}`;
  if (layer === run.widths.length - 1) {
    if (run.classes && run.widths.at(-1) === run.classes.length) return run.classes[unit];
    if (run.classes?.length === 2) return run.classes[1];
    return `output ${unit}`;
  }
  return `unit ${unit}`;
}

function curve(x0, y0, x1, y1) {
  const middle = (x0 + x1) / 2;
  return `M${x0} ${y0}C${middle} ${y0} ${middle} ${y1} ${x1} ${y1}`;
}

/** The weights into some units as small images, so many side by side, on one canvas. */
export function unitImages(weights, units, across, [tall, wide], top, dark) {
  const canvas = new OffscreenCanvas(across * wide, Math.ceil(units.length / across) * tall);
  const context = canvas.getContext("2d");
  const image = context.createImageData(canvas.width, canvas.height);
  const pixels = new Uint32Array(image.data.buffer);
  const colour = signedPixels(dark);
  units.forEach((unit, k) => {
    const corner = Math.floor(k / across) * tall * canvas.width + (k % across) * wide;
    for (let pixel = 0; pixel < tall * wide; pixel += 1) {
      const at = corner + Math.floor(pixel / wide) * canvas.width + (pixel % wide);
      pixels[at] = colour(weights.at(pixel, unit) / (top || 1));
    }
  });
  context.putImageData(image, 0, 0);
  return canvas;
}
