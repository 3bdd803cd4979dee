// What is selected: a unit, a link, a row.

import { h } from "./dom.js";

/** Make the view. */
export function inspectorView(page) {
  const element = h("section", { class: "inspector" });
  return {
    element,
    show(place, changed) {},
  };
}
