// Printing: what depends on width and ground is drawn again for the sheet, and afterwards for the window.

/** Draw a page's views anew whenever the browser lays it out for paper, or no longer does. */
export function onPaper(page) {
  let chosen = null;
  window.matchMedia("print").addEventListener("change", ({ matches }) => {
    if (!page.run) return;
    const { dataset } = page.root;
    if (matches) {
      chosen = dataset.theme ?? null;
      dataset.theme = "light";
    } else if (chosen === null) delete dataset.theme;
    else dataset.theme = chosen;
    // At once: the sheet is not waited for.
    page.show(new Set(["theme"]));
  });
}
