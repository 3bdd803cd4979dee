// The outcome: what the network of this moment predicts.

import { h, latest, onWidth } from "./dom.js";
import { brief, count, counted, exact } from "./numbers.js";
import { classLegend, confusionMatrix, reliabilityCurve, residualPlot, rowList, swap } from "./plots.js";
import { decisionSurface, othersHeld } from "./surface.js";

// How long the reader must stay before rows are looked at that took too long on the way.
const REST_MS = 350;
const LARGEST = 340;
// Features that are chosen from a list; of more, their numbers are typed.
const MOST_NAMES = 300;
const TITLES = {
  surface: "surface", confusion: "confusion", residuals: "residuals", calibration: "calibration",
  worst: "worst rows",
};

/** What can be shown of a run's outcome, the best first. */
export function outcomeTabs(run) {
  const planar = run.widths[0] >= 2 && !run.image && run.task !== "labels";
  const tabs = {
    classes: [run.widths.at(-1) <= run.most.classes ? "confusion" : null, "worst", "calibration"],
    labels: ["worst", "calibration"],
    numbers: ["residuals", "worst"],
  }[run.task].filter(Boolean);
  if (planar) tabs.splice(run.widths[0] === 2 ? 0 : 1, 0, "surface");
  return tabs;
}

/** The question that a place asks of the outcome. */
export function outcomeQuestion(run, place, patient = false) {
  const tabs = outcomeTabs(run);
  const most = run.widths[0] - 1;
  const f0 = Math.min(place.f0 ?? 0, most);
  const f1 = Math.min(place.f1 ?? 1, most);
  return {
    run: run.run, step: place.step, patient,
    on: place.on === "validation" && run.validation ? "validation" : "training",
    tab: tabs.includes(place.tab) ? place.tab : tabs[0],
    f0, f1: f0 === f1 ? (f0 ? 0 : 1) : f1,
    target: Math.min(place.target ?? 0, run.widths.at(-1) - 1),
  };
}

