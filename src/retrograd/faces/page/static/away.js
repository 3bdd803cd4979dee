// What can be taken away: code, notebook, model file, pictures.

import { h } from "./dom.js";

/** Make the view. */
export function awayView(page) {
  const element = h("section", { class: "away" });
  return {
    element,
    show(place, changed) {},
  };
}
