// The step taken from the moment, phase by phase.

import { h } from "./dom.js";

/** Make the view. */
export function stepView(page) {
  const element = h("section", { class: "step" });
  return {
    element,
    phase() {},
    show(place, changed) {},
  };
}
