// The page: one place, the views that show it, and the questions that they ask.

import { focusBeside, h } from "./dom.js";
import { latePanels } from "./late.js";
import { readPlace, writePlace } from "./place.js";

const STILL_GROWING_MS = 400;
// How many times as long as a look at a growing run took there is none.
const AT_REST = 20;
const LONGEST_REST_MS = 4000;
// Safari takes a hundred addresses in half a minute.
const ADDRESS_MS = 300;

/**
 * What the views share.
 *
 * `ask(name, arguments)` promises the answer to a question; where it goes (a WebSocket, a
 * notebook's kernel, a file that holds answers) is no matter to a view.
 */
export class Page {
  constructor(root, ask, options = {}) {
    this.root = root;
    this.options = options;
    this.place = { ...options.place, ...(options.address ? readPlace(location.hash) : {}) };
    this.run = null;
    this.views = [];
    this.closed = false;
    this.lost = false; // whether nobody can be asked now
    this.loaded = () => {}; // called once there is a run
    this.asked = ask;
    this.late = latePanels(this);
    // Always in the tree: of what comes there together with its text, readers of screens say nothing.
    this.status = h("p", { role: "status" });
    this.alert = h("p", { role: "alert" });
    this.notice = h("div", { class: "notice" }, this.status, this.alert);
  }

  /** Ask, and tell the reader if it cannot be answered; then the promise is of null. */
  async ask(name, args = {}) {
    try {
      const answer = await this.asked(name, args);
      if (answer.notes) this.tell(answer.notes.join(" "), true);
      return answer;
    } catch (error) {
      if (!error.quiet) this.warn(error.message, true);
      return null;
    }
  }

  /** Whether somebody can be asked now to do something; if not, `refuse` is told why nothing is done. */
  reaches(refuse) {
    if (this.lost) refuse("Nothing was done: the connection is lost.");
    return !this.lost;
  }

  /** Ask about the run that is shown; null, too, if by the time of the answer another one is. */
  async askHere(name, args = {}) {
    const { run } = this.run;
    const answer = await this.ask(name, { run, ...args });
    return this.run.run === run ? answer : null;
  }

  /** Say something in one line, until something else is said or, if it is of a place, one leaves it. */
  tell(text, ofPlace = false) {
    this.saidOf = ofPlace;
    this.status.textContent = text;
    this.alert.textContent = "";
  }

  /** Say in the same place what has gone wrong. */
  warn(text, ofPlace = false) {
    this.tell("", ofPlace);
    this.alert.textContent = text;
  }

  /** Go elsewhere: {step: 10}. What is selected stays so. */
  async go(changes) {
    if (changes.run !== undefined) {
      const run = await this.openRun(changes.run);
      if (!run) return;
      if (!this.run) this.loaded();
      if (run.run !== this.run?.run) this.run = run;
    }
    const before = this.place;
    const place = { ...before, ...changes };
    for (const [name, value] of Object.entries(place)) {
      if (value === null) delete place[name];
    }
    // Without a step, another run opens at its end.
    if (this.run) place.step = this.nearest(place.step ?? this.run.steps);
    const changed = new Set(
      [...Object.keys(place), ...Object.keys(before)].filter((k) => place[k] !== before[k]),
    );
    if (!changed.size) return;
    this.place = place;
    if (this.run) this.late.moved();
    if (this.saidOf && (changed.has("run") || changed.has("step"))) this.tell("");
    if (changed.has("run")) {
      changed.add("step");
      this.watchGrowth();
    }
    await this.show(changed);
    if (this.options.address) this.writeAddress();
  }

  /** Write the place into the address, not too often: it takes browsers a while. */
  writeAddress() {
    const wait = (this.written ?? -Infinity) + ADDRESS_MS - performance.now();
    clearTimeout(this.writing);
    if (wait > 0) {
      this.writing = setTimeout(() => this.writeAddress(), wait);
      return;
    }
    this.written = performance.now();
    history.replaceState(null, "", this.hash);
  }

  /** The place as an address: without a step where one follows a run that grows, to go on with that. */
  get hash() {
    const follows = this.run?.status === "running" && this.place.step === this.run.steps;
    return writePlace(follows ? { ...this.place, step: null } : this.place);
  }

