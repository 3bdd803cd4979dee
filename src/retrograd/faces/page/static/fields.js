// The fields that a training is set by: each with its name, and with what is wrong with it.

import { h } from "./dom.js";

// More is no number and no condition, and a message with much more would end the connection.
const MOST_CHARACTERS = 1000;
// Labels find their fields by an id, which has to be one of its own.
let numbered = 0;

/** Fields by name; `onEdit(name, value)` is told of every change, `onEnter()` of the enter key. */
export class Fields {
  constructor(onEdit, onEnter) {
    this.onEdit = onEdit;
    this.onEnter = onEnter;
    this.all = new Map();
  }

  /** A field to type into, `wide` characters wide. */
  typed(name, label, value, { wide = 5, title = null, text = false } = {}) {
    const input = h("input", {
      value, size: wide, maxLength: MOST_CHARACTERS, title, inputmode: text ? "text" : "decimal", spellcheck: "false", autocomplete: "off",
      style: { width: `${wide + 1.6}ch` },
      oninput: () => this.edit(name, input.value),
      onkeydown: (event) => { if (event.key === "Enter") this.onEnter(); },
    });
    return this.keep(name, label, input);
  }

  /** A field to choose from: `options` are pairs of value and text. */
  chosen(name, label, value, options, { title = null } = {}) {
    const input = h("select", { title, onchange: () => this.edit(name, input.value) },
      options.map(([one, text]) => h("option", { value: one, selected: one === value }, text)));
    return this.keep(name, label, input);
  }

  /** Put a field together; one without a label on the page is named for those who hear it. */
  keep(name, label, input, shown = true) {
    numbered += 1;
    input.id = `retrograd-field-${numbered}`;
    const wrong = h("span", { class: "wrong", id: `${input.id}-wrong`, role: "alert" });
    input.setAttribute("aria-describedby", wrong.id);
    if (!shown) input.setAttribute("aria-label", label);
    this.all.set(name, { input, wrong });
    return h("span", { class: "field" },
      h("span", { class: "labelled" }, shown ? h("label", { for: input.id }, label) : null, input), wrong);
  }

  edit(name, value) {
    this.tell(name, "");
    this.onEdit(name, value);
  }

  /** Say what is wrong with one field; nothing, if the text is empty. */
  tell(name, text) {
    const field = this.all.get(name);
    if (!field) return;
    field.wrong.textContent = text;
    if (text) field.input.setAttribute("aria-invalid", "true");
    else field.input.removeAttribute("aria-invalid");
  }

  /** Say what is wrong with all of them, and go to the first that is. */
  tellAll(wrong) {
    for (const name of this.all.keys()) this.tell(name, wrong[name] ?? "");
    const inputs = [...this.all].filter(([name, { input }]) => wrong[name] && input.offsetParent).map(([, { input }]) => input);
    // As they stand on the page; some of them were drawn anew, after others.
    inputs.sort((a, b) => (a.compareDocumentPosition(b) & Node.DOCUMENT_POSITION_FOLLOWING ? -1 : 1));
    inputs[0]?.focus();
  }

  /** Forget fields that are drawn anew: those whose name the test accepts. */
  drop(test) {
    for (const name of [...this.all.keys()]) if (test(name)) this.all.delete(name);
  }
}

/** Row of a network's layers: widths and activations of the hidden ones, to be changed by clicks. */
export function layerRow(fields, layers, { activations, most, onChange }) {
  const change = (work) => {
    const next = layers.map((layer) => ({ ...layer }));
    work(next);
    onChange(next);
  };
  const arrow = () => h("span", { class: "soft", "aria-hidden": "true" }, "→");
  const chips = layers.map((layer, k) => {
    const by = (amount) => () => change((next) => {
      const units = Math.round(Number(layer.units)) || 0;
      next[k].units = String(Math.max(1, Math.min(most.units, units + amount)));
    });
    const input = h("input", {
      value: layer.units, size: 4, inputmode: "numeric", autocomplete: "off", title: `Units, 1 to ${most.units}`,
      oninput: () => { fields.edit(`units ${k}`, input.value); },
      onkeydown: (event) => {
        const step = { ArrowUp: 1, ArrowDown: -1, Enter: 0 }[event.key];
        if (step === undefined) return;
        event.preventDefault();
        if (step) by(step)();
        else fields.onEnter();
      },
    });
    const select = h("select", { title: "Activation", onchange: () => fields.edit(`activation ${k}`, select.value) },
      activations.map((name) => h("option", { value: name, selected: name === layer.activation }, name)));
    return [arrow(), h("span", { class: "hidden-layer", role: "group", "aria-label": `Hidden layer ${k}` },
      small("−", `Fewer units in hidden layer ${k}`, by(-1)),
      fields.keep(`units ${k}`, `Units of hidden layer ${k}`, input, false),
      small("+", `More units in hidden layer ${k}`, by(1)),
      fields.keep(`activation ${k}`, `Activation of hidden layer ${k}`, select, false))];
  }).flat();
  const last = layers.at(-1) ?? { units: "4", activation: "tanh" };
  return h("span", { class: "layer-row", role: "group", "aria-label": "Layers" },
    h("span", { class: "ends", "data-end": "in" }), chips, arrow(),
    h("span", { class: "ends", "data-end": "out" }),
    h("span", { class: "hidden-layer", role: "group", "aria-label": "Number of hidden layers" },
      small("−", "Remove the last hidden layer", () => change((next) => next.pop()), !layers.length),
      h("span", { class: "ends" }, "layer"),
      small("+", `Another hidden layer, up to ${most.layers}`, () => change((next) => next.push({ ...last })),
        layers.length >= most.layers)));
}

function small(text, title, work, disabled = false) {
  return h("button", { class: "small step", title, "aria-label": title, onclick: work, disabled }, text);
}
