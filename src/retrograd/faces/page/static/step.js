// The step: its trace from forward to update, as equations with the numbers in place. One phase is
// open at a time.

import { focusBeside, h, latest, onWidth } from "./dom.js";
import { lineView } from "./line.js";
import { counted } from "./numbers.js";
import { whyView } from "./why.js";

/** Make the view. */
export function stepView(page) {
  const told = h("span", { class: "soft told" });
  const phases = h("div", { class: "phases" });
  const why = whyView(page);
  const element = h("section", { class: "step panel", "aria-label": "The step" },
    h("div", { class: "bar" }, h("h2", {}, "The step"), told), phases, why.element);
  page.late.waits(element);
  let state = null;
  let drawn = { titles: "", opened: "", content: "", lines: [] };
  let width = 0;

  const fetchStep = latest(async () => {
    const { step, phase } = page.place;
    const { run } = page.run;
    const answer = await page.askHere("step", { step, opened: phase ?? "" });
    if (!answer) {
      if (page.run.run !== run) return;
      state = null;
      empty(whyNot());
    } else {
      state = { ...answer, lines: answer.sections.find(({ key }) => key === answer.opened)?.lines ?? [] };
      draw();
    }
    page.late.shows(element, run, step);
  });

  function whyNot() {
    if (!page.run.data) return "The file keeps no training data, so no step can be taken again. Open the run with its data: retrograd view FILE --data FILE.npz, or open_run(path, data=(X, y)).";
    return page.options.still ? "This file does not hold the numbers of this step." : "The numbers of this step are not at hand.";
  }

  function draw() {
    if (!state || !width) return;
    if (!state.sections.length) {
      atTheEnd();
      return;
    }
    told.textContent = `of ${counted(state.rows.length, "row")}`;
    told.title = state.title;
    const titles = JSON.stringify(state.sections.map(({ key, title }) => [key, title]));
    const { opened } = state;
    // What is written on the page is only written anew where it has changed: steps follow fast.
    if (titles !== drawn.titles || opened !== drawn.opened) {
      const active = focusBeside(phases);
      const focused = phases.contains(active) && active.closest(".head-line");
      phases.replaceChildren(...state.sections.map(phaseOf));
      drawn = { titles, opened, content: "", lines: [] };
      if (focused) phases.querySelector("[aria-expanded=true]").focus();
    }
    const section = state.sections.find(({ key }) => key === opened);
    const content = JSON.stringify([width, section.remark && opened !== "place", state.lines.map(outline)]);
    if (content !== drawn.content) {
      drawn.content = content;
      drawn.lines = state.lines.map((line, k) => lineView(page, state, k, width));
      const remark = h("p", { class: "remark" }, section.remark);
      phases.querySelector(".lines").replaceChildren(remark, ...drawn.lines.map((one) => one.element));
    } else {
      state.lines.forEach((line, k) => drawn.lines[k].update(state));
    }
    const remark = phases.querySelector(".lines > .remark");
    remark.textContent = section.remark;
    remark.hidden = !section.remark;
    mark();
  }

  /** What of a line the page is built by: all but its numbers. */
  function outline({ symbol, formula, shapes, remark, of, array, number }) {
    return [symbol, formula, shapes, remark, of, array?.shape, array?.whole, number !== undefined];
  }

  function phaseOf({ key, title }) {
    const open = key === state.opened;
    const panel = `phase-${key.replace(/\W/g, "-")}`;
    return h("div", { class: open ? "phase open" : "phase", "data-phase": key },
      h("button", {
        class: "quiet head-line", "aria-expanded": String(open), "aria-controls": open ? panel : null,
        onclick: () => page.go({ phase: key }),
      }, h("span", { class: "turn", "aria-hidden": "true" }), h("span", { class: "words" }, ...wordsOf(title)), h("code", { class: "soft" }, key)),
      open ? h("div", { class: "lines", id: panel }) : null);
  }

  /** A title, what it adds in brackets set apart. */
  function wordsOf(title) {
    const [whole, before, added] = title.match(/^(.*?)( \(.*)?$/);
    return added ? [before, h("span", { class: "soft" }, added)] : [whole];
  }

  function atTheEnd() {
    const { steps, status } = page.run;
    const { kept } = page.options;
    const first = kept && page.place.step <= kept[0];
    const back = h("button", {
      disabled: first, title: first ? "This file holds no moment before this one" : null, onclick: () => page.goOn(-1),
    }, kept ? "Show the moment before" : "Show the last step");
    empty({
      running: "The next step has not been recorded yet.",
      paused: "The training is paused here: no step has been taken from this moment yet. Go on takes it.",
    }[status] ?? "The training ends here: no step was taken from this moment.", steps ? back : null);
  }

  function empty(text, ...more) {
    told.textContent = "";
    drawn = { titles: "", opened: "", content: "", lines: [] };
    phases.replaceChildren(h("p", { class: "soft" }, text), ...more.filter(Boolean));
  }

  /** Scroll the open phase, which the address has named, to the top; the page itself stays. */
  function toTop() {
    const open = phases.querySelector(".phase.open");
    if (open) element.scrollTop += open.getBoundingClientRect().top - element.getBoundingClientRect().top - 36;
  }

  function mark() {
    for (const line of drawn.lines) line.mark(page.place);
  }

  onWidth(phases, (newWidth) => {
    if (Math.abs(newWidth - width) < 1) return;
    width = newWidth;
    draw();
  });

  return {
    element,
    /** Open the phase that comes so many after the one that is open. */
    phase(by) {
      if (!state?.sections.length) return;
      const keys = state.sections.map(({ key }) => key);
      // The one that is wanted, though its numbers may be on their way yet.
      const now = keys.indexOf(keys.includes(page.place.phase) ? page.place.phase : state.opened);
      const next = state.sections[Math.max(0, Math.min(keys.length - 1, now + by))];
      page.go({ phase: next.key }).then(() => {
        phases.querySelector(".phase.open")?.scrollIntoView({ block: "nearest" });
      });
    },
    show(place, changed) {
      const waiting = [why.show(place, changed)];
      if (["run", "step", "phase", "grown"].some((name) => changed.has(name))) {
        waiting.push(fetchStep().then(() => changed.has("run") && place.phase && toTop()));
      }
      else if (["row", "layer", "unit", "from"].some((name) => changed.has(name))) mark();
      else if (changed.has("theme")) for (const line of drawn.lines) line.repaint();
      return Promise.all(waiting);
    },
  };
}
