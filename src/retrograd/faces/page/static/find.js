// The debugger's conditions, forward and backward.

import { completionList } from "./complete.js";
import { focusBeside, h, partOf } from "./dom.js";
import { icon } from "./icons.js";
import { count } from "./numbers.js";

// Hits that are marked at most.
const MOST_MARKS = 200;
let findFields = 0;

/** Make the view. */
export function findView(page) {
  findFields += 1;
  const id = `find-${findFields}`;
  const field = h("input", {
    class: "condition number", type: "text", role: "combobox", spellcheck: "false", autocomplete: "off",
    placeholder: "Find: loss > 2", "aria-label": "Find a moment: a condition (f)",
    "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": `${id}-words`, "aria-describedby": `${id}-said`,
    oninput: () => { faultless(); words.offer(); open(); },
    onfocus: () => open(),
    onclick: () => open(),
    onkeydown: (event) => onKey(event),
  });
  const words = completionList(page, field, `${id}-words`);
  const said = h("p", { class: "said", id: `${id}-said`, role: "status" });
  const wrong = h("p", { class: "wrong number", hidden: true, "aria-hidden": "true" });
  const stopButton = h("button", { class: "stop", hidden: true, onclick: () => stop() }, "Stop");
  const often = h("div", { class: "often" });
  const marks = h("button", { class: "quiet small", hidden: true, onclick: () => clear() }, "Clear marks");
  const drop = h("div", { class: "drop", hidden: true },
    words.element, wrong, h("div", { class: "line" }, said, stopButton), often,
    h("div", { class: "line" },
      h("button", { class: "small", onclick: () => markAll(), title: `Up to ${MOST_MARKS}, on the timeline` }, "Mark all in the run"), marks));
  const element = h("section", {
    class: "find", role: "search",
    onfocusout: (event) => { if (!element.contains(event.relatedTarget)) close(); },
    onkeydown: (event) => { if (event.key === "Escape") escape(event); },
  },
  field,
  h("button", { title: "The last moment before this one (Shift+Enter)", onclick: () => seek(true) }, icon("back"), h("span", {}, "last")),
  h("button", { title: "The next moment after this one (Enter)", onclick: () => seek(false) }, h("span", {}, "next"), icon("next")),
  drop);
  // A click on what takes no focus must not close what it is in.
  drop.addEventListener("pointerdown", (event) => { if (!event.target.closest("button")) event.preventDefault(); });

  let searching = null;
  let known = null; // the run whose conditions and marks these are

  function open() {
    if (!page.run) return;
    drop.hidden = false;
    drop.classList.remove("brief");
    suggest();
  }

  function close() {
    words.close();
    drop.hidden = searching === null && wrong.hidden;
  }

  function onKey(event) {
    if (words.onKey(event)) return;
    if (event.key === "Enter") {
      event.preventDefault();
      words.close();
      seek(event.shiftKey);
    }
  }

  function escape(event) {
    event.preventDefault();
    event.stopPropagation();
    if (words.close()) return;
    if (searching) stop();
    else {
      faultless();
      page.root.focus();
      drop.hidden = true;
    }
  }

  /** Conditions of one click: those that make sense of the run, and of what is selected. */
  async function suggest() {
    const { run } = page;
    if (often.dataset.run !== String(run.run)) {
      const told = await page.askHere("conditions");
      if (page.run.run !== run.run) return;
      often.dataset.run = run.run;
      often.conditions = told?.conditions ?? [];
    }
    const { layer, unit, from } = page.place;
    const chosen = [];
    if (unit !== undefined && layer < run.widths.length - 2) {
      chosen.push({ title: `unit ${unit} of layer ${layer} is dead`, text: `dead(${layer}, ${unit})` });
    } else {
      const dead = firstDead();
      if (dead) chosen.push({ title: `unit ${dead[1]} of layer ${dead[0]} is dead, as here`, text: `dead(${dead[0]}, ${dead[1]})` });
    }
    if (from !== undefined) {
      const name = `coefs[${layer}][${from}, ${unit}]`;
      chosen.push({ title: "the chosen weight is negative", text: `${name} < 0` });
    }
    often.replaceChildren(...[...(often.conditions ?? []), ...chosen].map(({ title, text }) => h("button", {
      class: "quiet", title: text, onclick: () => { field.value = text; faultless(); seek(false); },
    }, h("span", {}, title), h("code", {}, text))));
  }

  function firstDead() {
    const layers = page.moment?.layers ?? [];
    for (let l = 0; l < layers.length - 1; l += 1) {
      const unit = layers[l].dead ? layers[l].dead.values.indexOf(1) : -1;
      if (unit >= 0) return [l, unit];
    }
    return null;
  }

  function faultless() {
    wrong.hidden = true;
    field.removeAttribute("aria-invalid");
    if (!searching) tellHere("");
  }

  function tellHere(...parts) {
    said.replaceChildren(...parts);
  }

  /** The text once more, with the mistake marked; beside the field and not in it. */
  function tellError({ reason, start, end }) {
    const text = field.value;
    const skipped = text.length - text.trimStart().length;
    const [from, to] = [start + skipped, Math.max(end, start) + skipped];
    field.setAttribute("aria-invalid", "true");
    wrong.replaceChildren(partOf(text, 0, from), h("mark", {}, partOf(text, from, to) || " "), partOf(text, to));
    wrong.hidden = !text.trim();
    tellHere(`${reason.charAt(0).toUpperCase()}${reason.slice(1)}${/[.?]$/.test(reason) ? "" : "."}`);
    drop.hidden = false;
  }

  /** Search slice by slice, until something is found, all is searched, or it is stopped. */
  async function search({ backward, at, end, most }) {
    stop();
    faultless();
    words.close();
    const condition = field.value.trim();
    const { run } = page.place;
    const mine = {};
    const found = [];
    searching = mine;
    drop.hidden = false;
    page.go({ find: condition || null });
    tellHere("Searching …");
    let cursor = { at, end, hit: -1 };
    let done = false;
    while (!done && found.length < most) {
      const answer = await page.ask("find", { run, condition, backward, most: most - found.length, ...cursor });
      if (searching !== mine) return null;
      if (!answer || answer.error) {
        rest();
        if (answer) tellError(answer.error);
        else tellHere("The search was broken off.");
        return null;
      }
      found.push(...answer.hits);
      done = answer.done;
      cursor = { at: answer.at, end: answer.end, hit: answer.hit };
      if (done) break;
      stopButton.hidden = false;
      const here = backward && answer.at < 0 ? answer.end : answer.at;
      tellHere(`Searching … step ${count(here)} of ${count(page.run.steps)}${found.length ? `, ${found.length} so far` : ""}`);
    }
    rest();
    return found;
  }

  function rest() {
    searching = null;
    drop.classList.add("brief"); // so that the timeline can be seen
    stopButton.hidden = true;
  }

  function stop() {
    if (!searching) return;
    rest();
    tellHere("Stopped.");
  }

  async function seek(backward) {
    const { step } = page.place;
    const from = backward ? { at: -1, end: step } : { at: step + 1, end: -1 };
    const found = await search({ backward, most: 1, ...from });
    if (found === null) return;
    if (!found.length) {
      const other = backward ? "from the end" : "from the start";
      tellHere(`Nowhere ${backward ? "before" : "after"} step ${count(step)}. `, h("button", {
        class: "small", onclick: () => around(backward),
      }, `Search ${other}`));
      return;
    }
    tellFound(found[0]);
  }

  async function around(backward) {
    field.focus();
    const found = await search({ backward, most: 1, at: backward ? -1 : 0, end: -1 });
    if (found?.length) tellFound(found[0]);
    else if (found) tellHere("Nowhere in the run.");
  }

  async function tellFound(step) {
    keep([step]);
    tellHere(`It holds at step ${count(step)}.`);
    await page.go({ step });
  }

  async function markAll() {
    const found = await search({ backward: false, most: MOST_MARKS, at: 0, end: -1 });
    if (found === null) return;
    page.found = [];
    keep(found);
    page.show(new Set(["found"]));
    if (!found.length) tellHere("Nowhere in the run.");
    else tellHere(`${found.length === MOST_MARKS ? "The first " : ""}${count(found.length)} marked on the timeline.`);
  }

  function keep(steps) {
    page.found = [...new Set([...(page.found ?? []), ...steps])].sort((a, b) => a - b);
    marks.hidden = !page.found.length;
  }

  function clear() {
    page.found = [];
    marks.hidden = true;
    tellHere("");
    field.focus();
    page.show(new Set(["found"]));
  }

  return {
    element,
    focus() {
      field.focus();
      field.select();
    },
    show(place, changed) {
      element.hidden = Boolean(page.options.still);
      field.maxLength = page.run.most.characters;
      if (known !== page.run.run) {
        stop();
        known = page.run.run;
        page.found = [];
        marks.hidden = true;
        faultless();
      }
      if (changed.has("find") && focusBeside(field) !== field) field.value = place.find ?? "";
      else if (!field.value && place.find) field.value = place.find;
    },
  };
}
