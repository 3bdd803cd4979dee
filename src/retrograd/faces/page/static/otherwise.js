// The form of a branch: which rates, weights, labels and activations are to be otherwise.

import { h, latest, partOf } from "./dom.js";
import { count, minus } from "./numbers.js";
import { wordsFor } from "./words.js";

/** The form; `onBranch` is told {parameters, edit}, `onWrong` in words what no branch can have. */
export function branchForm(page, onBranch, onWrong) {
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
      return { name, was: value, input, element: h("label", {}, h("span", {}, wordsFor(name), " ", h("code", { class: "parameter" }, name)), input) };
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
          onWrong(`${wordsFor(name)}: a finite number is needed.`);
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
    type: "text", class: "number what", spellcheck: "false", autocomplete: "off",
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
      const part = partOf(text, told.error.start, told.error.end);
      now.replaceChildren(h("span", { class: "bad" }, part && part !== text ? h("code", {}, part) : "", part && part !== text ? ": " : "", told.error.reason));
    } else if (told.shape) now.textContent = `${told.shape.join(" × ")} of them: one number for all`;
    else now.replaceChildren("now ", h("code", {}, minus(told.text)));
  });

  return {
    element,
    clear() {
      name.maxLength = page.run.most.characters;
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
