// The training that the playground began last: how it stands, and the run that comes of it.

import { COMPILING } from "./compiling.js";
import { h } from "./dom.js";
import { icon } from "./icons.js";
import { brief, counted } from "./numbers.js";
import { once, quietly } from "./questions.js";

const WATCH_MS = { active: 250, idle: 2000 };

/**
 * Follow it from what is told of it now.
 *
 * `onSlower(rate)` is to train with another learning rate; `onPace(pace)` hears the pace of all
 * trainings, which another page may have chosen.
 */
export function trainingView(page, now, onSlower, onPace) {
  const status = h("span", { class: "status", role: "status" });
  const pause = h("button", { onclick: pauseOrGoOn });
  let mine = 0; // the job that this page has begun, and not yet gone to
  let timer = 0;
  let said = ""; // by the status: the whole text, and which change it tells of
  let saidOf = "";

  /** Go to the run of the address, or to the last one, once there is one. */
  async function openFirst() {
    await learnRuns();
    if (!page.usable.length) {
      mine = now.job; // whichever it is: there is nothing else to look at
      return;
    }
    await page.open();
  }

  async function learnRuns() {
    const answer = await page.ask("runs");
    if (!answer) return;
    page.runs = answer.runs;
    page.name = answer.name;
    await page.show(new Set(["runs"]));
  }

  async function pauseOrGoOn() {
    if (!page.reaches(refuse)) return;
    const answer = isActive() ? await page.ask("pause", once({}))
      : await page.ask("go_on", once({ run: page.run.run }));
    if (!answer) return;
    await adopt(answer);
    watch();
  }

  function isActive() {
    return now.state === "starting" || now.state === "running";
  }

  /** Look again and again how the training stands; another page may have begun one, too. */
  function watch() {
    clearTimeout(timer);
    timer = setTimeout(async () => {
      const answer = await quietly(page, "training");
      if (answer) await adopt(answer);
      watch();
    }, isActive() ? WATCH_MS.active : WATCH_MS.idle);
  }

  async function adopt(told) {
    const before = now;
    now = told;
    onPace(now.pace);
    tell();
    const changed = told.state !== before.state || told.job !== before.job;
    if (told.runs !== page.runs?.length || (changed && !isActive())) await learnRuns();
    if (mine === told.job && told.run !== null) {
      mine = 0;
      if (page.place.run !== told.run) await page.go({ run: told.run, step: null });
    }
    if (changed && page.run && page.run.run === told.run) {
      const run = await page.ask("run", { run: told.run });
      if (run) await page.grow(run);
      page.watchGrowth();
    }
    tell();
  }

  /** The button, and the line that says how the training stands. */
  function tell() {
    const active = isActive();
    pause.replaceChildren(icon(active ? "pause" : "play"), active ? " Pause" : " Go on");
    pause.title = active ? "Pause the training" : "Go on with the run that is shown, as if it had never paused";
    pause.disabled = !(active || page.run?.status === "paused");
    const words = statusOf(now, page.run).join("");
    if (words === said) return;
    said = words;
    // How many epochs it has come to is not to be read out again and again.
    const of = [now.job, now.state, now.compiling].join();
    status.setAttribute("aria-live", of === saidOf ? "off" : "polite");
    saidOf = of;
    status.classList.toggle("bad", ["diverged", "failed"].includes(now.state));
    status.replaceChildren(words);
    status.title = words;
    if (now.state === "diverged" && now.way_out) {
      status.append(" ", h("button", {
        class: "small", title: "A lower learning rate often helps", onclick: () => onSlower(now.way_out),
      }, `Train with learning rate ${brief(now.way_out)}`));
    }
  }

  /** Say why nothing came of a press; until there is something else to say. */
  function refuse(text) {
    [said, saidOf] = ["", ""];
    status.setAttribute("aria-live", "polite");
    status.classList.add("bad");
    status.replaceChildren(text);
    status.title = text;
  }

  return {
    status,
    pause,
    tell,
    refuse,
    async begin() {
      await openFirst();
      watch();
    },
    /** Go on to the run of a training that this page has begun. */
    async follow(told) {
      mine = told.job;
      await adopt(told);
      watch();
    },
  };
}

/** What is said of the last training. */
function statusOf(training, run) {
  const { state, message, remarks, compiling } = training;
  const which = training.run === null ? "" : `run ${training.run} `;
  const shown = run && run.run === training.run ? run : null;
  const epochs = shown ? counted(shown.epochs, "epoch") : "";
  const seconds = training.seconds === null ? "" : `${brief(Number(training.seconds.toPrecision(2)))} s`;
  const text = {
    none: "build a network, and train it",
    starting: compiling ? COMPILING : "the engine starts …",
    running: `${which}trains${compiling ? `: ${COMPILING}` : shown ? `: ${epochs}` : ""}`,
    paused: `${which}is paused${epochs && ` after ${epochs}`}`,
    ended: `${which}ended${epochs && `: ${epochs}`}${epochs && seconds && ` in ${seconds}`}${message && `, as ${message}`}`,
    diverged: `${which}diverged: ${message}.`,
    failed: `the training has failed: ${message}`,
  }[state];
  return [text, ...remarks.map((remark) => ` · ${remark}`)];
}
