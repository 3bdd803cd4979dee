// The card beside the pointer: what the unit under it is, without its being selected.

import { h, latest } from "./dom.js";
import { facts, respondsTo, spread, unitWords } from "./findings.js";
import { unitInLayer } from "./names.js";
import { exactOf } from "./numbers.js";
import { outcomeQuestion } from "./outcome.js";

// How long the pointer must rest on a unit, so that nothing flickers on its way elsewhere.
const REST_ON_UNIT_MS = 140;
const PICTURE_SIZE = 120;

/** Show a card while the pointer rests on one of the network's units; `again` after a step. */
export function hoverCard(page) {
  const card = h("div", { class: "hover-card panel", hidden: true, inert: true });
  let over = null;
  let at = [0, 0];
  let wait = 0;

  const show = latest(async (unit) => {
    const [layer, which] = unit.split(",").map(Number);
    const { f0, f1 } = outcomeQuestion(page.run, page.place);
    const { step } = page.place;
    const answer = await page.askHere("unit", { step, layer, unit: which, f0, f1 });
    if (!answer || over !== unit) return;
    fill(answer);
    page.root.append(card);
    card.hidden = false;
    const [x, y] = at;
    const box = card.getBoundingClientRect();
    // What is around may move and cut off what is inside: only the page's own corner is sure.
    const { left, top, bottom } = page.root.getBoundingClientRect();
    const lowest = Math.min(window.innerHeight, bottom) - box.height - 4;
    const beside = x + 18 + box.width > window.innerWidth ? x - box.width - 18 : x + 18;
    card.style.left = `${Math.max(4, beside) - left}px`;
    card.style.top = `${Math.max(4, Math.min(lowest, y - 20)) - top}px`;
  });

  function fill(state) {
    const { layer, unit } = state;
    const last = layer === page.run.widths.length - 2;
    const ails = state.dead ? "dead in this batch" : state.saturated ? "saturated in this batch" : null;
    card.replaceChildren(
      h("strong", {}, unitInLayer(page.run, layer + 1, unit)),
      ails && unitWords(state, last) ? h("p", { class: "bad" }, ails) : "",
      facts([["bias", exactOf(state.bias, 0)]]),
      state.z ? spread("z", state.z) : "", spread("a", state.a),
      respondsTo(page, state, PICTURE_SIZE) ?? "");
  }

  function hide() {
    clearTimeout(wait);
    over = null;
    card.hidden = true;
  }

  function point(event) {
    const unit = event.target.closest(".network [data-unit]")?.dataset.unit ?? null;
    if (unit === over) return;
    hide();
    if (!unit || !/^\d+,\d+$/.test(unit) || event.pointerType === "touch" || page.options.still || !page.run?.data) return;
    over = unit;
    at = [event.clientX, event.clientY];
    wait = setTimeout(() => show(unit), REST_ON_UNIT_MS);
  }

  page.root.addEventListener("pointerover", point);
  page.root.addEventListener("pointermove", point);
  page.root.addEventListener("pointerleave", hide);
  page.root.addEventListener("pointerdown", hide);

  return {
    again() {
      if (over && !card.hidden) show(over);
    },
  };
}
