// Puts the page together: header, timeline, network, step, outcome; and the keys.

import { awayView } from "./away.js";
import { branchView } from "./branch.js";
import { buildView } from "./build.js";
import { isDark } from "./colours.js";
import { compareView } from "./compare.js";
import { h } from "./dom.js";
import { findView } from "./find.js";
import { icon } from "./icons.js";
import { inspectorView } from "./inspector.js";
import { beginLoading, sayNoMore } from "./loading.js";
import { networkView } from "./network.js";
import { count, counted } from "./numbers.js";
import { outcomeView } from "./outcome.js";
import { Page } from "./page.js";
import { onPaper } from "./paper.js";
import { readPlace } from "./place.js";
import { quietly } from "./questions.js";
import { stepView } from "./step.js";
import { timelineView } from "./timeline.js";
import { folded, titleOf } from "./titles.js";

// Milliseconds until another look at a file that has no run to show yet, and at one that has.
const LOOK_MS = 400;
const LOOK_AGAIN_MS = 2000;

/** Draw the page into `root`, fed by `ask`; see `Page`. */
export function mount(root, ask, options = {}) {
  const page = new Page(root, ask, options);
  page.connection = (state) => hearOfConnection(page, state);
  const views = {
    timeline: timelineView(page), network: networkView(page), inspector: inspectorView(page),
    step: stepView(page), outcome: outcomeView(page), compare: compareView(page),
    find: findView(page), away: awayView(page), branch: branchView(page),
    build: buildView(page),
  };
  const head = headView(page, views);
  page.views = [head, ...Object.values(views)];
  setTheme(root, page.place.theme);
  root.replaceChildren(
    head.element,
    page.notice,
    h("main", { class: "desk" },
      views.build.element,
      views.timeline.element,
      h("div", { class: "column" }, views.network.element, views.inspector.element),
      views.step.element,
      h("div", { class: "column" },
        views.outcome.element, views.branch.element, views.compare.element)),
  );
  listen(root, page, views);
  page.loaded = beginLoading(page);
  begin(page, views);
  return page;
}

const LOST = {
  lost: "The connection is lost; trying again …",
  silent: "The connection is lost, and nobody answers: if retrograd has ended, start it again; it prints another address.",
  ended: "The connection is lost: retrograd has ended. Start it again; it prints another address.",
};

/** Say how the connection stands; once it is there again, before there is a run, what was said before. */
function hearOfConnection(page, state) {
  const wasLost = page.lost;
  page.lost = state in LOST;
  if (page.lost) {
    if (!wasLost) page.saidBefore = page.notice.textContent;
    page.warn(LOST[state]);
  } else if (wasLost) page.tell(page.run ? "" : page.saidBefore);
}

async function begin(page, views) {
  const played = await views.build.begin();
  if (!played) await openFirst(page);
  else sayNoMore(page); // the panel says what to do
}

/** Learn which runs there are, and open one; where there is none yet, look again. */
async function openFirst(page, again = false) {
  const told = await learnRuns(page);
  if (!told) return;
  if (page.usable.length) {
    if (again) page.tell("");
    await page.open();
    if (page.options.address && !page.options.still) watchRuns(page);
    return;
  }
  page.tell(told.runs.length ? told.runs.at(-1).note : `${told.name} has no runs`);
  if (!told.runs.length) setTimeout(openFirst, LOOK_MS, page, true);
}

async function learnRuns(page) {
  const told = await page.ask("runs");
  if (told) {
    page.runs = told.runs;
    page.name = told.name;
    page.filed = told.filed;
  }
  return told;
}

/** Look again and again for runs that are begun in the file meanwhile. */
function watchRuns(page) {
  setTimeout(async () => {
    if (page.closed) return;
    const told = await quietly(page, "n_runs");
    if (told && told.runs !== page.runs.length && await learnRuns(page)) {
      await page.show(new Set(["runs"]));
    }
    watchRuns(page);
  }, LOOK_AGAIN_MS);
}

/** The line at the top: which run this is, and what can be taken away. */
function headView(page, views) {
  const name = h("span", { class: "file" });
  const runs = h("select", {
    "aria-label": "Run", onchange: () => page.go({ run: Number(runs.value), step: null }),
  });
  const facts = h("span", { class: "facts" });
  const still = h("span", { class: "still", hidden: true });
  const theme = h("button", {
    class: "quiet", title: "Light or dark", "aria-label": "Light or dark", "data-always": true,
    onclick: () => {
      const theme = isDark(page.root) ? "light" : "dark";
      setTheme(page.root, theme);
      page.go({ theme });
      page.redraw();
    },
  }, icon("theme"));
  const element = h("header", { class: "head" },
    h("h1", { class: "brand" }, "retrograd"), name, runs, facts, still,
    h("span", { class: "tools" }, views.find.element, views.away.element, theme));
  return {
    element,
    show(place, changed) {
      if (!changed.has("run") && !changed.has("grown") && !changed.has("runs")) return;
      const { run } = page;
      name.textContent = page.name ?? "";
      runs.replaceChildren(...(page.runs ?? []).map((one) => h("option", {
        value: one.run, selected: one.run === run.run, disabled: one.steps === undefined,
      }, titleOf(one, page.runs))));
      runs.hidden = (page.runs ?? []).length < 2;
      facts.textContent = [
        folded(run.widths).join(" → "), folded(run.activations).join(", "), run.solver,
        counted(run.n_parameters, "parameter"), counted(run.n_rows, "row"),
        run.status === "diverged" ? `diverged: ${run.note}` : [run.status, run.doubt].filter(Boolean).join(", "),
      ].join(" · ");
      const { kept } = page.options;
      still.hidden = !kept;
      if (kept) {
        still.textContent = `snapshot: ${count(kept.length)} of ${counted(run.steps + 1, "moment")}`
          + (page.filed ? ` · units, weights and all else are in ${page.name}: retrograd view opens it`
            : " · units, weights and all else were in the memory of who made this: Recorder(path) makes a file");
      }
      if (page.options.address) document.title = `${page.name ?? "retrograd"} · retrograd`;
    },
  };
}

function setTheme(root, theme) {
  if (theme === "light" || theme === "dark") root.dataset.theme = theme;
  else delete root.dataset.theme;
}

/** Keys that work wherever no field has the focus. */
function listen(root, page, views) {
  root.tabIndex = -1;
  root.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input, select, textarea, [role=slider], [data-keys]")) return;
    if (event.key === " " && event.target.closest("button, a, summary")) return;
    const act = {
      ArrowRight: () => page.goOn(event.shiftKey ? 10 : 1),
      ArrowLeft: () => page.goOn(event.shiftKey ? -10 : -1),
      ArrowDown: () => views.step.phase(1),
      ArrowUp: () => views.step.phase(-1),
      Home: () => page.go({ step: 0 }),
      End: () => page.go({ step: page.run.steps }),
      " ": () => views.timeline.toggle(),
      f: () => views.find.focus(),
    }[event.key];
    if (!act || !page.run) return;
    event.preventDefault();
    act();
  });
  if (page.options.address) {
    onPaper(page);
    document.body.addEventListener("keydown", (event) => {
      if (event.target !== document.body) return;
      if (!root.dispatchEvent(new KeyboardEvent("keydown", event))) event.preventDefault();
    });
    window.addEventListener("hashchange", ({ newURL }) => {
      const place = readPlace(new URL(newURL).hash);
      // Until we are there, it says where we are.
      history.replaceState(null, "", page.hash);
      setTheme(root, place.theme);
      if (page.run) page.open(place);
      else page.place = place;
    });
  }
}
