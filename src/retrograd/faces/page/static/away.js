// What can be taken away: code, the step as a notebook, the model as a file, pictures, the address.

import { focusBeside, h } from "./dom.js";
import { icon } from "./icons.js";
import { pictureOf, pngOf } from "./picture.js";

// What may be drawn, and where it stands on the page.
const DRAWN = [
  ["Network", ".network"], ["Timeline", ".timeline"], ["Step", ".step .phase.open"], ["Outcome", ".outcome"],
];
const MENU = "retrograd-take-away";
const NO_DATA = "needs data that the file does not keep";

/** Make the view. */
export function awayView(page) {
  const button = h("button", {
    class: "quiet", title: "Take away", "aria-label": "Take away", "aria-haspopup": "menu", "aria-expanded": "false",
    "aria-controls": MENU, onclick: () => (menu.hidden ? open() : close(true)),
  }, icon("take"));
  const menu = h("div", { class: "menu", id: MENU, role: "menu", "aria-label": "Take away", hidden: true, "data-keys": true });
  const dialog = h("dialog", { class: "code-dialog", "aria-label": "Code of this training", "data-keys": true });
  const element = h("section", { class: "away" }, button, menu, dialog);

  /** The entries, as they are now: of a file that answers no questions only pictures can be had. */
  function entries() {
    const { run, step } = page.place;
    const live = !page.options.still;
    const stepped = step < page.run.steps || page.run.status === "diverged";
    const { data, held } = page.run;
    return [
      live ? single("Code", "Python that makes this training", showCode) : null,
      live && stepped ? single("Trace as a notebook", "this step, computed anew in NumPy", () => download("notebook", { run, step }), data) : null,
      live && page.run.has_model ? single("Model file", `safetensors, as of step ${step}`, () => download("model_file", { run, step }), data || held.includes(step)) : null,
      h("hr", { role: "separator" }),
      ...DRAWN.map(([name, where]) => pictured(name, page.root.querySelector(where))),
      page.options.address ? h("hr", { role: "separator" }) : null,
      page.options.address ? single("Link", "copies the address, which holds all that is shown", copyLink) : null,
    ].filter(Boolean);
  }

  /** One that needs what is not at hand can be come to all the same: it says so. */
  function single(name, about, work, can = true) {
    return item(work, { "aria-disabled": can ? null : "true" },
      h("span", {}, name), h("span", { class: "soft" }, can ? about : NO_DATA));
  }

  function item(work, attributes, ...content) {
    return h("button", {
      role: "menuitem", tabindex: -1, class: "quiet", ...attributes,
      onclick: async () => {
        if (attributes["aria-disabled"]) return;
        close(true);
        await work();
      },
    }, ...content);
  }

  function pictured(name, drawn) {
    if (!drawn || !drawn.getClientRects().length || !drawn.childElementCount) return null;
    const file = `${stem()}-step${page.place.step}-${name.toLowerCase()}`;
    return h("div", { class: "pictured", role: "none" }, h("span", { "aria-hidden": "true" }, name),
      item(() => save(`${file}.svg`, "image/svg+xml", pictureOf(drawn)), { "aria-label": `${name} as SVG` }, "SVG"),
      item(async () => save(`${file}.png`, "image/png", await pngOf(drawn)), { "aria-label": `${name} as PNG` }, "PNG"));
  }

  function stem() {
    return (page.name ?? "run").replace(/\.retro$/, "").replace(/[^\w.-]+/g, "-");
  }

  function items() {
    return [...menu.querySelectorAll("[role=menuitem]")];
  }

  function open() {
    if (!page.run) return;
    menu.replaceChildren(...entries());
    menu.hidden = false;
    button.setAttribute("aria-expanded", "true");
    items()[0]?.focus();
    document.addEventListener("pointerdown", closeOutside, true);
  }

  function close(focus) {
    menu.hidden = true;
    button.setAttribute("aria-expanded", "false");
    document.removeEventListener("pointerdown", closeOutside, true);
    if (focus) button.focus();
  }

  function closeOutside(event) {
    if (!event.composedPath().includes(element)) close(false);
  }

  menu.addEventListener("keydown", (event) => {
    const all = items();
    const at = all.indexOf(focusBeside(menu));
    const next = {
      ArrowDown: all[(at + 1) % all.length], ArrowUp: all[(at - 1 + all.length) % all.length],
      ArrowRight: all[(at + 1) % all.length], ArrowLeft: all[(at - 1 + all.length) % all.length],
      Home: all[0], End: all.at(-1),
    }[event.key];
    if (next) next.focus();
    else if (event.key === "Escape") close(true);
    else if (event.key === "Tab") {
      close(false);
      return;
    } else return;
    event.preventDefault();
    event.stopPropagation();
  });

  async function download(what, args) {
    const told = await page.ask(what, args);
    if (told) save(told.name, "application/octet-stream", told.bytes.values);
  }

  async function showCode() {
    const told = await page.ask("code", { run: page.place.run });
    if (!told) return;
    const copied = h("span", { class: "soft", role: "status" });
    dialog.replaceChildren(
      h("div", { class: "bar" }, h("h2", {}, "Code of this training"), copied,
        h("button", { class: "end", onclick: async () => { copied.textContent = await copyText(told.text) ? "copied" : "select it, and copy"; } }, "Copy"),
        h("button", { onclick: () => save(told.name, "text/x-python", told.text) }, `Download ${told.name}`),
        h("button", { class: "quiet", "aria-label": "Close", title: "Close", onclick: () => dialog.close() }, icon("cross"))),
      h("pre", { tabindex: 0 }, h("code", {}, told.text)));
    dialog.showModal();
  }

  async function copyLink() {
    page.tell(await copyText(location.href) ? "The address of this place is copied." : `The address of this place: ${location.href}`);
  }

  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });

  return { element, show() {} };
}

async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

/** Hand a file to the reader, made here of what is here. */
export function save(name, type, content) {
  const address = URL.createObjectURL(new Blob([content], { type }));
  const link = h("a", { href: address, download: name, hidden: true });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
