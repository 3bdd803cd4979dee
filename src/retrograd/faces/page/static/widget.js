// The page in a notebook, fed by its kernel; where there is none, by the answers that it keeps.

import { focusBeside, h, onWidth } from "./dom.js";
import { openKept } from "./kept.js";
import { mount } from "./mount.js";
import { questions } from "./questions.js";

// How long a kernel may be silent before that is said; the still page is shown meanwhile.
const PATIENCE_MS = 3000;
// How long the notebook's own style may take to change after it says so.
const SETTLING_MS = 300;
const SILENT = "The kernel does not answer: it is busy, or no longer there.";
const GONE = "The kernel that answered here is gone: run the cell again.";

/** Draw the widget, as anywidget asks for it. */
export function render({ model, el }) {
  // Every view of a model hears all answers, even in other windows: no two may use one number.
  const asked = questions(send, Math.floor(Math.random() * 2 ** 48));
  let heard = false;
  let alive = true;
  let gone = false;
  let silence = 0;
  let page = null;
  const holder = h("div", {}, h("div", { class: "retrograd" }, h("p", { class: "opening" }, "Opening the run …")));
  el.append(holder);

  function send(text) {
    if (gone) return;
    try {
      model.send({ text });
      silence ||= setTimeout(beSilent, PATIENCE_MS);
    } catch {
      lose();
    }
  }

  function hear(_, [data] = []) {
    if (data === undefined || !asked.hear(data)) return;
    clearTimeout(silence);
    silence = asked.waits() ? setTimeout(beSilent, PATIENCE_MS) : 0;
    if (page?.notice.textContent === SILENT) page.tell("");
  }

  function show(how, options) {
    const place = { run: model.get("run"), ...page?.place };
    page?.close();
    const root = h("div", { class: "retrograd" });
    const focused = holder.contains(focusBeside(holder));
    holder.replaceChildren(root);
    page = mount(root, how, { ...options, place });
    if (focused) root.focus({ preventScroll: true });
    dress();
  }

  /** Show the moments that are kept, and why. */
  async function showKept(why) {
    if (!model.get("kept")?.run) {
      if (page) page.warn(why);
      else holder.firstChild.replaceChildren(h("p", { class: "opening" }, why));
      return;
    }
    const { ask: askKept, options } = await openKept(model.get("kept"));
    if (!alive || (heard && !gone)) return;
    show(askKept, options);
    page.warn(why);
  }

  function beSilent() {
    silence = 0;
    if (page) page.warn(SILENT);
    else showKept(SILENT);
  }

  function lose() {
    if (gone) return;
    gone = true;
    clearTimeout(silence);
    showKept(GONE);
  }

  /** Be as light or dark as what is around; every notebook says it otherwise, but all write on it. */
  function dress() {
    if (!holder.isConnected) return; // as a notebook's cells out of sight may be
    const theme = page?.place.theme ?? (isLight(getComputedStyle(el).color) ? "dark" : "light");
    if (holder.firstChild.dataset.theme === theme) return;
    holder.firstChild.dataset.theme = theme;
    page?.redraw();
  }

  function keep(event) {
    if (staysHere(event)) event.stopPropagation();
  }

  /** Notebook 7 hears keys before we do, and passes over what comes from an element marked so. */
  function mark(event) {
    const { target } = event;
    if (holder.contains(target)) target.toggleAttribute("data-lm-suppress-shortcuts", staysHere(event));
  }

  model.on("msg:custom", hear);
  const around = new MutationObserver(() => setTimeout(dress, SETTLING_MS));
  for (const element of [document.documentElement, document.body]) {
    around.observe(element, { attributes: true });
  }
  holder.addEventListener("keydown", keep);
  window.addEventListener("keydown", mark, true);
  onWidth(holder, dress);
  asked.ask("runs").then(() => {
    heard = true;
    if (alive) show(asked.ask, {});
  });
  return () => {
    alive = false;
    model.off("msg:custom", hear);
    window.removeEventListener("keydown", mark, true);
    around.disconnect();
    clearTimeout(silence);
    page?.close();
    holder.remove();
  };
}

/** Whether a key is no command of a notebook here: there d, d would delete the cell. */
function staysHere(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return false;
  const runsCell = event.key === "Enter" && event.shiftKey;
  return !runsCell || event.target.closest("input, select, textarea") !== null;
}

/** Whether a colour, in whatever words CSS has for it, is nearer to white. */
function isLight(colour) {
  const context = new OffscreenCanvas(1, 1).getContext("2d");
  context.fillStyle = colour;
  context.fillRect(0, 0, 1, 1);
  const [red, green, blue] = context.getImageData(0, 0, 1, 1).data;
  return 0.3 * red + 0.6 * green + 0.1 * blue > 127;
}