  /** Go to a place as an address has it: what does not stand there is as on a fresh page. */
  async open(place = this.place) {
    if (!this.run) this.place = {}; // all of it is new
    if (this.saidOf) this.tell("");
    const usable = this.usable.map((one) => one.run);
    const wanted = place.run ?? this.options.run;
    const run = usable.includes(wanted) ? wanted : usable.at(-1);
    const nothing = Object.fromEntries(Object.keys(this.place).map((name) => [name, null]));
    await this.go({ ...nothing, ...place, run });
    if (wanted === undefined || run === wanted || this.place.run !== run) return;
    const damaged = this.runs.find((one) => one.run === wanted)?.note;
    this.warn(`${damaged ? `Run ${wanted} cannot be shown (${damaged})` : `There is no run ${wanted}`}: this is run ${run}.`, true);
  }

  /** Runs that can be shown: some are damaged. */
  get usable() {
    return (this.runs ?? []).filter((one) => one.steps !== undefined);
  }

  /** Go so many steps on, or back; of a still page's moments to the next one that way. */
  goOn(steps) {
    const { step } = this.place;
    const { kept } = this.options;
    if (!kept) return this.go({ step: step + steps });
    const next = steps > 0 ? kept.find((one) => one >= step + steps)
      : kept.findLast((one) => one <= step + steps);
    return this.go({ step: next ?? (steps > 0 ? kept.at(-1) : kept[0]) });
  }

  /** The step nearest to one that there is to go to. */
  nearest(step) {
    const { kept } = this.options;
    if (!kept) return Math.max(0, Math.min(this.run.steps, step));
    return kept.reduce((best, one) => (Math.abs(one - step) < Math.abs(best - step) ? one : best));
  }

  /**
   * Learn what a run is a run of; null if it cannot be told, or somebody wishes to go elsewhere.
   *
   * Until then the place is where it was.
   */
  async openRun(number) {
    const mine = {};
    this.opening = mine;
    if (this.run?.run === number) return this.run;
    const run = await this.ask("run", { run: number });
    if (this.opening !== mine) return null;
    if (!run) await this.show(new Set(["runs"]));
    return run;
  }

  /** Look again, while a run is being recorded, how far it has come. */
  watchGrowth(wait = STILL_GROWING_MS) {
    clearTimeout(this.growth);
    if (!this.run || this.run.status !== "running" || this.options.still || this.closed) return;
    this.growth = setTimeout(async () => {
      const begin = performance.now();
      const before = this.run;
      const run = await this.ask("run", { run: before.run });
      if (run) await this.grow(run);
      // What looks at a training is not to take the machine away from it.
      const rest = AT_REST * (performance.now() - begin);
      this.watchGrowth(Math.min(Math.max(STILL_GROWING_MS, rest), LONGEST_REST_MS));
    }, wait);
  }

  /** Take note of how far the place's run has come; whoever is at its end stays there. */
  async grow(run) {
    const before = this.run;
    if (run.run !== before.run) return; // who looked has gone elsewhere since
    const atEnd = this.place.step === before.steps;
    this.run = run;
    if (["steps", "status", "doubt"].every((name) => run[name] === before[name])) return;
    if (atEnd) await this.go({ step: run.steps });
    await this.show(new Set(["grown"]));
    if (this.options.address) this.writeAddress();
  }

  /** Let all views show the place; `changed` says what is new in it. */
  async show(changed) {
    if (!this.run) return;
    const focused = focusBeside(this.root);
    const wasHere = this.root.contains(focused) && focused !== this.root;
    await Promise.all(this.views.map(async (view) => {
      try {
        await view.show(this.place, changed);
      } catch (error) {
        console.error(error);
        this.warn(error.message);
      }
    }));
    // What was pressed may be gone: who goes on by keys goes on from here.
    const nowhere = [focused, document.body, null].includes(focusBeside(this.root));
    if (wasHere && nowhere && !focused.getClientRects().length) this.root.focus({ preventScroll: true });
    this.root.dispatchEvent(new CustomEvent("shown"));
  }

  /** Move and ask no more by itself: the page is taken away. */
  close() {
    this.closed = true;
    clearTimeout(this.growth);
  }

  /** Draw everything again, as after a change of theme. */
  redraw() {
    this.show(new Set(["run", "step", "theme"]));
  }
}
