// What comes out: decision surface, confusion, residuals, the worst rows.

import { h } from "./dom.js";

/** Make the view. */
export function outcomeView(page) {
  const element = h("section", { class: "outcome" });
  return {
    element,
    show(place, changed) {},
  };
}
