// The timeline: curves over all steps, marks, and the handle that moves everything else.

import { ink } from "./colours.js";
import { CURVES, drawCurves, EDGE, HEIGHT, SCORES } from "./curves.js";
import { focusBeside, h, latest, onWidth, s } from "./dom.js";
import { branchAt, fetchKin } from "./kin.js";
import { brief, count } from "./numbers.js";
import { iconButton, player } from "./player.js";

// Curves that are drawn at first.
const SHOWN = "loss,validation_loss,score";
// Pixels to either side of the handle's middle; and what may change and leave the curves alone.
const HANDLE = 6;
const ELSEWHERE = new Set(["step", "layer", "unit", "from", "row", "phase", "tab", "f0", "f1"]);

/** Make the view. */
export function timelineView(page) {
  const canvas = h("canvas", { class: "curves" });
  const handle = handleOf();
  const tip = h("div", { class: "tip", hidden: true });
  const slider = h("div", {
    class: "slider", role: "slider", tabindex: 0, "aria-label": "Step of the training",
  }, canvas, handle, tip);
  const place = h("span", { class: "place", role: "status" });
  const chips = CURVES.map(([name, colour, text, title]) => {
    const chip = h("button", { class: "chip", title, "data-curve": name, onclick: () => toggleCurve(name) },
      h("i", { style: { background: `var(${colour})` } }), text);
    return chip;
  });
  const { play, speed, toggle, stop } = player(page, (now) => {
    playing = now;
    tell();
  });
  const bar = h("div", { class: "bar" },
    iconButton("first", "To the start (Home)", () => page.go({ step: 0 })),
    iconButton("back", "Step back (←)", () => page.goOn(-1)),
    play,
    iconButton("next", "Step (→)", () => page.goOn(1)),
    iconButton("last", "To the end (End)", () => page.go({ step: page.run.steps })),
    speed, place, h("span", { class: "end" }, chips));
  const element = h("section", { class: "timeline panel" }, bar, slider);
  // A still page may hold a single moment.
  if (page.options.kept?.length === 1) {
    for (const one of bar.querySelectorAll(":scope > :is(button, select)")) {
      one.disabled = true;
      one.title = "This file holds no other moment";
    }
  }

  let data = null;
  let kin = []; // curves of branches, and of the run that this one branches off
  let width = 0;
  let playing = false;
  let view = null; // the steps that are drawn: [begin, end]

  const fetchCurves = latest(async () => {
    const { run } = page;
    const [begin, end] = view ?? [0, run.steps];
    const bins = Math.max(50, Math.min(2000, Math.round(width)));
    const [answer, others] = await Promise.all([
      page.ask("timeline", { run: run.run, begin, end, bins, patient: false }), fetchKin(page, begin, end, bins),
    ]);
    if (answer && page.run.run === run.run) {
      data = answer;
      kin = others;
      draw();
      tell();
    }
  });

  /** Points that no record has, by replay: once all else is there, which is not to wait for them. */
  const fetchMore = latest(async () => {
    const { run } = page;
    const wanted = [{ run: run.run, curves: data }, ...kin].filter((one) => one.curves.more);
    for (const one of wanted) {
      let more = true;
      while (more) {
        const answer = await page.ask("timeline", { run: one.run, begin: 0, end: 0, bins: 1, patient: true });
        if (page.closed || page.run.run !== run.run) return;
        more = answer?.more;
        await fetchCurves();
      }
    }
  });

  function shownCurves() {
    return new Set((page.place.curve ?? SHOWN).split(","));
  }

  function toggleCurve(name) {
    const shown = shownCurves();
    if (shown.has(name)) shown.delete(name);
    else shown.add(name);
    page.go({ curve: [...shown].join(",") || "none" });
  }

  function range() {
    return view ?? [0, Math.max(1, page.run.steps)];
  }

  function x(step) {
    const [begin, end] = range();
    return EDGE.left + ((step - begin) / Math.max(1, end - begin)) * (width - EDGE.left - EDGE.right);
  }

  function stepAt(clientX) {
    const [begin, end] = range();
    const at = (clientX - canvas.getBoundingClientRect().left - EDGE.left)
      / Math.max(1, width - EDGE.left - EDGE.right);
    return Math.round(begin + Math.min(1, Math.max(0, at)) * (end - begin));
  }

  function draw() {
    if (!data || !width || !page.run) return;
    const colour = (name) => ink(element, name);
    drawCurves(canvas, { page, data, kin, shown: shownCurves(), range: range(), width, x, colour });
    moveHandle();
  }

  /** The handle is a picture of its own: a step moves it, and leaves the curves as they are. */
  function moveHandle() {
    const here = x(page.place.step);
    handle.hidden = here < 0 || here > width;
    handle.style.transform = `translateX(${here - HANDLE}px)`;
    // On paper the curves may be of another size: paper.css.
    handle.style.setProperty("--at", `${(100 * (here - HANDLE)) / width}%`);
    handle.style.setProperty("--wide", `${(200 * HANDLE) / width}%`);
  }

  function tell() {
    const { run } = page;
    const { step } = page.place;
    const text = `step ${count(step)} of ${count(run.steps)}`;
    hush(run.status === "running" && step === run.steps);
    place.textContent = text;
    slider.setAttribute("aria-valuemin", 0);
    slider.setAttribute("aria-valuemax", run.steps);
    if (!playing) {
      slider.setAttribute("aria-valuenow", step);
      slider.setAttribute("aria-valuetext", text);
    }
    const shown = shownCurves();
    for (const chip of chips) {
      chip.setAttribute("aria-pressed", shown.has(chip.dataset.curve));
      const name = chip.dataset.curve;
      if (name === "score") {
        chip.lastChild.textContent = run.scored_by; // its title says of which rows
        chip.title = SCORES[run.scored_by];
      }
      chip.hidden = data !== null && !data[name].steps.length && !comes(name);
    }
  }

  /**
   * Who hears the page is not told of every step while they follow each other by themselves, and of
   * none twice: the slider tells its own.
   */
  function hush(grows) {
    const passing = playing || grows;
    page.root.querySelector(".score").setAttribute("aria-live", passing ? "off" : "polite");
    place.setAttribute("aria-live", passing || focusBeside(slider) === slider ? "off" : "polite");
  }

  /** Whether a curve will be there by replay; a chip that came with it would move all below. */
  function comes(name) {
    return data.more && (name === "gradient_norm" || (name === "validation_loss" && page.run.validation));
  }

  /** The exact loss of the step under the pointer, as it was trained. */
  const tellUnderPointer = latest(async (clientX, clientY) => {
    const step = stepAt(clientX);
    const branch = markedAt(clientX, clientY);
    const known = page.options.still ? null : await page.ask("losses", { run: page.run.run, step });
    const lines = [`step ${count(step)}`];
    if (branch) lines.push(`◆ run ${branch.run} branches off: click to go there`);
    if (known) {
      lines[0] += ` · epoch ${count(known.epoch)}`;
      if (known.loss !== null) lines.push(`loss ${known.loss}`);
      if (known.score !== null) lines.push(`validation ${page.run.scored_by} ${brief(known.score)} after epoch ${count(known.scored)}`);
    }
    const box = canvas.getBoundingClientRect();
    tip.replaceChildren(...lines.map((text) => h("div", {}, text)));
    const left = x(step);
    tip.style.left = left > box.width / 2 ? "" : `${left + 10}px`;
    tip.style.right = left > box.width / 2 ? `${box.width - left + 10}px` : "";
  });

  function markedAt(clientX, clientY) {
    const { left, top } = canvas.getBoundingClientRect();
    return branchAt(page.run, x, clientX - left, clientY - top, HEIGHT - EDGE.bottom);
  }

  slider.addEventListener("pointerdown", (event) => {
    if (!page.run) return;
    stop();
    const branch = page.options.still ? null : markedAt(event.clientX, event.clientY);
    if (branch) {
      page.go({ run: branch.run, step: null });
      return;
    }
    slider.setPointerCapture(event.pointerId);
    page.go({ step: stepAt(event.clientX) });
  });
  slider.addEventListener("pointermove", (event) => {
    if (!page.run) return;
    if (slider.hasPointerCapture(event.pointerId)) page.go({ step: stepAt(event.clientX) });
    tip.hidden = false;
    tellUnderPointer(event.clientX, event.clientY);
  });
  slider.addEventListener("pointerleave", () => { tip.hidden = true; });
  slider.addEventListener("wheel", (event) => {
    if (!page.run || page.options.still || !(event.ctrlKey || event.shiftKey)) return;
    event.preventDefault();
    zoom(stepAt(event.clientX), event.deltaY + event.deltaX > 0 ? 1.5 : 1 / 1.5);
  }, { passive: false });
  slider.addEventListener("dblclick", () => {
    if (!page.run) return;
    view = null;
    fetchCurves();
  });
  slider.addEventListener("keydown", (event) => {
    if (!page.run) return;
    const far = Math.max(1, Math.round(page.run.steps / 20));
    const act = {
      ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: far, PageDown: -far,
      Home: -Infinity, End: Infinity,
    }[event.key];
    if (event.key === "+" || event.key === "-") zoom(page.place.step, event.key === "+" ? 0.5 : 2);
    else if (event.key === " ") toggle();
    else if (act) {
      page.goOn(Math.max(-page.run.steps, Math.min(page.run.steps, act)));
    } else return;
    event.preventDefault();
  });

  function zoom(around, factor) {
    const [begin, end] = range();
    const span = Math.max(10, Math.round((end - begin) * factor));
    if (span >= page.run.steps) view = null;
    else {
      const from = Math.round(around - ((around - begin) / Math.max(1, end - begin)) * span);
      const start = Math.max(0, Math.min(page.run.steps - span, from));
      view = [start, start + span];
    }
    fetchCurves();
  }

  page.root.addEventListener("shown", () => {
    if (data?.more || kin.some((one) => one.curves.more)) fetchMore();
  });

  if (page.options.address) {
    // For what scrolls below it: style.css.
    new ResizeObserver(() => {
      document.documentElement.style.setProperty("--timeline", `${element.offsetHeight}px`);
    }).observe(element);
  }

  onWidth(slider, (newWidth) => {
    width = newWidth;
    if (page.run) fetchCurves();
  });

  return {
    element,
    toggle,
    show(_, changed) {
      if (changed.has("run")) view = null;
      if (changed.has("theme")) ({ width } = slider.getBoundingClientRect());
      tell();
      if (["run", "grown", "kin"].some((name) => changed.has(name))) return fetchCurves();
      if ([...changed].every((name) => ELSEWHERE.has(name))) moveHandle();
      else draw();
      return null;
    },
  };
}

function handleOf() {
  const end = HEIGHT - EDGE.bottom + 4;
  return h("div", { class: "handle" }, s("svg", { viewBox: `0 0 ${2 * HANDLE} ${HEIGHT}` },
    s("line", { x1: HANDLE, y1: 2, x2: HANDLE, y2: end }), s("circle", { cx: HANDLE, cy: end, r: 4.5 })));
}
