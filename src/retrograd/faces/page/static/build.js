// The playground's own part: data, network, training. Empty where a run is only viewed.

import { isDark } from "./colours.js";
import { h } from "./dom.js";
import { takeFiles } from "./dropping.js";
import { Fields, layerRow } from "./fields.js";
import { icon } from "./icons.js";
import { brief, count } from "./numbers.js";
import { drawPoints } from "./points.js";

const WATCH_MS = { active: 250, idle: 2000 };
const TABLES = ".csv,.tsv,.txt,.parquet,.pq";
const DATA_FIELDS = ["data", "rows", "noise", "data_seed", "target"];

/** Make the view. */
export function buildView(page) {
  const element = h("section", { class: "build", "aria-label": "Playground", "data-keys": true });
  const fields = new Fields(edited, train);
  let told = null; // what there is to choose from
  let settings = null; // as the fields stand
  let built = null; // as they stood when the last training began here
  let facts = null; // of the data
  let refused = ""; // what is wrong with the file that was given last
  let training = null;
  let mine = 0; // the job that this page has begun, and not yet gone to
  let timer = 0;
  let open = false;
  const parts = {};

  async function begin() {
    if (page.options.still) return false;
    const answer = await quietly("playground");
    if (!answer) return false;
    told = answer;
    settings = answer.settings;
    training = answer.training;
    built = training.job ? JSON.stringify(settings) : null;
    element.classList.add("panel");
    page.root.classList.add("unbegun");
    draw();
    takeFiles(page.root, upload);
    learnData();
    await openFirst();
    watch();
    return true;
  }

  /** Ask what a plain view may not know, without a word if it does not. */
  async function quietly(name, args = {}) {
    try {
      return await page.asked(name, args);
    } catch {
      return null;
    }
  }

  /** Go to the run of the address, or to the last one, once there is one. */
  async function openFirst() {
    await learnRuns();
    if (!page.usable.length) {
      mine = training.job; // whichever it is: there is nothing else to look at
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

  /** Draw the panel: data and buttons, network and solver, and what is asked for less often. */
  function draw() {
    fields.drop(() => true);
    parts.data = h("span", { class: "group" });
    parts.network = h("span", { class: "group" });
    parts.status = h("span", { class: "status", role: "status" });
    parts.train = h("button", { class: "main", onclick: train });
    parts.pause = h("button", { onclick: pauseOrGoOn });
    parts.more = h("div", { class: "line more", hidden: !open });
    const pace = h("select", {
      "aria-label": "Pace of the training", title: "How fast it trains; the numbers are the same",
      onchange: () => page.ask("pace", { pace: Number(pace.value) }),
    }, Object.entries(told.paces).map(([text, value]) => h("option", { value, selected: value === told.pace }, text)));
    const more = h("button", {
      class: "quiet", "aria-expanded": String(open),
      onclick: () => {
        open = !open;
        parts.more.hidden = !open;
        more.setAttribute("aria-expanded", String(open));
      },
    }, "More …");
    parts.openMore = () => { if (!open) more.click(); };
    element.replaceChildren(
      h("div", { class: "line" }, parts.data, parts.status, h("span", { class: "end group" },
        parts.train, parts.pause,
        h("button", { title: "Draw another seed, and train", onclick: newSeed }, "New seed"), pace)),
      h("div", { class: "line" }, parts.network, h("span", { class: "group" },
        fields.chosen("solver", "Solver", settings.solver, same(told.solvers)),
        fields.typed("learning_rate_init", "Learning rate", settings.learning_rate_init, { wide: 6 }),
        fields.typed("max_iter", "Epochs", settings.max_iter, { wide: 4 }),
        fields.typed("random_state", "Seed", settings.random_state, { wide: 3, title: "Same seed, same bits" }), more)),
      parts.more);
    drawData();
    drawNetwork();
    drawMore();
    tell();
  }

  function drawData() {
    fields.drop((name) => DATA_FIELDS.includes(name));
    const set = dataSet();
    const file = h("input", {
      type: "file", accept: TABLES, hidden: true, "aria-label": "A table of your own",
      onchange: () => { if (file.files.length) upload(file.files[0]); file.value = ""; },
    });
    parts.thumb = h("canvas", { class: "thumb", hidden: true, "aria-hidden": "true" });
    parts.words = h("span", { class: "words soft" });
    parts.data.replaceChildren(
      fields.chosen("data", "Data", settings.data, told.datasets.map((one) => [one.name, one.title])),
      ...(set.noise === null ? [] : [
        fields.typed("rows", "Rows", settings.rows, { wide: 4 }),
        fields.typed("noise", "Noise", settings.noise, { wide: 4, title: "Standard deviation, 0 to 1" }),
        fields.typed("data_seed", "Draw", settings.data_seed, { wide: 2, title: "Seed that the points are drawn with" }),
      ]),
      ...(set.columns === null ? [] : [
        fields.chosen("target", "Learn", settings.target, [["", "choose a column"], ...same(set.columns)]),
      ]),
      h("button", { title: "CSV or Parquet, of this machine; it can also be dropped onto the page", onclick: () => file.click() },
        "Own table …"),
      file, parts.thumb, parts.words);
    drawFacts();
  }

  function drawNetwork() {
    fields.drop((name) => /^(units|activation) /.test(name) || name === "layers");
    parts.network.replaceChildren(layerRow(fields, settings.layers, {
      activations: told.activations, most: told.most,
      onChange: (layers) => {
        const focused = [...parts.network.querySelectorAll("button, input, select")].indexOf(document.activeElement);
        settings = { ...settings, layers };
        drawNetwork();
        tell();
        const now = parts.network.querySelectorAll("button, input, select");
        (now[focused] && !now[focused].disabled ? now[focused] : now[now.length - 1])?.focus();
      },
    }));
    drawEnds();
  }

  /** Write how many features and outputs there are; whoever is typing beside it is not disturbed. */
  function drawEnds() {
    parts.network.querySelectorAll(".ends[data-end]").forEach((end, k) => {
      end.textContent = facts?.widths ? `${facts.widths[k]} ${end.dataset.end}` : end.dataset.end;
    });
  }

  function drawMore() {
    fields.drop((name) => ["ends", "patience", "validation_fraction", "stop", "batch_size", "alpha"].includes(name));
    const { ends } = settings;
    parts.more.replaceChildren(
      fields.typed("batch_size", "Batch", settings.batch_size, { wide: 4, title: "Rows in a batch" }),
      fields.typed("alpha", "L2 penalty", settings.alpha, { wide: 6, title: "alpha" }),
      fields.chosen("ends", "Ends", ends, Object.entries(told.ends)),
      ends === "epochs" ? "" : fields.typed("patience", "Patience", settings.patience, { wide: 3, title: "Epochs without improvement" }),
      ends !== "score" ? "" : fields.typed("validation_fraction", "Validation share", settings.validation_fraction, { wide: 4 }),
      fields.typed("stop", "Stop once", settings.stop, {
        wide: 20, text: true,
        title: `Asked at the end of every epoch, such as loss < 0.01; knows ${told.stop_names.join(", ")}`,
      }));
    fields.all.get("stop").input.placeholder = "loss < 0.01";
  }

  function dataSet() {
    return told.datasets.find((one) => one.name === settings.data) ?? told.datasets[0];
  }

  function edited(name, value) {
    const [what, number] = name.split(" ");
    if (number !== undefined) {
      settings = { ...settings, layers: settings.layers.map((layer, k) => (k === Number(number) ? { ...layer, [what]: value } : layer)) };
    } else settings = { ...settings, [name]: value };
    if (DATA_FIELDS.includes(name)) refused = "";
    if (name === "data") {
      const set = dataSet();
      if (set.noise !== null) Object.assign(settings, { rows: String(set.rows), noise: String(set.noise) });
      if (set.columns) settings.target = set.columns.includes("species") ? "species" : "";
      drawData();
      fields.all.get("data").input.focus();
    }
    if (name === "ends") {
      drawMore();
      fields.all.get("ends").input.focus();
    }
    if (DATA_FIELDS.includes(name)) learnData();
    tell();
  }

  let asking = 0;

  /** Learn how many rows, features and classes the data have, or what is wrong with them. */
  async function learnData() {
    asking += 1;
    const now = asking;
    await new Promise((resolve) => { setTimeout(resolve, 120); });
    if (now !== asking) return;
    const answer = await quietly("data", { settings });
    if (!answer || now !== asking) return;
    const before = String(facts?.widths);
    facts = answer;
    // Who has not chosen a column yet has done nothing wrong; a file stays refused until one chooses.
    const wrong = { ...answer.wrong, ...(settings.target ? {} : { target: "" }), ...(refused && { data: refused }) };
    for (const name of DATA_FIELDS) fields.tell(name, wrong[name] ?? "");
    drawFacts();
    if (String(facts.widths) !== before) drawEnds();
  }

  function drawFacts() {
    parts.words.textContent = facts?.words ?? "";
    parts.words.title = (facts?.remarks ?? []).join("\n");
    parts.words.classList.toggle("noted", Boolean(facts?.remarks?.length));
    parts.thumb.hidden = !facts?.points;
    if (facts?.points) drawPoints(parts.thumb, facts, isDark(element));
  }

  async function train() {
    const asked = JSON.stringify(settings);
    const answer = await page.ask("build", { settings });
    if (!answer) return;
    if (["ends", "patience", "validation_fraction", "stop", "batch_size", "alpha"].some((name) => answer.wrong[name])) parts.openMore();
    fields.tellAll(answer.wrong);
    if (!answer.training) return;
    built = asked;
    mine = answer.training.job;
    await adopt(answer.training);
    watch();
  }

  function newSeed() {
    const seed = String(crypto.getRandomValues(new Uint16Array(1))[0]);
    settings = { ...settings, random_state: seed };
    fields.all.get("random_state").input.value = seed;
    train();
  }

  async function pauseOrGoOn() {
    const answer = isActive() ? await page.ask("pause") : await page.ask("go_on", { run: page.run.run });
    if (!answer) return;
    await adopt(answer);
    watch();
  }

  function isActive() {
    return training.state === "starting" || training.state === "running";
  }

  /** Look again and again how the training stands; another page may have begun one, too. */
  function watch() {
    clearTimeout(timer);
    timer = setTimeout(async () => {
      const answer = await quietly("training");
      if (answer) await adopt(answer);
      watch();
    }, isActive() ? WATCH_MS.active : WATCH_MS.idle);
  }

  async function adopt(now) {
    const before = training;
    training = now;
    tell();
    const changed = now.state !== before.state || now.job !== before.job;
    if (now.runs !== page.runs?.length || (changed && !isActive())) await learnRuns();
    if (mine === now.job && now.run !== null) {
      mine = 0;
      if (page.place.run !== now.run) await page.go({ run: now.run, step: null });
    }
    if (changed && page.run && page.run.run === now.run) {
      const run = await page.ask("run", { run: now.run });
      if (run) await page.grow(run);
      page.watchGrowth();
    }
    tell();
  }

  /** Buttons and the line that says how the training stands. */
  function tell() {
    const active = isActive();
    parts.train.textContent = JSON.stringify(settings) === built ? "Start over" : "Train";
    parts.train.title = parts.train.textContent === "Train" ? "Train this network, as a run of its own (Enter in any field)"
      : "Train again with the same seed: the same bits";
    const can = active || page.run?.status === "interrupted";
    parts.pause.replaceChildren(icon(active ? "pause" : "play"), active ? " Pause" : " Go on");
    parts.pause.title = active ? "Pause the training" : "Go on with the run that is shown, as if it had never paused";
    parts.pause.disabled = !can;
    parts.status.classList.toggle("bad", ["diverged", "failed"].includes(training.state));
    parts.status.replaceChildren(...statusOf(training, page.run));
    parts.status.title = parts.status.textContent;
    if (training.state === "diverged" && training.way_out) {
      parts.status.append(" ", h("button", {
        class: "small", title: "A tenth of the learning rate often helps",
        onclick: () => {
          const rate = String(training.way_out);
          settings = { ...settings, learning_rate_init: rate };
          fields.all.get("learning_rate_init").input.value = rate;
          train();
        },
      }, `Train with learning rate ${brief(training.way_out)}`));
    }
  }

  async function upload(file) {
    refused = "";
    fields.tell("data", "");
    parts.words.textContent = `reading ${file.name} …`;
    try {
      if (file.size > told.most.uploaded) {
        throw new Error(`${file.name} has ${count(Math.round(file.size / 1048576))} MB, and the page takes tables up to ${told.most.uploaded / 1048576} MB`);
      }
      const content = new Uint8Array(await file.arrayBuffer());
      const answer = await page.asked("upload", { name: file.name, content });
      told.datasets = answer.datasets;
      edited("data", "table");
    } catch (error) {
      refused = error.message;
      fields.tell("data", refused);
      drawFacts();
    }
  }

  return {
    element,
    begin,
    show(place, changed) {
      if (!told) return;
      page.root.classList.remove("unbegun");
      if (changed.has("run") || changed.has("grown")) tell();
      if (changed.has("theme")) drawFacts();
    },
  };
}

function same(names) {
  return names.map((name) => [name, name]);
}

/** What is said of the last training. */
function statusOf(training, run) {
  const { state, message, remarks } = training;
  const which = training.run === null ? "" : `run ${training.run} `;
  const shown = run && run.run === training.run ? run : null;
  const epochs = shown ? `${count(shown.epochs)} epochs` : "";
  const seconds = training.seconds === null ? "" : `${brief(Number(training.seconds.toPrecision(2)))} s`;
  const text = {
    none: "build a network, and train it",
    starting: "the engine starts …",
    running: `${which}trains${shown ? `: ${epochs}` : ""}`,
    paused: `${which}is paused${epochs && ` after ${epochs}`}`,
    ended: `${which}ended${epochs && `: ${epochs}`}${epochs && seconds && ` in ${seconds}`}${message && `, as ${message}`}`,
    diverged: `${which}diverged: ${message}.`,
    failed: `the training has failed: ${message}`,
  }[state];
  return [text, ...remarks.map((remark) => ` · ${remark}`)];
}
