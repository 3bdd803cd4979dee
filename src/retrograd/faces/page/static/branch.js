// Branching: another future from here, with another rate, weight, label or activation.

import { h } from "./dom.js";

/** Make the view. */
export function branchView(page) {
  const element = h("section", { class: "branch" });
  return {
    element,
    show(place, changed) {},
  };
}
