// Completion of a condition: the words of the language, the network's layers and units.

import { h } from "./dom.js";

const MOST_OPTIONS = 9;

/**
 * The list below a field with the role of a combobox.
 *
 * `offer()` shows what the word before the caret may become, `onKey(event)` says whether a key was
 * the list's, `close()` whether it was open.
 */
export function completionList(page, field, id) {
  const element = h("ul", { id, class: "words", role: "listbox", "aria-label": "Completions", hidden: true });
  let language = null;
  let options = [];
  let active = -1;
  let offers = 0;

  async function offer() {
    const { run } = page;
    offers += 1;
    const mine = offers;
    if (!language || language.run !== run.run) {
      const told = await page.ask("words", { run: run.run });
      if (!told) return;
      language = { run: run.run, ...told };
    }
    if (mine !== offers) return; // more was typed meanwhile
    options = optionsFor(language, field.value.slice(0, field.selectionStart ?? field.value.length));
    active = -1;
    draw();
  }

  function draw() {
    element.hidden = !options.length;
    field.setAttribute("aria-expanded", String(options.length > 0));
    if (active >= 0) field.setAttribute("aria-activedescendant", `${id}-${active}`);
    else field.removeAttribute("aria-activedescendant");
    element.replaceChildren(...options.map((option, k) => h("li", {
      id: `${id}-${k}`, role: "option", "aria-selected": String(k === active),
      onpointerdown: (event) => event.preventDefault(),
      onclick: () => accept(k),
    }, h("code", {}, option.text), h("span", { class: "soft" }, option.says))));
    element.children[active]?.scrollIntoView({ block: "nearest" });
  }

  function accept(k) {
    const { text, tail, typed } = options[k];
    const caret = field.selectionStart;
    const before = field.value.slice(0, caret - typed);
    const rest = field.value.slice(caret);
    const closing = rest.startsWith(tail) ? "" : tail;
    field.value = before + text + closing + rest;
    const at = before.length + text.length + tail.length;
    field.setSelectionRange(at, at);
    close();
    field.focus();
    offer();
  }

  function close() {
    const was = options.length > 0;
    offers += 1;
    options = [];
    active = -1;
    draw();
    return was;
  }

  function onKey(event) {
    if (!options.length) {
      if (event.key !== "ArrowDown") return false;
      event.preventDefault();
      offer();
      return true;
    }
    const n = options.length;
    if (event.key === "ArrowDown") active = active === n - 1 ? -1 : active + 1;
    else if (event.key === "ArrowUp") active = active === -1 ? n - 1 : active - 1;
    else if (event.key === "Enter" && active >= 0 && !event.shiftKey) {
      event.preventDefault();
      accept(active);
      return true;
    } else return false;
    event.preventDefault();
    draw();
    return true;
  }

  return { element, offer, close, onKey };
}

/** What the end of a text may become: {text, tail, says, typed}, `tail` being what has to follow. */
export function optionsFor({ words, layers, widths }, text) {
  const layered = words.filter(({ kind }) => kind === "layers").map(({ word }) => word);
  const inLayers = new RegExp(`\\b(?:${layered.join("|")})\\[(\\d*)$`).exec(text);
  const inDead = /\bdead\(\s*(\d*)$/.exec(text);
  const unit = /\bdead\(\s*(\d+)\s*,\s*(\d*)$/.exec(text);
  if (inLayers || inDead) {
    const typed = (inLayers ?? inDead)[1];
    return layers.map((says, layer) => ({ text: String(layer), tail: inLayers ? "]" : ", ", says, typed: typed.length }))
      .filter(({ text: number }) => number.startsWith(typed) && number !== typed).slice(0, MOST_OPTIONS);
  }
  if (unit) {
    const units = Array.from({ length: widths[Number(unit[1]) + 1] ?? 0 }, (_, k) => String(k));
    return units.filter((number) => number.startsWith(unit[2]) && number !== unit[2]).slice(0, MOST_OPTIONS)
      .map((number) => ({ text: number, tail: ")", says: `unit ${number}`, typed: unit[2].length }));
  }
  const begun = /(?:^|[^\w.])([A-Za-z_]\w*)$/.exec(text)?.[1];
  if (!begun) return [];
  const tails = { function: "(", layers: "[" };
  return words.filter(({ word }) => word.startsWith(begun) && word !== begun)
    .sort((one, other) => one.word.localeCompare(other.word)).slice(0, MOST_OPTIONS)
    .map(({ word, kind, says }) => ({ text: word, tail: tails[kind] ?? "", says, typed: begun.length }));
}
