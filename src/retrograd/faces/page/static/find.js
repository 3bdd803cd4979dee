// The debugger's conditions, forward and backward.

import { h } from "./dom.js";

/** Make the view. */
export function findView(page) {
  const element = h("section", { class: "find" });
  return {
    element,
    focus() {},
    show(place, changed) {},
  };
}
