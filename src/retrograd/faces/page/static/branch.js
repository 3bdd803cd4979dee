// Branching: another future from here, with another rate, weight, label or activation.

import { h, latest } from "./dom.js";
import { icon } from "./icons.js";
import { brief, count } from "./numbers.js";

const LOOK_AGAIN_MS = 300;

/** Make the view. */
export function branchView(page) {
  const opener = h("button", {
    "aria-expanded": "false", title: "Train on from this step with something changed", onclick: () => toggle(),
  }, icon("branch"), "Branch here");
  const kin = h("span", { class: "kin" });
  const changed = h("p", { class: "changed soft" });
  const form = branchForm(page, (answers) => begin(answers));
  const told = h("div", { class: "told", role: "status" });
  const element = h("section", { class: "branch", "aria-label": "Branches" },
    h("div", { class: "bar" }, opener, kin), changed, told, form.element);
  let facts = null;
  let training = null; // the branch that was begun here last: {run, parent, step}

  const fetchFacts = latest(async () => {
    const { run } = page;
    if (facts?.run !== run.run) facts = await page.ask("branch_facts", { run: run.run });
    if (!facts || page.run !== run) return;
    changed.textContent = facts.changed.length ? `Otherwise than its parent: ${facts.changed.join("; ")}.` : "";
    form.describe(facts);
  });

  function isOpen() {
    return opener.getAttribute("aria-expanded") === "true";
  }

  async function toggle() {
    const now = !isOpen();
    opener.setAttribute("aria-expanded", String(now));
    element.classList.toggle("panel", now);
    form.element.hidden = !now;
    if (!now) return;
    await fetchFacts();
    form.prefill(true);
    form.focus();
  }

  /** Begin a branch; the training goes on by itself, and is looked at until it is over. */
  async function begin({ parameters, edit }) {
    const { run, step } = page.place;
    const key = `${Date.now()}-${Math.random()}`;
    form.busy(true);
    tell("Beginning the branch …");
    let answer = null;
    try {
      answer = await page.asked("branch", { run, step, key, parameters, edit });
    } catch (error) {
      tell(h("span", { class: "bad" }, error.message));
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
      : h("span", {}, `Run ${mine.run} ${run.status} after ${count(run.steps)} steps${run.note ? ` (${run.note})` : ""}. `);
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

/** The form: what is to be otherwise. `onBranch` is told {parameters, edit}. */
function branchForm(page, onBranch) {
  const from = h("strong", {});
  const fields = h("div", { class: "fields" });
  const weight = editField(page, { label: "Weight or bias", example: "coefs[0][3, 2]" });
  const target = editField(page, { label: "Target of a row", example: "y[17]" });
  const submit = h("button", { class: "main", type: "submit" }, "Branch");
  const element = h("form", {
    class: "branching", hidden: true,
    onsubmit: (event) => {
      event.preventDefault();
      const answers = read();
      if (answers) onBranch(answers);
    },
  },
  h("p", {}, "Train on from ", from, " as another run, with what you change here:"),
  fields, weight.element, target.element,
  h("div", { class: "bar" }, submit, h("span", { class: "soft" }, "Written to the file beside its parent.")));
  let facts = null;
  let inputs = [];

  function describe(told) {
    if (facts === told) return;
    facts = told;
    const numbers = Object.entries(facts.parameters).map(([name, value]) => {
      const input = h("input", { type: "text", inputmode: "decimal", class: "number", value: String(value), size: 8, "data-name": name });
      return { name, was: value, input, element: h("label", {}, h("code", {}, name), input) };
    });
    const layers = facts.activations.map((was, layer) => {
      const input = h("select", {}, facts.known.map((one) => h("option", { value: one, selected: one === was }, one)));
      return { layer, was, input, element: h("label", {}, h("span", {}, "activation of layer ", h("code", {}, String(layer))), input) };
    });
    inputs = [...numbers, ...layers];
    for (const one of inputs) {
      one.input.addEventListener("input", () => one.element.classList.toggle("otherwise", one.input.value !== String(one.was)));
    }
    fields.replaceChildren(...inputs.map((one) => one.element));
    target.choices(facts.classes);
    submit.disabled = !facts.keeps_data;
    weight.clear();
    target.clear();
  }

  function prefill(again) {
    if (!facts || element.hidden) return;
    from.textContent = `step ${count(page.place.step)} of run ${page.run.run}`;
    const { layer, unit, from: source, row } = page.place;
    if (unit !== undefined) {
      weight.suggest(source === undefined ? `intercepts[${layer}][${unit}]` : `coefs[${layer}][${source}, ${unit}]`, again);
    } else weight.suggest("coefs[0][0, 0]", again);
    target.suggest(`y[${row ?? 0}${facts.targets > 1 ? ", 0" : ""}]`, again);
  }

  /** What is changed; null if something cannot be read, which is then told beside it. */
  function read() {
    const parameters = {};
    const activations = [];
    for (const { name, was, input } of inputs) {
      if (name === undefined) activations.push(input.value);
      else if (input.value.trim() !== String(was)) {
        const number = Number(input.value.trim().replace("−", "-"));
        const fine = input.value.trim() !== "" && Number.isFinite(number);
        input.setAttribute("aria-invalid", String(!fine));
        if (!fine) {
          input.focus();
          return null;
        }
        parameters[name] = number;
      } else input.removeAttribute("aria-invalid");
    }
    if (activations.some((one, layer) => one !== facts.activations[layer])) parameters.activation = activations;
    const edit = {};
    for (const part of [weight, target]) {
      const answer = part.read();
      if (answer === null) return null;
      Object.assign(edit, answer);
    }
    return { parameters, edit };
  }

  return {
    element,
    describe,
    prefill,
    focus: () => inputs[0]?.input.focus(),
    busy: (now) => { submit.disabled = now; },
  };
}

/** One entry to edit: its name, what it is now, and what it is to be; empty leaves it. */
function editField(page, { label, example }) {
  const name = h("input", {
    type: "text", class: "number what", spellcheck: "false", autocomplete: "off", maxlength: 500,
    "aria-label": label, placeholder: example, oninput: () => { own = true; look(); },
  });
  const value = h("input", { type: "text", class: "number", "aria-label": `${label}: its new value`, size: 10, placeholder: "as it is" });
  const choice = h("select", { hidden: true, "aria-label": `${label}: its new class` });
  const now = h("p", { class: "now soft" });
  const element = h("div", { class: "edit" },
    h("span", { class: "of" }, label), name, h("span", { "aria-hidden": "true" }, "="), value, choice, now);
  let own = false; // whether somebody has written the name
  let classes = null;

  const look = latest(async () => {
    const text = name.value.trim();
    name.removeAttribute("aria-invalid");
    if (!text) {
      now.textContent = "";
      return;
    }
    const { run, step } = page.place;
    const told = await page.ask("edit_now", { run, step, text });
    if (!told || name.value.trim() !== text) return;
    if (told.error) {
      name.setAttribute("aria-invalid", "true");
      const part = text.slice(told.error.start, told.error.end);
      now.replaceChildren(h("span", { class: "bad" }, part && part !== text ? h("code", {}, part) : "", part && part !== text ? ": " : "", told.error.reason));
    } else if (told.shape) now.textContent = `${told.shape.join(" × ")} of them: one number for all`;
    else now.replaceChildren("now ", h("code", {}, told.text.replace("-", "−")));
  });

  return {
    element,
    clear() {
      own = false;
      value.value = "";
      choice.value = "";
    },
    choices(names) {
      classes = names;
      value.hidden = Boolean(names);
      choice.hidden = !names;
      choice.replaceChildren(h("option", { value: "" }, "as it is"), ...(names ?? []).map((one) => h("option", { value: one }, one)));
    },
    suggest(text, again) {
      if (own || (name.value === text && !again)) {
        if (again) look();
        return;
      }
      name.value = text;
      look();
    },
    /** {name: value}, {} if it is to stay as it is, null if it is no number. */
    read() {
      const input = classes ? choice : value;
      const text = input.value.trim();
      value.removeAttribute("aria-invalid");
      if (!text) return {};
      if (classes) return { [name.value.trim()]: text };
      const number = Number(text.replace("−", "-"));
      if (!Number.isFinite(number)) {
        value.setAttribute("aria-invalid", "true");
        now.replaceChildren(h("span", { class: "bad" }, "a finite number is needed"));
        value.focus();
        return null;
      }
      return { [name.value.trim()]: number };
    },
  };
}
