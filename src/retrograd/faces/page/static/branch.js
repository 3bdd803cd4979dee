// Branching: another future from here, with another rate, weight, label or activation.

import { h, latest } from "./dom.js";
import { icon } from "./icons.js";
import { brief, count, counted } from "./numbers.js";
import { branchForm } from "./otherwise.js";
import { once } from "./questions.js";
import { wordsFor } from "./words.js";

const LOOK_AGAIN_MS = 300;

/** Make the view. */
export function branchView(page) {
  const opener = h("button", {
    "aria-expanded": "false", title: "Train on from this step with something changed", onclick: () => toggle(),
  }, icon("branch"), "Branch here");
  const kin = h("span", { class: "kin" });
  const changed = h("p", { class: "changed soft" });
  const form = branchForm(page, (answers) => begin(answers), (text) => tellWrong(text));
  const told = h("div", { class: "told", role: "status" });
  const element = h("section", { class: "branch", "aria-label": "Branches" },
    h("div", { class: "bar" }, opener, kin), changed, told, form.element);
  let facts = null;
  let training = null; // the branch that was begun here last: {run, parent, step}

  const fetchFacts = latest(async () => {
    const { run } = page.run;
    if (facts?.run !== run) facts = await page.ask("branch_facts", { run });
    if (!facts || page.run.run !== run) return;
    changed.textContent = facts.changed.length ? `Otherwise than its parent: ${facts.changed.map(wordsOf).join("; ")}.` : "";
    form.describe(facts);
  });

  function wordsOf({ name, was, is }) {
    return was === undefined ? `${name} = ${is}` : `${wordsFor(name)} ${was} → ${is}`;
  }

  function isOpen() {
    return opener.getAttribute("aria-expanded") === "true";
  }

  async function toggle() {
    const now = !isOpen();
    opener.setAttribute("aria-expanded", String(now));
    element.classList.toggle("panel", now);
    form.element.hidden = true;
    if (!now) return;
    await fetchFacts();
    // Not before its fields are filled: that would wipe away what somebody has written already.
    if (!isOpen()) return;
    form.element.hidden = false;
    form.prefill(true);
    form.focus();
  }

  /** Begin a branch; the training goes on by itself, and is looked at until it is over. */
  async function begin({ parameters, edit }) {
    if (!page.reaches(tellWrong)) return;
    const { run, step } = page.place;
    form.busy(true);
    tell("Beginning the branch …");
    let answer = null;
    try {
      answer = await page.asked("branch", once({ run, step, parameters, edit }));
    } catch (error) {
      tellWrong(error.message);
    }
    form.busy(false);
    if (!answer) return;
    training = { run: answer.run, parent: run, step };
    await learn();
    follow(training);
  }

  /** See anew which runs there are; the place stays. */
  async function learn() {
    const [runs, run] = await Promise.all([page.ask("runs"), page.ask("run", { run: page.run.run })]);
    if (!runs || !run || run.run !== page.run.run) return;
    page.runs = runs.runs;
    page.run = run;
    await page.show(new Set(["runs", "grown"]));
  }

  async function follow(mine) {
    for (;;) {
      const run = await page.ask("run", { run: mine.run });
      if (!run || training !== mine) return;
      if (run.status !== "running") {
        if (page.run.run === mine.parent) await learn();
        tellOutcome(mine, run);
        return;
      }
      tell(`Run ${mine.run} is being trained: step ${count(run.steps)}, epoch ${count(run.epochs)}. `,
        h("button", { class: "small", onclick: () => page.ask("stop_branch", { run: mine.run }) }, "Stop"));
      if (page.run.run === mine.parent) page.show(new Set(["kin"]));
      await new Promise((done) => { setTimeout(done, LOOK_AGAIN_MS); });
    }
  }

  function tellOutcome(mine, run) {
    const lossOf = (number) => {
      const loss = page.runs.find((one) => one.run === number)?.loss;
      return loss === null || loss === undefined ? null : brief(loss);
    };
    const words = run.status === "diverged"
      ? h("span", { class: "bad" }, `Run ${mine.run} diverged at step ${count(mine.step + run.steps)}: not finite in ${run.note}. `)
      : h("span", {}, `Run ${mine.run} ${run.status} after ${counted(run.steps, "step")}${run.note ? ` (${run.note})` : ""}. `);
    const [loss, before] = [lossOf(mine.run), lossOf(mine.parent)];
    const losses = loss !== null && before !== null
      ? `Loss of its last epoch ${loss}; of run ${mine.parent}’s ${before}. ` : "";
    tell(words, losses, h("span", { class: "ways" },
      h("button", { class: "small", onclick: () => page.go({ run: mine.run, step: null }) }, `Go to run ${mine.run}`),
      run.steps ? compareButton(`Compare with run ${mine.parent}`, () => {
        const there = Math.max(0, Math.min(run.steps, page.place.run === mine.run ? page.place.step : page.place.step - mine.step));
        // From where they part both are the same: their ends say more.
        const step = there || run.steps;
        page.go({ run: mine.run, step, other: mine.parent, otherStep: mine.step + step });
      }) : null));
  }

  function compareButton(text, onclick) {
    return h("button", { class: "small", onclick }, text);
  }

  function tellWrong(text) {
    tell(h("span", { class: "bad" }, text));
  }

  function tell(...parts) {
    told.replaceChildren(...parts.filter((part) => part !== null && part !== ""));
  }

  function drawKinButtons() {
    const { run } = page;
    const parts = run.branches.map((one) => h("button", {
      class: "quiet small", title: `Branches off at step ${count(one.step)}`,
      onclick: () => page.go({ run: one.run, step: null }),
    }, `◆ run ${one.run} at ${count(one.step)}`));
    if (run.parent) {
      const [parent, step] = run.parent;
      parts.unshift(
        h("button", { class: "quiet small", onclick: () => page.go({ run: parent, step: step + page.place.step }) }, `off run ${parent} at ${count(step)}`),
        compareButton("Compare with its parent", () => page.go({ other: parent, otherStep: step + page.place.step })));
    }
    kin.replaceChildren(...parts);
  }

  return {
    element,
    show(place, changedNames) {
      opener.hidden = Boolean(page.options.still);
      drawKinButtons();
      if (changedNames.has("run")) {
        if (facts?.run !== page.run.run) changed.textContent = "";
        if (training && ![training.run, training.parent].includes(page.run.run)) tell();
      }
      if (!page.options.still && (isOpen() || page.run.parent) && facts?.run !== page.run.run) return fetchFacts().then(() => form.prefill(true));
      if (isOpen()) form.prefill(changedNames.has("step"));
      return null;
    },
  };
}
