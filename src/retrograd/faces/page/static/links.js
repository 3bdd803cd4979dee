// A narrow network: units as circles, links as lines, coloured and sized by weight.

import { ink, isDark, signedCss } from "./colours.js";
import { s } from "./dom.js";
import { shortNames, unitInLayer, unitName } from "./names.js";
import { exactOf } from "./numbers.js";

// Links of a layer that are drawn at all.
const MOST_LINKS = 600;
const HEIGHT = 380;
// Pixels from one layer to the next, at least: below, links could not be told apart.
const LEAST_APART = 18;
// Pixels from a unit to the middle of the ring around it: what is between is seen beside any colour.
const RING_AWAY = 4;
// Units of a layer that leave room for a name below each; with more, names stand at the side.
const MOST_NAMES_BELOW = 8;
const ROOM_AT_SIDE = 36;
// Pixels of a name, wherever it stands, at most.
const MOST_NAME = 62;

/** Pixels from the edges to the first and the last layer, and from each to the next. */
function columnsOf(widths, width) {
  const [left, right] = [widths[0], widths.at(-1)].map((n) => 46 + (n > MOST_NAMES_BELOW ? ROOM_AT_SIDE : 0));
  return { left, apart: (width - left - right) / (widths.length - 1) };
}

/** Whether so many layers find room beside each other. */
export function fitsAcross(widths, width) {
  return columnsOf(widths, width).apart >= LEAST_APART;
}

/** What draws units and links; `pick` is told what was clicked on. */
export function linkedUnits(page, element, pick) {
  /** Draw a moment's network so many pixels wide. */
  function draw(drawing, state, width) {
    const { widths } = page.run;
    const { left, apart } = columnsOf(widths, width);
    const x = (layer) => left + layer * apart;
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
        const path = curve(x(l) + Math.min(9, apart / 4), y(l, from), x(l + 1) - Math.min(13, apart / 3), y(l + 1, to));
        svg.append(s("g", { class: chosen ? "link chosen" : "link", "data-link": `${l},${from},${to}` },
          s("path", { d: path, class: "grip" }),
          s("path", {
            d: path, fill: "none", "stroke-width": 0.6 + Math.min(5, apart / 8) * share,
            stroke: signedCss(Math.sign(values.values[k]) * Math.max(0.12, share), dark),
          }),
          s("title", {}, `coefs[${l}][${from}, ${to}] = ${exactOf(values, k)}`)));
      }
    });
    widths.forEach((n, layer) => {
      const names = Array.from({ length: n }, (_, unit) => unitName(page.run, layer, unit));
      const short = shortNames(element, names, MOST_NAME, "10.5px");
      for (let unit = 0; unit < n; unit += 1) svg.append(unitCircle(state, layer, unit, short[unit], x(layer), y(layer, unit), apart, dark));
    });
    svg.addEventListener("click", (event) => pick(event.target));
    svg.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") {
        pick(event.target);
        event.preventDefault();
        event.stopPropagation();
      }
    });
    drawing.replaceChildren(svg);
  }

  function unitCircle(state, layer, unit, short, cx, cy, apart, dark) {
    const room = (HEIGHT - 48) / page.run.widths[layer] / 2 - 1.5;
    const radius = Math.min(13, Math.max(5, room), apart / 3);
    const here = layer ? state.layers[layer - 1] : null;
    const bias = here ? here.b.values[unit] : 0;
    const dead = Boolean(here?.dead?.values[unit]) && layer < page.run.widths.length - 1;
    const saturated = Boolean(here?.saturated?.values[unit]);
    const label = unitInLayer(page.run, layer, unit);
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
    room < 5.5 ? null : labelled(layer, short, cx, cy, radius),
    // Units have a card of their own (hover.js), where it can be asked for.
    layer && !page.options.still ? null : s("title", {}, words));
  }

  function labelled(layer, short, cx, cy, radius) {
    const last = layer === page.run.widths.length - 1;
    if (layer && !last) return null;
    if (page.run.widths[layer] <= MOST_NAMES_BELOW) return s("text", { x: cx, y: cy + radius + (last ? 12 : 10), class: "name" }, short);
    const away = radius + RING_AWAY + 3;
    return s("text", { x: last ? cx + away : cx - away, y: cy + 4, class: last ? "name after" : "name before" }, short);
  }

  return draw;
}

function curve(x0, y0, x1, y1) {
  const middle = (x0 + x1) / 2;
  return `M${x0} ${y0}C${middle} ${y0} ${middle} ${y1} ${x1} ${y1}`;
}
