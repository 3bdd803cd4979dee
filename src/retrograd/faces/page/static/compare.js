// Two moments or two runs side by side.

import { h } from "./dom.js";

/** Make the view. */
export function compareView(page) {
  const element = h("section", { class: "compare" });
  return {
    element,
    show(place, changed) {},
  };
}
