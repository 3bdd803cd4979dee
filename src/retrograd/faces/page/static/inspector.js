// What is selected: a unit, a link, or a row and its way through the network.

import { isDark, signedCss } from "./colours.js";
import { h, latest, onWidth } from "./dom.js";
import { facts, historyCurve, respondsTo, spread, unitWords } from "./findings.js";
import { heatmap } from "./heatmap.js";
import { hoverCard } from "./hover.js";
import { icon } from "./icons.js";
import { shortNames, unitInLayer, unitName } from "./names.js";
import { brief, count, counted, exact, exactOf } from "./numbers.js";
import { outcomeQuestion } from "./outcome.js";
import { className, rangeOf, rowImage, swap } from "./plots.js";
import { NdArray } from "./wire.js";

const PICTURE = 176;
// Features that are listed by name; of more there is a strip.
const MOST_LISTED = 24;
// Pixels of a bar with its name, at least and at most, and of all together if there are not many.
const BAR = { least: 18, most: 60, all: 180, gap: 3 };
// Classes whose bars find room on a phone; of more, the likeliest ones are shown, and the true one.
const MOST_BARS = 12;

/** Make the view. */
export function inspectorView(page) {
  const title = h("h2");
  const told = h("span", { class: "number soft" });
  const tools = h("span", { class: "end" });
  const body = h("div", { class: "body" });
  const below = h("div", { class: "body" });
  const element = h("section", { class: "inspector panel", hidden: true, "aria-label": "What is selected" },
    h("div", { class: "bar" }, title, told, tools), body, below);
  let kind = null;
  let state = null;
  let past = null; // a weight's values over the run
  let width = 0;
  const hover = hoverCard(page);

  /** What the place has selected: a row before a link before a unit. */
  function selected() {
    if (!page.run) return null;
    const { row, layer, unit, from } = page.place;
    if (row !== undefined) return "row";
    const [n_out, n_in] = [page.run.widths[layer + 1], page.run.widths[layer]];
    if (layer === undefined || unit === undefined || !(unit < n_out)) return null;
    if (from === undefined) return "unit";
    return from < n_in ? "link" : null;
  }

  const fetchState = latest(async () => {
    const { step, layer, unit, from, row } = page.place;
    const { run } = page.run;
    const wanted = selected();
    if (wanted === null) {
      kind = null;
      element.hidden = true;
      page.late.shows(element, run, step);
      return;
    }
    const { f0, f1 } = outcomeQuestion(page.run, page.place);
    const answer = await {
      row: () => page.askHere("row", { step, row }),
      link: () => page.askHere("link", { step, layer, i: from, o: unit }),
      unit: () => page.askHere("unit", { step, layer, unit, f0, f1 }),
    }[wanted]();
    if (!answer) {
      if (kind !== wanted || page.options.still) element.hidden = true;
      return;
    }
    [kind, state] = [wanted, answer];
    element.hidden = false;
    draw();
    page.late.shows(element, run, step);
    if (wanted !== "row") fetchPast();
  });

  /** The history is of the whole run: it is asked for once for each selection. */
  const fetchPast = latest(async () => {
    const { run, layer, unit, from } = page.place;
    const name = `${run},${layer},${from},${unit},${page.run.steps}`;
    if (past?.asked === name || page.options.still) return;
    const answer = await page.askHere("history", { layer, i: from ?? -1, o: unit });
    past = answer && { ...answer, asked: name, layer, unit, i: from ?? -1 };
    drawPast();
  });

  function clear() {
    page.go({ layer: null, unit: null, from: null, row: null });
    page.root.focus({ preventScroll: true });
  }

  function draw() {
    if (!state || !kind || !width || !page.run) return;
    const made = { unit: unitParts, link: linkParts, row: rowParts }[kind]();
    title.textContent = made.title;
    told.textContent = made.told ?? "";
    swap(tools, made.tools, h("button", {
      class: "quiet small", title: "Let go of it (Esc)", "aria-label": "Let go of it (Esc)", "data-focus": "clear", onclick: clear,
    }, icon("cross")));
    swap(body, made.parts);
    drawPast();
  }

  function drawPast() {
    const { layer, unit, from } = page.place;
    swap(below, kind && kind !== "row" ? historyOf(layer, from ?? -1, unit) : null);
  }

  function unitParts() {
    const { layer, unit } = state;
    const last = layer === page.run.widths.length - 2;
    const words = state.over === "batch" ? unitWords(state, last) : null;
    return {
      title: unitInLayer(page.run, layer + 1, unit),
      told: page.run.activations[layer],
      parts: [
        words ? h("p", { class: "bad" }, words) : null,
        facts([
          [`intercepts[${layer}][${unit}]`, exactOf(state.bias, 0)],
          state.gradient ? ["its gradient", exactOf(state.gradient, 0)] : null,
          state.update ? ["its coming update", exactOf(state.update, 0)] : null,
        ]),
        h("div", { class: "beside" },
          h("div", {},
            state.z ? spread("z", state.z) : null,
            spread("a", state.a),
            h("p", { class: "said" }, state.over === "batch"
              ? `z and a of the coming step’s rows, ${count(state.n_rows)}`
              : `a of ${counted(state.n_rows, "training row")}: there is no further step`)),
          respondsTo(page, state, PICTURE)),
        linksOf(),
      ],
    };
  }

  function linksOf() {
    const { layer, unit } = state;
    const list = (words, links, nameOf, goTo) => (links ? h("div", {},
      h("h3", {}, `${words}${links.count > links.of.length ? `, the largest of ${count(links.count)}` : ""}`),
      h("ul", { class: "links" }, Array.from(links.of.values, (other, k) => h("li", {}, h("button", {
        class: "quiet small", "data-focus": `${words}-${other}`, onclick: () => page.go(goTo(other)),
        style: { "--weight": signedCss(links.weights.values[k] / (Math.abs(links.weights.values[0]) || 1), isDark(page.root)) },
      }, h("span", { class: "from" }, nameOf(other)), h("span", { class: "number" }, exactOf(links.weights, k))))))) : null);
    return h("div", { class: "two" },
      list("weights in", state.incoming, (i) => unitName(page.run, layer, i), (i) => ({ layer, from: i, unit })),
      list("weights out", state.outgoing, (o) => unitName(page.run, layer + 2, o), (o) => ({ layer: layer + 1, from: unit, unit: o })));
  }

  function linkParts() {
    const { layer, i, o } = state;
    const go = (words, place) => h("button", { class: "quiet small", "data-focus": words, onclick: () => page.go(place) }, words);
    return {
      title: `coefs[${layer}][${i}, ${o}]`,
      told: `${unitName(page.run, layer, i)} → ${unitName(page.run, layer + 1, o)}`,
      tools: [
        layer > 0 ? go("its source", { layer: layer - 1, unit: i, from: null }) : null,
        go("its target", { unit: o, from: null }),
      ],
      parts: [
        facts([
          ["weight", exactOf(state.weight, 0)],
          state.last ? ["last change", exactOf(state.last, 0)] : null,
          state.gradient ? ["gradient", exactOf(state.gradient, 0)] : null,
          state.decay ? ["coming decay", exactOf(state.decay, 0)] : null,
          state.update ? ["coming update", exactOf(state.update, 0)] : null,
          state.after ? ["then", exactOf(state.after, 0)] : null,
          ["by size", `number ${count(state.rank + 1)} of ${count(state.count)} in its layer`],
        ]),
      ],
    };
  }

  function historyOf(layer, i, o) {
    if (!past || past.layer !== layer || past.i !== i || past.unit !== o || past.steps.length < 2) return null;
    const note = past.of === "checkpoints"
      ? `at the run's ${past.steps.length} checkpoints only: replaying all of it would take long`
      : past.every === 1 ? "at every step, by replay" : `every ${past.every} steps, by replay`;
    return h("figure", { class: "history" },
      h("h3", {}, `${past.name} over the run`),
      historyCurve(past, page, width - 28),
      h("figcaption", { class: "said" }, note));
  }

  function rowParts() {
    const { row, task } = state;
    const to = (by, words, picture) => h("button", {
      class: "quiet small", title: words, "aria-label": words, "data-focus": words,
      disabled: row + by < 0 || row + by >= state.count, onclick: () => page.go({ row: row + by }),
    }, icon(picture));
    const named = (value) => (task === "classes" ? className(page, value) : listed(value));
    const right = task === "classes" && state.true === state.predicted;
    return {
      title: `row ${row}`,
      told: [state.held_out ? "held out for validation" : null, state.in_batch ? "in the coming step" : null].filter(Boolean).join(" · "),
      tools: [to(-1, "Row before", "back"), to(1, "Row after", "next")],
      parts: [
        h("div", { class: "beside" }, featuresOf(), h("div", {},
          facts([
            ["true", named(state.true)],
            ["predicted", `${named(state.predicted)}${task === "classes" ? (right ? " ✓" : " ✗") : ""}`],
            task === "classes" ? [`p(${named(state.true)})`, exactOf(state.probabilities, state.true)] : null,
            ["its loss", exact(state.loss)],
            state.weight !== null ? ["its weight", exact(state.weight)] : null,
          ]),
          ...(task === "classes" && state.probabilities.length > 2 ? bars(state.probabilities) : []))),
        h("h3", {}, "its way through the network"),
        state.layers.map((layer, l) => wayThrough(layer, l)),
      ],
    };
  }

  function listed(value) {
    if (!(value instanceof NdArray)) return brief(value);
    return Array.from({ length: Math.min(value.length, 4) }, (_, k) => exactOf(value, k)).join(", ") + (value.length > 4 ? ", …" : "");
  }

  function bars(probabilities) {
    const names = Array.from(probabilities, (_, k) => className(page, k));
    const { values } = probabilities;
    const shown = shownClasses(values);
    const few = shown.length < names.length;
    const each = Math.max(BAR.least, Math.min(BAR.most, Math.floor(BAR.all / shown.length) - BAR.gap));
    // The true class's is bold, which is wider.
    const short = shortNames(page.root, names, each, "700 11px");
    // Where each of many has little, it is seen beside the likeliest.
    const top = few ? Math.max(...shown.map((k) => values[k])) : 1;
    const rest = 1 - shown.reduce((sum, k) => sum + values[k], 0);
    const others = names.length - shown.length;
    return [
      h("ol", { class: "bars", "aria-label": few ? "Probabilities of the likeliest classes" : "Probability of each class" }, shown.map((k) => h("li", {
        title: `p(${names[k]}) = ${exactOf(probabilities, k)}`, class: k === state.true ? "true" : null, style: { width: `${each}px` },
      }, h("span", { class: "bar-of", style: { height: `${Math.max(1, 34 * (values[k] / top))}px` } }), short[k]))),
      few ? h("p", { class: "said" }, `the likeliest and the true one, the highest bar ${brief(Number(top.toPrecision(3)))}; ${counted(others, "other class")} ${others === 1 ? "has" : "have"} ${brief(Number(Math.max(0, rest).toPrecision(3)))} in all`) : null,
    ];
  }

  /** Classes that are shown, in their order. */
  function shownClasses(values) {
    const all = Array.from(values, (_, k) => k);
    const first = (k) => (k === state.true ? 2 : values[k]);
    return all.sort((a, b) => first(b) - first(a)).slice(0, MOST_BARS).sort((a, b) => a - b);
  }

  function featuresOf() {
    const { count: n, of, values } = state.features;
    if (page.run.image && of === null) {
      return h("figure", {}, rowImage(values.values, 0, page.run.image, rangeOf(values.values), page.root, 120));
    }
    const shown = Array.from({ length: Math.min(values.length, MOST_LISTED) }, (_, k) => k);
    const rest = (of ? n : values.length) - shown.length;
    return h("div", {}, facts(shown.map((k) => [page.run.features[of ? of.values[k] : k], exactOf(values, k)])),
      rest > 0 ? h("p", { class: "said" }, of ? `and ${count(rest)} that are 0 or not shown` : `and ${count(rest)} more`) : null);
  }

  function wayThrough(layer, l) {
    const strip = (name, values) => {
      const [, top] = rangeOf(values.values.map(Math.abs));
      return h("div", { class: "way" }, h("code", {}, name), heatmap(
        { shape: values.shape, values, whole: true, top },
        {
          width: width - 84, most: 30, height: 15, title: `${name} of layer ${l}`,
          name: (_, unit) => `${name}[${unit}]`,
          onPick: (_, unit) => page.go({ layer: l, unit, from: null, row: null }),
        }));
    };
    const more = layer.count > layer.a.length ? `, the first ${count(layer.a.length)}` : "";
    return h("div", { class: "passage" },
      h("p", { class: "said" }, `layer ${l}: ${count(layer.count)} ${layer.activation}${more}`),
      strip("z", layer.z), strip("a", layer.a), strip("delta", layer.delta));
  }

  onWidth(element, (newWidth) => {
    width = newWidth;
    draw();
  });
  page.root.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.defaultPrevented || event.target.closest("input, select, textarea, dialog")) return;
    if (selected() !== null) clear();
  });

  return {
    element,
    show(_, changed) {
      if (changed.has("step")) hover.again();
      if (changed.has("run") || changed.has("grown")) past = changed.has("run") ? null : past;
      if (["run", "step", "layer", "unit", "from", "row", "f0", "f1"].some((name) => changed.has(name))) return fetchState();
      if (changed.has("theme")) draw();
      return null;
    },
  };
}