/** Make the view. */
export function outcomeView(page) {
  const tabs = h("div", { class: "tabs", role: "group", "aria-label": "Parts of the outcome" });
  const on = h("select", { "aria-label": "Rows", onchange: () => page.go({ on: on.value, cell: null }) },
    h("option", { value: "training" }, "training rows"), h("option", { value: "validation" }, "validation rows"));
  const score = h("p", { class: "score", role: "status" });
  const body = h("div", { class: "body" });
  const numbering = h("p", { class: "soft numbering", hidden: true });
  const element = h("section", { class: "outcome panel" },
    h("div", { class: "bar" }, h("h2", {}, "The outcome"), h("span", { class: "end" }, on)),
    tabs, score, body, numbering);
  page.late.waits(element);
  let state = null;
  let cell = null; // rows of the chosen cell of the confusion matrix
  let width = 0;
  let resting = 0;
  let matrix = null; // of confusions, and of which run
  const hint = h("p", { class: "said" }, "a click on a number lists its rows");
  const unweighted = h("p", { class: "said" }, "here each row counts once, whatever it weighs");

  const fetchState = latest(async (patient = false) => {
    const question = outcomeQuestion(page.run, page.place, patient);
    const answer = await page.ask("outcome", question);
    if (page.place.step !== question.step || page.run.run !== question.run) return;
    state = answer;
    if (!answer) {
      drawMissing();
      page.late.shows(element, question.run, question.step);
      return;
    }
    await fetchCell(question);
    if (page.run.run !== question.run) return;
    draw();
    page.late.shows(element, question.run, question.step);
    if (!patient && answer.seen < answer.all) resting = setTimeout(() => fetchState(true), REST_MS);
  });

  async function fetchCell({ run, step, on: which, patient, tab }) {
    const place = /^(\d+),(\d+)$/.exec(page.place.cell ?? "");
    cell = null;
    if (!place || tab !== "confusion" || page.options.still) return;
    cell = await page.ask("confused", {
      run, step, on: which, patient, true: Number(place[1]), predicted: Number(place[2]),
    });
  }

  function ask() {
    clearTimeout(resting);
    if (page.run.data) return fetchState();
    state = null;
    cell = null;
    for (const part of [tabs, score]) part.replaceChildren();
    for (const part of [on, numbering]) part.hidden = true;
    body.replaceChildren(h("p", { class: "soft" },
      "The file keeps no training data, so there is nothing to predict here. Open the run with its data: retrograd view FILE --data FILE.npz, or open_run(path, data=(X, y))."));
    page.late.shows(element, page.run.run, page.place.step);
    return null;
  }

  function draw() {
    if (!state || !width || !page.run) return;
    drawChoices();
    tellScore();
    numbering.textContent = page.run.numbering;
    numbering.hidden = !page.run.numbering;
    swap(body, parts[state.tab]());
  }

  function drawChoices() {
    const question = outcomeQuestion(page.run, page.place);
    on.hidden = !page.run.validation;
    on.value = question.on;
    swap(tabs, outcomeTabs(page.run).map((name) => h("button", {
      class: "small", "data-focus": name, "aria-pressed": String(name === question.tab),
      onclick: () => page.go({ tab: name }),
    }, TITLES[name])));
  }

  /** What was asked is not to be had: say so, and leave a way back to what is. */
  function drawMissing() {
    drawChoices();
    score.replaceChildren();
    const first = { on: null, f0: null, f1: null, target: null, cell: null };
    const chosen = Object.keys(first).some((name) => page.place[name] !== undefined);
    swap(body, h("p", { class: "soft" }, page.options.still ? "This file does not hold this part of the outcome." : "The outcome of this moment is not known."),
      chosen ? h("button", { onclick: () => page.go(first) }, "Back to what was shown first") : null);
  }

  function tellScore() {
    const what = state.task === "numbers" ? "R²" : "accuracy";
    const few = state.seen < state.all;
    const weighted = state.weighted ? ", each counted by its weight" : "";
    const rows = `${few ? `${count(state.seen)} of ` : ""}${counted(state.all, `${state.on} row`)}`;
    const comma = () => h("span", { class: "hidden-visually" }, ", ");
    score.replaceChildren(
      h("span", { title: state.score === null ? null : exact(state.score) }, `${what} `,
        h("strong", { class: "number", "data-score": true }, state.score === null ? "–" : brief(Number(state.score.toPrecision(5))))), comma(),
      h("span", { title: `mean of the rows' own losses${weighted}, without the penalty: ${exact(state.loss)}; a step's loss is that of its batch, penalty and all` }, "mean loss ",
        h("span", { class: "number" }, brief(state.loss))), comma(),
      h("span", { class: "soft", title: few ? "A sample, always the same rows; all that time allows are looked at once you stay." : null }, `${rows}${weighted}`));
  }

  const size = () => Math.min(LARGEST, width - 26);
  const pick = (row) => page.go({ row });
  const pickCell = (k, c) => page.go({ cell: page.place.cell === `${k},${c}` ? null : `${k},${c}` });
  const parts = {
    surface: () => [
      state.surface.targets > 1 ? targetChoice(state.surface) : null,
      page.run.widths[0] > 2 ? featureChoice() : null,
      decisionSurface(state.surface, { page, task: state.task, width: size(), row: page.place.row, onPick: pick }),
      state.task === "classes" ? classLegend(page) : null,
    ],
    confusion: () => {
      const { counts } = state.confusion;
      const [n] = counts.shape;
      const digits = String(largestSum(counts)).length;
      const of = [page.run.run, n, width, digits].join(" ");
      if (matrix?.of !== of) matrix = { of, element: confusionMatrix(page, n, width, digits, pickCell) };
      return [matrix.element.update(counts, page.place.cell), state.weighted ? unweighted : null,
        cell ? cellRows() : page.options.still ? null : hint];
    },
    residuals: () => [
      state.residuals.targets > 1 ? targetChoice(state.residuals) : null,
      residualPlot(state.residuals, { page, width: size(), row: page.place.row, onPick: pick }),
    ],
    calibration: () => reliabilityCurve(state.calibration, {
      width: size(),
      words: {
        classes: page.run.widths.at(-1) === 1 ? [`p(${page.run.classes?.[1] ?? 1}) that it says`, "how often it is so"]
          : ["probability of the class it predicts", "how often it is right"],
        labels: ["probability of a label", "how often it is so"],
      }[state.task],
    }),
    worst: () => rowList(page, { ...state.worst, task: state.task }, { row: page.place.row, onPick: pick }),
  };

  function cellRows() {
    const [k, c] = cell.cell.map((one) => page.run.classes?.[one] ?? one);
    const shown = cell.rows.length < cell.count ? `, the ${cell.rows.length} of the largest loss` : "";
    return h("div", { class: "of-cell" },
      h("p", {}, `${counted(cell.count, "row")} of ${k}, predicted ${c}${shown}`),
      rowList(page, { ...cell, task: "classes" }, { row: page.place.row, onPick: pick }));
  }

  function featureChoice() {
    const { f0, f1 } = state.surface;
    const choice = (name, value, other, label) => (page.run.widths[0] <= MOST_NAMES
      ? h("select", { "aria-label": label, "data-focus": name, onchange: (event) => page.go({ [name]: Number(event.target.value) }) },
        page.run.features.map((feature, k) => h("option", { value: k, selected: k === value, disabled: k === other }, feature)))
      : h("input", {
        type: "number", min: 0, max: page.run.widths[0] - 1, value, "aria-label": label, "data-focus": name,
        onchange: (event) => page.go({ [name]: Math.max(0, Math.round(Number(event.target.value) || 0)) }),
      }));
    return h("p", { class: "choice" }, choice("f0", f0, f1, "Feature from left to right"), " and ",
      choice("f1", f1, f0, "Feature from below"), h("span", { class: "soft" }, `; ${othersHeld(state.surface)}`));
  }

  function targetChoice({ target, targets }) {
    return h("p", { class: "choice" }, "target ", h("select", {
      "aria-label": "Target", "data-focus": "target", onchange: (event) => page.go({ target: Number(event.target.value) }),
    }, Array.from({ length: targets }, (_, k) => h("option", { value: k, selected: k === target }, k))));
  }

  onWidth(element, (newWidth) => {
    width = newWidth;
    draw();
  });

  return {
    element,
    show(_, changed) {
      if (["run", "step", "on", "tab", "f0", "f1", "target", "cell"].some((name) => changed.has(name))) return ask();
      if (changed.has("row") || changed.has("theme")) draw();
      return null;
    },
  };
}

/** How many rows the class has that has most of them. */
function largestSum(counts) {
  const [n, m] = counts.shape;
  let most = 0;
  for (let k = 0; k < n; k += 1) {
    let sum = 0;
    for (let c = 0; c < m; c += 1) sum += counts.at(k, c);
    most = Math.max(most, sum);
  }
  return most;
}
