// The network at a moment: a small one drawn by its links, a wide or very deep one by its layers.

import { focusBeside, h, latest, onWidth } from "./dom.js";
import { layerPictures } from "./layers.js";
import { fitsAcross, linkedUnits } from "./links.js";
import { brief, count, counted } from "./numbers.js";

// Units of a layer that are drawn one by one.
const MOST_UNITS = 24;

/** Make the view. */
export function networkView(page) {
  const title = h("h2", {}, "The network");
  const told = h("span", { class: "number soft" });
  const drawing = h("div", { class: "drawing" });
  const element = h("section", { class: "network panel" },
    h("div", { class: "bar" }, title, told), drawing);
  page.late.waits(element);
  let state = null;
  let width = 0;
  const drawLinks = linkedUnits(page, element, pick);
  const drawLayers = layerPictures(page, element, pick);

  const fetchState = latest(async () => {
    const { step } = page.place;
    const { run } = page.run;
    const answer = await page.askHere("moment", { step });
    if (!answer) {
      if (page.run.run !== run) return;
      drawNothing();
    } else {
      state = answer;
      page.moment = answer;
      draw();
    }
    page.late.shows(element, run, step);
  });

  /** Rather nothing than another moment's numbers. */
  function drawNothing() {
    state = null;
    page.moment = null;
    told.textContent = "";
    drawing.replaceChildren(h("p", { class: "soft" }, "The numbers of this moment are not at hand."));
  }

  function draw() {
    if (!state || !width) return;
    tell();
    const { widths } = page.run;
    const wide = widths.some((n) => n > MOST_UNITS) || !fitsAcross(widths, width);
    const active = focusBeside(drawing);
    const focused = drawing.contains(active) && active.dataset;
    if (wide) drawLayers(drawing, state, width);
    else drawLinks(drawing, state, width);
    refocus(focused);
  }

  function tell() {
    const end = page.run.status === "paused" ? "paused here" : "the end";
    told.textContent = [
      state.loss === null ? end : `loss ${brief(state.loss)}`,
      `epoch ${count(state.epoch)}`,
      state.rows ? `next: ${counted(state.rows, "row")}` : null,
      state.trouble ? `not finite: ${state.trouble}` : null,
      state.exact ? null : "approximate: other bits on this machine",
    ].filter(Boolean).join(" · ");
    told.classList.toggle("bad", Boolean(state.trouble) || !state.exact);
  }

  /** Give the focus back to what had it before all was drawn anew. */
  function refocus(data) {
    if (!data) return;
    const again = data.keys ? `[data-keys="${data.keys}"]` : `[data-unit="${data.unit}"]`;
    drawing.querySelector(again)?.focus({ preventScroll: true });
  }

  /** Select what of the drawing was clicked on. */
  function pick(target) {
    const link = target.closest("[data-link]");
    const unit = target.closest("[data-unit]");
    if (unit) {
      const [layer, which] = unit.dataset.unit.split(",").map(Number);
      page.go({ layer, unit: which, from: null, row: null });
    } else if (link) {
      const [layer, from, to] = link.dataset.link.split(",").map(Number);
      page.go({ layer, from, unit: to, row: null });
    }
  }

  onWidth(drawing, (newWidth) => {
    width = newWidth;
    draw();
  });

  return {
    element,
    show(_, changed) {
      if (changed.has("run") || changed.has("step")) return fetchState();
      if (["layer", "unit", "from", "show", "theme"].some((name) => changed.has(name))) draw();
      else if (changed.has("grown") && state) tell();
      return null;
    },
  };
}
