// The page in a notebook, fed by its kernel; where there is none, by the answers that it keeps.

import { h } from "./dom.js";
import { openKept } from "./kept.js";
import { mount } from "./mount.js";
import { questions } from "./questions.js";

// How long a kernel may be busy before the still page is shown meanwhile.
const PATIENCE_MS = 3000;

/** Draw the widget, as anywidget asks for it. */
export function render({ model, el }) {
  let heard = false;
  let alive = true;
  const root = h("div", { class: "retrograd" }, h("p", { class: "opening" }, "Opening the run …"));
  el.append(root);

  const { ask, hear: read } = questions((text) => model.send({ text }));

  function hear(_, [data] = []) {
    if (data !== undefined) read(data);
  }

  model.on("msg:custom", hear);
  ask("runs").then(() => {
    heard = true;
    if (alive) mount(root, ask, { place: { run: model.get("run") } });
  });
  setTimeout(async () => {
    if (heard) return;
    if (!model.get("kept")?.run) {
      root.replaceChildren(h("p", { class: "opening" }, "The kernel does not answer."));
      return;
    }
    const { ask: askKept, options } = await openKept(model.get("kept"));
    if (alive && !heard) mount(root, askKept, options);
  }, PATIENCE_MS);
  return () => {
    alive = false;
    model.off("msg:custom", hear);
  };
}
