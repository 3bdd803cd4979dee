// The page in one file, fed by the answers in it.

import { openKept } from "./kept.js";
import { mount } from "./mount.js";

const texts = Object.fromEntries(Array.from(
  document.querySelectorAll("script[data-answers]"),
  (part) => [part.dataset.answers, part.textContent],
));
// A frame inside another page has no address of its own to write to.
const address = location.protocol !== "about:";
openKept(texts).then(({ ask, options }) => {
  mount(document.getElementById("retrograd"), ask, { ...options, address });
});
