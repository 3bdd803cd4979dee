// The playground's own part: data, network, training. Empty where a run is only viewed.

import { h } from "./dom.js";

/** Make the view. */
export function buildView(page) {
  const element = h("section", { class: "build" });
  return {
    element,
    async begin() {
      return false;
    },
    show(place, changed) {},
  };
}
