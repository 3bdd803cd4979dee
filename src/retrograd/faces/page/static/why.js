// Why a weight moved in the step: its rows' shares, and what else moved it.

import { focusBeside, h, latest } from "./dom.js";
import { icon } from "./icons.js";
import { brief, count, counted, exact } from "./numbers.js";

/** Make the panel, which shows itself where a weight is selected. */
export function whyView(page) {
  const element = h("section", { class: "why", "aria-label": "Why a weight moved", hidden: true });

  const fetchWhy = latest(async () => {
    const { step, layer, unit, from } = page.place;
    element.hidden = layer === undefined || unit === undefined || page.options.still || step >= lastStep();
    if (element.hidden) return;
    const answer = await page.askHere("why", { step, layer, i: from ?? -1, o: unit });
    if (!answer) element.hidden = true;
    else draw(answer);
  });

  function lastStep() {
    return page.run.steps + (page.run.status === "diverged" ? 1 : 0);
  }

  function draw(told) {
    const single = page.run.dtype === "float32";
    const parts = [...told.rows].map((row, k) => ({ row, share: told.shares.values[k] }));
    if (told.others) parts.push({ name: counted(told.others, "other row"), share: told.others_share });
    for (const [name, share] of [
      ["momentum", told.momentum], ["penalty and decay", told.penalty], ["rounding", told.rounding],
    ]) if (share) parts.push({ name, share });
    const sizes = [told.update, ...parts.map(({ share }) => share)].filter(Number.isFinite).map(Math.abs);
    const top = Math.max(0, ...sizes) || 1;
    const whole = Math.abs(told.update);
    const active = focusBeside(element);
    const focused = element.contains(active) ? active.dataset.row : null;
    const idle = `${count(told.idle)} of ${counted(told.idle + told.rows.length + told.others, "row")} ${told.idle === 1 ? "has" : "have"} no share in it.`;
    element.replaceChildren(...[
      h("div", { class: "bar" }, h("h2", {}, "Why"),
        h("code", { class: "subject" }, told.name),
        h("span", { class: "number", title: `${exact(told.before, single)} → ${exact(told.after, single)}` },
          `${brief(told.before)} → ${brief(told.after)}`),
        h("button", {
          class: "quiet small end", title: "Select no weight", "aria-label": "Select no weight",
          onclick: () => page.go({ layer: null, unit: null, from: null }),
        }, icon("cross"))),
      told.idle ? h("p", { class: "soft" }, idle) : null,
      h("table", { class: "shares" },
        h("thead", { class: "hidden-visually" }, h("tr", {}, ["moved by", "as a bar", "share", "of the update"].map((text) => h("th", {}, text)))),
        h("tbody", {}, parts.map((part) => shareLine(part, top, whole))),
        h("tfoot", {}, shareLine({ name: "update", share: told.update }, top, whole))),
    ].filter(Boolean));
    if (focused) element.querySelector(`[data-row="${focused}"]`)?.focus();
  }

  function shareLine({ row, name, share }, top, whole) {
    const size = 50 * (Math.abs(share) / top); // in this order nothing overflows
    const chosen = row !== undefined && row === page.place.row;
    const label = row === undefined ? name : h("button", {
      class: "quiet small", "data-row": row, "aria-pressed": String(chosen), title: `Select row ${row} of the data`,
      onclick: () => page.go({ row: chosen ? null : row }),
    }, `row ${row}`);
    return h("tr", { class: chosen ? "chosen" : "" },
      h("th", { scope: "row" }, label),
      Number.isFinite(share) ? h("td", { class: "scale" }, h("i", {
        class: share < 0 ? "negative" : "positive",
        style: { width: `${size}%`, left: `${share < 0 ? 50 - size : 50}%` },
      })) : h("td", { class: "bad" }, "not finite"),
      h("td", { class: "number", title: exact(share) }, signedText(share)),
      h("td", { class: "number soft" }, whole ? `${signedText((100 * share) / whole)} %` : ""));
  }

  return {
    element,
    show(_, changed) {
      if (["run", "step", "layer", "unit", "from", "row", "grown"].some((name) => changed.has(name))) return fetchWhy();
      return null;
    },
  };
}

/** A number with its sign, to three digits. */
function signedText(value) {
  const text = Number.isFinite(value) ? brief(Number(value.toPrecision(3))) : brief(value);
  return value > 0 ? `+${text}` : text;
}
