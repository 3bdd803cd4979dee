// Two moments, of one run or of two, side by side: what differs between them.

import { h, latest, onWidth } from "./dom.js";
import { heatmap } from "./heatmap.js";
import { icon } from "./icons.js";
import { brief, count, counted, exact } from "./numbers.js";
import { outcomeQuestion, outcomeTabs } from "./outcome.js";
import { className, swap } from "./plots.js";
import { decisionSurface } from "./surface.js";
import { titleOf } from "./titles.js";

/** Make the view. */
export function compareView(page) {
  const tools = h("span", { class: "end" });
  const body = h("div", { class: "body" });
  const element = h("section", { class: "compare panel" },
    h("div", { class: "bar" }, h("h2", {}, "Compare"), tools), body);
  let state = null;
  let surfaces = null;
  let parted = null; // where two runs part, once it was asked for
  let other = null; // the other run's facts
  let opened = false; // the list of rows
  let width = 0;

  /** The other moment: pinned, or where the other run is after as many steps of the whole training. */
  function otherMoment() {
    const { other: run, otherStep } = page.place;
    if (run === undefined && otherStep === undefined) return null;
    const number = run ?? page.run.run;
    const facts = number === page.run.run ? page.run : other;
    if (!facts || facts.run !== number) return null;
    const along = page.place.step + page.run.first_step - facts.first_step;
    return { run: number, step: Math.max(0, Math.min(facts.steps, otherStep ?? along)) };
  }

  const fetchState = latest(async () => {
    const { run } = page.run;
    let at = page.place.step;
    const wanted = page.place.other;
    if (wanted !== undefined && wanted !== page.run.run && other?.run !== wanted) {
      other = await page.ask("run", { run: wanted });
    }
    const with_ = otherMoment();
    state = null;
    if (with_ && page.run.data) {
      const question = outcomeQuestion(page.run, page.place);
      const { step, on } = question;
      at = step;
      const answer = await page.askHere("compare", { step, other: with_.run, other_step: with_.step, on, patient: false });
      surfaces = answer && drawsSurfaces(answer) ? await bothSurfaces(question, with_) : null;
      if (page.run.run !== question.run) return;
      state = answer;
    }
    draw();
    page.late.shows(element, run, at);
  });

  function drawsSurfaces(answer) {
    return page.run.widths[0] === 2 && outcomeTabs(page.run).includes("surface") && answer.same_data;
  }

  async function bothSurfaces(question, with_) {
    const asked = { ...question, tab: "surface", f0: 0, f1: 1 };
    const answers = await Promise.all([page.ask("outcome", { ...asked, ...with_ }), page.ask("outcome", asked)]);
    return answers.every(Boolean) ? answers : null;
  }

  function draw() {
    if (!page.run || !width) return;
    element.hidden = Boolean(page.options.still) || !page.run.data;
    swap(tools, state ? letGo() : choices());
    if (!state) {
      swap(body, page.place.other === undefined && page.place.otherStep === undefined
        ? h("p", { class: "said" }, "Pin this moment and move on: what differs is shown here.") : null);
      return;
    }
    swap(body, sides(), parameters(), surfaces ? planes() : null, layers(), rows(), parting());
  }

  function choices() {
    const runs = page.usable.filter((run) => run.run !== page.run.run);
    const choice = h("select", {
      "aria-label": "Compare with a run", "data-focus": "with-run",
      onchange: () => page.go({ other: Number(choice.value), otherStep: null }),
    }, h("option", { value: "" }, "with run …"), runs.map((run) => h("option", { value: run.run }, titleOf(run, page.runs))));
    return [
      h("button", {
        class: "small", "data-focus": "pin", onclick: () => page.go({ other: null, otherStep: page.place.step }),
      }, "pin this moment"),
      runs.length ? choice : null,
    ];
  }

  function letGo() {
    const with_ = otherMoment();
    return [
      with_ ? h("button", {
        class: "small", "data-focus": "swap", title: "Go to the other moment, and pin this one",
        onclick: () => page.go({ run: with_.run, step: with_.step, other: page.run.run, otherStep: page.place.step }),
      }, "swap") : null,
      h("button", {
        class: "quiet small", title: "End the comparison", "aria-label": "End the comparison", "data-focus": "pin",
        onclick: () => { parted = null; page.go({ other: null, otherStep: null }); },
      }, icon("cross")),
    ];
  }

  /** What there is to say of either moment: the other one first, as it is what was before. */
  function sides() {
    const [ours, theirs] = state.sides;
    const two = ours.run !== theirs.run;
    const name = (side) => `${two ? `run ${side.run}, ` : ""}step ${count(side.step)}`;
    const line = (words, key) => (ours[key] === null && theirs[key] === null ? null
      : h("tr", { class: ours[key] === theirs[key] ? "same" : null }, h("th", { scope: "row" }, words),
        [theirs, ours].map((side) => h("td", { class: "number", title: side[key] === null ? null : exact(side[key]) },
          side[key] === null ? "–" : brief(Number(side[key].toPrecision(5))))),
        h("td", { class: "number" }, ours[key] === null || theirs[key] === null ? "" : signedDifference(ours[key] - theirs[key]))));
    const score = page.run.classes ? "accuracy" : "R²";
    const few = state.seen < state.all ? `${count(state.seen)} of ` : "";
    const rows = counted(state.all, `${outcomeQuestion(page.run, page.place).on} row`);
    return [
      h("table", { class: "sides" },
        h("thead", {}, h("tr", {}, h("td"), h("th", { scope: "col" }, page.place.otherStep === undefined ? name(theirs) : `pinned: ${name(theirs)}`),
          h("th", { scope: "col" }, `here: ${name(ours)}`), h("th", { scope: "col" }, "change"))),
        h("tbody", {}, line("mean loss", "loss"), line(score, "score"), line("loss of the next step", "batch_loss"),
          line("learning rate", "learning_rate"), line("epoch", "epoch"))),
      h("p", { class: "said" }, state.same_data ? `over the same ${few}${rows}`
        : "the runs learn from different data: each is judged on its own"),
    ];
  }

  function parameters() {
    if (state.sides[0].run === state.sides[1].run) return null;
    if (!state.parameters.length) return h("p", { class: "said" }, "The runs' parameters are the same.");
    return [h("h3", {}, "Parameters that differ"), h("table", { class: "sides" }, h("tbody", {}, state.parameters.map((one) => h("tr", {},
      h("th", { scope: "row" }, h("code", {}, one.name)), h("td", { class: "number" }, one.theirs), h("td", { class: "number" }, one.ours), h("td")))))];
  }

  function planes() {
    const names = ["the other", "here"];
    return h("div", { class: "planes" }, surfaces.map((answer, k) => h("figure", {},
      h("figcaption", { class: "said" }, `${names[k]}: step ${count(answer.step)}${answer.surface.targets > 1 ? `, target ${answer.surface.target}` : ""}`),
      decisionSurface(answer.surface, {
        page, task: answer.task, width: Math.min(240, (width - 12) / 2), row: page.place.row, onPick: (row) => page.go({ row }),
        name: `Decision surface ${names[k]}`, plain: true,
      }))));
  }

  function layers() {
    if (!state.layers) return h("p", { class: "said" }, "The networks have other widths: their weights cannot be set against each other.");
    return [h("h3", {}, "Weights: here less the other"), state.layers.map((layer, l) => h("div", { class: "layer" },
      h("p", { class: "said" }, h("code", {}, `coefs[${l}]`),
        layer.changed ? ` ‖difference‖ ${brief(layer.norm)}${layer.of ? `, ${brief(Number(((100 * layer.norm) / layer.of).toPrecision(3)))} % of ‖weights‖` : ""}; biases ${brief(layer.biases)}`
          : ` the same, to the last bit${layer.biases ? `; biases ${brief(layer.biases)}` : ""}`),
      layer.changed ? heatmap(layer.difference, {
        width: width - 30, height: 64, most: 24, title: `difference of coefs[${l}]`,
        name: (i, o) => `difference of coefs[${l}][${i}, ${o}]`,
        onPick: (i, o) => page.go({ layer: l, from: i, unit: o, row: null }),
      }) : null))];
  }

  function rows() {
    const found = state.rows;
    if (!found) return null;
    if (!found.count) return h("p", { class: "said" }, "All rows are predicted alike.");
    const text = (array, k) => {
      if (found.task === "classes") return className(page, array.values[k]);
      const n = array.shape[1] ?? 1;
      return Array.from({ length: Math.min(n, 3) }, (_, c) => (found.task === "labels" ? array.values[k * n + c] : brief(Number(array.values[k * n + c].toPrecision(5))))).join(", ");
    };
    const change = found.gained !== undefined ? `: ${count(found.gained)} are right now, ${count(found.lost)} no longer` : "";
    const shown = found.rows.length < found.count ? `, the ${found.rows.length} whose outputs moved most` : "";
    return h("details", { class: "moved", open: opened, ontoggle: (event) => { opened = event.target.open; } },
      h("summary", { "data-focus": "moved" }, `${counted(found.count, "row")} ${found.count === 1 ? "is" : "are"} predicted otherwise${change}${shown}`),
      h("table", { class: "rows" },
        h("thead", {}, h("tr", {}, ["row", "true", "the other", "here"].map((words) => h("th", { scope: "col" }, words)))),
        h("tbody", {}, Array.from(found.rows.values, (number, k) => h("tr", { class: number === page.place.row ? "chosen" : null },
          h("td", {}, h("button", { class: "quiet small", "data-focus": `moved-${number}`, onclick: () => page.go({ row: number }) }, number)),
          h("td", { class: "of-row" }, text(found.true, k)), h("td", { class: "of-row" }, text(found.theirs, k)),
          h("td", { class: found.task === "numbers" ? "number" : "of-row" }, text(found.ours, k)))))));
  }

  function parting() {
    const [ours, theirs] = state.sides;
    if (ours.run === theirs.run || !state.comparable) return null;
    const asked = `${ours.run},${theirs.run}`;
    if (parted?.asked !== asked) {
      return h("button", {
        class: "small", "data-focus": "parting", title: "Replays both runs as far as needed, which may take long",
        onclick: async (event) => {
          event.target.disabled = true;
          event.target.textContent = "replaying …";
          const answer = await page.ask("parting", { run: ours.run, other: theirs.run });
          parted = answer && { ...answer, asked };
          draw();
        },
      }, "where do they part?");
    }
    const found = parted.parted;
    if (!found) return h("p", { class: "parted" }, "They never part: all the steps that they share are the same, to the last bit.");
    if (found.step < 0) return h("p", { class: "parted" }, `They differ before any step that they share, first in ${found.parameter}.`);
    return h("p", { class: "parted" }, `They part in step ${count(found.step)}, first in `, h("code", {}, found.parameter),
      `: ${found.values.map((value) => exact(value)).join(" here, ")} there. `,
      h("button", { class: "small", "data-focus": "go-parting", onclick: () => page.go({ step: found.here, otherStep: null }) }, "go there"));
  }

  onWidth(element, (newWidth) => {
    width = newWidth;
    draw();
  });

  return {
    element,
    show(_, changed) {
      const compared = page.place.other !== undefined || page.place.otherStep !== undefined;
      const moved = ["run", "step", "on"].some((name) => changed.has(name));
      if (changed.has("other") || changed.has("otherStep") || (compared && moved)) return fetchState();
      page.late.shows(element, page.run.run, page.place.step);
      if (changed.has("run") || changed.has("runs") || changed.has("row") || changed.has("theme")) draw();
      return null;
    },
  };
}

function signedDifference(value) {
  if (value === 0) return "0";
  return `${value > 0 ? "+" : ""}${brief(Number(value.toPrecision(4)))}`;
}
