// Panels whose numbers are of another moment than the one that was asked for: they say of which;
// and those that have none yet.

import { compilingTold } from "./compiling.js";
import { h } from "./dom.js";
import { count } from "./numbers.js";

// How long an answer may take before its panel is marked: who drags sees no flicker.
const LATE_MS = 300;

/**
 * Watch over a page's panels, each of which tells with `shows` what it shows; one that `waits` has
 * nothing to show yet.
 *
 * `moved` is to be called whenever the page has gone elsewhere.
 */
export function latePanels(page) {
  const panels = new Map();
  const tellWhy = compilingTold(page);

  function look(element) {
    const at = panels.get(element);
    if (at.run === page.run.run && at.step === page.place.step) {
      clearTimeout(at.timer);
      at.timer = 0;
      mark(element, "");
    } else if (element.classList.contains("behind")) mark(element, wordsOf(at));
    else at.timer ||= setTimeout(() => mark(element, wordsOf(at)), LATE_MS);
  }

  function wordsOf({ run, step }) {
    if (run === undefined) return "at work …";
    return `still ${run === page.run.run ? "" : `run ${run}, `}step ${count(step)}`;
  }

  function mark(element, words) {
    const late = Boolean(words);
    if (!late && !element.classList.contains("behind")) return;
    element.classList.toggle("behind", late);
    const said = element.querySelector(".late");
    if (!late) {
      element.removeAttribute("aria-busy");
      said.remove();
    } else if (said) said.textContent = words;
    else {
      element.setAttribute("aria-busy", "true");
      element.querySelector(".bar h2").after(h("span", { class: "late" }, words));
      tellWhy();
    }
  }

  return {
    waits(element) {
      panels.set(element, { timer: 0, since: -Infinity });
    },
    /** A panel shows this moment now, if only that there is nothing to show of it. */
    shows(element, run, step) {
      const before = panels.get(element);
      const now = performance.now();
      clearTimeout(before?.timer);
      panels.set(element, { run, step, timer: 0, since: now });
      // Answers that follow each other fast enough are on their way to where the page is.
      if (before && now - before.since < LATE_MS) mark(element, "");
      look(element);
    },
    moved() {
      for (const element of panels.keys()) look(element);
    },
  };
}
