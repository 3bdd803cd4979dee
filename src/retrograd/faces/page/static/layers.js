// A network of wide layers: each a picture of its weights, with a bar below for every unit.

import { ink, isDark } from "./colours.js";
import { h, s, sharp } from "./dom.js";
import { heatmap } from "./heatmap.js";
import { unitImages } from "./images.js";
import { unitInLayer } from "./names.js";
import { brief, count, counted, exactOf } from "./numbers.js";

// Pixels that a unit's column in a picture of weights is wide, at most.
const MOST_WIDE = 44;

/** What draws layers one below the other; `pick` is told what was clicked on. */
export function layerPictures(page, element, pick) {
  let state = null;
  let width = 0;
  let built = null; // what is drawn, and what it is of

  /** Draw a moment's layers so many pixels wide, in what is there already if that is of the same. */
  function draw(drawing, newState, newWidth) {
    state = newState;
    width = newWidth;
    const of = outline();
    if (built?.of === of && drawing.contains(built.element)) {
      built.parts.forEach((part, l) => part.update(state.layers[l]));
      return;
    }
    const parts = state.layers.map(summary);
    built = { of, parts, element: h("div", { class: "layers" }, parts.map((part) => part.element)) };
    drawing.replaceChildren(built.element);
  }

  /** What the pictures are built by: all but their numbers. */
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
      ? h("p", { class: "soft few" }, `bars of the ${which} ${count(shown.length)} of ${counted(order.length, "unit")}`) : null;
    const holder = unitKeys(h("div", {}, svg, few), l, shown, 1);
    holder.update = (now) => {
      const norms = now.norm.values;
      const top = Math.max(...Array.from(norms).filter(Number.isFinite), 1e-12);
      for (const { unit, bar, title } of bars) {
        const high = 28 * Math.min(1, norms[unit] / top); // the norm of finite weights may be infinite
        bar.setAttribute("y", 32 - high);
        bar.setAttribute("height", high + 2);
        bar.setAttribute("class", [
          "bar", now.dead?.values[unit] && l < state.layers.length - 1 && "dead",
          page.place.layer === l && page.place.unit === unit && "chosen",
        ].filter(Boolean).join(" "));
        title.textContent = `${unitInLayer(page.run, l + 1, unit)}: |weights in| ${brief(norms[unit])}, bias ${exactOf(now.b, unit)}`;
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

  return draw;
}
